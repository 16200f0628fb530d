"""A simulation's documents say what they were made from; one looks neither too often nor late."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chunks import Stopped
from engine.convergence import Sample
from engine.correlation import Correlation, CorrelationMethod
from engine.dcf import DcfOutput
from engine.distributions import (
    Discrete,
    Empirical,
    Lognormal,
    Normal,
    Outcome,
    Pert,
    RelativeTo,
    Triangular,
    Uniform,
)
from engine.errors import InvalidInput
from engine.sampling import Sampling
from engine.simulation import Shock, SimulationSpec, StopWhen
from services.frames import Frame
from services.run import so_far_of
from services.simulations import (
    GROWTH,
    LOOK_S,
    Looks,
    question_of,
    simulate,
    so_far_document,
    spec_document,
    spec_of,
)
from tests.dcf_documents import firm
from tests.mirror.services.computing import LONG, expected, job

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
RELATIONS = st.sampled_from(RelativeTo)
OUTCOMES = st.builds(Outcome, NUMBERS, NUMBERS)
SHOCKS = st.builds(
    Shock,
    st.sampled_from(["capital.wacc", "operations.revenue_growth[3]", "terminal.gordon.growth"]),
    st.one_of(
        st.builds(Normal, NUMBERS, st.none() | NUMBERS, RELATIONS),
        st.builds(Uniform, NUMBERS, NUMBERS, RELATIONS),
        st.builds(Lognormal, NUMBERS, NUMBERS, RELATIONS),
        st.builds(Triangular, NUMBERS, NUMBERS, NUMBERS, RELATIONS),
        st.builds(Pert, NUMBERS, NUMBERS, NUMBERS, RELATIONS, NUMBERS),
        st.builds(Discrete, st.lists(OUTCOMES, max_size=3).map(tuple), RELATIONS),
        st.builds(Empirical, st.lists(NUMBERS, max_size=3).map(tuple), RELATIONS),
    ),
    st.booleans(),
)
CORRELATIONS = st.builds(
    Correlation,
    st.sampled_from(CorrelationMethod),
    st.lists(st.lists(NUMBERS, max_size=3).map(tuple), max_size=3).map(tuple),
)


@given(
    st.builds(
        SimulationSpec,
        trials=st.integers(1, 10**8),
        seed=st.integers(0, 2**53 - 1),
        shocks=st.lists(SHOCKS, max_size=4).map(tuple),
        sampling=st.sampled_from(Sampling),
        correlation=st.none() | CORRELATIONS,
        stop_when=st.none() | st.builds(StopWhen, NUMBERS),
    )
)
def test_a_spec_is_the_same_after_its_way_through_a_row(spec: SimulationSpec) -> None:
    assert spec_of(orjson.loads(orjson.dumps(spec_document(spec)))) == spec


def test_a_spec_is_kept_in_the_schemas_words_with_every_default_written_out() -> None:
    shock = Shock("operations.ebit_margin", Normal(0.1), every_year=True)
    discrete = Discrete((Outcome(0.21, 0.6), Outcome(0.28, 0.4)), RelativeTo.ABSOLUTE)
    taxed = Shock("operations.tax_rate", discrete)
    spec = SimulationSpec(
        trials=100,
        seed=1,
        shocks=(shock, taxed),
        sampling=Sampling.SOBOL,
        correlation=Correlation(CorrelationMethod.RANK, ((1.0, 0.5), (0.5, 1.0))),
        stop_when=StopWhen(0.001),
    )
    assert spec_document(spec) == {
        "trials": 100,
        "seed": 1,
        "sampling": "SOBOL",
        "shocks": [
            {
                "path": "operations.ebitMargin",
                "distribution": {
                    "normal": {"standardDeviation": 0.1, "mean": None, "relativeTo": "OFFSET"}
                },
                "everyYear": True,
            },
            {
                "path": "operations.taxRate",
                "distribution": {
                    "discrete": {
                        "outcomes": [
                            {"value": 0.21, "probability": 0.6},
                            {"value": 0.28, "probability": 0.4},
                        ],
                        "relativeTo": "ABSOLUTE",
                    }
                },
                "everyYear": False,
            },
        ],
        "correlation": {"method": "RANK", "matrix": [[1.0, 0.5], [0.5, 1.0]]},
        "stopWhen": {"standardErrorShare": 0.001},
    }


def test_a_spec_that_was_kept_before_there_was_a_choice_means_what_it_meant() -> None:
    kept = {
        "trials": 100,
        "seed": 1,
        "shocks": [
            {
                "path": "operations.ebitMargin",
                "distribution": {"normal": {"standardDeviation": 0.1}},
                "everyYear": True,
            },
            {
                "path": "capital.wacc",
                "distribution": {"uniform": {"low": -0.01, "high": 0.01}},
                "everyYear": False,
            },
        ],
    }
    assert spec_of(kept) == SimulationSpec(
        trials=100,
        seed=1,
        sampling=Sampling.PLAIN,
        shocks=(
            Shock("operations.ebit_margin", Normal(0.1), every_year=True),
            Shock("capital.wacc", Uniform(-0.01, 0.01)),
        ),
    )


def sampled(trials: int, of: int) -> Sample:
    sample = Sample(of)
    sample.add(np.arange(trials, dtype=np.float64))
    sample.ended = trials == of
    return sample


def test_what_is_known_is_the_same_after_its_way_over_the_bus() -> None:
    known = sampled(1_000, of=1_000).so_far()
    assert so_far_of(orjson.loads(orjson.dumps(so_far_document(known)))) == known


def test_a_job_is_computed_and_tells_what_is_known_to_the_last_trial() -> None:
    told: list[Frame] = []
    with ThreadPoolExecutor(2) as crew:
        found = simulate(job(300_000), crew, lambda: False, told.append)
    assert found == expected(300_000)
    assert told[-1]["trialsDone"] == 300_000
    assert [each["value"] for each in told[-1]["percentiles"]] == [
        each["value"] for each in found["percentiles"]
    ]


def test_a_job_stops_when_it_is_told_to() -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(2) as crew, pytest.raises(Stopped):
        simulate(job(LONG), crew, stop.is_set, lambda _: stop.set())


def test_a_question_has_passed_the_door() -> None:
    with pytest.raises(InvalidInput):
        question_of("DCF", firm(**{"capital.wacc": -1.0}), DcfOutput.EQUITY_VALUE)


class Hands:
    """A clock that is moved by whoever looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def looked_at(
    trials: int, each: int, task_s: float, look_s: float = 0.0
) -> list[tuple[float, int]]:
    """(when, trials done) of every look, where a task takes so long and a look so long."""
    clock, seen = Hands(), []

    def tell(known: Frame) -> None:
        seen.append((clock.now, known["trialsDone"]))
        clock.now += look_s

    looks = Looks(tell, clock)
    for done in range(each, trials + 1, each):
        clock.now += task_s
        looks.watch(sampled(done, of=trials))
    return seen


def test_the_first_look_is_after_the_first_trials_and_the_last_after_the_last() -> None:
    seen = looked_at(trials=1_000, each=10, task_s=0.001)
    assert [done for _, done in seen] == [10, 1_000]


def test_looks_are_at_least_a_fifth_of_a_second_and_a_quarter_of_the_trials_apart() -> None:
    seen = looked_at(trials=1_000, each=10, task_s=0.05)
    assert len(seen) > 8
    for (then, before), (now, done) in pairwise(seen[:-1]):
        assert now - then >= LOOK_S - 1e-9
        assert done >= GROWTH * before


def test_looking_takes_no_more_than_its_share_of_the_time() -> None:
    seen = looked_at(trials=3_000, each=1, task_s=1.0, look_s=5.0)
    for (then, _), (now, _) in pairwise(seen[:-1]):
        assert now - then >= 5.0 / 0.2
