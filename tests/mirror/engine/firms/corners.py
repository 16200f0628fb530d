"""A strategy for firms in the corners of the door: numbers at a bound, a hair inside, or tiny."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Capital,
    Capm,
    Comparables,
    Convertible,
    DcfInputs,
    ExitMultiple,
    Failure,
    FlowTiming,
    GivenWacc,
    Gordon,
    HModel,
    LossesCarriedForward,
    Normalised,
    Operations,
    OptionTranche,
    Peer,
    Shares,
    StockCompensation,
    TaxShields,
    Terminal,
    TerminalDiscounting,
    Timing,
    Unlevering,
    ValueDriver,
    WorkingCapitalDays,
)
from engine.schedules import Schedule, Stage
from tests.mirror.engine.firms.bounds import BRIDGE, CAPM, DAYS, PEER, PREMIA, SCHEDULES
from tests.mirror.engine.firms.by_hand import TODAY, level

MONEY, COUNT, PRICE = (0.0, 1e18), (0.0, 1e15), (0.0, 1e12)


def corners(low: float, high: float) -> st.SearchStrategy[float]:
    """A bound, a number next to it, or one of the small and the round ones between."""
    places = {low, high, math.nextafter(low, high), math.nextafter(high, low)}
    between = (-0.0, 0.0, 5e-324, 1e-300, 1e-12, 1e-6, 0.001, 0.5, 1.0, 1e15)
    places |= {place for place in between if low <= place <= high}
    return st.sampled_from(sorted(places))


@st.composite
def cornered_firms(draw: st.DrawFn) -> DcfInputs:
    """Some of them contradict themselves, and are for the door to refuse."""
    years = draw(st.sampled_from([1, 2, 3, 50, 100]))

    def driver(low: float, high: float) -> Schedule:
        number = corners(low, high)
        if draw(st.booleans()):
            return level(draw(number))
        if years <= 3:
            return Schedule.explicit([draw(number) for _ in range(years)])
        rest = Stage(years=years - 1, value=draw(number), ramp=draw(st.booleans()))
        return Schedule.staged(Stage(years=1, value=draw(number)), rest)

    def part(low: float, high: float) -> float | None:
        return draw(st.none() | corners(low, high))

    margin = draw(st.sampled_from(["ebit_margin", "ebitda_margin"]))
    given: dict[str, Any] = {
        name: driver(*bounds)
        for name, bounds in SCHEDULES.items()
        if name == margin or not name.endswith("margin")
    }
    if draw(st.booleans()):
        days = WorkingCapitalDays(**{name: driver(*bounds) for name, bounds in DAYS.items()})
        given |= {"working_capital": None, "working_capital_days": days}
    if draw(st.booleans()):
        given["stock_compensation"] = driver(0.0, 1.0)
        given["stock_compensation_treatment"] = draw(st.sampled_from(StockCompensation))
    if draw(st.booleans()):
        given["losses"] = LossesCarriedForward(
            balance=draw(corners(*MONEY)),
            limit_share=part(0.0, 1.0),
            limit_amount=part(*MONEY),
        )
    capital = draw(_capitals())
    wacc = float(capital.wacc) if isinstance(capital, GivenWacc) else 0.05
    ends = st.none() | st.sampled_from([1, 182, 365, 366])
    end = draw(ends.map(lambda days: days and TODAY + timedelta(days=days)))
    amount = corners(*MONEY)
    return DcfInputs(
        timing=Timing(
            valuation_date=TODAY,
            years=years,
            flows=draw(st.sampled_from(FlowTiming)),
            fiscal_year_end=end,
        ),
        operations=Operations(
            revenue=draw(corners(0.01, 1e18)),
            opening_working_capital=part(-1e18, 1e18),
            opening_fixed_assets=part(*MONEY),
            **given,
        ),
        capital=capital,
        terminal=draw(_terminals(wacc)),
        bridge=Bridge(**{name: draw(amount) for name in BRIDGE}),
        shares=draw(_shares()),
        market_price=part(1e-9, 1e12),
        failure=draw(
            st.none()
            | st.builds(Failure, probability=corners(0.0, 1.0), recovery=corners(0.0, 1.0))
        ),
    )


def _capitals() -> st.SearchStrategy[Capital]:
    parts = {name: corners(*bounds) for name, bounds in CAPM.items()}
    parts |= {name: st.none() | corners(*bounds) for name, bounds in PREMIA.items()}
    peers = st.builds(
        Peer, name=st.just("Plum"), **{name: corners(*bounds) for name, bounds in PEER.items()}
    )
    comparables = st.builds(
        Comparables,
        peers=st.lists(peers, min_size=1, max_size=4).map(tuple),
        unlevering=st.sampled_from(Unlevering),
        blume=st.booleans(),
    )
    shields = st.sampled_from(TaxShields)
    compared = parts | {"beta": st.none(), "comparables": comparables}
    return (
        st.builds(GivenWacc, wacc=st.sampled_from([0.001, 0.0011, 0.08, 1.0]))
        | st.builds(Capm, **parts, tax_shields=shields)
        | st.builds(Capm, **compared, tax_shields=shields)
    )


def _terminals(wacc: float) -> st.SearchStrategy[Terminal]:
    growth = st.sampled_from([-0.5, 0.0, 5e-324, wacc / 2.0, wacc - 0.01, wacc - 0.001, 0.5])
    discounting = st.sampled_from(TerminalDiscounting)
    normal = st.builds(
        Normalised, depreciation=corners(0.0, 2.0), capital_expenditure=corners(-1.0, 5.0)
    )
    return st.one_of(
        st.builds(Gordon, growth=growth, normalised=st.none() | normal, discounting=discounting),
        st.builds(ExitMultiple, ev_to_ebitda=corners(0.0, 1_000.0)),
        st.builds(
            ValueDriver,
            growth=growth,
            return_on_new_capital=corners(0.001, 10.0),
            discounting=discounting,
        ),
        st.builds(
            HModel,
            growth=growth,
            initial_growth=corners(-0.5, 1.0),
            half_life=corners(0.0, 50.0),
            discounting=discounting,
        ),
    )


def _shares() -> st.SearchStrategy[Shares]:
    options = st.builds(OptionTranche, count=corners(*COUNT), strike=corners(*PRICE))
    bonds = st.builds(
        Convertible, face_value=corners(*MONEY), conversion_price=corners(1e-6, PRICE[1])
    )
    return st.builds(Shares, diluted=corners(1.0, 1e15)) | st.builds(
        Shares,
        basic=corners(1.0, 1e15),
        restricted_stock=st.none() | corners(*COUNT),
        options=st.lists(options, max_size=3).map(tuple),
        convertibles=st.lists(bonds, max_size=3).map(tuple),
    )
