"""Short work runs where it is, longer work in a thread, and too much of it is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from services.compute import ON_LOOP_MS, QUEUE, THREADS, Compute
from services.errors import InvalidInput, Overloaded, Problem

pytestmark = pytest.mark.anyio

LONG_MS = ON_LOOP_MS * 100


def here() -> int:
    return threading.get_ident()


async def test_short_work_stays_on_the_event_loop(compute: Compute) -> None:
    assert await compute.run(ON_LOOP_MS, here) == here()


async def test_longer_work_leaves_the_event_loop_free(compute: Compute) -> None:
    turned = asyncio.Event()
    began = threading.Event()

    def work() -> int:
        began.set()
        loop.call_soon_threadsafe(turned.set)
        return here()

    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(compute.run(LONG_MS, work))
    await turned.wait()  # the loop goes on turning while the thread works
    assert began.is_set()
    assert await running != here()


@pytest.mark.parametrize("expected_ms", [0.1, LONG_MS])
async def test_what_the_work_raises_comes_out_as_it_is(
    compute: Compute, expected_ms: float
) -> None:
    no = InvalidInput.of([Problem("wacc", "OUT_OF_RANGE", "Too high.", "Give less.")])

    def work() -> None:
        raise no

    with pytest.raises(InvalidInput) as raised:
        await compute.run(expected_ms, work)
    assert raised.value is no


async def test_a_full_queue_is_refused_at_once_and_takes_work_again_when_it_has_drained(
    compute: Compute,
) -> None:
    hold, running = threading.Event(), threading.Semaphore(0)

    def work() -> int:
        running.release()
        assert hold.wait(60)
        return 1

    waiting = [asyncio.ensure_future(compute.run(LONG_MS, work)) for _ in range(QUEUE)]
    try:
        for _ in range(THREADS):
            await asyncio.to_thread(running.acquire)
        with pytest.raises(Overloaded) as no:
            await asyncio.wait_for(compute.run(LONG_MS, work), 60.0)
        assert no.value.code == "OVERLOADED"
        assert no.value.retry_after_s == 1.0
        assert await compute.run(0.1, here) == here()  # what is short needs no thread
    finally:
        hold.set()
    assert await asyncio.gather(*waiting) == [1] * QUEUE
    assert await compute.run(LONG_MS, lambda: 2) == 2


async def test_a_caller_that_leaves_gives_its_place_back(compute: Compute) -> None:
    hold = threading.Event()
    waiting = [asyncio.ensure_future(compute.run(LONG_MS, hold.wait)) for _ in range(QUEUE)]
    await asyncio.sleep(0)  # one turn: they take their places
    with pytest.raises(Overloaded):
        await asyncio.wait_for(compute.run(LONG_MS, here), 60.0)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    hold.set()
    assert await compute.run(LONG_MS, lambda: 3) == 3


async def test_closing_drops_what_waits_and_waits_for_what_runs() -> None:
    compute = Compute()
    hold, running = threading.Event(), threading.Semaphore(0)
    done: list[int] = []

    def work(number: int) -> Callable[[], None]:
        def run() -> None:
            running.release()
            assert hold.wait(60)
            done.append(number)

        return run

    waiting = [asyncio.ensure_future(compute.run(LONG_MS, work(n))) for n in range(THREADS + 3)]
    for _ in range(THREADS):
        await asyncio.to_thread(running.acquire)
    closing = asyncio.create_task(asyncio.to_thread(compute.close))
    dropped = await asyncio.gather(*waiting[THREADS:], return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in dropped)
    assert not closing.done()
    hold.set()
    await closing
    assert sorted(done) == list(range(THREADS))
    await asyncio.gather(*waiting[:THREADS])
