"""From a valuation to its workbook: the kind's own sheets, between a summary and the checks."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import Any, Final, Protocol

from engine.errors import Refused
from engine.provenance import ENGINE_VERSION
from services.kinds import KINDS, Document, Kind
from services.labels import Form
from services.refusals import Unsupported
from services.workbook.book import Book
from services.workbook.choices import check_choices
from services.workbook.inputs import add_bounds, add_inputs, say_units
from services.workbook.sheet import CELLS_MOST, OutOfRoom
from services.workbook.years import calendar_of

_LEGEND: Final = (
    "Blue is an input: change it, and everything follows.",
    "Black is a formula, green one that reads another sheet.",
    "Grey is a choice that the formulas were written for: to change it, value again and export.",
)
_SIGNS: Final = (
    "In a statement each line has the sign with which it is added: what lessens it is in brackets.",
    "What is no part of a sum, such as a driver or a balance, is an amount.",
)
_TITLES: Final = {
    "DCF": "Discounted cash flow",
    "LBO": "Leveraged buyout",
    "MERGER": "Merger",
    "COMPARABLES": "Comparable companies",
}
_LINE: Final = 76  # characters of a remark
_CALLED: Final = {
    "IRR": "IRR",
    "MOIC": "MOIC",
    "ACCRETION": "GAAP accretion, year 1",
    "CASH_ACCRETION": "Cash accretion, year 1",
    "EARNINGS_PER_SHARE": "GAAP earnings per share, year 1",
    "GOODWILL": "Goodwill of the deal",
}


class Valued(Protocol):
    """What of a kept valuation is said in its workbook: see `services.valuations.Recorded`."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> Kind[Any, Any]: ...
    @property
    def inputs(self) -> Document: ...
    @property
    def result(self) -> Document: ...
    @property
    def engine_version(self) -> str: ...
    @property
    def computed_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A valuation as it came to a worker process."""

    id: str
    kind: Kind[Any, Any]
    inputs: Document
    result: Document
    engine_version: str
    computed_at: datetime


def work_document(valuation: Valued) -> Document:
    """What a worker process is told, to `write` a workbook: JSON."""
    return {
        "id": valuation.id,
        "kind": valuation.kind.name,
        "inputs": valuation.inputs,
        "result": valuation.result,
        "engine_version": valuation.engine_version,
        "computed_at": valuation.computed_at.isoformat(),
    }


def write(job: Document, *_: object) -> Document:
    """The task of a worker process: a book is written in one go, by one thread.

    Raises:
        Refused: as `workbook_of` does.
    """
    kind, computed = KINDS[job["kind"]], datetime.fromisoformat(job["computed_at"])
    sent = _Sent(**{**job, "kind": kind, "computed_at": computed})
    return {"content": b64encode(workbook_of(sent)).decode()}


def workbook_of(valuation: Valued) -> bytes:
    """The .xlsx file of a valuation. By one engine, the same valuation is the same bytes.

    Raises:
        Unsupported: for a kind that has no workbook, for a valuation that this engine would refuse,
        and for one whose book would be too large.
    """
    title = f"{valuation.kind.name} {valuation.id[:12]}, engine {ENGINE_VERSION}"
    return book_of(valuation).written(title, valuation.computed_at)


def book_of(valuation: Valued) -> Book:
    """All its sheets, before they are a file. Raises as `workbook_of` does."""
    kind = valuation.kind
    if kind.workbook is None:
        raise Unsupported(f"A {kind.noun} has no workbook.")
    try:
        result = kind.value(kind.inputs_of(valuation.inputs))
    except Refused as no:
        raise Unsupported(
            f"This was valued by engine {valuation.engine_version}, and engine {ENGINE_VERSION}, "
            f"which would write the formulas, refuses the inputs: {no.message}"
        ) from None
    inputs = kind.admitted(result)
    currency = str(valuation.inputs.get("currency", "USD"))
    book = Book(calendar=calendar_of(getattr(inputs, "timing", None)), currency=currency)
    bounds = {} if kind.bounds is None else kind.bounds(inputs)
    try:
        add_inputs(book, inputs, valuation.inputs, kind.labels, bounds)
        kind.workbook(book, result)
        check_choices(book)
        add_bounds(book)
        say_units(book)
    except OutOfRoom:
        raise Unsupported(
            f"The workbook of this valuation would have more than {CELLS_MOST:,} cells. Value it "
            "with fewer years, tranches or segments, or a buyout with interest on opening balances."
        ) from None
    _add_checks(book)
    _add_summary(book, valuation, kind.result_document(result))
    return book


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


def _add_summary(book: Book, valuation: Valued, today: Document) -> None:
    """``today`` is the result of this engine, whose numbers stand in all formulas."""
    kind, result = valuation.kind, valuation.result
    sheet = book.sheet("Summary", first=True)
    sheet.widths = {0: 38.0, 1: 4.0}
    sheet.heading(_TITLES.get(kind.name, kind.name))
    for label, text in (
        ("Valuation", valuation.id),
        ("Valued", f"{valuation.computed_at:%Y-%m-%d %H:%M} UTC"),
        ("Valued by engine", valuation.engine_version),
        ("Formulas of engine", ENGINE_VERSION),
        ("As of", str(kind.day_of(valuation.inputs) or "")),
        ("Currency", book.currency),
        ("Money is shown in", book.amounts().words),
    ):
        sheet.words(label, "", text)
    sheet.heading("Result", ("As valued", "Difference"), opening="Live")
    for output in kind.outputs:
        key = book.outputs[output]
        form, words = book.form_of(key), _words(output, book)
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
    sheet.heading("Signs")
    for text in _SIGNS:
        sheet.words(text)
    if remarks := result.get("remarks"):
        sheet.heading("Remarks, as valued")
        for remark in remarks:
            for number, line in enumerate(wrap(remark["message"], _LINE)):
                sheet.words("" if number else remark["path"], "", line)


def _words(output: str, book: Book) -> str:
    words = _CALLED.get(output) or output.replace("_", " ").capitalize()
    stub = book.calendar is not None and book.calendar.stub and words.endswith("year 1")
    return f"{words}, a stub" if stub else words
