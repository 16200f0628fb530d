"""A simulation's documents, in the schema's words, and how a worker computes one.

What is asked, what is known so far and what comes out are JSON: a row keeps them, a worker
process is sent them, and a float comes back with the bits that it went with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import fields, is_dataclass
from enum import StrEnum
from time import monotonic
from typing import Any, Final

from engine.convergence import Sample, SoFar
from engine.correlation import Correlation, CorrelationMethod
from engine.distributions import DISTRIBUTIONS, Distribution, Outcome, RelativeTo
from engine.questions import Question
from engine.replicates import Replicates
from engine.sampling import Sampling
from engine.shocks import Shock, SimulationSpec, StopWhen
from engine.simulation import simulate as simulate_
from engine.summary import Simulation
from services.kinds import KINDS, Document, Output
from services.words import camel, snake

LOOK_S: Final = 0.2  # between two looks at what is known so far, at least
GROWTH: Final = 1.25  # of the trials from one look to the next
LOOKING: Final = 0.2  # how much of the time looking may take


def spec_document(spec: SimulationSpec) -> Document:
    """As `SimulationInput` has it, without its price, and with every default written out."""
    correlation, stop = spec.correlation, spec.stop_when
    return {
        "trials": spec.trials,
        "seed": spec.seed,
        "sampling": spec.sampling.value,
        "shocks": [
            {
                "path": camel(shock.path),
                "distribution": {shock.distribution.NAME: _plain(shock.distribution)},
                "everyYear": shock.every_year,
            }
            for shock in spec.shocks
        ],
        "correlation": None if correlation is None else _plain(correlation),
        "stopWhen": None if stop is None else _plain(stop),
    }


def work_document(output: Output | None, spec: SimulationSpec, price: float | None) -> Document:
    """What a worker is told besides the inputs."""
    return {"output": output, "price": price, "spec": spec_document(spec)}


def spec_of(document: Mapping[str, Any]) -> SimulationSpec:
    """The engine's spec. Its numbers are not yet checked."""
    correlation, stop = document.get("correlation"), document.get("stopWhen")
    return SimulationSpec(
        trials=document["trials"],
        seed=document["seed"],
        # Kept before there was a choice, and computed accordingly.
        sampling=Sampling(document.get("sampling", Sampling.PLAIN)),
        shocks=tuple(
            Shock(snake(shock["path"]), _distribution(shock["distribution"]), shock["everyYear"])
            for shock in document["shocks"]
        ),
        correlation=None
        if correlation is None
        else Correlation(
            CorrelationMethod(correlation["method"]), tuple(map(tuple, correlation["matrix"]))
        ),
        stop_when=None if stop is None else StopWhen(stop["standardErrorShare"]),
    )


def _plain(thing: Any) -> Any:
    """JSON of what the engine holds, in the schema's names."""
    if isinstance(thing, StrEnum):
        return thing.value
    if isinstance(thing, tuple):
        return [_plain(each) for each in thing]
    if is_dataclass(thing):
        return {camel(field.name): _plain(getattr(thing, field.name)) for field in fields(thing)}
    return thing


def _distribution(document: Mapping[str, Any]) -> Distribution:
    ((name, given),) = document.items()
    return _KINDS[name](
        **{snake(key): _READ.get(key, _as_it_is)(value) for key, value in given.items()}
    )


def _as_it_is(value: Any) -> Any:
    return value


_KINDS: Final[dict[str, Callable[..., Distribution]]] = {each.NAME: each for each in DISTRIBUTIONS}
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "relativeTo": RelativeTo,
    "observations": tuple,
    "outcomes": lambda outcomes: tuple(Outcome(**each) for each in outcomes),
}


def simulation_document(found: Simulation) -> Document:
    """Every number of the result, under the names of the schema's `Simulation`."""
    values = zip(
        found.percentile_levels, found.percentiles.tolist(), found.percentile_ends, strict=True
    )
    return {
        "sampling": found.sampling.value,
        "trials": found.trials,
        "infeasible": found.infeasible,
        "mean": found.mean,
        "standardError": found.standard_error,
        "meanInterval": _plain(found.mean_ends),
        "standardDeviation": found.standard_deviation,
        "minimum": found.minimum,
        "maximum": found.maximum,
        "percentiles": [
            {"level": level, "value": value, "low": low, "high": high}
            for level, value, (low, high) in values
        ],
        "histogram": {"edges": found.bin_edges.tolist(), "counts": found.bin_counts.tolist()},
        "probabilityAbove": found.probability_above,
        "probabilityInterval": _plain(found.probability_ends),
        "meanShortfall": found.mean_shortfall,
        "converged": found.converged,
        "drivers": [
            {"path": camel(driver.path), "share": driver.share} for driver in found.drivers
        ],
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


def question_of(kind: str, inputs: Document, output: Output) -> Question[Any]:
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
    question = question_of(job["kind"], job["inputs"], Output(job["output"]))
    spec = spec_of(job["spec"])
    watch = Looks(tell).watch
    found = simulate_(question, spec, job["price"], executor=crew, stopped=stopped, watch=watch)
    return simulation_document(found)


class Looks:
    """When it is time to look: after the first trials, then ever more of them, and at the end.

    What is seen at some trial is always the same; only at which trials one looks is the clock's.
    """

    def __init__(
        self, tell: Callable[[Document], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._tell, self._clock = tell, clock
        self._next_trial = 1.0
        self._next_s = clock()

    def watch(self, sample: Sample | Replicates) -> None:
        now = self._clock()
        due = sample.drawn >= self._next_trial and now >= self._next_s
        if not due and not sample.ended:
            return
        self._tell(so_far_document(sample.so_far()))
        after = self._clock()
        self._next_trial = sample.drawn * GROWTH
        self._next_s = max(now + LOOK_S, now + (after - now) / LOOKING)
