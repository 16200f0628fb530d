"""Runs: started within the plan, followed from anywhere, cancelled from anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

import orjson

from collab.bus import Bus
from collab.keys import run_channel
from engine.convergence import SoFar
from engine.simulation import admit_spec
from services.audit import entry
from services.audit_log import Looks
from services.errors import Conflict, IdempotencyKeyReused, NotFound, Overloaded, QuotaExceeded
from services.ids import new_id, operation_id_of
from services.principal import Action, Principal
from services.refusals import Cancelled, refusal_document
from services.run import (
    CANCELLED,
    AskedSimulation,
    OfInputs,
    OfModel,
    OfValuation,
    Run,
    RunState,
    progress_in,
    so_far_of,
)
from services.run_refunds import RunRefunds
from services.run_work import RunWork
from services.simulations import question_of
from services.standing import Terms
from services.tenants import TenantService
from services.valuations import Recorded, ValuationService
from services.work import years_of
from store.runs import Added, RunRecord, Runs

AUDIT_S: Final = 2.0  # without news: then the row is read, and taken if nobody holds it

_CANCELLED: Final = "Somebody of your tenant cancelled it."


class ValuesModels(Protocol):
    """The one thing that runs want of models."""

    async def value(
        self, principal: Principal, model_id: UUID, scenario: str | None = None, *, where: str
    ) -> tuple[object, Recorded]: ...


class Pays(Protocol):
    """The bill of whoever starts a run."""

    def begin(self, kind: str, years: int) -> int:
        """A run of that kind is about to be on record; points that were paid for its trials."""

    def nothing(self) -> None:
        """It was not made after all."""


class RunService:
    """What a member may do with the tenant's runs."""

    def __init__(
        self,
        runs: Runs,
        work: RunWork,
        tenants: TenantService,
        valuations: ValuationService,
        models: ValuesModels,
        bus: Bus,
        looks: Looks,
        refunds: RunRefunds,
        *,
        audit_s: float = AUDIT_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._runs, self._work, self._tenants = runs, work, tenants
        self._valuations, self._models, self._bus = valuations, models, bus
        self._looks, self._refunds = looks, refunds
        self._audit_s, self._clock = audit_s, clock

    async def start(
        self,
        principal: Principal,
        asked: AskedSimulation,
        operation_id: str | None = None,
        pays: Pays | None = None,
    ) -> Run:
        """Start a simulation. A repeat of ``operation_id`` answers with the first run.

        ``pays``: told what is begun, before it is; None: nothing is paid, and nothing comes back.

        Raises:
            Forbidden, NotFound, InvalidInput, Infeasible: the inputs or the spec cannot be run.
            QuotaExceeded: for the plan's trials or runs. IdempotencyKeyReused.
            Overloaded: too many runs wait already.
        """
        principal.require(Action.START_RUN)
        operation_id = operation_id_of(operation_id)
        tenant_id = principal.tenant_id
        earlier = await self._runs.of_operation(tenant_id, operation_id)
        if earlier is not None:
            return await self._repeated(principal, earlier, asked)
        terms = await self._tenants.terms(tenant_id)
        limits = terms.limits
        if asked.spec.trials > limits.trials:
            raise QuotaExceeded(
                f"A run of the {terms.plan} plan has at most {limits.trials:,} trials. Ask for "
                "fewer, or change the plan."
            )
        recorded = await self._recorded(principal, asked)
        self._valuations.admit(recorded.kind)
        output = recorded.kind.asked(asked.output)
        question = question_of(recorded.kind.name, recorded.inputs, output)
        # In a thread: to find the nearest of a large impossible matrix takes a while.
        await asyncio.to_thread(admit_spec, question, asked.spec, limits.trials, asked.price)
        if self._work.full:
            raise Overloaded("Too many computations are waiting. Try again in a minute.", 60.0)
        now = self._clock()
        await self._refunds.sweep(tenant_id)
        for lapsed in await self._runs.lapsed(tenant_id, now):
            await self._work.look(tenant_id, lapsed)
        price = asked.price
        if price is None:
            price = recorded.kind.observed_in(recorded.inputs, output)
        years = years_of(recorded.inputs)
        points = 0 if pays is None else pays.begin(recorded.kind.name, years)
        new = RunRecord(
            id=new_id(),
            kind="SIMULATION",
            operation_id=operation_id,
            fingerprint=asked.fingerprint,
            valuation_id=recorded.id,
            spec=asked.row(output, price),
            state=RunState.QUEUED.value,
            owner=self._work.name,
            lease_until=self._work.lease_end(),
            attempts=0,
            trials=asked.spec.drawn,
            trials_done=0,
            progress=None,
            result=None,
            refusal=None,
            created_by=principal.member_id,
            created_at=now,
            started_at=None,
            ended_at=None,
            points=points,
            points_back=None if points else 0,
        )
        try:
            added = await self._added(principal, new, terms)
        except QuotaExceeded:
            if pays is not None:
                pays.nothing()
            raise
        if added.fresh:
            self._work.hold(tenant_id, new.id)
            return Run.of(new)
        if pays is not None:
            pays.nothing()
        return await self._repeated(principal, added.run, asked)  # two equal ones at one moment

    async def find(self, principal: Principal, run_id: UUID) -> Run:
        """
        Raises:
            Forbidden, NotFound.
        """
        principal.require(Action.READ_RUN)
        return await self._seen(principal, run_id)

    async def cancel(self, principal: Principal, run_id: UUID) -> Run:
        """End a run, whichever process works on it. One that is cancelled already stays so.

        Raises:
            Forbidden, NotFound; Conflict: if it has ended otherwise.
        """
        principal.require(Action.START_RUN)
        reason = orjson.dumps(refusal_document(Cancelled(_CANCELLED))).decode()
        progress = self._work.progress(run_id)
        if await self._runs.cancel(
            principal.tenant_id,
            run_id,
            self._clock(),
            reason,
            trials_done=None if progress is None else progress["trialsDone"],
            progress=None if progress is None else orjson.dumps(progress).decode(),
            noted=entry(principal, "run.cancelled", "run", run_id),
        ):
            self._work.drop(run_id)
            self._bus.publish(run_channel(principal.tenant_id, run_id), CANCELLED)
            self._work.ended(principal.tenant_id)
        run = await self._seen(principal, run_id)
        if run.state is not RunState.CANCELLED:
            raise Conflict(f"It has ended already: it is {run.state}.")
        if run.started_at is None:  # otherwise who works on it knows how far it came
            await self._refunds.ended(principal.tenant_id, run_id)
        return run

    async def follow(self, principal: Principal, run_id: UUID) -> AsyncGenerator[Run]:
        """The run as it is, then whenever more is known of it; ends with its end.

        Whoever is slow misses steps, never the end.

        Raises:
            Forbidden, NotFound.
        """
        principal.require(Action.READ_RUN)
        tenant_id, news = principal.tenant_id, _News()
        await self._seen(principal, run_id)
        ear = await self._bus.subscribe(run_channel(tenant_id, run_id), news.hear)
        try:
            last: Run | None = None
            while True:
                news.clear()
                run = await self._seen(principal, run_id)
                if last is None or run.state is not last.state or _further(run.known, last):
                    yield run
                    last = run
                if run.ended:
                    return
                while await news.more(self._audit_s):
                    if _further(news.known, last):
                        # More is known, so it is under way: the row need not be asked.
                        last = replace(last, state=RunState.RUNNING, known=news.known)
                        await self._saw(principal, run_id, last.valuation_id)
                        yield last
        finally:
            await ear.close()

    async def _recorded(self, principal: Principal, asked: AskedSimulation) -> Recorded:
        match asked.source:
            case OfValuation(valuation_id):
                return await self._valuations.find(principal, valuation_id)
            case OfModel(model_id, scenario):
                where = "source.model.scenario"
                return (await self._models.value(principal, model_id, scenario, where=where))[1]
            case OfInputs(kind, inputs):
                return await self._valuations.value(principal, kind, inputs)

    async def _added(self, principal: Principal, new: RunRecord, terms: Terms) -> Added:
        tenant_id = principal.tenant_id
        noted = entry(
            principal,
            "run.started",
            "run",
            new.id,
            operation_id=new.operation_id,
            at=new.created_at,
            valuation=new.valuation_id,
            trials=new.trials,
        )
        at_most = terms.limits.runs
        added = await self._runs.add(tenant_id, new, at_most, noted)
        if added is None:
            raise QuotaExceeded(
                f"The {terms.plan} plan has at most {at_most} runs at one time. Wait for one to "
                "end, cancel one, or change the plan."
            )
        return added

    async def _repeated(
        self, principal: Principal, earlier: RunRecord, asked: AskedSimulation
    ) -> Run:
        if earlier.fingerprint != asked.fingerprint:
            raise IdempotencyKeyReused(
                "This operation's id started another run before. Draw a new id for a new run."
            )
        return await self._seen(principal, earlier.id)

    async def _seen(self, principal: Principal, run_id: UUID) -> Run:
        """The run as it is; whoever looks at one that nobody works on takes it."""
        tenant_id = principal.tenant_id
        record = await self._runs.find(tenant_id, run_id)
        if record is None:
            raise NotFound("There is no such run.")
        await self._saw(principal, run_id, record.valuation_id)
        await self._refunds.look(tenant_id, record)
        progress = self._work.progress(run_id)
        return Run.of(
            await self._work.look(tenant_id, record),
            None if progress is None else so_far_of(progress),
        )

    async def _saw(self, principal: Principal, run_id: UUID, valuation_id: str) -> None:
        """Put on record that somebody saw what a run says of a valuation."""
        await self._looks.saw(
            principal, "valuation.run_read", "valuation", valuation_id, run=run_id
        )


def _further(known: SoFar | None, last: Run) -> bool:
    """Whether more trials are known than a follower has seen: a second attempt begins anew."""
    if known is None:
        return False
    return last.known is None or known.trials_done > last.known.trials_done


class _News:
    """What was told of a run and not yet read: the newest progress, or that its state changed."""

    def __init__(self) -> None:
        self.known: SoFar | None = None
        self._changed = False
        self._arrived = asyncio.Event()

    def clear(self) -> None:
        self._changed = False
        self._arrived.clear()

    def hear(self, message: bytes) -> None:
        known = progress_in(message)
        if known is None:
            self._changed = True
        else:
            self.known = known
        self._arrived.set()

    async def more(self, within_s: float) -> bool:
        """Wait for progress. False: there is something else to know, or no news in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._arrived.wait()
        except TimeoutError:
            return False
        self._arrived.clear()
        return not self._changed
