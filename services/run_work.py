"""Whose turn it is: a process works on the runs whose lease it holds, and on no other.

A lease is 15 s and renewed each 5. A process that dies renews nothing, and whoever looks at its
runs next takes them over and computes them anew, to the same bits. Clocks of two processes may
differ: the worst that comes of it is work done twice, since only the holder's result is kept.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from collab.bus import Bus
from collab.keys import Channel, run_channel
from engine.errors import Refused
from observability.logs import Log
from services.audit import entry
from services.errors import Overloaded
from services.kinds import KINDS, Document
from services.refusals import Cancelled, refusal_document
from services.run import (
    CANCELLED,
    RunState,
    progress_message,
    sealed,
    state_message,
    understood,
)
from services.run_refunds import RunRefunds
from services.workers import ClusterAway, WorkerDied, WorkerPool, WorkFailed
from store.errors import DatabaseAway, DatabaseBusy
from store.runs import RunRecord, Runs
from store.valuations import Valuations

LEASE: Final = timedelta(seconds=15)
RENEW_S: Final = 5.0
AGAIN_S: Final = 1.0  # between two tries to write down an end
ATTEMPTS: Final = 3

_GIVEN_UP: Final = (
    f"It was begun {ATTEMPTS} times and each time the process that computed it ended. Start it "
    "again with fewer trials; if that ends the same way, tell who runs this server."
)
_CLUSTER_AWAY: Final = (
    f"{{reason}}. It was begun {ATTEMPTS} times. Start it again when the cluster is back; whoever "
    "runs this server sees to that."
)
_FAULT: Final = "It failed by a fault of ours, which has been logged. Nothing was kept."
_NO_VALUATION: Final = "The valuation that it is about is not kept any longer."


class Lost(Exception):
    """The run is somebody else's now, or has ended."""


@dataclass(slots=True, eq=False)
class Held:
    """A run whose lease this process holds."""

    tenant_id: UUID
    run_id: UUID
    task: asyncio.Task[None] = field(init=False)
    known: Document | None = None  # the newest progress
    noted: Document | None = None  # the newest that is kept
    ending: bool = False  # its end is being written down, or it is being dropped

    @property
    def channel(self) -> Channel:
        return run_channel(self.tenant_id, self.run_id)


class RunWork:
    """The runs that this process works on."""

    def __init__(
        self,
        runs: Runs,
        kept: Valuations,
        pool: WorkerPool,
        bus: Bus,
        log: Log,
        *,
        deadline_s: float,
        refunds: RunRefunds,
        may_begin: Callable[[UUID, str], Awaitable[bool]] | None = None,
        ended: Callable[[UUID], None] = lambda _tenant_id: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``may_begin``: whether a tenant's runs of a kind may; None: always. One that may not
        stays in the queue, and whoever looks at it later takes it. ``ended``: called with a tenant
        once the end of a run of its is on record."""
        self.name = f"{platform.node()[:32]}-{os.getpid()}-{secrets.token_urlsafe(6)}"
        self._runs, self._kept, self._pool, self._bus, self._log = runs, kept, pool, bus, log
        self._deadline_s, self._may_begin, self._clock = deadline_s, may_begin, clock
        self._refunds = refunds
        self.ended = ended
        self._held: dict[UUID, Held] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether so much work waits that more would be refused."""
        return self._pool.full

    def lease_end(self) -> datetime:
        """Until when a lease is that is taken now."""
        return self._clock() + LEASE

    def progress(self, run_id: UUID) -> Document | None:
        """What is known so far, where this process works on a run."""
        held = self._held.get(run_id)
        return None if held is None else held.known

    def hold(self, tenant_id: UUID, run_id: UUID) -> None:
        """Work on a run whose lease this process has."""
        held = self._held[run_id] = Held(tenant_id, run_id)
        held.task = asyncio.create_task(self._work(held), name=f"run {run_id}")
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew_again(), name="leases of runs")

    def drop(self, run_id: UUID) -> None:
        """Stop working on a run: it was cancelled, or is somebody else's."""
        held = self._held.get(run_id)
        if held is not None and not held.ending:
            held.ending = True  # told twice, the worker would have no time to stop by itself
            held.task.cancel()

    async def look(self, tenant_id: UUID, record: RunRecord) -> RunRecord:
        """The run as it is after whoever may take it has: if its lease has lapsed, this process."""
        now = self._clock()
        if not record.lapsed(now) or record.id in self._held:  # the next renewal sees to our own
            return record
        if not understood(record):  # of a newer version, whose processes do it
            return record
        if record.attempts >= ATTEMPTS:
            end = orjson.dumps(refusal_document(Cancelled(_GIVEN_UP))).decode()
            given_up = entry(None, "run.ended", "run", record.id, state="FAILED")
            if await self._runs.abandon(tenant_id, record.id, now, end, given_up):
                self._bus.publish(run_channel(tenant_id, record.id), state_message(RunState.FAILED))
                self.ended(tenant_id)
                await self._refunds.ended(tenant_id, record.id)
        elif self.full or not await self._runs.take(
            tenant_id, record.id, self.name, now, self.lease_end()
        ):
            return record
        else:
            self._log.warning("a run was taken over", run=str(record.id), attempts=record.attempts)
            self.hold(tenant_id, record.id)
        return await self._runs.find(tenant_id, record.id) or record

    async def renew(self) -> None:
        """Hold on to everything, by one statement for each tenant, and let go of what is lost.

        Raises:
            DatabaseAway, DatabaseBusy.
        """
        tenants: dict[UUID, list[Held]] = defaultdict(list)
        for held in self._held.values():
            tenants[held.tenant_id].append(held)
        for tenant_id, ours in tenants.items():
            if await self._runs.renew(tenant_id, self.name, self.lease_end()) != len(ours):
                mine = await self._runs.mine(tenant_id, self.name)
                for held in ours:
                    if held.run_id not in mine:
                        self.drop(held.run_id)
            for held in ours:
                if held.known is not None and held.known is not held.noted and not held.ending:
                    await self._note(held, held.known)

    async def close(self) -> None:
        """Let go of every run, so that another process need not wait for a lease to lapse."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
        ours = list(self._held.values())
        for held in ours:
            held.task.cancel()
        if ours:
            await asyncio.wait([held.task for held in ours])
        await asyncio.gather(*self._settling)
        for tenant_id in {held.tenant_id for held in ours}:
            await self._runs.release(tenant_id, self.name)

    async def _renew_again(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew()
            except (DatabaseAway, DatabaseBusy) as away:
                self._log.warning("leases of runs were not renewed", reason=str(away))
            except Exception:
                self._log.exception("leases of runs were not renewed")

    async def _note(self, held: Held, known: Document) -> None:
        text = orjson.dumps(known).decode()
        await self._runs.note(held.tenant_id, held.run_id, self.name, known["trialsDone"], text)
        held.noted = known

    async def _work(self, held: Held) -> None:
        """From the first attempt to the end that is on record."""

        def hear(message: bytes) -> None:
            if message == CANCELLED:
                self.drop(held.run_id)

        ear = None
        try:
            ear = await self._bus.subscribe(held.channel, hear)
            result, refusal = None, None
            try:
                result = await self._computed(held)
            except Refused as no:
                refusal = refusal_document(no)
            await self._end(held, result, refusal)
        except (Lost, Overloaded):
            pass  # whoever looks at it next decides
        except Exception as fault:
            # The lease lapses, and whoever looks at the run next tries again.
            self._log.exception("a run was let go", run=str(held.run_id), kind=type(fault).__name__)
        finally:
            self._held.pop(held.run_id, None)
            self._settle(held)
            if ear is not None:
                await ear.close()

    def _settle(self, held: Held) -> None:
        """By itself: who is told that a run was dropped has no time left to wait."""
        trials = 0 if held.known is None else held.known["trialsDone"]
        task = asyncio.create_task(self._refunds.ended(held.tenant_id, held.run_id, trials))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _computed(self, held: Held) -> Document:
        """The result, by as many attempts as it may have.

        Raises:
            Refused, Lost, Overloaded.
        """
        given_up = _GIVEN_UP
        while True:
            record = await self._runs.find(held.tenant_id, held.run_id)
            if record is None or not record.active or record.owner != self.name:
                raise Lost
            if record.attempts >= ATTEMPTS:
                raise Cancelled(given_up)
            job = await self._job(held.tenant_id, record)
            try:
                async with self._pool.lent() as worker:
                    if self._may_begin and not await self._may_begin(held.tenant_id, job["kind"]):
                        raise Lost
                    if not await self._runs.begin(
                        held.tenant_id, held.run_id, self.name, self._clock()
                    ):
                        raise Lost
                    self._bus.publish(held.channel, state_message(RunState.RUNNING))
                    done = await worker.do(
                        record.kind, job, self._deadline_s, lambda known: self._tell(held, known)
                    )
                    return sealed(record, done)
            except ClusterAway as away:
                given_up = _CLUSTER_AWAY.format(reason=away)
                self._log.warning(
                    "a run's cluster was lost", run=str(held.run_id), reason=str(away)
                )
            except WorkerDied:
                self._log.warning("a run's worker died", run=str(held.run_id))
            except WorkFailed:
                raise Cancelled(_FAULT) from None

    async def _job(self, tenant_id: UUID, record: RunRecord) -> Document:
        kept = await self._kept.find(tenant_id, record.valuation_id)
        if kept is None:
            raise Cancelled(_NO_VALUATION)
        kind = KINDS[kept.kind]
        inputs = kind.upgraded(orjson.loads(kept.inputs), kept.input_version, to=kind.input_version)
        return {"kind": kind.name, "inputs": inputs, **orjson.loads(record.spec)}

    def _tell(self, held: Held, known: Document) -> None:
        held.known = known
        self._bus.publish(held.channel, progress_message(known))

    async def _end(self, held: Held, result: Document | None, refusal: Document | None) -> None:
        """Write the end down, however long the database is away, unless somebody took the run."""
        state = RunState.DONE if refusal is None else RunState.FAILED
        known = held.known
        held.ending = True
        while True:
            with suppress(DatabaseAway, DatabaseBusy):
                kept = await self._runs.finish(
                    held.tenant_id,
                    held.run_id,
                    self.name,
                    self._clock(),
                    state=state.value,
                    trials_done=0 if known is None else known["trialsDone"],
                    progress=None if known is None else orjson.dumps(known).decode(),
                    result=None if result is None else orjson.dumps(result).decode(),
                    refusal=None if refusal is None else orjson.dumps(refusal).decode(),
                    noted=entry(None, "run.ended", "run", held.run_id, state=state.value),
                )
                break
            await asyncio.sleep(AGAIN_S)
        if kept:
            self._bus.publish(held.channel, state_message(state))
            self.ended(held.tenant_id)
