"""The catalogue of service levels: read once, checked once, exact.

A target is a fraction, not a float (1 - 0.999 is not 0.001), and a time is whole nanoseconds,
so that every comparison later is between integers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

from observability.counts import OBJECTIVES_MAX

CATALOGUE = Path(__file__).with_name("objectives.yaml")
BUDGET_WINDOW_S = 30 * 86_400

# Log-spaced, 1-2-5 in each decade, 100 µs to 10 s.
FIXED_EDGES_NS = tuple(
    step * 10**power
    for power in range(5, 11)
    for step in (1, 2, 5)
    if step * 10**power <= 10_000_000_000
)

_UNITS_NS = {
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
}
_DURATION = re.compile(r"(\d+)(us|ms|s|m|h|d)")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_COORDINATE = re.compile(r"(Query|Mutation)\.[_A-Za-z][_0-9A-Za-z]*")
_FIELDS = frozenset({"name", "sli", "operation", "target", "within", "window", "severity"})


# Many times a second from everybody who moves a mouse: in the API's promises these would hide all
# the rest. They have promises of their own.
APART = frozenset({"Mutation.moveCursor", "Mutation.select"})


class Sli(StrEnum):
    """What is counted."""

    AVAILABILITY = "availability"
    LATENCY = "latency"


class Severity(StrEnum):
    """Who is told when the promise breaks; ``none`` is for display only."""

    PAGE = "page"
    TICKET = "ticket"
    NONE = "none"


class ObjectivesInvalid(ValueError):
    """The catalogue cannot be used; ``problems`` has every reason, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("objectives: " + "; ".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One promise."""

    name: str
    sli: Sli
    target: Fraction  # share of events that are good, strictly between 0 and 1
    window_s: int  # of the live view
    operation: str | None = None  # Type.field; None is every query and mutation but those APART
    within_ns: int | None = None  # latency only; an edge of every histogram
    severity: Severity = Severity.NONE

    @property
    def within_s(self) -> float | None:
        """The longest wait that is good, in seconds."""
        return None if self.within_ns is None else self.within_ns / 1e9

    def counts_for(self, coordinates: Iterable[str]) -> bool:
        """Whether an operation with these root fields falls under the promise."""
        fields = frozenset(coordinates)
        if self.operation is not None:
            return self.operation in fields
        return not fields or not fields <= APART


def load(path: Path = CATALOGUE) -> tuple[Objective, ...]:
    """Read a catalogue.

    Raises ObjectivesInvalid with every problem at once, OSError when there is no file.
    """
    # A third of the time it takes to read the catalogue; nothing else at start needs it.
    import yaml

    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ObjectivesInvalid([f"{path.name} is not YAML: {error}"]) from error
    return parse(written)


def parse(written: Any) -> tuple[Objective, ...]:
    """Turn what YAML gave into objectives. Raises ObjectivesInvalid with every problem at once."""
    if not isinstance(written, list) or not written:
        raise ObjectivesInvalid(["the catalogue must be a list with at least one objective"])
    if len(written) > OBJECTIVES_MAX:
        raise ObjectivesInvalid([f"{len(written)} objectives; {OBJECTIVES_MAX} can be counted"])
    problems: list[str] = []
    objectives = [_objective(index, entry, problems) for index, entry in enumerate(written)]
    names = [objective.name for objective in objectives if objective is not None]
    problems += [f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
    if problems:
        raise ObjectivesInvalid(problems)
    return tuple(objective for objective in objectives if objective is not None)


def edges_ns(objectives: Iterable[Objective]) -> tuple[int, ...]:
    """Edges of every histogram: the fixed set and each ``within``, rising, in nanoseconds.

    A promise is kept or broken at its ``within``, so that must be an edge: a share read between
    two edges would be an estimate.
    """
    promised = {o.within_ns for o in objectives if o.within_ns is not None}
    return tuple(sorted(promised.union(FIXED_EDGES_NS)))


def check_operations(objectives: Iterable[Objective], coordinates: Iterable[str]) -> None:
    """Raise ObjectivesInvalid when a promise is made for a field that the schema does not have."""
    known = frozenset(coordinates)
    problems = [
        f"{o.name}: {o.operation} is not a root field of the schema"
        for o in objectives
        if o.operation is not None and o.operation not in known
    ]
    if problems:
        raise ObjectivesInvalid(problems)


def _objective(index: int, entry: Any, problems: list[str]) -> Objective | None:
    if not isinstance(entry, dict):
        problems.append(f"entry {index + 1} must be a mapping of name, sli, target, window …")
        return None
    name = str(entry.get("name", f"entry {index + 1}"))
    before = len(problems)

    def wrong(what: str) -> None:
        problems.append(f"{name}: {what}")

    if not _NAME.fullmatch(name):
        wrong("a name is lower-case words joined by hyphens")
    for unknown in sorted(map(str, set(entry) - _FIELDS)):
        wrong(f"{unknown} is not a field of an objective")
    sli = entry.get("sli")
    if sli not in list(Sli):
        wrong(f"sli must be one of {', '.join(Sli)}")
    severity = entry.get("severity", "none")
    if severity not in list(Severity):
        wrong(f"severity must be one of {', '.join(Severity)}")
    target = _share(entry.get("target"))
    if target is None:
        wrong("target must be a fraction above 0 and below 1, such as 0.999")
    window_ns = _duration_ns(entry.get("window"))
    if window_ns is None or not 60 * 10**9 <= window_ns <= BUDGET_WINDOW_S * 10**9:
        wrong("window must be a time from 1m to 30d, such as 1h")
    within_ns = _duration_ns(entry.get("within"))
    if sli == Sli.LATENCY and not within_ns:
        wrong("latency needs within, a time such as 200ms")
    if sli == Sli.AVAILABILITY and "within" in entry:
        wrong("within belongs to latency, not to availability")
    operation = entry.get("operation")
    if operation is not None and not _COORDINATE.fullmatch(str(operation)):
        wrong("operation must be a root field such as Mutation.valueDcf")
    if len(problems) > before or target is None or window_ns is None:
        return None
    return Objective(
        name=name,
        sli=Sli(str(sli)),
        target=target,
        window_s=window_ns // 10**9,
        operation=operation,
        within_ns=within_ns,
        severity=Severity(str(severity)),
    )


def _share(written: Any) -> Fraction | None:
    # Through the text: Fraction(0.999) would be the nearest double, not 999/1000.
    if isinstance(written, bool) or not isinstance(written, (str, int, float)):
        return None
    try:
        share = Fraction(str(written))
    except (ValueError, ZeroDivisionError):
        return None
    return share if 0 < share < 1 else None


def _duration_ns(written: Any) -> int | None:
    found = _DURATION.fullmatch(written) if isinstance(written, str) else None
    return int(found[1]) * _UNITS_NS[found[2]] if found else None
