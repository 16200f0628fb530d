"""A burst is let through, a flood is not, and waiting as long as was said is enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import RateLimited
from services.rates import Rate


class Clock:
    """Seconds, moved by a test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def let_through(rate: Rate, key: object = "me") -> int:
    """How many get through at this moment."""
    for count in range(1_000):
        try:
            rate.spend(key)
        except RateLimited:
            return count
    raise AssertionError("nothing stops them")


def test_forty_at_once_and_twenty_a_second_after_that() -> None:
    clock = Clock()
    rate = Rate("Edits", 20.0, 40, clock=clock)
    assert let_through(rate) == 40
    for _ in range(3):
        clock.now += 1.0
        assert let_through(rate) == 20
    clock.now += 3_600.0
    assert let_through(rate) == 40


def test_who_waits_as_long_as_was_said_gets_through() -> None:
    clock = Clock()
    rate = Rate("Edits", 20.0, 40, clock=clock)
    let_through(rate)
    with pytest.raises(RateLimited) as no:
        rate.spend("me")
    assert no.value.retry_after_s == pytest.approx(0.05)
    assert no.value.code == "RATE_LIMITED"
    clock.now += no.value.retry_after_s
    assert let_through(rate) == 1


@given(st.lists(st.floats(0.0, 0.3), max_size=200))
def test_nobody_gets_more_than_the_burst_and_the_rate(waits: list[float]) -> None:
    clock = Clock()
    rate = Rate("Edits", 20.0, 40, clock=clock)
    done = 0
    for wait in waits:
        clock.now += wait
        try:
            rate.spend("me")
            done += 1
        except RateLimited:
            pass
    assert done <= 40 + 20.0 * (clock.now - 100.0) + 1e-6


def test_one_key_takes_nothing_from_another() -> None:
    rate = Rate("Edits", 20.0, 40, clock=Clock())
    assert let_through(rate, "me") == let_through(rate, "you") == 40


def test_only_so_many_keys_are_remembered_and_the_newest_stay() -> None:
    rate = Rate("Edits", 20.0, 40, clock=Clock(), remembered=10)
    for number in range(500):
        rate.spend(number)
    assert let_through(rate, 495) == 39
    assert let_through(rate, 5) == 40
    assert len(rate._buckets) == 10
