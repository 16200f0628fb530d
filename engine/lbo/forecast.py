"""The business as the owner has it from closing on: flows of year 1 count the stub's share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.door import Scalar
from engine.firm.operations import (
    Operations,
    ebit_margins,
    non_cash_costs,
    working_capital_shares,
)
from engine.lbo.timing import Timing


@dataclass(slots=True, eq=False)
class BusinessYear:
    """(*batch) money, before anything that has to do with how the deal is financed."""

    revenue: Scalar  # of the whole fiscal year
    ebitda: Scalar  # of the whole fiscal year
    ebit: Scalar  # of the part of the year after closing, as is what follows
    other: Scalar  # cash beside EBIT: D&A + stock pay added back - capex - increase in NWC


class Business:
    """The years one after the other; what is the same for all of them is looked up once.

    Before tax and interest the cash flow is EBIT + other, of which EBIT - tax on EBIT + other is
    the free cash flow of a DCF (`engine.dcf.kernel`).
    """

    __slots__ = (
        "_capex",
        "_ebitda_margin",
        "_growth",
        "_invested",
        "_margin",
        "_non_cash",
        "_revenue",
        "_timing",
        "_working_capital",
    )

    def __init__(self, operations: Operations, timing: Timing) -> None:
        self._timing = timing
        self._growth = operations.revenue_growth.years()
        self._margin = ebit_margins(operations)
        self._non_cash = non_cash_costs(operations)
        self._capex = operations.capital_expenditure.years()
        self._working_capital = working_capital_shares(operations)
        if operations.ebitda_margin is not None:
            self._ebitda_margin: tuple[Scalar, ...] = operations.ebitda_margin.years()
        else:
            pairs = zip(self._margin, operations.depreciation.years(), strict=True)
            self._ebitda_margin = tuple(ebit + da for ebit, da in pairs)
        self._revenue = operations.revenue
        self._invested = opening_working_capital(operations)

    def next(self, year: int) -> BusinessYear:
        """The year, counted from 0. Years are asked for in their order."""
        self._revenue = revenue = self._revenue * (1.0 + self._growth[year])
        share = self._working_capital[year]
        ebit = revenue * self._margin[year]
        # One share of revenue for all that is no EBIT: the same sum with fewer passes.
        other = revenue * (self._non_cash[year] - self._capex[year] - share) + self._invested
        self._invested = share * revenue
        part = self._timing.share(year)
        if part < 1.0:
            ebit, other = ebit * part, other * part
        return BusinessYear(revenue, revenue * self._ebitda_margin[year], ebit, other)


def opening_working_capital(operations: Operations) -> Scalar:
    """(*batch) money at the start of fiscal year 1: given, or year 1's share of base revenue."""
    if operations.opening_working_capital is not None:
        return operations.opening_working_capital
    return working_capital_shares(operations)[0] * operations.revenue
