"""What is done to a stack, and what has to be there again before the next time."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import uuid4

import psutil

from benchmarks.faults.documents import START
from benchmarks.faults.stack import Stack
from benchmarks.faults.tenants import OURS
from benchmarks.faults.wire import HttpRoad, NotNow, Unclean
from tests.dcf_documents import FIRM

STOPPED_S: Final = 3.0
FULL_WITHIN_S: Final = 15.0
FULL_FOR_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Blow:
    """What a fault may look at while it strikes."""

    stack: Stack
    chance: Random
    put_off: Callable[[], int]  # how many answers were: not now, up to this moment


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble."""

    name: str
    words: str
    strike: Callable[[Blow], Coroutine[Any, Any, None]]  # returns when what was taken away is back
    small_disk: bool = False


async def kill_a_worker(blow: Blow) -> None:
    os.kill(blow.chance.choice(sorted(blow.stack.valor.workers())), signal.SIGKILL)
    blow.stack.valor.deaths += 1


async def kill_the_server(blow: Blow) -> None:
    """All its processes at once, and started anew."""
    await blow.stack.restart_the_server()


async def stop_a_worker(blow: Blow) -> None:
    """It stands still with whatever it held, and goes on as if nothing had been."""
    pid = blow.chance.choice(sorted(blow.stack.valor.workers()))
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(STOPPED_S)
    finally:
        os.kill(pid, signal.SIGCONT)


async def starve_the_computers(blow: Blow) -> None:
    """Those that compute may have no more memory than they have, while a run is asked of them."""
    await asyncio.gather(*(ask_for_a_run(blow.stack) for _ in range(2)))
    before = {pid: _limit_of(pid) for pid in blow.stack.valor.computers()}
    for pid, (_, most) in before.items():
        with suppress(psutil.Error):
            _limit(pid, (psutil.Process(pid).memory_info().vms, most))
    try:
        await asyncio.gather(*(ask_for_a_run(blow.stack) for _ in range(4)))
        await asyncio.sleep(STOPPED_S)
    finally:
        for pid, limits in before.items():
            _limit(pid, limits)


async def ask_for_a_run(stack: Stack) -> None:
    """Whatever comes of it: what is looked at is everybody else's work."""
    road = HttpRoad(stack, OURS)
    try:
        with suppress(NotNow, Unclean):
            await road.ask(START, {"input": FIRM, "operation": str(uuid4())})
    finally:
        await road.close()


def _limit_of(pid: int) -> tuple[int, int]:
    """How much memory a process may have: now, and at most. Nothing for one that has ended."""
    with suppress(psutil.Error):
        return psutil.Process(pid).rlimit(psutil.RLIMIT_AS)
    return 0, 0


def _limit(pid: int, limits: tuple[int, int]) -> None:
    with suppress(psutil.Error):
        psutil.Process(pid).rlimit(psutil.RLIMIT_AS, limits)


async def freeze_the_database(blow: Blow) -> None:
    """PostgreSQL stands still; of SQLite somebody else holds the one place to write."""
    if blow.stack.postgres:
        family = blow.stack.postgres.family()
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(STOPPED_S)
        finally:
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        return
    with closing(sqlite3.connect(blow.stack.file, timeout=5, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(STOPPED_S)
        other.execute("ROLLBACK")


async def restart_redis(blow: Blow) -> None:
    await asyncio.to_thread(blow.stack.redis.kill)
    await asyncio.to_thread(blow.stack.redis.start)


async def restart_redis_empty(blow: Blow) -> None:
    await asyncio.to_thread(blow.stack.redis.kill)
    blow.stack.redis.forget()
    await asyncio.to_thread(blow.stack.redis.start)


async def stop_redis(blow: Blow) -> None:
    blow.stack.redis.send(signal.SIGSTOP)
    try:
        await asyncio.sleep(STOPPED_S)
    finally:
        blow.stack.redis.send(signal.SIGCONT)


async def stop_the_database(blow: Blow) -> None:
    """SQLite has no server: whoever writes its files is gone at once, as in a power cut."""
    if blow.stack.postgres:
        await asyncio.to_thread(blow.stack.postgres.stop_at_once)
        await asyncio.to_thread(blow.stack.postgres.start)
    else:
        await blow.stack.restart_the_server()


async def fill_the_disk(blow: Blow) -> None:
    """Until an edit was put off, and a second longer.

    PostgreSQL ends when its own log finds no room; who makes room then starts it again.

    Raises:
        TimeoutError: if nobody was put off.
        NotPossible: if there is no such disk here.
    """
    stack = blow.stack
    assert stack.disk is not None  # noqa: S101 - the fault asked for one
    before = blow.put_off()
    try:
        await asyncio.to_thread(stack.disk.fill)
        end = time.monotonic() + FULL_WITHIN_S
        while blow.put_off() == before:
            if time.monotonic() > end:
                raise TimeoutError(f"{FULL_WITHIN_S:g} s on a full disk, and every edit was kept")
            await asyncio.sleep(0.02)
        await asyncio.sleep(FULL_FOR_S)
    finally:
        stack.disk.make_room()
    if stack.postgres and not stack.postgres.runs:
        await asyncio.to_thread(stack.postgres.ended)
        await asyncio.to_thread(stack.postgres.start)


FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("worker", "kill -9 of one worker", kill_a_worker),
        Fault("server", "kill -9 of the whole server", kill_the_server),
        Fault("worker-stopped", f"a worker stopped for {STOPPED_S:g} s", stop_a_worker),
        Fault("memory", "no more memory for those that compute", starve_the_computers),
        Fault("redis", "kill -9 and restart of Redis", restart_redis),
        Fault("redis-empty", "kill -9 of Redis, restarted empty", restart_redis_empty),
        Fault("redis-stopped", f"Redis stopped for {STOPPED_S:g} s", stop_redis),
        Fault(
            "database",
            "immediate stop of PostgreSQL; kill -9 of all that writes SQLite",
            stop_the_database,
        ),
        Fault(
            "database-stopped",
            f"PostgreSQL stopped, or SQLite's one writer held, for {STOPPED_S:g} s",
            freeze_the_database,
        ),
        Fault("disk", "a full disk", fill_the_disk, small_disk=True),
    )
}
