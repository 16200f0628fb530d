from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.slo import (
    Count,
    State,
    budget,
    burn_rate,
    compliance,
    exhausted_in_s,
    standing,
    state,
)

DAYS_30 = 30 * 86_400
targets = st.fractions(min_value=Fraction(1, 1000), max_value=Fraction(99_999, 100_000))


@st.composite
def counts(draw: st.DrawFn, least: int = 0) -> Count:
    valid = draw(st.integers(least, 10**9))
    return Count(draw(st.integers(0, valid)), valid)


def test_one_bad_event_in_a_thousand_just_keeps_three_nines() -> None:
    target = Fraction(999, 1000)
    assert state(Count(999, 1000), target) is State.MET
    assert state(Count(998, 1000), target) is State.BREACHED
    assert budget(Count(999, 1000), target).remaining == 0
    # In floats this very case is decided wrongly.
    assert (1 - 0.999) * 1000 != 1


def test_nothing_counted_is_no_data_and_never_a_hundred_percent() -> None:
    nothing = standing(Count(0, 0), Count(0, 0), Fraction(999, 1000), DAYS_30)
    assert nothing.state is State.NO_DATA
    assert nothing.compliance is nothing.burn_rate is nothing.exhausted_in_s is None
    assert nothing.budget.remaining is None
    assert (nothing.budget.allowed, nothing.budget.spent) == (0, 0)


def test_burning_as_fast_as_promised_ends_the_budget_with_its_window() -> None:
    target = Fraction(99, 100)
    live = Count(99, 100)
    assert burn_rate(live, target) == 1
    fresh = standing(live, Count(10_000, 10_000), target, DAYS_30)
    assert fresh.exhausted_in_s == DAYS_30


def test_burning_fourteen_times_as_fast_ends_it_in_two_days() -> None:
    live = Count(1_000_000 - 14_400, 1_000_000)
    assert burn_rate(live, Fraction(999, 1000)) == Fraction(144, 10)
    ends = exhausted_in_s(Fraction(1), Fraction(144, 10), DAYS_30)
    assert ends == pytest.approx(50 * 3600)


def test_a_budget_that_is_spent_is_exhausted_now_even_when_nothing_burns() -> None:
    spent = standing(Count(10, 10), Count(0, 10), Fraction(9, 10), DAYS_30)
    assert spent.burn_rate == 0
    assert spent.exhausted_in_s == 0.0


def test_a_budget_that_is_spent_to_the_last_event_is_spent() -> None:
    spent = standing(Count(10, 10), Count(9, 10), Fraction(9, 10), DAYS_30)
    assert spent.budget.remaining == spent.burn_rate == 0
    assert spent.exhausted_in_s == 0.0


def test_a_budget_that_nothing_burns_is_never_exhausted() -> None:
    calm = standing(Count(10, 10), Count(99, 100), Fraction(9, 10), DAYS_30)
    assert calm.exhausted_in_s is None


@given(counts(least=1), targets)
def test_a_promise_is_kept_exactly_when_its_budget_is_not_overspent(
    count: Count, target: Fraction
) -> None:
    left = budget(count, target)
    assert left.remaining is not None
    assert (state(count, target) is State.MET) == (left.remaining >= 0)
    assert (state(count, target) is State.MET) == (left.spent <= left.allowed)


@given(counts(least=1), targets)
def test_a_promise_breaks_exactly_when_the_burn_exceeds_one(count: Count, target: Fraction) -> None:
    burn = burn_rate(count, target)
    assert burn is not None
    assert (state(count, target) is State.BREACHED) == (burn > 1)


@given(counts(least=1), targets)
def test_what_remains_and_the_burn_of_the_same_window_make_one(
    count: Count, target: Fraction
) -> None:
    left, burn = budget(count, target).remaining, burn_rate(count, target)
    assert left is not None
    assert burn is not None
    assert left + burn == 1


@given(counts(), counts(), targets)
def test_budgets_add_over_events(one: Count, other: Count, target: Fraction) -> None:
    both = budget(one.plus(other), target)
    assert both.allowed == budget(one, target).allowed + budget(other, target).allowed
    assert both.spent == one.bad + other.bad


@given(counts(least=1), st.integers(1, 1000), targets)
def test_shares_do_not_depend_on_how_many_events_there_were(
    count: Count, times: int, target: Fraction
) -> None:
    more = Count(count.good * times, count.valid * times)
    assert compliance(more) == compliance(count)
    assert burn_rate(more, target) == burn_rate(count, target)
    assert budget(more, target).remaining == budget(count, target).remaining


@given(counts(), counts(), targets)
def test_exhaustion_is_none_zero_or_ahead(live: Count, month: Count, target: Fraction) -> None:
    where = standing(live, month, target, DAYS_30)
    left = where.budget.remaining
    if left is None:
        assert where.exhausted_in_s is None
    elif left <= 0:
        assert where.exhausted_in_s == 0.0
    elif not where.burn_rate:
        assert where.exhausted_in_s is None
    else:
        assert where.exhausted_in_s is not None
        assert where.exhausted_in_s > 0
