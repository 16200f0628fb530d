"""The business: what it sells, earns, pays in tax and ties up, year by year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.door import MONEY_MAX, Door, Scalar, real
from engine.schedules import Schedule


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operations:
    """The business by year. Give one of the two margins; shares are of the same year's revenue."""

    revenue: Scalar  # money, the base year: the twelve months before the valuation date
    revenue_growth: Schedule  # 1/year
    tax_rate: Schedule  # share of EBIT; a loss earns no credit
    depreciation: Schedule  # D&A, share of revenue
    capital_expenditure: Schedule  # share of revenue
    working_capital: Schedule  # net working capital at year end, share of revenue
    ebit_margin: Schedule | None = None  # share of revenue
    ebitda_margin: Schedule | None = None  # share of revenue
    opening_working_capital: Scalar | None = None  # money; None: year 1's share of base revenue

    def admit(self, door: Door, years: int) -> Operations:
        """The same operations, checked, with every schedule year by year."""
        door.within("operations.revenue", self.revenue, 0.01, MONEY_MAX)
        ebit, ebitda = self.ebit_margin, self.ebitda_margin
        if (ebit is None) == (ebitda is None):
            door.refuse(
                "operations.ebit_margin",
                "MISSING" if ebit is None else "CONTRADICTION",
                "Exactly one of the EBIT margin and the EBITDA margin has to be given.",
                "Give operations.ebit_margin, or operations.ebitda_margin.",
            )
        opening = self.opening_working_capital
        if opening is not None:
            door.within("operations.opening_working_capital", opening, -MONEY_MAX, MONEY_MAX)

        def schedule(name: str, of: Schedule, low: float, high: float) -> Schedule:
            return of.admit(door, f"operations.{name}", years, low, high)

        return Operations(
            revenue=self.revenue,
            revenue_growth=schedule("revenue_growth", self.revenue_growth, -0.99, 10.0),
            tax_rate=schedule("tax_rate", self.tax_rate, 0.0, 0.9),
            depreciation=schedule("depreciation", self.depreciation, 0.0, 2.0),
            capital_expenditure=schedule(
                "capital_expenditure", self.capital_expenditure, -1.0, 5.0
            ),
            working_capital=schedule("working_capital", self.working_capital, -5.0, 5.0),
            ebit_margin=ebit and schedule("ebit_margin", ebit, -5.0, 1.0),
            ebitda_margin=ebitda and schedule("ebitda_margin", ebitda, -5.0, 1.0),
            opening_working_capital=opening,
        )


def ebit_margins(operations: Operations) -> tuple[Scalar, ...]:
    """(n_years, *batch) share of revenue, from whichever margin was given."""
    if operations.ebit_margin is not None:
        return operations.ebit_margin.years()
    assert operations.ebitda_margin is not None  # noqa: S101 - the door let exactly one in
    depreciation = operations.depreciation.years()
    return tuple(
        ebitda - da
        for ebitda, da in zip(operations.ebitda_margin.years(), depreciation, strict=True)
    )


def after_tax(profit: Scalar, rate: Scalar) -> Scalar:
    return profit * (1.0 - rate_paid(profit, rate))


def rate_paid(profit: Scalar, rate: Scalar) -> Scalar:
    """The tax rate on a profit; a loss pays no tax and earns no credit."""
    sign = real(profit)
    if isinstance(sign, np.ndarray):
        # Most batches have no loss anywhere: one pass to know is cheaper than to write a mask.
        return rate if sign.min() >= 0.0 else np.where(sign > 0.0, rate, 0.0)
    return rate if sign > 0.0 else 0.0
