"""From a valuation to its workbook: the kind's own sheets, between a summary and the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.compute import Compute
from services.errors import Unsupported
from services.labels import Form
from services.principal import Principal
from services.valuations import Recorded, ValuationService
from services.workbook.book import Book
from services.workbook.inputs import add_inputs

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WORKBOOK_MS: Final = 60.0  # of the examples; ten times that of the largest: for a thread
_LEGEND: Final = (
    "Blue is an input: change it, and everything follows.",
    "Black is a formula.",
    "Grey is a choice that the formulas were written for: to change it, value again and export.",
)
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
    """The .xlsx file of a valuation. The same valuation is the same bytes.

    Raises:
        Unsupported: for a kind that has no workbook.
    """
    kind = valuation.kind
    if kind.workbook is None:
        raise Unsupported(f"A valuation of the kind {kind.name} has no workbook.")
    result = kind.value(kind.inputs_of(valuation.inputs))
    book = Book()
    add_inputs(book, kind.admitted(result), valuation.inputs, kind.labels)
    kind.workbook(book, result)
    _add_checks(book)
    _add_summary(book, valuation)
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


def _add_summary(book: Book, valuation: Recorded) -> None:
    kind, result = valuation.kind, valuation.result
    sheet = book.sheet("Summary", first=True)
    sheet.widths = {0: 38.0, 1: 4.0}
    sheet.heading(f"{kind.name} valuation")
    currency = valuation.inputs.get("currency", "USD")
    for label, text in (
        ("Valuation", valuation.id),
        ("Valued", f"{valuation.computed_at:%Y-%m-%d %H:%M} UTC"),
        ("Engine", valuation.engine_version),
        ("Currency", str(currency)),
        ("Money is shown in", book.amounts()),
    ):
        sheet.words(label, "", text)
    sheet.heading("Result", ("As valued", "Difference"), opening="Live")
    for output in kind.outputs:
        key = book.outputs[output]
        form, words = book.form_of(key), _words(output)
        sheet.compared(f"summary.{output}", words, key, kind.kept(output, result), form)
    sheet.blank()
    sheet.laws.append((sheet.row, sheet.columns.single))
    sheet.number("summary.checks", "All checks hold", "={check.all}", True, Form.CHOICE)
    sheet.heading("Colours")
    for text in _LEGEND:
        sheet.words(text)
    if remarks := result.get("remarks"):
        sheet.heading("Remarks")
        for remark in remarks:
            sheet.words(remark["path"], "", remark["message"])


def _words(output: str) -> str:
    words = output.replace("_", " ").capitalize()
    return _ABBREVIATED.get(words, words)
