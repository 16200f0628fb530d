"""Kill switches: what an operator has stopped, in the memory of every process.

Asked before each operation, so it costs a look into a few sets. A process reads the list again each
second, and at once on word over the bus; where the database is away it goes on with what it knew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import aclosing, suppress
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from collab.bus import Bus, Subscription
from collab.keys import switches_channel
from engine.errors import InvalidInput, Problem
from observability.logs import Log
from services.administration import Administration, Change, Made
from services.errors import Conflict, NotFound, Overloaded
from services.ids import new_id
from services.operators import no_tenant, reason_of
from services.principal import Action, Principal
from store import switches
from store.directory import SYSTEM
from store.switches import KillSwitches, SwitchRecord
from store.tenants import Tenants

__all__ = ["Scope", "SwitchRecord", "SwitchService", "Switches"]

LOOK_S: Final = 1.0
WAIT_S: Final = 60.0  # what callers are told to wait
_SHOWN: Final = 100
# What lifts a switch, and shows that there is one, cannot be stopped.
NEVER: Final = frozenset({"Mutation.stop", "Mutation.resume", "Query.killSwitches", "Query.viewer"})


T = TypeVar("T")


class Scope(StrEnum):
    """What a switch stops."""

    OPERATION = "OPERATION"
    KIND = "KIND"
    TENANT = "TENANT"


class Watcher:
    """Something that lasts, and ends when what it does is stopped."""

    __slots__ = ("_no", "_waiting", "root_fields", "tenant_id")

    def __init__(self, tenant_id: UUID, root_fields: Collection[str]) -> None:
        self.tenant_id, self.root_fields = tenant_id, root_fields
        self._no: Overloaded | None = None
        self._waiting: asyncio.Task[Any] | None = None

    def end(self, no: Overloaded) -> None:
        """Have whoever waits for the next event hear this instead."""
        if self._no is None:
            self._no = no
            if self._waiting is not None:
                self._waiting.cancel()

    async def before_the_end(self, events: AsyncGenerator[T, None]) -> T:
        """The next event.

        Raises:
            StopAsyncIteration: there is none.
            Overloaded: it is stopped, with the operator's reason.
        """
        if self._no is not None:
            raise self._no
        self._waiting = waiting = asyncio.current_task()
        try:
            return await anext(events)
        except asyncio.CancelledError:
            if self._no is None or waiting is None or waiting.uncancel() > 0:
                raise
            raise self._no from None
        finally:
            self._waiting = None


class Switches:
    """What is stopped, as this process knows it."""

    def __init__(self, kept: KillSwitches, bus: Bus, log: Log, *, look_s: float = LOOK_S) -> None:
        self._kept, self._bus, self._log, self._look_s = kept, bus, log, look_s
        self._thrown: dict[tuple[str, str], str] = {}
        self._watchers: set[Watcher] = set()
        self._word, self._looking = asyncio.Event(), asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._ear: Subscription | None = None

    async def start(self) -> None:
        """Know what is stopped, from now on. Raises DatabaseAway, DatabaseBusy."""
        self._ear = await self._bus.subscribe(switches_channel(SYSTEM), self._heard)
        await self.look()
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name="kill switches")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._ear is not None:
            await self._ear.close()

    async def changed(self) -> None:
        """Read the list now, and have every other process do so."""
        self._bus.publish(switches_channel(SYSTEM), b"")
        await self.look()

    async def look(self) -> None:
        """Read the list. Raises DatabaseAway, DatabaseBusy."""
        async with self._looking:  # one after the other, so that no older list comes last
            found = await self._kept.thrown()
            self._thrown = {(each.scope, each.name): each.reason for each in found}
        for watcher in list(self._watchers):
            no = self.stopped(watcher.tenant_id, watcher.root_fields)
            if no is not None:
                watcher.end(no)

    def stopped(self, tenant_id: UUID, root_fields: Iterable[str]) -> Overloaded | None:
        """Why a tenant may not do this now; None: it may. ``root_fields``: as Mutation.valueDcf."""
        if not self._thrown:
            return None
        asked = [field for field in root_fields if field not in NEVER]
        if not asked:
            return None
        looked = [(Scope.TENANT.value, str(tenant_id))]
        looked += [(Scope.OPERATION.value, field) for field in asked]
        for key in looked:
            reason = self._thrown.get(key)
            if reason is not None:
                return Overloaded(f"{_STOPPED[Scope(key[0])].format(key[1])} {reason}", WAIT_S)
        return None

    def require(self, tenant_id: UUID, root_fields: Iterable[str]) -> None:
        """
        Raises:
            Overloaded: for what is stopped, with the operator's reason.
        """
        no = self.stopped(tenant_id, root_fields)
        if no is not None:
            raise no

    def stopped_kind(self, kind: str) -> Overloaded | None:
        """Why nobody may value this kind now; None: everybody may."""
        reason = self._thrown.get((Scope.KIND.value, kind)) if self._thrown else None
        if reason is None:
            return None
        return Overloaded(f"{_STOPPED[Scope.KIND].format(kind)} {reason}", WAIT_S)

    def require_kind(self, kind: str) -> None:
        """
        Raises:
            Overloaded: if this kind of valuation is stopped, with the operator's reason.
        """
        no = self.stopped_kind(kind)
        if no is not None:
            raise no

    async def until_stopped(
        self, tenant_id: UUID, root_fields: Collection[str], events: AsyncGenerator[T, None]
    ) -> AsyncGenerator[T, None]:
        """The events, for as long as this is not stopped. Closing it closes them.

        Raises:
            Overloaded: when it is, with the operator's reason.
        """
        watcher = Watcher(tenant_id, root_fields)
        self._watchers.add(watcher)
        try:
            async with aclosing(events):
                while True:
                    try:
                        event = await watcher.before_the_end(events)
                    except StopAsyncIteration:
                        return
                    yield event
        finally:
            self._watchers.discard(watcher)

    def _heard(self, _message: bytes) -> None:
        self._word.set()

    async def _go_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._word.wait()
            self._word.clear()
            try:
                await self.look()
            except Exception as no:  # what was known goes on
                self._log.warning("kill switches were not read", reason=type(no).__name__)


_STOPPED: Final = {
    Scope.OPERATION: "{} is stopped.",
    Scope.KIND: "Valuations of the kind {} are stopped.",
    Scope.TENANT: "Your tenant is stopped.",
}


class SwitchService:
    """What operators may do with them."""

    def __init__(
        self,
        kept: KillSwitches,
        switches: Switches,
        administration: Administration,
        operations: Callable[[], Collection[str]],
        kinds: Collection[str],
        tenants: Tenants,
    ) -> None:
        """``operations``: the root fields that there are, as Mutation.valueDcf; ``kinds``: of
        valuations."""
        self._kept, self._switches, self._tenants = kept, switches, tenants
        self._administration = administration
        self._operations, self._kinds = operations, kinds

    async def shown(self, principal: Principal) -> list[SwitchRecord]:
        """The newest hundred, whatever became of them.

        Raises:
            Forbidden.
        """
        principal.require(Action.OPERATE)
        return await self._kept.newest(_SHOWN)

    async def stop(
        self,
        principal: Principal,
        scope: Scope,
        name: str,
        reason: str,
        operation_id: str | None = None,
    ) -> SwitchRecord:
        """Stop an operation, a kind or a tenant, for everybody, until it is resumed.

        Whoever works on something meanwhile comes to its end. That a tenant is stopped is in its
        own audit, too: if the answer is lost, the same operation asked again sees to it.

        Raises:
            Forbidden, NotFound, InvalidInput, IdempotencyKeyReused.
            Conflict: if it is stopped already, for another reason.
        """
        principal.require(Action.OPERATE)
        reason = reason_of(reason)
        self._check(scope, name)
        if scope is Scope.TENANT and await self._tenants.find(UUID(name)) is None:
            raise no_tenant()

        async def work(change: Change) -> dict[str, Any]:
            there = await switches.find_thrown(change.session, scope.value, name)
            if there is not None and there.reason != reason:
                raise Conflict(f"It is stopped already: {there.reason} Resume that first.")
            if there is not None:
                return {"switch": str(there.id), "fresh": False}
            switch = SwitchRecord(
                id=new_id(),
                scope=scope.value,
                name=name,
                reason=reason,
                thrown_by=principal.member_id,
                thrown_at=change.at,
            )
            await switches.throw(change.session, switch)
            await change.note(
                "switch.thrown", "switch", switch.id, scope=scope.value, name=name, reason=reason
            )
            return {"switch": str(switch.id), "fresh": True}

        asked = [scope.value, name, reason]
        made = await self._administration.change(principal, "stop", asked, operation_id, work)
        return await self._told(principal, made, "switch.thrown")

    async def resume(
        self, principal: Principal, switch_id: UUID, operation_id: str | None = None
    ) -> SwitchRecord:
        """Let it go on.

        Raises:
            Forbidden, NotFound, IdempotencyKeyReused.
        """
        principal.require(Action.OPERATE)

        async def work(change: Change) -> dict[str, Any]:
            switch = await switches.find(change.session, switch_id)
            if switch is None:
                raise _no_switch()
            fresh = await switches.lift(change.session, switch_id, principal.member_id, change.at)
            if fresh:
                await change.note(
                    "switch.lifted", "switch", switch_id, scope=switch.scope, name=switch.name
                )
            return {"switch": str(switch_id), "fresh": fresh}

        asked = str(switch_id)
        made = await self._administration.change(principal, "resume", asked, operation_id, work)
        return await self._told(principal, made, "switch.lifted")

    async def _told(self, principal: Principal, made: Made, action: str) -> SwitchRecord:
        """The switch, once it is felt, and once a tenant that it is about has it on record."""
        await self._switches.changed()
        switch = await self._kept.find(made.id("switch"))
        if switch is None:
            raise _no_switch()
        if switch.scope == Scope.TENANT and made.answer["fresh"]:
            tenant_id = UUID(switch.name)

            async def note(change: Change) -> dict[str, Any]:
                await change.note(action, "tenant", tenant_id, reason=switch.reason)
                return {}

            # Under an id of its own: the operator's may stand for something else there.
            once = f"{switch.id}.{action}"
            await self._administration.change(
                principal, action, str(switch.id), once, note, tenant_id=tenant_id
            )
        return switch

    def _check(self, scope: Scope, name: str) -> None:
        known: Collection[str]
        match scope:
            case Scope.OPERATION:
                known, where = set(self._operations()) - NEVER, "operation"
                mend = "Name a root field of the schema, such as Mutation.valueDcf."
            case Scope.KIND:
                known, where = self._kinds, "kind"
                mend = f"Name one of {', '.join(sorted(self._kinds))}."
            case Scope.TENANT:
                if name != str(SYSTEM):
                    return
                known, where, mend = (), "tenant", "Operators have to be able to resume."
        if name not in known:
            message = f"“{name[:80]}” cannot be stopped."
            raise InvalidInput.of([Problem(f"target.{where}", "UNKNOWN", message, mend)])


def _no_switch() -> NotFound:
    return NotFound("There is no such switch.")
