"""Tariffs: what one field of one type costs, worked out from arguments.

The same formula prices a request before it runs and says afterwards what of it was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final, NamedTuple

from resolvers.ids import type_of
from services import work
from services.work import base_ms, batch_ms, cases_ms, years_of

MOST: Final = 1e9  # a price beyond this is like any other: nested lists multiply


@dataclass(frozen=True, slots=True)
class Sized:
    """A path to an argument whose size counts, with what stands for what is left out."""

    path: tuple[str, ...]
    default: float
    listed: bool = False  # a single value stands for a list of one

    def size(self, arguments: Mapping[str, Any]) -> float:
        found: Any = arguments
        for name in self.path:
            found = found.get(name) if isinstance(found, dict) else None
            if found is None:
                return self.default
        return 1.0 if self.listed and not isinstance(found, list) else size_of(found)


def size_of(value: Any) -> float:
    """Of a number itself, of a list its length; of anything else 1."""
    if isinstance(value, list | tuple):
        return float(len(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return min(MOST, max(0.0, float(value)))
    return 1.0


class Scope(NamedTuple):
    """The valuation that a field is of."""

    kind: str | None = None
    years: int = work.YEARS


@dataclass(frozen=True, slots=True)
class Tariff:
    """The cost of one field of one type, ready to be worked out."""

    work: str
    points: float = 0.0
    each: float = 0.0
    of: tuple[Sized, ...] = ()
    bases: float = 0.0
    cases: tuple[Sized, ...] = ()
    changing: Sized | None = None
    inputs: tuple[str, ...] = ()
    elements: int | None = None
    element: float = 0.0
    free: bool = False
    kind: str | None = None  # of the valuation that it makes

    @property
    def arguments(self) -> frozenset[str]:
        """Those that the price depends on."""
        changing = () if self.changing is None else (self.changing,)
        names = {sized.path[0] for sized in (*self.of, *self.cases, *changing)}
        if self.inputs:
            names.add(self.inputs[0])
        return frozenset(names | ({"first", "last"} if self.elements is not None else set()))

    def scope(self, arguments: Mapping[str, Any], outer: Scope) -> Scope:
        """The valuation that the field makes, or the one around it."""
        if not self.inputs:
            return outer if self.kind is None else Scope(self.kind, outer.years)
        found: Any = arguments
        for name in self.inputs:
            found = found.get(name) if isinstance(found, dict) else None
        kind = self.kind
        if kind is None and isinstance(found, dict) and len(found) == 1:  # a choice of kinds
            ((chosen, found),) = found.items()
            kind = chosen.upper()
            if chosen == "valuation" and isinstance(found, str):
                kind = type_of(found).removesuffix("Valuation").upper()
        return Scope(kind if kind in work.PACES else None, years_of(found))

    def count(self, arguments: Mapping[str, Any]) -> float:
        """How many elements are asked for; 1 where it is no list."""
        if self.elements is None:
            return 1.0
        for name in ("first", "last"):
            if arguments.get(name) is not None:
                return size_of(arguments[name])
        return float(self.elements)

    def own(self, arguments: Mapping[str, Any], scope: Scope, elements: float) -> float:
        """Points of the field by itself."""
        total = self.points + elements * self.element
        if self.bases:
            total += self.bases * base_ms(scope.kind, scope.years)
        cases = product(self.cases, arguments) if self.cases else 0.0
        if self.each:
            sizes = cases if self.of is self.cases else product(self.of, arguments)
            total += self.each * sizes
        if self.cases:
            changing = 2.0 if self.changing is None else self.changing.size(arguments)
            total += batch_ms(scope.kind, cases, changing, scope.years)
        return min(MOST, total)

    def checking(self, arguments: Mapping[str, Any]) -> float:
        """Points of what is done before wrong input is refused: for a matrix of correlations that
        cannot be, the nearest that can is looked for."""
        return self.each * product(self.of, arguments) if self.each == work.CORRELATION else 0.0

    def of_cases(self, arguments: Mapping[str, Any], scope: Scope) -> float:
        """Points of its cases alone, without what it takes to begin."""
        changing = 2.0 if self.changing is None else self.changing.size(arguments)
        return cases_ms(scope.kind, product(self.cases, arguments), changing, scope.years)

    def undrawn(self, arguments: Mapping[str, Any], scope: Scope, drawn: float) -> float:
        """Points of those of its cases that were not needed, where it ended after ``drawn``."""
        asked = product(self.cases, arguments)
        return self.of_cases(arguments, scope) * (1.0 - drawn / asked) if drawn < asked else 0.0

    def how(self, arguments: Mapping[str, Any], scope: Scope, elements: float) -> str:
        """Where the points come from, in words; "" where there is nothing to say."""
        if self.cases:
            of = f" of {scope.years:,} years" if scope.kind is not None else ""
            return f"{product(self.cases, arguments):,.0f} cases{of}"
        if self.elements is not None:
            return f"{elements:,.0f} elements"
        if self.of:
            return f"{product(self.of, arguments):,.0f} × {self.each:g}"
        return ""


def product(sizes: tuple[Sized, ...], arguments: Mapping[str, Any]) -> float:
    total = 1.0
    for sized in sizes:
        total *= sized.size(arguments)
    return min(MOST, total)


@dataclass(slots=True)
class Bill:
    """What was done of one request."""

    points: float = 0.0
    by_work: dict[str, float] = field(default_factory=dict)
    returnable: bool = True  # whether the budget that pays is the one that is given back to

    def add(self, work_: str, points: float) -> None:
        self.points += points
        self.by_work[work_] = self.by_work.get(work_, 0.0) + points


@dataclass(slots=True)
class Meter:
    """Of a field whose resolver alone knows what it made: it says so before it is on record.

    Nothing said: it made nothing, and only `Tariff.points` are paid.
    """

    tariff: Tariff
    arguments: Mapping[str, Any]
    bill: Bill
    made: float = 0.0  # points that are on the bill for what was made
    closed: bool = False  # the bill is paid as the arguments have it: what is made now is on it

    def begin(self, kind: str, years: int) -> int:
        """It makes something of that kind; points that can come back, whole ones."""
        if self.closed:
            return 0
        scope = Scope(kind, years)
        self._say(self.tariff.own(self.arguments, scope, 1.0))
        return int(self.tariff.of_cases(self.arguments, scope)) if self.bill.returnable else 0

    def nothing(self) -> None:
        """It has made nothing after all."""
        if not self.closed:
            self._say(0.0)

    def _say(self, points: float) -> None:
        self.bill.add(self.tariff.work, points - self.made)
        self.made = points


METER: Final[ContextVar[Meter]] = ContextVar("meter")


def whole(points: float) -> int:
    """Whole points, at least 1. A rounding of the sum is nobody's fault."""
    return max(1, ceil(min(MOST, points) - 1e-6))
