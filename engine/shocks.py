"""What a simulation draws: the shocks to a kind's inputs, and the door that lets a spec in.

A spec says which inputs are uncertain, how, and how often they are drawn. Past the door it has
become rows of numbers to draw, and the paths that each row moves; `engine.simulation` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic

import numpy as np

from engine import drivers
from engine.correlation import Correlation, Factor, correlated
from engine.distributions import Distribution, RelativeTo
from engine.door import Door, FloatArray
from engine.paths import Names, Table, known, replaced, schedule_at, value_at
from engine.questions import I, Question
from engine.sampling import SCRAMBLES, SEED_MAX, Block, Sampling

MAX_TRIALS = 100_000_000
MAX_SHOCKS = 50
PRICE_MAX: Final = 1e18


@dataclass(frozen=True, slots=True)
class Shock:
    """What is drawn for an input: once, or for each year of a schedule by itself."""

    path: str
    distribution: Distribution
    every_year: bool = False


@dataclass(frozen=True, slots=True)
class StopWhen:
    """Trials end early once the mean is known well enough."""

    standard_error_share: float  # of the mean


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSpec:
    """What is drawn, how often, and from which numbers."""

    trials: int
    seed: int
    shocks: tuple[Shock, ...]
    # What a spec meant before there was a choice. Callers of the service have Sobol's by default.
    sampling: Sampling = Sampling.PLAIN
    correlation: Correlation | None = None
    stop_when: StopWhen | None = None

    @property
    def drawn(self) -> int:
        """How many trials there will be: as many for each scramble, rounded up."""
        if self.sampling is Sampling.PLAIN:
            return self.trials
        return -(-self.trials // SCRAMBLES) * SCRAMBLES


@dataclass(frozen=True, slots=True)
class Draw:
    """A shock, ready: the paths that it moves and what they are without it."""

    distribution: Distribution
    paths: tuple[str, ...]
    bases: FloatArray  # (paths, 1)
    rows: int  # numbers that are drawn for a trial: one for each path, or one for all
    correlated: bool

    @property
    def normal(self) -> bool:
        """Whether it is made from standard normals, not from chances."""
        return self.correlated or self.distribution.FROM_NORMAL


@dataclass(frozen=True, slots=True, eq=False)
class Admitted(Generic[I]):
    """A spec that has passed the door."""

    question: Question[I]
    draws: tuple[Draw, ...]
    blocks: tuple[Block, ...]  # each draw's rows
    factor: Factor | None
    bins: int  # of each number, for the drivers

    @property
    def rows(self) -> int:
        """How many numbers are drawn for a trial."""
        return sum(draw.rows for draw in self.draws)


def admit_spec(
    question: Question[I],
    spec: SimulationSpec,
    most: int = MAX_TRIALS,
    price: float | None = None,
) -> Admitted[I]:
    """What will make the trials, of which there may be ``most``; nothing is drawn yet.

    Raises:
        InvalidInput: with every problem of the spec.
    """
    table = Names(question.inputs)
    _check(table, spec, most, price)
    # That they can be moved together shows here, not in the first chunk.
    replaced(question.inputs, {shock.path: 0.0 for shock in spec.shocks}, "spec.shocks")
    factor = None if spec.correlation is None else spec.correlation.factor()
    follows = [False] * len(spec.shocks) if factor is None else correlated(factor)
    draws: list[Draw] = []
    blocks: list[Block] = []
    row = 0
    for shock, follow in zip(spec.shocks, follows, strict=True):
        paths = _paths(table, shock)
        bases = np.array([[value_at(table, path)] for path in paths])
        draw = Draw(shock.distribution, paths, bases, _rows(table, shock), follow)
        draws.append(draw)
        blocks.append((slice(row, row + draw.rows), draw.normal))
        row += draw.rows
    return Admitted(
        question,
        tuple(draws),
        tuple(blocks),
        factor if any(follows) else None,
        drivers.bins_for(spec.trials),
    )


def _paths(table: Table, shock: Shock) -> tuple[str, ...]:
    """The paths that a shock moves. A whole schedule is one where an offset is added to it."""
    years = schedule_at(table, shock.path)
    together = not shock.every_year and shock.distribution.relative_to is RelativeTo.OFFSET
    if years is None or together:
        return (shock.path,)
    return tuple(f"{shock.path}[{year}]" for year in range(len(years)))


def _rows(table: Table, shock: Shock) -> int:
    return len(_paths(table, shock)) if shock.every_year else 1


def _check(table: Table, spec: SimulationSpec, most: int, price: float | None) -> None:
    door = Door()
    door.within("spec.trials", spec.trials, 100, most)
    door.within("spec.seed", spec.seed, 0, SEED_MAX)
    if price is not None:
        door.within("spec.price", price, -PRICE_MAX, PRICE_MAX)
    if spec.stop_when is not None:
        share = spec.stop_when.standard_error_share
        door.within("spec.stop_when.standard_error_share", share, 1e-9, 1.0)
    if not 1 <= len(spec.shocks) <= MAX_SHOCKS:
        door.refuse(
            "spec.shocks",
            "WRONG_LENGTH",
            f"{len(spec.shocks)} shocks are given.",
            f"Give 1 to {MAX_SHOCKS}.",
        )
    moved: dict[str, str] = {}  # by whom
    sizes: list[int] = []
    for number, shock in enumerate(spec.shocks[:MAX_SHOCKS]):
        where = f"spec.shocks[{number}]"
        if known(door, table, f"{where}.path", shock.path):
            sizes.append(_rows(table, shock))
            _check_alone(door, table, where, shock, moved)
            _check_shock(door, table, where, shock)
    if spec.correlation is not None and len(sizes) == len(spec.shocks):
        spec.correlation.check(door, "spec.correlation", sizes)
    door.close()


def _check_shock(door: Door, table: Table, where: str, shock: Shock) -> None:
    if shock.every_year and schedule_at(table, shock.path) is None:
        door.refuse(
            f"{where}.every_year",
            "CONTRADICTION",
            f"“{shock.path}” is one number, not a number for each year.",
            "Leave everyYear out, or name a schedule.",
        )
    distribution = shock.distribution
    inside = f"{where}.distribution.{distribution.NAME}"
    distribution.check(door, inside)
    if distribution.relative_to is RelativeTo.MULTIPLE and not any(
        value_at(table, path) for path in _paths(table, shock)
    ):
        door.refuse(
            f"{inside}.relative_to",
            "CONTRADICTION",
            f"“{shock.path}” is 0, and so is every multiple of it.",
            "Draw an OFFSET, or an ABSOLUTE value.",
        )


def _check_alone(door: Door, table: Table, where: str, shock: Shock, moved: dict[str, str]) -> None:
    """Two shocks on one number would leave one of them without effect, and nobody would see it."""
    paths = _paths(table, shock)
    if shock.path in moved.values() or any(path in moved for path in paths):
        door.refuse(
            f"{where}.path",
            "CONTRADICTION",
            "This path has a shock already.",
            "Give one each.",
        )
    moved.update(dict.fromkeys(paths, shock.path))
