"""What the business is worth at the end of the forecast."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

from engine.door import Door, Scalar
from engine.firm.capital import SPREAD_MIN
from engine.firm.operations import (
    Operations,
    after_tax,
    ebit_margins,
    working_capital_shares,
)


class TerminalDiscounting(StrEnum):
    """How a perpetuity is discounted when flows come at mid-year.

    LAST_FLOW: N - 1/2 years, since its flows too come at mid-year (Rosenbaum and Pearl,
    Investment Banking, 2nd ed., ch. 3, on the mid-year convention). YEAR_END: N years, as some
    houses do.
    """

    LAST_FLOW = "LAST_FLOW"
    YEAR_END = "YEAR_END"


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """The last year of the forecast, from which whatever comes later is valued."""

    operations: Operations
    revenue: Scalar  # money, of the last year
    free_cash_flow: Scalar  # money, of the last year
    rate: Scalar  # 1/year, at which what comes later is discounted

    @property
    def nopat(self) -> Scalar:
        """(*batch) money, of the last year."""
        operations = self.operations
        margin, tax = ebit_margins(operations)[-1], operations.tax_rate.years()[-1]
        return self.revenue * after_tax(margin, tax)

    @property
    def working_capital(self) -> Scalar:
        """(*batch) money, at the end of the last year."""
        return self.revenue * working_capital_shares(self.operations)[-1]

    @property
    def added_back(self) -> Scalar:
        """(*batch) money, stock compensation of the last year, where no cost is seen in it."""
        paid = self.operations.stock_compensation
        added = self.operations.adds_back
        return self.revenue * paid.years()[-1] if added and paid is not None else 0.0

    @property
    def ebitda(self) -> Scalar:
        """(*batch) money, of the last year."""
        operations = self.operations
        margin = ebit_margins(operations)[-1] + operations.depreciation.years()[-1]
        return self.revenue * margin


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalised:
    """What a year that can go on for ever writes off and spends, in the year after the forecast."""

    depreciation: Scalar  # D&A, share of that year's revenue
    capital_expenditure: Scalar  # share of that year's revenue


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gordon:
    """TV = FCF (1 + g) / (WACC - g), with the last year's free cash flow.

    ``normalised``, where given, puts a year of its own after the forecast: NOPAT (1 + g)
    + (D&A - capex) x revenue (1 + g) - NWC g, with the last year's NOPAT, revenue and NWC (and
    the stock compensation that is added back, where it is).
    """

    BRANCH: ClassVar = "gordon"

    growth: Scalar  # 1/year, for ever
    normalised: Normalised | None = None
    discounting: TerminalDiscounting = TerminalDiscounting.LAST_FLOW

    def payment(self, horizon: Horizon) -> Scalar:
        """(*batch) money, of the year after the forecast."""
        normalised = self.normalised
        if normalised is None:
            return horizon.free_cash_flow * (1.0 + self.growth)
        shrinking = normalised.depreciation - normalised.capital_expenditure
        last = horizon.nopat + horizon.added_back + shrinking * horizon.revenue
        return last * (1.0 + self.growth) - horizon.working_capital * self.growth

    def value(self, horizon: Horizon) -> Scalar:
        """(*batch) money at the end of the last year."""
        return self.payment(horizon) / (horizon.rate - self.growth)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HModel:
    """TV = FCF ((1 + g) + H (gS - g)) / (WACC - g): growth falls from gS to g over 2 H years.

    A rule of thumb for a straight line (Fuller and Hsia, A Simplified Common Stock Valuation
    Model, Financial Analysts Journal 40, Sept.-Oct. 1984, pp. 49-56).
    """

    BRANCH: ClassVar = "h_model"

    initial_growth: Scalar  # 1/year, gS, of the first year after the forecast
    growth: Scalar  # 1/year, for ever after the fade
    half_life: Scalar  # years, H: half of those that the fade takes
    discounting: TerminalDiscounting = TerminalDiscounting.LAST_FLOW

    def payment(self, horizon: Horizon) -> Scalar:
        """(*batch) money a year from the end, of the perpetuity that is worth the same."""
        fading = self.half_life * (self.initial_growth - self.growth)
        return horizon.free_cash_flow * (1.0 + self.growth + fading)

    def value(self, horizon: Horizon) -> Scalar:
        """(*batch) money at the end of the last year."""
        return self.payment(horizon) / (horizon.rate - self.growth)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExitMultiple:
    """TV = multiple x EBITDA of the last year: paid at its end, so N years are discounted."""

    BRANCH: ClassVar = "exit_multiple"

    ev_to_ebitda: Scalar

    def value(self, horizon: Horizon) -> Scalar:
        """(*batch) money at the end of the last year."""
        return self.ev_to_ebitda * horizon.ebitda


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValueDriver:
    """TV = NOPAT (1 + g) (1 - g / RONIC) / (WACC - g): Koller et al., Valuation, 7th ed., c. 14."""

    BRANCH: ClassVar = "value_driver"

    growth: Scalar  # 1/year, for ever
    return_on_new_capital: Scalar  # 1/year, after tax
    discounting: TerminalDiscounting = TerminalDiscounting.LAST_FLOW

    def payment(self, horizon: Horizon) -> Scalar:
        """(*batch) money, of the year after the forecast."""
        kept = 1.0 - self.growth / self.return_on_new_capital
        return horizon.nopat * (1.0 + self.growth) * kept

    def value(self, horizon: Horizon) -> Scalar:
        """(*batch) money at the end of the last year."""
        return self.payment(horizon) / (horizon.rate - self.growth)


Perpetuity: TypeAlias = Gordon | HModel | ValueDriver
Terminal: TypeAlias = Perpetuity | ExitMultiple


def comes_with_last_flow(terminal: Terminal) -> bool:
    """Whether the terminal value is discounted as the last year's flow is, or at the year's end."""
    return (
        not isinstance(terminal, ExitMultiple)
        and terminal.discounting is TerminalDiscounting.LAST_FLOW
    )


def check_terminal(door: Door, terminal: Terminal, wacc: Scalar | None) -> None:
    """``wacc``: None where it is refused already, and nothing can be held against it."""
    path = f"terminal.{terminal.BRANCH}"
    if isinstance(terminal, ExitMultiple):
        door.within(f"{path}.ev_to_ebitda", terminal.ev_to_ebitda, 0.0, 1_000.0)
        return
    if isinstance(terminal, HModel):
        door.within(f"{path}.initial_growth", terminal.initial_growth, -0.5, 1.0)
        door.within(f"{path}.half_life", terminal.half_life, 0.0, 50.0)
    door.within(f"{path}.growth", terminal.growth, -0.5, 0.5)
    if wacc is not None:
        door.apart(
            f"{path}.growth",
            terminal.growth,
            wacc,
            SPREAD_MIN,
            "The terminal growth must stay below the WACC, or the perpetuity has no finite value.",
        )
    if isinstance(terminal, Gordon) and terminal.normalised is not None:
        normal = terminal.normalised
        path = f"{path}.normalised"
        door.within(f"{path}.depreciation", normal.depreciation, 0.0, 2.0)
        door.within(f"{path}.capital_expenditure", normal.capital_expenditure, -1.0, 5.0)
    if isinstance(terminal, ValueDriver):
        door.within(f"{path}.return_on_new_capital", terminal.return_on_new_capital, 0.001, 10.0)
        door.apart(
            f"{path}.return_on_new_capital",
            terminal.growth,
            terminal.return_on_new_capital,
            0.0,
            "Growth above the return on new capital needs more than all of the profit reinvested.",
        )
