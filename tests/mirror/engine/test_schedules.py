"""A driver by year: levels, explicit years, stages and ramps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.door import MAX_YEARS, Door
from engine.schedules import Schedule, Stage
from tests.mirror.engine.exact import in_full
from tests.mirror.engine.firms import LAW, schedules


def read(schedule: Schedule, years: int) -> tuple[Any, ...]:
    door = Door()
    admitted = schedule.admit(door, "x", years, -1.0, 1.0)
    door.close()
    return admitted.years()


def refused(schedule: Schedule, years: int | None = 3) -> list[tuple[str, str]]:
    door = Door()
    schedule.admit(door, "x", years, -1.0, 1.0)
    return [(problem.path, problem.code) for problem in door.problems]


def test_a_schedule_is_checked_without_a_number_of_years_as_far_as_it_can_be() -> None:
    staged = Schedule.staged(Stage(years=2, value=0.5), Stage(years=9, value=7.0, ramp=True))
    assert refused(staged, None) == [("x.stages[1].value", "OUT_OF_RANGE")]
    assert refused(Schedule.explicit([0.5, -7.0]), None) == [("x[1]", "OUT_OF_RANGE")]
    assert refused(Schedule.constant(7.0), None) == [("x.level", "OUT_OF_RANGE")]
    # More stages than any forecast has years, or a longer one, fit into none.
    many = Schedule.staged(*[Stage(years=1, value=0.5)] * 101)
    assert refused(many, None) == [("x.stages", "WRONG_LENGTH")]
    long = Schedule.staged(Stage(years=101, value=0.5))
    assert refused(long, None) == [("x.stages[0].years", "OUT_OF_RANGE")]


def test_a_stage_that_is_refused_still_counts_its_years() -> None:
    staged = Schedule.staged(
        Stage(years=1, value=10**400), Stage(years=1, value=0.5, ramp=True), Stage(years=2, value=9)
    )
    assert refused(staged, 4) == [
        ("x.stages[0].value", "NOT_FINITE"),
        ("x.stages[2].value", "OUT_OF_RANGE"),
    ]


def test_a_level_is_the_same_every_year() -> None:
    assert read(Schedule.constant(0.05), 3) == (0.05, 0.05, 0.05)


def test_explicit_years_are_taken_as_they_are() -> None:
    assert read(Schedule.explicit([0.1, -0.2, 0.3]), 3) == (0.1, -0.2, 0.3)


def test_a_stage_holds_its_value_and_a_ramp_reaches_it_in_its_last_year() -> None:
    staged = Schedule.staged(Stage(years=2, value=0.8), Stage(years=4, value=0.0, ramp=True))
    assert read(staged, 6) == pytest.approx((0.8, 0.8, 0.6, 0.4, 0.2, 0.0))


def test_ramps_follow_one_another() -> None:
    staged = Schedule.staged(
        Stage(years=1, value=0.1),
        Stage(years=2, value=0.5, ramp=True),
        Stage(years=1, value=0.2),
        Stage(years=2, value=-0.2, ramp=True),
    )
    assert read(staged, 6) == pytest.approx((0.1, 0.3, 0.5, 0.2, 0.0, -0.2))


def test_a_ramp_of_one_year_is_a_step() -> None:
    staged = Schedule.staged(Stage(years=1, value=0.1), Stage(years=1, value=0.4, ramp=True))
    assert read(staged, 2) == (0.1, 0.4)


@LAW
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), schedules(n, -1.0, 1.0))))
def test_any_schedule_is_read_as_the_book_reads_it(case: tuple[int, Schedule]) -> None:
    years, schedule = case
    exact = [float(value) for value in in_full(schedule, years)]
    assert read(schedule, years) == pytest.approx(exact, rel=1e-14, abs=1e-15)


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.integers(1, 40))
def test_a_ramp_ends_on_its_value_to_the_last_bit(start: float, end: float, years: int) -> None:
    staged = Schedule.staged(Stage(years=1, value=start), Stage(years=years, value=end, ramp=True))
    assert read(staged, years + 1)[-1] == end


@pytest.mark.parametrize("given_years", [0, 2, 4])
def test_explicit_years_have_the_forecasts_length(given_years: int) -> None:
    assert refused(Schedule.explicit([0.1] * given_years)) == [("x", "WRONG_LENGTH")]


@pytest.mark.parametrize("lengths", [(1, 1), (2, 2), (3, 3)])
def test_the_stages_years_add_up_to_the_forecasts(lengths: tuple[int, int]) -> None:
    staged = Schedule.staged(*(Stage(years=years, value=0.1) for years in lengths))
    assert refused(staged) == [("x.stages", "WRONG_LENGTH")]


def test_what_no_forecast_can_hold_is_wrong_as_a_whole() -> None:
    far_too_many = refused(Schedule.explicit([9.0] * 10_000))
    assert far_too_many[0] == ("x", "WRONG_LENGTH")
    assert len(far_too_many) == 1 + MAX_YEARS
    stages = (Stage(years=1, value=9.0),) * 10_000
    assert refused(Schedule.staged(*stages)) == [("x.stages", "WRONG_LENGTH")]


def test_no_stages_at_all_are_too_few() -> None:
    assert refused(Schedule(stages=())) == [("x.stages", "WRONG_LENGTH")]


@pytest.mark.parametrize("years", [0, -1, 4, 10**12])
def test_a_stage_fits_into_the_forecast(years: int) -> None:
    staged = Schedule.staged(Stage(years=1, value=0.1), Stage(years=years, value=0.1))
    assert refused(staged) == [("x.stages[1].years", "OUT_OF_RANGE")]


def test_the_first_stage_has_nothing_to_ramp_from() -> None:
    staged = Schedule.staged(Stage(years=3, value=0.1, ramp=True))
    assert refused(staged) == [("x.stages[0].ramp", "CONTRADICTION")]


def test_a_number_that_is_out_is_told_once_where_it_was_typed() -> None:
    assert refused(Schedule.constant(math.nan)) == [("x.level", "NOT_FINITE")]
    assert refused(Schedule.explicit([0.1, 3.0, math.inf])) == [
        ("x[1]", "OUT_OF_RANGE"),
        ("x[2]", "NOT_FINITE"),
    ]
    staged = Schedule.staged(Stage(years=1, value=3.0), Stage(years=2, value=0.1, ramp=True))
    assert refused(staged) == [("x.stages[0].value", "OUT_OF_RANGE")]


@pytest.mark.parametrize(
    ("schedule", "code"),
    [
        (Schedule(), "MISSING"),
        (Schedule(level=0.1, by_year=(math.nan,) * 3), "CONTRADICTION"),
        (Schedule(level=0.1, stages=(Stage(years=3, value=0.1),)), "CONTRADICTION"),
        (Schedule(by_year=(0.1,) * 3, stages=(Stage(years=3, value=0.1),)), "CONTRADICTION"),
        (
            Schedule(level=0.1, by_year=(0.1,) * 3, stages=(Stage(years=3, value=0.1),)),
            "CONTRADICTION",
        ),
    ],
)
def test_exactly_one_of_the_three_ways_is_used(schedule: Schedule, code: str) -> None:
    assert refused(schedule) == [("x", code)]


def test_a_shift_moves_every_year_and_a_year_is_replaced_alone() -> None:
    schedule = Schedule.explicit([0.1, 0.2, 0.3])
    assert schedule.shifted(0.5).years() == (0.1 + 0.5, 0.2 + 0.5, 0.3 + 0.5)
    assert schedule.with_year(0, 9.0).years() == (9.0, 0.2, 0.3)
    assert schedule.with_year(2, 9.0).years() == (0.1, 0.2, 9.0)
    moved = schedule.shifted(np.array([0.0, 1.0])).years()
    assert [year.tolist() for year in moved] == [[0.1, 1.1], [0.2, 1.2], [0.3, 1.3]]
    assert schedule.years() == (0.1, 0.2, 0.3)
