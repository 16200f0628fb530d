"""Formulas written with the names of lines, and what they are in a cell.

``={revenue@-1} * (1 + {operations.revenueGrowth})`` is one formula for a whole line: a name in
braces is the cell of that line in the same column, and what stands behind ``@`` leads elsewhere:

=============  ===================================================================
``{a}``        the same column; of a single cell, that cell
``{a@-1}``     the column before; before the first one, the opening balance
``{a@+1}``     the column after
``{a@open}``   the opening balance
``{a@0}``      the first column, ``{a@2}`` the third, ``{a@last}`` the last one
``{a@all}``    all columns, as a range, without the opening balance
``{a@sofar}``  from the first column to the same one
``{a@rest}``   from the same column to the last one
``{a:b}``      from line a down to line b, in the same column; ``{a:b@all}`` in all of them
=============  ===================================================================

A name that no line has, and a column that a line does not have, are a KeyError when the book is
made: no cell ever says ``#REF!``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

_REFERENCE: Final = re.compile(r"\{([^{}@]+)(?:@([^{}]+))?\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands. Rows and columns count from 0."""

    sheet: str
    row: int
    first: int  # the column of its first cell
    columns: int | None  # None: it is a single cell
    opens: bool = False  # there is an opening balance in the column before the first


Places = Mapping[str, Place]


def formula_at(template: str, places: Places, sheet: str, column: int | None) -> str:
    """A formula as it stands in a cell of ``sheet``; ``column`` counts from the line's first.

    Raises:
        KeyError: for a name or a column that there is not.
        ValueError: for a template that is no formula.
    """
    if not template.startswith("="):
        raise ValueError(f"a formula begins with =, unlike {template!r}")
    written = _REFERENCE.sub(
        lambda found: _referred(found[1], found[2], places, sheet, column), template
    )
    if "{" in written or "}" in written:
        raise ValueError(f"a brace is left in {template!r}")
    return written


def cell(row: int, column: int, *, fixed_row: bool = False, fixed_column: bool = False) -> str:
    """``B$3``: row 2, column 1, with the row fixed."""
    return f"{'$' if fixed_column else ''}{_letters(column)}{'$' if fixed_row else ''}{row + 1}"


@cache
def _letters(column: int) -> str:
    letters, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def on_sheet(sheet: str) -> str:
    """What stands before a reference to another sheet."""
    return f"{sheet}!" if sheet.isalnum() and not sheet[0].isdigit() else f"'{sheet}'!"


def _referred(name: str, where: str | None, places: Places, sheet: str, column: int | None) -> str:
    first, _, last = name.partition(":")
    place = places[first]
    end = places[last] if last else place
    if (end.sheet, end.first, end.columns) != (place.sheet, place.first, place.columns):
        raise KeyError(f"{name}: the two are not of one table")
    before = "" if place.sheet == sheet else on_sheet(place.sheet)
    if place.columns is None:
        if where is not None:
            raise KeyError(f"{name}@{where}: it is a single cell")
        return before + _area(place, end, place.first, place.first, (True, True))
    left, right, fixed = _columns(name, place, where, column)
    return before + _area(place, end, left, right, fixed)


def _columns(
    name: str, place: Place, where: str | None, column: int | None
) -> tuple[int, int, tuple[bool, bool]]:
    """The first and the last column, and which of the two is fixed."""
    assert place.columns is not None  # noqa: S101 - single cells are done with
    last = place.columns - 1
    if where == "all":
        return place.first, place.first + last, (True, True)
    if where == "open":
        at, fixed = -1, True
    elif where == "last":
        at, fixed = last, True
    elif where is not None and where.isdecimal():
        at, fixed = int(where), True
    else:
        if column is None:
            raise KeyError(f"{name}: it has a cell for each column; say which")
        if where == "sofar":
            return place.first, place.first + column, (True, False)
        if where == "rest":
            return place.first + column, place.first + last, (False, True)
        at, fixed = column + int(where or 0), False
    if not (-1 if place.opens else 0) <= at <= last:
        raise KeyError(f"{name}@{where}: there is no such column (the one asked for is {at})")
    return place.first + at, place.first + at, (fixed, fixed)


def _area(place: Place, end: Place, left: int, right: int, fixed: tuple[bool, bool]) -> str:
    rows = place.columns is None  # a single cell is fixed both ways
    one = cell(place.row, left, fixed_row=rows, fixed_column=fixed[0])
    if (place.row, left) == (end.row, right):
        return one
    return f"{one}:{cell(end.row, right, fixed_row=rows, fixed_column=fixed[1])}"
