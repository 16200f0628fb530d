"""A workbook: sheets, names, checks, and the bytes of an .xlsx file.

The same valuation is the same bytes: the file holds no clock but the day it was valued.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from services.labels import Form
from services.workbook.formulas import Place, cell, formula_at, on_sheet
from services.workbook.looks import Amounts, Looks, amounts_of
from services.workbook.paper import arranged
from services.workbook.sheet import Cell, Columns, Limit, Sheet, Value
from services.workbook.years import Calendar, Years

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet


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
    calendar: Calendar | None = None  # of the forecast's years, where known
    currency: str = "USD"  # of all money

    def sheet(self, name: str, *, columns: Columns | None = None, first: bool = False) -> Sheet:
        """A new sheet behind those that there are, or before them."""
        made = Sheet(name, self.places, self.sheets, columns or Columns(), calendar=self.calendar)
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

        from services.workbook.worksheet import QuickWorksheet

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
        amounts = self.amounts()
        looks = Looks(workbook, amounts)
        footer = f"&L{title}&C&A&RPage &P of &N"
        for sheet in self.sheets:
            page = arranged(sheet, amounts, self._units(sheet, amounts))
            into = workbook.add_worksheet(sheet.name, QuickWorksheet)
            _write(sheet, page.cells, into, self.places, looks)
            page.set_up(sheet, into, footer)
            if sheet.name == "Inputs":
                _limit(into, self.limits, self.places, amounts)
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

    def amounts(self) -> Amounts:
        """How money is shown."""
        return amounts_of(one for sheet in self.sheets for one in sheet.cells)

    def _units(self, sheet: Sheet, amounts: Amounts) -> str:
        """In what the money of a sheet is shown, which a price is not; "" where it has none."""
        forms = {one.form for one in sheet.cells}
        if sheet.name == "Summary" or Form.MONEY not in forms:
            return ""
        of_a_share = f"; per share in {self.currency}" if Form.PRICE in forms else ""
        return f"in {self.currency}{amounts.title}{of_a_share}"


def _write(
    sheet: Sheet,
    cells: Sequence[Cell],
    into: Worksheet,
    places: Mapping[str, Place],
    looks: Looks,
) -> None:
    last = max((one.column for one in cells), default=0)
    shaded: dict[int, int] = {}  # up to which column, of headings
    for one in cells:
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
    if sheet.frozen is not None or sheet.kept:
        into.freeze_panes(sheet.kept, 1 if sheet.frozen is None else sheet.frozen[1])
    into.hide_gridlines(2)


def _limit(
    into: Worksheet, limits: Sequence[Limit], places: Mapping[str, Place], amounts: Amounts
) -> None:
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
        if amounts.scaled and limit.form is Form.MONEY:
            rule |= {
                "input_title": "Whole units",
                "input_message": f"Type whole units; the cell shows {amounts.words}.",
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
