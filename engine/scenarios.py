"""One batch axis: grid, tornado and gradient are the valuation itself, over scenarios.

Each verb is handed the kind's ``admit`` (its door) and ``worth`` (its kernel, one number out); it
knows no formula of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from engine.door import Door, FloatArray, Scalar
from engine.errors import Infeasible, InvalidInput
from engine.paths import Names, Table, numbers, replaced, value_at
from engine.schedules import Schedule

BoolArray: TypeAlias = npt.NDArray[np.bool_]
I = TypeVar("I")  # noqa: E741 - the inputs of a kind

MAX_CELLS = 40_000  # 200 × 200: some hundred kilobytes of answer
MAX_SWINGS = 200
# A complex step has no subtraction, so it can be as small as a double: the error is the formula's
# own rounding (Squire and Trapp, SIAM Review 40, 1998, p. 110).
COMPLEX_STEP = 1e-200


@dataclass(frozen=True, slots=True)
class Question(Generic[I]):
    """One kind's inputs and how to value them. ``inputs`` have passed the door."""

    inputs: I
    admit: Callable[[I], I]
    worth: Callable[[I], Scalar]  # (*batch) in, (*batch) out
    outside: Callable[[I], BoolArray | None]  # (*batch) scenarios that the door would refuse

    def over(self, changes: dict[str, Scalar], shape: tuple[int, ...], where: str) -> FloatArray:
        """The value over the batch that ``changes`` span, in full shape.

        Raises:
            InvalidInput: if a scenario would not pass the door; under ``where``, if the paths
                cannot be moved together.
            Infeasible: if a scenario's value is not finite.
        """
        changed = replaced(self.inputs, changes, where)
        with np.errstate(all="ignore"):  # what is not finite is refused, not warned about
            self.admit(changed)
            value = np.asarray(self.worth(changed), dtype=np.float64)
        if not np.isfinite(value).all():
            raise Infeasible("At least one scenario has no finite value.")
        return value if value.shape == shape else np.broadcast_to(value, shape)


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Values for one path; for a whole schedule, what is added to each of its years."""

    path: str
    values: FloatArray  # (n,)


def sensitivity(question: Question[I], rows: Axis, columns: Axis) -> FloatArray:
    """(rows, columns) the value, each cell a full valuation.

    Raises:
        InvalidInput: for an unknown path, an empty or too long axis, or cells past the door.
    """
    door, table = Door(), Names(question.inputs)
    for side, axis in (("rows", rows), ("columns", columns)):
        if axis.values.ndim != 1 or not axis.values.size:
            door.refuse(
                f"{side}.values", "WRONG_LENGTH", "An axis needs values.", "Give at least one."
            )
        elif not np.isfinite(axis.values).all():
            door.refuse(
                f"{side}.values", "NOT_FINITE", "A value is not finite.", "Give finite numbers."
            )
        known(door, table, f"{side}.path", axis.path)
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
    changes: dict[str, Scalar] = {
        rows.path: rows.values[:, np.newaxis],
        columns.path: columns.values[np.newaxis, :],
    }
    return question.over(changes, (rows.values.size, columns.values.size), "columns.path")


@dataclass(frozen=True, slots=True)
class Swing:
    """One input from ``low`` to ``high``, all others as they are."""

    path: str
    low: float
    high: float


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
        InvalidInput: for an unknown or repeated path, or ends that do not pass the door.
    """
    door, table = Door(), Names(question.inputs)
    if not 1 <= len(swings) <= MAX_SWINGS:
        door.refuse(
            "swings", "WRONG_LENGTH", f"{len(swings)} swings are given.", f"Give 1 to {MAX_SWINGS}."
        )
    seen: set[str] = set()
    for number, swing in enumerate(swings):
        where = f"swings[{number}].path"
        known(door, table, where, swing.path)
        if swing.path in seen:
            door.refuse(where, "CONTRADICTION", "This path has a swing already.", "Give one each.")
        seen.add(swing.path)
    door.close()
    count = 2 * len(swings)
    changes: dict[str, Scalar] = {}
    for number, swing in enumerate(swings):
        values = np.full(count, value_at(table, swing.path))
        values[2 * number], values[2 * number + 1] = swing.low, swing.high
        changes[swing.path] = values
    ends = question.over(changes, (count,), "swings").tolist()
    bars = [Bar(swing, *ends[2 * k : 2 * k + 2]) for k, swing in enumerate(swings)]
    return sorted(bars, key=lambda bar: -bar.width)


def default_swings(inputs: object, share: float) -> list[Swing]:
    """Every number but zeros, moved by ``share`` of itself; a schedule by ``share`` of its mean."""
    swings = []
    for path, value in numbers(inputs).items():
        if isinstance(value, Schedule):
            by = share * float(np.mean([float(year) for year in value.years()]))
            low, high = -by, by
        else:
            low, high = value * (1.0 - share), value * (1.0 + share)
        if low != high:
            swings.append(Swing(path, min(low, high), max(low, high)))
    return swings


def gradient(question: Question[I], paths: Sequence[str] | None = None) -> dict[str, float]:
    """Path to the exact derivative of the value; for a schedule, by all its years at once.

    One batch of complex steps: good to rounding, where central differences lose half the digits.

    Raises:
        InvalidInput: for an unknown path.
    """
    door, table = Door(), Names(question.inputs)
    named = list(numbers(question.inputs) if paths is None else dict.fromkeys(paths))
    for number, path in enumerate(named):
        known(door, table, f"paths[{number}]", path)
    if len(named) > MAX_SWINGS:
        door.refuse(
            "paths", "TOO_LARGE", f"{len(named)} paths are given.", f"Give up to {MAX_SWINGS}."
        )
    door.close()
    changes: dict[str, Scalar] = {}
    for row, path in enumerate(named):
        values = np.full(len(named), value_at(table, path), dtype=np.complex128)
        values[row] += COMPLEX_STEP * 1j
        changes[path] = values
    stepped = replaced(question.inputs, changes, "paths")
    steps = np.broadcast_to(question.worth(stepped), (len(named),))
    slopes = np.imag(steps) / COMPLEX_STEP
    return dict(zip(named, slopes.tolist(), strict=True))


def known(door: Door, table: Table, where: str, path: str) -> bool:
    """Whether ``path`` names a number of the inputs; if not, the door knows, under ``where``."""
    try:
        value_at(table, path)
    except InvalidInput as no:
        door.problems += [replace(problem, path=where) for problem in no.problems]
        return False
    return True
