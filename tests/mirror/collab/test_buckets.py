"""Buckets of one tenant, in memory and in Redis: the same arithmetic, exact under a crowd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import inf
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.buckets import Buckets, MemoryBuckets, RedisBuckets, Take
from collab.connection import RedisConnection
from collab.keys import bucket_key
from collab.scripts import RedisAway
from tests.mirror.collab.by_hand import OwnRedis

pytestmark = pytest.mark.anyio

LONG_S = 1e6  # to fill: nothing comes back while a test lasts


class Clock:
    """Seconds, moved by a test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def taking(requests: float, points: float, fills_in_s: float = LONG_S) -> tuple[Take, Take]:
    return Take("requests", 10, fills_in_s, requests), Take("points", 1_000, fills_in_s, points)


@pytest.fixture
async def buckets(shared: str | None) -> AsyncIterator[Buckets]:
    if shared is None:
        yield MemoryBuckets()
    else:
        redis = RedisConnection(shared)
        yield RedisBuckets(redis)
        await redis.close()


@pytest.fixture
def tenant() -> UUID:
    return uuid4()


async def test_both_buckets_are_taken_from_or_neither(buckets: Buckets, tenant: UUID) -> None:
    assert (await buckets.take(tenant, taking(1, 400))).granted
    refused = await buckets.take(tenant, taking(1, 601))
    assert not refused.granted
    assert [level.remaining for level in refused.levels] == [9, 600]
    assert refused.levels[0].wait_s == 0.0
    assert refused.levels[1].wait_s == pytest.approx(LONG_S / 1_000, rel=1e-3)
    assert (await buckets.take(tenant, taking(1, 600))).granted


async def test_what_a_bucket_never_holds_is_never_there(buckets: Buckets, tenant: UUID) -> None:
    refused = await buckets.take(tenant, taking(1, 1_001))
    assert not refused.granted
    assert refused.levels[1].wait_s == inf
    assert refused.levels[1].remaining == 1_000


async def test_what_is_given_back_can_be_taken_again_and_no_more(
    buckets: Buckets, tenant: UUID
) -> None:
    await buckets.take(tenant, taking(1, 1_000))
    assert (await buckets.take(tenant, taking(0, -300))).levels[1].remaining == 300
    assert (await buckets.take(tenant, taking(0, -5_000))).levels[1].remaining == 1_000
    assert not (await buckets.take(tenant, taking(0, 1_001))).granted


async def test_what_comes_back_under_a_name_comes_back_once(buckets: Buckets, tenant: UUID) -> None:
    await buckets.take(tenant, taking(1, 1_000))
    (back,) = taking(0, -300)[1:]
    came = await asyncio.gather(*(buckets.give_back(tenant, back, "one") for _ in range(10)))
    assert came == [300] * 10
    assert (await buckets.take(tenant, taking(0, 0))).levels[1].remaining == 300
    (less,) = taking(0, -200)[1:]
    assert await buckets.give_back(tenant, less, "one") == 300
    assert await buckets.give_back(tenant, less, "another") == 200
    assert (await buckets.take(tenant, taking(0, 0))).levels[1].remaining == 500
    (much,) = taking(0, -9_999)[1:]
    await buckets.give_back(tenant, much, "too much")
    assert (await buckets.take(tenant, taking(0, 0))).levels[1].remaining == 1_000


async def test_a_debt_or_a_clock_that_was_put_back_is_over_after_ten_fillings(
    buckets: Buckets, tenant: UUID
) -> None:
    await buckets.take(tenant, taking(0, 1_000_000), anyway=True)
    refused = await buckets.take(tenant, taking(0, 1))
    assert not refused.granted
    assert refused.levels[1].full_in_s == pytest.approx(10 * LONG_S)


async def test_a_look_takes_nothing(buckets: Buckets, tenant: UUID) -> None:
    for _ in range(30):
        looked = await buckets.take(tenant, taking(0, 0))
    assert looked.granted
    assert [level.remaining for level in looked.levels] == [10, 1_000]
    assert [level.full_in_s for level in looked.levels] == [0.0, 0.0]


async def test_a_debt_is_taken_anyway_and_has_to_be_waited_for(
    buckets: Buckets, tenant: UUID
) -> None:
    await buckets.take(tenant, taking(0, 1_500), anyway=True)
    refused = await buckets.take(tenant, taking(0, 1))
    assert not refused.granted
    assert refused.levels[1].remaining == 0
    assert refused.levels[1].wait_s == pytest.approx(501 * LONG_S / 1_000, rel=1e-3)


async def test_five_hundred_at_once_get_exactly_what_is_there(
    buckets: Buckets, tenant: UUID
) -> None:
    crowd = [buckets.take(tenant, [Take("points", 100, LONG_S, 1)]) for _ in range(500)]
    assert sum(taken.granted for taken in await asyncio.gather(*crowd)) == 100


async def test_one_tenant_takes_nothing_from_another(buckets: Buckets, tenant: UUID) -> None:
    await buckets.take(tenant, taking(10, 1_000))
    assert (await buckets.take(uuid4(), taking(10, 1_000))).granted


def test_it_fills_at_a_steady_rate() -> None:
    clock, tenant = Clock(), uuid4()
    buckets = MemoryBuckets(clock)

    def let_through() -> int:
        count = 0
        while buckets.take_now(tenant, [Take("points", 60, 60.0, 1)]).granted:
            count += 1
        return count

    assert let_through() == 60
    clock.now += 7.0
    assert let_through() == 7
    clock.now += 3_600.0
    assert let_through() == 60


@given(st.lists(st.tuples(st.floats(0.0, 90.0), st.integers(1, 300)), max_size=60))
def test_nobody_gets_more_than_the_burst_and_the_rate(asked: list[tuple[float, int]]) -> None:
    clock, tenant, got = Clock(), uuid4(), 0
    buckets = MemoryBuckets(clock)
    for wait_s, amount in asked:
        clock.now += wait_s
        taken = buckets.take_now(tenant, [Take("points", 600, 60.0, amount)])
        if taken.granted:
            got += amount
        else:  # who waits as long as was said gets it
            clock.now += taken.levels[0].wait_s + 1e-6
            assert buckets.take_now(tenant, [Take("points", 600, 60.0, amount)]).granted
            got += amount
    assert got <= 600 + 10.0 * (clock.now - 100.0) + 1e-3


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-5, 12), st.integers(-1_200, 1_200), st.booleans())))
def test_redis_and_memory_never_disagree(
    redis_url: str, asked: list[tuple[int, int, bool]]
) -> None:
    async def both() -> None:
        redis, tenant = RedisConnection(redis_url), uuid4()
        one, other = RedisBuckets(redis), MemoryBuckets()
        for requests, points, anyway in asked:
            wanted = taking(requests, points)
            there = await one.take(tenant, wanted, anyway=anyway)
            here = await other.take(tenant, wanted, anyway=anyway)
            assert there.granted == here.granted
            assert [level.remaining for level in there.levels] == [
                level.remaining for level in here.levels
            ]
            for two in zip(there.levels, here.levels, strict=True):
                assert two[0].wait_s == pytest.approx(two[1].wait_s, rel=1e-6, abs=60.0)
        await redis.close()

    asyncio.run(both())


async def test_only_so_many_buckets_are_remembered() -> None:
    buckets = MemoryBuckets(remembered=10)
    for number in range(500):
        buckets.take_now(number, [Take("points", 10, LONG_S, 10)])
    assert len(buckets) == 10
    assert not buckets.take_now(499, [Take("points", 10, LONG_S, 1)]).granted
    assert buckets.take_now(5, [Take("points", 10, LONG_S, 10)]).granted


async def test_redis_keeps_a_bucket_until_it_is_full_again(redis_url: str, tenant: UUID) -> None:
    redis = RedisConnection(redis_url)
    await RedisBuckets(redis).take(tenant, [Take("points", 100, 60.0, 50)])
    left_ms = await redis.client().pttl(bucket_key(tenant, "points"))
    assert 0 < left_ms <= 31_500
    await redis.close()


async def test_a_redis_that_is_gone_is_said_to_be(own_redis: OwnRedis, tenant: UUID) -> None:
    await own_redis.answering()
    redis = RedisConnection(own_redis.url)
    buckets = RedisBuckets(redis)
    assert (await buckets.take(tenant, taking(1, 1))).granted
    own_redis.kill()
    with pytest.raises(RedisAway):
        await buckets.take(tenant, taking(1, 1))
    await redis.close()
