"""Statements as tables: CSV files become the companies that they are of, with every flaw by place.

One file is one kind of statement, known by its columns, which have the names of `CompanyInput` and
its parts (``fiscalYear`` or ``fiscal_year``). Each row says in its column ``unit`` what its amounts
are in. What comes out is in whole units, and each value remembers its row and column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any, Final

from engine.errors import Problem
from services.company_figures import StatementUnit, whole
from services.company_lines import (
    BALANCE_SHEETS,
    OPTION_LINES,
    PEERS,
    PRICES,
    YEARS,
    Line,
    Measure,
    text_of,
    ticker_of,
)
from services.words import camel

BYTES_MOST: Final = 4 * 1024 * 1024  # of one file
LINE_MOST: Final = 64 * 1024  # characters of one row
ROWS_MOST: Final = 10_000  # of one file
PROBLEMS_MOST: Final = 200  # of all; what comes after them follows from them, mostly
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_FORMULA: Final = tuple("=+-@＝＋－＠")  # what a spreadsheet would run
_AS_UTF_8: Final = "Save it as CSV in UTF-8, then try again."
_DAYS: Final = ("asOf", "date")
_UNITS: Final = ("unit", "sharesUnit")
_AMOUNT: Final = Line("amount", Measure.MONEY, -YEARS.lines["revenue"].high, 1e18)


@dataclass(frozen=True, slots=True)
class Statement:
    """One kind of file."""

    section: str  # of a company: where its rows go; empty: to the company itself
    needed: tuple[str, ...]  # columns, and cells, that there have to be
    free: tuple[str, ...]
    lines: Mapping[str, Line]
    part: str = ""  # rows are parts of a list in one item of the section
    key: str = ""  # of the item that a row is, or is a part of

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.needed, *self.lines, *self.free)


_ORIGIN: Final = ("source", "asOf", "note")
# Each is known by what only it has; the first that fits.
STATEMENTS: Final[Mapping[str, Statement]] = {
    "adjustments": Statement(
        "years",
        ("ticker", "fiscalYear", "unit", "line", "amount", "reason"),
        ("source",),
        {"amount": _AMOUNT},
        part="adjustments",
        key="fiscalYear",
    ),
    "years": Statement(
        "years", ("ticker", "fiscalYear", "unit"), _ORIGIN, YEARS.lines, key="fiscalYear"
    ),
    "options": Statement(
        "balanceSheets",
        ("ticker", "asOf", "sharesUnit", "count", "strike"),
        ("source", "note"),
        OPTION_LINES,
        part="options",
        key="asOf",
    ),
    "prices": Statement(
        "prices", ("ticker", "date", "close"), ("source", "note"), PRICES.lines, key="date"
    ),
    "peers": Statement("peers", ("ticker", "peer"), _ORIGIN, PEERS.lines, key="peer"),
    "balance sheets": Statement(
        "balanceSheets",
        ("ticker", "asOf", "unit"),
        ("sharesUnit", "source", "note"),
        BALANCE_SHEETS.lines,
        key="asOf",
    ),
    "companies": Statement(
        "", ("ticker", "name", "currency"), ("fiscalYearEnd", "notes", "source", "note"), {}
    ),
}
_COLUMNS: Final = frozenset(name for each in STATEMENTS.values() for name in each.columns)
_TELLING: Final = {
    "adjustments": {"fiscalYear", "line"},
    "years": {"fiscalYear"},
    "options": {"strike"},
    "prices": {"close"},
    "peers": {"peer"},
    "balance sheets": {"asOf"},
    "companies": {"name"},
}


class Statements:
    """Companies put together from files. ``problems`` is empty, or nothing is to be done."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.places: dict[str, str] = {}  # from the path of a value to its file, row and column
        self._companies: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}  # of companies, in the order in which they came
        self._items: dict[tuple[str, str, str], tuple[dict[str, Any], str]] = {}
        self._rows: dict[tuple[str, ...], str] = {}

    @property
    def companies(self) -> list[dict[str, Any]]:
        """Documents with the fields of `CompanyInput`, in the order in which they came."""
        return list(self._companies.values())

    def read(self, name: str, content: bytes) -> None:
        """Add one file. ``name`` is what it is called in what is said of it."""
        rows = self._table(name, content)
        if not rows:
            return
        header = [camel(cell.strip()) for cell in rows[0][1]]
        statement = self._statement(f"{name}, row {rows[0][0]}", header)
        if statement is None:
            return
        for number, cells in rows[1:]:
            if not any(cell.strip() for cell in cells):
                continue
            if len(self.problems) >= PROBLEMS_MOST:
                self._say(name, "TOO_LARGE", "There are more problems than these.", "Mend them.")
                return
            where = f"{name}, row {number}"
            if len(cells) != len(header):
                message = f"This row has {len(cells)} cells, and the header {len(header)}."
                rule = "Put a text that has a comma in it between double quotes."
                self._say(where, "WRONG_LENGTH", message, rule)
                continue
            self._row(statement, dict(zip(header, cells, strict=True)), where)

    def take(self, company: Any, where: str) -> None:
        """Add a company that is a document already."""
        if not isinstance(company, dict) or not isinstance(company.get("ticker"), str):
            message, rule = "This is no company.", "Give an object with the fields of CompanyInput."
            self._say(where, "WRONG_TYPE", message, rule)
            return
        ticker = company["ticker"].strip().upper()
        if ticker in self._companies:
            message = "A company of this ticker was given before."
            self._say(where, "CONTRADICTION", message, "Put both into one.")
            return
        self.places[self._place(ticker)] = where
        self._companies[ticker] = company

    def _place(self, ticker: str) -> str:
        return f"companies[{self._numbers.setdefault(ticker, len(self._numbers))}]"

    def _say(self, where: str, code: Any, message: str, suggestion: str) -> None:
        self.problems.append(Problem(where, code, message, suggestion))

    def _table(self, name: str, content: bytes) -> list[tuple[int, list[str]]]:
        """Rows with their numbers, as an editor counts lines; empty where it is no table."""
        if len(content) > BYTES_MOST:
            message = f"This file has {len(content):,} bytes, and {BYTES_MOST:,} can be read."
            self._say(name, "TOO_LARGE", message, "Split it up.")
            return []
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as no:
            number = content.count(b"\n", 0, no.start) + 1
            message = "This file is not text in UTF-8."
            self._say(f"{name}, row {number}", "WRONG_TYPE", message, _AS_UTF_8)
            return []
        if "\0" in text:
            message = "This file has null characters in it."
            self._say(name, "WRONG_TYPE", message, _AS_UTF_8)
            return []
        longest = max((len(line) for line in text.splitlines()), default=0)
        if longest > LINE_MOST:
            message = f"A line has {longest:,} characters, and {LINE_MOST:,} can be read."
            self._say(name, "TOO_LARGE", message, "One row is one period of one company.")
            return []
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows: list[tuple[int, list[str]]] = []
        try:
            begins = 1
            for cells in reader:
                rows.append((begins, cells))
                begins = reader.line_num + 1
        except csv.Error:
            message, rule = "A quote is not closed here, or stands where none can.", "Mend it."
            self._say(f"{name}, row {reader.line_num}", "WRONG_TYPE", message, rule)
            return []
        while rows and not any(cell.strip() for cell in rows[0][1]):
            del rows[0]
        if len(rows) < 2:
            message = "There is no table in this file."
            self._say(name, "MISSING", message, "Give a header, and a row for each period.")
            return []
        if len(rows) - 1 > ROWS_MOST:
            message = f"This file has {len(rows) - 1:,} rows, and {ROWS_MOST:,} can be read."
            self._say(name, "TOO_LARGE", message, "Split it up.")
            return []
        return rows

    def _statement(self, where: str, header: Sequence[str]) -> Statement | None:
        known = set(header)
        kind = next((kind for kind, tells in _TELLING.items() if tells <= known), None)
        if kind is None:
            self._unknown(where, header)
            return None
        statement, before = STATEMENTS[kind], len(self.problems)
        for column in dict.fromkeys(header):
            at = f"{where}, column {_shown(column)}"
            if header.count(column) > 1:
                message = "This column is there more than once."
                self._say(at, "CONTRADICTION", message, "Keep one.")
            if column not in statement.columns:
                message = f"The {kind} have no such column."
                rule = f"Columns are: {', '.join(dict.fromkeys(statement.columns))}."
                self._say(at, "UNKNOWN", message, rule)
        for column in statement.needed:
            if column not in known:
                message, rule = f"The column {column} is missing.", "Add it, for every row."
                self._say(where, "MISSING", message, rule)
        return statement if len(self.problems) == before else None

    def _unknown(self, where: str, header: Sequence[str]) -> None:
        """What kept a header from being known: what is between its columns, or their names."""
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if len(header) == 1 and sign in header[0]:
                message = f"There are {word} between the columns of this file."
                rule = "Save it with commas between them, and with 1234.5 for numbers."
                self._say(where, "WRONG_TYPE", message, rule)
                return
        strange = [column for column in header if column not in _COLUMNS]
        message = "By these columns it is no statement that is known here."
        if strange:
            message += f" Unknown: {', '.join(map(_shown, strange[:10]))}."
        rule = "Write names as they are in the schema: ticker, fiscalYear, unit, revenue and so on."
        self._say(where, "UNKNOWN", message, rule)

    def _row(self, statement: Statement, cells: Mapping[str, str], where: str) -> None:
        before = len(self.problems)
        cells = {column: cell.strip() for column, cell in cells.items()}
        for column in statement.needed:
            if not cells[column]:
                message, rule = "This cell is empty.", _NEEDED.get(column, "Fill it in.")
                self._say(f"{where}, column {column}", "MISSING", message, rule)
        read = {
            column: self._cell(column, cell, f"{where}, column {column}")
            for column, cell in cells.items()
            if cell and column not in statement.lines
        }
        unit = read.get("unit") or StatementUnit.ONES
        shares_unit = read.get("sharesUnit") or unit
        for column, line in statement.lines.items():
            if cells.get(column):
                at = f"{where}, column {column}"
                read[column] = self._number(cells[column], line, unit, shares_unit, at)
        if len(self.problems) == before:
            self._put(statement, read, where)

    def _cell(self, column: str, cell: str, at: str) -> Any:
        if column in _UNITS:
            return self._unit(cell, at)
        if column in ("ticker", "peer"):
            ticker = ticker_of(cell)
            if ticker is not None:
                return ticker
            rule = "A ticker has 1 to 32 letters, digits, dots and hyphens, such as BRK.B."
            return self._say(at, "WRONG_TYPE", "This is no ticker.", rule)
        if column == "fiscalYear":
            if re.fullmatch(r"[0-9]{4}", cell) and 1900 <= int(cell) <= 2200:
                return int(cell)
            rule = "Give the calendar year in which it ends, such as 2024."
            return self._say(at, "WRONG_TYPE", "This is no fiscal year.", rule)
        if column in _DAYS:
            try:
                return date.fromisoformat(cell).isoformat()
            except ValueError:
                rule = "Write it as 2024-12-31."
                return self._say(at, "WRONG_TYPE", "This is no day.", rule)
        if column == "line":
            cell = camel(cell)
        if cell.startswith(_FORMULA):
            message = "This begins like a formula of a spreadsheet, which no text here does."
            return self._say(at, "WRONG_TYPE", message, "Write the text itself.")
        return text_of(cell, at, self.problems)

    def _unit(self, cell: str, at: str) -> StatementUnit | None:
        try:
            return StatementUnit(cell.upper())
        except ValueError:
            rule = f"Give one of {', '.join(StatementUnit)}."
            self._say(at, "UNKNOWN", "This is no unit that is known here.", rule)
            return None

    def _number(
        self, cell: str, line: Line, unit: StatementUnit, shares_unit: StatementUnit, at: str
    ) -> float | None:
        if not _NUMBER.fullmatch(cell):
            rule = "Write 1234.5 or -1234.5: no separators, brackets, currency, % or formula."
            self._say(at, "WRONG_TYPE", "This is no number.", rule)
            return None
        number = float(cell)
        value = whole(number, line, unit, shares_unit) if isfinite(number) else number
        problem = line.problem(value, at)
        if problem is not None:
            self.problems.append(problem)
        return value

    def _put(self, statement: Statement, read: dict[str, Any], where: str) -> None:
        """Where the row belongs; a second row of the same period is a problem."""
        ticker = read.pop("ticker")
        company = self._companies.get(ticker)
        if company is None:
            company = self._companies[ticker] = {"ticker": ticker}
        at = self._place(ticker)
        self.places.setdefault(at, where)
        values = {name: value for name, value in read.items() if name not in _UNITS}
        if not statement.section:
            if self._is_new((ticker,), where, f"{ticker} is there already, in"):
                if "notes" in values:
                    values["notes"] = [values["notes"]]
                company.update(values)
                self.places.update({f"{at}.{name}": f"{where}, column {name}" for name in values})
            return
        key = str(values.pop(statement.key))
        same = f"{key} of {ticker} is there already, in"
        if not statement.part and not self._is_new((ticker, statement.section, key), where, same):
            return
        item, place = self._item(company, at, statement, ticker, key, where)
        if not statement.part:
            item.update(values)
            self.places.update({f"{place}.{name}": f"{where}, column {name}" for name in values})
            return
        if statement.part == "options":  # a tranche has no source of its own, all of them have one
            _say_of(item, "options", values)
        parts = item.setdefault(statement.part, [])
        self.places[f"{place}.{statement.part}[{len(parts)}]"] = where
        parts.append(values)

    def _is_new(self, key: tuple[str, ...], where: str, same: str) -> bool:
        first = self._rows.setdefault(key, where)
        if first != where:
            self._say(where, "CONTRADICTION", f"{same} {first}.", "Keep one of the two rows.")
        return first == where

    def _item(
        self,
        company: dict[str, Any],
        at: str,
        statement: Statement,
        ticker: str,
        key: str,
        where: str,
    ) -> tuple[dict[str, Any], str]:
        """The period or firm that a row is of, and its path."""
        found = self._items.get((ticker, statement.section, key))
        if found is None:
            items = company.setdefault(statement.section, [])
            named: Callable[[str], Any] = int if statement.key == "fiscalYear" else str
            name = "ticker" if statement.key == "peer" else statement.key
            item = {name: named(key)}
            place = f"{at}.{statement.section}[{len(items)}]"
            items.append(item)
            self.places[place] = where
            found = self._items[(ticker, statement.section, key)] = (item, place)
        return found

    def place_of(self, path: str) -> str:
        """Where a value of the documents stands in the files; the path itself where nowhere."""
        shorter = path
        while shorter:
            if shorter in self.places:
                rest = path[len(shorter) :].lstrip(".")
                row = self.places[shorter]
                return f"{row}, {rest}" if rest else row
            shorter = shorter[: max(shorter.rfind("."), shorter.rfind("["), 0)]
        return path


def _say_of(item: dict[str, Any], line: str, values: dict[str, Any]) -> None:
    """Put a row's source and note beside those of the line's other rows."""
    told = {name: values.pop(name) for name in ("source", "note") if name in values}
    if not told:
        return
    origins = item.setdefault("origins", [])
    if not origins:
        origins.append({"line": line})
    for name, text in told.items():
        known = origins[0].get(name)
        if known is None or text not in known.split("; "):
            origins[0][name] = text if known is None else f"{known}; {text}"


def _shown(column: str) -> str:
    """A name as far as it can be said."""
    return column[:40] if column.isprintable() and column else "without a name"


_NEEDED: Final = {
    "unit": f"Say what the amounts of the row are in: {', '.join(StatementUnit)}.",
    "sharesUnit": f"Say what the count is in: {', '.join(StatementUnit)}.",
    "ticker": "Say whose figures these are.",
}
