"""Monte Carlo: the same valuation over a batch of drawn inputs, chunk by chunk.

The chunks' numbers come from (seed, chunk) alone and are kept in order, so the result has the same
bits whoever computes them. Memory is one chunk's draws and one number for each trial.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from engine.door import Door, FloatArray, Scalar
from engine.errors import Infeasible
from engine.paths import Names, Table, replaced, schedule_at, value_at
from engine.sampling import CHUNK, SEED_MAX, generator
from engine.scenarios import I, Question, known

MAX_TRIALS = 100_000_000
MAX_SHOCKS = 50
PERCENTILES = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
BINS = 40


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
        door.within(f"{path}.standard_deviation", self.standard_deviation, 0.0, 1e18)


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


def simulate(question: Question[I], spec: SimulationSpec, price: float | None = None) -> Simulation:
    """Draw, value, and summarise.

    Raises:
        InvalidInput: for unknown paths, odd distributions or too many trials.
        Infeasible: if fewer than half of the trials have a value.
    """
    values = draw_values(question, spec)
    kept = values[np.isfinite(values)]
    infeasible = spec.trials - kept.size
    if kept.size < max(2, spec.trials / 2):
        raise Infeasible(
            f"{infeasible:,} of {spec.trials:,} trials have no finite value: the shocks are wider "
            "than the model can bear (for instance, growth drawn above the WACC)."
        )
    kept.sort()
    with np.errstate(all="ignore"):
        deviation = float(kept.std(ddof=1))
    if not math.isfinite(deviation):
        raise Infeasible(
            "The values spread beyond the range of a number: the shocks are wider than the model "
            "can bear."
        )
    low, high = _quantile(kept, 0.005), _quantile(kept, 0.995)
    edges = (
        np.linspace(low, high, BINS + 1)
        if high > low
        else np.array([low, np.nextafter(low, np.inf)])
    )
    inner = np.searchsorted(kept, edges[1:-1], side="left")
    counts = np.diff(np.concatenate(([0], inner, [kept.size]))).astype(np.float64)
    return Simulation(
        trials=spec.trials,
        infeasible=infeasible,
        mean=float(kept.mean()),
        standard_error=deviation / float(np.sqrt(kept.size)),
        standard_deviation=deviation,
        minimum=float(kept[0]),
        maximum=float(kept[-1]),
        percentile_levels=PERCENTILES,
        percentiles=np.array([_quantile(kept, level) for level in PERCENTILES]),
        bin_edges=edges,
        bin_counts=counts,
        probability_above=None
        if price is None
        else float(1.0 - np.searchsorted(kept, price, side="right") / kept.size),
    )


def draw_values(question: Question[I], spec: SimulationSpec) -> FloatArray:
    """(trials,) the value of each trial in order; NaN where a trial has none."""
    draws = _plan(question, spec)
    values = np.empty(spec.trials)
    workspace = np.empty((sum(len(draw.paths) for draw in draws), CHUNK))
    with np.errstate(all="ignore"):  # trials without a value are counted, not warned about
        for start in range(0, spec.trials, CHUNK):
            chunk = _chunk(question, draws, generator(spec.seed, start // CHUNK), workspace)
            stop = min(start + CHUNK, spec.trials)
            values[start:stop] = chunk[: stop - start]
    return values


@dataclass(frozen=True, slots=True)
class _Draw:
    """A shock, ready: the paths that it moves and what they are without it."""

    distribution: Distribution
    paths: tuple[str, ...]
    bases: FloatArray  # (paths, 1)


def _plan(question: Question[I], spec: SimulationSpec) -> list[_Draw]:
    table = Names(question.inputs)
    _check(table, spec)
    draws = []
    for shock in spec.shocks:
        paths: tuple[str, ...] = (shock.path,)
        if shock.every_year:
            years = len(schedule_at(table, shock.path) or ())
            paths = tuple(f"{shock.path}[{year}]" for year in range(years))
        bases = np.array([[value_at(table, path)] for path in paths])
        draws.append(_Draw(shock.distribution, paths, bases))
    return draws


def _chunk(
    question: Question[I],
    draws: Sequence[_Draw],
    source: np.random.Generator,
    workspace: FloatArray,
) -> FloatArray:
    """(CHUNK,) values; NaN where the kind's door would not let a trial in."""
    changes: dict[str, Scalar] = {}
    row = 0
    for draw in draws:
        drawn = workspace[row : row + len(draw.paths)]
        draw.distribution.fill(source, drawn, draw.bases)
        changes.update(zip(draw.paths, drawn, strict=True))
        row += len(draw.paths)
    changed = replaced(question.inputs, changes)
    value = np.broadcast_to(np.asarray(question.worth(changed), dtype=np.float64), (CHUNK,))
    outside = question.outside(changed)
    return value if outside is None else np.where(outside, np.nan, value)


def _quantile(ordered: FloatArray, level: float) -> float:
    """Linear between order statistics: Hyndman and Fan, American Statistician 50 (1996), type 7."""
    position = level * (ordered.size - 1)
    below = int(position)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (position - below) * (ordered[above] - ordered[below]))


def _check(table: Table, spec: SimulationSpec) -> None:
    door = Door()
    door.within("trials", spec.trials, 100, MAX_TRIALS)
    door.within("seed", spec.seed, 0, SEED_MAX)
    if not 1 <= len(spec.shocks) <= MAX_SHOCKS:
        door.refuse(
            "shocks",
            "WRONG_LENGTH",
            f"{len(spec.shocks)} shocks are given.",
            f"Give 1 to {MAX_SHOCKS}.",
        )
    seen: set[str] = set()
    for number, shock in enumerate(spec.shocks):
        where = f"shocks[{number}]"
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
