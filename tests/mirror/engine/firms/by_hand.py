"""A firm that is easy to value by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.dcf import (
    Bridge,
    Capital,
    DcfInputs,
    FlowTiming,
    GivenWacc,
    Gordon,
    Operations,
    Shares,
    Terminal,
    Timing,
)
from engine.schedules import Schedule
from tests.mirror.engine.firms.bounds import SCHEDULES

TODAY = date(2024, 9, 27)


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
