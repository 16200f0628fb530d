"""Who is in which room, by leases: who does not renew is gone. Kept in memory or in Redis.

Messages tell quickly who came and who left. The directory is what is true when a message was lost,
a worker was killed, or a worker is new in the room.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import orjson

from collab.connection import RedisConnection
from collab.keys import RoomKey
from collab.messages import read, written
from collab.presence import Participant
from collab.scripts import RedisAway, Scripts
from collab.surroundings import Clock

LEASE_S: Final = 15.0
KEPT_S: Final = 60.0  # after the last renewal of anybody: then Redis forgets the room
MEMBERS_MAX: Final = 200


class RoomFull(Exception):
    """There is no place left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who is in a room, as the directory has it."""

    members: dict[str, Participant]
    lost: bool  # somebody who renewed was not there: it had been emptied, or had given them up
    next_end_s: float  # until the first of these leases ends, unless it is renewed


class Directory(Protocol):
    """Leases in rooms. Any method: RedisAway."""

    async def enter(self, room: RoomKey, who: Participant) -> Participant:
        """Give a lease, and a colour instead of ``who.colour``. Raises RoomFull."""

    async def renew(self, room: RoomKey, own: Mapping[str, Participant]) -> Standing:
        """Renew what is ours, end what has run out, and say who is there."""

    async def leave(self, room: RoomKey, ids: Collection[str]) -> None:
        """End leases before their time."""

    async def find(self, room: RoomKey, id_: str) -> Participant | None:
        """One participant, wherever they are connected."""


@dataclass(slots=True)
class _Leased:
    members: dict[str, tuple[float, Participant]] = field(default_factory=dict)  # with its end
    colours: dict[object, int] = field(default_factory=dict)  # by member


class MemoryDirectory:
    """A `Directory` for one process."""

    def __init__(self, clock: Clock, lease_s: float = LEASE_S) -> None:
        self._clock, self._lease_s = clock, lease_s
        self._rooms: dict[RoomKey, _Leased] = {}

    async def enter(self, room: RoomKey, who: Participant) -> Participant:
        leased = self._without_the_dead(room)
        if len(leased.members) >= MEMBERS_MAX:
            raise RoomFull
        coloured = replace(who, colour=smallest_free(leased.colours, who.member_id))
        leased.colours[who.member_id] = coloured.colour
        leased.members[who.id] = (self._end, coloured)
        self._rooms[room] = leased
        return coloured

    async def renew(self, room: RoomKey, own: Mapping[str, Participant]) -> Standing:
        leased = self._without_the_dead(room)
        lost = not own.keys() <= leased.members.keys()
        for id_, who in own.items():
            leased.members[id_] = (self._end, who)
            leased.colours.setdefault(who.member_id, who.colour)
        if leased.members:
            self._rooms[room] = leased
        ends = [end for end, _ in leased.members.values()]
        return Standing(
            members={id_: who for id_, (_, who) in leased.members.items()},
            lost=lost,
            next_end_s=min(ends, default=self._end) - self._clock.time(),
        )

    async def leave(self, room: RoomKey, ids: Collection[str]) -> None:
        leased = self._without_the_dead(room)
        for id_ in ids:
            leased.members.pop(id_, None)
        if not leased.members:
            self._rooms.pop(room, None)

    async def find(self, room: RoomKey, id_: str) -> Participant | None:
        return self._without_the_dead(room).members.get(id_, (0.0, None))[1]

    @property
    def _end(self) -> float:
        return self._clock.time() + self._lease_s

    def _without_the_dead(self, room: RoomKey) -> _Leased:
        leased, now = self._rooms.get(room) or _Leased(), self._clock.time()
        for id_, (end, _) in list(leased.members.items()):
            if end <= now:
                del leased.members[id_]
        return leased


def smallest_free(colours: Mapping[object, int], member: object) -> int:
    """The member's colour; a new one is the smallest that nobody else has had."""
    used = set(colours.values())
    free = next(colour for colour in range(len(used) + 1) if colour not in used)
    return colours.get(member, free)


# In Redis a room is a hash of participants as JSON, a sorted set of the ends of their leases, and a
# hash of colours by member. Time is Redis' own, in milliseconds, so no worker's clock can matter.
_BEGIN: Final = """
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function bury(at)
  local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', at)
  for _, id in ipairs(dead) do
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
  end
end
local function keep(for_ms)
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, for_ms) end
end
"""

# lease ms, kept ms, most members, id, member, participant
_ENTER: Final = (
    _BEGIN
    + """
local at = now()
bury(at)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return -1 end
local colour = redis.call('HGET', KEYS[3], ARGV[5])
if not colour then
  local used = {}
  for _, taken in ipairs(redis.call('HVALS', KEYS[3])) do used[tonumber(taken)] = true end
  colour = 0
  while used[colour] do colour = colour + 1 end
  redis.call('HSET', KEYS[3], ARGV[5], colour)
end
local who = cjson.decode(ARGV[6])
who['colour'] = tonumber(colour)
redis.call('HSET', KEYS[1], ARGV[4], cjson.encode(who))
redis.call('ZADD', KEYS[2], at + ARGV[1], ARGV[4])
keep(ARGV[2])
return tonumber(colour)
"""
)

# lease ms, kept ms, then for each: id, member, colour, participant
_RENEW: Final = (
    _BEGIN
    + """
local at = now()
bury(at)
local lost = 0
for i = 3, #ARGV, 4 do
  lost = lost + redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 3])
  redis.call('HSETNX', KEYS[3], ARGV[i + 1], ARGV[i + 2])
  redis.call('ZADD', KEYS[2], at + ARGV[1], ARGV[i])
end
keep(ARGV[2])
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local ends = ARGV[1]
if first[2] then ends = first[2] - at end
return {lost, tonumber(ends), redis.call('HGETALL', KEYS[1])}
"""
)

# ids
_LEAVE: Final = """
for _, id in ipairs(ARGV) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
"""


class RedisDirectory:
    """A `Directory` that all workers share. Each method is one command."""

    def __init__(self, redis: RedisConnection, lease_s: float = LEASE_S) -> None:
        self._redis, self._scripts = redis, Scripts(redis)
        self._lease_ms, self._kept_ms = int(lease_s * 1_000), int(KEPT_S * 1_000)

    async def enter(self, room: RoomKey, who: Participant) -> Participant:
        colour = await self._scripts.run(
            _ENTER, _keys(room), self._lease_ms, self._kept_ms, MEMBERS_MAX,
            who.id, str(who.member_id), orjson.dumps(written(who)),
        )  # fmt: skip
        if colour < 0:
            raise RoomFull
        return replace(who, colour=colour)

    async def renew(self, room: RoomKey, own: Mapping[str, Participant]) -> Standing:
        told: list[str | int | bytes] = []
        for id_, who in own.items():
            told += [id_, str(who.member_id), who.colour, orjson.dumps(written(who))]
        lost, ends_ms, flat = await self._scripts.run(
            _RENEW, _keys(room), self._lease_ms, self._kept_ms, *told
        )
        members = zip(flat[::2], flat[1::2], strict=True)
        return Standing(
            members={who.id: who for who in map(_read, members) if who is not None},
            lost=bool(lost),
            next_end_s=ends_ms / 1_000,
        )

    async def leave(self, room: RoomKey, ids: Collection[str]) -> None:
        await self._scripts.run(_LEAVE, _keys(room), *ids)

    async def find(self, room: RoomKey, id_: str) -> Participant | None:
        from redis.exceptions import RedisError

        try:
            found = await self._redis.client().hget(room.named("pm"), id_)
        except (RedisError, OSError) as error:
            raise RedisAway from error
        return None if found is None else _read((id_.encode(), found))


def _keys(room: RoomKey) -> tuple[str, str, str]:
    return room.named("pm"), room.named("pz"), room.named("pc")


def _read(kept: tuple[bytes, bytes | str]) -> Participant | None:
    """A participant of the hash; None where something else stands there."""
    try:
        return read(kept[0].decode(), orjson.loads(kept[1]))
    except (ValueError, TypeError, KeyError):
        return None
