"""What an analysis can ask of a kind: its numbers over a batch of changed inputs.

Every analysis is handed the kind's question (its door, and its kernel with the numbers that come
out); it knows no formula of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from engine.door import FloatArray, Scalar
from engine.edges import BoolArray, Stand
from engine.errors import Infeasible
from engine.paths import Names, replaced, value_at

Outputs: TypeAlias = Mapping[str, FloatArray]  # (*batch) each number that a kind's kernel answers
Changes: TypeAlias = Mapping[str, complex]  # other numbers at some paths
I = TypeVar("I")  # noqa: E741 - the inputs of a kind

# Scenarios at once, where each changes numbers of its own: every number that one of them changes is
# an array over all of them, so the work of many at once grows with their square.
_TOGETHER = 512


@dataclass(frozen=True, slots=True)
class Question(Generic[I]):
    """One kind's inputs and how to value them. ``inputs`` have passed the door."""

    inputs: I
    admit: Callable[[I], I]
    values: Callable[[I], Mapping[str, Scalar]]  # (*batch) in, (*batch) out, by each one's name
    outside: Callable[[I], BoolArray | None]  # (*batch) scenarios that the door would refuse
    output: str  # which of the values is asked for

    def worth(self, inputs: I) -> Scalar:
        """(*batch) the number that is asked for."""
        return self.values(inputs)[self.output]

    def over(self, changes: dict[str, Scalar], shape: tuple[int, ...], where: str) -> Outputs:
        """Every value over the batch that ``changes`` span, in full shape.

        Raises:
            InvalidInput: if a scenario would not pass the door; under ``where``, if the paths
                cannot be moved together.
            Infeasible: if a scenario's value is not finite.
        """
        changed = replaced(self.inputs, changes, where)
        with np.errstate(all="ignore"):  # what is not finite is refused, not warned about
            self.admit(changed)
            found = {
                name: np.asarray(value, dtype=np.float64)
                for name, value in self.values(changed).items()
            }
        if not all(np.isfinite(value).all() for value in found.values()):
            many = "At least one scenario has no finite value."
            raise Infeasible(many if shape else "Its value is beyond the range of a number.")
        return {
            name: value if value.shape == shape else np.broadcast_to(value, shape)
            for name, value in found.items()
        }

    def of_each(self, scenarios: Sequence[Changes]) -> Outputs:
        """(n_scenarios,) every value of each scenario, each by itself. Paths have been looked up.

        Raises:
            InvalidInput, Infeasible: as `over` does.
        """
        found: dict[str, FloatArray] = {}
        for rows, changes in batches(Names(self.inputs), scenarios, np.float64):
            for name, values in self.over(changes, (len(rows),), "").items():
                found.setdefault(name, np.empty(len(scenarios)))[rows] = values
        return found

    def alone(self, stands: Sequence[Stand]) -> Outputs:
        """() every value of one scenario, refused as a valuation of its own would be.

        Raises:
            InvalidInput, Infeasible: as `over` does.
        """
        return self.over({stand.path: stand.value for stand in stands}, (), "")

    def refused(self, scenarios: Sequence[Changes]) -> BoolArray:
        """(n_scenarios,) which of them the door would not let in."""
        found = np.zeros(len(scenarios), dtype=np.bool_)
        for rows, changes in batches(Names(self.inputs), scenarios, np.float64):
            with np.errstate(all="ignore"):
                broken = self.outside(replaced(self.inputs, changes))
            if broken is not None:
                found[rows] = broken
        return found


@dataclass(frozen=True, slots=True)
class Questions(Generic[I]):
    """What the analyses can ask of a kind: of functions with names, to be sent to a process."""

    outputs: type[StrEnum]
    admit: Callable[..., I]  # inputs, and ``known`` ones that passed the door before
    values: Callable[[I], Mapping[str, Scalar]]
    outside: Callable[..., BoolArray | None]  # of inputs, and ``known`` ones

    def __call__(self, inputs: I, output: str, known: I | None = None) -> Question[I]:
        """``output`` over a batch of changed inputs; ``known`` passed the door before.

        Raises:
            InvalidInput: with every problem of the inputs. Infeasible: where the kind's door says.
        """
        admitted = self.admit(inputs, known)
        return Question(
            inputs=admitted,
            admit=partial(self.admit, known=admitted),
            values=self.values,
            outside=partial(self.outside, known=admitted),
            output=self.outputs(output).value,
        )


def batches(
    table: Names, scenarios: Sequence[Changes], kind: type[np.generic]
) -> Iterator[tuple[list[int], dict[str, Scalar]]]:
    """Scenarios as batches: which of them, and (n,) the numbers at every path that one changes.

    One batch does, but for many, and where some scenarios move a whole and others its parts.
    """
    wholes = frozenset(table.wholes())
    together: dict[tuple[int, frozenset[str]], list[int]] = {}
    for row, changes in enumerate(scenarios):
        key = (row // _TOGETHER, wholes.intersection(changes))
        together.setdefault(key, []).append(row)
    for rows in together.values():
        columns: dict[str, Any] = {}
        for at, row in enumerate(rows):
            for path, value in scenarios[row].items():
                if path not in columns:
                    columns[path] = np.full(len(rows), value_at(table, path), dtype=kind)
                columns[path][at] = value
        yield rows, columns
