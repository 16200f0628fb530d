"""One worker values a model at a time, and nothing old is published: in memory and in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from collab.connection import RedisConnection
from collab.flights import LONGEST_S, REMEMBERED_S, Claim, Flights, MemoryFlights, RedisFlights
from collab.keys import RoomKey
from collab.scripts import RedisAway
from tests.mirror.collab.by_hand import HandClock, OwnRedis, eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
def room() -> RoomKey:
    return RoomKey(uuid4(), uuid4())


@pytest.fixture
async def flights(shared: str | None) -> AsyncIterator[Flights]:
    if shared is None:
        yield MemoryFlights(asyncio.get_running_loop())
    else:
        redis = RedisConnection(shared)
        yield RedisFlights(redis)
        await redis.close()


async def test_of_many_who_claim_at_once_one_flies(flights: Flights, room: RoomKey) -> None:
    claims = await asyncio.gather(*(flights.claim(room, 7) for _ in range(10)))
    assert sum(claim.token is not None for claim in claims) == 1
    assert sum(claim == Claim() for claim in claims) == 9
    assert (await flights.claim(RoomKey(uuid4(), room.model_id), 7)).token  # another tenant's


async def test_what_has_landed_is_told_and_not_flown_again(flights: Flights, room: RoomKey) -> None:
    claim = await flights.claim(room, 7)
    assert claim.token is not None
    assert await flights.land(room, claim.token, 8, b"worth 5")  # an edit came in between
    assert await flights.claim(room, 8) == Claim(told=b"worth 5")
    assert await flights.claim(room, 7) == Claim(told=b"worth 5")
    assert (await flights.claim(room, 9)).token


async def test_a_flight_that_was_overtaken_lands_for_nothing(
    flights: Flights, room: RoomKey
) -> None:
    slow = await flights.claim(room, 7)
    assert slow.token is not None
    await flights.abandon(room, slow.token)  # as if it had been taken for dead
    quick = await flights.claim(room, 9)
    assert quick.token is not None
    assert await flights.land(room, quick.token, 9, b"nine")
    assert not await flights.land(room, slow.token, 8, b"eight")
    assert not await flights.land(room, slow.token, 9, b"nine again")
    assert await flights.claim(room, 9) == Claim(told=b"nine")


async def test_nobody_ends_another_s_flight(flights: Flights, room: RoomKey) -> None:
    mine = await flights.claim(room, 7)
    await flights.abandon(room, "somebody else's")
    assert await flights.claim(room, 7) == Claim()
    assert mine.token is not None
    await flights.abandon(room, mine.token)
    assert (await flights.claim(room, 7)).token


async def test_a_worker_that_died_in_flight_is_not_waited_for() -> None:
    clock = HandClock()
    flights, room = MemoryFlights(clock), RoomKey(uuid4(), uuid4())
    assert (await flights.claim(room, 7)).token
    await clock.pass_by(LONGEST_S)
    again = await flights.claim(room, 7)
    assert again.token is not None
    await flights.land(room, again.token, 7, b"seven")
    await clock.pass_by(REMEMBERED_S)
    assert (await flights.claim(room, 7)).token
    assert not flights._landed


async def test_in_redis_flights_end_and_are_forgotten_by_redis_own_time(
    shared: str | None, room: RoomKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shared is None:
        return  # by a clock, above
    monkeypatch.setattr("collab.flights.LONGEST_S", 0.05)
    monkeypatch.setattr("collab.flights.REMEMBERED_S", 0.05)
    redis = RedisConnection(shared)
    flights = RedisFlights(redis)
    claim = await flights.claim(room, 7)

    async def free() -> bool:
        return (await flights.claim(room, 7)).token is not None

    await eventually(free)
    assert claim.token is not None
    await flights.land(room, claim.token, 7, b"seven")
    await eventually(free)
    await redis.close()


async def test_a_redis_that_is_away_is_told_apart(own_redis: OwnRedis, room: RoomKey) -> None:
    own_redis.kill()
    redis = RedisConnection(own_redis.url)
    flights = RedisFlights(redis)
    for asked in (
        flights.claim(room, 1),
        flights.land(room, "t", 1, b""),
        flights.abandon(room, "t"),
    ):
        with pytest.raises(RedisAway):
            await asked
    await redis.close()
