"""A real Redis that is killed, stopped and started: no subscriber is lost, and nobody waits."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from time import perf_counter
from uuid import UUID

import pytest

from collab.bus import BroadcastBus, BusAway
from collab.keys import Channel, RoomKey
from collab.redis_backend import RedisBackend
from tests.mirror.collab.by_hand import OwnRedis, Said, eventually, settled

pytestmark = pytest.mark.anyio

CHANNELS = [RoomKey(UUID(int=1), UUID(int=number)).channel for number in range(20)]
LATE = RoomKey(UUID(int=1), UUID(int=99)).channel


class Heard:
    """What a worker heard, and how often it was told that it may have missed something."""

    def __init__(self, bus: BroadcastBus) -> None:
        self.bus = bus
        self.messages: dict[Channel, list[bytes]] = {channel: [] for channel in CHANNELS}
        self.reconnects = 0
        bus.on_reconnect(self._reconnected)

    def _reconnected(self) -> None:
        self.reconnects += 1

    async def listen(self) -> None:
        for channel in CHANNELS:
            await self.bus.subscribe(channel, self.messages[channel].append)

    def all_heard(self, message: bytes) -> bool:
        return all(message in heard for heard in self.messages.values())


@pytest.fixture
async def workers(own_redis: OwnRedis, said: Said) -> AsyncIterator[tuple[Heard, Heard]]:
    await own_redis.answering()
    both = tuple(Heard(BroadcastBus(RedisBackend(own_redis.url, said), said)) for _ in range(2))
    for worker in both:
        await worker.bus.start()
        await eventually(lambda worker=worker: worker.bus.up)
        await worker.listen()
    yield both[0], both[1]
    for worker in both:
        await worker.bus.close()


async def all_hear(workers: tuple[Heard, Heard], message: bytes) -> None:
    """Both are up, and each hears the other on every channel."""
    here, there = workers
    await eventually(lambda: here.bus.up and there.bus.up)
    for channel in CHANNELS:
        here.bus.publish(channel, b"here " + message)
        there.bus.publish(channel, b"there " + message)
    for worker in workers:
        await eventually(lambda worker=worker: worker.all_heard(b"here " + message))
        await eventually(lambda worker=worker: worker.all_heard(b"there " + message))


async def test_a_killed_redis_that_comes_back_empty_loses_no_subscriber(
    workers: tuple[Heard, Heard], own_redis: OwnRedis
) -> None:
    await all_hear(workers, b"before")
    for turn in range(3):
        told = [worker.reconnects for worker in workers]
        own_redis.kill()
        await eventually(lambda: not any(worker.bus.up for worker in workers))
        own_redis.start()
        await all_hear(workers, b"after %d" % turn)
        assert all(worker.reconnects > before for worker, before in zip(workers, told, strict=True))


async def test_pubsub_clients_that_are_killed_in_a_loop_come_back(
    workers: tuple[Heard, Heard], own_redis: OwnRedis
) -> None:
    for _ in range(10):
        told = [worker.reconnects for worker in workers]
        own_redis.ask(b"CLIENT KILL TYPE pubsub")
        await eventually(
            lambda told=told: all(
                worker.reconnects > before for worker, before in zip(workers, told, strict=True)
            )
        )
    await all_hear(workers, b"still here")


async def test_a_redis_that_stands_still_is_found_dead_and_found_again(
    workers: tuple[Heard, Heard],
    own_redis: OwnRedis,
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = perf_counter()
    await all_hear(workers, b"last")
    own_redis.signal(signal.SIGSTOP)
    monkeypatch.setattr("collab.redis_backend.DEAD_AFTER_S", 2.5)
    monkeypatch.setattr("collab.redis_backend.PING_S", 0.25)
    try:
        # It stands still until the end of this block: whoever waited for it would not come so far.
        for number in range(5_000):  # more than any buffer holds
            workers[0].bus.publish(CHANNELS[number % 20], b"x" * 1_000)
            if number % 100 == 0:
                await asyncio.sleep(0)
        await eventually(lambda: not any(worker.bus.up for worker in workers))
        assert perf_counter() - began > 2.5  # nobody is taken for dead before
        with pytest.raises(BusAway):
            await workers[0].bus.ping()
        # Whoever subscribes meanwhile does not wait either, and is heard later.
        late: list[bytes] = []
        subscribing = asyncio.create_task(workers[1].bus.subscribe(LATE, late.append))
        await settled()
        assert subscribing.done()
    finally:
        own_redis.signal(signal.SIGCONT)
    await all_hear(workers, b"awake")
    workers[0].bus.publish(LATE, b"heard")
    await eventually(lambda: b"heard" in late)
    assert "the bus lost Redis" in said.events


async def test_without_a_redis_a_bus_starts_and_ends_and_publishes_into_nothing(
    own_redis: OwnRedis, said: Said
) -> None:
    own_redis.kill()
    bus = BroadcastBus(RedisBackend(own_redis.url, said), said)
    await bus.start()
    heard: list[bytes] = []
    await bus.subscribe(CHANNELS[0], heard.append)
    bus.publish(CHANNELS[0], b"lost")
    assert not bus.up
    own_redis.start()
    await eventually(lambda: bus.up)
    bus.publish(CHANNELS[0], b"heard")
    await eventually(lambda: heard == [b"heard"])
    await bus.close()


async def test_a_server_that_is_no_redis_is_left_alone(said: Said) -> None:
    connections = 0

    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n$-5\r\n*9999999999\r\n")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = BroadcastBus(RedisBackend(f"redis://127.0.0.1:{port}/0", said), said)
    await bus.start()
    await eventually(lambda: connections >= 3)
    assert not bus.up
    bus.publish(CHANNELS[0], b"lost")
    await bus.close()
    server.close()
    await server.wait_closed()
