"""Firms to value: one that is easy by hand, and strategies that make any other."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import assume, settings
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
    Segment,
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

TODAY = date(2024, 9, 27)
LAW = settings(deadline=None, max_examples=60)

# The bounds of the door, by the engine's names. Written out again on purpose: a bound that moves
# without a decision turns tests red.
SCHEDULES = {
    "revenue_growth": (-0.99, 10.0),
    "tax_rate": (0.0, 0.9),
    "depreciation": (0.0, 2.0),
    "capital_expenditure": (-1.0, 5.0),
    "working_capital": (-5.0, 5.0),
    "ebit_margin": (-5.0, 1.0),
    "ebitda_margin": (-5.0, 1.0),
}
DAYS = {
    "receivables": (0.0, 3_650.0),
    "inventories": (0.0, 3_650.0),
    "payables": (0.0, 3_650.0),
    "cost_of_sales": (0.0, 5.0),
}
CAPM = {
    "risk_free_rate": (-0.05, 1.0),
    "equity_risk_premium": (0.0, 0.5),
    "beta": (-1.0, 5.0),
    "pre_tax_cost_of_debt": (-0.05, 1.0),
    "debt_weight": (0.0, 1.0),
    "tax_rate": (0.0, 0.9),
}
PREMIA = {
    "country_premium": (-0.1, 0.5),
    "size_premium": (-0.1, 0.5),
    "specific_premium": (-0.1, 0.5),
}
PEER = {"beta": (-1.0, 5.0), "debt_to_equity": (0.0, 20.0), "tax_rate": (0.0, 0.9)}
BRIDGE = (
    "debt",
    "cash",
    "leases",
    "preferred_stock",
    "minority_interests",
    "pensions_after_tax",
    "associates",
)


def level(value: float) -> Schedule:
    return Schedule.constant(value)


def firm(
    *,
    years: int = 2,
    flows: FlowTiming = FlowTiming.END_YEAR,
    wacc: float = 0.25,
    capital: Capital | None = None,
    terminal: Terminal | None = None,
    bridge: Bridge | None = None,
    shares: float = 50.0,
    market_price: float | None = None,
    **operations: Any,
) -> DcfInputs:
    """A firm of round numbers: revenue 1,000 growing by 10 %, EBIT margin 20 %, tax 25 %.

    A number where a schedule belongs is its level.
    """
    plain: dict[str, Any] = {
        "revenue": 1_000.0,
        "revenue_growth": 0.10,
        "ebit_margin": 0.20,
        "tax_rate": 0.25,
        "depreciation": 0.05,
        "capital_expenditure": 0.08,
        "working_capital": 0.10,
    }
    if "ebitda_margin" in operations:
        plain.pop("ebit_margin")
    given = {
        name: level(value) if name in SCHEDULES and isinstance(value, float | int) else value
        for name, value in (plain | operations).items()
    }
    return DcfInputs(
        timing=Timing(valuation_date=TODAY, years=years, flows=flows),
        operations=Operations(**given),
        capital=capital or GivenWacc(wacc=wacc),
        terminal=terminal or Gordon(growth=0.05),
        bridge=bridge or Bridge(debt=0.0, cash=0.0),
        shares=Shares(diluted=shares),
        market_price=market_price,
    )


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


def typed(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers with six decimals at most, as a person types them."""
    return numbers(low, high).map(lambda value: round(value, 6))


@st.composite
def schedules(
    draw: st.DrawFn, years: int, low: float, high: float, by_hand: bool = False
) -> Schedule:
    """A level, explicit years, or stages with ramps, from ``low`` to ``high``."""
    kind = draw(st.sampled_from(["level", "by_year", "stages"]))
    values = typed(low, high) if by_hand else numbers(low, high)
    if kind == "level":
        return level(draw(values))
    if kind == "by_year":
        return Schedule.explicit(draw(st.lists(values, min_size=years, max_size=years)))
    stages: list[Stage] = []
    left = years
    while left:
        length = draw(st.integers(1, left))
        ramp = bool(stages) and draw(st.booleans())
        stages.append(Stage(years=length, value=draw(values), ramp=ramp))
        left -= length
    return Schedule.staged(*stages)


def capitals() -> st.SearchStrategy[Capital]:
    """A WACC between 4 % and 25 %, given or built."""
    given = st.builds(GivenWacc, wacc=typed(0.04, 0.25))
    built = st.builds(
        Capm,
        risk_free_rate=typed(0.03, 0.08),
        equity_risk_premium=typed(0.02, 0.08),
        beta=typed(0.5, 2.0),
        pre_tax_cost_of_debt=typed(0.06, 0.12),
        debt_weight=typed(0.0, 0.7),
        tax_rate=typed(0.0, 0.3),
    )
    return given | built | built_in_full()


@st.composite
def built_in_full(draw: st.DrawFn) -> Capm:
    """A WACC between 4 % and 25 % with every part that there is, its beta from comparables."""
    peers = st.builds(
        Peer,
        name=st.sampled_from(["Plum", "Pear", "Quince"]),
        beta=typed(0.5, 2.0),
        debt_to_equity=typed(0.0, 2.0),
        tax_rate=typed(0.0, 0.4),
    )
    comparables = Comparables(
        peers=tuple(draw(st.lists(peers, min_size=1, max_size=5))),
        unlevering=draw(st.sampled_from(Unlevering)),
        blume=draw(st.booleans()),
    )
    betas = sorted(map(float, comparables.unlevered_betas()))
    # Where two peers say the same, the median has a corner and no one slope.
    assume(all(high - low > 1e-6 for low, high in pairwise(betas)))
    return Capm(
        risk_free_rate=draw(typed(0.03, 0.06)),
        equity_risk_premium=draw(typed(0.02, 0.06)),
        comparables=comparables,
        pre_tax_cost_of_debt=draw(typed(0.06, 0.12)),
        debt_weight=draw(typed(0.0, 0.5)),
        tax_rate=draw(typed(0.0, 0.3)),
        country_premium=draw(st.none() | typed(0.0, 0.03)),
        size_premium=draw(st.none() | typed(0.0, 0.02)),
        specific_premium=draw(st.none() | typed(-0.01, 0.02)),
        tax_shields=draw(st.sampled_from(TaxShields)),
    )


@st.composite
def terminals(draw: st.DrawFn, wacc: float) -> Terminal:
    """Any of them, with growth for ever a full point or more below ``wacc``."""
    kind = draw(st.sampled_from([Gordon, ExitMultiple, ValueDriver, HModel, Normalised]))
    if kind is ExitMultiple:
        return ExitMultiple(ev_to_ebitda=draw(typed(1.0, 40.0)))
    growth = draw(typed(-0.05, min(wacc - 0.01, 0.05)))
    discounting = draw(st.sampled_from(TerminalDiscounting))
    if kind is Gordon:
        return Gordon(growth=growth, discounting=discounting)
    if kind is Normalised:
        normal = Normalised(
            depreciation=draw(typed(0.0, 0.1)), capital_expenditure=draw(typed(0.0, 0.1))
        )
        return Gordon(growth=growth, normalised=normal, discounting=discounting)
    if kind is HModel:
        return HModel(
            initial_growth=draw(typed(growth, 0.3)),
            growth=growth,
            half_life=draw(typed(0.0, 10.0)),
            discounting=discounting,
        )
    returns = draw(typed(max(growth, 0.01) + 0.01, 0.6))
    return ValueDriver(growth=growth, return_on_new_capital=returns, discounting=discounting)


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
        name=st.text(min_size=1, max_size=3).filter(str.strip),
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
def fuller(draw: st.DrawFn, base: st.SearchStrategy[DcfInputs], *, wide: bool = False) -> DcfInputs:
    """A firm with more to say of its operations: a year 1 that has begun, working capital by days,
    stock compensation, losses carried forward, or some of them; ``wide``: up to the door's bounds.
    """
    inputs = draw(base)
    timing, operations = inputs.timing, inputs.operations
    revenue = float(operations.revenue)
    some = numbers if wide else typed

    def driver(low: float, high: float) -> Schedule:
        return draw(schedules(timing.years, low, high, by_hand=not wide))

    if draw(st.booleans()):
        end = timing.valuation_date + timedelta(days=draw(st.integers(1, 366)))
        timing = dataclasses.replace(timing, fiscal_year_end=end)
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        bounds = DAYS if wide else dict.fromkeys(DAYS, (0.0, 90.0)) | {"cost_of_sales": (0.3, 0.8)}
        days = WorkingCapitalDays(**{name: driver(*bounds[name]) for name in DAYS})
        more |= {"working_capital": None, "working_capital_days": days}
    if draw(st.booleans()):
        more["stock_compensation"] = driver(0.0, 1.0 if wide else 0.1)
        more["stock_compensation_treatment"] = draw(st.sampled_from(StockCompensation))
    if draw(st.booleans()):
        money = some(0.0, 1e18 if wide else 3.0 * revenue)
        more["losses"] = LossesCarriedForward(
            balance=draw(money),
            limit_share=draw(st.none() | some(0.0, 1.0)),
            limit_amount=draw(st.none() | money),
        )
    return dataclasses.replace(
        inputs, timing=timing, operations=dataclasses.replace(operations, **more)
    )


@st.composite
def settled(draw: st.DrawFn, base: st.SearchStrategy[DcfInputs]) -> DcfInputs:
    """A firm with more to say of what its enterprise value is made of, and who shares it:
    segments, options and convertibles, a failure, or some of them.
    """
    inputs = draw(base)
    revenue, held = float(inputs.business.revenue), float(inputs.shares.diluted or 1.0)
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        count, face = numbers(0.0, held), numbers(0.0, min(1e18, 2.0 * revenue))
        price = numbers(1e-6, min(1e12, max(1.0, 5.0 * revenue / held)))
        options = st.builds(OptionTranche, count=count, strike=price | st.just(0.0))
        bonds = st.builds(Convertible, face_value=face, conversion_price=price)
        more["shares"] = Shares(
            basic=held,
            restricted_stock=draw(st.none() | count),
            options=tuple(draw(st.lists(options, max_size=4))),
            convertibles=tuple(draw(st.lists(bonds, max_size=2))),
        )
    if draw(st.booleans()):
        part = numbers(0.0, 1.0)
        more["failure"] = Failure(probability=draw(part), recovery=draw(part))
    if draw(st.booleans()):
        own = st.booleans()
        more["operations"] = None
        more["segments"] = tuple(
            Segment(
                name=name,
                operations=inputs.business,
                capital=inputs.capital if draw(own) else None,
                terminal=inputs.terminal if draw(own) else None,
            )
            for name in ("One", "Two", "Three")[: draw(st.integers(1, 3))]
        )
    return dataclasses.replace(inputs, **more)
