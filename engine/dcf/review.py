"""What a reviewer would write in the margin: true of this valuation, and worth a second look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.dcf.inputs import DcfInputs
from engine.dcf.kernel import Forecast, Worth
from engine.dcf.terminal import ExitMultiple, ValueDriver


@dataclass(frozen=True, slots=True)
class Remark:
    """``path`` is the input to look at, in the engine's names."""

    code: str
    path: str
    message: str


# Where a reviewer starts to ask. Rules of thumb of the trade, not laws: they never change a number.
TERMINAL_SHARE = 0.75
GROWTH_CEILING = 0.04  # nominal growth of a large economy
CLIFF = 0.05  # from the last year's growth to the terminal growth
MULTIPLE_RANGE = (4.0, 25.0)
FASTEST = 1.0  # a firm that more than doubles in a year; more often a percentage typed as a rate
WACC_RANGE = (0.05, 0.15)
TAX_FLOOR = 0.15  # the global minimum


def review(
    inputs: DcfInputs, forecast: Forecast, value: Worth, exit_multiple: float | None
) -> tuple[Remark, ...]:
    """In the order in which a reader meets the inputs."""
    return (
        *_on_operations(inputs, forecast),
        *_on_capital(value),
        *_on_terminal(inputs, value, exit_multiple),
        *_on_equity(value),
    )


def _on_operations(inputs: DcfInputs, forecast: Forecast) -> Iterator[Remark]:
    losses = [year + 1 for year, ebit in enumerate(forecast.ebit) if ebit < 0.0]
    if losses:
        yield Remark(
            "LOSS_WITHOUT_CREDIT",
            "operations",
            f"EBIT is below zero in {_years(losses)}. No tax is charged there, and no credit is "
            "carried forward to later years.",
        )
    fastest = max(inputs.operations.revenue_growth.years())
    if fastest > FASTEST:
        yield Remark(
            "UNUSUAL_GROWTH",
            "operations.revenue_growth",
            f"Revenue grows by {fastest:.0%} in a year. If {fastest:g} % was meant, the rate is "
            f"{fastest / 100.0:g}.",
        )
    last_tax = inputs.operations.tax_rate.years()[-1]
    if last_tax < TAX_FLOOR:
        yield Remark(
            "LOW_TERMINAL_TAX",
            "operations.tax_rate",
            f"The last year's tax rate, {last_tax:.1%}, goes on for ever. Few firms stay below "
            f"{TAX_FLOOR:.0%}.",
        )
    if forecast.capital_expenditure[-1] < forecast.depreciation[-1]:
        yield Remark(
            "CAPEX_BELOW_DEPRECIATION",
            "operations.capital_expenditure",
            "Capital expenditure stays below depreciation in the last year: a business that grows "
            "for ever cannot shrink its assets for ever.",
        )


def _on_capital(value: Worth) -> Iterator[Remark]:
    low, high = WACC_RANGE
    if not low <= value.wacc <= high:
        yield Remark(
            "UNUSUAL_WACC",
            "capital",
            f"A WACC of {value.wacc:.2%} is outside the usual {low:.0%} to {high:.0%}.",
        )


def _on_terminal(inputs: DcfInputs, value: Worth, exit_multiple: float | None) -> Iterator[Remark]:
    terminal = inputs.terminal
    path = f"terminal.{terminal.BRANCH}"
    share = (
        value.value_of_terminal / value.enterprise_value if value.enterprise_value > 0.0 else 0.0
    )
    if share > TERMINAL_SHARE:
        yield Remark(
            "TERMINAL_VALUE_DOMINATES",
            "timing.years",
            f"{share:.0%} of the enterprise value comes after year {inputs.timing.years}. A longer "
            "forecast would show where it comes from.",
        )
    if value.terminal_value <= 0.0:
        yield Remark(
            "TERMINAL_VALUE_NOT_POSITIVE",
            path,
            "The terminal value is not positive: the last year of the forecast is not yet a year "
            "that can go on for ever. Extend the forecast until it is.",
        )
    if isinstance(terminal, ExitMultiple):
        return
    if terminal.growth > GROWTH_CEILING:
        yield Remark(
            "GROWTH_ABOVE_ECONOMY",
            f"{path}.growth",
            f"A firm that grows by {terminal.growth:.1%} for ever outgrows its economy.",
        )
    last_growth = inputs.operations.revenue_growth.years()[-1]
    if last_growth - terminal.growth > CLIFF:
        yield Remark(
            "GROWTH_CLIFF",
            "operations.revenue_growth",
            f"Growth falls from {last_growth:.1%} in the last year to {terminal.growth:.1%} the "
            "year after. A stage that ramps down would be kinder to the truth.",
        )
    low, high = MULTIPLE_RANGE
    if exit_multiple is not None and not low <= exit_multiple <= high:
        yield Remark(
            "UNUSUAL_IMPLIED_MULTIPLE",
            path,
            f"The terminal value is {exit_multiple:.1f} times the last year's EBITDA; buyers "
            f"usually pay {low:.0f} to {high:.0f} times.",
        )
    if isinstance(terminal, ValueDriver) and terminal.return_on_new_capital < value.wacc:
        yield Remark(
            "GROWTH_DESTROYS_VALUE",
            f"{path}.return_on_new_capital",
            "New capital earns less than it costs, so every point of growth makes the firm worth "
            "less.",
        )


def _on_equity(value: Worth) -> Iterator[Remark]:
    if value.equity_value < 0.0:
        yield Remark(
            "EQUITY_BELOW_ZERO",
            "bridge",
            "Claims exceed the enterprise value. Shareholders cannot lose more than all: read the "
            "value per share as zero, and the debt as impaired.",
        )


def _years(years: list[int]) -> str:
    named = ", ".join(str(year) for year in years[:6])
    return f"year {named}" if len(years) == 1 else f"years {named}{' …' if len(years) > 6 else ''}"
