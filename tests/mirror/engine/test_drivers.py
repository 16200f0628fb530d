"""A shock's share of the variance is what would be gone if it were known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.correlation import Correlation, CorrelationMethod
from engine.distributions import Discrete, Lognormal, Normal, Outcome, RelativeTo, Uniform
from engine.door import Scalar
from engine.drivers import TRIALS, bins_for
from engine.sampling import Sampling
from engine.simulation import Shock, simulate
from tests.mirror.engine.stand_ins import question, spec

TO = RelativeTo.ABSOLUTE


def shares(
    formula: Callable[[Any], Scalar],
    *shocks: Shock,
    trials: int = 32_768,
    sampling: Sampling = Sampling.PLAIN,
    **changes: Any,
) -> dict[str, float]:
    asked = spec(*shocks, trials=trials, sampling=sampling, **changes)
    found = simulate(question(formula), asked).drivers
    told = [driver.share for driver in found]
    assert told == sorted(told, reverse=True)
    return {driver.path: driver.share for driver in found}


@pytest.mark.parametrize("sampling", Sampling)
def test_a_sum_is_driven_by_the_variances_of_its_terms(sampling: Sampling) -> None:
    found = shares(
        lambda it: it.a + 2.0 * it.b + it.c,
        Shock("a", Normal(1.0)),
        Shock("b", Uniform(-1.0, 1.0)),
        Shock("c", Normal(0.0)),
        sampling=sampling,
    )
    whole = 1.0 + 4.0 / 3.0
    assert found == pytest.approx({"a": 1.0 / whole, "b": 4.0 / 3.0 / whole, "c": 0.0}, abs=0.015)


@pytest.mark.parametrize("sampling", Sampling)
def test_a_shock_for_each_year_has_the_shares_of_its_years(sampling: Sampling) -> None:
    found = shares(
        lambda it: it.a + it.years.years()[0] + 2.0 * it.years.years()[1] + it.years.years()[2],
        Shock("a", Normal(1.0)),
        Shock("years", Normal(1.0), every_year=True),
        sampling=sampling,
    )
    assert found == pytest.approx({"a": 1.0 / 7.0, "years": 6.0 / 7.0}, abs=0.02)


@pytest.mark.parametrize("sampling", Sampling)
def test_ishigamis_function_has_the_shares_that_are_known_of_it(sampling: Sampling) -> None:
    # sin a + 7 sin² b + 0.1 c⁴ sin a: Saltelli and others, Global Sensitivity Analysis: The Primer
    # (2008), chapter 4. By hand, of the variance 49/8 + π⁴/50 + π⁸/1800 + 1/2.
    whole = 49.0 / 8.0 + 0.1 * math.pi**4 / 5.0 + 0.01 * math.pi**8 / 18.0 + 0.5
    first = 0.5 * (1.0 + 0.1 * math.pi**4 / 5.0) ** 2 / whole
    found = shares(
        lambda it: np.sin(it.a) + 7.0 * np.sin(it.b) ** 2 + 0.1 * it.c**4 * np.sin(it.a),
        *(Shock(path, Uniform(-math.pi, math.pi, TO)) for path in "abc"),
        sampling=sampling,
    )
    assert first == pytest.approx(0.3139, abs=1e-4)
    assert found == pytest.approx({"a": first, "b": 49.0 / 8.0 / whole, "c": 0.0}, abs=0.02)


def test_what_shocks_do_together_is_nobodys_alone() -> None:
    found = shares(
        lambda it: it.a * it.b, Shock("a", Normal(1.0, 0.0, TO)), Shock("b", Normal(1.0, 0.0, TO))
    )
    assert found == pytest.approx({"a": 0.0, "b": 0.0}, abs=0.01)


def test_two_values_and_a_skewed_draw_have_their_shares_too() -> None:
    rates = Discrete((Outcome(0.0, 0.75), Outcome(2.0, 0.25)), TO)  # variance 3/4
    found = shares(lambda it: it.a + it.b, Shock("a", rates), Shock("b", Lognormal(1.0, 0.5, TO)))
    skewed = math.exp(0.25) * (math.exp(0.25) - 1.0)
    whole = 0.75 + skewed
    assert found == pytest.approx({"a": 0.75 / whole, "b": skewed / whole}, abs=0.03)


def test_correlated_shocks_share_what_they_have_in_common() -> None:
    both = Correlation(CorrelationMethod.GAUSSIAN_COPULA, ((1.0, 0.8), (0.8, 1.0)))
    found = shares(
        lambda it: it.a, Shock("a", Normal(1.0)), Shock("b", Normal(1.0)), correlation=both
    )
    assert found == pytest.approx({"a": 1.0, "b": 0.64}, abs=0.02)


@pytest.mark.parametrize("sampling", Sampling)
@pytest.mark.parametrize("trials", [100, 1_000, 10_000])
def test_few_trials_tell_little_and_nothing_impossible(sampling: Sampling, trials: int) -> None:
    found = shares(
        lambda it: 3.0 * it.a + it.b,
        Shock("a", Normal(1.0)),
        Shock("b", Normal(1.0)),
        trials=trials,
        sampling=sampling,
    )
    assert found == pytest.approx({"a": 0.9, "b": 0.1}, abs=3.0 / math.sqrt(trials))
    assert all(0.0 <= share <= 1.0 for share in found.values())


def test_what_bins_find_in_noise_is_taken_away() -> None:
    found = [
        shares(
            lambda it: it.a + 0.0 * it.years.years()[0],
            Shock("a", Normal(1.0)),
            Shock("years", Normal(1.0), every_year=True),
            trials=1_000,
            seed=seed,
        )["years"]
        for seed in range(30)
    ]
    # Ten bins of three years find 27 thousandths in a thousand trials of noise.
    assert sum(found) / len(found) < 0.012


def test_the_first_trials_tell_however_many_follow() -> None:
    few, many = (
        shares(
            lambda it: it.a + it.b * it.b,
            Shock("a", Normal(1.0)),
            Shock("b", Normal(1.0)),
            trials=trials,
        )
        for trials in (TRIALS, 3 * TRIALS)
    )
    assert few == many


def test_trials_without_a_value_tell_nothing() -> None:
    found = shares(
        lambda it: np.where(it.b > 0.5, np.nan, it.a + 0.0 * it.b),
        Shock("a", Normal(1.0)),
        Shock("b", Uniform(0.0, 1.0, TO)),
    )
    assert found == pytest.approx({"a": 1.0, "b": 0.0}, abs=0.02)


def test_a_value_that_is_always_the_same_is_driven_by_nothing() -> None:
    assert shares(lambda it: it.b + 0.0 * it.a, Shock("a", Normal(1.0))) == {}


def test_a_value_far_from_zero_is_driven_by_the_same() -> None:
    found = shares(
        lambda it: 1e12 + 3.0 * it.a + it.b, Shock("a", Normal(1.0)), Shock("b", Normal(1.0))
    )
    assert found == pytest.approx({"a": 0.9, "b": 0.1}, abs=0.015)


def test_more_trials_fill_more_bins_up_to_a_bound() -> None:
    counts = [bins_for(trials) for trials in (100, 1_000, 8_000, 32_768, 10**8)]
    assert counts == sorted(counts)
    assert counts[-1] == counts[-2] <= 255
