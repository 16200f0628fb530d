"""Time that is moved by hand, and work that nobody waits for."""

from __future__ import annotations

import asyncio

import pytest

from collab.surroundings import RunningLoop, Tasks, passing
from tests.mirror.collab.by_hand import HandClock, Said, eventually, settled

pytestmark = pytest.mark.anyio


async def test_time_passes_by_the_clock_that_is_given() -> None:
    clock = HandClock()
    waiting = asyncio.create_task(passing(clock, 5.0))
    await clock.pass_by(4.9)
    assert not waiting.done()
    await clock.pass_by(0.2)
    assert waiting.done()


async def test_who_stops_waiting_leaves_no_timer() -> None:
    clock = HandClock()
    waiting = asyncio.create_task(passing(clock, 5.0))
    await settled()
    assert clock.waiting == 1
    waiting.cancel()
    await settled()
    assert clock.waiting == 0


async def test_the_running_loop_is_a_clock() -> None:
    called = asyncio.Event()
    clock = RunningLoop()
    clock.call_at(clock.time(), called.set)
    await asyncio.wait_for(called.wait(), 60)


async def test_the_fault_of_work_that_nobody_waits_for_is_told() -> None:
    said = Said()
    tasks = Tasks(said)

    async def breaks() -> None:
        raise KeyError("ours")

    tasks.begin(breaks())
    await eventually(lambda: said.events == ["work in the background failed"])
    assert isinstance(said.lines[0][1]["exc_info"], KeyError)


async def test_work_has_a_while_to_end_and_is_ended_then() -> None:
    said = Said()
    tasks, done = Tasks(said), []

    async def quick() -> None:
        await asyncio.sleep(0)
        done.append("quick")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            done.append("ended")

    tasks.begin(quick())
    last = tasks.begin(endless())
    await tasks.close(0.05)
    assert done == ["quick", "ended"]
    assert last.cancelled()
    assert said.lines == []
