"""What the engine says no to: always the caller's move, always every problem at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

ProblemCode = Literal[
    "OUT_OF_RANGE",
    "NOT_FINITE",
    "WRONG_LENGTH",
    "WRONG_TYPE",
    "CONTRADICTION",
    "MISSING",
    "TOO_LARGE",
    "UNKNOWN",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it is, what is wrong, and what would be right.

    ``path`` is written in the engine's names, such as ``operations.revenue_growth[3]`` (years
    count from 0, as in the list that was given); whoever speaks to a caller translates it.
    """

    path: str
    code: ProblemCode
    message: str
    suggestion: str


class Refused(Exception):
    """A no that the caller can mend. Subclasses name the reason by a code from a closed list."""

    code: ClassVar[str]

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.retry_after_s: float | None = None


class InvalidInput(Refused):
    """Numbers that parse, but are out of range, of the wrong length, or contradict each other."""

    code = "INVALID_INPUT"

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> InvalidInput:
        many = len(problems)
        first = problems[0].message
        return cls(first if many == 1 else f"{many} inputs need mending. First: {first}", problems)


class Infeasible(Refused):
    """Valid inputs whose question has no finite answer."""

    code = "INFEASIBLE"


class NotConverged(Refused):
    """A search for the answer, step by step, that did not come to an end."""

    code = "NOT_CONVERGED"


def any_of(ways: Sequence[str]) -> str:
    """Ways to mend one thing, each by itself."""
    text = ", or ".join(ways)
    return f"{text[0].upper()}{text[1:]}."
