"""Monte Carlo: the same valuation over a batch of drawn inputs, chunk by chunk.

The chunks' numbers come from (seed, chunk) alone and are kept in order, so the result has the same
bits whoever computes them. Memory is one number for each trial, and for each thread one chunk's
draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias

import numpy as np

from engine.chunks import in_order, never, spans
from engine.convergence import PERCENTILES, Sample, quantile
from engine.door import Door, FloatArray, Scalar
from engine.errors import Infeasible
from engine.paths import Names, Table, replaced, schedule_at, value_at
from engine.sampling import CHUNK, SEED_MAX, generator
from engine.scenarios import I, Question, known

MAX_TRIALS = 100_000_000
MAX_SHOCKS = 50
BINS = 40
# A task: long enough that handing it out costs nothing, short enough that the first one is soon
# done and that whoever says stop is soon heard. Some 20 ms, and at most a megabyte of values.
TASK_DRAWS: Final = 2_000_000
TASK_CHUNKS: Final = 16


@dataclass(frozen=True, slots=True)
class Normal:
    """Around the input's own value."""

    standard_deviation: float

    def fill(self, source: np.random.Generator, out: FloatArray, bases: FloatArray) -> None:
        """(rows, trials) draws, each row around its base; ``bases`` is (rows, 1)."""
        source.standard_normal(out=out)
        out *= self.standard_deviation
        out += bases

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.normal.standard_deviation", self.standard_deviation, 0.0, 1e18)


@dataclass(frozen=True, slots=True)
class Uniform:
    """From ``low`` to ``high``, both added to the input's own value."""

    low: float
    high: float

    def fill(self, source: np.random.Generator, out: FloatArray, bases: FloatArray) -> None:
        """(rows, trials) draws, each row from its base on; ``bases`` is (rows, 1)."""
        source.random(out=out)
        out *= self.high - self.low
        out += bases + self.low

    def check(self, door: Door, path: str) -> None:
        path = f"{path}.uniform"
        door.within(f"{path}.low", self.low, -1e18, 1e18)
        door.within(f"{path}.high", self.high, -1e18, 1e18)
        door.apart(f"{path}.high", self.low, self.high, 0.0, "A uniform draw needs low <= high.")


Distribution: TypeAlias = Normal | Uniform


@dataclass(frozen=True, slots=True)
class Shock:
    """What is drawn and added to an input: once, or for each year of a schedule by itself."""

    path: str
    distribution: Distribution
    every_year: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSpec:
    trials: int
    seed: int
    shocks: tuple[Shock, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """A distribution of values. Trials without a value (say, growth drawn above the WACC) are
    counted as ``infeasible`` and stand in no statistic."""

    trials: int
    infeasible: int
    mean: float
    standard_error: float  # of the mean
    standard_deviation: float
    minimum: float
    maximum: float
    percentile_levels: tuple[float, ...]
    percentiles: FloatArray  # (levels,) by linear interpolation (Hyndman and Fan's type 7)
    bin_edges: FloatArray  # (bins + 1,) from the 0.5th to the 99.5th percentile
    bin_counts: FloatArray  # (bins,) trials beyond the edges are in the outer bins
    probability_above: float | None  # of the price that was asked about


def simulate(
    question: Question[I],
    spec: SimulationSpec,
    price: float | None = None,
    *,
    executor: Executor | None = None,
    stopped: Callable[[], bool] = never,
    watch: Callable[[Sample], None] | None = None,
) -> Simulation:
    """Draw, value, and summarise.

    ``watch`` is shown the sample after every task's trials, in the order of the trials.

    Raises:
        InvalidInput: for unknown paths, odd distributions or too many trials.
        Infeasible: if fewer than half of the trials have a value.
        Stopped: when ``stopped`` says so.
    """
    work = admit_spec(question, spec)
    sample = Sample(spec.trials)
    for values in _values(work, spec.trials, executor, stopped):
        sample.add(values)
        if watch is not None:
            watch(sample)
    infeasible = sample.infeasible
    if sample.kept < max(2, spec.trials / 2):
        raise Infeasible(
            f"{infeasible:,} of {spec.trials:,} trials have no finite value: the shocks are wider "
            "than the model can bear (for instance, growth drawn above the WACC)."
        )
    with np.errstate(all="ignore"):  # a spread that no double holds is refused below
        return _summary(sample.ordered(), spec.trials, price)


def _summary(ordered: FloatArray, trials: int, price: float | None) -> Simulation:
    """Every statistic. ``ordered`` is used up: a hundred million trials have no room for a copy."""
    size = ordered.size
    low, high = quantile(ordered, 0.005), quantile(ordered, 0.995)
    edges = (
        np.linspace(low, high, BINS + 1)
        if high > low
        else np.array([low, np.nextafter(low, np.inf)])
    )
    inner = np.searchsorted(ordered, edges[1:-1], side="left")
    above = None if price is None else float(1.0 - np.searchsorted(ordered, price, "right") / size)
    percentiles = np.array([quantile(ordered, level) for level in PERCENTILES])
    minimum, maximum = float(ordered[0]), float(ordered[-1])
    mean = ordered.mean()
    # What numpy's std does, in place.
    ordered -= mean
    np.multiply(ordered, ordered, out=ordered)
    deviation = float(np.sqrt(ordered.sum() / (size - 1)))
    if not math.isfinite(deviation):
        raise Infeasible(
            "The values spread beyond the range of a number: the shocks are wider than the model "
            "can bear."
        )
    return Simulation(
        trials=trials,
        infeasible=trials - size,
        mean=float(mean),
        standard_error=deviation / float(np.sqrt(size)),
        standard_deviation=deviation,
        minimum=minimum,
        maximum=maximum,
        percentile_levels=PERCENTILES,
        percentiles=percentiles,
        bin_edges=edges,
        bin_counts=np.diff(np.concatenate(([0], inner, [size]))).astype(np.float64),
        probability_above=above,
    )


def draw_values(
    question: Question[I], spec: SimulationSpec, executor: Executor | None = None
) -> FloatArray:
    """(trials,) the value of each trial in order; NaN where a trial has none."""
    values, start = np.empty(spec.trials), 0
    for part in _values(admit_spec(question, spec), spec.trials, executor, never):
        values[start : start + part.size] = part
        start += part.size
    return values


def _values(
    work: Trials[I], trials: int, executor: Executor | None, stopped: Callable[[], bool]
) -> Iterator[FloatArray]:
    """The trials' values, one task's after the other's; the last chunk is cut to what was asked."""
    left = trials
    each = max(1, min(TASK_CHUNKS, TASK_DRAWS // (work.rows * CHUNK)))
    for values in in_order(work, spans(-(-trials // CHUNK), each), executor, stopped):
        yield values[:left]
        left -= values.size


@dataclass(frozen=True, slots=True)
class _Draw:
    """A shock, ready: the paths that it moves and what they are without it."""

    distribution: Distribution
    paths: tuple[str, ...]
    bases: FloatArray  # (paths, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Trials(Generic[I]):
    """What makes any chunk of one simulation, in this process or, pickled, in another."""

    question: Question[I]
    seed: int
    draws: tuple[_Draw, ...]

    @property
    def rows(self) -> int:
        """How many numbers are drawn for a trial."""
        return sum(len(draw.paths) for draw in self.draws)

    def __call__(self, chunks: range) -> FloatArray:
        """(len(chunks) × CHUNK,) values; NaN where the kind's door would not let a trial in."""
        values = np.empty((len(chunks), CHUNK))
        workspace = np.empty((self.rows, CHUNK))
        with np.errstate(all="ignore"):  # trials without a value are counted, not warned about
            for row, chunk in enumerate(chunks):
                values[row] = self._chunk(generator(self.seed, chunk), workspace)
        return values.reshape(-1)

    def _chunk(self, source: np.random.Generator, workspace: FloatArray) -> FloatArray:
        changes: dict[str, Scalar] = {}
        row = 0
        for draw in self.draws:
            drawn = workspace[row : row + len(draw.paths)]
            draw.distribution.fill(source, drawn, draw.bases)
            changes.update(zip(draw.paths, drawn, strict=True))
            row += len(draw.paths)
        question = self.question
        changed = replaced(question.inputs, changes)
        value = np.broadcast_to(np.asarray(question.worth(changed), dtype=np.float64), (CHUNK,))
        outside = question.outside(changed)
        return value if outside is None else np.where(outside, np.nan, value)


def admit_spec(question: Question[I], spec: SimulationSpec, most: int = MAX_TRIALS) -> Trials[I]:
    """What will make the trials, of which there may be ``most``; nothing is drawn yet.

    Raises:
        InvalidInput: with every problem of the spec.
    """
    table = Names(question.inputs)
    _check(table, spec, most)
    # That they can be moved together shows here, not in the first chunk.
    replaced(question.inputs, {shock.path: 0.0 for shock in spec.shocks}, "spec.shocks")
    draws = []
    for shock in spec.shocks:
        paths: tuple[str, ...] = (shock.path,)
        if shock.every_year:
            years = len(schedule_at(table, shock.path) or ())
            paths = tuple(f"{shock.path}[{year}]" for year in range(years))
        bases = np.array([[value_at(table, path)] for path in paths])
        draws.append(_Draw(shock.distribution, paths, bases))
    return Trials(question, spec.seed, tuple(draws))


def _check(table: Table, spec: SimulationSpec, most: int) -> None:
    door = Door()
    door.within("spec.trials", spec.trials, 100, most)
    door.within("spec.seed", spec.seed, 0, SEED_MAX)
    if not 1 <= len(spec.shocks) <= MAX_SHOCKS:
        door.refuse(
            "spec.shocks",
            "WRONG_LENGTH",
            f"{len(spec.shocks)} shocks are given.",
            f"Give 1 to {MAX_SHOCKS}.",
        )
    seen: set[str] = set()
    for number, shock in enumerate(spec.shocks[:MAX_SHOCKS]):
        where = f"spec.shocks[{number}]"
        if not known(door, table, f"{where}.path", shock.path):
            continue
        if shock.path in seen:
            door.refuse(
                f"{where}.path", "CONTRADICTION", "This path has a shock already.", "Give one each."
            )
        if shock.every_year and schedule_at(table, shock.path) is None:
            door.refuse(
                f"{where}.every_year",
                "CONTRADICTION",
                f"“{shock.path}” is one number, not a number for each year.",
                "Leave everyYear out, or name a schedule.",
            )
        shock.distribution.check(door, f"{where}.distribution")
        seen.add(shock.path)
    door.close()
