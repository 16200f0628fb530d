"""Dated cash flows: their worth at a rate, and every rate at which they are worth nothing."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import pyxirr
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.cashflows import MAX_FLOWS, MAX_SIGN_CHANGES, xirr, xnpv
from engine.errors import Infeasible, InvalidInput, Refused
from tests.mirror.engine.firms import LAW

START = date(2024, 2, 29)
PEER = 1e-9  # relative to 1 + rate: what the other library stops at

AMOUNTS = st.floats(-1e6, 1e6).map(lambda amount: round(amount, 2))
FLOWS = st.lists(st.tuples(st.integers(0, 5_000), AMOUNTS), min_size=2, max_size=25)


def dated(flows: list[tuple[int, float]]) -> tuple[list[date], list[float]]:
    days, amounts = zip(*flows, strict=True)
    return [START + timedelta(days=day) for day in days], list(amounts)


def yearly(*amounts: float) -> tuple[list[date], list[float]]:
    """A year of 365 days apart."""
    return dated([(365 * year, amount) for year, amount in enumerate(amounts)])


def exact_npv(x: mpmath.mpf, flows: list[tuple[int, float]]) -> mpmath.mpf:
    """At the rate exp(x) - 1, and the size of all that was added up."""
    return mpmath.fsum(mpmath.mpf(amount) * mpmath.exp(-x * day / 365) for day, amount in flows)


# Laws


@LAW
@given(FLOWS, st.floats(-0.9, 20.0))
def test_the_worth_of_flows_is_the_sum_of_each_by_itself(
    flows: list[tuple[int, float]], rate: float
) -> None:
    first = min(day for day, _ in flows)
    parts = [amount / (1.0 + rate) ** ((day - first) / 365.0) for day, amount in flows]
    size = math.fsum(map(abs, parts))
    assert xnpv(rate, *dated(flows)) == pytest.approx(math.fsum(parts), rel=0, abs=1e-13 * size)


@LAW
@given(FLOWS)
def test_every_rate_that_is_found_makes_the_flows_worth_nothing(
    flows: list[tuple[int, float]],
) -> None:
    try:
        found = xirr(*dated(flows))
    except Refused:
        assume(False)
    first = min(day for day, _ in flows)
    for rate in (found.rate, *found.others):
        assume(-0.999 < rate < 1e6)
        # By how much the worth can be off where the rate is off by a few roundings.
        x = mpmath.log1p(mpmath.mpf(rate))
        off = [(day - first, amount) for day, amount in flows]
        value = abs(exact_npv(x, off))
        slope = mpmath.fsum(
            abs(amount) * day / 365 * mpmath.exp(-x * day / 365) for day, amount in off
        )
        assert value <= 1e-13 * max(1, abs(x)) * slope + 1e-14 * mpmath.fsum(
            abs(amount) * mpmath.exp(-x * day / 365) for day, amount in off
        )


@LAW
@given(FLOWS)
def test_no_rate_is_missed_that_a_fine_search_sees(flows: list[tuple[int, float]]) -> None:
    days, amounts = dated(flows)
    try:
        found = xirr(days, amounts)
        rates = sorted([found.rate, *found.others])
    except Infeasible:
        rates = []
    except InvalidInput:
        assume(False)
    grid = np.expm1(np.linspace(-2.0, 2.0, 801))
    worths = [xnpv(float(rate), days, amounts) for rate in grid]
    for k in range(len(grid) - 1):
        if worths[k] * worths[k + 1] < 0.0:
            assert any(grid[k] <= rate <= grid[k + 1] for rate in rates)


@LAW
@given(FLOWS, st.floats(0.01, 100.0), st.integers(0, 3_000), st.randoms())
def test_neither_the_unit_nor_the_order_nor_the_day_of_the_first_flow_moves_a_rate(
    flows: list[tuple[int, float]], unit: float, later: int, chance: random.Random
) -> None:
    try:
        found = xirr(*dated(flows))
    except Refused:
        assume(False)
    assume(not found.others)  # near a double rate a rounding makes two of one, or none
    moved = [(day + later, amount * unit) for day, amount in flows]
    chance.shuffle(moved)
    again = xirr(*dated(moved))
    assume(not again.others)
    assert again.rate == pytest.approx(found.rate, rel=1e-6, abs=1e-9)


@given(st.floats(-0.9, 5.0), st.integers(1, 7_000), st.floats(1.0, 1e9))
def test_a_deposit_earns_the_rate_that_it_grew_by(rate: float, days: int, paid: float) -> None:
    back = paid * (1.0 + rate) ** (days / 365.0)
    assume(1e-6 < back < 1e18)
    found = xirr([START, START + timedelta(days=days)], [-paid, back])
    assert found.others == ()
    assert found.rate == pytest.approx(rate, rel=1e-9, abs=1e-11 * 365.0 / days)


@given(st.lists(st.floats(-0.5, 2.0), min_size=1, max_size=4, unique=True))
def test_flows_that_are_made_of_rates_give_them_all_back(rates: list[float]) -> None:
    """(1 + r - q) for each rate, multiplied out: a flow a year, worth nothing at each of them."""
    rates = sorted(round(rate, 2) for rate in rates)
    assume(all(high - low >= 0.05 for low, high in pairwise(rates)))
    amounts = np.array([1.0])
    for rate in rates:
        amounts = np.convolve(amounts, [-1.0, 1.0 + rate])
    found = xirr(*yearly(*amounts.tolist()))
    assert sorted([found.rate, *found.others]) == pytest.approx(rates, abs=1e-7)
    assert found.others == tuple(sorted(found.others))
    assert abs(math.log1p(found.rate) - math.log(1.1)) == pytest.approx(
        min(abs(math.log1p(rate) - math.log(1.1)) for rate in rates), abs=1e-6
    )


# By hand


def test_flows_by_hand() -> None:
    # 100 a year from now at 25 % is 80 today; half of it after 730 days 50 x 0.64 = 32.
    days, amounts = yearly(-100.0, 100.0, 50.0)
    assert xnpv(0.25, days, amounts) == pytest.approx(12.0)
    assert xnpv(0.0, days, amounts) == 50.0
    # 110 a year from now is worth 100 at a tenth.
    assert xirr(*yearly(-100.0, 110.0)).rate == pytest.approx(0.10, rel=1e-14)
    # Half of it is lost in a year: -50 %.
    assert xirr(*yearly(-100.0, 50.0)).rate == pytest.approx(-0.5, rel=1e-14)
    # A year of 366 days is a day more: 1.1 ^ (365 / 366) - 1.
    leap = xirr([date(2024, 1, 1), date(2025, 1, 1)], [-100.0, 110.0])
    assert leap.rate == pytest.approx(1.1 ** (365.0 / 366.0) - 1.0, rel=1e-13)


def test_all_the_rates_of_an_ambiguous_project_are_said() -> None:
    """-1,000, 2,500, -1,540: worth nothing at 10 % and at 40 %; -1 (x - 1.1)(x - 1.4) in 1 + r."""
    found = xirr(*yearly(-1_000.0, 2_500.0, -1_540.0))
    assert found.rate == pytest.approx(0.10, abs=1e-12)
    assert found.others == pytest.approx((0.40,), abs=1e-12)
    # 1.1, 1.2 and 1.3 multiplied out
    three = xirr(*yearly(-1_000.0, 3_600.0, -4_310.0, 1_716.0))
    assert three.rate == pytest.approx(0.10, abs=1e-10)
    assert three.others == pytest.approx((0.20, 0.30), abs=1e-10)


def test_a_rate_at_which_the_worth_touches_nothing_without_crossing_it_is_one() -> None:
    # -100, 220, -121: the square of 1.1.
    found = xirr(*yearly(-100.0, 220.0, -121.0))
    assert found.rate == pytest.approx(0.10, abs=1e-7)
    assert all(other == pytest.approx(0.10, abs=1e-7) for other in found.others)


def test_what_comes_and_goes_on_one_day_is_one_flow() -> None:
    days = [START, START, START + timedelta(days=365), START + timedelta(days=400)]
    found = xirr(days, [-150.0, 50.0, 110.0, 0.0])
    assert found.rate == pytest.approx(0.10)


# Published


def test_the_example_of_the_spreadsheets_manual() -> None:
    """Microsoft Excel, functions XIRR (0.373363) and XNPV (2,086.6476 at 9 %): January 2008 on."""
    days = [
        date(2008, 1, 1),
        date(2008, 3, 1),
        date(2008, 10, 30),
        date(2009, 2, 15),
        date(2009, 4, 1),
    ]
    amounts = [-10_000.0, 2_750.0, 4_250.0, 3_250.0, 2_750.0]
    assert xirr(days, amounts).rate == pytest.approx(0.373363, abs=5e-7)
    assert xirr(days, amounts).others == ()
    assert xnpv(0.09, days, amounts) == pytest.approx(2_086.6476, abs=5e-5)


# A peer


def random_flows(chance: random.Random) -> tuple[list[date], list[float]]:
    """An investment and what it brings, or money that comes and goes."""
    many, span = chance.randint(2, 60), chance.choice([400, 4_000, 12_000])
    start = START + timedelta(days=chance.randint(0, 3_000))
    days = [start + timedelta(days=chance.randint(0, span)) for _ in range(many)]
    if chance.random() < 0.7:
        days[0] = min(days) - timedelta(days=chance.randint(1, 90))
        back = [chance.uniform(0.0, 3e6 / many) for _ in days[1:]]
        return days, [-chance.uniform(1e5, 1e6), *back]
    return days, [chance.uniform(-1e6, 1e6) for _ in days]


@pytest.mark.parametrize("seed", range(8))
def test_pyxirr_finds_the_same_rates_and_worths(seed: int) -> None:
    chance, compared = random.Random(seed), 0  # noqa: S311 - flows to compare, no secret
    for _ in range(100):
        days, amounts = random_flows(chance)
        theirs = pyxirr.xirr(days, amounts) if min(amounts) < 0.0 < max(amounts) else None
        worth = pyxirr.xnpv(0.07, days, amounts)
        size = math.fsum(map(abs, amounts))
        assert xnpv(0.07, days, amounts) == pytest.approx(worth, abs=1e-12 * size)
        try:
            found = xirr(days, amounts)
        except Refused:
            assert theirs is None
            continue
        if theirs is None or not -0.999 < theirs < 1e6:
            continue  # it gave up, or is far out
        compared += 1
        rates = (found.rate, *found.others)
        assert min(abs(rate - theirs) / (1.0 + theirs) for rate in rates) < PEER
    assert compared >= 60


@pytest.mark.parametrize(
    ("days", "amounts"),
    [
        ([0, 1], [-100.0, 101.0]),  # 1 % a day is 3,678 % a year
        ([0, 1], [-1.0, 1.5]),  # 10^64 a year
        ([0, 3_650], [-100.0, 1e-3]),  # nearly all of it lost
        ([0, 365, 730], [-1_000.0, 0.01, 999.99]),
        ([0, 30, 60, 90, 120], [-100.0, 20.0, 20.0, 20.0, 20.0]),  # a loss, fast
        (list(range(0, 3_650, 30)), [-1_000.0, *[12.0] * 121]),  # an annuity
        ([700, 0, 365], [60.0, -100.0, 60.0]),  # in any order
        ([0, 365, 366], [-100.0, 230.0, -120.0]),
    ],
)
def test_pyxirr_agrees_on_nasty_flows(days: list[int], amounts: list[float]) -> None:
    when = [START + timedelta(days=day) for day in days]
    theirs = pyxirr.xirr(when, amounts)
    assert theirs is not None
    found = xirr(when, amounts)
    rates = (found.rate, *found.others)
    assert min(abs(rate - theirs) / (1.0 + theirs) for rate in rates) < PEER


def test_where_the_other_library_gives_up_there_may_still_be_a_rate() -> None:
    days, amounts = dated([(0, -1e12), (1, 1.0), (2, 1.0), (36_500, 1e12)])
    assert pyxirr.xirr(days, amounts) is None
    found = xirr(days, amounts)
    assert found.rate == pytest.approx(2e-14, rel=0.01)  # 2 more in a hundred years, on 1e12
    # Or it stops where the worth is small beside 1, of flows that are all smaller than that.
    days, amounts = dated([(0, -1e-6), (1, 1e-9), (10_000, 1e6)])
    theirs, ours = pyxirr.xirr(days, amounts), xirr(days, amounts).rate
    assert theirs is not None
    assert abs(xnpv(ours, days, amounts)) < 1e-6 * abs(xnpv(theirs, days, amounts))


def test_a_project_may_have_as_many_rates_as_its_flows_change_sign() -> None:
    days, amounts = yearly(-1.0, 5.0, -3.0, 1e-6)
    found = xirr(days, amounts)
    assert len(found.others) == 2
    for rate in (found.rate, *found.others):
        # A double near -1 is that far from its neighbours.
        size = xnpv(rate, days, [abs(amount) for amount in amounts])
        assert xnpv(rate, days, amounts) == pytest.approx(0.0, abs=1e-9 * size)


# What is refused


def refused(days: list[date], amounts: list[float]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as no:
        xirr(days, amounts)
    for problem in no.value.problems:
        assert problem.message.endswith(".")
        assert problem.suggestion.endswith(".")
    return {problem.path: problem.code for problem in no.value.problems}


@pytest.mark.parametrize(
    ("flows", "problems"),
    [
        (([START], []), {"amounts": "WRONG_LENGTH"}),
        (([], []), {"amounts": "WRONG_LENGTH"}),
        (([START] * (MAX_FLOWS + 1), [1.0] * (MAX_FLOWS + 1)), {"amounts": "WRONG_LENGTH"}),
        (yearly(100.0, 10.0), {"amounts": "CONTRADICTION"}),
        (yearly(-100.0, -10.0), {"amounts": "CONTRADICTION"}),
        (yearly(0.0, 0.0), {"amounts": "CONTRADICTION"}),
        (([START, START], [-100.0, 110.0]), {"amounts": "CONTRADICTION"}),
        (
            yearly(math.nan, math.inf, -2e18, 1.0),
            {
                "amounts[0]": "NOT_FINITE",
                "amounts[1]": "NOT_FINITE",
                "amounts[2]": "OUT_OF_RANGE",
            },
        ),
        (
            dated([(day, (-1.0) ** day) for day in range(MAX_SIGN_CHANGES + 2)]),
            {"amounts": "TOO_LARGE"},
        ),
    ],
)
def test_flows_that_have_no_rate_to_look_for_are_refused(
    flows: tuple[list[date], list[float]], problems: dict[str, str]
) -> None:
    assert refused(*flows) == problems


def test_flows_that_are_worth_more_than_nothing_at_every_rate_have_none() -> None:
    # 1 - 1 q + 1 q^2 is never nothing.
    with pytest.raises(Infeasible, match="every rate"):
        xirr(*yearly(100.0, -100.0, 100.0))


def test_a_rate_that_no_number_holds_is_said_to_be_out_of_this_world() -> None:
    tomorrow = [START, START + timedelta(days=1)]
    for amounts in ([-1.0, 1e3], [-1e3, 1.0]):  # 1,000 ^ 365, and 0.001 ^ 365 above -1
        with pytest.raises(Infeasible, match="out of this world"):
            xirr(tomorrow, amounts)


def test_as_many_changes_of_sign_as_there_may_be_are_searched() -> None:
    days, amounts = dated([(day, (-1.0) ** day) for day in range(MAX_SIGN_CHANGES)])
    found = xirr(days, amounts)  # of which half cancels the other half, at 0 %
    assert found.rate == pytest.approx(0.0, abs=1e-9)
    assert found.others == ()


@pytest.mark.parametrize("rate", [-1.0, -1.5, math.nan, math.inf])
def test_a_worth_is_asked_at_a_rate_above_minus_one(rate: float) -> None:
    with pytest.raises(InvalidInput) as no:
        xnpv(rate, *yearly(-1.0, 2.0))
    assert [problem.path for problem in no.value.problems] == ["rate"]


def test_a_worth_beyond_the_range_of_a_number_is_refused() -> None:
    with pytest.raises(Infeasible, match="more than a number can hold"):
        xnpv(-0.9999, [START, START + timedelta(days=365 * 100)], [-1.0, 1.0])
