"""What the business is worth at the end of the forecast."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

from engine.dcf.capital import SPREAD_MIN
from engine.dcf.operations import Operations, after_tax, ebit_margins
from engine.door import Door, Scalar


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
    def ebitda(self) -> Scalar:
        """(*batch) money, of the last year."""
        operations = self.operations
        margin = ebit_margins(operations)[-1] + operations.depreciation.years()[-1]
        return self.revenue * margin


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gordon:
    """TV = FCF (1 + g) / (WACC - g), with the last year's free cash flow."""

    BRANCH: ClassVar = "gordon"

    growth: Scalar  # 1/year, for ever
    discounting: TerminalDiscounting = TerminalDiscounting.LAST_FLOW

    def value(self, horizon: Horizon) -> Scalar:
        """(*batch) money at the end of the last year."""
        return horizon.free_cash_flow * (1.0 + self.growth) / (horizon.rate - self.growth)


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

    def value(self, horizon: Horizon) -> Scalar:
        """(*batch) money at the end of the last year."""
        kept = 1.0 - self.growth / self.return_on_new_capital
        return horizon.nopat * (1.0 + self.growth) * kept / (horizon.rate - self.growth)


Terminal: TypeAlias = Gordon | ExitMultiple | ValueDriver


def check_terminal(door: Door, terminal: Terminal, wacc: Scalar) -> None:
    path = f"terminal.{terminal.BRANCH}"
    if isinstance(terminal, ExitMultiple):
        door.within(f"{path}.ev_to_ebitda", terminal.ev_to_ebitda, 0.0, 1_000.0)
        return
    door.within(f"{path}.growth", terminal.growth, -0.5, 0.5)
    door.apart(
        f"{path}.growth",
        terminal.growth,
        wacc,
        SPREAD_MIN,
        "The terminal growth must stay below the WACC, or the perpetuity has no finite value.",
    )
    if isinstance(terminal, ValueDriver):
        door.within(f"{path}.return_on_new_capital", terminal.return_on_new_capital, 0.001, 10.0)
        door.apart(
            f"{path}.return_on_new_capital",
            terminal.growth,
            terminal.return_on_new_capital,
            0.0,
            "Growth above the return on new capital needs more than all of the profit reinvested.",
        )
