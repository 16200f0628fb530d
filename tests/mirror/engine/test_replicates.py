"""What sixteen scrambles tell: as exact as one sample, far surer, and honest about how sure."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.engine import SHOCKS
from benchmarks.firms import lean
from engine.convergence import PERCENTILES, Interval, SoFar, wilson
from engine.correlation import Correlation, CorrelationMethod
from engine.dcf import DcfOutput, Gordon, dcf_question
from engine.distributions import Lognormal, Normal, Pert, RelativeTo, Uniform
from engine.questions import Question
from engine.replicates import FEW, Ordered
from engine.sampling import Sampling
from engine.simulation import Shock, Simulation, SimulationSpec, StopWhen, draw_values, simulate
from services.simulations import simulation_document
from tests.mirror.engine.firms import firm
from tests.mirror.engine.stand_ins import question, spec

SOBOL, PLAIN = Sampling
QUESTION = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)
BASE = float(QUESTION.worth(QUESTION.inputs))


def sobol(*shocks: Shock, **changes: object) -> SimulationSpec:
    return spec(*(shocks or SHOCKS), sampling=SOBOL, **changes)


# Values in parts, read as one list


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-5.0, 5.0) | st.integers(-2, 2).map(float), max_size=40),
        min_size=1,
        max_size=16,
    ).filter(any),
    st.booleans(),
)
def test_parts_are_read_as_if_they_were_one_list(parts: list[list[float]], halved: bool) -> None:
    whole = np.sort([value for part in parts for value in part])
    ordered = Ordered([np.sort(np.array(part, dtype=np.float64)) for part in parts])
    with pytest.MonkeyPatch.context() as patch:
        if halved:
            patch.setattr("engine.replicates.FEW", 1)
        assert ordered.at(np.arange(whole.size)).tolist() == whole.tolist()
        levels = (0.0, 0.005, 0.3, 0.5, 0.99, 1.0)
        expected = np.quantile(whole, levels)
        assert ordered.quantiles(levels) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    at = np.array([-3.0, 0.0, 1.0])
    assert ordered.counts(at).sum(axis=0).tolist() == [int((whole < x).sum()) for x in at]
    upto = ordered.counts(at, equal=True).sum(axis=0)
    assert upto.tolist() == [int((whole <= x).sum()) for x in at]


def test_parts_that_have_nothing_in_common_are_read_as_one_list_too() -> None:
    apart = [np.arange(5_000.0) + 5_000.0 * part for part in (2, 0, 1)]
    assert FEW < 5_000
    ranks = np.array([0, 4_999, 5_000, 7_500, 14_999])
    assert Ordered(apart).at(ranks).tolist() == ranks.astype(float).tolist()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(100, 30_000), st.floats(100.0, 180.0))
def test_the_summary_is_numpys_summary_of_the_same_values(
    seed: int, trials: int, price: float
) -> None:
    asked = sobol(trials=trials, seed=seed)
    values = draw_values(QUESTION, asked)
    result = simulate(QUESTION, asked, price)
    assert result.sampling is SOBOL
    assert values.size == result.trials == -(-trials // 16) * 16
    assert result.percentiles == pytest.approx(np.quantile(values, PERCENTILES), rel=1e-12)
    assert result.mean == pytest.approx(values.mean(), rel=1e-12)
    assert result.standard_deviation == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert (result.minimum, result.maximum) == (values.min(), values.max())
    assert result.probability_above == pytest.approx(np.mean(values > price), abs=1e-12)
    below = values[values < price]
    if below.size:
        assert result.mean_shortfall == pytest.approx(price - below.mean(), rel=1e-9)
    else:
        assert result.mean_shortfall is None
    clipped = np.clip(values, result.bin_edges[0], result.bin_edges[-1])
    assert result.bin_counts.tolist() == np.histogram(clipped, result.bin_edges)[0].tolist()
    for (low, high), value in zip(result.percentile_ends, result.percentiles, strict=True):
        assert low is None or low <= value
        assert high is None or value <= high


def test_the_error_is_that_of_sixteen_means() -> None:
    asked = sobol(trials=16 * 1_024)
    means = draw_values(QUESTION, asked).reshape(16, 1_024).mean(axis=1)
    result = simulate(QUESTION, asked)
    error = means.std(ddof=1) / 4.0
    assert result.standard_error == pytest.approx(error, rel=1e-6)
    # 2.131: the 97.5th percentile of Student's t with 15 degrees, as in every table of it.
    assert result.mean_ends.high - result.mean == pytest.approx(2.131 * error, rel=1e-3)
    assert result.mean - result.mean_ends.low == pytest.approx(2.131 * error, rel=1e-3)


# How good it is, and how honest. The mean is the base: the value is a sum of products of
# independent factors, each with its own value as its mean.


def error_of(sampling: Sampling, trials: int, seeds: range) -> float:
    """The error of the mean, over some seeds."""
    off = [
        simulate(QUESTION, spec(*SHOCKS, trials=trials, seed=seed, sampling=sampling)).mean - BASE
        for seed in seeds
    ]
    return math.sqrt(math.fsum(each * each for each in off) / len(off))


def test_sobols_points_are_twenty_times_nearer_to_the_mean_than_random_ones() -> None:
    assert error_of(PLAIN, 16_384, range(12)) > 20.0 * error_of(SOBOL, 16_384, range(12))


def test_the_error_falls_faster_than_with_the_root_of_the_trials() -> None:
    # Of random numbers, four times: 65,536 are sixteen times 4,096.
    assert error_of(SOBOL, 65_536, range(6)) < error_of(SOBOL, 4_096, range(6)) / 5.5


def share_held(formula: object, truth: float, trials: int, shocks: tuple[Shock, ...]) -> float:
    """How often the interval of the mean holds the true one."""
    asked = question(formula)  # type: ignore[arg-type]  # any function of the inputs
    held = 0
    for seed in range(200):
        ends = simulate(asked, sobol(*shocks, trials=trials, seed=seed)).mean_ends
        held += ends.low <= truth <= ends.high
    return held / 200


@pytest.mark.parametrize("trials", [256, 1_600, 4_096])
def test_an_interval_of_the_mean_holds_the_true_one_19_times_of_20(trials: int) -> None:
    normals = tuple(Shock(path, Normal(1.0, 0.0, RelativeTo.ABSOLUTE)) for path in "abc")
    # Of 200, four standard deviations below 190 are 178.
    curved = share_held(
        lambda it: np.exp(0.5 * it.a) * (1.0 + it.b * it.c), math.exp(0.125), trials, normals
    )
    assert curved > 0.89
    assert share_held(lambda it: it.a + it.b + it.c, 0.0, trials, normals) > 0.89


@pytest.mark.parametrize("trials", [1_600, 4_096])
def test_an_interval_of_a_percentile_holds_the_true_one_19_times_of_20(trials: int) -> None:
    normals = tuple(Shock(path, Normal(1.0, 0.0, RelativeTo.ABSOLUTE)) for path in "abc")
    asked = question(lambda it: (it.a + it.b + it.c) / math.sqrt(3.0))  # a standard normal
    truth = [
        -2.326348,
        -1.644854,
        -1.281552,
        -0.674490,
        0.0,
        0.674490,
        1.281552,
        1.644854,
        2.326348,
    ]
    held = np.zeros(9)
    for seed in range(200):
        found = simulate(asked, sobol(*normals, trials=trials, seed=seed))
        held += [
            (low is None or low <= true) and (high is None or true <= high)
            for (low, high), true in zip(found.percentile_ends, truth, strict=True)
        ]
    assert (held / 200 > 0.89).all()
    assert held.mean() / 200 > 0.93


def test_an_interval_of_a_probability_holds_the_true_one_and_has_a_width_at_its_ends() -> None:
    normals = tuple(Shock(path, Normal(1.0, 0.0, RelativeTo.ABSOLUTE)) for path in "ab")
    asked = question(lambda it: (it.a + it.b) / math.sqrt(2.0))
    for sampling in Sampling:
        held = 0
        for seed in range(200):
            found = simulate(
                asked, spec(*normals, trials=1_600, seed=seed, sampling=sampling), 1.2815515655446
            )
            assert found.probability_ends is not None
            held += found.probability_ends.low <= 0.1 <= found.probability_ends.high
        assert held / 200 > 0.89
        far = simulate(asked, spec(*normals, trials=1_600, sampling=sampling), 10.0)
        assert far.probability_above == 0.0
        assert far.probability_ends is not None
        assert far.probability_ends.low == 0.0
        assert far.probability_ends.high == pytest.approx(3.84 / (1_600 + 3.84), rel=1e-3)
        assert far.mean_shortfall == pytest.approx(10.0, abs=0.1)


def test_scrambles_that_agree_on_a_probability_do_not_make_it_certain() -> None:
    # Each has its half of the points below the middle, whatever the seed: there is no spread.
    half = sobol(Shock("a", Uniform(0.0, 1.0, RelativeTo.ABSOLUTE)), trials=1_024)
    found = simulate(question(lambda it: it.a), half, 0.5)
    assert (found.probability_above, found.probability_ends) == (
        0.5,
        Interval(0.5 - 1.0 / 1_024, 0.5 + 1.0 / 1_024),
    )
    middle = PERCENTILES.index(0.5)
    low, high = found.percentile_ends[middle]
    assert low is not None
    assert high is not None
    assert low < found.percentiles[middle] < high


def test_wilsons_interval_is_the_published_one() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, and 0 of 20.
    assert wilson(81 / 263, 263).low == pytest.approx(0.2553, abs=5e-5)
    assert wilson(81 / 263, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert (wilson(0.0, 20).low, round(wilson(0.0, 20).high, 4)) == (0.0, 0.1611)


# The same bits, whoever computes them


MIXED = (
    *SHOCKS,
    Shock("terminal.gordon.growth", Pert(-0.01, 0.0, 0.005, RelativeTo.OFFSET)),
    Shock("bridge.debt", Lognormal(1.0, 0.3, RelativeTo.MULTIPLE)),
)
HANGING = Correlation(
    CorrelationMethod.RANK,
    tuple(
        tuple(1.0 if i == j else 0.4 if {i, j} in ({0, 1}, {3, 4}) else 0.0 for j in range(5))
        for i in range(5)
    ),
)


def digest(found: Simulation) -> str:
    """Of every bit of a result."""
    return hashlib.sha256(orjson.dumps(simulation_document(found))).hexdigest()


def computed(asked: SimulationSpec, executor: Executor | None = None) -> str:
    return digest(simulate(QUESTION, asked, 140.0, executor=executor))


@pytest.mark.parametrize("sampling", Sampling)
@pytest.mark.parametrize("trials", [20_000, 200_000])
def test_threads_and_processes_give_the_same_bits_as_one(sampling: Sampling, trials: int) -> None:
    asked = spec(*MIXED, trials=trials, sampling=sampling, correlation=HANGING)
    alone = computed(asked)
    for workers in (1, 2, 5):
        with ThreadPoolExecutor(workers) as threads:
            assert computed(asked, threads) == alone
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawning) as processes:
        assert computed(asked, processes) == alone
    assert computed(spec(*MIXED, trials=trials, seed=8, sampling=sampling)) != alone


def test_a_longer_simulation_begins_with_the_rounds_of_the_shorter_one() -> None:
    longer = draw_values(QUESTION, sobol(trials=16 * 4_096))
    shorter = draw_values(QUESTION, sobol(trials=16 * 2_048))
    assert shorter.tobytes() == longer[: shorter.size].tobytes()


def test_progress_is_seen_after_whole_rounds_and_is_the_same_for_everybody() -> None:
    asked = sobol(trials=300_000)

    def seen(workers: int) -> list[SoFar]:
        looked: list[SoFar] = []
        with ThreadPoolExecutor(workers) as threads:
            simulate(QUESTION, asked, executor=threads, watch=lambda at: looked.append(at.so_far()))
        return looked

    alone = seen(1)
    assert alone == seen(3)
    assert [each.trials_done for each in alone] == [
        16_384,
        32_768,
        65_536,
        131_072,
        262_144,
        300_000,
    ]
    values = draw_values(QUESTION, asked)
    for known in alone:
        upto = values[: known.trials_done]
        assert known.mean == pytest.approx(upto.mean(), rel=1e-12)
        assert [each.value for each in known.percentiles] == pytest.approx(
            np.quantile(upto, PERCENTILES), rel=1e-12
        )
    last = simulate(QUESTION, asked)
    assert alone[-1].standard_error == last.standard_error
    assert [each.value for each in alone[-1].percentiles] == last.percentiles.tolist()


# Trials without a value


def wide() -> Question[object]:
    """Growth from 3 % to 9 % against a WACC of 8 %: what is above 7.9 % has no value."""
    return dcf_question(
        firm(years=5, wacc=0.08, terminal=Gordon(growth=0.03)), DcfOutput.VALUE_PER_SHARE
    )


@pytest.mark.parametrize("trials", [112, 16_384, 200_000])
def test_trials_without_a_value_are_counted_and_stand_in_no_statistic(trials: int) -> None:
    asked = sobol(Shock("terminal.gordon.growth", Uniform(0.0, 0.06)), trials=trials)
    values = draw_values(wide(), asked)
    kept = values[~np.isnan(values)]
    result = simulate(wide(), asked, 30.0)
    assert (result.trials, result.infeasible) == (values.size, values.size - kept.size)
    assert 0.1 < result.infeasible / result.trials < 0.25
    assert result.mean == pytest.approx(kept.mean(), rel=1e-12)
    assert result.standard_deviation == pytest.approx(kept.std(ddof=1), rel=1e-9)
    assert result.percentiles == pytest.approx(np.quantile(kept, PERCENTILES), rel=1e-12)
    assert result.bin_counts.sum() == kept.size
    assert result.probability_above == pytest.approx(np.mean(kept > 30.0), abs=1e-12)


def test_shocks_without_spread_give_the_base_and_no_doubt() -> None:
    result = simulate(QUESTION, sobol(Shock("bridge.debt", Normal(0.0)), trials=160), BASE - 1.0)
    assert result.minimum == result.maximum == BASE
    assert set(result.percentiles.tolist()) == {BASE}
    assert result.mean == pytest.approx(BASE, rel=1e-14)
    assert result.standard_error == pytest.approx(0.0, abs=1e-12)
    assert (result.probability_above, result.mean_shortfall, result.drivers) == (1.0, None, ())


# Enough is known


@pytest.mark.parametrize("sampling", Sampling)
def test_trials_end_once_the_mean_is_known_well_enough_on_whatever_computes_them(
    sampling: Sampling,
) -> None:
    # Of random trials some 37,000 would do: five chunks.
    when = StopWhen(0.0003 if sampling is PLAIN else 2e-6)
    asked = spec(*SHOCKS, trials=2_000_000, sampling=sampling, stop_when=when)
    alone = simulate(QUESTION, asked)
    assert alone.converged is True
    assert 8_192 < alone.trials < 500_000
    assert alone.trials.bit_count() == 1
    assert alone.standard_error <= when.standard_error_share * alone.mean
    # Half as many would not have done: it is looked at whenever they have doubled.
    half = simulate(QUESTION, spec(*SHOCKS, trials=alone.trials // 2, sampling=sampling))
    assert half.standard_error > when.standard_error_share * half.mean
    whole = simulate(QUESTION, spec(*SHOCKS, trials=alone.trials, sampling=sampling))
    # How finely draws are cut for the drivers goes by how many were asked for.
    same = replace(whole, converged=True, drivers=alone.drivers)
    assert digest(same) == digest(alone)
    with ThreadPoolExecutor(3) as threads:
        assert digest(simulate(QUESTION, asked, executor=threads)) == digest(alone)


@pytest.mark.parametrize("sampling", Sampling)
def test_a_tolerance_that_is_not_reached_is_said_not_to_be(sampling: Sampling) -> None:
    asked = spec(*SHOCKS, trials=1_600, sampling=sampling, stop_when=StopWhen(1e-9))
    found = simulate(QUESTION, asked)
    assert (found.trials, found.converged) == (1_600, False)
    assert simulate(QUESTION, spec(*SHOCKS, trials=1_600, sampling=sampling)).converged is None
