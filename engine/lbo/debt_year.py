"""What a year of debt is given, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.door import Scalar
from engine.firm.losses import LossesCarriedForward


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """Why a year's closing balances are the solution: |error| <= residual / (1 - contraction)."""

    iterations: int  # evaluations of the year
    residual: Scalar  # what the last one missed by, as a share of all that it added up
    contraction: Scalar  # the steepest that the equation can be; below 1, there is one solution
    unsound: Any  # (*batch) whether there is no solution, or it was not found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class YearInputs:
    """What a year brings with it: (*batch) money, rates 1/year."""

    year: int  # from 0
    part: float  # of the year that counts
    cash: Scalar  # at the start
    ebit: Scalar
    other: Scalar  # cash beside EBIT, before tax
    amortised: Scalar  # fees and discount of debt written off
    amortised_stock: Scalar  # and of preferred stock, which saves no tax
    deducted: Scalar  # transaction fees, from the taxable income
    tax_rate: Scalar
    losses: LossesCarriedForward | None
    losses_left: Scalar  # at the start
    minimum: Scalar
    cash_rate: Scalar
    sweep: Scalar  # share
    average: bool
    hastens: bool  # whether fees and discount of what is prepaid are written off with it


@dataclass(slots=True, eq=False)
class DebtYear:
    """What a year comes to: (*batch) money."""

    cash_interest: Scalar  # of debt
    pik_interest: Scalar  # of debt
    undrawn_fees: Scalar
    interest_income: Scalar
    cash_dividends: Scalar  # of preferred stock
    pik_dividends: Scalar
    ebt: Scalar
    losses_used: Scalar
    tax: Scalar
    cash_before_repayment: Scalar
    mandatory: Scalar
    written_off: Scalar  # fees and discount beyond their straight line, of debt that was prepaid
    stock_costs: Scalar  # all that was written off of preferred stock's fee and discount
    cash: Scalar  # at the end
    shortfall: Scalar
    certificate: Certificate | None  # None: nothing is circular


@dataclass(slots=True, eq=False)
class YearEnd:
    """What the next year begins with: (*batch) money."""

    cash: Scalar
    losses_left: Scalar
    certificate: Certificate | None
    lines: DebtYear | None  # where they were asked for
