"""A bus in both of its forms, and a Redis that may be mistreated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from collab.redis_backend import RedisBackend
from tests.mirror.collab.by_hand import OwnRedis, Said, eventually


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path)
    redis.start()
    yield redis
    redis.kill()


@pytest.fixture(params=["memory", "redis"])
def shared(request: pytest.FixtureRequest) -> str | None:
    """The URL of the Redis between the workers; None: they are one process."""
    return request.getfixturevalue("redis_url") if request.param == "redis" else None


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
async def buses(shared: str | None, said: Said) -> AsyncIterator[tuple[BroadcastBus, BroadcastBus]]:
    """The buses of two workers. In memory there is one, since there is one process."""
    async with AsyncExitStack() as stack:

        async def started(bus: BroadcastBus) -> BroadcastBus:
            await bus.start()
            stack.push_async_callback(bus.close)
            await eventually(lambda: bus.up)
            return bus

        if shared is None:
            bus = await started(BroadcastBus(MemoryBackend(), said))
            yield bus, bus
        else:
            yield (
                await started(BroadcastBus(RedisBackend(shared, said), said)),
                await started(BroadcastBus(RedisBackend(shared, said), said)),
            )


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test machine may be busy for longer than Redis is waited for, and may stand still."""
    for bound in (
        "connection.TIMEOUT_S",
        "scripts.WAIT_S",
        "bus.CONFIRM_S",
        "redis_backend.CONNECT_S",
        "redis_backend.DEAD_AFTER_S",
        "redis_backend.PING_S",
    ):
        monkeypatch.setattr(f"collab.{bound}", 60.0)
