"""One room at a time for a tenant whose plan has no more: whichever worker its members are at.

A lease, like those in rooms: who dies without a word holds the others up for seconds, not for ever.
"""

from __future__ import annotations

import secrets
from typing import Final, Protocol
from uuid import UUID

from collab.connection import RedisConnection
from collab.directory import LEASE_S
from collab.keys import RoomKey, open_room_key
from collab.scripts import Scripts
from collab.surroundings import Clock


class OneRoom(Protocol):
    """Which room of a tenant is the open one. Any method: RedisAway."""

    async def hold(self, room: RoomKey) -> bool:
        """Be in the room for one lease more. False: another room of the tenant is open."""

    async def leave(self, room: RoomKey) -> None:
        """Nobody of this worker is in the room any more."""


class MemoryOneRoom:
    """`OneRoom` of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[UUID, tuple[UUID, float]] = {}  # the model, and the end of its lease

    async def hold(self, room: RoomKey) -> bool:
        model_id, until = self._open.get(room.tenant_id, (room.model_id, 0.0))
        if model_id != room.model_id and until > self._clock.time():
            return False
        self._open[room.tenant_id] = room.model_id, self._clock.time() + LEASE_S
        return True

    async def leave(self, room: RoomKey) -> None:
        if self._open.get(room.tenant_id, (None, 0.0))[0] == room.model_id:
            del self._open[room.tenant_id]


# A set of "model worker" by the ends of their leases, on Redis' own clock. model, worker, ms
_HOLD: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, held in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(held, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1] .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""

# model, worker
_LEAVE: Final = "redis.call('ZREM', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])"


class RedisOneRoom:
    """`OneRoom` of all workers together. Each method is one command."""

    def __init__(self, redis: RedisConnection) -> None:
        self._scripts = Scripts(redis)
        self._worker = secrets.token_urlsafe(9)

    async def hold(self, room: RoomKey) -> bool:
        lease_ms = int(LEASE_S * 1_000)
        return bool(
            await self._scripts.run(
                _HOLD, [open_room_key(room.tenant_id)], str(room.model_id), self._worker, lease_ms
            )
        )

    async def leave(self, room: RoomKey) -> None:
        await self._scripts.run(
            _LEAVE, [open_room_key(room.tenant_id)], str(room.model_id), self._worker
        )
