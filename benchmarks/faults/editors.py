"""Who edits: always with an operation id, again and again until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from benchmarks.faults.documents import EDIT, edit
from benchmarks.faults.ledger import Entry, Ledger
from benchmarks.faults.wire import NotNow, Road, Unclean, data_of, patience

PAUSE_S: Final = 0.08  # a member may edit a model 20 times a second
HANGS_UP: Final = 0.10  # share of operations whose first answer nobody waits for
TWINS: Final = 0.06  # share of operations that are sent twice at the same moment


@dataclass(slots=True)
class Editor:
    """One person with one road to the server, who does one thing at a time."""

    ledger: Ledger
    road: Road
    model: str
    paths: tuple[str, ...]
    values: Iterator[int]
    chance: Random
    acknowledged: list[Entry] = field(default_factory=list)
    put_off: int = 0  # how often there was no answer, or one that said: later
    unclean: list[str] = field(default_factory=list)

    async def edit_until(self, enough: asyncio.Event) -> None:
        """Edit until told that it is enough; the last operation is seen through."""
        try:
            while not enough.is_set():
                path = self.chance.choice(self.paths)
                entry = self.ledger.sent(self.model, path, float(next(self.values)))
                await self._see_through(entry)
                self.acknowledged.append(entry)
                await asyncio.sleep(self.chance.uniform(0.5, 1.5) * PAUSE_S)
        finally:
            await self.road.close()

    async def _see_through(self, entry: Entry) -> None:
        asked = edit(entry.model, entry.operation_id, entry.path, entry.value)
        lot = self.chance.random()
        if lot < HANGS_UP:
            after_s = self.chance.uniform(0.0, 0.01)
            with suppress(NotNow):
                await self.road.hang_up_on(EDIT, asked, after_s)
        elif lot < HANGS_UP + TWINS:
            await asyncio.gather(self._send(entry, asked), self._send(entry, asked))
        tries = 0
        while not await self._send(entry, asked):
            await patience(tries)
            tries += 1

    async def _send(self, entry: Entry, asked: dict[str, Any]) -> bool:
        """Whether it was acknowledged, now or before."""
        try:
            outcome = data_of(await self.road.ask(EDIT, asked))["editModel"]
            if outcome.get("code") == "RATE_LIMITED":  # too fast, which is no trouble
                return False
            if outcome["__typename"] == "Refusal":
                raise Unclean(f"{outcome['code']}: {outcome['message']}")
        except NotNow:
            self.put_off += 1
        except Unclean as no:
            self.unclean.append(f"an edit of {self.model} was answered by {no}")
        else:
            self.ledger.answered(entry, outcome["revision"]["revision"])
        return entry.revision is not None
