"""A sheet of a workbook as it is composed: lines with names, in memory, before anything is written.

Every formula comes with the number that the engine found for it, so that a viewer which computes
nothing shows the engine's numbers, and one which does can be compared with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from typing import Final, TypeAlias

from services.labels import Form
from services.workbook.formulas import Place
from services.workbook.years import Calendar, Years

Value: TypeAlias = float | bool | str | date  # "" where a line says nothing
LABEL: Final = 0  # the column of a line's words
ERROR: Final = 1e-9  # what an error is written like, however small it is
CELLS_MOST: Final = 30_000  # of a book: about a second of writing


class OutOfRoom(Exception):
    """A book has more cells than are written."""


class Hand(Enum):
    """Who may write in a cell; a reader sees it by the colour."""

    INPUT = auto()  # blue: a number that may be changed, and everything follows
    FORMULA = auto()  # black
    FIXED = auto()  # grey: a choice that the formulas were written for
    WORDS = auto()


@dataclass(frozen=True, slots=True)
class Cell:
    row: int
    column: int
    value: Value  # of a formula: what the engine found
    hand: Hand
    form: Form = Form.COUNT
    formula: str | None = None  # with names, see `services.workbook.formulas`
    at: int | None = None  # which column of its line it is; None: a single cell
    strong: bool = False  # a heading, or a line that sums up
    shaded: bool = False
    wrapped: bool = False  # words in more than one line
    like: float | None = None  # a number that it is written like; None: itself


@dataclass(frozen=True, slots=True)
class Limit:
    """Between which two numbers an input has to lie: the service would refuse another."""

    label: str
    path: str
    row: int  # on the sheet of inputs
    least: float
    most: float
    form: Form = Form.COUNT

    @property
    def said(self) -> str:
        """What to type."""
        least, most = map(_figure, (self.least, self.most))
        if no_end(self.least):
            return "Give a number." if no_end(self.most) else f"Give a number of at most {most}."
        ends = f"of at least {least}" if no_end(self.most) else f"from {least} to {most}"
        return f"Give a number {ends}."


def no_end(bound: float) -> bool:
    """Whether a bound only keeps out what no firm has."""
    return abs(bound) >= 1e15


def _figure(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1_000.0 else f"{number:g}"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the numbers of a sheet stand."""

    single: int = 2  # of a line with one number, and of opening balances
    first: int = 3  # of the first year


@dataclass(slots=True)
class Sheet:
    """Lines are written from top to bottom; a name is one cell or one line of the whole book."""

    name: str  # letters and digits, blanks between; up to 31
    places: dict[str, Place]  # of the book
    book: list[Sheet] = field(repr=False)  # all its sheets
    columns: Columns = field(default_factory=Columns)
    cells: list[Cell] = field(default_factory=list)
    laws: list[tuple[int, int]] = field(default_factory=list)  # cells that turn red when FALSE
    widths: dict[int, float] = field(default_factory=lambda: {0: 38.0, 1: 4.0})  # at least
    row: int = 0  # the next one
    top: int = 0  # rows of its title, or of its first heading
    titled: bool = False  # whether that is a title, of the years
    frozen: tuple[int, int] | None = None  # rows and columns in sight: 1 row is the first heading
    calendar: Calendar | None = None  # of the forecast's years, where known
    numbered: bool = False  # whether the years' numbers were said, below their names

    @property
    def kept(self) -> int:
        """How many of the first rows stay in sight, and are on each page."""
        return self.top if self.titled or (self.frozen is not None and self.frozen[0]) else 0

    def heading(
        self,
        words: str,
        columns: Sequence[str] = (),
        *,
        opening: str = "",
        beside: Sequence[str] = (),
    ) -> None:
        """Words above what follows, and what each column is; ``beside`` the words come first.

        Years (`years_of`) are called for when they end where the book knows it. A sheet
        that begins with them has them in a title of its own, which stays in sight and is printed on
        each page; the first that are said have their numbers below.
        """
        first, named = not self.row, columns
        if isinstance(columns, Years) and self.calendar is not None:
            named = self.calendar.titles(len(columns))
            if first and columns:
                self._titles({LABEL: self.name}, named, strong=True)
                self._titles({LABEL: ""}, columns, strong=False)
                self.top, self.titled, self.numbered, named = self.row, True, True, ()
        if not first:
            self.row += 1
        titles = {LABEL: words, self.columns.single: opening}
        titles |= {LABEL + 1 + number: title for number, title in enumerate(beside)}
        self._titles(titles, named, strong=True)
        if named and named is not columns and not self.numbered:
            self._titles({LABEL: ""}, columns, strong=False)
            self.numbered = True
        if first and not self.titled:
            self.top = self.row

    def years(self, columns: Years) -> None:
        """Those of the forecast below the first heading, as a part of it."""
        if columns and self.calendar is not None:
            self._titles({LABEL: ""}, self.calendar.titles(len(columns)), strong=True)
        if columns:
            self._titles({LABEL: ""}, columns, strong=False)
        self.top, self.numbered = self.row, True

    def _titles(self, titles: dict[int, str], columns: Sequence[str], *, strong: bool) -> None:
        titles |= {self.columns.first + number: title for number, title in enumerate(columns)}
        for column in range(max(*titles, self.columns.single) + 1):
            self._words(column, titles.get(column, ""), strong=strong, shaded=True)
        self.row += 1

    def year_ends(self) -> None:
        """The last day of each year, where the book knows them."""
        if self.calendar is not None:
            label = "Year ends" if self.calendar.assumed else "Fiscal year ends"
            self.given("time.ends", (label,), self.calendar.ends, Form.CHOICE, Hand.FIXED)

    def words(self, *texts: str) -> None:
        """A row of words, a column each."""
        for column, text in enumerate(texts):
            if text:
                self._words(column, text)
        self.row += 1

    def blank(self) -> None:
        self.row += 1

    def line(
        self,
        key: str,
        label: str,
        formula: str | Sequence[str],
        values: Sequence[Value],
        form: Form | Sequence[Form] = Form.MONEY,
        *,
        opening: tuple[str, Value] | None = None,
        opening_form: Form | None = None,
        note: str = "",
        strong: bool = False,
        shaded: bool = False,
        like: float | None = None,
    ) -> None:
        """A number for each column: one formula, and one form, for all of them, or one for each.

        ``values`` are the engine's; ``opening`` is the formula and the number of the column before
        the first, and ``opening_form`` says how that is written where it is no number of the line.
        A line is ``shaded`` to be found among others like it. All its prices have the decimal
        places of the largest; ``like`` is a number that all are written like.
        """
        formulas = [formula] * len(values) if isinstance(formula, str) else list(formula)
        if len(formulas) != len(values):
            raise ValueError(f"{key}: {len(formulas)} formulas for {len(values)} numbers")
        forms = [form] * len(values) if isinstance(form, Form) else list(form)
        self._named(key, Place(self.name, self.row, self.columns.first, len(values), bool(opening)))
        self._label(label, note, strong=strong)
        cells: list[tuple[str, Value, Form, int | None]] = [
            *zip(formulas, values, forms, range(len(values)), strict=True)
        ]
        if opening is not None:
            cells.insert(0, (*opening, opening_form or forms[0], None))
        prices = like if like is not None else _largest((each[1], each[2]) for each in cells)
        first = self.columns.first - (opening is not None)
        for at, (each, value, how, number) in enumerate(cells, first):
            size = prices if how is Form.PRICE else like
            self._formula(at, each, value, how, number, strong, shaded=shaded, like=size)
        self.row += 1

    def number(
        self,
        key: str,
        label: str,
        formula: str,
        value: Value,
        form: Form = Form.MONEY,
        *,
        note: str = "",
        strong: bool = False,
    ) -> None:
        """A line of a single cell."""
        self._named(key, Place(self.name, self.row, self.columns.single, None))
        self._label(label, note, strong=strong)
        self._formula(self.columns.single, formula, value, form, None, strong)
        self.row += 1

    def compared(
        self, key: str, label: str, of: str, value: float, kept: float, form: Form
    ) -> None:
        """A line's number as it is now, beside what it was when it was valued."""
        self._named(key, Place(self.name, self.row, self.columns.single, None))
        self._label(label, "", strong=False)
        now, then, by = range(self.columns.single, self.columns.single + 3)
        self._formula(now, f"={{{of}}}", value, form, None, strong=False)
        self.cells.append(Cell(self.row, then, kept, Hand.FIXED, form, like=value))
        self._named(f"{key}.then", Place(self.name, self.row, then, None))
        now_less_then = f"{{{key}}}-{{{key}.then}}"  # of which a last digit is no difference
        settled = f"IF(ABS({now_less_then})<=1E-12*ABS({{{key}}}),0,{now_less_then})"
        difference = f'=IF(ISNUMBER({{{key}}}),{settled},"")'
        apart = value - kept if abs(value - kept) > 1e-12 * abs(value) else 0.0
        self._formula(by, difference, apart, form, None, strong=False, like=value)
        self.row += 1

    def bounded(self, key: str, limit: Limit) -> None:
        """Whether an input is within its limits, and these beside it."""
        place = self.places[limit.path]
        cells = f"{{{limit.path}}}" if place.columns is None else f"{{{limit.path}@all}}"
        self._named(key, Place(self.name, self.row, self.columns.single, None))
        self.laws.append((self.row, self.columns.single))
        self._words(LABEL, limit.label)
        self._words(LABEL + 1, limit.path)
        first = self.columns.first
        for name, column, value in (("least", first, limit.least), ("most", first + 1, limit.most)):
            self._named(f"{key}.{name}", Place(self.name, self.row, column, None))
            shown: Value = "none" if no_end(value) else value
            form = Form.RATE if limit.form is Form.RATE else Form.COUNT
            self.cells.append(Cell(self.row, column, shown, Hand.FIXED, form))
        least, most = (
            f"{value:.15G}" if no_end(value) else f"{{{key}.{name}}}"
            for name, value in (("least", limit.least), ("most", limit.most))
        )
        within = (
            f"=AND(COUNT({cells})={place.columns or 1},MIN({cells})>={least},MAX({cells})<={most})"
        )
        self._formula(self.columns.single, within, True, Form.CHOICE, None, strong=False)
        self.row += 1

    def given(
        self,
        key: str,
        labels: Sequence[str],
        values: Value | Sequence[Value],
        form: Form,
        hand: Hand = Hand.INPUT,
    ) -> None:
        """A line that nobody computes: ``labels`` from the first column on, then what is given."""
        many = isinstance(values, Sequence) and not isinstance(values, str)
        first = self.columns.first if many else self.columns.single
        every: Sequence[Value] = values if many else (values,)  # type: ignore[assignment] # told apart above
        self._named(key, Place(self.name, self.row, first, len(every) if many else None))
        for column, text in enumerate(labels):
            self._words(column, text)
        largest = _largest((value, form) for value in every)
        for number, value in enumerate(every):
            self.cells.append(Cell(self.row, first + number, value, hand, form, like=largest))
        self.row += 1

    def _named(self, key: str, place: Place) -> None:
        if sum(len(sheet.cells) for sheet in self.book) > CELLS_MOST:
            raise OutOfRoom
        if key in self.places:
            raise ValueError(f"two lines have the name {key}")
        self.places[key] = place

    def _label(self, label: str, note: str, *, strong: bool) -> None:
        self._words(LABEL, label, strong=strong)
        if note:
            self._words(LABEL + 1, note)

    def _words(self, column: int, text: str, *, strong: bool = False, shaded: bool = False) -> None:
        self.cells.append(Cell(self.row, column, text, Hand.WORDS, strong=strong, shaded=shaded))

    def _formula(
        self,
        column: int,
        formula: str,
        value: Value,
        form: Form,
        at: int | None,
        strong: bool,
        *,
        shaded: bool = False,
        like: float | None = None,
    ) -> None:
        hand = Hand.FORMULA
        self.cells.append(
            Cell(self.row, column, value, hand, form, formula, at, strong, shaded, like=like)
        )


def _largest(of: Iterable[tuple[Value, Form]]) -> float | None:
    """The largest of prices, whatever its sign; None where there is none."""
    prices = (value for value, form in of if form is Form.PRICE)
    return max((abs(each) for each in prices if isinstance(each, int | float)), default=None)


def step_words(step: int) -> str:
    """“+1 step”, “-2 steps”: how far from the middle a row or a column of a table is."""
    return f"{step:+d} step{'s' if abs(step) > 1 else ''}"


def told(values: Iterable[float | None]) -> list[Value]:
    """A line's numbers, blank where there is none to tell."""
    return ["" if value is None else float(value) for value in values]


def rows(line: str, count: int) -> str:
    """The reference to the lines ``line.0`` to ``line.<count - 1>``, one below the other."""
    return f"{{{line}.0:{line}.{count - 1}}}"
