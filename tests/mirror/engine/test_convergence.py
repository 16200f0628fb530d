"""What is known so far is true of the trials so far, and its intervals hold what they promise."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine import SHOCKS, lean
from engine.convergence import PERCENTILES, Sample, SoFar, bracket, quantile
from engine.dcf import DcfOutput, Gordon, dcf_question
from engine.sampling import CHUNK
from engine.simulation import Shock, SimulationSpec, Uniform, draw_values, simulate
from tests.mirror.engine.firms import firm

QUESTION = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)


def coverage(level: float, count: int) -> float:
    """The exact chance that the bracket holds the true percentile, from the binomial itself."""
    low, high = bracket(level, count)
    first = 0 if low is None else low + 1
    last = count if high is None else high
    log_p, log_q = math.log(level), math.log1p(-level)
    whole = math.lgamma(count + 1)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(below + 1)
            - math.lgamma(count - below + 1)
            + below * log_p
            + (count - below) * log_q
        )
        for below in range(first, last + 1)
    )


@pytest.mark.parametrize("count", [100, 101, 250, 1_000, 8_192, 100_000, 1_000_000])
@pytest.mark.parametrize("level", PERCENTILES)
def test_a_bracket_holds_the_true_percentile_19_times_of_20(level: float, count: int) -> None:
    low, high = bracket(level, count)
    sure = coverage(level, count)
    assert sure >= 0.95
    if low is not None and high is not None and count >= 8_192:
        assert sure <= 0.963  # and not by being wide


@pytest.mark.parametrize("level", PERCENTILES)
def test_brackets_narrow_as_trials_come(level: float) -> None:
    def width(count: int) -> float:
        low, high = bracket(level, count)
        assert low is not None
        assert high is not None
        return (high - low) / count

    widths = [width(count) for count in (1_000, 4_000, 16_000, 64_000, 1_000_000)]
    assert all(later < 0.55 * earlier for earlier, later in pairwise(widths))


def test_an_end_that_too_few_trials_can_tell_is_none() -> None:
    assert bracket(0.01, 100) == (None, 3)
    assert bracket(0.99, 100) == (96, None)
    assert bracket(0.5, 100) == (39, 60)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=300),
    st.lists(st.integers(1, 60), min_size=1, max_size=8),
)
def test_so_far_is_numpys_word_on_the_same_trials(values: list[float], sizes: list[int]) -> None:
    given_ = np.array(values)
    sample = Sample(given_.size)
    for start, stop in pairwise([0, *accumulate(sizes), given_.size]):
        if start < stop <= given_.size:
            sample.add(given_[start:stop])
            if sample.drawn > 1:
                check(sample.so_far(), given_[: sample.drawn])


def check(found: SoFar, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    assert (found.trials_done, found.infeasible) == (values.size, 0)
    assert found.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)
    error = values.std(ddof=1) / math.sqrt(values.size)
    assert found.standard_error == pytest.approx(error, rel=1e-6, abs=1e-9)
    ordered = np.sort(values)
    for each in found.percentiles:
        low, high = bracket(each.level, values.size)
        assert each.value == quantile(ordered, each.level)
        assert each.low == (None if low is None else ordered[low])
        assert each.high == (None if high is None else ordered[high])


def test_what_is_not_finite_is_counted_and_stands_in_no_statistic() -> None:
    sample = Sample(8)
    sample.add(np.array([math.nan, math.inf]))
    assert sample.so_far() == SoFar(
        trials_done=2, infeasible=2, mean=None, standard_error=None, percentiles=()
    )
    sample.add(np.array([3.0]))
    assert sample.so_far().mean is None  # one value has no error
    sample.add(np.array([-math.inf, 1.0, math.nan]))
    found = sample.so_far()
    assert (found.trials_done, found.infeasible, found.mean) == (6, 4, 2.0)
    assert sample.ordered().tolist() == [1.0, 3.0]


def test_moments_that_no_double_holds_are_not_told() -> None:
    sample = Sample(2)
    sample.add(np.array([1e200, -1e200]))
    found = sample.so_far()
    assert (found.mean, found.standard_error) == (None, None)
    assert found.percentiles[0].value == pytest.approx(-0.98e200)


def test_zeros_have_one_sign_however_the_trials_came() -> None:
    for values in ([-0.0, 0.0, 1.0], [0.0, 1.0, -0.0]):
        sample = Sample(3)
        sample.add(np.array(values))
        assert [math.copysign(1.0, each.value) for each in sample.so_far().percentiles] == [1.0] * 9
        assert math.copysign(1.0, float(sample.ordered()[0])) == 1.0


def seen(workers: int, spec: SimulationSpec, every: int = 1) -> dict[int, SoFar]:
    """Trials done to what was known then, looking after every so many tasks."""
    looked: dict[int, SoFar] = {}
    tasks = 0

    def watch(sample: Sample) -> None:
        nonlocal tasks
        tasks += 1
        if tasks % every == 0:
            looked[sample.drawn] = sample.so_far()

    with ThreadPoolExecutor(workers) as threads:
        simulate(QUESTION, spec, executor=threads, watch=watch)
    return looked


def test_progress_is_the_same_whoever_computes_and_however_often_one_looks() -> None:
    spec = SimulationSpec(trials=400_000, seed=1, shocks=SHOCKS)
    first = seen(1, spec)
    assert first == seen(3, spec) == seen(5, spec)
    seldom = seen(2, spec, every=3)
    assert seldom == {done: first[done] for done in seldom}
    assert len(first) > len(seldom) > 1
    values = draw_values(QUESTION, spec)
    for done, found in first.items():
        check(found, values[:done])
    assert max(first) == spec.trials
    assert min(first) < spec.trials / 4


def test_looking_changes_nothing_of_the_result() -> None:
    # A third of the trials has no value, so that what is kept moves.
    question = dcf_question(
        firm(years=5, wacc=0.08, terminal=Gordon(growth=0.03)), DcfOutput.VALUE_PER_SHARE
    )
    spec = SimulationSpec(
        trials=20 * CHUNK,
        seed=3,
        shocks=(Shock("terminal.gordon.growth", Uniform(0.0, 0.07)),),
    )
    looked: list[SoFar] = []
    watched = simulate(question, spec, 20.0, watch=lambda sample: looked.append(sample.so_far()))
    plain = simulate(question, spec, 20.0)
    assert looked[-1].infeasible == plain.infeasible > 0
    assert watched.percentiles.tobytes() == plain.percentiles.tobytes()
    assert watched.bin_edges.tobytes() == plain.bin_edges.tobytes()
    for name in ("mean", "standard_error", "minimum", "maximum", "probability_above"):
        assert getattr(watched, name) == getattr(plain, name)
    assert looked[-1].mean == pytest.approx(plain.mean, rel=1e-12)
    assert looked[-1].standard_error == pytest.approx(plain.standard_error, rel=1e-9)
    assert [each.value for each in looked[-1].percentiles] == plain.percentiles.tolist()
