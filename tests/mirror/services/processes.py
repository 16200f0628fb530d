"""Server processes that share a database and work on its runs, all in this one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from collab.bus import BroadcastBus, MemoryBackend
from engine.dcf import DcfOutput
from engine.simulation import SimulationSpec
from observability.metrics import Meter
from observability.objectives import edges_ns, load
from services.compute import Compute
from services.frames import Frame
from services.kinds import DCF, KINDS
from services.metering import Budget
from services.principal import Principal
from services.run import AskedSimulation, OfInputs, Run, Source
from services.run_refunds import RunRefunds
from services.run_work import RunWork
from services.runs import RunService
from services.valuations import Recorded, ValuationService
from store.database import Database
from store.runs import RunRecord, Runs
from store.valuations import Valuations
from tests.admitted import Unseen
from tests.dcf_documents import firm
from tests.mirror.services.computing import QUIET, WatchedPool, pool_of, spec
from tests.mirror.services.conftest import principal
from tests.mirror.services.tenants_at_work import tenant_service
from tests.mirror.store.world import OURS


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class NoModels:
    """Runs about models are tried through the whole application."""

    async def value(
        self, principal: Principal, model_id: UUID, scenario: str | None = None, *, where: str
    ) -> tuple[object, Recorded]:
        raise NotImplementedError


@dataclass(eq=False)
class Process:
    """One server process' part in runs."""

    pool: WatchedPool
    bus: BroadcastBus
    runs: Runs
    work: RunWork
    service: RunService
    valuations: ValuationService
    clock: Clock

    async def start(self, asked: AskedSimulation, operation: str | None = None) -> Run:
        return await self.service.start(principal(), asked, operation)

    async def ended(self, run: Run) -> Run:
        """Follow a run to its end."""
        async with asyncio.timeout(60.0):
            async for step in self.service.follow(principal(), run.id):
                last = step
        return last

    async def kept(self, run: Run) -> RunRecord:
        """The run's row."""
        found = await self.runs.find(OURS, run.id)
        assert found is not None
        return found

    async def worker_of(self, run: Run) -> int:
        """The pid of the worker, once it computes."""
        async with asyncio.timeout(60.0):
            async for step in self.service.follow(principal(), run.id):
                if step.known is not None:
                    break
        (pid,) = self.pool.alive()
        return pid

    async def die(self) -> None:
        """As by SIGKILL: nothing is renewed, released or written any more."""
        self.work.close = nothing  # type: ignore[method-assign]  # it never gets to that
        tasks = [held.task for held in self.work._held.values()]
        for task in (*tasks, self.work._renewing):
            if task is not None:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.pool.close()


async def nothing() -> None:
    """Done at once."""


@asynccontextmanager
async def process(
    database: Database,
    compute: Compute,
    clock: Clock | None = None,
    bus: BroadcastBus | None = None,
    *,
    budget: Budget | None = None,
    memory_mb: int = 2_048,
    deadline_s: float = 600.0,
    audit_s: float = 2.0,
    **pool: Any,
) -> AsyncIterator[Process]:
    clock = clock or Clock()
    own = BroadcastBus(MemoryBackend(), QUIET)
    await own.start()
    tenants = tenant_service(database)
    meter = Meter(edges_ns=edges_ns(load()), build={}, kinds=tuple(KINDS))
    valuations = ValuationService(Valuations(database), tenants, compute, meter, Unseen())
    async with pool_of(memory_mb=memory_mb, **pool) as workers:
        runs = Runs(database)
        refunds = RunRefunds(runs, budget or Budget(QUIET), tenants.terms, QUIET, clock)
        heard = bus or own
        work = RunWork(
            runs,
            Valuations(database),
            workers,
            heard,
            QUIET,
            deadline_s=deadline_s,
            refunds=refunds,
            clock=clock,
        )
        service = RunService(
            runs,
            work,
            tenants,
            valuations,
            NoModels(),
            heard,
            Unseen(),
            refunds,
            audit_s=audit_s,
            clock=clock,
        )
        try:
            yield Process(workers, heard, runs, work, service, valuations, clock)
        finally:
            await work.close()
            await own.close()


def asked(
    trials: int = 100_000,
    source: Source | None = None,
    price: float | None = 10.0,
    given: SimulationSpec | None = None,
) -> AskedSimulation:
    """A simulation of the firm."""
    return AskedSimulation(
        source=source or OfInputs(DCF, firm()),
        output=DcfOutput.VALUE_PER_SHARE,
        spec=given or spec(trials),
        price=price,
    )


def result_of(run: Run) -> Frame:
    assert run.result is not None, run.refusal
    return run.result
