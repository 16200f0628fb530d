from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from observability import health as module
from observability.health import LATE_S, Beat, Check, Finding, Health, State

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def fine() -> None:
    return None


async def broken() -> None:
    raise OSError("postgresql://valor:hunter2@db")


async def silent() -> None:
    await asyncio.Event().wait()


def check(name: str, probe: Callable[[], Awaitable[Any]], critical: bool = True) -> Check:
    return Check(name=name, probe=probe, critical=critical)


@pytest.mark.parametrize(
    ("checks", "state", "status"),
    [
        ([], State.PASS, 200),
        ([check("database", fine)], State.PASS, 200),
        ([check("database", broken)], State.FAIL, 503),
        ([check("database", fine), check("provider", broken, False)], State.WARN, 200),
        ([check("database", broken), check("provider", broken, False)], State.FAIL, 503),
    ],
)
async def test_only_what_is_critical_makes_it_unready(
    checks: list[Check], state: State, status: int
) -> None:
    health = Health(checks)
    assert (await health.report()).state is state
    assert (await health.ready())[0] == status


async def test_a_probe_may_say_itself_how_things_stand() -> None:
    async def probe() -> Finding:
        return Finding(State.WARN, "4.0% of the disk is left")

    report = await Health([check("disk", probe)]).report()
    assert report.state is State.WARN
    assert report.checks[0].detail == "4.0% of the disk is left"


async def test_all_checks_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL_S", 60.0)
    together = asyncio.Barrier(3)

    async def meets() -> None:
        await together.wait()

    checks = [Check(name=f"meets-{n}", probe=meets, deadline_s=60.0) for n in range(3)]
    assert (await Health(checks).report()).state is State.PASS


async def test_one_that_hangs_does_not_hold_the_answer() -> None:
    report = await Health([check("fine", fine), check("silent", silent, False)]).report()
    assert [c.state for c in report.checks] == [State.PASS, State.WARN]
    assert report.checks[1].detail == "no answer in time"
    assert report.checks[1].latency_ms > 0


async def test_a_probe_that_does_not_give_way_does_not_hold_the_answer_either() -> None:
    freed = asyncio.Event()
    gone = asyncio.Event()

    async def stubborn() -> None:
        try:
            await freed.wait()
        except asyncio.CancelledError:
            await freed.wait()
            gone.set()
            raise RuntimeError("late") from None

    report = await Health([check("stubborn", stubborn)]).report()
    assert report.state is State.FAIL
    freed.set()
    async with asyncio.timeout(60.0):
        await gone.wait()


async def test_a_failure_is_told_by_its_type_and_never_by_its_message() -> None:
    report = await Health([check("database", broken)]).report()
    told = report.as_dict()
    assert told["checks"][0]["detail"] == "OSError"
    assert "hunter2" not in str(told)
    assert set(told["checks"][0]) == {"name", "state", "critical", "latencyMs", "detail"}


async def test_ready_asks_once_a_second_however_often_it_is_asked() -> None:
    asked = 0
    clock = Clock()

    async def probe() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)

    health = Health([check("database", probe)], clock=clock)
    await asyncio.gather(*(health.ready() for _ in range(20)))
    clock.now += 0.9
    await health.ready()
    assert asked == 1
    clock.now += 0.2
    await health.ready()
    assert asked == 2


async def test_whoever_stops_waiting_does_not_end_the_wait_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TOTAL_S", 60.0)
    freed, begun = asyncio.Event(), asyncio.Event()

    async def probe() -> None:
        begun.set()
        await freed.wait()

    health = Health([Check(name="slow", probe=probe, deadline_s=60.0)])
    impatient = asyncio.ensure_future(health.ready())
    patient = asyncio.ensure_future(health.ready())
    await begun.wait()
    impatient.cancel()
    freed.set()
    assert (await patient)[0] == 200


async def test_draining_turns_it_off_before_anybody_is_asked() -> None:
    async def never() -> None:
        raise AssertionError("asked")

    health = Health([check("database", never)])
    health.drain()
    status, body = await health.ready()
    assert (status, body["draining"]) == (503, True)
    assert health.live()[0] == 200


async def test_live_asks_nobody() -> None:
    status, body = Health([check("database", broken)]).live()
    assert (status, body) == (200, {"state": State.PASS, "eventLoopLagMs": 0.0})


async def test_a_loop_that_wakes_late_says_how_late() -> None:
    clock = Clock()
    late_s = [0.0, 0.4, LATE_S + 1]
    seen: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        seen.append((round(beat.lag_s(), 6), health.live()[0]))
        if not late_s:
            raise asyncio.CancelledError
        clock.now += seconds + late_s.pop(0)

    beat = Beat(0.25, clock, sleep)
    health = Health(beat=beat)
    with pytest.raises(asyncio.CancelledError):
        await beat.run()
    assert seen == [(0.0, 200), (0.0, 200), (0.4, 200), (3.0, 503)]
    assert beat.lag_s() == 0.0


async def test_a_beat_that_is_overdue_is_late_before_it_comes() -> None:
    clock = Clock()
    beat = Beat(0.25, clock)
    running = asyncio.ensure_future(beat.run())
    await asyncio.sleep(0)
    clock.now += 5.25  # the loop is stuck, and the beat has not come
    assert beat.lag_s() == pytest.approx(5.0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
