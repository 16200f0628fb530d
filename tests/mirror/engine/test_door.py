"""The door: every check says no to NaN, speaks in a person's numbers, and collects all problems."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.door import Door, lesser, power, show, square_root
from engine.errors import InvalidInput, Problem


def told(door: Door) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in door.problems]


@given(st.floats() | st.integers(-(10**400), 10**400), st.floats(-10, 0), st.floats(0, 10))
def test_a_number_comes_in_if_and_only_if_it_is_within(
    value: float, low: float, high: float
) -> None:
    door = Door()
    door.within("x", value, low, high)
    assert (door.problems == []) == (low <= value <= high)


@given(st.lists(st.floats(), min_size=1, max_size=5))
def test_a_batch_comes_in_if_and_only_if_each_of_its_numbers_does(values: list[float]) -> None:
    door = Door()
    door.within("x", np.array(values), -1.0, 1.0)
    assert (door.problems == []) == all(-1.0 <= value <= 1.0 for value in values)


def test_a_batch_is_refused_once_with_the_number_that_is_out() -> None:
    door = Door()
    door.within("x", np.array([[0.1, 7.0], [0.2, 0.3]]), 0.0, 1.0)
    door.within("y", np.array([[0.1, -7.0], [0.2, 0.3]]), 0.0, 1.0)
    first, second = door.problems
    assert first.message == "7 is above the most that is allowed here, 1."
    assert second.message == "-7 is below the least that is allowed here, 0."


def test_years_are_counted_from_zero_like_the_list_that_was_given() -> None:
    door = Door()
    door.within_by_year("g", (0.1, 5.0, np.array([0.1, 0.2]), np.array([0.1, math.nan])), 0.0, 1.0)
    assert told(door) == [("g[1]", "OUT_OF_RANGE"), ("g[3]", "NOT_FINITE")]


def test_a_spread_shows_the_scenario_where_it_is_narrowest() -> None:
    growth, wacc = np.array([[0.01], [0.03]]), np.array([[0.10, 0.02]])
    door = Door()
    door.apart("g", growth, wacc, 0.001, "Growth stays below.")
    (problem,) = door.problems
    assert problem == Problem(
        "g",
        "CONTRADICTION",
        "Growth stays below. Here: 0.03 against 0.02.",
        "Keep them at least 0.001 apart.",
    )


@pytest.mark.parametrize(
    ("lower", "upper", "fine"),
    [(0.0, 0.001, True), (0.0, 0.0009, False), (0.5, 0.5, False), (-0.2, 0.1, True)],
)
def test_numbers_are_apart_or_not(lower: float, upper: float, fine: bool) -> None:
    door = Door()
    door.apart("g", lower, upper, 0.001, "Apart.")
    assert (door.problems == []) == fine


@pytest.mark.parametrize("lower", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_not_blamed_a_second_time(lower: float) -> None:
    door = Door()
    door.apart("g", lower, 0.1, 0.001, "Apart.")
    door.apart("g", np.array([lower, 0.0]), np.array([0.1, 0.1]), 0.001, "Apart.")
    assert door.problems == []


def test_a_door_without_problems_closes_in_silence_and_else_says_all_of_them() -> None:
    Door().close()
    door = Door()
    door.within("a", 2.0, 0.0, 1.0)
    with pytest.raises(InvalidInput) as one:
        door.close()
    assert one.value.message == "2 is above the most that is allowed here, 1."
    door.refuse("b", "MISSING", "b is missing.", "Give b.")
    with pytest.raises(InvalidInput) as both:
        door.close()
    assert both.value.message.startswith("2 inputs need mending. First: 2 is above")
    assert [problem.path for problem in both.value.problems] == ["a", "b"]
    assert str(both.value) == both.value.message
    assert both.value.retry_after_s is None


@pytest.mark.parametrize(
    ("value", "high", "hint"),
    [
        (8.0, 1.0, "; rates are fractions, so 8 % is 0.08"),
        (250.0, 10.0, "; rates are fractions, so 250 % is 2.5"),
        (1e6, 1.0, ""),  # not a percentage of anything
        (12.0, 11.0, ""),  # not a rate: its bound is no rate's
    ],
)
def test_percent_is_recognised_where_a_rate_belongs(value: float, high: float, hint: str) -> None:
    door = Door()
    door.within("x", value, 0.0, high)
    assert door.problems[0].suggestion == f"Give a number from 0 to {show(high)}{hint}."


@pytest.mark.parametrize(
    ("value", "span"),
    [(0.0, "above 0, up to 80"), (-3.0, "above 0, up to 80"), (90.0, "from 1e-09 to 80")],
)
def test_a_price_of_nothing_is_asked_for_one_above_zero(value: float, span: str) -> None:
    door = Door()
    door.within("x", value, 1e-9, 80.0)
    assert door.problems[0].suggestion == f"Give a number {span}."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.9000001, "0.9000001 is above the most that is allowed here, 0.9."),
        (-1e-7, "-1e-07 is below the least that is allowed here, 0."),
        (
            math.nextafter(0.9, 1.0),
            "0.9000000000000001 is above the most that is allowed here, 0.9.",
        ),
        (1, "1 is above the most that is allowed here, 0.9."),
    ],
)
def test_no_number_is_said_to_be_larger_than_itself(value: float, said: str) -> None:
    door = Door()
    door.within("x", value, 0.0, 0.9)
    assert door.problems[0].message == said


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.085, "0.085"),
        (1.0 / 3.0, "0.333333"),
        (9_999.0, "9999"),
        (391_035_000_000.0, "391,035,000,000"),
        (-12_345.6, "-12,346"),
        (1e18, "1,000,000,000,000,000,000"),
        (1.7e308, "1.7e+308"),
        (5e-324, "4.94066e-324"),
    ],
)
def test_a_number_is_shown_as_a_person_would_write_it(value: float, shown: str) -> None:
    assert show(value) == shown


@given(st.floats(0.0, 1e300))
def test_a_root_has_the_same_bits_alone_and_in_a_batch(value: float) -> None:
    assert square_root(value) == square_root(np.array([value, value]))[1]


@given(st.lists(st.floats(0.001, 10.0), min_size=1, max_size=40), st.floats(-1.0, 1.0))
def test_a_power_has_the_same_bits_alone_and_wherever_it_stands_in_a_batch(
    bases: list[float], exponent: float
) -> None:
    # Processors with wide registers raise eight numbers at a time, and the rest otherwise.
    alone = [power(base, exponent) for base in bases]
    batch = np.array(bases)
    assert power(batch, exponent).tolist() == alone
    assert power(batch[::-1], exponent).tolist() == alone[::-1]
    assert power(batch[::2], exponent).tolist() == alone[::2]
    assert power(np.column_stack([batch, batch])[:, 1], exponent).tolist() == alone
    assert power(batch[:, np.newaxis], exponent)[:, 0].tolist() == alone
    for base, raised in zip(bases, alone, strict=True):
        assert raised == pytest.approx(float(mpmath.mpf(base) ** exponent), rel=1e-15)


@given(st.floats(0.001, 10.0), st.floats(-1.0, 1.0))
def test_a_power_of_a_complex_step_is_its_slope(base: float, exponent: float) -> None:
    stepped: Any = power(np.array([base + 1e-200j]), exponent)
    slope = float(exponent * mpmath.mpf(base) ** (exponent - 1))
    assert stepped.imag[0] / 1e-200 == pytest.approx(slope, rel=1e-14, abs=1e-100)


NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=9))
def test_the_lesser_of_two_is_the_same_alone_and_in_a_batch(
    pairs: list[tuple[float, float]],
) -> None:
    ones, others = (np.array(side) for side in zip(*pairs, strict=True))
    least = [min(pair) for pair in pairs]
    assert [lesser(one, other) for one, other in pairs] == least
    assert lesser(ones, others).tolist() == least
    assert lesser(ones, pairs[0][1]).tolist() == [min(one, pairs[0][1]) for one in ones.tolist()]


def test_the_lesser_keeps_its_complex_step_and_not_the_others() -> None:
    low, high = np.array([1.0 + 1e-200j, 3.0]), np.array([2.0, 1.0 + 2e-200j])
    assert lesser(low, high).tolist() == [1.0 + 1e-200j, 1.0 + 2e-200j]
    assert lesser(0.5, high).tolist() == [0.5, 0.5]
