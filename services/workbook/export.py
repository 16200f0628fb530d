"""From a valuation to its workbook: the kind's own sheets, between a summary and the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from engine.provenance import ENGINE_VERSION
from services.compute import Compute
from services.errors import Refused, Unsupported
from services.kind import Document
from services.labels import Form
from services.principal import Principal
from services.valuations import Recorded, ValuationService
from services.workbook.book import Book
from services.workbook.choices import check_choices
from services.workbook.inputs import add_bounds, add_inputs
from services.workbook.sheet import CELLS_MOST, OutOfRoom

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WORKBOOK_MS: Final = 100.0  # of the examples; a few seconds of the largest: for a thread
_LEGEND: Final = (
    "Blue is an input: change it, and everything follows.",
    "Black is a formula.",
    "Grey is a choice that the formulas were written for: to change it, value again and export.",
)
_TITLES: Final = {
    "DCF": "Discounted cash flow",
    "LBO": "Leveraged buyout",
    "MERGER": "Merger",
    "COMPARABLES": "Comparable companies",
}
_DAYS: Final = ("timing.valuationDate", "timing.closingDate", "asOf")  # that a value is of
_ABBREVIATED: Final = {"Irr": "IRR", "Moic": "MOIC"}


@dataclass(frozen=True, slots=True)
class Workbook:
    """A file, and what to call it."""

    name: str
    content: bytes


class WorkbookService:
    """Whoever may read a valuation may have its workbook."""

    def __init__(self, valuations: ValuationService, compute: Compute) -> None:
        self._valuations, self._compute = valuations, compute

    async def export(self, principal: Principal, valuation_id: str) -> Workbook:
        """
        Raises:
            Forbidden; NotFound: if there is no such valuation; Unsupported: for a kind that has no
            workbook; Overloaded: too much is waiting already.
        """
        valuation = await self._valuations.find(principal, valuation_id)
        content = await self._compute.run(WORKBOOK_MS, lambda: workbook_of(valuation))
        return Workbook(f"{valuation.kind.name.lower()}-{valuation.id[:12]}.xlsx", content)


def workbook_of(valuation: Recorded) -> bytes:
    """The .xlsx file of a valuation. By one engine, the same valuation is the same bytes.

    Raises:
        Unsupported: for a kind that has no workbook, for a valuation that this engine would refuse,
        and for one whose book would be too large.
    """
    kind = valuation.kind
    if kind.workbook is None:
        raise Unsupported(f"A valuation of the kind {kind.name} has no workbook.")
    try:
        result = kind.value(kind.inputs_of(valuation.inputs))
    except Refused as no:
        raise Unsupported(
            f"This was valued by engine {valuation.engine_version}, and engine {ENGINE_VERSION}, "
            f"which would write the formulas, refuses the inputs: {no.message}"
        ) from None
    book, inputs = Book(), kind.admitted(result)
    bounds = {} if kind.bounds is None else kind.bounds(inputs)
    try:
        add_inputs(book, inputs, valuation.inputs, kind.labels, bounds)
        kind.workbook(book, result)
        check_choices(book)
        add_bounds(book)
    except OutOfRoom:
        raise Unsupported(
            f"The workbook of this valuation would have more than {CELLS_MOST:,} cells. Value it "
            "with fewer years, tranches or segments, or a buyout with interest on opening balances."
        ) from None
    _add_checks(book)
    _add_summary(book, valuation, kind.result_document(result))
    return book.written(f"{kind.name} {valuation.id[:12]}", valuation.computed_at)


def _add_checks(book: Book) -> None:
    sheet = book.sheet("Checks")
    sheet.widths = {0: 70.0, 1: 4.0}
    sheet.heading("What holds whatever the inputs are", opening="Holds")
    for number, (words, formula) in enumerate(book.checks):
        sheet.laws.append((sheet.row, sheet.columns.single))
        sheet.number(f"check.{number}", words, formula, value=True, form=Form.CHOICE)
    sheet.blank()
    sheet.laws.append((sheet.row, sheet.columns.single))
    sheet.number(
        "check.all",
        "All of them",
        f"=AND({{check.0:check.{len(book.checks) - 1}}})",
        value=True,
        form=Form.CHOICE,
        strong=True,
    )


def _add_summary(book: Book, valuation: Recorded, today: Document) -> None:
    """``today`` is the result of this engine, whose numbers stand in all formulas."""
    kind, result = valuation.kind, valuation.result
    sheet = book.sheet("Summary", first=True)
    sheet.widths = {0: 38.0, 1: 4.0}
    sheet.heading(_TITLES.get(kind.name, kind.name))
    currency = valuation.inputs.get("currency", "USD")
    for label, text in (
        ("Valuation", valuation.id),
        ("Valued", f"{valuation.computed_at:%Y-%m-%d %H:%M} UTC"),
        ("Valued by engine", valuation.engine_version),
        ("Formulas of engine", ENGINE_VERSION),
        (
            "As of",
            next((_said(valuation.inputs, path) for path in _DAYS if path in book.places), ""),
        ),
        ("Currency", str(currency)),
        ("Money is shown in", book.amounts()),
    ):
        sheet.words(label, "", text)
    sheet.heading("Result", ("As valued", "Difference"), opening="Live")
    for output in kind.outputs:
        key = book.outputs[output]
        form, words = book.form_of(key), _words(output)
        now, then = kind.kept(output, today), kind.kept(output, result)
        sheet.compared(f"summary.{output}", words, key, now, then, form)
    sheet.blank()
    sheet.laws.append((sheet.row, sheet.columns.single))
    sheet.number("summary.checks", "All checks hold", "={check.all}", True, Form.CHOICE)
    for words, key, form in book.notices:
        value = book.value_of(key)
        if isinstance(value, bool):
            sheet.laws.append((sheet.row, sheet.columns.single))
        sheet.number(f"summary.{key}", words, f"={{{key}}}", value, form)
    sheet.heading("Colours")
    for text in _LEGEND:
        sheet.words(text)
    if remarks := result.get("remarks"):
        sheet.heading("Remarks, as valued")
        for remark in remarks:
            sheet.words(remark["path"], "", remark["message"])


def _said(inputs: Document, path: str) -> str:
    found: Any = inputs
    for step in path.split("."):
        found = found[step]
    return str(found)


def _words(output: str) -> str:
    words = output.replace("_", " ").capitalize()
    return _ABBREVIATED.get(words, words)
