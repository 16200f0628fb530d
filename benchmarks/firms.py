"""The two cases of the engine's benchmarks, and the same formulas as one would write them by hand.

`dcf-lean`: ten years, growth, margin, tax, capital, WACC, Gordon. `dcf-full`: also a stub year,
mid-year flows, losses carried forward and options by the treasury-stock method. The functions in
plain Python have no door, no classes and no batch: only floats and a loop. They are what the ratios
are against.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from engine.dcf import (
    Bridge,
    DcfInputs,
    FlowTiming,
    GivenWacc,
    Gordon,
    LossesCarriedForward,
    Operations,
    OptionTranche,
    Shares,
    Timing,
)
from engine.schedules import Schedule

YEARS: Final = 10
REVENUE: Final = 391_035e6
GROWTH: Final = 0.05
MARGIN: Final = 0.315
TAX: Final = 0.16
DEPRECIATION: Final = 0.029
CAPEX: Final = 0.028
CAPITAL: Final = -0.02
RATE: Final = 0.085
LONG_RUN: Final = 0.025
DEBT: Final = 106_629e6
CASH: Final = 156_650e6
SHARES: Final = 15_408_095e3
LOSSES: Final = 200_000e6
LIMIT: Final = 0.8
OPTIONS: Final = ((400e6, 60.0), (300e6, 120.0), (200e6, 400.0))  # (count, strike)
VALUED: Final = date(2024, 12, 27)
YEAR_END: Final = date(2025, 9, 27)


def _operations(losses: LossesCarriedForward | None = None) -> Operations:
    return Operations(
        revenue=REVENUE,
        revenue_growth=Schedule.constant(GROWTH),
        ebit_margin=Schedule.constant(MARGIN),
        tax_rate=Schedule.constant(TAX),
        depreciation=Schedule.constant(DEPRECIATION),
        capital_expenditure=Schedule.constant(CAPEX),
        working_capital=Schedule.constant(CAPITAL),
        losses=losses,
    )


def lean() -> DcfInputs:
    """A large firm, built anew each time as a request builds it."""
    return DcfInputs(
        timing=Timing(valuation_date=VALUED, years=YEARS),
        operations=_operations(),
        capital=GivenWacc(wacc=RATE),
        terminal=Gordon(growth=LONG_RUN),
        bridge=Bridge(debt=DEBT, cash=CASH),
        shares=Shares(diluted=SHARES),
    )


def full() -> DcfInputs:
    """The same firm with a stub, mid-year flows, losses and options."""
    return DcfInputs(
        timing=Timing(
            valuation_date=VALUED,
            years=YEARS,
            flows=FlowTiming.MID_YEAR,
            fiscal_year_end=YEAR_END,
        ),
        operations=_operations(LossesCarriedForward(balance=LOSSES, limit_share=LIMIT)),
        capital=GivenWacc(wacc=RATE),
        terminal=Gordon(growth=LONG_RUN),
        bridge=Bridge(debt=DEBT, cash=CASH),
        shares=Shares(
            basic=SHARES,
            options=tuple(OptionTranche(count=count, strike=strike) for count, strike in OPTIONS),
        ),
    )


def lean_by_hand(wacc: float, terminal_growth: float) -> float:
    """The lean firm's value per share."""
    revenue, discount, enterprise, flow = REVENUE, 1.0, 0.0, 0.0
    invested = CAPITAL * revenue
    for _ in range(YEARS):
        revenue *= 1.0 + GROWTH
        ebit = revenue * MARGIN
        needed = CAPITAL * revenue
        flow = ebit - ebit * TAX + revenue * DEPRECIATION - revenue * CAPEX - (needed - invested)
        invested = needed
        discount /= 1.0 + wacc
        enterprise += flow * discount
    enterprise += flow * (1.0 + terminal_growth) / (wacc - terminal_growth) * discount
    return (enterprise - DEBT + CASH) / SHARES


def full_by_hand(
    wacc: float,
    terminal_growth: float,
    growth: Sequence[float] = (GROWTH,) * YEARS,
    margin: Sequence[float] = (MARGIN,) * YEARS,
    capex: Sequence[float] = (CAPEX,) * YEARS,
) -> float:
    """The full firm's value per share."""
    stub = (YEAR_END - VALUED).days / 365.0
    revenue, enterprise, saved, flow, factor = REVENUE, 0.0, 0.0, 0.0, 1.0
    invested, left = CAPITAL * revenue, LOSSES
    for year in range(YEARS):
        part = stub if year == 0 else 1.0
        when = stub / 2.0 if year == 0 else stub + year - 0.5
        revenue *= 1.0 + growth[year]
        ebit = revenue * margin[year]
        needed = CAPITAL * revenue
        tax = ebit * TAX if ebit > 0.0 else 0.0
        flow = ebit - tax + revenue * DEPRECIATION - revenue * capex[year] - (needed - invested)
        invested = needed
        factor = (1.0 + wacc) ** -when
        enterprise += part * flow * factor
        used = min(LIMIT * max(ebit, 0.0) * part, left)
        left += max(-ebit, 0.0) * part - used
        saved += used * TAX * factor
    enterprise += flow * (1.0 + terminal_growth) / (wacc - terminal_growth) * factor
    equity = enterprise + saved - DEBT + CASH
    shares = SHARES
    for (
        count,
        strike,
    ) in OPTIONS:  # from the lowest strike: each pays for the next one to be looked at
        if equity > shares * strike:
            equity, shares = equity + count * strike, shares + count
    return equity / shares
