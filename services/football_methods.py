"""What is put side by side in a football field: how each method's range comes from what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from engine.errors import InvalidInput, Problem
from engine.football import METHODS_MOST, MethodRange
from engine.scenarios import Swing
from services.kinds import Output
from services.valuations import KeptId

CASES_MOST: Final = 10  # of one method
# What firms are compared by, and what that is called in a result's document.
SCALES: Final = {
    Output.VALUE_PER_SHARE: "valuePerShare",
    Output.EQUITY_VALUE: "equityValue",
    Output.ENTERPRISE_VALUE: "enterpriseValue",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiples:
    """A comparison: for each of its multiples the quartiles around the median."""

    ARM: ClassVar[str] = "multiples"
    valuation: KeptId
    name: str | None  # before the multiple's own

    def ids(self) -> Iterator[tuple[str, KeptId]]:
        yield "valuation", self.valuation


@dataclass(frozen=True, slots=True, kw_only=True)
class Swings:
    """A valuation while inputs swing together, around the value as it is."""

    ARM: ClassVar[str] = "swings"
    valuation: KeptId
    swings: tuple[Swing, ...]
    name: str | None

    def ids(self) -> Iterator[tuple[str, KeptId]]:
        yield "valuation", self.valuation


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Valuations by one method, from the lowest to the highest, around the first."""

    ARM: ClassVar[str] = "cases"
    valuations: tuple[KeptId, ...]
    name: str | None

    def ids(self) -> Iterator[tuple[str, KeptId]]:
        for number, each in enumerate(self.valuations):
            yield f"valuations[{number}]", each


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyout:
    """What a sponsor can pay, from the higher return to the lower one, around the one between."""

    ARM: ClassVar[str] = "buyout"
    valuation: KeptId
    low_irr: float  # 1/year
    high_irr: float  # 1/year
    bridge: KeptId | None  # whose bridge and shares lead from the price to a share
    name: str | None

    def ids(self) -> Iterator[tuple[str, KeptId]]:
        yield "valuation", self.valuation
        if self.bridge is not None:
            yield "bridge", self.bridge


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A range from elsewhere, such as the prices of a year."""

    ARM: ClassVar[str] = "stated"
    range: MethodRange

    def ids(self) -> Iterator[tuple[str, KeptId]]:
        return iter(())


Method: TypeAlias = Multiples | Swings | Cases | Buyout | Stated


def ids_of(methods: Sequence[Method]) -> Iterator[tuple[str, KeptId]]:
    """Every valuation that is named, with where."""
    for number, method in enumerate(methods):
        for name, each in method.ids():
            yield f"{place(number, method)}.{name}", each


def place(number: int, method: Method) -> str:
    return f"methods[{number}].{method.ARM}"


def check(methods: Sequence[Method], scale: Output) -> None:
    """
    Raises:
        InvalidInput: before anything is looked for.
    """
    problems: list[Problem] = []
    if scale not in SCALES:
        message = f"Methods are compared by a firm's value, and {scale} is none."
        problems.append(Problem("of", "UNKNOWN", message, f"Ask for one of: {', '.join(SCALES)}."))
    if not 1 <= len(methods) <= METHODS_MOST:
        message = f"{len(methods)} methods are given."
        problems.append(Problem("methods", "WRONG_LENGTH", message, f"Give 1 to {METHODS_MOST}."))
    elif all(isinstance(method, Stated) for method in methods):
        message = "Ranges alone say nothing of what was valued."
        mend = "Add a method of a kept valuation: cases, swings, multiples or a buyout."
        problems.append(Problem("methods", "MISSING", message, mend))
    for number, method in enumerate(methods[:METHODS_MOST]):
        if isinstance(method, Cases) and not 1 <= len(method.valuations) <= CASES_MOST:
            message = f"{len(method.valuations)} cases are given."
            path = f"{place(number, method)}.valuations"
            problems.append(Problem(path, "WRONG_LENGTH", message, f"Give 1 to {CASES_MOST}."))
    if problems:
        raise InvalidInput.of(problems)
