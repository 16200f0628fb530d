"""One input of a derived valuation, and the sentence an analyst could sign beside it.

Rates by year have one shape: today's level for three years, then equal steps to a mature firm's
in the last year. One shape is easy to read, and easy to argue with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from services.figures import percent, shortened
from services.sourced_inputs import LENGTHS
from store.companies import Company, Origin

PRODUCT: Final = "Valor IVX"  # who stands behind a rule of ours, and behind shipped figures
YEARS: Final = 10
HELD: Final = 3  # years at today's level: about as far as budgets and guidance see


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """Where one input comes from."""

    path: str  # in the document: "operations.ebitMargin"
    value: str  # as a person reads it: "30.54 %"; rates to the digit, money in billions
    text: str  # one sentence or a few
    source: str | None  # None: an assumption of ours
    as_of: date | None
    author: str = PRODUCT  # or the members who have brought the figures that it rests on
    note: str | None = None  # what they wrote beside them

    def entry(self) -> dict[str, str]:
        """As it stands among the `assumptions` of a document, none of it longer than fits there."""
        note = self.text if self.note is None else f"{self.text} {self.note}"
        told = {
            "path": self.path,
            "source": self.source,
            "asOf": None if self.as_of is None else self.as_of.isoformat(),
            "author": self.author,
            "note": note,
        }
        return {
            name: shortened(word, LENGTHS[name]) if name in LENGTHS else word
            for name, word in told.items()
            if word is not None
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedInputs:
    """A document ready to be valued; each of its numbers is under the path of one assumption."""

    company: Company
    document: dict[str, object]
    assumptions: tuple[Assumption, ...]  # in the order of the document
    notes: tuple[str, ...]  # the filings' own

    def sourced(self) -> dict[str, object]:
        """The document with its assumptions in it, so that they are kept with what it is worth."""
        return {**self.document, "assumptions": [each.entry() for each in self.assumptions]}


@dataclass(slots=True)
class Draft:
    """An input enters the document only together with its assumption, so none can lack one."""

    document: dict[str, Any] = field(default_factory=dict)
    assumptions: list[Assumption] = field(default_factory=list)

    def put(
        self,
        path: str,
        given: object,
        value: str,
        text: str,
        origin: Origin | None = None,
    ) -> None:
        *groups, name = path.split(".")
        group = self.document
        for each in groups:
            group = group.setdefault(each, {})
        group[name] = given
        self.assumptions.append(
            Assumption(
                path=path,
                value=value,
                text=text,
                source=None if origin is None else origin.source,
                as_of=None if origin is None else origin.as_of,
                author=(origin and origin.author) or PRODUCT,
                note=None if origin is None else origin.note,
            )
        )

    def put_rate(
        self,
        path: str,
        start: float,
        end: float,
        text: str,
        origin: Origin | None = None,
    ) -> None:
        """A rate by year: ``start`` for the years held, then equal steps to ``end``."""
        if start == end:
            self.put(path, {"level": start}, percent(start), text, origin)
            return
        stages = [
            {"years": HELD, "value": start},
            {"years": YEARS - HELD, "value": end, "ramp": True},
        ]
        shown = f"{percent(start)} for {HELD} years, then by equal steps to {percent(end)}"
        self.put(path, {"stages": stages}, shown, text, origin)


def run(subject: str, start: float, end: float, why: str) -> str:
    """What `Draft.put_rate` does, as a sentence; ``why`` says what the end is."""
    if start == end:
        return f"{subject} is held."
    turn = "rises" if end > start else "falls"
    return (
        f"{subject} is held for {HELD} years and then {turn} in equal steps to {percent(end)} in "
        f"year {YEARS}, {why}."
    )


def rounded(rate: float) -> float:
    """To a hundredth of a percent: finer digits of a derived rate would be noise."""
    return round(rate, 4)
