"""On other machines several ranges travel together, and nothing else changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chunks import AHEAD, FarExecutor, Stopped, far_chunks, in_order, spans


class Far(FarExecutor):
    """Other machines, which are threads of this one; it remembers what it was handed."""

    def __init__(self, threads: int = 2, ahead: int = AHEAD) -> None:
        self.ahead = ahead
        self.handed: list[list[range]] = []
        self._crew = ThreadPoolExecutor(threads)

    def submit(self, work: Callable[..., Any], /, *given: Any, **_: Any) -> Future[Any]:
        self.handed.append(given[0])
        return self._crew.submit(work, *given)

    def close(self) -> None:
        self._crew.shutdown(wait=True, cancel_futures=True)


@pytest.fixture
def far() -> Iterator[Far]:
    far = Far()
    yield far
    far.close()


def sizes(far: Far) -> list[int]:
    """How many chunks each task had."""
    return [sum(map(len, ranges)) for ranges in far.handed]


@given(
    chunks=st.integers(0, 400), each=st.integers(1, 40), ahead=st.integers(1, 40), data=st.data()
)
def test_the_same_ranges_come_back_in_the_same_order(
    chunks: int, each: int, ahead: int, data: st.DataObject
) -> None:
    far = Far(data.draw(st.integers(1, 3)), ahead)
    try:
        ranges = spans(chunks, each)
        assert list(in_order(list, ranges, far)) == [list(range_) for range_ in ranges]
        assert far.handed == [] or [one for task in far.handed for one in task] == ranges[1:]
    finally:
        far.close()


def test_a_task_has_16_to_64_chunks_but_for_the_last_one(far: Far) -> None:
    list(in_order(len, spans(1_000, 4), far))
    *whole, _last = sizes(far)
    assert whole
    assert all(16 <= chunks <= 64 for chunks in whole)


@pytest.mark.parametrize(
    ("chunk_s", "chunks"),
    [(1e-9, 64), (0.001, 64), (0.0025, 40), (0.005, 20), (0.1, 16), (9.0, 16)],
)
def test_a_task_takes_a_tenth_of_a_second_where_its_chunks_allow_that(
    chunk_s: float, chunks: int
) -> None:
    assert far_chunks(chunk_s) == chunks
    assert chunk_s * chunks >= 0.1 * (1 - 1e-9) or chunks == 64


def test_the_first_range_is_computed_here_so_that_something_is_soon_known(far: Far) -> None:
    where: list[str] = []

    def work(_: range) -> None:
        where.append(threading.current_thread().name)

    found = in_order(work, spans(100, 10), far)
    next(found)
    assert where == [threading.current_thread().name]
    assert far.handed == []
    assert len(list(found)) == 10
    assert threading.current_thread().name not in where[1:]


def test_no_more_tasks_are_under_way_than_the_executor_says() -> None:
    far = Far(threads=1, ahead=3)
    try:
        found = in_order(len, spans(10_000, 1), far)
        next(found)  # computed here
        next(found)  # of the first task
        assert len(far.handed) == 3
    finally:
        far.close()


def test_whoever_stops_is_heard_before_anything_travels(far: Far) -> None:
    with pytest.raises(Stopped):
        list(in_order(len, spans(100, 1), far, lambda: True))
    assert far.handed == []


def test_a_fault_far_away_is_raised_here(far: Far) -> None:
    def work(chunks: range) -> int:
        if 50 in chunks:
            raise ArithmeticError
        return len(chunks)

    found = in_order(work, spans(100, 1), far)
    with pytest.raises(ArithmeticError):
        list(found)
