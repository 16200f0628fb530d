"""Laws of proration: nothing is made up and nothing is lost, to the last coin."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.proration import accrued, months_after, period_at, prorated

START = datetime(2026, 4, 1, tzinfo=UTC)
AMOUNTS = st.integers(0, 10**9)
PERIODS = st.integers(1, 400 * 86_400)


@st.composite
def moments(draw: st.DrawFn, *, count: int = 1) -> tuple[int, list[int]]:
    period_s = draw(PERIODS)
    return period_s, sorted(draw(st.integers(0, period_s)) for _ in range(count))


def changed(before: int, after: int, period_s: int, at_s: int):  # type: ignore[no-untyped-def]  # a short name for it
    end = START + timedelta(seconds=period_s)
    return prorated(before, after, START, end, START + timedelta(seconds=at_s), "usd")


@given(AMOUNTS, AMOUNTS, moments())
@example(1, 0, (2, [1]))  # half a coin each way
@example(3, 5, (2, [1]))
def test_a_change_and_back_at_once_costs_nothing(
    before: int, after: int, when: tuple[int, list[int]]
) -> None:
    period_s, (at_s,) = when
    there, back = changed(before, after, period_s, at_s), changed(after, before, period_s, at_s)
    assert there.net + back.net == 0
    assert (there.credit, there.charge) == (back.charge, back.credit)


@given(AMOUNTS, moments(count=5))
def test_the_parts_of_a_period_sum_to_the_whole(amount: int, cut: tuple[int, list[int]]) -> None:
    period_s, at = cut
    edges = [0, *at, period_s]
    parts = [
        accrued(amount, later, period_s) - accrued(amount, earlier, period_s)
        for earlier, later in itertools.pairwise(edges)
    ]
    assert sum(parts) == amount
    assert min(parts) >= 0


@given(st.lists(AMOUNTS, min_size=6, max_size=6), moments(count=5))
def test_a_period_of_many_plans_costs_what_was_had_of_each(
    amounts: list[int], when: tuple[int, list[int]]
) -> None:
    """Paid in full at first, then the nets of five changes: never less than nothing."""
    period_s, at = when
    paid = amounts[0] + sum(
        changed(before, after, period_s, at_s).net
        for before, after, at_s in zip(amounts, amounts[1:], at, strict=False)
    )
    edges = [0, *at, period_s]
    had = sum(
        accrued(amount, later, period_s) - accrued(amount, earlier, period_s)
        for amount, earlier, later in zip(amounts, edges, edges[1:], strict=False)
    )
    assert paid == had >= 0


@given(AMOUNTS, AMOUNTS, moments())
def test_no_more_is_given_back_than_was_not_used(
    before: int, after: int, when: tuple[int, list[int]]
) -> None:
    period_s, (at_s,) = when
    change = changed(before, after, period_s, at_s)
    assert 0 <= change.credit <= before
    assert 0 <= change.charge <= after
    assert -change.credit <= change.net
    assert change.unused_s == period_s - at_s


@given(AMOUNTS, moments())
def test_what_accrues_is_within_half_a_coin_of_the_exact_share(
    amount: int, when: tuple[int, list[int]]
) -> None:
    period_s, (at_s,) = when
    exact = Fraction(amount * at_s, period_s)
    assert accrued(amount, at_s, period_s) == round(exact)  # half to even, as Python's own


def test_a_half_goes_to_the_even_coin() -> None:
    assert [accrued(amount, 1, 2) for amount in (1, 3, 5, 7)] == [0, 2, 2, 4]


def test_half_a_month_of_two_plans() -> None:
    month = 30 * 86_400
    change = changed(4_900, 49_900, month, month // 2)
    assert change.document() == {
        "credit": 2_450,
        "charge": 24_950,
        "net": 22_500,
        "unusedSeconds": month // 2,
        "periodSeconds": month,
        "currency": "usd",
    }


def test_a_moment_outside_of_the_period_counts_as_its_end() -> None:
    assert changed(100, 300, 10, -5).document() == changed(100, 300, 10, 0).document()
    assert changed(100, 300, 10, 99).net == 0


@pytest.mark.parametrize(("before", "after", "period_s"), [(-1, 0, 10), (0, -1, 10), (1, 1, 0)])
def test_what_is_no_period_or_no_amount_is_refused(before: int, after: int, period_s: int) -> None:
    with pytest.raises(ValueError, match="an end after its start"):
        changed(before, after, period_s, 0)


def test_periods_keep_the_day_that_they_began_on() -> None:
    last = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert months_after(last, 1) == datetime(2026, 2, 28, 9, 30, tzinfo=UTC)
    assert months_after(last, 2) == datetime(2026, 3, 31, 9, 30, tzinfo=UTC)
    assert months_after(last, 12) == datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
    start, end = period_at(last, 1, datetime(2026, 3, 5, tzinfo=UTC))
    assert (start, end) == (months_after(last, 1), months_after(last, 2))
    assert period_at(last, 3, last)[0] == last
    assert period_at(last, 1, end)[0] == end
