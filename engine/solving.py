"""The valuation backwards: which value of an input gives this price?

The range of the input is valued as one batch; where the value passes the target from one point to
the next, the step between them is cut into parts, all steps at once, down to neighbouring doubles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from engine.door import Door, FloatArray, show
from engine.edges import BoolArray, between, edges
from engine.errors import Infeasible, Problem
from engine.paths import Names, known, replaced, value_at
from engine.questions import I, Question

POINTS: Final = 1_024  # steps over the range, beside those that widen from the input's own value
MAX_ROOTS: Final = 20
# Beyond what any door lets in, and the least and the widest step away from the input's own value.
_FARTHEST: Final = 1e19
_NEAREST: Final = 2.0**-24
_WIDENING: Final = math.sqrt(2.0)
_PARTS, _ROUNDS = 32, 24
# A value that passes the target without coming near it jumps: it takes a step of this share of
# what it took before the step was cut, and of the target.
_JUMP: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Root:
    """A value of the input, and what the valuation is with it: the target, to rounding."""

    input: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """Every value of one input that gives the target. For a whole schedule, of what is added."""

    path: str
    target: float
    own: float  # the input as it is
    own_value: float  # and what it gives
    low: float  # the range that was searched: what the door lets in of what was asked
    high: float
    roots: tuple[Root, ...]  # the nearest to the input's own value first


def reverse(
    question: Question[I],
    path: str,
    target: float,
    low: float | None = None,
    high: float | None = None,
) -> Reversed:
    """Every value of the input from ``low`` to ``high`` at which the valuation gives ``target``.

    Without ends, the range is what the door lets in. Two roots that lie closer than a step of the
    search, where the value touches the target and turns back, are not seen.

    Raises:
        InvalidInput: for an unknown path, or numbers that make no range.
        Infeasible: if there is none, with the values that can be reached, and where.
    """
    door, table = Door(), Names(question.inputs)
    known(door, table, "path", path)
    for name, number in (("target", target), ("low", low), ("high", high)):
        if number is not None:
            door.within(name, number, -_FARTHEST, _FARTHEST)
    if low is not None and high is not None:
        door.apart("high", low, high, 0.0, "A range goes from the lower to the higher end.")
    door.close()
    own = value_at(table, path)
    line = _Line(question, path, target)
    points = line.search(own, low, high)
    gaps = line.gaps(points)
    found = np.isfinite(gaps)
    if not found.any():
        raise Infeasible(
            f"No value of {path} in this range can be valued.",
            [Problem("low", "OUT_OF_RANGE", "Nothing in this range is allowed.", _OTHER_RANGE)],
        )
    roots = line.roots(points, gaps, own)
    points, gaps = points[found], gaps[found]
    if not roots:
        raise line.out_of_reach(points, gaps)
    return Reversed(
        path=path,
        target=target,
        own=own,
        own_value=float(question.worth(question.inputs)),
        low=float(points[0]),
        high=float(points[-1]),
        roots=tuple(roots),
    )


_OTHER_RANGE: Final = "Give another range, or leave it out."


@dataclass(frozen=True, slots=True)
class _Line:
    """The valuation along one input."""

    question: Question[Any]
    path: str
    target: float

    def values(self, points: FloatArray) -> FloatArray:
        """(n,) the value at each point; NaN where there is none."""
        question = self.question
        with np.errstate(all="ignore"):
            changed = replaced(question.inputs, {self.path: points})
            value = np.broadcast_to(np.asarray(question.worth(changed), float), points.shape)
            outside = question.outside(changed)
            kept = np.isfinite(value)
            return np.where(kept if outside is None else kept & ~outside, value, np.nan)

    def without_value(self, points: FloatArray) -> BoolArray:
        """Which of the points, in any shape, are not allowed or give no finite number."""
        return ~np.isfinite(self.values(points.ravel())).reshape(points.shape)

    def gaps(self, points: FloatArray) -> FloatArray:
        """(n,) value less target; NaN where there is no value."""
        return self.values(points) - self.target

    def search(self, own: float, low: float | None, high: float | None) -> FloatArray:
        """(n,) points from the lower to the higher end: dense, and up to the edges of the door."""
        least = -_FARTHEST if low is None else low
        most = _FARTHEST if high is None else high
        first = _NEAREST * max(abs(own), 1.0)
        count = math.ceil(math.log(2.0 * _FARTHEST / first, _WIDENING)) + 1
        away = first * _WIDENING ** np.arange(count)
        points = _within([*(own - away), own, 0.0, *(own + away), least, most], least, most)
        points = self._with_edges(points)
        allowed = points[~self.without_value(points)]
        if allowed.size < 2:
            return points
        ends = between(allowed[:1], allowed[-1:], POINTS)[0]
        return self._with_edges(_within([*points, *ends], least, most))

    def _with_edges(self, points: FloatArray) -> FloatArray:
        """The points, and the last one with a value on each way to where there is none."""
        inside = ~self.without_value(points)
        passing = np.flatnonzero(inside[1:] != inside[:-1])
        if not passing.size:
            return points
        one, other = points[passing], points[passing + 1]
        entering = inside[passing + 1]
        inner, outer = np.where(entering, other, one), np.where(entering, one, other)
        ends = edges(inner, outer, self.without_value)
        return np.unique(np.concatenate((points, ends)))

    def roots(self, points: FloatArray, gaps: FloatArray, own: float) -> list[Root]:
        """Every root, the nearest to ``own`` first. Where there is no value, nothing is passed."""
        found = _middles(points, gaps == 0.0, own)
        passing = np.flatnonzero((gaps[:-1] < 0.0) & (gaps[1:] > 0.0))
        passing = np.concatenate((passing, np.flatnonzero((gaps[:-1] > 0.0) & (gaps[1:] < 0.0))))
        # The nearest ones, where rounding makes a flat stretch pass the target again and again.
        passing = passing[np.argsort(np.abs(points[passing] - own), kind="stable")][:MAX_ROOTS]
        if passing.size:
            found += self._narrowed(points, gaps, passing)
        if not found:
            return []
        found = sorted(set(found), key=lambda point: (abs(point - own), point))[:MAX_ROOTS]
        values = self.values(np.array(found)).tolist()
        return [Root(point, value) for point, value in zip(found, values, strict=True)]

    def _narrowed(self, points: FloatArray, gaps: FloatArray, passing: Any) -> list[float]:
        """The steps of the search that pass the target, cut down to a point each."""
        start, end = points[passing], points[passing + 1]
        at_start, at_end = gaps[passing], gaps[passing + 1]
        before = np.abs(at_end - at_start)
        for _ in range(_ROUNDS):
            if not ((np.nextafter(start, end) != end) & (start != end)).any():
                break
            cuts = between(start, end, _PARTS)
            inner = self.gaps(cuts[:, 1:-1].ravel()).reshape(len(cuts), -1)
            values = np.hstack((at_start[:, np.newaxis], inner, at_end[:, np.newaxis]))
            reached = np.sign(values) != np.sign(at_start)[:, np.newaxis]
            # Of the first cut on the other side, and the one before it.
            last = np.argmax(reached & ~np.isnan(values), axis=1)
            row = np.arange(len(cuts))
            exact = values[row, last] == 0.0
            first = np.where(exact, last, last - 1)
            start, end = cuts[row, first], cuts[row, last]
            at_start, at_end = values[row, first], values[row, last]
        nearer = np.abs(at_start) <= np.abs(at_end)
        roots = np.where(nearer, start, end)
        left = np.abs(at_end - at_start)
        true = (left <= _JUMP * before) | (left <= _JUMP * abs(self.target))
        return [float(root) for root in roots[true & np.isfinite(left)]]

    def out_of_reach(self, points: FloatArray, gaps: FloatArray) -> Infeasible:
        """What can be reached instead, and where."""
        least, most = int(np.argmin(gaps)), int(np.argmax(gaps))
        values = gaps + self.target
        below, above = points[least], points[most]
        goes = (
            f"it stays at {show(float(values[least]))}"
            if values[least] == values[most]
            else f"what can be reached goes from {show(float(values[least]))} "
            f"(at {show(float(below))}) to {show(float(values[most]))} (at {show(float(above))})"
        )
        where = f"from {show(float(points[0]))} to {show(float(points[-1]))}"
        if values[least] < self.target < values[most]:
            goes += ", but jumps past it"
        message = f"No value of {self.path} {where} gives {show(self.target)}: {goes}."
        nearest = "Ask for a value that can be reached, or change another input."
        return Infeasible(message, [Problem("target", "OUT_OF_RANGE", message, nearest)])


def _within(points: list[float], low: float, high: float) -> FloatArray:
    found = np.unique(np.array(points))
    return found[(found >= low) & (found <= high)]


def _middles(points: FloatArray, chosen: BoolArray, own: float) -> list[float]:
    """Of each stretch of chosen neighbours one point: the nearest to ``own``."""
    at = np.flatnonzero(chosen)
    stretches = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if at.size else []
    return [float(points[s[np.argmin(np.abs(points[s] - own))]]) for s in stretches]
