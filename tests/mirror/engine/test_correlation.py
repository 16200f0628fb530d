"""Correlated draws have the correlations that were asked for, and the margins that they had."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.correlation import (
    Correlation,
    CorrelationMethod,
    cholesky,
    nearest_correlation,
)
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
)
from engine.door import FloatArray
from engine.errors import InvalidInput
from engine.sampling import Sampling
from engine.shocks import MAX_SHOCKS, Shock, admit_spec
from tests.mirror.engine.stand_ins import drawn, question, spec

RANK, COPULA = CorrelationMethod
TO = RelativeTo.ABSOLUTE
MARGINS: list[tuple[Distribution, Any]] = [
    (Normal(0.5, 3.0, TO), stats.norm(3.0, 0.5)),
    (Uniform(-1.0, 4.0, TO), stats.uniform(-1.0, 5.0)),
    (Lognormal(2.0, 0.4, TO), stats.lognorm(0.4, scale=2.0)),
    (Triangular(-1.0, 0.5, 4.0, TO), stats.triang(0.3, -1.0, 5.0)),
    (Pert(-1.0, 0.5, 4.0, TO), stats.beta(1 + 4 * 0.3, 1 + 4 * 0.7, -1.0, 5.0)),
    (Empirical((0.0, 1.0), TO), stats.uniform(0.0, 1.0)),
]
PLACES = ("a", "b", "c", "years[0]", "years[1]", "years[2]")
ALL = tuple(Shock(path, margin) for path, (margin, _) in zip(PLACES, MARGINS, strict=True))


def correlation(matrix: FloatArray | list[list[float]], method: CorrelationMethod) -> Correlation:
    return Correlation(method, tuple(tuple(map(float, row)) for row in matrix))


def some_correlations(size: int, seed: int) -> FloatArray:
    """(size, size) of numbers that can be had, some strong and some weak."""
    source = np.random.default_rng(seed)
    loads = source.normal(size=(size, max(2, size // 2)))
    matrix = loads @ loads.T + np.eye(size) * 0.3
    scale = 1.0 / np.sqrt(np.diag(matrix))
    found = np.round(matrix * np.outer(scale, scale), 6)
    np.fill_diagonal(found, 1.0)
    return (found + found.T) / 2.0


def all_draws(sampling: Sampling, asked: Correlation | None, trials: int = 65_536) -> FloatArray:
    """(shocks, trials) what was drawn for each."""
    given_ = spec(*ALL, trials=trials, sampling=sampling, correlation=asked)
    years = [lambda it, year=year: it.years.years()[year] for year in range(3)]
    numbers = [lambda it: it.a, lambda it: it.b, lambda it: it.c, *years]
    return np.array([drawn(number, given_) for number in numbers])


@pytest.mark.parametrize("sampling", Sampling)
def test_rank_correlations_are_those_that_were_asked_for_whatever_the_margins(
    sampling: Sampling,
) -> None:
    matrix = some_correlations(6, 1) * 0.9 + np.eye(6) * 0.1
    found = stats.spearmanr(all_draws(sampling, correlation(matrix, RANK)).T).statistic
    assert np.abs(found - matrix).max() < 0.015


@pytest.mark.parametrize("sampling", Sampling)
def test_a_copulas_correlations_are_those_of_the_normals(sampling: Sampling) -> None:
    matrix = some_correlations(6, 2)
    draws = all_draws(sampling, correlation(matrix, COPULA))
    normals = stats.norm.ppf([peer.cdf(row) for (_, peer), row in zip(MARGINS, draws, strict=True)])
    assert np.abs(np.corrcoef(normals) - matrix).max() < 0.015


@pytest.mark.parametrize("sampling", Sampling)
@pytest.mark.parametrize("method", CorrelationMethod)
def test_margins_stay_what_they_are(sampling: Sampling, method: CorrelationMethod) -> None:
    draws = all_draws(
        sampling, correlation(some_correlations(6, 3) * 0.8 + np.eye(6) * 0.2, method)
    )
    for (_, peer), row in zip(MARGINS, draws, strict=True):
        assert stats.kstest(row, peer.cdf).pvalue > 1e-4
        assert row.mean() == pytest.approx(peer.mean(), abs=5.0 * peer.std() / 256.0)


def test_a_discrete_margin_stays_what_it_is_and_moves_with_the_other() -> None:
    rates = Discrete((Outcome(0.21, 0.6), Outcome(0.28, 0.4)), TO)
    asked = spec(
        Shock("a", rates),
        Shock("b", Normal(1.0)),
        sampling=Sampling.SOBOL,
        correlation=correlation([[1.0, 0.8], [0.8, 1.0]], COPULA),
    )
    taxes, other = drawn(lambda it: it.a, asked), drawn(lambda it: it.b, asked)
    assert np.mean(taxes == 0.28) == pytest.approx(0.4, abs=1e-3)
    assert other[taxes == 0.28].mean() > other[taxes == 0.21].mean() + 1.0


@pytest.mark.parametrize("sampling", Sampling)
@pytest.mark.parametrize("method", CorrelationMethod)
def test_no_correlation_is_independence_to_the_last_bit(
    sampling: Sampling, method: CorrelationMethod
) -> None:
    identity = correlation(np.eye(6), method)
    assert all_draws(sampling, identity, 1_600).tobytes() == (
        all_draws(sampling, None, 1_600).tobytes()
    )


def test_shocks_that_hang_together_with_none_are_drawn_as_ever() -> None:
    matrix = np.eye(6)
    matrix[1, 4] = matrix[4, 1] = 0.7
    asked = all_draws(Sampling.SOBOL, correlation(matrix, RANK), 1_600)
    alone = all_draws(Sampling.SOBOL, None, 1_600)
    same = [number for number in range(6) if asked[number].tobytes() == alone[number].tobytes()]
    assert same == [0, 2, 3, 5]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("method", CorrelationMethod)
def test_what_is_wholly_correlated_is_one_number(sign: float, method: CorrelationMethod) -> None:
    asked = spec(
        Shock("a", Normal(1.0, 0.0, TO)),
        Shock("b", Normal(1.0, 0.0, TO)),
        correlation=correlation([[1.0, sign], [sign, 1.0]], method),
    )
    assert set(drawn(lambda it: it.a - sign * it.b, asked).tolist()) == {0.0}


def test_yearly_draws_are_correlated_within_the_year_and_not_from_year_to_year() -> None:
    def two(first: int, second: int) -> tuple[FloatArray, FloatArray]:
        asked = spec(
            Shock("years", Normal(1.0), every_year=True),
            Shock("others", Normal(1.0), every_year=True),
            sampling=Sampling.SOBOL,
            correlation=correlation([[1.0, 0.6], [0.6, 1.0]], COPULA),
        )
        return (
            drawn(lambda it: it.years.years()[first], asked),
            drawn(lambda it: it.others.years()[second], asked),
        )

    for first in range(3):
        for second in range(3):
            found = np.corrcoef(*two(first, second))[0, 1]
            assert found == pytest.approx(0.6 if first == second else 0.0, abs=0.01)


# The factor


@given(st.integers(1, 12), st.integers(0, 1_000))
def test_a_factor_multiplied_by_itself_is_the_matrix(size: int, seed: int) -> None:
    matrix = some_correlations(size, seed)
    factor = cholesky(matrix)
    assert factor is not None
    lower = np.array([[*row, *[0.0] * (size - len(row))] for row in factor])
    assert lower @ lower.T == pytest.approx(matrix, abs=1e-12)


@given(st.integers(2, 8), st.integers(0, 1_000))
def test_a_matrix_has_a_factor_just_where_none_of_its_eigenvalues_is_below_zero(
    size: int, seed: int
) -> None:
    source = np.random.default_rng(seed)
    matrix = np.clip(np.round(source.normal(size=(size, size)), 2), -1.0, 1.0)
    matrix = (np.tril(matrix, -1) + np.tril(matrix, -1).T) + np.eye(size)
    least = np.linalg.eigvalsh(matrix)[0]
    if abs(least) > 1e-5:
        assert (cholesky(matrix) is not None) == (least > 0.0)


def test_a_matrix_that_is_just_singular_has_a_factor() -> None:
    # The third number is the sum of the others, over √2.
    half = math.sqrt(0.5)
    factor = cholesky(np.array([[1.0, 0.0, half], [0.0, 1.0, half], [half, half, 1.0]]))
    assert factor is not None
    assert factor[2] == pytest.approx((half, half, 0.0), abs=1e-6)


# The nearest matrix


def test_the_nearest_matrix_of_three_is_the_one_found_by_hand() -> None:
    # By symmetry it is [[1, a, b], [a, 1, a], [b, a, 1]] with its least eigenvalue 0, so
    # b = 2 a² - 1; the distance 4 (1 - a)² + 2 b² is least where 4 a³ - a - 1 = 0.
    (a,) = [root.real for root in np.roots([4.0, 0.0, -1.0, -1.0]) if abs(root.imag) < 1e-12]
    found = nearest_correlation(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]))
    b = 2.0 * a * a - 1.0
    assert found == pytest.approx(np.array([[1.0, a, b], [a, 1.0, a], [b, a, 1.0]]), abs=1e-4)
    # As published: Higham, IMA Journal of Numerical Analysis 22 (2002), section 4.
    assert (round(a, 4), round(b, 4)) == (0.7607, 0.1573)


@settings(deadline=None)
@given(st.integers(2, 8), st.integers(0, 1_000))
def test_no_correlation_matrix_lies_nearer_than_the_nearest(size: int, seed: int) -> None:
    source = np.random.default_rng(seed)
    asked = np.clip(source.normal(size=(size, size)), -1.0, 1.0)
    asked = np.tril(asked, -1) + np.tril(asked, -1).T + np.eye(size)
    found = nearest_correlation(asked)
    assert np.diag(found).tolist() == [1.0] * size
    assert np.linalg.eigvalsh(found)[0] > -1e-3
    # A projection onto a convex set: from it, everything in the set lies on the other side.
    for other in range(5):
        there = some_correlations(size, 1_000 * seed + other) - found
        assert np.sum((asked - found) * there) < 1e-2 * size


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 12), st.integers(0, 1_000), st.sampled_from(CorrelationMethod))
def test_the_matrix_that_is_suggested_is_taken(
    size: int, seed: int, method: CorrelationMethod
) -> None:
    source = np.random.default_rng(seed)
    asked = np.clip(source.normal(size=(size, size)), -1.0, 1.0)
    suggested = correlation(
        np.tril(asked, -1) + np.tril(asked, -1).T + np.eye(size), method
    ).nearest()
    assert correlation(suggested, method).factor() is not None


# The door


def refused(
    matrix: list[list[float]], *shocks: Shock, method: CorrelationMethod = RANK
) -> list[tuple[str, str, str]]:
    asked = spec(
        *(shocks or ALL[: len(matrix)]), correlation=Correlation(method, tuple(map(tuple, matrix)))
    )
    with pytest.raises(InvalidInput) as no:
        admit_spec(question(lambda it: it.a), asked)
    return [(each.path.removeprefix("spec.correlation."), each.code, each.suggestion)
            for each in no.value.problems]  # fmt: skip


@pytest.mark.parametrize("method", CorrelationMethod)
def test_a_matrix_that_no_draws_can_have_is_refused_with_the_nearest(
    method: CorrelationMethod,
) -> None:
    impossible = [[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]
    ((path, code, suggestion),) = refused(impossible, method=method)
    assert (path, code) == ("matrix", "CONTRADICTION")
    suggested = json.loads(suggestion.removeprefix("Give the nearest matrix that can be: ")[:-1])
    taken = Correlation(method, tuple(map(tuple, suggested)))
    admit_spec(question(lambda it: it.a), spec(*ALL[:3], correlation=taken))
    assert np.abs(np.array(suggested) - impossible).max() < 0.5


@pytest.mark.parametrize(
    ("matrix", "problems"),
    [
        ([[1.0, 0.5], [0.5]], [("matrix", "WRONG_LENGTH")]),
        ([[1.0]], [("matrix", "WRONG_LENGTH")]),
        ([], [("matrix", "WRONG_LENGTH")]),
        ([[1.0, 0.5], [0.4, 1.0]], [("matrix[1][0]", "CONTRADICTION")]),
        (
            [[0.9, 0.5], [0.5, 0.0]],
            [("matrix[0][0]", "CONTRADICTION"), ("matrix[1][1]", "CONTRADICTION")],
        ),
        (
            [[1.0, 1.5], [math.nan, 1.0]],
            [("matrix[0][1]", "OUT_OF_RANGE"), ("matrix[1][0]", "NOT_FINITE")],
        ),
    ],
)
def test_what_is_wrong_with_a_matrix_is_said_where_it_stands(
    matrix: list[list[float]], problems: list[tuple[str, str]]
) -> None:
    found = refused(matrix, *ALL[:2])
    assert [(path, code) for path, code, _ in found] == problems
    assert all(suggestion.endswith(".") for _, _, suggestion in found)


def test_what_is_drawn_once_and_what_is_drawn_each_year_cannot_be_correlated() -> None:
    yearly, once = Shock("years", Normal(1.0), every_year=True), Shock("a", Normal(1.0))
    ((path, code, _),) = refused([[1.0, 0.3], [0.3, 1.0]], yearly, once)
    assert (path, code) == ("matrix[1][0]", "CONTRADICTION")
    free = Correlation(RANK, ((1.0, 0.0), (0.0, 1.0)))
    admit_spec(question(lambda it: it.a), spec(yearly, once, correlation=free))


def test_the_largest_matrix_is_judged_soon_enough() -> None:
    rows = np.full((MAX_SHOCKS, MAX_SHOCKS), -0.9)
    np.fill_diagonal(rows, 1.0)
    asked = correlation(rows, COPULA)
    assert asked.factor() is None
    suggested = np.array(asked.nearest())
    # As near as it may be: 50 numbers are at most this much against each other.
    assert suggested[0, 1] == pytest.approx(-1.0 / (MAX_SHOCKS - 1), abs=2e-3)
