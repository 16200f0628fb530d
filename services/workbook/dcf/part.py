"""A business that is valued by itself: a firm, or one of its segments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.dcf import CrossChecks, DcfInputs, DcfResult, Forecast, Reconciliation
from engine.dcf.kernel import Worth
from engine.dcf.terminal import comes_with_last_flow
from engine.dcf.timing import FlowTiming
from services.labels import Form
from services.workbook.book import Book
from services.workbook.sheet import Sheet

_LONGEST = 31  # characters of a sheet's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What the engine found, and where the inputs stand in the document."""

    key: str  # before the names of its lines: `business.revenue`
    title: str  # what a reader calls it; of a firm ""
    inputs: DcfInputs
    forecast: Forecast
    worth: Worth
    checks: CrossChecks
    reconciliation: Reconciliation
    operations: str  # the document's paths
    capital: str
    terminal: str
    wacc: str  # the key of its cost of capital

    @property
    def named(self) -> str:
        """“, Shops” behind the words of a line that each segment has."""
        return f", {self.title}" if self.title else ""

    @property
    def at_terminal(self) -> str:
        """The path of the terminal value's branch, such as `terminal.gordon`."""
        return f"{self.terminal}.{_BRANCHES.get(self.branch, self.branch)}"

    @property
    def branch(self) -> str:
        return self.inputs.terminal.BRANCH

    @property
    def has_parts(self) -> bool:
        """Whether the line `part` is there: what of each year comes after the valuation date."""
        return self.inputs.timing.fiscal_year_end is not None

    @property
    def shares(self) -> list[float]:
        """(n_years,) of each year that comes after the valuation date."""
        return [self.inputs.timing.stub, *[1.0] * (self.inputs.timing.years - 1)]

    @property
    def early(self) -> bool:
        """Whether the terminal value is discounted half a year less, as the last flow is."""
        timing, terminal = self.inputs.timing, self.inputs.terminal
        return timing.flows is FlowTiming.MID_YEAR and comes_with_last_flow(terminal)

    @property
    def terminal_time(self) -> float:
        """Years from the valuation date to the day that the terminal value is of."""
        timing = self.inputs.timing
        return timing.stub + timing.years - (1.5 if self.early else 1.0)

    @property
    def terminal_factor(self) -> float:
        factor = self.worth.terminal_discount_factor
        assert factor is not None  # noqa: S101 - None of a sum of parts only
        return float(factor)

    def sheet(self, book: Book) -> Sheet:
        """A sheet of its own: of a segment under its number and name."""
        if not self.title:
            return sheet_of(book, "DCF")
        kept = "".join(each for each in self.title if each.isalnum() or each == " ")
        number = self.key.removeprefix(SEGMENT)
        return sheet_of(book, f"{number} {kept}"[:_LONGEST].rstrip())


SEGMENT = "segment"
_BRANCHES = {"h_model": "hModel", "exit_multiple": "exitMultiple", "value_driver": "valueDriver"}


def sheet_of(book: Book, name: str) -> Sheet:
    """A sheet of the kind's: without words beside the lines."""
    sheet = book.sheet(name)
    sheet.widths = {0: 46.0, 1: 4.0}
    return sheet


def parts_of(result: DcfResult) -> Iterator[Part]:
    """The firm as one business, or its segments in their order."""
    if not result.segments:
        assert result.reconciliation is not None  # noqa: S101 - None of a firm in segments only
        yield Part(
            key="business",
            title="",
            inputs=result.inputs,
            forecast=result.forecast,
            worth=result.worth,
            checks=result.cross_checks,
            reconciliation=result.reconciliation,
            operations="operations",
            capital="capital",
            terminal="terminal",
            wacc="wacc",
        )
    for number, found in enumerate(result.segments):
        given, key, at = (
            result.inputs.segments[number],
            f"{SEGMENT}{number + 1}",
            f"segments[{number}]",
        )
        yield Part(
            key=key,
            title=found.name,
            inputs=found.inputs,
            forecast=found.forecast,
            worth=found.worth,
            checks=found.cross_checks,
            reconciliation=found.reconciliation,
            operations=f"{at}.operations",
            capital="capital" if given.capital is None else f"{at}.capital",
            terminal="terminal" if given.terminal is None else f"{at}.terminal",
            wacc="wacc" if given.capital is None else f"{key}.wacc",
        )


def add_gap(
    book: Book, sheet: Sheet, part: Part, name: str, gap: float, words: str, *, law: bool = True
) -> None:
    """By how much another road ends elsewhere; ``law``: it may not."""
    key, value = part.key, float(part.worth.enterprise_value)
    by_cash_flow = f"{{{key}.enterpriseValue}}"
    sheet.number(
        f"{key}.{name}Gap",
        "Above the value by cash flow",
        f"=ROUND(({{{key}.{name}}}-{by_cash_flow})/MAX(1,ABS({by_cash_flow})),12)",
        round(gap / max(1.0, abs(value)), 12) + 0.0,  # and never -0.0
        Form.RATE,
    )
    if law:
        book.check(
            f"{words} comes to the same enterprise value{part.named}",
            f"=ABS({{{key}.{name}Gap}})<=1E-9",
        )
