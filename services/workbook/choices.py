"""That no grey cell was changed: what the formulas were written for they cannot follow."""

from __future__ import annotations

from datetime import date

from services.workbook.book import Book
from services.workbook.sheet import Hand, Value


def check_choices(book: Book) -> None:
    """A check of the grey inputs that formulas read, such as a tenor. After all the sheets."""
    grey = {
        (sheet.name, cell.row, cell.column): cell.value
        for sheet in book.sheets
        for cell in sheet.cells
        if cell.hand is Hand.FIXED
    }
    written = "\n".join(
        cell.formula for sheet in book.sheets for cell in sheet.cells if cell.formula is not None
    )
    same = []
    for key, place in book.places.items():
        value = grey.get((place.sheet, place.row, place.first))
        if value is not None and f"{{{key}}}" in written:
            same.append(f"{{{key}}}={_constant(value)}")
    if same:
        book.check(
            "No grey cell that formulas read was changed: they were written for it",
            f"=AND({','.join(same)})",
        )


def _constant(value: Value) -> str:
    if isinstance(value, date):
        return f"DATE({value.year},{value.month},{value.day})"
    return f'"{value}"' if isinstance(value, str) else f"{value:.15g}"
