"""Who values a model: one worker at a time, and nothing that is older than what was published.

A flight is claimed for the newest operation that its worker knows of. It lands with what it was
really based on; a flight that another one overtook lands for nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, Protocol

from collab.connection import RedisConnection
from collab.keys import RoomKey
from collab.scripts import Scripts
from collab.surroundings import Clock

LONGEST_S: Final = 10.0  # then a worker that claimed is taken for dead
REMEMBERED_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of it: ours with a token; done with what was told; neither: another's."""

    token: str | None = None
    told: bytes | None = None


class Flights(Protocol):
    """One flight at a time for each room. Any method: RedisAway."""

    async def claim(self, room: RoomKey, seq: int) -> Claim:
        """Ask to be the one who values operation ``seq``, unless that is done or under way."""

    async def land(self, room: RoomKey, token: str, seq: int, told: bytes) -> bool:
        """End a flight. Whether ``seq`` is newer than all that was published before."""

    async def abandon(self, room: RoomKey, token: str) -> None:
        """End a flight that came to nothing."""


class MemoryFlights:
    """`Flights` of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._flying: dict[RoomKey, tuple[float, str]] = {}  # until when, and whose
        self._landed: dict[RoomKey, tuple[float, int, bytes]] = {}  # until when it is remembered

    async def claim(self, room: RoomKey, seq: int) -> Claim:
        self._forget()
        landed = self._landed.get(room)
        if landed is not None and landed[1] >= seq:
            return Claim(told=landed[2])
        if room in self._flying:
            return Claim()
        token = secrets.token_urlsafe(9)
        self._flying[room] = (self._clock.time() + LONGEST_S, token)
        return Claim(token=token)

    async def land(self, room: RoomKey, token: str, seq: int, told: bytes) -> bool:
        await self.abandon(room, token)
        if room in self._landed and self._landed[room][1] >= seq:
            return False
        self._landed[room] = (self._clock.time() + REMEMBERED_S, seq, told)
        return True

    async def abandon(self, room: RoomKey, token: str) -> None:
        self._forget()
        if self._flying.get(room, (0.0, ""))[1] == token:
            del self._flying[room]

    def _forget(self) -> None:
        now = self._clock.time()
        for room in [room for room, (until, *_) in self._flying.items() if until <= now]:
            del self._flying[room]
        for room in [room for room, (until, *_) in self._landed.items() if until <= now]:
            del self._landed[room]


# In Redis: the token of who flies, and a hash of the newest seq with what was told of it.

# seq, token, ms: {0, told}: done; {1}: ours; {2}: another's
_CLAIM: Final = """
local last = redis.call('HMGET', KEYS[2], 'seq', 'told')
if last[1] and tonumber(last[1]) >= tonumber(ARGV[1]) then return {0, last[2]} end
if redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[3]) then return {1} end
return {2}
"""

_ABANDON: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""

# token, seq, told, ms
_LAND: Final = (
    _ABANDON
    + """
local last = redis.call('HGET', KEYS[2], 'seq')
if last and tonumber(last) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], 'seq', ARGV[2], 'told', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
"""
)


class RedisFlights:
    """`Flights` of all workers together. Each method is one command."""

    def __init__(self, redis: RedisConnection) -> None:
        self._scripts = Scripts(redis)

    async def claim(self, room: RoomKey, seq: int) -> Claim:
        token, longest_ms = secrets.token_urlsafe(9), int(LONGEST_S * 1_000)
        state, *told = await self._scripts.run(_CLAIM, _keys(room), seq, token, longest_ms)
        if state == 0:
            return Claim(told=told[0])
        return Claim(token=token if state == 1 else None)

    async def land(self, room: RoomKey, token: str, seq: int, told: bytes) -> bool:
        kept_ms = int(REMEMBERED_S * 1_000)
        return bool(await self._scripts.run(_LAND, _keys(room), token, seq, told, kept_ms))

    async def abandon(self, room: RoomKey, token: str) -> None:
        await self._scripts.run(_ABANDON, _keys(room), token)


def _keys(room: RoomKey) -> tuple[str, str]:
    return room.named("va"), room.named("vs")
