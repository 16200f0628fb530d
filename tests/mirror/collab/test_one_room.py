"""One room of a tenant at a time, whichever worker: in memory and in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from collab.connection import RedisConnection
from collab.directory import LEASE_S
from collab.keys import RoomKey
from collab.one_room import MemoryOneRoom, OneRoom, RedisOneRoom
from tests.mirror.collab.by_hand import HandClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def workers(shared: str | None) -> AsyncIterator[list[OneRoom]]:
    """Two workers over Redis; one, asked twice, in memory."""
    if shared is None:
        one = MemoryOneRoom(asyncio.get_running_loop())
        yield [one, one]
        return
    async with AsyncExitStack() as stack:
        found: list[OneRoom] = []
        for _ in range(2):
            redis = RedisConnection(shared)
            stack.push_async_callback(redis.close)
            found.append(RedisOneRoom(redis))
        yield found


async def test_a_tenant_has_one_room_open_and_another_tenant_its_own(
    workers: list[OneRoom],
) -> None:
    here, there = workers
    first = RoomKey(uuid4(), uuid4())
    second = first._replace(model_id=uuid4())
    assert await here.hold(first)
    assert await there.hold(first)  # the same room, from wherever
    assert not await there.hold(second)
    assert await there.hold(RoomKey(uuid4(), second.model_id))
    await here.leave(first)
    await there.leave(first)
    assert await there.hold(second)
    assert not await here.hold(first)


async def test_of_two_at_once_one_is_open(workers: list[OneRoom]) -> None:
    tenant = uuid4()
    rooms = [RoomKey(tenant, uuid4()) for _ in range(8)]
    held = await asyncio.gather(
        *(workers[number % 2].hold(room) for number, room in enumerate(rooms))
    )
    assert sum(held) == 1


async def test_a_worker_that_says_nothing_holds_nobody_up_for_long() -> None:
    clock = HandClock()
    one = MemoryOneRoom(clock)
    first = RoomKey(uuid4(), uuid4())
    second = first._replace(model_id=uuid4())
    assert await one.hold(first)
    await clock.pass_by(LEASE_S - 1.0)
    assert not await one.hold(second)
    await clock.pass_by(1.0)
    assert await one.hold(second)
