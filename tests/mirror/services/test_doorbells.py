"""Whatever becomes of a doorbell, everybody learns of the edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from collab.directory import MemoryDirectory
from collab.keys import RoomKey
from collab.presence import Participant
from collab.room import Room
from collab.rooms import Rooms
from services.doorbells import AUDIT_S, CLEAR_S, Doorbells
from store.database import Database
from store.errors import DatabaseAway
from store.financial_models import FinancialModels
from tests.mirror.collab.by_hand import HandClock, Said, eventually, settled
from tests.mirror.store.conftest import database as both_databases
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import NOON, OURS, THEIRS, decided, model, operation

__all__ = [
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
]
pytestmark = pytest.mark.anyio

database = both_databases
FIRST, SECOND = model(1), model(2)


class Watched(FinancialModels):
    """Counts statements, and can be away."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked: list[str] = []
        self.away = False

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            raise DatabaseAway("the database is away")

    async def revisions(self, tenant_id: UUID, *given: Any) -> Any:
        self._ask(f"revisions {tenant_id}")
        return await super().revisions(tenant_id, *given)

    async def clear_outbox(self, tenant_id: UUID, events: Any) -> None:
        self._ask(f"clear {len(events)}")
        await super().clear_outbox(tenant_id, events)


class Office:
    """One worker's doorbells, and the rooms that it has open."""

    def __init__(self, database: Database, clock: HandClock, bus: BroadcastBus) -> None:
        self.said = Said()
        self.clock, self.bus, self.models = clock, bus, Watched(database)
        self.heard: list[tuple[UUID, int]] = []
        self.rooms: Rooms[Any] = Rooms(
            bus=bus,
            directory=MemoryDirectory(clock),
            read=self._read,
            clock=clock,
            log=self.said,
            on_operation=lambda key, seq: self.heard.append((key.model_id, seq)),
            on_valuation=lambda *_: None,
            on_closed=lambda *_: None,
        )
        self.now = NOON
        self.bells = Doorbells(self.rooms, bus, self.models, clock, self.said, now=lambda: self.now)

    async def _read(self, key: RoomKey, after: int, limit: int) -> Any:
        return await self.models.operations(key.tenant_id, key.model_id, after=after, limit=limit)

    async def open(self, stack: AsyncExitStack, of: Any = FIRST, tenant: UUID = OURS) -> Room[Any]:
        room = await stack.enter_async_context(self.rooms.opened(RoomKey(tenant, of.id)))
        found = await self.models.find(tenant, of.id)
        assert found is not None
        room.begin(found.revision)
        who, _ = await room.enter(
            Participant(id=uuid4().hex, member_id=UUID(int=1), name="A", role="VIEWER", colour=0)
        )
        stack.callback(room.leave, who.id)
        return room

    async def commit(self, of: Any = FIRST, *, at: datetime = NOON, ring: bool = True) -> int:
        """An edit; without a ring the process died after its commit."""
        done = await self.models.append(
            OURS, of.id, operation(uuid4(), at=at), lambda record, *_: decided(record)
        )
        assert done is not None
        seq = done.operation.seq
        if ring:
            self.bells.ring(RoomKey(OURS, of.id), seq)
        return seq

    async def left(self, tenant: UUID = OURS) -> list[tuple[UUID, int]]:
        return await self.models.left_in_outbox(tenant, datetime.max.replace(tzinfo=UTC), 1_000)


@pytest.fixture
async def offices(database: Database) -> AsyncIterator[tuple[Office, Office, AsyncExitStack]]:
    """Two workers on one bus in memory, with rooms to open; the outbox is empty."""
    clock = HandClock()
    bus = BroadcastBus(MemoryBackend(), Said())
    await bus.start()
    both = Office(database, clock, bus), Office(database, clock, bus)
    for of in (FIRST, SECOND):
        await both[0].models.create(OURS, of, operation(uuid4(), verb="CREATE"))
    await both[0].models.create(THEIRS, FIRST, operation(uuid4(), verb="CREATE"))
    for tenant in (OURS, THEIRS):
        await both[0].models.clear_outbox(tenant, await both[0].left(tenant))
    for office in both:
        office.models.asked.clear()
    async with AsyncExitStack() as stack:
        yield (*both, stack)
    for office in both:
        await office.bells.close()
    await bus.close()


Offices = tuple[Office, Office, AsyncExitStack]


async def test_what_was_rung_is_heard_everywhere_and_cleared_together(offices: Offices) -> None:
    here, there, stack = offices
    rooms = [await office.open(stack) for office in (here, there)]
    for _ in range(5):
        await here.commit()
    await here.clock.pass_by(0.1)
    await eventually(lambda: all(room.seq == 6 for room in rooms))
    assert [seq for _, seq in await here.left()] == [2, 3, 4, 5, 6]
    await here.bells.clear()
    assert await here.left() == []
    assert here.models.asked == ["clear 5"]
    await here.bells.clear()
    assert here.models.asked == ["clear 5"]


async def test_a_lost_doorbell_is_made_good_by_the_audit(offices: Offices) -> None:
    here, there, stack = offices
    room = await there.open(stack)
    for _ in range(3):
        await here.commit(ring=False)
    assert room.seq == 1
    await there.bells.audit()
    await eventually(lambda: room.seq == 4)
    assert there.heard == [(FIRST.id, 4)]


async def test_an_audit_asks_once_for_each_tenant_with_open_rooms(offices: Offices) -> None:
    here, _, stack = offices
    await here.bells.audit()
    assert here.models.asked == []
    await here.open(stack, FIRST)
    await here.open(stack, SECOND)
    await here.open(stack, FIRST, THEIRS)
    await here.bells.audit()
    asked = [what for what in here.models.asked if what.startswith("revisions")]
    assert sorted(asked) == sorted([f"revisions {OURS}", f"revisions {THEIRS}"])


async def test_what_a_dead_process_left_is_rung_by_another_and_cleared(offices: Offices) -> None:
    here, there, stack = offices
    # The room that somebody watches is open there; this worker only has another one of the tenant.
    room = await there.open(stack, FIRST)
    await here.open(stack, SECOND)
    for _ in range(3):
        await here.commit(ring=False)
    await here.commit(at=NOON + timedelta(hours=1), ring=False)  # that one may still be rung
    here.now = NOON + timedelta(seconds=2)
    await here.bells.audit()
    await here.clock.pass_by(0.1)
    await eventually(lambda: room.seq == 5)
    assert await here.left() == [(FIRST.id, 5)]


async def test_what_could_not_be_told_stays_until_it_can(offices: Offices) -> None:
    here, there, stack = offices
    room = await there.open(stack, FIRST)
    here.bus._backend.up = False
    await here.commit()
    await here.bells.clear()
    await here.bells.audit()
    assert [seq for _, seq in await here.left()] == [2]
    here.bus._backend.up = True
    here.now = NOON + timedelta(seconds=2)
    await here.bells.audit()
    assert await here.left() == []
    await here.clock.pass_by(0.1)
    await eventually(lambda: room.seq == 2)


async def test_what_could_not_be_cleared_is_cleared_later(offices: Offices) -> None:
    here, _, _ = offices
    await here.commit()
    here.models.away = True
    with pytest.raises(DatabaseAway):
        await here.bells.clear()
    here.models.away = False
    here.now = NOON + timedelta(seconds=2)
    await here.bells.audit()
    assert await here.left() == []


async def test_it_looks_by_itself_and_survives_a_database_that_is_away(offices: Offices) -> None:
    here, _, stack = offices
    room = await here.open(stack)
    here.bells.start()
    here.models.away = True
    await here.commit(ring=False)
    await here.clock.pass_by(3 * AUDIT_S)
    assert "doorbells were not looked after" in here.said.events
    here.models.away = False

    async def seen() -> bool:
        await here.clock.pass_by(CLEAR_S)
        return room.seq == 2

    await eventually(seen)


async def test_the_last_rings_are_cleared_at_the_end(offices: Offices) -> None:
    here, _, _ = offices
    here.bells.start()
    await here.commit()
    await here.bells.close()
    await settled()
    assert await here.left() == []
