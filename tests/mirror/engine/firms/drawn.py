"""Strategies for whole firms: one that a person could type, and any that the door lets in."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
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
    Normalised,
    Operations,
    OptionTranche,
    Peer,
    Shares,
    TaxShields,
    TerminalDiscounting,
    Timing,
    Unlevering,
    ValueDriver,
)
from engine.schedules import Schedule
from tests.mirror.engine.firms.bounds import BRIDGE, CAPM, PEER, PREMIA, SCHEDULES
from tests.mirror.engine.firms.by_hand import TODAY
from tests.mirror.engine.firms.parts import capitals, numbers, schedules, terminals, typed


@st.composite
def firms(draw: st.DrawFn, *, sound: bool = False) -> DcfInputs:
    """A firm that a person could type; a ``sound`` one earns more than it spends in every year."""
    years = draw(st.integers(1, 12))

    def driver(low: float, high: float) -> st.SearchStrategy[Schedule]:
        return schedules(years, low, high, by_hand=True)

    revenue = draw(typed(1.0, 1e12))
    margin = driver(0.35, 0.6) if sound else driver(-0.3, 0.6)
    which = draw(st.sampled_from(["ebit_margin", "ebitda_margin"]))
    spread = 0.05 if sound else 0.3
    opening = draw(st.none() | typed(-spread * revenue, spread * revenue))
    capital = draw(capitals())
    amounts = typed(0.0, 2.0 * revenue)
    return DcfInputs(
        timing=Timing(valuation_date=TODAY, years=years, flows=draw(st.sampled_from(FlowTiming))),
        operations=Operations(
            revenue=revenue,
            revenue_growth=draw(driver(-0.1, 0.3)),
            tax_rate=draw(driver(0.0, 0.3 if sound else 0.5)),
            depreciation=draw(driver(0.0, 0.05 if sound else 0.2)),
            capital_expenditure=draw(driver(0.0, 0.08 if sound else 0.3)),
            working_capital=draw(driver(-0.03 if sound else -0.3, 0.03)),
            opening_working_capital=None if sound else opening,
            opening_fixed_assets=draw(st.none() | typed(0.0, 2.0 * revenue)),
            **{which: draw(margin)},
        ),
        capital=capital,
        terminal=draw(terminals(float(capital.wacc))),
        bridge=Bridge(**{name: draw(amounts) for name in BRIDGE}),
        shares=Shares(diluted=draw(typed(1.0, 1e10))),
        market_price=draw(st.none() | typed(0.01, 1e5)),
    )


def readable(name: str) -> bool:
    return bool(name) and name.isprintable()


@st.composite
def any_firms(draw: st.DrawFn) -> DcfInputs:
    """Any firm that the door lets in, up to its very bounds."""
    years = draw(st.integers(1, 9) | st.sampled_from([30, 100]))
    which = draw(st.sampled_from(["ebit_margin", "ebitda_margin"]))
    both = {"ebit_margin", "ebitda_margin"}
    drivers = {
        name: draw(schedules(years, *bounds))
        for name, bounds in SCHEDULES.items()
        if name == which or name not in both
    }
    parts = {name: numbers(*bounds) for name, bounds in CAPM.items()}
    parts |= {name: st.none() | numbers(*bounds) for name, bounds in PREMIA.items()}
    peers = st.builds(
        Peer,
        name=st.text(min_size=1, max_size=3).map(str.strip).filter(readable),
        **{name: numbers(*bounds) for name, bounds in PEER.items()},
    )
    comparables = st.builds(
        Comparables,
        peers=st.lists(peers, min_size=1, max_size=4).map(tuple),
        unlevering=st.sampled_from(Unlevering),
        blume=st.booleans(),
    )
    shields = {"tax_shields": st.sampled_from(TaxShields)}
    compared = parts | {
        "beta": st.none(),
        "comparables": comparables,
        "debt_weight": numbers(0.0, 0.99),
    }
    capital = draw(
        st.builds(GivenWacc, wacc=numbers(0.001, 1.0))
        | st.builds(Capm, **parts, **shields).filter(lambda built: 0.001 <= built.wacc <= 1.0)
        | st.builds(Capm, **compared, **shields).filter(
            lambda built: 0.001 <= built.wacc <= 1.0 and -1.0 <= built.levered_beta <= 5.0
        )
    )
    ceiling = min(0.5, math.nextafter(float(capital.wacc) - 0.001, -1.0))
    growth = draw(numbers(-0.5, ceiling))
    discounting = draw(st.sampled_from(TerminalDiscounting))
    returns = draw(numbers(max(growth, 0.001), 10.0))
    amounts = numbers(0.0, 1e18)
    return DcfInputs(
        timing=Timing(valuation_date=TODAY, years=years, flows=draw(st.sampled_from(FlowTiming))),
        operations=Operations(
            revenue=draw(numbers(0.01, 1e18)),
            opening_working_capital=draw(st.none() | numbers(-1e18, 1e18)),
            opening_fixed_assets=draw(st.none() | numbers(0.0, 1e18)),
            **drivers,
        ),
        capital=capital,
        terminal=draw(
            st.sampled_from(
                [
                    Gordon(growth=growth, discounting=discounting),
                    ValueDriver(
                        growth=growth, return_on_new_capital=returns, discounting=discounting
                    ),
                    ExitMultiple(ev_to_ebitda=draw(numbers(0.0, 1_000.0))),
                    HModel(
                        initial_growth=draw(numbers(-0.5, 1.0)),
                        growth=growth,
                        half_life=draw(numbers(0.0, 50.0)),
                        discounting=discounting,
                    ),
                    Gordon(
                        growth=growth,
                        normalised=Normalised(
                            depreciation=draw(numbers(0.0, 2.0)),
                            capital_expenditure=draw(numbers(-1.0, 5.0)),
                        ),
                        discounting=discounting,
                    ),
                ]
            )
        ),
        bridge=Bridge(**{name: draw(amounts) for name in BRIDGE}),
        shares=Shares(diluted=draw(numbers(1.0, 1e15))),
        market_price=draw(st.none() | numbers(1e-9, 1e12)),
    )


@st.composite
def any_shares(draw: st.DrawFn) -> Shares:
    """Shares of any size that the door lets in."""
    count, price = numbers(0.0, 1e15), numbers(0.0, 1e12)
    return Shares(
        basic=draw(numbers(1.0, 1e15)),
        restricted_stock=draw(st.none() | count),
        options=tuple(
            draw(st.lists(st.builds(OptionTranche, count=count, strike=price), max_size=6))
        ),
        convertibles=tuple(
            draw(
                st.lists(
                    st.builds(
                        Convertible,
                        face_value=numbers(0.0, 1e18),
                        conversion_price=numbers(1e-6, 1e12),
                    ),
                    max_size=4,
                )
            )
        ),
    )


def any_failures() -> st.SearchStrategy[Failure]:
    part = numbers(0.0, 1.0)
    return st.builds(Failure, probability=part, recovery=part)
