"""What a spec of a simulation is refused for: everything, at once, where it was typed."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from engine.correlation import Correlation, CorrelationMethod
from engine.distributions import Normal, Pert, RelativeTo, Uniform
from engine.door import show
from engine.errors import InvalidInput
from engine.sampling import SEED_MAX
from engine.schedules import Schedule
from engine.shocks import MAX_SHOCKS, MAX_TRIALS, Shock, StopWhen, admit_spec
from engine.simulation import simulate
from engine.summary import Simulation
from tests.mirror.engine.firms import firm
from tests.mirror.engine.test_simulation import BUILT, SALES, WACC, asked, base_value, spec

WHOLE = (
    Shock(SALES, Normal(0.01)),
    Shock(SALES, Normal(0.01), every_year=True),
    Shock(SALES, Normal(0.1, relative_to=RelativeTo.MULTIPLE)),
)


def refused(*shocks: Shock, trials: int = 1_000, seed: int = 1) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as no:
        simulate(asked(), spec(*shocks, trials=trials, seed=seed))
    return [(problem.path, problem.code) for problem in no.value.problems]


def test_a_simulation_is_refused_with_all_its_faults() -> None:
    assert refused(
        Shock("nowhere", Normal(0.1)),
        Shock(WACC, Normal(-0.1)),
        Shock(WACC, Normal(0.1), every_year=True),
        Shock(SALES, Uniform(0.1, -0.1)),
        Shock(f"{SALES}[0]", Uniform(math.nan, math.inf), every_year=True),
        trials=99,
        seed=-1,
    ) == [
        ("spec.trials", "OUT_OF_RANGE"),
        ("spec.seed", "OUT_OF_RANGE"),
        ("spec.shocks[0].path", "UNKNOWN"),
        ("spec.shocks[1].distribution.normal.standard_deviation", "OUT_OF_RANGE"),
        ("spec.shocks[2].path", "CONTRADICTION"),
        ("spec.shocks[2].every_year", "CONTRADICTION"),
        ("spec.shocks[3].distribution.uniform.high", "CONTRADICTION"),
        ("spec.shocks[4].every_year", "CONTRADICTION"),
        ("spec.shocks[4].distribution.uniform.low", "NOT_FINITE"),
        ("spec.shocks[4].distribution.uniform.high", "NOT_FINITE"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *itertools.permutations(WHOLE, 2),
        (Shock(f"{SALES}[0]", Normal(0.01)), Shock(SALES, Normal(0.01), every_year=True)),
    ],
)
def test_of_two_shocks_on_one_number_the_second_is_refused(one: Shock, other: Shock) -> None:
    assert refused(one, other) == [("spec.shocks[1].path", "CONTRADICTION")]


def test_a_schedule_has_multiples_unless_it_is_nothing_in_every_year() -> None:
    twice = spec(Shock(SALES, Normal(0.0, 2.0, RelativeTo.MULTIPLE)), trials=100)
    flat, later = (
        asked(firm(years=2, revenue_growth=Schedule.explicit(growth)))
        for growth in ([0.0, 0.0], [0.0, 0.1])
    )
    grown = asked(firm(years=2, revenue_growth=Schedule.explicit([0.0, 0.2])))
    assert simulate(later, twice).minimum == base_value(grown)
    with pytest.raises(InvalidInput) as no:
        simulate(flat, twice)
    assert [problem.path for problem in no.value.problems] == [
        "spec.shocks[0].distribution.normal.relative_to"
    ]


def test_a_simulation_has_limits_and_reaches_them() -> None:
    assert refused(Shock(WACC, Normal(0.01)), trials=MAX_TRIALS + 1)[0][0] == "spec.trials"
    assert refused(Shock(WACC, Normal(0.01)), seed=SEED_MAX + 1)[0][0] == "spec.seed"
    assert refused(Shock(WACC, Normal(0.01)), seed=10**400) == [("spec.seed", "NOT_FINITE")]
    assert refused() == [("spec.shocks", "WRONG_LENGTH")]
    years = [Shock(f"{SALES}[{year}]", Normal(0.0)) for year in range(MAX_SHOCKS + 1)]
    long = asked(firm(years=MAX_SHOCKS + 1, wacc=0.10))
    with pytest.raises(InvalidInput) as many:
        simulate(long, spec(*years, trials=100))
    assert [problem.path for problem in many.value.problems] == ["spec.shocks"]
    again = refused(*[Shock(WACC, Normal(0.01))] * 10_000)
    assert again[0] == ("spec.shocks", "WRONG_LENGTH")
    assert len(again) == MAX_SHOCKS
    smallest = simulate(long, spec(*years[:MAX_SHOCKS], trials=100, seed=SEED_MAX))
    assert isinstance(smallest, Simulation)
    assert simulate(asked(), spec(Shock(WACC, Normal(0.0)), trials=100, seed=0)).trials == 100


@pytest.mark.parametrize("price", [math.nan, math.inf, -1e300])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(InvalidInput) as no:
        simulate(asked(), spec(Shock(WACC, Normal(0.01))), price)
    assert [problem.path for problem in no.value.problems] == ["spec.price"]


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1, math.nan])
def test_a_tolerance_that_is_none_is_refused(share: float) -> None:
    asked_for = replace(spec(Shock(WACC, Normal(0.01))), stop_when=StopWhen(share))
    with pytest.raises(InvalidInput) as no:
        simulate(asked(), asked_for)
    assert [problem.path for problem in no.value.problems] == [
        "spec.stop_when.standard_error_share"
    ]


def test_what_is_wrong_with_a_correlation_is_said_with_all_the_rest() -> None:
    wrong = Correlation(CorrelationMethod.RANK, ((1.0, 2.0), (0.0, 1.0)))
    shocks = (Shock(WACC, Normal(-0.1)), Shock(SALES, Pert(3.0, 2.0, 4.0, RelativeTo.OFFSET)))
    with pytest.raises(InvalidInput) as no:
        simulate(asked(), replace(spec(*shocks, trials=1), correlation=wrong))
    assert [problem.path for problem in no.value.problems] == [
        "spec.trials",
        "spec.shocks[0].distribution.normal.standard_deviation",
        "spec.shocks[1].distribution.pert.mode",
        "spec.correlation.matrix[0][1]",
    ]


def test_the_most_trials_are_as_many_as_whoever_asks_may_have() -> None:
    for trials, most in ((99, 5_000), (5_001, 5_000), (99, MAX_TRIALS)):
        with pytest.raises(InvalidInput) as no:
            admit_spec(asked(), spec(Shock(WACC, Normal(0.01)), trials=trials), most)
        (problem,) = no.value.problems
        assert problem.path == "spec.trials"
        assert problem.suggestion == f"Give a number from 100 to {show(most)}."
    admit_spec(asked(), spec(Shock(WACC, Normal(0.01)), trials=5_000), 5_000)


def test_shocks_on_a_whole_and_on_one_of_its_parts_are_refused_before_anything_is_drawn() -> None:
    both = spec(Shock(WACC, Normal(0.01)), Shock("capital.capm.beta", Normal(0.1)))
    for ask in (simulate, admit_spec):
        with pytest.raises(InvalidInput) as no:
            ask(asked(firm(years=5, capital=BUILT)), both)
        assert [(problem.path, problem.code) for problem in no.value.problems] == [
            ("spec.shocks", "CONTRADICTION")
        ]
