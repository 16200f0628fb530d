"""Where the door begins: the last number on a way that it lets in, and the first scenario of many
that it does not.

A batch goes through the door as one, and is refused as one. What it is told then is true of the
worst of its scenarios, and names none: so the first is looked for, valued by itself, and told what
a valuation of its own would be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.door import FloatArray, show
from engine.errors import InvalidInput, Problem, Refused

BoolArray: TypeAlias = npt.NDArray[np.bool_]

# Points at once between what the door lets in and what it does not, and how often at most: 64 to
# the tenth power is more than there are doubles between any two of one size.
_PARTS, _ROUNDS = 64, 24


def edges(
    inner: FloatArray, outer: FloatArray, refused: Callable[[FloatArray], BoolArray]
) -> FloatArray:
    """(n,) the last number that is let in on the way from ``inner``, which is, to ``outer``.

    ``refused`` is asked about points (n, m) at once.
    """
    for _ in range(_ROUNDS):
        points = between(inner, outer, _PARTS)
        if not (np.nextafter(inner, outer) != outer).any():
            break
        first = refused(points).argmax(axis=1)[:, np.newaxis]
        inner = np.take_along_axis(points, first - 1, axis=1)[:, 0]
        outer = np.take_along_axis(points, first, axis=1)[:, 0]
    return inner


def between(start: FloatArray, end: FloatArray, parts: int) -> FloatArray:
    """(n, parts + 1) from each start to its end in equal steps; both ends are exact."""
    share = np.arange(parts + 1) / parts
    points = start[:, np.newaxis] * (1.0 - share) + end[:, np.newaxis] * share
    points[:, 0], points[:, -1] = start, end
    return points


@dataclass(frozen=True, slots=True)
class Stand:
    """A number that a scenario stands at: where it was given, and what it changes."""

    place: str  # rows.values[3]
    path: str
    value: float
    moves: bool  # added to every year of a schedule

    def __str__(self) -> str:
        return f"{self.path} {'moved by ' if self.moves else ''}{show(self.value)}"


def first_refusal(
    no: Refused,
    count: int,
    together: Callable[[int, int], object],
    stands: Callable[[int], Sequence[Stand]],
    alone: Callable[[Sequence[Stand]], object],
) -> Refused:
    """What to say instead of ``no``, which a batch of ``count`` scenarios was told: what the first
    that is refused is told by itself, under the numbers that it stands at.

    ``together`` values those from one number up to another, ``alone`` a scenario with nothing but
    these numbers changed.
    """
    start, end = 0, count
    while end - start > 1:  # by halves, in all no more work than the whole batch twice
        half = (start + end) // 2
        if _refusal(together, start, half) is None:
            start = half
        else:
            end = half
    at = stands(start)
    own = _refusal(alone, at)
    return no if own is None else _placed(own, at, alone)


def _refusal(ask: Callable[..., object], *of: object) -> Refused | None:
    try:
        ask(*of)
    except Refused as no:
        return no
    return None


def _placed(
    no: Refused, stands: Sequence[Stand], alone: Callable[[Sequence[Stand]], object]
) -> Refused:
    """Each problem under the last number that changes the input which it is with; where none does,
    under one that is refused by itself, or else the last.
    """
    said = f"At {' and '.join(map(str, stands))}"
    guilty = next((stand for stand in stands if _refusal(alone, [stand])), stands[-1])
    whole = Problem(guilty.path, "OUT_OF_RANGE", no.message, "Give a less extreme value.")
    problems = []
    for problem in no.problems or (whole,):
        about = [stand for stand in stands if related(problem.path, stand.path)] or [guilty]
        message = f"{said}: {problem.message}"
        problems.append(replace(problem, path=about[-1].place, message=message))
    problems = list(dict.fromkeys(problems))  # a schedule that is moved has one for each year
    if isinstance(no, InvalidInput):
        return InvalidInput.of(problems)
    return type(no)(problems[0].message, problems)


def related(one: str, other: str) -> bool:
    """Whether a path is another, or part of it: ``capital.wacc`` of ``capital``."""
    whole, part = sorted((one, other), key=len)
    return part == whole or part.startswith((f"{whole}.", f"{whole}["))
