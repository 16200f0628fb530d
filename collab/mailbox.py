"""One subscriber's end of a room: it holds no messages, only how far the subscriber has come.

Whoever is slow finds the newest state when they look, and the operations that they miss in the
room's ring or in the log. So a subscriber that stands still costs as much as one that does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic

from collab.presence import Changes
from collab.ring import O

if TYPE_CHECKING:
    from collab.room import Room

BATCH: Final = 256  # operations at a time
BEHIND_MAX: Final = 10_000  # operations; beyond that the model is read anew
_NOTHING_YET: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Generic[O]):
    """What happened in a room since the last time."""

    changes: Changes
    everyone: bool  # `changes` are all that is there: forget who was known before
    operations: Sequence[O]  # the next ones, in order
    seq: int  # of the newest operation that the subscriber has, with these
    behind: bool  # too many are missing; see `Mailbox.begin_at`
    valuation: Any = None  # where there is a newer one


class Mailbox(Generic[O]):
    """What a subscriber has not seen yet."""

    __slots__ = ("_end", "_room", "_seen", "_valued", "_woken", "seq")

    def __init__(self, room: Room[O], seq: int) -> None:
        self._room = room
        self._woken = asyncio.Event()
        self._end: Exception | None = None
        self.begin_at(seq)

    def begin_at(self, seq: int) -> None:
        """Have everything as of ``seq`` from elsewhere; see everybody anew."""
        self.seq = seq
        self._seen = self._valued = _NOTHING_YET
        self._woken.set()

    def wake(self) -> None:
        """There may be something new."""
        self._woken.set()

    def end(self, why: Exception) -> None:
        """Give nothing more: `next` raises this from now on."""
        self._end = why
        self._woken.set()

    async def next(self) -> News[O]:
        """What is new, as soon as there is something and the room's tick has come."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._end is not None:
                raise self._end
            news = await self._take()
            if news is not None:
                return news

    async def _take(self) -> News[O] | None:
        room = self._room
        behind = room.seq - self.seq > BEHIND_MAX
        operations = [] if behind else await room.operations(self.seq)
        # From here on nothing waits: what is taken is one moment's.
        if operations:
            self.seq = operations[-1].seq
            if room.seq > self.seq:
                self._woken.set()
        changes = room.presence.since(self._seen)
        everyone = changes is None
        if changes is None:
            changes = room.presence.everything()
        self._seen = room.presence.version
        valuation = None
        if self._valued < room.valued_seq <= self.seq:  # after the edits that it is based on
            valuation, self._valued = room.valuation, room.valued_seq
        if not (operations or changes or everyone or behind or valuation is not None):
            return None
        return News(
            changes=changes,
            everyone=everyone,
            operations=operations,
            seq=self.seq,
            behind=behind,
            valuation=valuation,
        )
