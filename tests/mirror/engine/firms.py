"""Firms to value: one that is easy by hand, and strategies that make any other."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Capital,
    Capm,
    DcfInputs,
    ExitMultiple,
    FlowTiming,
    GivenWacc,
    Gordon,
    Operations,
    Shares,
    Terminal,
    TerminalDiscounting,
    Timing,
    ValueDriver,
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
CAPM = {
    "risk_free_rate": (-0.05, 1.0),
    "equity_risk_premium": (0.0, 0.5),
    "beta": (-1.0, 5.0),
    "pre_tax_cost_of_debt": (-0.05, 1.0),
    "debt_weight": (0.0, 1.0),
    "tax_rate": (0.0, 0.9),
}
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
    return given | built


@st.composite
def terminals(draw: st.DrawFn, wacc: float) -> Terminal:
    """Any of the three, with growth a full point or more below ``wacc``."""
    kind = draw(st.sampled_from([Gordon, ExitMultiple, ValueDriver]))
    if kind is ExitMultiple:
        return ExitMultiple(ev_to_ebitda=draw(typed(1.0, 40.0)))
    growth = draw(typed(-0.05, min(wacc - 0.01, 0.05)))
    discounting = draw(st.sampled_from(TerminalDiscounting))
    if kind is Gordon:
        return Gordon(growth=growth, discounting=discounting)
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
    capital = draw(
        st.builds(GivenWacc, wacc=numbers(0.001, 1.0))
        | st.builds(Capm, **{name: numbers(*bounds) for name, bounds in CAPM.items()}).filter(
            lambda built: 0.001 <= built.wacc <= 1.0
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
                ]
            )
        ),
        bridge=Bridge(**{name: draw(amounts) for name in BRIDGE}),
        shares=Shares(diluted=draw(numbers(1.0, 1e15))),
        market_price=draw(st.none() | numbers(1e-9, 1e12)),
    )
