"""A model, who watches it, and what each of them saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.faults.comparison import Sighting
from benchmarks.faults.documents import WATCH, uuid_of
from benchmarks.faults.stack import Stack
from benchmarks.faults.tenants import Tenant
from benchmarks.faults.wire import NotNow, Socket, Unclean, data_of, holds, patience

GHOST_AFTER_S: Final = 20.0
SETTLED_WITHIN_S: Final = 30.0


@dataclass(slots=True)
class Room:
    """One model of one tenant, and its watchers."""

    stack: Stack
    tenant: Tenant
    model: str  # its global id
    watchers: list[Watcher] = field(default_factory=list)
    departed: dict[str, float] = field(default_factory=dict)  # participant -> when it was cut off
    unclean: list[str] = field(default_factory=list)

    def have(self, *names: str) -> None:
        """Have watchers of these names from now on."""
        self.watchers += [Watcher(self, name, member) for member, name in enumerate(names)]

    def has_seen(self, revision: int) -> bool:
        """Whether every watcher was told of everything up to a revision."""
        return all(watcher.seq >= revision for watcher in self.watchers)

    def ghosts(self) -> set[str]:
        """Who is shown to somebody now, though nobody has been there for 20 s.

        Somebody may have been cut off before he heard who he was: of such a one it is known only
        since when he is shown.
        """
        long_ago = time.monotonic() - GHOST_AFTER_S
        here = {watcher.me for watcher in self.watchers}
        return {
            who
            for watcher in self.watchers
            for who, since in watcher.shown.items()
            if who not in here and self.departed.get(who, since) < long_ago
        }

    def missing(self) -> list[str]:
        """Who is not connected, or not shown to somebody."""
        here = {watcher.me for watcher in self.watchers if watcher.me}
        away = [watcher for watcher in self.watchers if not watcher.me]
        wrong = [f"{watcher.name} is not connected: {watcher.cut_off_by}" for watcher in away]
        for watcher in self.watchers:
            wrong += [f"{watcher.name} is not shown {who}" for who in here - watcher.shown.keys()]
        return wrong

    async def observed(self, until: float) -> list[str]:
        """Look who is shown until a moment, and then whether members are exact; what is wrong."""
        ghosts: set[str] = set()

        def over() -> bool:
            ghosts.update(self.ghosts())
            return time.monotonic() > until

        await holds(over, until + 1.0 - time.monotonic())
        await holds(lambda: not self.missing(), SETTLED_WITHIN_S)
        ghosts |= self.ghosts()
        wrong = [f"{who} is shown {GHOST_AFTER_S:g} s after its end" for who in ghosts]
        wrong += self.missing()
        return [f"{self.tenant.name} {uuid_of(self.model)}: {words}" for words in wrong]

    async def close(self) -> None:
        await asyncio.gather(*(watcher.close() for watcher in self.watchers))


class Watcher:
    """Somebody who looks at a model all the time, and comes back whenever cut off."""

    def __init__(self, room: Room, name: str, member: int) -> None:
        self.name = name
        self.seen: list[Sighting] = []
        self.seen_at: dict[int, float] = {}  # revision -> when it was told of it
        self.seq = 1  # whoever made the model knows the first revision
        self.me: str | None = None  # who it is while connected
        self.shown: dict[str, float] = {}  # who it is shown, itself included: since when
        self.cut_off_by = "it never was"  # the last time, in words
        self._room = room
        self._member = member
        self._socket: Socket | None = None
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        tries = 0
        while True:
            before = self.seq
            try:
                await self._stay()
            except NotNow as no:
                self.cut_off_by = str(no)
            except Unclean as no:
                self.cut_off_by = str(no)
                self._room.unclean.append(f"{self.name}: {no}")
            self._cut_off()
            tries = 0 if self.seq > before else tries + 1
            await patience(tries)

    async def _stay(self) -> None:
        self._socket = await Socket.opened(self._room.stack, self._room.tenant, self._member)
        try:
            variables = {"model": self._room.model, "after": self.seq}
            async with aclosing(self._socket.answers(WATCH, variables)) as answers:
                async for answer in answers:
                    self._take(data_of(answer)["collaboration"])
        finally:
            self._socket.abort()

    def _take(self, batch: dict[str, Any]) -> None:
        if batch["me"] is not None:
            self.me = batch["me"]["id"]
        now = time.monotonic()
        there = self.shown.keys() if batch["members"] is None else _ids(batch["members"])
        there = (there | _ids(batch["joined"])) - set(batch["left"])
        self.shown = {who: self.shown.get(who, now) for who in there}
        if batch["resync"]:
            self._room.unclean.append(f"{self.name} was told to begin anew after {self.seq}")
        for edit in batch["edits"]:
            self.seen.append(Sighting(edit["revision"], edit["operationId"]))
            self.seen_at.setdefault(edit["revision"], now)
        self.seq = max(self.seq, batch["seq"])

    def _cut_off(self) -> None:
        if self.me:
            self._room.departed[self.me] = time.monotonic()
        self.me = None
        self.shown = {}

    def crash(self) -> None:
        """Be gone without a word, and come back as a newcomer."""
        if self._socket is not None:
            self._socket.abort()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _ids(members: Iterable[dict[str, Any]]) -> set[str]:
    return {member["id"] for member in members}
