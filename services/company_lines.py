"""The lines that a company's figures stand on: what each is, and what it can be.

One table for whoever brings figures (GraphQL, JSON, CSV) and for whoever reads them. A figure
has a path: ``years[2024].revenue``, ``balanceSheets[2024-12-31].debtNoncurrent``,
``prices[2024-12-31].close``, ``peers[BRK.B].beta``, or a head line's own name, ``currency``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, Final
from unicodedata import normalize

from engine.door import MONEY_MAX
from engine.errors import Problem
from services.shapes import is_printed
from services.words import camel

SHARES_MOST: Final = 1e15
TEXT_MOST: Final = 1_000  # characters of a source, a reason, a note
FIRST_YEAR, LAST_YEAR = 1900, 2200


class Measure(Enum):
    """What a number counts, and so whether a unit such as MILLIONS applies to it."""

    MONEY = auto()  # scaled by the unit
    SHARES = auto()  # scaled by the unit of shares
    PRICE = auto()  # money for one share; never scaled
    NUMBER = auto()  # a rate or a multiple; never scaled


@dataclass(frozen=True, slots=True)
class Line:
    """A line that holds one number."""

    name: str  # as the schema spells it
    measure: Measure
    low: float
    high: float

    def problem(self, value: float, path: str) -> Problem | None:
        """What is wrong with a value in whole units; None where nothing is."""
        if not isfinite(value):
            return Problem(path, "NOT_FINITE", "This is not a finite number.", "Give a number.")
        if self.low <= value <= self.high:
            return None
        if self.low == 0.0 and value < 0.0:
            sign = f"Give {self.name} as a positive amount, as the statements do."
            return Problem(path, "OUT_OF_RANGE", f"{value:g} is below 0.", sign)
        message = f"{value:g} is not from {self.low:g} to {self.high:g}."
        suggestion = "Look it up."
        if self.high < 1.0:
            suggestion = "A rate is a fraction: 0.25 for 25 %."
        elif self.measure in (Measure.MONEY, Measure.SHARES):
            suggestion = "Look at the figure, and at the unit that it is given in."
        return Problem(path, "OUT_OF_RANGE", message, suggestion)


@dataclass(frozen=True, slots=True)
class Section:
    """Periods, or firms, that have the same lines each."""

    name: str  # as the schema spells it
    key: str  # what tells one from the other, as the schema spells it
    lines: Mapping[str, Line]
    most: int  # of one company
    lists: tuple[str, ...] = ()  # lines that hold a list, and are given as a whole


def _lines(measure: Measure, names: str, low: float, high: float) -> dict[str, Line]:
    return {name: Line(name, measure, low, high) for name in map(camel, names.split())}


_EXPENSES: Final = "depreciation_amortization capital_expenditure stock_compensation"
_EARNED: Final = "operating_income pretax_income income_tax net_income"
_BALANCES: Final = (
    "cash_and_equivalents marketable_securities_current marketable_securities_noncurrent "
    "debt_current debt_noncurrent accounts_receivable vendor_nontrade_receivables inventories "
    "other_current_assets accounts_payable other_current_liabilities deferred_revenue_current "
    "leases preferred_stock minority_interests pensions_after_tax associates "
    "losses_carried_forward"
)

YEARS: Final = Section(
    name="years",
    key="fiscalYear",
    lines=MappingProxyType(
        _lines(Measure.MONEY, "revenue", 0.0, MONEY_MAX)
        | _lines(Measure.MONEY, _EARNED, -MONEY_MAX, MONEY_MAX)
        | _lines(Measure.MONEY, _EXPENSES, 0.0, MONEY_MAX)
    ),
    most=60,
    lists=("adjustments",),
)
BALANCE_SHEETS: Final = Section(
    name="balanceSheets",
    key="asOf",
    lines=MappingProxyType(
        _lines(Measure.MONEY, _BALANCES, 0.0, MONEY_MAX)
        | _lines(Measure.SHARES, "diluted_shares basic_shares", 1.0, SHARES_MOST)
        | _lines(Measure.SHARES, "restricted_stock", 0.0, SHARES_MOST)
    ),
    most=60,
    lists=("options",),
)
PRICES: Final = Section(
    name="prices",
    key="date",
    lines=MappingProxyType(_lines(Measure.PRICE, "close", 1e-6, 1e12)),
    most=400,
)
PEERS: Final = Section(
    name="peers",
    key="ticker",
    lines=MappingProxyType(
        _lines(Measure.NUMBER, "beta", -1.0, 5.0)
        | _lines(Measure.NUMBER, "debt_to_equity", 0.0, 20.0)
        | _lines(Measure.NUMBER, "tax_rate", 0.0, 0.9)
    ),
    most=30,
)
SECTIONS: Final = {section.name: section for section in (YEARS, BALANCE_SHEETS, PRICES, PEERS)}
HEAD: Final = ("name", "currency", "fiscalYearEnd", "notes")  # lines that hold words
OPTION_LINES: Final = {
    "count": Line("count", Measure.SHARES, 0.0, SHARES_MOST),
    "strike": Line("strike", Measure.PRICE, 0.0, 1e12),
}
OPTIONS_MOST: Final = 20
ADJUSTMENTS_MOST: Final = 30  # of one year

_TICKER: Final = re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,31}")
_PATH: Final = re.compile(r"(years|balanceSheets|prices|peers)\[([^\[\]]{1,32})\](?:\.(\w{1,40}))?")


def path_of(section: str, key: str, line: str) -> str:
    """``years[2024].revenue``."""
    return f"{section}[{key}].{line}"


@lru_cache(maxsize=8_192)
def parts_of(path: str) -> tuple[Section, str, str | None] | None:
    """Section, key and line of a path; no line: all of the period. None: it is no such path."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    section, line = SECTIONS[found[1]], found[3]
    known = line is None or line in section.lines or line in section.lists
    return (section, found[2], line) if known else None


def ticker_of(value: Any) -> str | None:
    """A ticker in capitals; None where it cannot be one."""
    told = value.strip() if isinstance(value, str) else ""
    # Capitals of other alphabets' letters may be ours: of ß they are SS.
    return told.upper() if told.isascii() and _TICKER.fullmatch(told.upper()) else None


def key_of(section: Section, value: Any) -> str | None:
    """A key in its one spelling; None where it cannot be one."""
    if section is YEARS:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if whole and FIRST_YEAR <= value <= LAST_YEAR else None
    if section is PEERS:
        return ticker_of(value)
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return day.isoformat() if FIRST_YEAR <= day.year <= LAST_YEAR else None


def text_of(value: Any, path: str, problems: list[Problem], most: int = TEXT_MOST) -> str | None:
    """A text that can be shown on one line, trimmed; None where there is none to speak of."""
    if value is None or not str(value).strip():
        return None
    line = normalize("NFC", str(value).strip())
    if len(line) > most:
        message = f"This text has {len(line):,} characters, and {most:,} fit here."
        problems.append(Problem(path, "TOO_LARGE", message, "Shorten it."))
        return None
    if not is_printed(line):
        message = "This text has signs that cannot be shown."
        problems.append(Problem(path, "WRONG_TYPE", message, "Give one line of plain text."))
        return None
    return line
