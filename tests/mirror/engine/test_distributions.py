"""A draw is what its distribution says, relative to what it says, whatever it is drawn from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.distributions import (
    LIST_MAX,
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
from engine.simulation import Shock, admit_spec
from tests.mirror.engine.stand_ins import drawn, middles, question, spec

OFFSET, MULTIPLE, ABSOLUTE = RelativeTo
OBSERVED = (3.0, -1.0, 2.0, 2.0, 7.5)
RATES = Discrete((Outcome(0.28, 0.3), Outcome(0.21, 0.5), Outcome(0.35, 0.2)), ABSOLUTE)
CONTINUOUS: list[tuple[Distribution, Any]] = [
    (Normal(0.5, 3.0, ABSOLUTE), stats.norm(3.0, 0.5)),
    (Uniform(-1.0, 4.0, ABSOLUTE), stats.uniform(-1.0, 5.0)),
    (Lognormal(2.0, 0.4, ABSOLUTE), stats.lognorm(0.4, scale=2.0)),
    (Triangular(-1.0, 0.5, 4.0, ABSOLUTE), stats.triang(0.3, -1.0, 5.0)),
    (Triangular(0.0, 0.0, 2.0, ABSOLUTE), stats.triang(0.0, 0.0, 2.0)),
    (Pert(-1.0, 0.5, 4.0, ABSOLUTE), stats.beta(1 + 4 * 0.3, 1 + 4 * 0.7, -1.0, 5.0)),
    (Pert(1.0, 3.0, 3.0, ABSOLUTE, 10.0), stats.beta(11.0, 1.0, 1.0, 2.0)),
]
NAMES = [f"{distribution.NAME} {number}" for number, (distribution, _) in enumerate(CONTINUOUS)]


def at_chances(distribution: Distribution, chances: FloatArray) -> FloatArray:
    """(n,) the draws at some chances."""
    raw = stats.norm.ppf(chances) if distribution.FROM_NORMAL else chances
    raw = np.array([raw])
    distribution.shape(raw, 0.0)
    found: FloatArray = raw[0]
    return found


@pytest.mark.parametrize(("distribution", "peer"), CONTINUOUS, ids=NAMES)
def test_a_draw_at_a_chance_is_the_peers_quantile(distribution: Distribution, peer: Any) -> None:
    chances = np.concatenate(([1e-9, 1e-4], middles(999), [1 - 1e-4, 1 - 1e-9]))
    assert at_chances(distribution, chances) == pytest.approx(
        peer.ppf(chances), rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("sampling", Sampling)
@pytest.mark.parametrize(("distribution", "peer"), CONTINUOUS, ids=NAMES)
def test_drawn_numbers_have_the_peers_moments_and_quantiles(
    distribution: Distribution, peer: Any, sampling: Sampling
) -> None:
    trials = 65_536
    values = drawn(
        lambda it: it.a, spec(Shock("a", distribution), trials=trials, sampling=sampling)
    )
    mean, variance, skewness = (float(each) for each in peer.stats("mvs"))
    # Five standard errors of independent draws: Sobol's are far nearer.
    assert abs(values.mean() - mean) < 5.0 * math.sqrt(variance / trials)
    assert values.std() == pytest.approx(math.sqrt(variance), rel=0.02)
    assert stats.skew(values) == pytest.approx(skewness, abs=0.12)
    assert stats.kstest(values, peer.cdf).pvalue > 1e-4


@pytest.mark.parametrize("sampling", Sampling)
def test_a_discrete_draw_is_each_value_as_often_as_it_should(sampling: Sampling) -> None:
    values = drawn(lambda it: it.a, spec(Shock("a", RATES), trials=65_536, sampling=sampling))
    for outcome in RATES.outcomes:
        share = np.mean(values == outcome.value)
        assert share == pytest.approx(outcome.probability, abs=0.008)
    assert set(np.unique(values)) == {0.21, 0.28, 0.35}


def test_what_has_no_probability_is_never_drawn() -> None:
    # Probabilities may fall short of 1 by a rounding; what they leave is not the impossible one's.
    falling_short = Outcome(0.5, 0.5 - 9e-10)
    odds = Discrete((Outcome(0.0, 0.5), falling_short, Outcome(9.0, 0.0), Outcome(-9.0, 0)), OFFSET)
    assert at_chances(odds, np.array([0.0, 1.0 - 1e-10, 1.0 - 2.0**-53])).tolist() == [0, 0.5, 0.5]


def test_a_discrete_draw_rises_with_the_chance_in_whatever_order_its_values_are_given() -> None:
    chances = np.array([0.0, 0.499, 0.5, 0.799, 0.8, 1.0])
    expected = [0.21, 0.21, 0.28, 0.28, 0.35, 0.35]
    assert at_chances(RATES, chances).tolist() == expected


def test_an_empirical_draw_goes_straight_from_each_observation_to_the_next() -> None:
    chances = np.linspace(0.0, 1.0, 41)
    # numpy's linear quantiles of the same observations.
    assert at_chances(Empirical(OBSERVED, ABSOLUTE), chances) == pytest.approx(
        np.quantile(OBSERVED, chances)
    )


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3).map(sorted),
    st.floats(0.0, 50.0),
    st.sampled_from(["triangular", "pert", "uniform", "empirical"]),
)
def test_a_draw_rises_with_its_chance_and_stays_between_its_ends(
    ends: list[float], weight: float, name: str
) -> None:
    low, mode, high = ends
    distribution: Distribution = {
        "triangular": Triangular(low, mode, high, ABSOLUTE),
        "pert": Pert(low, mode, high, ABSOLUTE, weight),
        "uniform": Uniform(low, high, ABSOLUTE),
        "empirical": Empirical((mode, high, low), ABSOLUTE),
    }[name]
    values = at_chances(distribution, np.concatenate(([0.0], middles(50), [1.0])))
    little = 1e-9 * (1.0 + abs(low) + abs(high))
    assert (np.diff(values) >= -little).all()
    assert values.min() >= low - little
    assert values.max() <= high + little


def test_the_mean_of_a_pert_draw_weighs_its_mode_four_times() -> None:
    values = at_chances(Pert(10.0, 12.0, 20.0, ABSOLUTE), middles(100_000))
    assert values.mean() == pytest.approx((10.0 + 4.0 * 12.0 + 20.0) / 6.0, rel=1e-6)


def test_half_of_the_lognormal_draws_are_above_the_median_and_the_mean_is_higher() -> None:
    values = at_chances(Lognormal(2.0, 0.5, ABSOLUTE), middles(100_000))
    assert np.median(values) == pytest.approx(2.0, rel=1e-4)
    assert values.mean() == pytest.approx(2.0 * math.exp(0.125), rel=1e-3)


# Relative to what

UNIT: dict[str, Any] = {
    "uniform": lambda to: Uniform(0.5, 0.5, to),
    "triangular": lambda to: Triangular(0.5, 0.5, 0.5, to),
    "pert": lambda to: Pert(0.5, 0.5, 0.5, to),
    "lognormal": lambda to: Lognormal(0.5, 0.0, to),
    "normal": lambda to: Normal(0.0, 0.5, to),
    "discrete": lambda to: Discrete((Outcome(0.5, 1.0),), to),
    "empirical": lambda to: Empirical((0.5, 0.5), to),
}


@pytest.mark.parametrize("sampling", Sampling)
@pytest.mark.parametrize("name", UNIT)
def test_a_draw_of_a_half_is_added_multiplied_or_put_in_place(
    name: str, sampling: Sampling
) -> None:
    for to, value in ((OFFSET, -2.5), (MULTIPLE, -1.5), (ABSOLUTE, 0.5)):
        asked = spec(Shock("b", UNIT[name](to)), trials=112, sampling=sampling)
        assert set(drawn(lambda it: it.b, asked).tolist()) == {value}


@pytest.mark.parametrize("name", UNIT)
@pytest.mark.parametrize("every_year", [False, True])
def test_on_a_schedule_every_year_is_moved_relative_to_itself(name: str, every_year: bool) -> None:
    moved = {OFFSET: (1.5, 2.5, 4.5), MULTIPLE: (0.5, 1.0, 2.0), ABSOLUTE: (0.5, 0.5, 0.5)}
    for to, years in moved.items():
        asked = spec(Shock("years", UNIT[name](to), every_year), trials=100)
        for year, value in enumerate(years):
            found = drawn(lambda it, year=year: it.years.years()[year], asked)
            assert set(found.tolist()) == {value}


def test_a_multiple_that_is_drawn_once_is_the_same_for_every_year_and_otherwise_not() -> None:
    noisy = Uniform(0.5, 1.5, MULTIPLE)
    together = drawn(
        lambda it: it.years.years()[2] / it.years.years()[0], spec(Shock("years", noisy))
    )
    assert together == pytest.approx(4.0)
    apart = drawn(
        lambda it: it.years.years()[2] / it.years.years()[0], spec(Shock("years", noisy, True))
    )
    assert apart.std() > 1.0


@pytest.mark.parametrize(("to", "deviation", "spread"), [(OFFSET, 0.3, 0.3), (MULTIPLE, 0.1, 0.3)])
def test_a_normal_without_a_mean_is_around_the_inputs_own_value(
    to: RelativeTo, deviation: float, spread: float
) -> None:
    asked = spec(Shock("b", Normal(deviation, None, to)), sampling=Sampling.SOBOL)
    values = drawn(lambda it: it.b, asked)
    assert values.mean() == pytest.approx(-3.0, abs=1e-3)
    assert values.std() == pytest.approx(spread, rel=0.01)


# The door


def refused(*shocks: Shock) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as no:
        admit_spec(question(lambda it: it.a), spec(*shocks))
    assert all(problem.suggestion.endswith(".") for problem in no.value.problems)
    return [(problem.path.removeprefix("spec.shocks[0]."), problem.code)
            for problem in no.value.problems]  # fmt: skip


@pytest.mark.parametrize(
    ("distribution", "problems"),
    [
        (Normal(-0.1), [("normal.standard_deviation", "OUT_OF_RANGE")]),
        (Normal(0.1, math.inf), [("normal.mean", "NOT_FINITE")]),
        (Normal(0.1, None, ABSOLUTE), [("normal.mean", "MISSING")]),
        (Uniform(2.0, 1.0, MULTIPLE), [("uniform.high", "CONTRADICTION")]),
        (
            Lognormal(0.0, -1.0, MULTIPLE),
            [
                ("lognormal.median", "OUT_OF_RANGE"),
                ("lognormal.log_standard_deviation", "OUT_OF_RANGE"),
            ],
        ),
        (Lognormal(math.nan, 0.1, OFFSET), [("lognormal.median", "NOT_FINITE")]),
        (Triangular(0.0, 2.0, 1.0, OFFSET), [("triangular.high", "CONTRADICTION")]),
        (
            Triangular(3.0, 2.0, 1.0, OFFSET),
            [("triangular.mode", "CONTRADICTION"), ("triangular.high", "CONTRADICTION")],
        ),
        (Triangular(0.0, math.nan, 1.0, OFFSET), [("triangular.mode", "NOT_FINITE")]),
        (
            Pert(0.0, -1.0, 1e300, OFFSET, -1.0),
            [
                ("pert.high", "OUT_OF_RANGE"),
                ("pert.mode", "CONTRADICTION"),
                ("pert.weight", "OUT_OF_RANGE"),
            ],
        ),
        (Discrete((), OFFSET), [("discrete.outcomes", "WRONG_LENGTH")]),
        (
            Discrete((Outcome(1.0, 0.1),) * (LIST_MAX + 1), OFFSET),
            [("discrete.outcomes", "WRONG_LENGTH")],
        ),
        (
            Discrete((Outcome(1.0, 0.5), Outcome(2.0, 0.4)), OFFSET),
            [("discrete.outcomes", "CONTRADICTION")],
        ),
        (
            Discrete((Outcome(math.nan, 1.5), Outcome(2.0, -0.5)), OFFSET),
            [
                ("discrete.outcomes[0].value", "NOT_FINITE"),
                ("discrete.outcomes[0].probability", "OUT_OF_RANGE"),
                ("discrete.outcomes[1].probability", "OUT_OF_RANGE"),
            ],
        ),
        (Empirical((1.0,), OFFSET), [("empirical.observations", "WRONG_LENGTH")]),
        (Empirical((1.0, math.inf), OFFSET), [("empirical.observations[1]", "NOT_FINITE")]),
    ],
)
def test_what_cannot_be_drawn_is_refused_where_it_stands(
    distribution: Distribution, problems: list[tuple[str, str]]
) -> None:
    expected = [(f"distribution.{path}", code) for path, code in problems]
    assert refused(Shock("a", distribution)) == expected


def test_probabilities_that_do_not_make_up_1_say_what_they_make_up() -> None:
    with pytest.raises(InvalidInput, match=r"add up to 0\.9, not to 1"):
        admit_spec(
            question(lambda it: it.a),
            spec(Shock("a", Discrete((Outcome(1.0, 0.5), Outcome(2.0, 0.4)), OFFSET))),
        )


def test_a_multiple_of_nothing_is_refused() -> None:
    assert refused(Shock("c", Uniform(0.9, 1.1, MULTIPLE))) == [
        ("distribution.uniform.relative_to", "CONTRADICTION")
    ]
    admit_spec(question(lambda it: it.a), spec(Shock("years", Uniform(0.9, 1.1, MULTIPLE))))


def test_two_shocks_on_one_number_are_refused_also_where_one_of_them_moves_it_as_a_year() -> None:
    wide = Uniform(0.9, 1.1, MULTIPLE)
    for first, second in (
        (Shock("years", wide), Shock("years[1]", Normal(0.1))),
        (Shock("years[1]", Normal(0.1)), Shock("years", wide)),
        (Shock("years", Normal(0.1), True), Shock("years[1]", Normal(0.1))),
        (Shock("years", Normal(0.1)), Shock("years", Normal(0.1), True)),
    ):
        assert refused(first, second) == [("spec.shocks[1].path", "CONTRADICTION")]
    # An offset of all years and a draw of one of them add up.
    both = spec(
        Shock("years", Uniform(1.0, 1.0)), Shock("years[1]", Uniform(10.0, 10.0)), trials=100
    )
    assert set(drawn(lambda it: it.years.years()[1], both).tolist()) == {13.0}
