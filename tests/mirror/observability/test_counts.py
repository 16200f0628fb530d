from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability.counts import WIDTHS, Counts, mark
from observability.slo import Count

GOOD, BAD = mark(1, 1), mark(1, 0)
HOUR, DAY = 3_600, 86_400


class Clock:
    """Time that goes when it is told to."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


events = st.lists(
    st.tuples(
        st.floats(0, 400, allow_nan=False),  # seconds since the event before
        st.sampled_from([mark(0b01, 0b01), mark(0b01, 0), mark(0b11, 0b10), mark(0b10, 0b10)]),
        st.sampled_from([None, "a", "b"]),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(events, st.sampled_from([10, 60, 300, HOUR, 2 * HOUR]), st.sampled_from([None, "a", "c"]))
def test_a_window_is_the_exact_sum_of_its_newest_buckets(
    happened: list[tuple[float, int, str | None]], window_s: int, tenant: str | None
) -> None:
    clock = Clock()
    counts = Counts(clock)
    told: list[tuple[int, int]] = []
    for later_s, what, who in happened:
        clock.now += later_s
        counts.add(what, who)
        if tenant is None or who == tenant:
            told.append((int(clock.now // 10), what))

    oldest = int(clock.now // 10) - window_s // 10
    inside = [what for bucket, what in told if bucket > oldest]
    for objective in (0, 1):
        bit = 1 << objective
        expected = Count(
            sum(1 for what in inside if what & bit), sum(1 for what in inside if what >> 32 & bit)
        )
        assert counts.window(objective, window_s, tenant) == expected


@given(events, st.sampled_from([6 * HOUR, 3 * DAY, 30 * DAY]))
def test_a_long_window_loses_nothing_that_is_inside_of_it(
    happened: list[tuple[float, int, str | None]], window_s: int
) -> None:
    clock = Clock()
    counts = Counts(clock)
    for later_s, what, who in happened:
        clock.now += later_s  # at most 60 x 400 s: all of it inside of the last 7 hours
        counts.add(what, who)
    clock.now += 10 * DAY if window_s == 30 * DAY else 0
    total = counts.total(0)
    if window_s > 6 * HOUR:
        assert counts.window(0, window_s) == total
    assert total.valid == sum(1 for _, what, _ in happened if what >> 32 & 1)


def test_events_leave_the_window_as_time_goes() -> None:
    clock = Clock(1000.0)
    counts = Counts(clock)
    counts.add(BAD)
    clock.now += 60
    counts.add(GOOD)
    assert counts.window(0, 300) == Count(1, 2)
    clock.now += 270
    assert counts.window(0, 300) == Count(1, 1)
    clock.now += 60
    assert counts.window(0, 300) == Count(0, 0)
    assert counts.window(0, HOUR) == Count(1, 2)


def test_thirty_days_are_kept_by_the_hour_and_then_forgotten() -> None:
    clock = Clock()
    counts = Counts(clock)
    counts.add(BAD, "a")
    for _ in range(29):
        clock.now += DAY
        counts.add(GOOD, "a")
    assert counts.window(0, 30 * DAY, "a") == Count(29, 30)
    clock.now += 2 * DAY
    assert counts.window(0, 30 * DAY, "a") == Count(28, 28)
    assert counts.window(0, 2 * HOUR, "a") == Count(0, 0)
    assert counts.total(0) == Count(29, 30)


def test_memory_does_not_grow_with_time() -> None:
    clock = Clock()
    counts = Counts(clock)
    for _ in range(3_000):
        counts.add(GOOD)
        clock.now += HOUR / 2
    held = [len(tier.closed) for tier in (counts._all.fine, *counts._all.coarser)]
    assert all(had <= kept for had, (_, kept) in zip(held, WIDTHS, strict=True))
    assert held[2] == WIDTHS[2].kept - 1  # and the one being filled


def test_a_clock_that_steps_back_loses_nothing() -> None:
    clock = Clock(500.0)
    counts = Counts(clock)
    counts.add(GOOD)
    clock.now = 400.0
    counts.add(BAD)
    assert counts.window(0, 300) == Count(1, 2)


def test_a_tenants_events_are_its_own_and_everybodys() -> None:
    counts = Counts(Clock())
    counts.add(GOOD, "a")
    counts.add(BAD, "b")
    counts.add(BAD)
    assert counts.window(0, 300, "a") == Count(1, 1)
    assert counts.window(0, 300, "b") == Count(0, 1)
    assert counts.window(0, 300, "never seen") == Count(0, 0)
    assert counts.window(0, 300) == Count(1, 3)


def test_the_longest_silent_tenant_is_forgotten_and_says_so() -> None:
    clock = Clock()
    counts = Counts(clock, tenants_max=2)
    counts.add(GOOD, "a")
    counts.add(GOOD, "b")
    clock.now = 100.0
    counts.add(GOOD, "a")
    assert counts.covered_s("b") == 100.0
    counts.add(GOOD, "c")

    assert counts.tenants == 2
    assert counts.window(0, 300, "b") == Count(0, 0)
    assert counts.covered_s("b") == 0.0
    counts.add(BAD, "b")
    clock.now = 110.0
    assert counts.window(0, 300, "b") == Count(0, 1)
    assert counts.covered_s("b") == 10.0
    assert counts.window(0, 300) == Count(4, 5)
    assert counts.covered_s() == 110.0


def test_a_tenant_that_was_silent_so_far_is_known_to_have_been_silent() -> None:
    clock = Clock(50.0)
    counts = Counts(clock)
    clock.now = 90.0
    assert counts.covered_s("a") == 40.0
    counts.add(GOOD, "a")
    assert counts.covered_s("a") == 40.0


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns a thousand times as often: a race shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_threads")
def test_threads_lose_no_event() -> None:
    counts = Counts()
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        for _ in range(5_000):
            counts.add(GOOD, "a")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.window(0, HOUR, "a") == counts.total(0) == Count(20_000, 20_000)
