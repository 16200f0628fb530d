"""Quartiles of peers: numpy's, to the last bit, in every scenario by itself."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.comparables.quartiles import LEVELS, quantiles, quartiles
from tests.mirror.engine.firms import LAW, numbers

STEP = 1e-200
VALUES = st.lists(numbers(-1e6, 1e6), min_size=1, max_size=12)
NAMES = ("low", "lower_quartile", "median", "upper_quartile", "high")


@LAW
@given(VALUES)
def test_quantiles_are_numpys_linear_ones_to_the_last_bit(values: list[float]) -> None:
    found = quantiles(values, [True] * len(values), LEVELS)
    assert found == np.quantile(values, LEVELS, method="linear").tolist()


@LAW
@given(st.lists(numbers(-1e6, 1e6), min_size=2, max_size=12))
def test_quartiles_are_the_inclusive_ones_of_pythons_statistics(values: list[float]) -> None:
    found = quartiles(values, [True] * len(values))
    expected = statistics.quantiles(values, n=4, method="inclusive")
    slack = 1e-12 * max(map(abs, values))
    assert [found.lower_quartile, found.median, found.upper_quartile] == pytest.approx(
        expected, rel=1e-12, abs=slack
    )
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=slack)


@LAW
@given(VALUES)
def test_quartiles_stand_in_their_order_between_the_lowest_and_the_highest(
    values: list[float],
) -> None:
    found = quartiles(values, [True] * len(values))
    line = [getattr(found, name) for name in NAMES]
    assert line == sorted(line)
    assert (line[0], line[-1]) == (min(values), max(values))
    slack = 1e-12 * max(map(abs, values))
    assert line[0] - slack <= found.mean <= line[-1] + slack


@LAW
@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_in_which_peers_are_given_does_not_matter(
    values: list[float], dice: object
) -> None:
    mixed = list(values)
    dice.shuffle(mixed)  # type: ignore[attr-defined] # of hypothesis' random
    counted = [True] * len(values)
    assert quantiles(values, counted, LEVELS) == quantiles(mixed, counted, LEVELS)


@LAW
@given(VALUES)
def test_turned_around_the_lower_quartile_is_the_upper_one(values: list[float]) -> None:
    found = quartiles(values, [True] * len(values))
    turned = quartiles([-value for value in values], [True] * len(values))
    near = pytest.approx([-getattr(found, name) for name in NAMES[::-1]], rel=1e-12, abs=1e-6)
    assert [getattr(turned, name) for name in NAMES] == near


def test_quartiles_by_hand() -> None:
    found = quartiles([11.0, 8.0, 9.0, 14.0], [True] * 4)
    assert (found.low, found.high, found.mean) == (8.0, 14.0, 10.5)
    assert (found.lower_quartile, found.median, found.upper_quartile) == (8.75, 10.0, 11.75)


@LAW
@given(
    st.lists(st.lists(numbers(0.0, 100.0), min_size=5, max_size=5), min_size=1, max_size=6),
    st.data(),
)
def test_a_scenario_of_a_batch_has_the_bits_that_it_has_alone(
    rows: list[list[float]], data: st.DataObject
) -> None:
    counted = [[data.draw(st.booleans()) for _ in row] for row in rows]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    counts = [np.array(column) for column in zip(*counted, strict=True)]
    columns[0] = float(rows[0][0]) if len(rows) == 1 else columns[0]  # a number beside arrays
    found = quartiles(columns, counts)
    for number, (row, counts_of_row) in enumerate(zip(rows, counted, strict=True)):
        alone = quartiles(row, counts_of_row)
        for name in (*NAMES, "mean"):
            one, other = getattr(found, name)[number], getattr(alone, name)
            assert one == other or (math.isnan(one) and math.isnan(other))
            assert math.isnan(other) == (not any(counts_of_row))


@LAW
@given(st.lists(numbers(0.0, 100.0), min_size=1, max_size=9, unique=True), st.sampled_from(LEVELS))
def test_a_step_goes_through_the_two_neighbours_by_how_near_they_are(
    values: list[float], level: float
) -> None:
    n = len(values)
    stepped = [
        np.array([value + (STEP * 1j if row == column else 0.0) for row in range(n)])
        for column, value in enumerate(values)
    ]
    (found,) = quantiles(stepped, [True] * n, [level])
    place = (n - 1) * level
    order = sorted(range(n), key=values.__getitem__)
    expected = [0.0] * n
    expected[order[math.floor(place)]] += 1.0 - place % 1.0
    if place % 1.0:
        expected[order[math.floor(place) + 1]] += place % 1.0
    assert (found.imag / STEP).tolist() == pytest.approx(expected, abs=1e-12)
    assert found.real.tolist() == [np.quantile(values, level)] * n


@LAW
@given(st.lists(st.tuples(numbers(-1e6, 1e6), st.booleans()), min_size=1, max_size=12))
def test_what_does_not_count_might_as_well_not_be_there(pairs: list[tuple[float, bool]]) -> None:
    values, counted = zip(*pairs, strict=True)
    kept = [value for value, counts in pairs if counts]
    found, expected = quartiles(values, counted), quartiles(kept, [True] * len(kept))
    for name in (*NAMES, "mean"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one == other or (math.isnan(one) and not kept)


def test_of_nothing_there_is_no_quartile() -> None:
    found = quartiles([3.0, 4.0], [False, False])
    assert all(math.isnan(getattr(found, name)) for name in (*NAMES, "mean"))
    assert math.isnan(quartiles([], []).median)
