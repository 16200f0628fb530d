"""Workers with rooms, and people in them, on databases and servers of a test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from collab.bus import BroadcastBus, MemoryBackend
from collab.connection import RedisConnection
from collab.directory import Directory, MemoryDirectory, RedisDirectory
from collab.flights import Flights, MemoryFlights, RedisFlights
from collab.keys import RoomKey
from collab.presence import Cursor, Participant
from collab.redis_backend import RedisBackend
from collab.surroundings import RunningLoop
from services.collaboration import Batch, CollaborationService, Worth
from services.compute import Compute
from services.contents import Unit
from services.edits import Edit
from services.financial_models import ModelService
from services.history import Revision
from services.kinds import DCF
from services.model import Model
from services.principal import Principal, Role
from services.rates import Rate
from services.sessions import Session
from services.valuations import ValuationService
from store.database import Database
from store.financial_models import FinancialModels
from store.tenants import Tenants
from store.valuations import Valuations
from tests.admitted import Unseen
from tests.mirror.collab.by_hand import Said, eventually
from tests.mirror.services.models_at_work import NobodyCounts, firm_inputs
from tests.mirror.services.tenants_at_work import tenant_service
from tests.mirror.store.world import OURS, THEIRS, member, tenant
from tests.model_edits import SHAPES

TEAM = 6  # members of ours, numbered from 1


def principal_of(number: int, role: Role = Role.ANALYST, tenant_id: UUID = OURS) -> Principal:
    return Principal(
        tenant_id=tenant_id,
        member_id=UUID(int=number),
        role=role,
        session_id=f"token {number}",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


async def settle_team(database: Database) -> None:
    """Two tenants; ours has a team."""
    tenants = Tenants(database)
    await tenants.ensure(tenant(OURS), [member(number) for number in range(1, TEAM + 1)])
    await tenants.ensure(tenant(THEIRS), [member(99)])


@dataclass
class Worker:
    """One server process' part in rooms."""

    models: ModelService
    rooms: CollaborationService
    operations: FinancialModels
    valuations: ValuationService
    bus: BroadcastBus
    said: Said
    reads: list[str] = field(default_factory=list)  # ids of valuations that were looked up

    async def make(self) -> Model:
        return await self.models.create(
            principal_of(1), kind=DCF, name="Firm", unit=Unit.ONES, inputs=firm_inputs()
        )

    async def edit(self, model: Model, path: str, value: Any, *, by: int = 1) -> int:
        changed = await self.models.edit(
            principal_of(by), model.id, str(uuid4()), [Edit(path, value)]
        )
        return changed.revision.revision


@asynccontextmanager
async def working(
    database: Database,
    redis_url: str | None = None,
    together: Worker | None = None,
) -> AsyncIterator[Worker]:
    """A worker; without Redis it may share the bus and the memory of another one."""
    async with AsyncExitStack() as stack:
        said = Said()
        directory: Directory
        flights: Flights
        if redis_url is not None:
            redis = RedisConnection(redis_url)
            stack.push_async_callback(redis.close)
            bus = BroadcastBus(RedisBackend(redis_url, said), said)
            directory, flights = RedisDirectory(redis), RedisFlights(redis)
        elif together is not None:
            bus = together.bus
            directory, flights = together.rooms._directory, together.rooms._recalculation._flights
        else:
            bus = BroadcastBus(MemoryBackend(), said)
            directory, flights = MemoryDirectory(RunningLoop()), MemoryFlights(RunningLoop())
        if together is None or redis_url is not None:
            await bus.start()
            stack.push_async_callback(bus.close)
            await eventually(lambda: bus.up)
        compute = Compute()
        stack.callback(compute.close)
        tenants, operations = tenant_service(database), FinancialModels(database)
        valuations = ValuationService(
            Valuations(database), tenants, compute, NobodyCounts(), Unseen()
        )
        models = ModelService(
            operations, tenants, valuations, SHAPES, Unseen(), rate=Rate("Edits", 1e6, 1_000_000)
        )
        rooms = CollaborationService(
            models=models,
            operations=operations,
            tenants=tenants,
            valuations=valuations,
            bus=bus,
            directory=directory,
            flights=flights,
            log=said,
        )
        models.doorbell = rooms
        await rooms.start()
        stack.push_async_callback(rooms.close)
        worker = Worker(models, rooms, operations, valuations, bus, said)
        kept = rooms._recalculation._find

        async def found(key: RoomKey, valuation_id: str) -> Any:
            worker.reads.append(valuation_id)
            return await kept(key, valuation_id)

        rooms._recalculation._find = found
        yield worker


@dataclass
class Person:
    """Somebody who is in a room over one connection, and what they know by its batches."""

    worker: Worker
    session: Session
    batches: list[Batch] = field(default_factory=list)
    me: Participant | None = None
    members: dict[str, Participant] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    selections: dict[str, tuple[str, ...]] = field(default_factory=dict)
    edits: list[Revision] = field(default_factory=list)
    worths: list[Worth] = field(default_factory=list)
    failed: BaseException | None = None
    _task: asyncio.Task[None] | None = None

    def learn(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.me = batch.me or self.me
        if batch.members is not None:
            self.members = {who.id: who for who in batch.members}
            self.cursors, self.selections = {}, {}
        for id_ in batch.left:
            for known in (self.members, self.cursors, self.selections):
                known.pop(id_, None)
        self.members |= {who.id: who for who in batch.joined}
        self.cursors |= dict(batch.cursors)
        self.selections |= dict(batch.selections)
        self.edits += batch.edits
        if batch.worth is not None:
            self.worths.append(batch.worth)

    @property
    def id(self) -> str:
        assert self.me is not None
        return self.me.id

    @property
    def seqs(self) -> list[int]:
        return [edit.revision for edit in self.edits]

    async def read(self, model_id: UUID, after: int | None) -> None:
        batches = self.worker.rooms.join(self.session, model_id, after)
        try:
            async for batch in batches:
                self.learn(batch)
        except Exception as error:
            self.failed = error
        finally:
            await batches.aclose()

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sees(self, what: Callable[[Person], object]) -> None:
        def holds() -> object:
            if self.failed is not None:
                raise self.failed
            return what(self)

        await eventually(holds)


async def enter(
    worker: Worker,
    model: Model,
    number: int = 1,
    *,
    after: int | None = None,
    session: Session | None = None,
    role: Role = Role.ANALYST,
) -> Person:
    """Somebody who has their first batch."""
    person = Person(worker, session or Session(principal_of(number, role)))
    person._task = asyncio.create_task(person.read(model.id, after))
    await person.sees(lambda who: who.batches)
    return person
