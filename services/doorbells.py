"""Word of new operations: rung after each commit, and made good where it was lost.

The outbox has a row for each operation that nobody may have been told of. It is cleared once the
doorbell was rung; what a process left there when it died, another one rings. And every now and then
each worker asks the database how far the models are whose rooms it has open: so whatever happens to
messages, everybody learns of an edit within that time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from collab.bus import Bus
from collab.keys import RoomKey
from collab.rooms import Rooms
from collab.surroundings import Clock, Log, Tasks, passing
from services.errors import no_of
from store.financial_models import FinancialModels

AUDIT_S: Final = 2.0
CLEAR_S: Final = 0.5
LEFT_AFTER_S: Final = 1.0  # in the outbox: then nobody is about to clear it
AT_ONCE: Final = 500  # rows
WAITING_MOST: Final = 10_000  # rows that are to be cleared; more are left for the audit

Clear = Callable[[UUID, list[tuple[UUID, int]]], Awaitable[None]]


class Doorbells:
    """Rings for this worker's commits, and looks after everybody's."""

    def __init__(
        self,
        rooms: Rooms[Any],
        bus: Bus,
        models: FinancialModels,
        clock: Clock,
        log: Log,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clear_outbox: Clear | None = None,
    ) -> None:
        """``clear_outbox``: what takes operations out of the outbox and tells webhooks of them."""
        self._clear_outbox = clear_outbox or models.clear_outbox
        self._rooms, self._bus, self._models = rooms, bus, models
        self._clock, self._log, self._now = clock, log, now
        self._rung: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
        self._left: set[UUID] = set()  # tenants with rows that were not rung to the other workers
        self._tasks = Tasks(log)

    def ring(self, key: RoomKey, seq: int) -> None:
        """An operation was committed; never waits, never raises."""
        self._rooms.ring(key, seq)
        rung = self._rung[key.tenant_id]
        if self._bus.up and len(rung) < WAITING_MOST:
            rung.append((key.model_id, seq))
        else:
            self._left.add(key.tenant_id)

    def start(self) -> None:
        """Clear and audit from now on."""
        self._tasks.begin(self._every(CLEAR_S, self.clear))
        self._tasks.begin(self._every(AUDIT_S, self.audit))
        # What was rung meanwhile may not have been heard: that does not wait for the next round.
        self._bus.on_reconnect(lambda: self._tasks.begin(self._quietly(self.audit)))

    async def close(self) -> None:
        """End, and clear what was rung."""
        await self._tasks.close(0.0)
        await self._quietly(self.clear)

    async def clear(self) -> None:
        """Take out of the outbox what was rung."""
        for tenant_id in list(self._rung):
            events = self._rung.pop(tenant_id)
            for first in range(0, len(events), AT_ONCE):
                try:
                    await self._clear_outbox(tenant_id, events[first : first + AT_ONCE])
                except BaseException:
                    self._left.add(tenant_id)
                    raise

    async def audit(self) -> None:
        """Ask how far the models are whose rooms are open, and ring what somebody left."""
        open_rooms: dict[UUID, list[RoomKey]] = defaultdict(list)
        for room in self._rooms:
            open_rooms[room.key.tenant_id].append(room.key)
        for tenant_id, keys in open_rooms.items():
            found = await self._models.revisions(tenant_id, [key.model_id for key in keys])
            for key in keys:
                room_now = self._rooms.get(key)
                if room_now is not None and key.model_id in found:
                    room_now.ring(found[key.model_id])
        if self._bus.up:
            for tenant_id in open_rooms.keys() | self._left:
                await self._relay(tenant_id)

    async def _relay(self, tenant_id: UUID) -> None:
        before = self._now() - timedelta(seconds=LEFT_AFTER_S)
        left = await self._models.left_in_outbox(tenant_id, before, AT_ONCE)
        newest: dict[UUID, int] = {}
        for model_id, seq in left:
            newest[model_id] = max(seq, newest.get(model_id, 0))
        for model_id, seq in newest.items():
            self._rooms.ring(RoomKey(tenant_id, model_id), seq)
        await self._clear_outbox(tenant_id, left)
        if len(left) < AT_ONCE:
            self._left.discard(tenant_id)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await passing(self._clock, seconds)
            await self._quietly(work)

    async def _quietly(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as fault:
            no = no_of(fault)
            if no is None:
                self._log.exception("doorbells were not looked after")
            else:  # it is known what this is, and it is tried again
                self._log.warning("doorbells were not looked after", reason=no[1])
