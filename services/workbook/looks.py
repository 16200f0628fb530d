"""How cells look: the formats of numbers, by how large they are, and what of a cell one reads.

A cell holds whole units whatever it shows, so formulas need no factor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from services.labels import Form
from services.workbook.sheet import Cell, Hand

if TYPE_CHECKING:
    import xlsxwriter
    from xlsxwriter.format import Format

_COLOURS: Final = {Hand.INPUT: "#0000FF", Hand.FIXED: "#7F7F7F"}
_LINKED: Final = "#007A33"  # of a formula that reads another sheet
_SHADE: Final = "#DDE5F0"
# What a program takes for a formula as soon as somebody has typed in its cell.
_LIKE_A_FORMULA: Final = ("=", "+", "-", "@")
_FORMS: Final = {
    Form.RATE: "0.00%;-0.00%;0.00%",
    Form.MULTIPLE: '0.00"x"',
    Form.CHOICE: "General",
}
_DAY: Final = "yyyy-mm-dd"
# Of a count that was small, or nothing, and may be a million as soon as an input moves; and of one
# that was large. A section says - itself, for some programs take the sign off with a condition.
_SMALL: Final = "[>=1000]#,##0;[<0]-General;General"
_LARGE: Final = "[>=1000]#,##0;[<0]-#,##0;General"
# What is less is rounding: no price is let in, and no count is told from none.
_NO_PRICE: Final = 1e-9
_NO_COUNT: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Amounts:
    """How money looks in a book whose largest amount is at least ``least``."""

    least: float
    words: str
    form: str
    title: str  # behind the currency

    @property
    def scaled(self) -> bool:
        """Whether a cell shows less than it holds."""
        return ",," in self.form


_AMOUNTS: Final = (
    Amounts(1e16, "trillions", "#,##0.0,,,,;(#,##0.0,,,,);0.0", " trillions"),
    Amounts(1e13, "billions", "#,##0.0,,,;(#,##0.0,,,);0.0", " billions"),
    Amounts(1e8, "millions", "#,##0.0,,;(#,##0.0,,);0.0", " millions"),
    Amounts(1e4, "whole units", "#,##0;(#,##0);0", ", whole units"),
    Amounts(0.0, "units, with hundredths", "#,##0.00;(#,##0.00);0.00", ", with hundredths"),
)


def amounts_of(cells: Iterable[Cell]) -> Amounts:
    """By the largest of their money."""
    largest = max((_size(one) for one in cells if one.form is Form.MONEY), default=0.0)
    return next(each for each in _AMOUNTS if largest >= each.least)


class Looks:
    """The formats of a workbook, each made once."""

    def __init__(self, workbook: xlsxwriter.Workbook, amounts: Amounts) -> None:
        self._workbook = workbook
        self._made: dict[tuple[Any, ...], Format] = {}
        self._amounts = amounts
        self.broken = workbook.add_format({"bg_color": "#FFC7CE", "font_color": "#9C0006"})
        self.shade = workbook.add_format({"bg_color": _SHADE})

    def of(self, one: Cell, single: int, *, linked: bool = False) -> Format:
        """``single`` is the first column of numbers; ``linked``: a formula reads another sheet."""
        right = on_the_right(one, single)
        numbers = number_format(one, self._amounts)
        quoted = isinstance(one.value, str) and one.value.startswith(_LIKE_A_FORMULA)
        quoted = quoted and one.formula is None
        key = (one.hand, numbers, one.strong, one.shaded, one.wrapped, right, linked, quoted)
        if key not in self._made:
            look = _properties(one, numbers)
            if right:
                look["align"] = "right"
            if linked:
                look["font_color"] = _LINKED
            if quoted:
                look["quote_prefix"] = True
            self._made[key] = self._workbook.add_format(look)
        return self._made[key]


def on_the_right(one: Cell, single: int) -> bool:
    """Whether words stand above numbers, or in the place of one; others begin where they begin."""
    if not isinstance(one.value, str) or one.formula is not None:
        return False
    if one.hand is Hand.FIXED:
        return one.form is not Form.CHOICE
    return one.column >= single and (one.shaded or one.column > single)


def number_format(one: Cell, amounts: Amounts) -> str | None:
    """How a number is written; None: it is words."""
    if isinstance(one.value, date):
        return _DAY
    if one.hand is Hand.WORDS:
        return None
    if one.form is Form.MONEY:
        return amounts.form
    if one.form is Form.PRICE:
        return _price(abs(_like(one)))
    return _count(_like(one)) if one.form is Form.COUNT else _FORMS[one.form]


def shown(one: Cell, amounts: Amounts) -> str:
    """What one reads in a cell."""
    written, value = number_format(one, amounts), one.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) or written is None:
        return str(value)
    if isinstance(value, bool):
        return str(value).upper()
    general = {_SMALL: value < 1_000.0, _LARGE: 0.0 <= value < 1_000.0}
    if written == "General" or general.get(written):
        return f"{value:.10g}"
    if "E+" in written:
        return f"{value:.1E}"
    places, factor, beside = _reading(written)
    if one.form is Form.COUNT:
        places = 0 if value >= 1_000.0 or written in general else 4
    size = f"{abs(value) * factor:,.{places}f}{beside}"
    if value >= 0.0:
        return size
    return f"({size})" if "(" in written else f"-{size}"


@cache
def _reading(written: str) -> tuple[int, float, str]:
    """Of a format: its decimal places, what a number is multiplied with, and what stands behind."""
    positive = written.split(";", maxsplit=1)[0]
    digits = positive.rstrip(",")
    places = digits.partition(".")[2].count("0")
    if "%" in positive:
        return places, 100.0, "%"
    thousands = len(positive) - len(digits)
    return places, 1_000.0**-thousands, "x" if "x" in positive else ""


def _size(one: Cell) -> float:
    return abs(float(one.value)) if isinstance(one.value, int | float) else 0.0


def _like(one: Cell) -> float:
    """The number whose size says how that of a cell is written."""
    if one.like is not None:
        return one.like
    return float(one.value) if isinstance(one.value, int | float) else 0.0


def _price(size: float) -> str:
    """With hundredths; of less than ten of them as many places as show three digits."""
    if size < _NO_PRICE:
        return "#,##0.00"
    for least, form in ((0.1, "#,##0.00"), (0.01, "0.0000"), (1e-4, "0.000000")):
        if size >= least:
            return form
    return "0.00E+00"


def _count(number: float) -> str:
    """Years and lives as they are, shares in whole ones, factors to four places."""
    if number.is_integer() and abs(number) < 1_000.0:
        return _SMALL
    if abs(number) >= 1_000.0:
        return _LARGE
    if abs(number) < _NO_COUNT:
        return "#,##0.0000"
    if abs(number) < 1e-4:
        return "0.0E+00"
    return "[>=1000]#,##0;[<0]-#,##0.0000;0.0000"


def _properties(one: Cell, numbers: str | None) -> dict[str, Any]:
    look: dict[str, Any] = {}
    if one.hand in _COLOURS:
        look["font_color"] = _COLOURS[one.hand]
    if one.strong:
        look["bold"] = True
    if one.shaded:
        look["bg_color"] = _SHADE
    elif one.strong and one.hand is Hand.FORMULA:
        look["top"] = 1
    if one.wrapped:
        look["text_wrap"] = True
    if numbers is not None:
        look["num_format"] = numbers
    return look
