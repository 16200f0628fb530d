"""Monte Carlo: the same valuation over a batch of drawn inputs, chunk by chunk.

A chunk's numbers come from the seed and its own number alone, and chunks are kept in order, so the
result has the same bits whoever computes them. Memory is one number for each trial, and for each
thread one chunk's draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Generic

import numpy as np

from engine import drivers
from engine.chunks import in_order, never, spans
from engine.convergence import PERCENTILES, Sample
from engine.correlation import Correlation, correlate
from engine.distributions import (
    Discrete,
    Distribution,
    Empirical,
    Lognormal,
    Normal,
    Outcome,
    Pert,
    RelativeTo,
    Triangular,
    Uniform,
    placed,
)
from engine.door import FloatArray, Scalar
from engine.errors import Infeasible
from engine.paths import replaced
from engine.questions import I, Question
from engine.replicates import Replicates
from engine.sampling import CHUNK, SCRAMBLES, PlainStreams, Sampling, SobolNets, sobol_nets
from engine.shocks import Admitted, Shock, SimulationSpec, StopWhen, admit_spec
from engine.summary import BINS, Driver, Simulation, summarise

__all__ = [
    "BINS",
    "PERCENTILES",
    "Correlation",
    "Discrete",
    "Distribution",
    "Driver",
    "Empirical",
    "Lognormal",
    "Normal",
    "Outcome",
    "Pert",
    "RelativeTo",
    "Sampling",
    "Shock",
    "Simulation",
    "SimulationSpec",
    "StopWhen",
    "Triangular",
    "Uniform",
    "admit_spec",
    "draw_values",
    "simulate",
]

# A task: long enough that handing it out costs nothing, short enough that the first one is soon
# done and that whoever says stop is soon heard. Some 20 ms, and at most a megabyte of values.
TASK_DRAWS: Final = 2_000_000
TASK_CHUNKS: Final = 16
SOBOL_TASK_CHUNKS: Final = 4  # a first round is sixteen, and may be all there is


def simulate(
    question: Question[I],
    spec: SimulationSpec,
    price: float | None = None,
    *,
    executor: Executor | None = None,
    stopped: Callable[[], bool] = never,
    watch: Callable[[Sample | Replicates], None] | None = None,
) -> Simulation:
    """Draw, value, and summarise.

    ``watch`` is shown the sample in the order of the trials, after every chunk's, or with Sobol
    points after every round's. At the end it has `ended`.

    Raises:
        InvalidInput: for unknown paths, odd distributions or too many trials.
        Infeasible: if fewer than half of the trials have a value.
        Stopped: when ``stopped`` says so.
    """
    work = admit_spec(question, spec, price=price)
    source = source_of(spec, work.rows)
    sample = Replicates(source) if isinstance(source, SobolNets) else Sample(spec.trials)
    told: drivers.Tally | None = None
    converged = None if spec.stop_when is None else False
    for chunk, part in enumerate(_parts(Trials(work, source), executor, stopped)):
        sample.add(part.values)
        if part.tally is not None:
            told = part.tally if told is None else told.plus(part.tally)
        if not sample.whole:
            continue
        last = sample.drawn == spec.drawn
        if spec.stop_when is not None and (last or source.doubled(chunk)):
            converged = _converged(sample, spec.stop_when)
        sample.ended = last or converged is True
        if watch is not None:
            watch(sample)
        if sample.ended:
            break
    drawn, infeasible = sample.drawn, sample.infeasible
    if sample.kept < max(2, drawn / 2):
        raise Infeasible(
            f"{infeasible:,} of {drawn:,} trials have no finite value: the shocks are wider "
            "than the model can bear (for instance, growth above the WACC, or a share above 1)."
        )
    return summarise(sample, price, _drivers(spec, work, told), converged)


def _converged(sample: Sample | Replicates, when: StopWhen) -> bool:
    moments = sample.moments()
    if moments is None:
        return False
    return moments.standard_error <= when.standard_error_share * abs(moments.mean)


def _drivers(
    spec: SimulationSpec, work: Admitted[I], told: drivers.Tally | None
) -> tuple[Driver, ...]:
    """The shocks by what they drive, the most first."""
    with np.errstate(all="ignore"):
        shares = None if told is None else drivers.shares(told, [draw.rows for draw in work.draws])
    if shares is None:
        return ()
    found = [Driver(shock.path, share) for shock, share in zip(spec.shocks, shares, strict=True)]
    return tuple(sorted(found, key=lambda driver: -driver.share))


def draw_values(
    question: Question[I], spec: SimulationSpec, executor: Executor | None = None
) -> FloatArray:
    """(drawn,) the value of each trial in order; NaN where a trial has none."""
    work = admit_spec(question, spec)
    source = source_of(spec, work.rows)
    values, start = np.empty(spec.drawn), 0
    for part in _parts(Trials(work, source, tallied=False), executor, never):
        values[start : start + part.values.size] = part.values
        start += part.values.size
    return values


def source_of(spec: SimulationSpec, rows: int) -> PlainStreams | SobolNets:
    """The numbers of an admitted spec. Sobol's take SciPy: in a worker process only."""
    if spec.sampling is Sampling.PLAIN:
        return PlainStreams(spec.seed, spec.trials)
    return sobol_nets(spec.seed, rows, spec.drawn // SCRAMBLES)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one chunk comes to. Parts are put together one by one, in their order: sums of sums
    would have other bits when the chunks are handed out otherwise."""

    values: FloatArray  # (trials,) NaN where the kind's door would not let a trial in
    tally: drivers.Tally | None  # of the trials that tell the drivers


@dataclass(frozen=True, slots=True, eq=False)
class Trials(Generic[I]):
    """What makes any chunk of one simulation, in this process or, pickled, in another."""

    work: Admitted[I]
    source: PlainStreams | SobolNets
    tallied: bool = True

    def __call__(self, chunks: range) -> list[Part]:
        rows, source = self.work.rows, self.source
        workspace = np.empty(rows * max(source.drawn(chunk) for chunk in chunks))
        with np.errstate(all="ignore"):  # trials without a value are counted, not warned about
            return [
                self._part(chunk, workspace[: rows * source.drawn(chunk)].reshape(rows, -1))
                for chunk in chunks
            ]

    def _part(self, chunk: int, raw: FloatArray) -> Part:
        """``raw`` is (rows, trials), and is used up."""
        work, source = self.work, self.source
        source.fill(chunk, raw, work.blocks)
        if work.factor is not None:
            correlate(work.factor, [raw[rows] for rows, _ in work.blocks])
        telling = self.tallied and source.before(chunk) < drivers.TRIALS
        bins = drivers.binned(raw, work.blocks, work.bins) if telling else None
        question = work.question
        changes: dict[str, Scalar] = {}
        for draw, (rows, _) in zip(work.draws, work.blocks, strict=True):
            drawn = placed(draw.distribution, raw[rows], draw.bases, correlated=draw.correlated)
            changes.update(zip(draw.paths, drawn, strict=True))
        changed = replaced(question.inputs, changes)
        value = np.asarray(question.worth(changed), dtype=np.float64)
        outside = question.outside(changed)
        if outside is not None:
            value = np.where(outside, np.nan, value)
        values = np.array(np.broadcast_to(value, raw.shape[1])[: source.wanted(chunk)])
        if bins is None:
            return Part(values, None)
        centre = float(np.asarray(question.worth(question.inputs)))
        return Part(values, drivers.tally(bins[:, : values.size], values, centre, work.bins))


def _parts(
    trials: Trials[I], executor: Executor | None, stopped: Callable[[], bool]
) -> Iterator[Part]:
    """What every chunk comes to, in their order."""
    source = trials.source
    most = TASK_CHUNKS if source.scrambles == 1 else SOBOL_TASK_CHUNKS
    each = max(1, min(most, TASK_DRAWS // (trials.work.rows * CHUNK)))
    for parts in in_order(trials, spans(source.chunks, each), executor, stopped):
        yield from parts
