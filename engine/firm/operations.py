"""The business: what it sells, earns, pays in tax and ties up, year by year."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.cashflows import DAYS
from engine.door import MONEY_MAX, Door, Scalar, real
from engine.firm.losses import LossesCarriedForward
from engine.schedules import Schedule

DAYS_MAX = 3_650.0  # ten years: whisky waits as long


class StockCompensation(StrEnum):
    """How pay in shares counts, which EBIT is already net of.

    EXPENSE: a cost like any other, so nothing is added back: shareholders pay it by owning less
    (Koller et al., Valuation; Damodaran, Investment Valuation). ADD_BACK: no cash leaves the firm,
    so it is added to the free cash flow, as depreciation is.
    """

    EXPENSE = "EXPENSE"
    ADD_BACK = "ADD_BACK"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkingCapitalDays:
    """Net working capital by how long money is tied up.

    Receivables are days of revenue, inventories and payables days of the cost of sales, each of a
    year of 365 (Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 3, on DSO, DIH and DPO).
    """

    receivables: Schedule  # days of revenue: days sales outstanding
    inventories: Schedule  # days of the cost of sales: days inventory held
    payables: Schedule  # days of the cost of sales: days payable outstanding
    cost_of_sales: Schedule  # share of revenue

    def admit(self, door: Door, years: int | None) -> WorkingCapitalDays:
        path = "operations.working_capital_days"
        return WorkingCapitalDays(
            receivables=self.receivables.admit(door, f"{path}.receivables", years, 0.0, DAYS_MAX),
            inventories=self.inventories.admit(door, f"{path}.inventories", years, 0.0, DAYS_MAX),
            payables=self.payables.admit(door, f"{path}.payables", years, 0.0, DAYS_MAX),
            cost_of_sales=self.cost_of_sales.admit(door, f"{path}.cost_of_sales", years, 0.0, 5.0),
        )

    def shares(self, year: int) -> tuple[Scalar, Scalar, Scalar]:
        """Receivables, inventories and payables at a year's end: (*batch) shares of its revenue."""
        daily = self.cost_of_sales.years()[year] / DAYS
        return (
            self.receivables.years()[year] / DAYS,
            self.inventories.years()[year] * daily,
            self.payables.years()[year] * daily,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operations:
    """The business by year. Give one of the two margins, and one of the two ways to say what is
    tied up; shares are of the same year's revenue.
    """

    revenue: Scalar  # money, the base year: the twelve months before year 1
    revenue_growth: Schedule  # 1/year
    tax_rate: Schedule  # share of EBIT; a loss earns no credit
    depreciation: Schedule  # D&A, share of revenue
    capital_expenditure: Schedule  # share of revenue
    working_capital: Schedule | None = None  # net working capital at year end, share of revenue
    working_capital_days: WorkingCapitalDays | None = None
    ebit_margin: Schedule | None = None  # share of revenue
    ebitda_margin: Schedule | None = None  # share of revenue
    opening_working_capital: Scalar | None = None  # money; None: year 1's share of base revenue
    stock_compensation: Schedule | None = None  # share of revenue, a cost within EBIT and EBITDA
    stock_compensation_treatment: StockCompensation = StockCompensation.EXPENSE
    losses: LossesCarriedForward | None = None  # None: no loss is carried forward, past or to come
    # Money, net, on the valuation date: what is compared with the value, never a part of it.
    opening_fixed_assets: Scalar | None = None

    @property
    def adds_back(self) -> bool:
        """Whether stock compensation counts as no cash."""
        return self.stock_compensation_treatment is StockCompensation.ADD_BACK

    def admit(self, door: Door, years: int | None) -> Operations:
        """The same operations, checked, with every schedule year by year.

        ``years``: None where their number is refused already.
        """
        door.within("operations.revenue", self.revenue, 0.01, MONEY_MAX)
        ebit, ebitda = self.ebit_margin, self.ebitda_margin
        if (ebit is None) == (ebitda is None):
            door.refuse(
                "operations.ebit_margin",
                "MISSING" if ebit is None else "CONTRADICTION",
                "Exactly one of the EBIT margin and the EBITDA margin has to be given.",
                "Give operations.ebit_margin, or operations.ebitda_margin.",
            )
        by_share, by_days = self.working_capital, self.working_capital_days
        if (by_share is None) == (by_days is None):
            door.refuse(
                "operations.working_capital",
                "MISSING" if by_share is None else "CONTRADICTION",
                "Exactly one of working capital as a share of revenue and by days has to be given.",
                "Give operations.working_capital, or operations.working_capital_days.",
            )
        paid_in_shares = self.stock_compensation
        if paid_in_shares is None and self.adds_back:
            door.refuse(
                "operations.stock_compensation",
                "MISSING",
                "There is no stock compensation to add back.",
                "Give operations.stock_compensation, or leave its treatment out.",
            )
        if self.losses is not None:
            self.losses.check(door)
        opening = self.opening_working_capital
        if opening is not None:
            door.within("operations.opening_working_capital", opening, -MONEY_MAX, MONEY_MAX)
        fixed = self.opening_fixed_assets
        if fixed is not None:
            door.within("operations.opening_fixed_assets", fixed, 0.0, MONEY_MAX)

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
            working_capital=by_share and schedule("working_capital", by_share, -5.0, 5.0),
            working_capital_days=by_days and by_days.admit(door, years),
            ebit_margin=ebit and schedule("ebit_margin", ebit, -5.0, 1.0),
            ebitda_margin=ebitda and schedule("ebitda_margin", ebitda, -5.0, 1.0),
            opening_working_capital=opening,
            stock_compensation=(
                paid_in_shares and schedule("stock_compensation", paid_in_shares, 0.0, 1.0)
            ),
            stock_compensation_treatment=self.stock_compensation_treatment,
            losses=self.losses,
            opening_fixed_assets=fixed,
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


def working_capital_shares(operations: Operations) -> tuple[Scalar, ...]:
    """(n_years, *batch) net working capital at year end as a share of revenue, however given."""
    if operations.working_capital is not None:
        return operations.working_capital.years()
    days = operations.working_capital_days
    assert days is not None  # noqa: S101 - the door let exactly one in
    shares = (days.shares(year) for year in range(len(days.cost_of_sales.years())))
    return tuple(owed_to_it + held - owed for owed_to_it, held, owed in shares)


def non_cash_costs(operations: Operations) -> tuple[Scalar, ...]:
    """(n_years, *batch) share of revenue that lessens EBIT but not the free cash flow."""
    depreciation = operations.depreciation.years()
    paid_in_shares = operations.stock_compensation
    if paid_in_shares is None or not operations.adds_back:
        return depreciation
    both = zip(depreciation, paid_in_shares.years(), strict=True)
    return tuple(da + paid for da, paid in both)


def after_tax(profit: Scalar, rate: Scalar) -> Scalar:
    return profit * (1.0 - rate_paid(profit, rate))


def rate_paid(profit: Scalar, rate: Scalar) -> Scalar:
    """The tax rate on a profit; a loss pays no tax and earns no credit."""
    sign = real(profit)
    if isinstance(sign, np.ndarray):
        # Most batches have no loss anywhere: one pass to know is cheaper than to write a mask.
        return rate if sign.min() >= 0.0 else np.where(sign > 0.0, rate, 0.0)
    return rate if sign > 0.0 else 0.0
