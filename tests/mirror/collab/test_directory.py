"""Both directories keep the same leases: in memory by a clock, in Redis by Redis' own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from uuid import UUID, uuid4

import pytest

from collab.connection import RedisConnection
from collab.directory import (
    MEMBERS_MAX,
    Directory,
    MemoryDirectory,
    RedisDirectory,
    RoomFull,
)
from collab.keys import RoomKey
from collab.presence import Participant
from collab.scripts import RedisAway
from tests.mirror.collab.by_hand import HandClock, OwnRedis, eventually

pytestmark = pytest.mark.anyio

LONG_S, SHORT_S = 600.0, 0.4


def someone(member: int = 1, id_: str | None = None) -> Participant:
    return Participant(
        id=id_ or uuid4().hex,
        member_id=UUID(int=member),
        name=f"Number {member} “Ä”",
        role="ANALYST",
        colour=-1,
    )


@pytest.fixture
def room() -> RoomKey:
    return RoomKey(uuid4(), uuid4())


async def directory_of(shared: str | None, lease_s: float) -> AsyncIterator[Directory]:
    if shared is None:
        yield MemoryDirectory(asyncio.get_running_loop(), lease_s)
    else:
        redis = RedisConnection(shared)
        yield RedisDirectory(redis, lease_s)
        await redis.close()


@pytest.fixture
async def directory(shared: str | None) -> AsyncIterator[Directory]:
    async for found in directory_of(shared, LONG_S):
        yield found


@pytest.fixture
async def hasty(shared: str | None) -> AsyncIterator[Directory]:
    """Its leases are short."""
    async for found in directory_of(shared, SHORT_S):
        yield found


async def test_who_enters_is_listed_and_who_leaves_is_not(
    directory: Directory, room: RoomKey
) -> None:
    ada = await directory.enter(room, someone(1))
    began = perf_counter()
    bob = await directory.enter(room, someone(2))
    standing = await directory.renew(room, {ada.id: ada})
    took_s = perf_counter() - began
    assert standing.members == {ada.id: ada, bob.id: bob}
    assert not standing.lost
    assert LONG_S - took_s - 0.1 < standing.next_end_s <= LONG_S
    await directory.leave(room, [bob.id])
    assert (await directory.renew(room, {ada.id: ada})).members == {ada.id: ada}
    assert await directory.find(room, ada.id) == ada
    assert await directory.find(room, bob.id) is None


async def test_rooms_are_apart(directory: Directory, room: RoomKey) -> None:
    ada = await directory.enter(room, someone(1))
    other = RoomKey(uuid4(), room.model_id)  # the same model id, of another tenant
    assert await directory.find(other, ada.id) is None
    assert (await directory.renew(other, {})).members == {}


async def test_a_member_has_one_colour_and_each_the_smallest_that_is_free(
    directory: Directory, room: RoomKey
) -> None:
    colours = [(await directory.enter(room, someone(member))).colour for member in (1, 2, 1, 3, 2)]
    assert colours == [0, 1, 0, 2, 1]


async def test_a_colour_is_kept_for_who_comes_back(directory: Directory, room: RoomKey) -> None:
    await directory.enter(room, someone(1))
    bob = await directory.enter(room, someone(2))
    await directory.leave(room, [bob.id])
    assert (await directory.enter(room, someone(3))).colour == 2
    assert (await directory.enter(room, someone(2))).colour == 1


async def test_a_lease_that_nobody_renews_ends_and_one_that_somebody_does_stays(
    room: RoomKey,
) -> None:
    clock = HandClock()
    directory = MemoryDirectory(clock, LONG_S)
    ada = await directory.enter(room, someone(1))
    ghost = await directory.enter(room, someone(2))
    await clock.pass_by(0.6 * LONG_S)
    standing = await directory.renew(room, {ada.id: ada})
    assert standing.members == {ada.id: ada, ghost.id: ghost}
    assert standing.next_end_s == pytest.approx(0.4 * LONG_S)  # the ghost's
    await clock.pass_by(0.6 * LONG_S)
    standing = await directory.renew(room, {ada.id: ada})
    assert (standing.members, standing.lost) == ({ada.id: ada}, False)
    assert await directory.find(room, ghost.id) is None


async def test_in_redis_leases_end_and_are_renewed_by_redis_own_time(
    redis_url: str, room: RoomKey
) -> None:
    """Redis' clock cannot be moved, so one lease is short, and two are longer than any test."""
    redis = RedisConnection(redis_url)
    short, long, longer = (RedisDirectory(redis, s) for s in (SHORT_S, LONG_S, 2 * LONG_S))
    ada = await long.enter(room, someone(1))
    ghost = await short.enter(room, someone(2))

    async def only_ada() -> bool:
        standing = await longer.renew(room, {ada.id: ada})
        assert not standing.lost
        return standing.members == {ada.id: ada}

    await eventually(only_ada)
    assert (await longer.renew(room, {})).next_end_s > LONG_S  # she stays beyond her first lease
    assert await longer.find(room, ghost.id) is None
    await redis.close()


async def test_who_renews_what_was_lost_is_told_and_is_there_again(
    directory: Directory, room: RoomKey
) -> None:
    ada = await directory.enter(room, someone(1))
    bob = await directory.enter(room, someone(2))
    await directory.leave(room, [bob.id])  # by the reaper of another worker
    standing = await directory.renew(room, {bob.id: bob})
    assert standing.lost
    assert standing.members == {ada.id: ada, bob.id: bob}
    assert not (await directory.renew(room, {bob.id: bob})).lost
    # All of it, as after a restart of Redis.
    await directory.leave(room, [ada.id, bob.id])
    assert (await directory.renew(room, {})).members == {}
    standing = await directory.renew(room, {bob.id: bob})
    assert standing.lost
    assert (await directory.renew(room, {})).members == {bob.id: bob}


async def test_a_full_room_lets_nobody_in_until_somebody_leaves(
    directory: Directory, room: RoomKey
) -> None:
    everyone = [await directory.enter(room, someone(1)) for _ in range(MEMBERS_MAX)]
    with pytest.raises(RoomFull):
        await directory.enter(room, someone(2))
    await directory.leave(room, [everyone[0].id])
    await directory.enter(room, someone(2))


async def test_leases_that_ended_make_room(hasty: Directory, room: RoomKey) -> None:
    for _ in range(MEMBERS_MAX):
        await hasty.enter(room, someone(1))

    async def fits() -> bool:
        try:
            await hasty.enter(room, someone(2))
        except RoomFull:
            return False
        return True

    await eventually(fits)


async def test_a_herd_that_comes_at_once_is_let_in(
    own_redis: OwnRedis,
) -> None:
    await own_redis.answering()
    connection = RedisConnection(own_redis.url)
    directory = RedisDirectory(connection)
    rooms = [RoomKey(uuid4(), uuid4()) for _ in range(10)]
    await asyncio.gather(*(directory.enter(rooms[number % 10], someone()) for number in range(500)))
    for room in rooms:
        assert len((await directory.renew(room, {})).members) == 50
    await connection.close()


async def test_a_redis_that_is_away_is_told_apart_and_one_that_was_emptied_is_filled_again(
    own_redis: OwnRedis, room: RoomKey
) -> None:
    await own_redis.answering()
    connection = RedisConnection(own_redis.url)
    directory = RedisDirectory(connection)
    ada = await directory.enter(room, someone(1))
    own_redis.kill()
    for asked in (
        directory.enter(room, someone(2)),
        directory.renew(room, {}),
        directory.leave(room, [ada.id]),
        directory.find(room, ada.id),
    ):
        with pytest.raises(RedisAway):
            await asked
    own_redis.start()
    await own_redis.answering()
    standing = await directory.renew(room, {ada.id: ada})
    assert (standing.lost, standing.members) == (True, {ada.id: ada})
    await connection.close()


async def test_what_somebody_else_wrote_into_a_room_harms_nobody(
    own_redis: OwnRedis, room: RoomKey
) -> None:
    await own_redis.answering()
    connection = RedisConnection(own_redis.url)
    directory = RedisDirectory(connection)
    ada = await directory.enter(room, someone(1))
    for content in (b"", b"[]", b"\xff\x00", b'{"member": 5}'):
        await connection.client().hset(room.named("pm"), "x", content)
        assert (await directory.renew(room, {ada.id: ada})).members == {ada.id: ada}
        assert await directory.find(room, "x") is None
    await connection.close()


async def test_redis_forgets_a_room_that_nobody_renews(
    own_redis: OwnRedis, room: RoomKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.directory.KEPT_S", 0.1)
    await own_redis.answering()
    connection = RedisConnection(own_redis.url)
    ada = await RedisDirectory(connection, 0.05).enter(room, someone(1))
    assert ada.colour == 0

    async def forgotten() -> bool:
        return not await connection.client().keys("*")

    await eventually(forgotten)
    await connection.close()
