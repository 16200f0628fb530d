"""A tenant's own company as figures by path, each with where it is from: given, merged, read.

What is given is a document with the fields of `CompanyInput`, in a unit; what is kept is in whole
units, one figure for each path. Merging changes the paths that were given and no other, and a
figure that is given again as it stands keeps its author.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any, Final

from engine.errors import Problem
from services.company_lines import (
    ADJUSTMENTS_MOST,
    BALANCE_SHEETS,
    OPTION_LINES,
    OPTIONS_MOST,
    PEERS,
    PRICES,
    SECTIONS,
    YEARS,
    Line,
    Measure,
    Section,
    key_of,
    parts_of,
    path_of,
    text_of,
    ticker_of,
)
from services.contents import canonical_text

Document = Mapping[str, Any]
Figures = dict[str, dict[str, Any]]  # path -> value, source, asOf, note, author, at


class StatementUnit(StrEnum):
    """What one of a given number is, where it is money or shares."""

    ONES = "ONES"
    THOUSANDS = "THOUSANDS"
    MILLIONS = "MILLIONS"
    BILLIONS = "BILLIONS"


SCALES: Final = {
    StatementUnit.ONES: 1,
    StatementUnit.THOUSANDS: 10**3,
    StatementUnit.MILLIONS: 10**6,
    StatementUnit.BILLIONS: 10**9,
}
NOTES_MOST: Final = 20
BYTES_MOST: Final = 512 * 1024  # of one company's figures
_NAME_MOST: Final = 200
_CURRENCY: Final = 3


def whole(value: float, line: Line, unit: StatementUnit, shares_unit: StatementUnit) -> float:
    """A number in whole units: 15812.547 millions are 15,812,547,000 and not a hair beside."""
    scale = {Measure.MONEY: unit, Measure.SHARES: shares_unit}.get(line.measure)
    if scale is None or not isfinite(value):
        return float(value)
    return float(Decimal(repr(value)) * SCALES[scale])


class Given:
    """The figures of one document, with every problem of it. ``at`` is where it stands."""

    def __init__(self, document: Document, at: str, problems: list[Problem]) -> None:
        self._at, self._problems = at, problems
        self._unit = StatementUnit(document.get("unit", StatementUnit.ONES))
        self._shares_unit = StatementUnit(document.get("sharesUnit", self._unit))
        self.figures: Figures = {}
        self.ticker = ticker_of(document.get("ticker")) or ""
        if not self.ticker:
            rule = "A ticker has 1 to 32 letters, digits, dots and hyphens, such as BRK.B."
            self._say("ticker", "WRONG_TYPE", "This is no ticker.", rule)
        origin = self._origin(document, "", {})
        self._head(document, origin)
        for section in SECTIONS.values():
            self._section(section, document.get(section.name) or (), origin)

    def _say(self, path: str, code: Any, message: str, suggestion: str) -> None:
        where = f"{self._at}.{path}" if self._at and path else self._at or path
        self._problems.append(Problem(where, code, message, suggestion))

    def _text(self, value: Any, path: str, most: int = 1_000) -> str | None:
        return text_of(value, f"{self._at}.{path}" if self._at else path, self._problems, most)

    def _origin(self, given: Document, path: str, otherwise: Document) -> dict[str, Any]:
        """Where figures are from: what is said here, or else what is said around them."""
        before = f"{path}." if path else ""
        own = {
            "source": self._text(given.get("source"), f"{before}source"),
            "asOf": None if path.startswith("balanceSheets") else given.get("asOf"),
            "note": self._text(given.get("note"), f"{before}note"),
        }
        return {**otherwise, **{name: value for name, value in own.items() if value is not None}}

    def _put(self, path: str, value: Any, origin: Document, at: str) -> None:
        if "source" not in origin:
            self._say(
                f"{at}.source" if at else "source",
                "MISSING",
                "Every figure says where it is from, and these do not.",
                "Give a source beside them, or one for the whole company.",
            )
            return
        self.figures[path] = {"value": value, **origin}

    def _head(self, document: Document, origin: Document) -> None:
        currency = document.get("currency")
        if currency is not None:
            known = str(currency).strip()
            if len(known) == _CURRENCY and known.isascii() and known.isalpha() and known.isupper():
                self._put("currency", known, origin, "")
            else:
                rule = "Give three capitals, such as USD."
                self._say("currency", "WRONG_TYPE", "This is no ISO 4217 code.", rule)
        for name in ("name", "fiscalYearEnd"):
            text = self._text(document.get(name), name, _NAME_MOST)
            if text is not None:
                self._put(name, text, origin, "")
        notes = document.get("notes")
        if notes is not None:
            if len(notes) > NOTES_MOST:
                self._say("notes", "TOO_LARGE", f"{len(notes)} notes.", f"Up to {NOTES_MOST} fit.")
            told = [self._text(note, f"notes[{n}]") for n, note in enumerate(notes[:NOTES_MOST])]
            self._put("notes", [note for note in told if note], origin, "")

    def _section(self, section: Section, items: Any, around: Document) -> None:
        seen: dict[str, int] = {}
        if len(items) > section.most:
            message = f"{len(items):,} are given, and {section.most} fit one company."
            self._say(section.name, "TOO_LARGE", message, "Leave out the oldest.")
            return
        for number, item in enumerate(items):
            at = f"{section.name}[{number}]"
            key = key_of(section, item.get(section.key))
            if key is None:
                rule = _KEYS[section.name]
                self._say(f"{at}.{section.key}", "OUT_OF_RANGE", "This names no such thing.", rule)
            elif key in seen:
                first = f"{section.name}[{seen[key]}]"
                message = f"{key} is given twice: {first} is the same."
                self._say(f"{at}.{section.key}", "CONTRADICTION", message, "Keep one of them.")
            else:
                seen[key] = number
                self._item(section, item, key, at, around)

    def _item(self, section: Section, item: Document, key: str, at: str, around: Document) -> None:
        origin = self._origin(item, at, around)
        if section in (BALANCE_SHEETS, PRICES):
            origin["asOf"] = key
        others = self._others(section, item, at, origin)
        for name, line in section.lines.items():
            if item.get(name) is None:
                continue
            value = whole(item[name], line, self._unit, self._shares_unit)
            self._check(line, value, f"{at}.{name}")
            self._put(path_of(section.name, key, name), value, others.get(name, origin), at)
        if item.get("adjustments") is not None:
            adjustments = self._adjustments(item["adjustments"], f"{at}.adjustments", origin)
            sources = dict.fromkeys(str(each["source"]) for each in adjustments if each["source"])
            told = origin if not sources else {"source": "; ".join(sources), **origin}
            told = others.get("adjustments", told)
            self._put(path_of(section.name, key, "adjustments"), adjustments, told, at)
        if item.get("options") is not None:
            options = self._options(item["options"], f"{at}.options")
            told = others.get("options", origin)
            self._put(path_of(section.name, key, "options"), options, told, at)

    def _check(self, line: Line, value: float, path: str) -> None:
        problem = line.problem(value, f"{self._at}.{path}" if self._at else path)
        if problem is not None:
            self._problems.append(problem)

    def _others(
        self, section: Section, item: Document, at: str, origin: Document
    ) -> dict[str, dict[str, Any]]:
        """By line, where one figure is from somewhere else than those beside it."""
        found = {}
        for number, each in enumerate(item.get("origins") or ()):
            where = f"{at}.origins[{number}]"
            if each["line"] not in section.lines and each["line"] not in section.lists:
                rule = f"Lines are: {', '.join([*section.lines, *section.lists])}."
                self._say(f"{where}.line", "UNKNOWN", "There is no such line here.", rule)
                continue
            if each["line"] in found:
                message, rule = f"The origin of {each['line']} is given twice.", "Keep one."
                self._say(f"{where}.line", "CONTRADICTION", message, rule)
            elif item.get(each["line"]) is None:
                message, rule = f"There is no {each['line']} beside it.", "Give the figure, too."
                self._say(f"{where}.line", "CONTRADICTION", message, rule)
            found[each["line"]] = self._origin(each, where, origin)
        return found

    def _adjustments(self, given: Any, at: str, origin: Document) -> list[dict[str, Any]]:
        if len(given) > ADJUSTMENTS_MOST:
            message = f"{len(given)} adjustments of one year."
            self._say(at, "TOO_LARGE", message, f"Up to {ADJUSTMENTS_MOST} fit; sum the small.")
            return []
        found: list[dict[str, Any]] = []
        for number, each in enumerate(given):
            where, name = f"{at}[{number}]", each["line"]
            line = YEARS.lines.get(name)
            if line is None:
                rule = f"Lines are: {', '.join(YEARS.lines)}."
                self._say(f"{where}.line", "UNKNOWN", "There is no such line in a year.", rule)
                continue
            amount = whole(each["amount"], line, self._unit, self._shares_unit)
            signed = Line(name, Measure.MONEY, -line.high, line.high)
            self._check(signed, amount, f"{where}.amount")
            reason = self._text(each.get("reason"), f"{where}.reason")
            source = self._text(each.get("source"), f"{where}.source") or origin.get("source")
            if source is None:
                rule = "Name the report, and the page."
                self._say(f"{where}.source", "MISSING", "An adjustment has a source.", rule)
            if reason is None:
                rule = "Say what it is: restructuring, a settlement, a disposal."
                self._say(f"{where}.reason", "MISSING", "An adjustment has a reason.", rule)
            adjustment = {"line": name, "amount": amount, "reason": reason, "source": source}
            self._once(adjustment, found, where, "The same adjustment")
            found.append(adjustment)
        return found

    def _options(self, given: Any, at: str) -> list[dict[str, float]]:
        if len(given) > OPTIONS_MOST:
            message = f"{len(given)} tranches of options."
            rule = f"Up to {OPTIONS_MOST} fit: put those of near strikes together."
            self._say(at, "TOO_LARGE", message, rule)
            return []
        found: list[dict[str, float]] = []
        for number, each in enumerate(given):
            tranche = {}
            for name, line in OPTION_LINES.items():
                tranche[name] = whole(each[name], line, self._unit, self._shares_unit)
                self._check(line, tranche[name], f"{at}[{number}].{name}")
            self._once(tranche, found, f"{at}[{number}]", "The same tranche")
            found.append(tranche)
        return found

    def _once(self, part: object, before: Sequence[object], where: str, what: str) -> None:
        """A row that was copied would count twice."""
        if part in before:
            rule = "Keep one; if there really are two, give their sum."
            self._say(where, "CONTRADICTION", f"{what} is given twice.", rule)


_KEYS: Final = {
    "years": "Give the calendar year in which it ends, such as 2024.",
    "balanceSheets": "Give the day of the balances, such as 2024-12-31.",
    "prices": "Give the day of the close, such as 2024-12-31.",
    "peers": "Give the peer's ticker: letters, digits, dots and hyphens.",
}
_ORIGIN: Final = ("source", "asOf", "note")


def merged(before: Figures, given: Figures, author: str, at: str) -> Figures:
    """The figures with others put in place; what stands already as it is given is left alone."""
    after = dict(before)
    for path, figure in given.items():
        stands = before.get(path)
        if stands is None or any(stands.get(n) != figure.get(n) for n in ("value", *_ORIGIN)):
            after[path] = {**figure, "author": author, "at": at}
    return after


def without(before: Figures, path: str) -> Figures:
    """The figures without one, or without all of one period or firm."""
    return {name: figure for name, figure in before.items() if not _is_within(name, path)}


def _is_within(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}.")


def differences(before: Figures, after: Figures) -> list[dict[str, Any]]:
    """What changed, by path; None: nothing stands there."""
    return [
        {"path": path, "old": before.get(path), "new": after.get(path)}
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def lacking(figures: Figures, at: str) -> Iterator[Problem]:
    """What a company cannot be without, and parts that do not fit each other."""
    for name, rule in _NEEDED.items():
        if not any(path == name or path.startswith(f"{name}[") for path in figures):
            yield Problem(f"{at}.{name}", "MISSING", f"There is no {rule[0]} here yet.", rule[1])
    keys: dict[str, dict[str, set[str]]] = {name: {} for name in SECTIONS}
    for path in figures:
        parts = parts_of(path)
        if parts is not None and parts[2] is not None:
            keys[parts[0].name].setdefault(parts[1], set()).add(parts[2])
    for name, section in SECTIONS.items():
        if len(keys[name]) > section.most:
            message = f"There would be {len(keys[name])}, and {section.most} fit one company."
            yield Problem(f"{at}.{name}", "TOO_LARGE", message, "Remove the oldest first.")
    for ticker, lines in keys[PEERS.name].items():
        for line in PEERS.lines.keys() - lines:
            message = f"The peer {ticker} has no {line}."
            yield Problem(
                f"{at}.peers", "MISSING", message, "A peer has a beta, D/E and a tax rate."
            )
    yield from _unadjustable(figures, keys[YEARS.name], at)
    if len(canonical_text(figures).encode()) > BYTES_MOST:
        message = f"The figures of one company take up to {BYTES_MOST:,} bytes."
        yield Problem(at, "TOO_LARGE", message, "Shorten notes and sources.")


def _unadjustable(figures: Figures, years: Mapping[str, set[str]], at: str) -> Iterator[Problem]:
    for year, lines in years.items():
        adjustments = figures.get(path_of("years", year, "adjustments"), {}).get("value", ())
        for name in dict.fromkeys(each["line"] for each in adjustments):
            if name not in lines:
                message = f"Fiscal {year} has no {name} that could be adjusted."
                rule = "Give the reported line, or take its adjustments away first."
                yield Problem(f"{at}.years", "CONTRADICTION", message, rule)
                continue
            line = YEARS.lines[name]
            reported = figures[path_of("years", year, name)]["value"]
            total = reported + sum(each["amount"] for each in adjustments if each["line"] == name)
            if line.problem(total, at) is not None:
                message = f"Adjusted, {name} of fiscal {year} would be {total:g}."
                yield Problem(f"{at}.years", "OUT_OF_RANGE", message, "Look at the signs.")


_NEEDED: Final = {
    "name": ("name of the company", "Give `name`, and a source."),
    "currency": ("currency", "Give `currency`: the ISO 4217 code of its statements."),
    "years": ("fiscal year", "Give one at least, with its revenue."),
    "balanceSheets": ("balance sheet", "Give the one of the last fiscal year."),
    "prices": ("price", "Give a close: its day is the day that a valuation would be of."),
}


def day_of(figure: Document) -> date | None:
    """What day a figure is true of."""
    told = figure.get("asOf")
    return None if told is None else date.fromisoformat(told)
