"""One batch axis: grid, tornado and gradient are the valuation itself, over scenarios."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from engine.door import Door, FloatArray, Scalar
from engine.edges import BoolArray, Stand, edges, first_refusal
from engine.errors import Refused
from engine.paths import Names, Table, known, numbers, replaced, schedule_at, value_at
from engine.questions import I, Outputs, Question, batches
from engine.schedules import Schedule

MAX_CELLS = 40_000  # 200 × 200: some hundred kilobytes of answer
MAX_SWINGS = 200
MAX_TOGETHER = 5  # swings in every combination: 3 to the fifth power are 243 valuations
# A complex step has no subtraction, so it can be as small as a double: the error is the formula's
# own rounding (Squire and Trapp, SIAM Review 40, 1998, p. 110).
COMPLEX_STEP = 1e-200


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Values for one path; for a whole schedule, what is added to each of its years."""

    path: str
    values: FloatArray  # (n,)

    def check(self, door: Door, table: Table, where: str) -> None:
        if self.values.ndim != 1 or not self.values.size:
            door.refuse(
                f"{where}.values", "WRONG_LENGTH", "An axis needs values.", "Give at least one."
            )
        elif not np.isfinite(self.values).all():
            door.refuse(
                f"{where}.values", "NOT_FINITE", "A value is not finite.", "Give finite numbers."
            )
        known(door, table, f"{where}.path", self.path)


def sensitivity(question: Question[I], rows: Axis, columns: Axis) -> FloatArray:
    """(rows, columns) the value, each cell a full valuation.

    Raises:
        InvalidInput: for an unknown path, an empty or too long axis, or cells past the door: what
            is wrong with the first, under the values that it stands at. Infeasible: likewise.
    """
    door, table = Door(), Names(question.inputs)
    rows.check(door, table, "rows")
    columns.check(door, table, "columns")
    if rows.values.size * columns.values.size > MAX_CELLS:
        door.refuse(
            "rows.values",
            "TOO_LARGE",
            f"{rows.values.size} × {columns.values.size} cells are more than {MAX_CELLS:,}.",
            "Give shorter axes.",
        )
    if rows.path == columns.path:
        door.refuse(
            "columns.path", "CONTRADICTION", "Both axes change the same input.", "Give two paths."
        )
    door.close()
    return _cells(question, {"rows": rows, "columns": columns})[question.output]


def one_way(question: Question[I], axis: Axis) -> Outputs:
    """(n,) every number of the valuation along one axis.

    Raises:
        InvalidInput: for an unknown path, an empty or too long axis, or values past the door: what
            is wrong with the first. Infeasible: likewise.
    """
    door = Door()
    axis.check(door, Names(question.inputs), "axis")
    if axis.values.size > MAX_CELLS:
        door.refuse(
            "axis.values",
            "TOO_LARGE",
            f"{axis.values.size:,} values are more than {MAX_CELLS:,}.",
            "Give a shorter axis.",
        )
    door.close()
    return _cells(question, {"axis": axis})


def _cells(question: Question[I], sides: Mapping[str, Axis]) -> Outputs:
    """(each side's size) every value; of a cell that has none, the first, the no in its words."""
    axes, table = list(sides.values()), Names(question.inputs)
    last = f"{list(sides)[-1]}.path"
    paths, values = [axis.path for axis in axes], [axis.values for axis in axes]
    shape = tuple(line.size for line in values)
    changes: dict[str, Scalar] = dict(zip(paths, np.ix_(*values), strict=True))
    replaced(question.inputs, changes, last)  # what cannot be moved together is no cell's fault

    def together(start: int, end: int) -> Outputs:
        at = np.unravel_index(np.arange(start, end), shape)
        cells = [line[where] for line, where in zip(values, at, strict=True)]
        return question.over(dict(zip(paths, cells, strict=True)), (end - start,), last)

    def stands(number: int) -> list[Stand]:
        at = zip(sides.items(), np.unravel_index(number, shape), strict=True)
        return [
            _stand(table, f"{name}.values[{where}]", axis.path, float(axis.values[where]))
            for (name, axis), where in at
        ]

    try:
        return question.over(changes, shape, last)
    except Refused as no:
        raise first_refusal(no, math.prod(shape), together, stands, question.alone) from None


def _stand(table: Table, place: str, path: str, value: float) -> Stand:
    return Stand(place, path, value, moves=schedule_at(table, path) is not None)


@dataclass(frozen=True, slots=True)
class Swing:
    """One input from ``low`` to ``high``, all others as they are."""

    path: str
    low: float
    high: float
    drawn_in: bool = False  # an end was past the door, and stands where the door begins


@dataclass(frozen=True, slots=True)
class Bar:
    """A tornado's bar: the value at each end of the swing."""

    swing: Swing
    at_low: float
    at_high: float

    @property
    def width(self) -> float:
        return abs(self.at_high - self.at_low)


def tornado(question: Question[I], swings: Sequence[Swing]) -> list[Bar]:
    """The bars, widest first: which input moves the value most.

    Raises:
        InvalidInput: for too many swings, an unknown or repeated path, or ends that do not pass
            the door: what is wrong with the first. Infeasible: likewise.
    """
    table = Names(question.inputs)
    _check_swings(table, swings, MAX_SWINGS)
    ends = [{swing.path: end} for swing in swings for end in (swing.low, swing.high)]

    def stands(number: int) -> list[Stand]:
        ((path, value),) = ends[number].items()
        place = f"swings[{number // 2}].{'high' if number % 2 else 'low'}"
        return [_stand(table, place, path, value)]

    def together(start: int, end: int) -> Outputs:
        return question.of_each(ends[start:end])

    try:
        values = together(0, len(ends))[question.output].tolist()
    except Refused as no:
        raise first_refusal(no, len(ends), together, stands, question.alone) from None
    bars = [Bar(swing, *values[2 * k : 2 * k + 2]) for k, swing in enumerate(swings)]
    return sorted(bars, key=lambda bar: -bar.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From where to where the value goes, and what it is with all inputs as they are."""

    low: float
    own: float
    high: float


def span(question: Question[I], swings: Sequence[Swing]) -> Span:
    """The lowest and the highest value while inputs swing together: each at its low end, as it is,
    and at its high end, in every combination.

    Raises:
        InvalidInput: for too many swings, an unknown or repeated path, or a combination that does
            not pass the door; Infeasible: if one has no finite value.
    """
    table = Names(question.inputs)
    _check_swings(table, swings, MAX_TOGETHER)
    # As they are comes first: nothing else may stand between the value and its own bits.
    levels = [(value_at(table, swing.path), swing.low, swing.high) for swing in swings]
    columns = np.array(list(product(*levels))).T
    changes: dict[str, Scalar] = {
        swing.path: column for swing, column in zip(swings, columns, strict=True)
    }
    values = question.over(changes, columns.shape[1:], "swings")[question.output]
    return Span(low=float(values.min()), own=float(values[0]), high=float(values.max()))


def _check_swings(table: Table, swings: Sequence[Swing], most: int) -> None:
    door = Door()
    if not 1 <= len(swings) <= most:
        many = f"{len(swings):,} swings are given."
        door.refuse("swings", "WRONG_LENGTH", many, f"Give 1 to {most}.")
    seen: set[str] = set()
    for number, swing in enumerate(swings[:most]):
        where = f"swings[{number}].path"
        known(door, table, where, swing.path)
        if swing.path in seen:
            door.refuse(where, "CONTRADICTION", "This path has a swing already.", "Give one each.")
        seen.add(swing.path)
    door.close()


def default_swings(question: Question[I], share: float) -> list[Swing]:
    """Every number but zeros, moved by ``share`` of itself; a schedule by ``share`` of its mean.

    Of more than `MAX_SWINGS`, those that move the value most by their slope: slope times width.
    An end that the door would refuse is drawn in to the last number that it lets in.
    """
    swings = []
    for path, value in numbers(question.inputs).items():
        if isinstance(value, Schedule):
            by = share * float(np.mean([float(year) for year in value.years()]))
            low, high = -by, by
        else:
            low, high = value * (1.0 - share), value * (1.0 + share)
        if low != high:
            swings.append(Swing(path, min(low, high), max(low, high)))
    if len(swings) > MAX_SWINGS:
        slopes = gradient(question)
        widths = [abs(slopes[swing.path]) * (swing.high - swing.low) for swing in swings]
        most = np.argsort(-np.array(widths), kind="stable")[:MAX_SWINGS]
        swings = [swings[number] for number in sorted(most.tolist())]
    ends = [(swing.path, end) for swing in swings for end in (swing.low, swing.high)]
    inner = drawn_in(question, ends)
    return [
        swing
        if (low, high) == (swing.low, swing.high)
        else Swing(swing.path, low, high, drawn_in=True)
        for swing, low, high in zip(swings, inner[::2], inner[1::2], strict=True)
    ]


def drawn_in(question: Question[I], ends: Sequence[tuple[str, float]]) -> list[float]:
    """Each end, or where it is past the door, the last number before it on the way from the
    input's own value, to a double.
    """
    found = [end for _, end in ends]
    past = np.flatnonzero(question.refused([{path: end} for path, end in ends])).tolist()
    if not past:
        return found
    table, paths = Names(question.inputs), [ends[row][0] for row in past]

    def refused(points: FloatArray) -> BoolArray:
        lines = zip(paths, points.tolist(), strict=True)
        scenarios = [{path: value} for path, line in lines for value in line]
        return question.refused(scenarios).reshape(points.shape)

    inner = np.array([value_at(table, path) for path in paths])
    outer = np.array([ends[row][1] for row in past])
    for row, edge in zip(past, edges(inner, outer, refused).tolist(), strict=True):
        # A sum forgives half its last bit: a year at its limit takes a move too small to change it.
        years = schedule_at(table, ends[row][0]) or ()
        found[row] = 0.0 if any(year + edge == year for year in years) else edge
    return found


def gradient(question: Question[I], paths: Sequence[str] | None = None) -> dict[str, float]:
    """Path to the exact derivative of the value; for a schedule, by all its years at once.

    Without ``paths``, by every number that the inputs have, however many; of paths there may be
    `MAX_SWINGS`. Complex steps: good to rounding, where central differences lose half the digits.

    Raises:
        InvalidInput: for an unknown path, or too many.
    """
    door, table = Door(), Names(question.inputs)
    named = list(numbers(question.inputs)) if paths is None else _distinct(door, table, paths)
    door.close()
    slopes = np.empty(len(named))
    steps = [{path: value_at(table, path) + COMPLEX_STEP * 1j} for path in named]
    for rows, changes in batches(table, steps, np.complex128):
        stepped = np.asarray(question.worth(replaced(question.inputs, changes)))
        slopes[rows] = stepped.imag / COMPLEX_STEP
    return dict(zip(named, slopes.tolist(), strict=True))


def _distinct(door: Door, table: Table, paths: Sequence[str]) -> list[str]:
    """The paths, each once and in their order; what is wrong with them stands where it first is."""
    first: dict[str, int] = {}
    for number, path in enumerate(paths):
        first.setdefault(path, number)
    if len(first) > MAX_SWINGS:
        many = f"{len(first):,} paths are given."
        door.refuse("paths", "TOO_LARGE", many, f"Give up to {MAX_SWINGS}.")
    for path, number in list(first.items())[:MAX_SWINGS]:
        known(door, table, f"paths[{number}]", path)
    return list(first)
