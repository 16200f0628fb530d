"""Whoever computes the chunks, and in whatever order, what comes out is the same."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from benchmarks.engine import SHOCKS, lean
from engine.chunks import AHEAD, Stopped, in_order, spans
from engine.dcf import DcfOutput, dcf_question
from engine.simulation import Simulation, SimulationSpec, draw_values, simulate

# SHA-256 of every number of 100,000 trials of `dcf-lean`. Any machine, any number of workers.
GOLDEN = "6c2d5caafccaaeb6936d9585488115df32bd87e5b726b4057bf591f95616637e"
SPEC = SimulationSpec(trials=100_000, seed=1, shocks=SHOCKS)
PRICE = 100.0


class Backwards(Executor):
    """Computes nothing until it is full, and then the newest task first."""

    def __init__(self) -> None:
        self.tasks: list[tuple[Future[Any], Callable[..., Any], Any]] = []
        self.most = 0

    def submit(self, work: Callable[..., Any], /, *given: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.tasks.append((future, work, given))
        self.most = max(self.most, len(self.tasks))
        return future

    def run(self) -> None:
        while self.tasks:
            future, work, given = self.tasks.pop()
            if future.set_running_or_notify_cancel():
                future.set_result(work(*given))


def digest(found: Simulation) -> str:
    """Of every bit of a result."""
    hashed = hashlib.sha256(f"{found.trials}{found.infeasible}".encode())
    for number in (
        found.mean,
        found.standard_error,
        found.standard_deviation,
        found.minimum,
        found.maximum,
    ):
        hashed.update(number.hex().encode())
    for numbers in (found.percentiles, found.bin_edges, found.bin_counts):
        hashed.update(numbers.tobytes())
    hashed.update(repr(found.probability_above).encode())
    return hashed.hexdigest()


def golden(executor: Executor | None) -> tuple[str, str]:
    question = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)
    values = draw_values(question, SPEC, executor)
    return (
        digest(simulate(question, SPEC, PRICE, executor=executor)),
        hashlib.sha256(values.tobytes()).hexdigest(),
    )


ALONE = golden(None)


def test_the_numbers_are_the_published_ones() -> None:
    assert ALONE[0] == GOLDEN


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_any_number_of_threads_gives_the_same_bits(workers: int) -> None:
    with ThreadPoolExecutor(workers) as threads:
        assert golden(threads) == ALONE


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_any_number_of_processes_gives_the_same_bits(workers: int) -> None:
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawning) as processes:
        assert golden(processes) == ALONE


def test_ranges_cover_every_chunk_once_and_the_first_is_short() -> None:
    assert spans(8, 3) == [range(1), range(1, 4), range(4, 7), range(7, 8)]
    assert spans(7, 3) == [range(1), range(1, 4), range(4, 7)]
    assert spans(1, 16) == [range(1)]
    for chunks, each in ((1, 1), (5, 1), (100, 7)):
        assert [chunk for each_ in spans(chunks, each) for chunk in each_] == list(range(chunks))


def test_what_is_finished_last_still_comes_first_if_it_is_first() -> None:
    executor = Backwards()
    looks = 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        executor.run()
        return False

    found = in_order(lambda chunks: chunks[0], spans(100, 1), executor, look)
    assert list(found) == list(range(100))
    assert looks > 0


def test_no_more_is_handed_out_than_can_be_put_together_soon() -> None:
    executor = Backwards()
    answers = in_order(list, spans(1_001, 2), executor, lambda: executor.run() or False)
    assert [len(answer) for answer in answers] == [1] + [2] * 500
    assert executor.most <= AHEAD


def test_without_an_executor_a_range_is_computed_when_it_is_asked_for() -> None:
    done: list[range] = []
    answers = in_order(done.append, spans(10, 5))
    assert done == []
    next(answers)
    assert done == [range(1)]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_who_says_stop_is_heard_while_a_range_is_computed(threads: ThreadPoolExecutor) -> None:
    hold, began = threading.Event(), threading.Event()
    started: list[range] = []

    def work(chunks: range) -> None:
        started.append(chunks)
        began.set()
        assert hold.wait(30)

    try:
        with pytest.raises(Stopped):
            list(in_order(work, spans(100, 1), threads, began.is_set))
    finally:
        hold.set()
    threads.shutdown(wait=True)
    assert len(started) <= 2  # what had begun; the rest was taken back


def test_without_an_executor_stop_is_heard_between_two_ranges() -> None:
    done: list[range] = []
    with pytest.raises(Stopped):
        list(in_order(done.append, spans(10, 1), None, lambda: len(done) == 3))
    assert len(done) == 3


def test_what_a_range_raises_comes_out_at_its_place_and_ends_the_rest(
    threads: ThreadPoolExecutor,
) -> None:
    done: list[int] = []

    def work(chunks: range) -> int:
        done.append(chunks[0])
        if chunks[0] == 3:
            raise ZeroDivisionError("three")
        return chunks[0]

    answers = in_order(work, spans(10_000, 1), threads)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError, match="three"):
        next(answers)
    threads.shutdown(wait=True)
    assert max(done) <= 3 + AHEAD


def test_who_stops_listening_leaves_nothing_under_way(threads: ThreadPoolExecutor) -> None:
    done: list[int] = []
    answers = in_order(lambda chunks: done.append(chunks[0]), spans(10_000, 1), threads)
    next(answers)
    answers.close()  # type: ignore[attr-defined]  # it is a generator
    threads.shutdown(wait=True)
    assert max(done) <= AHEAD


def test_a_simulation_that_is_stopped_says_so_and_nothing_else(
    threads: ThreadPoolExecutor,
) -> None:
    question = dcf_question(lean(), DcfOutput.VALUE_PER_SHARE)
    spec = SimulationSpec(trials=100_000_000, seed=1, shocks=SHOCKS)
    seen: list[int] = []
    with pytest.raises(Stopped):
        simulate(
            question,
            spec,
            executor=threads,
            stopped=lambda: bool(seen),
            watch=lambda sample: seen.append(sample.drawn),
        )
    assert len(seen) == 1
