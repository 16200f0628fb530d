"""Buckets that fill at a steady rate, several of one tenant emptied in one step.

GCRA: of each bucket there is one number, the moment at which it will be full again. What is taken
moves it on. In Redis one script moves those of all buckets, or of none, by Redis' own clock, so any
number of processes share them exactly; the twin in memory does the same arithmetic.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import floor, inf
from time import monotonic
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from collab.connection import RedisConnection
from collab.keys import bucket_key, given_back_key
from collab.scripts import Scripts

_SLACK_US: Final = 1e-3  # a rounding is nobody's fault
# Times that a bucket fills in, which it may at most be away from full: so long a debt lasts, and a
# clock that was put back (another Redis took over) holds nobody up for longer.
DEBT_MOST: Final = 10
_FULL: Final[Mapping[str, float]] = {}
KEPT_S: Final = 86_400  # how long it is known under which names something came back


class Take(NamedTuple):
    """What is wanted of one bucket."""

    bucket: str
    capacity: float  # what a full one holds
    fills_in_s: float  # from empty to full
    amount: float  # 0 only looks; below 0 gives back


class Level(NamedTuple):
    """How a bucket stands, after what was taken."""

    remaining: int
    full_in_s: float
    wait_s: float  # until what was wanted is there; 0 where it was, inf where it never will be


class Taken(NamedTuple):
    """What became of it: all was taken, or nothing."""

    granted: bool
    levels: tuple[Level, ...]  # in the order of what was wanted


class Buckets(Protocol):
    """Those of every tenant."""

    async def take(self, tenant_id: UUID, takes: Sequence[Take], *, anyway: bool = False) -> Taken:
        """Take from all of the named buckets, or from none; ``anyway`` even what is not there."""

    async def give_back(self, tenant_id: UUID, back: Take, name: str) -> int:
        """Give back what an amount below 0 says, once under a name; how much came back under it."""


class MemoryBuckets:
    """Of this process alone."""

    def __init__(
        self, clock: Callable[[], float] = monotonic, *, remembered: int = 100_000
    ) -> None:
        """``clock``: seconds, from any moment on."""
        self._clock, self._remembered = clock, remembered
        # Microseconds at which each bucket is full again. Who is not here has full ones.
        self._full_at: OrderedDict[Hashable, dict[str, float]] = OrderedDict()
        self._given_back: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    async def take(self, tenant_id: UUID, takes: Sequence[Take], *, anyway: bool = False) -> Taken:
        return self.take_now(tenant_id, takes, anyway=anyway)

    async def give_back(self, tenant_id: UUID, back: Take, name: str) -> int:
        known = self._given_back.get((tenant_id, name))
        if known is not None:
            return known
        self.take_now(tenant_id, (back,), anyway=True)
        self._given_back[tenant_id, name] = points = round(-back.amount)
        while len(self._given_back) > self._remembered:
            self._given_back.popitem(last=False)
        return points

    def take_now(self, key: Hashable, takes: Sequence[Take], *, anyway: bool = False) -> Taken:
        """The same, at once; ``key``: whose buckets."""
        now = self._clock() * 1e6
        known = self._full_at.get(key, _FULL)
        wanted: list[tuple[float, float]] = []
        granted = True
        for bucket, capacity, fills_in_s, amount in takes:
            each = fills_in_s * 1e6 / capacity
            full_at = max(now, known.get(bucket, now))
            full_at = min(full_at, now + DEBT_MOST * fills_in_s * 1e6)
            moved = max(now, full_at + amount * each)
            if amount > 0.0 and moved - now > capacity * each + _SLACK_US and not anyway:
                granted = False
            wanted.append((full_at, moved))
        if granted:
            changed = {
                take.bucket: moved
                for take, (full_at, moved) in zip(takes, wanted, strict=True)
                if moved != full_at
            }
            if changed:
                self._full_at[key] = {**known, **changed}
                self._full_at.move_to_end(key)
                while len(self._full_at) > self._remembered:
                    self._full_at.popitem(last=False)  # who has been quiet the longest
        return taken(
            granted,
            takes,
            [((moved if granted else full_at) - now, moved - now) for full_at, moved in wanted],
        )


class RedisBuckets:
    """Of every process that has the same Redis."""

    def __init__(self, redis: RedisConnection) -> None:
        self._scripts = Scripts(redis)

    async def take(self, tenant_id: UUID, takes: Sequence[Take], *, anyway: bool = False) -> Taken:
        """
        Raises:
            RedisAway.
        """
        keys = [bucket_key(tenant_id, take.bucket) for take in takes]
        given: list[str] = ["1" if anyway else "0"]
        for take in takes:
            given += (repr(take.capacity), repr(take.fills_in_s), repr(take.amount))
        granted, *moments = await self._scripts.run(_TAKE, keys, *given)
        pairs = [float(moment) for moment in moments]
        return taken(granted == 1, takes, list(zip(pairs[::2], pairs[1::2], strict=True)))

    async def give_back(self, tenant_id: UUID, back: Take, name: str) -> int:
        """
        Raises:
            RedisAway.
        """
        keys = [bucket_key(tenant_id, back.bucket), given_back_key(tenant_id, name)]
        points, each_us = round(-back.amount), back.fills_in_s * 1e6 / back.capacity
        return int(await self._scripts.run(_GIVE_BACK, keys, points, repr(each_us), KEPT_S))


def taken(granted: bool, takes: Sequence[Take], moments: Sequence[tuple[float, float]]) -> Taken:
    """From the microseconds until each bucket is full as it stands, and as was wanted."""
    levels = []
    for (_, capacity, fills_in_s, amount), (stands, wanted) in zip(takes, moments, strict=True):
        each = fills_in_s * 1e6 / capacity
        late = wanted - capacity * each
        wait_s = 0.0
        if not granted and amount > 0.0 and late > _SLACK_US:
            wait_s = inf if amount > capacity else late / 1e6
        remaining = max(0, floor(capacity - stands / each + 1e-6))
        levels.append(Level(remaining, stands / 1e6, wait_s))
    return Taken(granted, tuple(levels))


# ARGV: whether anyway, then capacity, seconds to fill and amount of each. A moment is written with
# all its digits: Lua's own way of writing a number would lose what a fast bucket fills in.
_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1e6 + time[2]
local anyway, granted, moved, stood = ARGV[1] == '1', 1, {}, {}
for i = 1, #KEYS do
  local capacity, fills, amount = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1])
  local each = fills * 1e6 / capacity
  local full_at = tonumber(redis.call('GET', KEYS[i]) or now)
  if full_at < now then full_at = now end
  if full_at > now + DEBT_MOST * fills * 1e6 then full_at = now + DEBT_MOST * fills * 1e6 end
  local wanted = full_at + amount * each
  if wanted < now then wanted = now end
  if amount > 0 and wanted - now > capacity * each + 0.001 and not anyway then granted = 0 end
  moved[i], stood[i] = wanted, full_at
end
local answer = {granted}
for i = 1, #KEYS do
  local stands = stood[i]
  if granted == 1 then
    stands = moved[i]
    if stands ~= stood[i] then
      local kept = string.format('%.17g', stands)
      redis.call('SET', KEYS[i], kept, 'PX', math.ceil((stands - now) / 1000) + 1000)
    end
  end
  answer[#answer + 1] = string.format('%.17g', stands - now)
  answer[#answer + 1] = string.format('%.17g', moved[i] - now)
end
return answer
""".replace("DEBT_MOST", str(DEBT_MOST))

# A name that is known says how much came back; another is written down with it, in one step.
# points, microseconds of each, seconds to know it
_GIVE_BACK: Final = """
local known = redis.call('GET', KEYS[2])
if known then return tonumber(known) end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[3])
local full_at = tonumber(redis.call('GET', KEYS[1]) or 0)
local time = redis.call('TIME')
local now = time[1] * 1e6 + time[2]
local moved = full_at - ARGV[1] * ARGV[2]
if moved > now then
  local kept = string.format('%.17g', moved)
  redis.call('SET', KEYS[1], kept, 'PX', math.ceil((moved - now) / 1000) + 1000)
else
  redis.call('DEL', KEYS[1])
end
return tonumber(ARGV[1])
"""
