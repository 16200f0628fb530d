"""What a model is worth after each edit, for those who are in its room.

An edit after quiet is valued at once; further ones wait for a pause of 100 ms, and at most 500 ms.
One worker values a model at a time and says what its valuation is based on. Nobody is ever shown
one that is older than the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from collab.flights import Flights
from collab.keys import RoomKey
from collab.room import Room
from collab.scripts import RedisAway
from collab.surroundings import Clock, Log, Tasks, Timer
from services.errors import Refused, no_of
from services.refusals import refusal_document, refused_of
from services.valuations import Recorded

PAUSE_S: Final = 0.1
LONGEST_S: Final = 0.5
BUSY_WAIT_S: Final = 0.1  # while another worker is at it
FIRST_WAIT_S: Final = 1.0  # after a fault of ours; doubled each time
LONGEST_WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a model is worth at a revision, or why it has no value there."""

    based_on_seq: int
    recorded: Recorded | None = None
    refused: Refused | None = None


ValueNow: TypeAlias = Callable[[RoomKey], Awaitable[Worth]]
"""Value a model as it stands, and keep the valuation."""
FindKept: TypeAlias = Callable[[RoomKey, str], Awaitable[Recorded]]
"""A valuation that was kept, by its id."""


@dataclass(slots=True)
class _Following:
    """A model whose room is open here."""

    wanted: int = 0  # the newest operation that was heard of
    learning: int = 0  # what another worker's valuation is based on, while it is read
    edited_at: float = float("-inf")
    waiting_since: float | None = None  # the first edit since the last start
    timer: Timer | None = None
    task: asyncio.Task[None] | None = None
    faults: int = 0


class Recalculation:
    """Follows the models whose rooms are open in this worker."""

    def __init__(
        self,
        *,
        room_of: Callable[[RoomKey], Room[Any] | None],
        flights: Flights,
        value: ValueNow,
        find: FindKept,
        clock: Clock,
        log: Log,
    ) -> None:
        self._room_of, self._flights = room_of, flights
        self._value, self._find = value, find
        self._clock, self._log = clock, log
        self._tasks = Tasks(log)
        self._models: dict[RoomKey, _Following] = {}

    def edited(self, key: RoomKey, seq: int) -> None:
        """There is an operation that was not known; never waits."""
        model, now = self._followed(key), self._clock.time()
        quiet = now - model.edited_at >= PAUSE_S and model.task is None and model.timer is None
        model.wanted, model.edited_at = max(model.wanted, seq), now
        if model.waiting_since is None:
            model.waiting_since = now
        due = now if quiet else min(now + PAUSE_S, model.waiting_since + LONGEST_S)
        self._start_at(due, key, model)

    def told(self, key: RoomKey, told: dict[str, Any]) -> None:
        """Another worker valued the model; never waits."""
        self._tasks.begin(self._learn(key, told))

    def closed(self, key: RoomKey) -> None:
        """Nobody here wants to know any more."""
        model = self._models.pop(key, None)
        if model is not None and model.timer is not None:
            model.timer.cancel()

    async def close(self, within_s: float) -> None:
        """End what is under way."""
        for key in list(self._models):
            self.closed(key)
        await self._tasks.close(within_s)

    def _followed(self, key: RoomKey) -> _Following:
        return self._models.setdefault(key, _Following())

    def _start_at(self, when: float, key: RoomKey, model: _Following) -> None:
        if model.timer is not None:
            model.timer.cancel()
        model.timer = self._clock.call_at(when, lambda: self._start(key, model))

    def _start(self, key: RoomKey, model: _Following) -> None:
        model.timer = None
        if model.task is None:  # else its end looks again
            model.waiting_since = None
            model.task = self._tasks.begin(self._run(key, model))

    async def _run(self, key: RoomKey, model: _Following) -> None:
        wait_s = BUSY_WAIT_S
        try:
            await self._attempt(key, model.wanted)
            model.faults = 0
        except Exception as fault:
            no, said = no_of(fault), "a room's model was not valued"
            if no is None:
                self._log.exception(said, model=str(key.model_id))
            else:  # it is known what this is, and it is tried again
                self._log.warning(said, model=str(key.model_id), reason=no[1])
            wait_s = min(FIRST_WAIT_S * 2**model.faults, LONGEST_WAIT_S)
            model.faults += 1
        finally:
            model.task = None
        room = self._room_of(key)
        behind = room is not None and room.valued_seq < model.wanted
        # Edits came meanwhile, or another worker is at it, or we failed.
        if behind and model.timer is None and self._models.get(key) is model:
            self._start_at(self._clock.time() + wait_s, key, model)

    async def _attempt(self, key: RoomKey, wanted: int) -> None:
        room = self._room_of(key)
        if room is None or room.valued_seq >= wanted:
            return
        try:
            claim = await self._flights.claim(key, wanted)
        except RedisAway:  # then each worker values for those who are connected to it
            await self._show(key, await self._value(key))
            return
        if claim.told is not None:
            await self._learn(key, orjson.loads(claim.told))
        elif claim.token is not None:
            await self._fly(key, claim.token)

    async def _fly(self, key: RoomKey, token: str) -> None:
        try:
            worth = await self._value(key)
        except BaseException:
            self._tasks.begin(self._abandon(key, token))
            raise
        told = _told_of(worth)
        newer = True  # without Redis nobody else can be asked
        with suppress(RedisAway):
            newer = await self._flights.land(key, token, worth.based_on_seq, orjson.dumps(told))
        if newer:
            await self._show(key, worth, told)

    async def _abandon(self, key: RoomKey, token: str) -> None:
        with suppress(RedisAway):
            await self._flights.abandon(key, token)

    async def _show(self, key: RoomKey, worth: Worth, told: dict[str, Any] | None = None) -> None:
        room = self._room_of(key)
        # What is based on an operation that nobody made would stop all that is to come.
        if room is not None and await room.reached(worth.based_on_seq):
            room.value(worth.based_on_seq, worth, told)

    async def _learn(self, key: RoomKey, told: dict[str, Any]) -> None:
        room, seq = self._room_of(key), told.get("basedOnSeq")
        if room is None or type(seq) is not int:
            return
        model = self._followed(key)
        if seq <= max(room.valued_seq, model.learning):
            return
        model.learning = seq  # what is told twice is read once
        try:
            await self._show(key, await self._worth_of(key, seq, told))
        except (Refused, KeyError, TypeError, ValueError):
            self._log.warning("no valuation of ours was told", model=str(key.model_id))
        finally:
            if model.learning == seq:
                model.learning = 0

    async def _worth_of(self, key: RoomKey, seq: int, told: dict[str, Any]) -> Worth:
        if "refusal" in told:
            return Worth(based_on_seq=seq, refused=refused_of(told["refusal"]))
        recorded = await self._find(key, str(told["valuation"]))
        return Worth(based_on_seq=seq, recorded=recorded)


def _told_of(worth: Worth) -> dict[str, Any]:
    """What the other workers are told: the id of the kept valuation, or the whole refusal."""
    if worth.refused is not None:
        return {"basedOnSeq": worth.based_on_seq, "refusal": refusal_document(worth.refused)}
    return {
        "basedOnSeq": worth.based_on_seq,
        "valuation": worth.recorded and worth.recorded.id,
    }
