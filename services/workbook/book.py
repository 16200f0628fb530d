"""A workbook: sheets, names, checks, and the bytes of an .xlsx file.

The same valuation is the same bytes: the file holds no clock but the day it was valued.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from services.labels import Form
from services.workbook.formulas import Place, cell, formula_at, on_sheet
from services.workbook.sheet import LABEL, Cell, Columns, Hand, Limit, Sheet, Value
from services.workbook.years import Years

if TYPE_CHECKING:
    import xlsxwriter
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

_COLOURS: Final = {Hand.INPUT: "#0000FF", Hand.FIXED: "#7F7F7F"}
_LINKED: Final = "#007A33"  # of a formula that reads another sheet
_SHADE: Final = "#DDE5F0"
_WIDTH: Final = 15.5  # characters, of a column of numbers
_UNSET: Final = 8.43  # of a column that nobody set
# What a program takes for a formula as soon as somebody has typed in its cell.
_LIKE_A_FORMULA: Final = ("=", "+", "-", "@")
_READABLE: Final = 215.0  # characters on a page that lies: of more, print is too small
_A4: Final = 9
_FORMS: Final = {
    Form.RATE: "0.00%;-0.00%;0.00%",
    Form.PRICE: "#,##0.00",
    Form.MULTIPLE: '0.00"x"',
    Form.CHOICE: "General",
}
# How money looks in a book whose largest amount is at least so large; cells hold whole units.
_AMOUNTS: Final = (
    (1e8, "millions", "#,##0.0,,;(#,##0.0,,);0.0"),
    (1e4, "whole units", "#,##0;(#,##0);0"),
    (0.0, "units, with hundredths", "#,##0.00;(#,##0.00);0.00"),
)


@dataclass(slots=True)
class Book:
    """What a kind's writer fills: its sheets, its checks, and which cell is which output."""

    places: dict[str, Place] = field(default_factory=dict)
    sheets: list[Sheet] = field(default_factory=list)
    checks: list[tuple[str, str]] = field(default_factory=list)  # words, and a formula that is TRUE
    outputs: dict[str, str] = field(default_factory=dict)  # VALUE_PER_SHARE: the key of its line
    names: dict[str, str] = field(default_factory=dict)  # of the workbook: the key behind it
    notices: list[tuple[str, str, Form]] = field(default_factory=list)  # words, key, form: of cells
    limits: list[Limit] = field(default_factory=list)  # of its inputs
    ends: tuple[date, ...] | None = None  # the last days of the forecast's years, where known
    assumed: bool = False  # nobody said when they end
    currency: str = "USD"  # of all money

    def sheet(self, name: str, *, columns: Columns | None = None, first: bool = False) -> Sheet:
        """A new sheet behind those that there are, or before them."""
        made = Sheet(name, self.places, self.sheets, columns or Columns())
        made.ends, made.assumed = self.ends, self.assumed
        self.sheets.insert(0 if first else len(self.sheets), made)
        return made

    def check(self, words: str, formula: str) -> None:
        """A law that holds whatever the inputs are; ``formula`` is TRUE while it does."""
        self.checks.append((words, formula))

    def output(self, name: str, key: str) -> None:
        """Which line is an output of the kind; the workbook's name of it is ``out_<name>``."""
        self.outputs[name] = key
        self.names[f"out_{name.lower()}"] = key

    def written(self, title: str, valued: datetime) -> bytes:
        """The file.

        Raises:
            KeyError: for a formula that names a line, or a column, that there is not.
        """
        import xlsxwriter

        target = io.BytesIO()
        options = {
            "in_memory": True,
            # What somebody called a peer or a tranche is never taken for a formula or an address.
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        workbook = xlsxwriter.Workbook(target, options)
        workbook.set_properties({"title": title, "created": valued.replace(tzinfo=None)})
        workbook.set_calc_mode("auto")
        looks = _Looks(workbook, self._amounts()[1])
        footer = f"&L{title}&C&A&RPage &P of &N"
        for sheet in self.sheets:
            if sheet.name != "Summary" and any(one.form is Form.MONEY for one in sheet.cells):
                at = next(n for n, one in enumerate(sheet.cells) if one.shaded)  # its first heading
                titled = f"{sheet.cells[at].value} ({self._units(sheet)})"
                sheet.cells[at] = replace(sheet.cells[at], value=titled)
                _make_room(sheet, titled, sheet.cells[at].row)
            into = workbook.add_worksheet(sheet.name)
            _write(sheet, into, self.places, looks, footer)
            if sheet.name == "Inputs":
                _limit(into, self.limits, self.places)
        for name, key in self.names.items():
            workbook.define_name(name, f"={_whole(self.places[key])}")
        workbook.close()
        return target.getvalue()

    def form_of(self, key: str) -> Form:
        """How the number of a line is written."""
        return self._cell(key).form

    def value_of(self, key: str) -> Value:
        """What the engine found for a single cell."""
        return self._cell(key).value

    def _cell(self, key: str) -> Cell:
        place = self.places[key]
        sheet = next(each for each in self.sheets if each.name == place.sheet)
        at = (place.row, place.first)
        return next(each for each in sheet.cells if (each.row, each.column) == at)

    def amounts(self) -> str:
        """In what money is shown, in words."""
        return self._amounts()[0]

    def _units(self, sheet: Sheet) -> str:
        """In what the money of a sheet is shown, which a price is not."""
        priced = any(one.form is Form.PRICE for one in sheet.cells)
        of_a_share = f"; per share in {self.currency}" if priced else ""
        return f"amounts in {self.currency}, {self.amounts()}{of_a_share}"

    def _amounts(self) -> tuple[str, str]:
        largest = max(
            (
                abs(each.value)
                for sheet in self.sheets
                for each in sheet.cells
                if each.form is Form.MONEY and isinstance(each.value, int | float)
            ),
            default=0.0,
        )
        return next((words, form) for least, words, form in _AMOUNTS if largest >= least)


class _Looks:
    """The formats of a workbook, each made once."""

    def __init__(self, workbook: xlsxwriter.Workbook, money: str) -> None:
        self._workbook = workbook
        self._made: dict[tuple[Any, ...], Format] = {}
        self._money = money
        self.broken = workbook.add_format({"bg_color": "#FFC7CE", "font_color": "#9C0006"})
        self.shade = workbook.add_format({"bg_color": _SHADE})

    def of(self, one: Cell, single: int, *, linked: bool = False) -> Format:
        """``single`` is the first column of numbers; ``linked``: a formula reads another sheet."""
        titled = one.shaded and one.column >= single
        right = titled or (one.hand is Hand.FIXED and isinstance(one.value, str))
        numbers = self._numbers(one)
        quoted = isinstance(one.value, str) and one.value.startswith(_LIKE_A_FORMULA)
        quoted = quoted and one.formula is None
        key = (one.hand, numbers, one.strong, one.shaded, right, linked, quoted)
        if key not in self._made:
            look = self._properties(one, numbers)
            if right:
                look["align"] = "right"
            if linked:
                look["font_color"] = _LINKED
            if quoted:
                look["quote_prefix"] = True
            self._made[key] = self._workbook.add_format(look)
        return self._made[key]

    def _numbers(self, one: Cell) -> str | None:
        """How a number is written; None: it is words."""
        if isinstance(one.value, date):
            return "yyyy-mm-dd"
        if one.hand is Hand.WORDS:
            return None
        if one.form is Form.MONEY:
            return self._money
        return _count(one.value) if one.form is Form.COUNT else _FORMS[one.form]

    def _properties(self, one: Cell, numbers: str | None) -> dict[str, Any]:
        look: dict[str, Any] = {}
        if one.hand in _COLOURS:
            look["font_color"] = _COLOURS[one.hand]
        if one.strong:
            look["bold"] = True
        if one.shaded:
            look["bg_color"] = _SHADE
        elif one.strong and one.hand is Hand.FORMULA:
            look["top"] = 1
        if numbers is not None:
            look["num_format"] = numbers
        return look


def _count(value: Value) -> str:
    """Years and lives as they are, shares in whole ones, factors to four places."""
    number = float(value) if isinstance(value, int | float) else 0.0
    if number.is_integer() and abs(number) < 1_000.0:
        return "General"
    if abs(number) < 1e-4:
        return "0.0E+00"
    return "[>=1000]#,##0;[<0]-#,##0.0000;0.0000"


def _write(
    sheet: Sheet, into: Worksheet, places: Mapping[str, Place], looks: _Looks, footer: str
) -> None:
    last = max((one.column for one in sheet.cells), default=0)
    shaded: dict[int, int] = {}  # up to which column, of headings
    for one in sheet.cells:
        look = looks.of(one, sheet.columns.single)
        if one.shaded:
            shaded[one.row] = max(shaded.get(one.row, 0), one.column)
        if one.formula is not None:
            formula = formula_at(one.formula, places, sheet.name, one.at)
            if "!" in formula:
                look = looks.of(one, sheet.columns.single, linked=True)
            into.write_formula(one.row, one.column, formula, look, _cached(one.value))
        elif isinstance(one.value, bool):
            into.write_boolean(one.row, one.column, one.value, look)
        elif isinstance(one.value, str):
            into.write_string(one.row, one.column, one.value, look)
        elif isinstance(one.value, date):
            into.write_datetime(one.row, one.column, one.value, look)
        else:
            into.write_number(one.row, one.column, float(one.value), look)
    for row, until in shaded.items():
        for column in range(until + 1, last + 1):
            into.write_blank(row, column, None, looks.shade)
    for row, column in sheet.laws:
        rule = {"type": "cell", "criteria": "==", "value": "FALSE", "format": looks.broken}
        into.conditional_format(row, column, row, column, rule)
    into.set_column(sheet.columns.single, sheet.columns.single + 120, _WIDTH)
    for column, width in sheet.widths.items():
        into.set_column(column, column, width)
    if sheet.frozen is not None or sheet.kept:
        into.freeze_panes(sheet.kept, 1 if sheet.frozen is None else sheet.frozen[1])
    into.hide_gridlines(2)
    _lay_out(sheet, into, footer)


def _make_room(sheet: Sheet, title: str, row: int) -> None:
    """The words of a title go on over empty cells, and a cell that says something cuts them off."""
    said = (one.column for one in sheet.cells if one.row == row and one.value != "")
    until = min((column for column in said if column != LABEL), default=None)
    if until is not None:
        beside = sum(map(partial(_width, sheet), range(LABEL + 1, until)))
        sheet.widths[LABEL] = max(_width(sheet, LABEL), 2.0 + 0.92 * len(title) - beside)


def _width(sheet: Sheet, column: int) -> float:
    return sheet.widths.get(column, _WIDTH if column >= sheet.columns.single else _UNSET)


def _lay_out(sheet: Sheet, into: Worksheet, footer: str) -> None:
    """On paper: lying, as wide as can be read, with the titles and the words on each page."""
    columns = 1 + max((one.column for one in sheet.cells), default=0)
    wide = sum(_width(sheet, column) for column in range(columns))
    into.set_landscape()
    into.set_paper(_A4)
    into.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.7)
    into.fit_to_pages(math.ceil(wide / _READABLE), 0)
    if sheet.kept:
        into.repeat_rows(0, sheet.kept - 1)
    into.repeat_columns(LABEL, LABEL if sheet.frozen is None else sheet.frozen[1] - 1)
    into.set_footer(footer)


def _limit(into: Worksheet, limits: Sequence[Limit], places: Mapping[str, Place]) -> None:
    """Whoever types what the service would refuse is told so, and may insist."""
    for limit in limits:
        place = places[limit.path]
        last = place.first + (place.columns or 1) - 1
        rule = {
            "validate": "decimal",
            "criteria": "between",
            "minimum": limit.least,
            "maximum": limit.most,
            "error_type": "warning",
            "error_title": "The service would refuse this",
            "error_message": limit.said,
        }
        into.data_validation(place.row, place.first, place.row, last, rule)


def _cached(value: Value) -> float | bool | str:
    """What stands in the cell until somebody computes it."""
    return value if isinstance(value, bool | str) else float(value)  # type: ignore[arg-type] # no formula gives a day


def _whole(place: Place) -> str:
    """A line on its sheet, fixed both ways."""
    last = place.first + (place.columns or 1) - 1
    one = cell(place.row, place.first, fixed_row=True, fixed_column=True)
    end = cell(place.row, last, fixed_row=True, fixed_column=True)
    return on_sheet(place.sheet) + (one if last == place.first else f"{one}:{end}")


def years_of(count: int) -> Years:
    """What the columns of a forecast are called; a heading says when they end, where known."""
    return Years(f"Year {year + 1}" for year in range(count))
