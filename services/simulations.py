"""A simulation's documents, in the schema's words, and how a worker computes one.

What is asked, what is known so far and what comes out are JSON: a row keeps them, a worker
process is sent them, and a float comes back with the bits that it went with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from time import monotonic
from typing import Any, Final

from engine.convergence import Sample, SoFar
from engine.dcf import DcfOutput
from engine.scenarios import Question
from engine.simulation import Distribution, Normal, Shock, Simulation, SimulationSpec, Uniform
from engine.simulation import simulate as simulate_
from services.kinds import KINDS, Document
from services.words import camel, snake

LOOK_S: Final = 0.2  # between two looks at what is known so far, at least
GROWTH: Final = 1.25  # of the trials from one look to the next
LOOKING: Final = 0.2  # how much of the time looking may take


def spec_document(spec: SimulationSpec) -> Document:
    """As `SimulationInput` has it, without its price."""
    return {
        "trials": spec.trials,
        "seed": spec.seed,
        "shocks": [
            {
                "path": camel(shock.path),
                "distribution": _distribution_document(shock.distribution),
                "everyYear": shock.every_year,
            }
            for shock in spec.shocks
        ],
    }


def spec_of(document: Mapping[str, Any]) -> SimulationSpec:
    """The engine's spec. Its numbers are not yet checked."""
    return SimulationSpec(
        trials=document["trials"],
        seed=document["seed"],
        shocks=tuple(
            Shock(snake(shock["path"]), _distribution(shock["distribution"]), shock["everyYear"])
            for shock in document["shocks"]
        ),
    )


def _distribution_document(distribution: Distribution) -> Document:
    if isinstance(distribution, Normal):
        return {"normal": {"standardDeviation": distribution.standard_deviation}}
    return {"uniform": {"low": distribution.low, "high": distribution.high}}


def _distribution(document: Mapping[str, Any]) -> Distribution:
    if "normal" in document:
        return Normal(document["normal"]["standardDeviation"])
    return Uniform(document["uniform"]["low"], document["uniform"]["high"])


def simulation_document(found: Simulation) -> Document:
    """Every number of the result, under the names of the schema's `Simulation`."""
    levels = zip(found.percentile_levels, found.percentiles.tolist(), strict=True)
    return {
        "trials": found.trials,
        "infeasible": found.infeasible,
        "mean": found.mean,
        "standardError": found.standard_error,
        "standardDeviation": found.standard_deviation,
        "minimum": found.minimum,
        "maximum": found.maximum,
        "percentiles": [{"level": level, "value": value} for level, value in levels],
        "histogram": {"edges": found.bin_edges.tolist(), "counts": found.bin_counts.tolist()},
        "probabilityAbove": found.probability_above,
    }


def so_far_document(found: SoFar) -> Document:
    """What is known after some of the trials, under the names of the schema's `RunProgress`."""
    return {
        "trialsDone": found.trials_done,
        "infeasible": found.infeasible,
        "mean": found.mean,
        "standardError": found.standard_error,
        "percentiles": [
            {"level": each.level, "value": each.value, "low": each.low, "high": each.high}
            for each in found.percentiles
        ],
    }


def question_of(kind: str, inputs: Document, output: DcfOutput) -> Question[Any]:
    """
    Raises:
        InvalidInput: with every problem of the inputs.
    """
    found = KINDS[kind]
    return found.question(found.inputs_of(inputs), output, None)


def simulate(
    job: Document, crew: Executor, stopped: Callable[[], bool], tell: Callable[[Document], None]
) -> Document:
    """Compute what a job asks for. ``tell`` hears what is known so far, now and then.

    Raises:
        InvalidInput, Infeasible: the caller's move; Stopped: when ``stopped`` says so.
    """
    question = question_of(job["kind"], job["inputs"], DcfOutput(job["output"]))
    spec = spec_of(job["spec"])
    found = simulate_(
        question,
        spec,
        job["price"],
        executor=crew,
        stopped=stopped,
        watch=Looks(spec.trials, tell).watch,
    )
    return simulation_document(found)


class Looks:
    """When it is time to look: after the first trials, then ever more of them, and at the end.

    What is seen at some trial is always the same; only at which trials one looks is the clock's.
    """

    def __init__(
        self, trials: int, tell: Callable[[Document], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._trials, self._tell, self._clock = trials, tell, clock
        self._next_trial = 1.0
        self._next_s = clock()

    def watch(self, sample: Sample) -> None:
        now = self._clock()
        due = sample.drawn >= self._next_trial and now >= self._next_s
        if not due and sample.drawn < self._trials:
            return
        self._tell(so_far_document(sample.so_far()))
        after = self._clock()
        self._next_trial = sample.drawn * GROWTH
        self._next_s = max(now + LOOK_S, now + (after - now) / LOOKING)
