"""What each firm earns by itself in the acquirer's fiscal years, whichever its own are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.door import Scalar
from engine.firm.dilution import ZERO
from engine.merger.parties import Statements
from engine.schedules import Schedule


@dataclass(frozen=True, slots=True, eq=False)
class Earner:
    """(*batch) money, of whole fiscal years of the acquirer, which count from 0.

    Where the firm's own years end earlier, by a share ``lag`` of a year, a year of the acquirer's
    has 1 - lag of the same one of its own, and lag of the next: what a year earns is taken to come
    evenly over it (Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 1, on calendarization).
    """

    statements: Statements
    lag: float = 0.0

    def revenue(self, year: int) -> Scalar:
        return self._of(self.statements.revenue, year)

    def ebitda(self, year: int) -> Scalar:
        return self._of(self.statements.ebitda, year)

    def depreciation(self, year: int) -> Scalar:
        return self._of(self.statements.depreciation, year)

    def interest(self, year: int) -> Scalar:
        return self._of(self.statements.interest, year)

    def ebit(self, year: int) -> Scalar:
        return self.ebitda(year) - self.depreciation(year)

    def pre_tax_profit(self, year: int) -> Scalar:
        return self.ebit(year) - self.interest(year)

    def net_income(self, year: int) -> Scalar:
        return self._after_tax(self._own_profit, year)

    def nopat(self, year: int) -> Scalar:
        """EBIT after tax."""
        return self._after_tax(self._own_ebit, year)

    def tax(self, year: int) -> Scalar:
        """On the pre-tax profit."""
        rates = self.statements.tax_rate.years()
        now = self._own_profit(year) * rates[year]
        if self.lag == 0.0:
            return now
        return now * (1.0 - self.lag) + self._own_profit(year + 1) * rates[year + 1] * self.lag

    def invested(self, year: int) -> Scalar:
        """Capital expenditure."""
        spent = self.statements.capital_expenditure
        return self._of(self.statements.depreciation if spent is None else spent, year)

    def tied_up(self, year: int) -> Scalar:
        """Increase in working capital."""
        increase = self.statements.increase_in_working_capital
        return ZERO if increase is None else self._of(increase, year)

    def _of(self, line: Schedule, year: int) -> Scalar:
        years = line.years()
        if self.lag == 0.0:
            return years[year]
        return years[year] * (1.0 - self.lag) + years[year + 1] * self.lag

    def _own_ebit(self, year: int) -> Scalar:
        """Of a fiscal year of its own."""
        its = self.statements
        return its.ebitda.years()[year] - its.depreciation.years()[year]

    def _own_profit(self, year: int) -> Scalar:
        return self._own_ebit(year) - self.statements.interest.years()[year]

    def _after_tax(self, profit: Callable[[int], Scalar], year: int) -> Scalar:
        rates = self.statements.tax_rate.years()
        now = profit(year) * (1.0 - rates[year])
        if self.lag == 0.0:
            return now
        return now * (1.0 - self.lag) + profit(year + 1) * (1.0 - rates[year + 1]) * self.lag
