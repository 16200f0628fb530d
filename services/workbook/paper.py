"""A sheet on paper: columns as wide as what stands in them, and pages that end between blocks.

A width is in characters: a figure is one, a letter a little less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import TYPE_CHECKING, Final
from unicodedata import east_asian_width

from services.workbook.looks import Amounts, on_the_right, shown
from services.workbook.sheet import LABEL, Cell, Hand, Sheet

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

_A4: Final = 9
_READABLE: Final = 240.0  # characters on a page that lies: of more, print is too small
_LEAST: Final = 12.0  # of a column of numbers
_ROOM: Final = 2.0  # beside what stands in a column
_LETTER: Final = 0.95
_BOLD: Final = 1.08  # times as wide
_TITLE: Final = 14  # of a title above numbers; a longer one goes on below
_WIDEST: Final = {LABEL: 100.0, LABEL + 1: 60.0}  # of words; a longer line is cut
_LAW: Final = 200.0  # of those of “Checks”, with the longest name that a segment may have
_WIDE_NOTE: Final = 36.0  # of those beside them
_LINE: Final = 15.0  # points, as high as a row is
# What an A4 page has, less its margins: its width in pixels, and its height in points. A little is
# left, for programs differ: a page that ends too soon is better than a row by itself on the next.
_WIDE: Final = 1046.0
_HIGH: Final = 509.0 * 0.95
_SMALLEST: Final = 0.65  # print, beside that of the screen, to have a sheet on one page
_TOGETHER: Final = 0.5  # of a page: a block of less than that is not cut
_FEWEST: Final = 4  # rows of a block on either side of a cut


@dataclass(frozen=True, slots=True)
class Page:
    """How a sheet is laid out."""

    cells: Sequence[Cell]
    widths: Mapping[int, float]
    lines: Mapping[int, int]  # of rows that have more than one
    across: int  # pages beside each other
    down: int  # and one below the other; 0: as many as it takes
    breaks: Sequence[int]  # rows with which a page begins

    def set_up(self, sheet: Sheet, into: Worksheet, footer: str) -> None:
        """On paper it lies, with the titles and the words on each page."""
        for column, width in self.widths.items():
            into.set_column(column, column, width)
        for row, lines in self.lines.items():
            into.set_row(row, _LINE * lines)
        into.set_landscape()
        into.set_paper(_A4)
        into.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.7)
        into.fit_to_pages(self.across, self.down)
        if self.breaks:
            into.set_h_pagebreaks(self.breaks)
        if sheet.kept:
            into.repeat_rows(0, sheet.kept - 1)
        into.repeat_columns(LABEL, LABEL if sheet.frozen is None else sheet.frozen[1] - 1)
        into.set_footer(footer)


def arranged(sheet: Sheet, amounts: Amounts, units: str) -> Page:
    """``units`` are said by its first heading; "": none are."""
    cells = list(sheet.cells)
    if units:
        at = next(number for number, one in enumerate(cells) if one.shaded)
        cells[at] = replace(cells[at], value=f"{cells[at].value} ({units})")
    widths = _of_numbers(sheet, cells, amounts)
    _make_room(sheet, cells, widths)
    lines: dict[int, int] = {}
    for number, one in enumerate(cells):
        if isinstance(one.value, str) and one.formula is None:
            many = _lines(sheet, one, widths[one.column])
            if many > 1:
                cells[number] = replace(one, wrapped=True)
                lines[one.row] = max(many, lines.get(one.row, 1))
    wide = sum(widths.values())
    across = math.ceil(wide / _READABLE)
    shrunk = min(1.0, _WIDE * across / sum(7.0 * width + 5.0 for width in widths.values()))
    rows = 1 + max((one.row for one in cells), default=0) + sum(lines.values()) - len(lines)
    if rows * _LINE * min(shrunk, _SMALLEST) <= _HIGH:
        return Page(cells, widths, lines, across, 1, ())
    breaks = _breaks(sheet, cells, lines, int(_HIGH / (_LINE * shrunk)))
    return Page(cells, widths, lines, across, 0, breaks)


def _of_numbers(sheet: Sheet, cells: Sequence[Cell], amounts: Amounts) -> dict[int, float]:
    """As wide as the widest number and title; those of years are all the same."""
    single, last = sheet.columns.single, max((one.column for one in cells), default=0)
    widths = {column: sheet.widths.get(column, _ROOM) for column in range(last + 1)}
    widths |= dict.fromkeys(range(single, last + 1), _LEAST)
    for one in cells:
        if one.hand is Hand.WORDS or isinstance(one.value, str):
            if not on_the_right(one, single):
                continue
            length = max(map(len, _broken(str(one.value))), default=0)
        else:
            length = len(shown(one, amounts))
        needed = _ROOM + length * (_BOLD if one.strong else 1.0)
        widths[one.column] = max(widths[one.column], needed)
    years = range(max(sheet.columns.first, single + 1), last + 1)
    return widths | dict.fromkeys(years, max((widths[each] for each in years), default=0.0))


def measured(words: str) -> str:
    """As many letters as they are wide: one of Chinese stands in the place of two."""
    if words.isascii():
        return words
    return "".join(one * 2 if east_asian_width(one) in "WF" else one for one in words)


def _broken(title: str, fits: int = _TITLE) -> Iterator[str]:
    """A title in its lines as they are `measured`, where so many letters fit in one."""
    for line in measured(title).split("\n"):
        yield from [line] if len(line) <= fits else wrap(line, fits, break_long_words=False)


def _make_room(sheet: Sheet, cells: Sequence[Cell], widths: dict[int, float]) -> None:
    """Words go on over empty cells, and a cell that says something cuts them off; so does the end
    of the sheet those of a heading, and a choice."""
    rows: dict[int, list[int]] = {}
    for one in cells:
        if one.value != "" or one.formula is not None:
            rows.setdefault(one.row, []).append(one.column)
    for one in sorted(cells, key=lambda each: -each.column):
        words, ends = one.value, one.shaded or one.hand is Hand.FIXED
        flows = isinstance(words, str) and words != "" and one.formula is None
        if not flows or on_the_right(one, sheet.columns.single):
            continue
        end = len(widths) if ends else None
        until = min((column for column in rows[one.row] if column > one.column), default=end)
        if until is not None:
            beside = sum(widths[column] for column in range(one.column + 1, until))
            needed = _needed(one) - beside
            most = _LAW if sheet.name == "Checks" else _WIDEST.get(one.column, _WIDE_NOTE)
            widths[one.column] = max(widths[one.column], min(needed, most))


def _needed(one: Cell) -> float:
    return _ROOM + _LETTER * len(measured(str(one.value))) * (_BOLD if one.strong else 1.0)


def _lines(sheet: Sheet, one: Cell, width: float) -> int:
    """In how many lines words stand in a cell."""
    if on_the_right(one, sheet.columns.single):
        fits = max(_TITLE, int((width - _ROOM) / _BOLD))
        return len(list(_broken(str(one.value), fits)))
    beside = LABEL + 1 < one.column == sheet.columns.single - 1 and not one.shaded
    if beside and _needed(one) > width:  # a source, which may be long
        return len(wrap(measured(str(one.value)), int(width - _ROOM)))
    return 1


def _breaks(
    sheet: Sheet, cells: Sequence[Cell], lines: Mapping[int, int], most: int
) -> Sequence[int]:
    """Where pages begin so that a heading stands with what it is of. ``most`` rows are on one."""
    last = max((one.row for one in cells), default=0)
    begins = sorted(
        {one.row for one in cells if one.shaded and one.column == LABEL and one.value != ""}
    )
    begins = [0, *(row for row in begins if row >= max(sheet.kept, 1))]
    named = {one.row for one in cells if one.column == LABEL and one.value != ""}
    kept, used, found = sheet.kept + 1, 0, list[int]()
    for first, after in zip(begins, [*begins[1:], last + 1], strict=True):
        rows = sum(lines.get(row, 1) for row in range(first, after))
        if used + rows <= most:
            used += rows
            continue
        if used > kept and (rows <= _TOGETHER * most or most - used < _FEWEST):
            found.append(first)
            used = kept
        at = first
        while used + after - at > most:  # a block of more than a page
            end = at + min(most - used, after - at - _FEWEST)
            # What goes on below its first line, such as a remark, does so on the same page.
            at = next((row for row in range(end, at, -1) if row in named), end)
            found.append(at)
            used = kept
        used += after - at
    return found
