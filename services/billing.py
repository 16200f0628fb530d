"""What the payment provider says, in the form of Stripe's events: believed by its signature, once.

An event changes the tenant of its customer; one of a customer whom nobody knows waits under the
system's tenant, until an event says whose it is. Each event counts once, by its id, and what a
tenant has follows from all of them, by the provider's own clock. https://docs.stripe.com/webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from collab.surroundings import Clock as LoopClock
from collab.surroundings import Log, Tasks, passing
from services.billing_objects import (
    Event,
    NotUnderstood,
    Said,
    each_paid,
    paid_after,
    paid_by,
    understood,
)
from services.errors import Conflict, no_of
from services.standing import Clock, Standings
from services.subscriptions import GRACE, SubscriptionService
from store import subscriptions
from store.changes import hold
from store.database import Database
from store.directory import SYSTEM, Directory
from store.subscriptions import BillingEventRecord, SubscriptionRecord, Subscriptions
from store.tenants import Tenants

TOLERANCE_S: Final = 300  # between the provider's clock and ours
_SIGNED: Final = re.compile(r"[0-9a-f]{64}")
_STAMP: Final = re.compile(r"[0-9]{1,12}")
LOOK_S: Final = 60.0  # between two looks at who has not paid for two weeks
_GRACES_AT_ONCE: Final = 100


class NotSigned(Exception):
    """Nobody who holds a secret has said this, or not just now."""


class Outcome(StrEnum):
    """What came of an event."""

    APPLIED = "APPLIED"
    IGNORED = "IGNORED"  # it is of no weight here
    OUT_OF_DATE = "OUT_OF_DATE"  # something newer was said before
    UNKNOWN = "UNKNOWN"  # whose it is, or what it is for, nobody knows yet


@dataclass(frozen=True, slots=True)
class Taken:
    """An event's outcome; not ``fresh``: it was had before."""

    outcome: Outcome
    fresh: bool
    tenant_id: UUID | None


class BillingService:
    """Hears the payment provider."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        kept: Subscriptions,
        paid: SubscriptionService,
        standings: Standings,
        secrets: Sequence[str],
        log: Log,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """``secrets``: any of them may have signed, so that they can be changed one at a time."""
        self._database, self._directory, self._kept = database, directory, kept
        self._paid, self._standings = paid, standings
        self._secrets, self._log, self._clock = tuple(secrets), log, clock
        self._tenants, self._tasks = Tenants(database), Tasks(log)

    def start(self, loop: LoopClock) -> None:
        """Look after who has not paid from now on."""
        self._tasks.begin(self._look_after(loop))

    async def close(self) -> None:
        """End that."""
        await self._tasks.close(0.0)

    @property
    def on(self) -> bool:
        """Whether there is a provider whom to hear."""
        return bool(self._secrets)

    async def hear(self, body: bytes, signature: str) -> Taken:
        """Take an event as it came.

        Raises:
            NotSigned, NotUnderstood; Conflict: if its id stands for something else already.
            DatabaseAway, DatabaseBusy.
        """
        verify(body, signature, self._secrets, self._clock())
        return await self.take(understood(body))

    async def take(self, event: Event) -> Taken:
        """Take an event that is believed.

        Raises:
            Conflict; DatabaseAway, DatabaseBusy.
        """
        customer = event.customer
        if event.said is Said.NOTHING:  # nothing follows from it, so it is not kept either
            return Taken(Outcome.IGNORED, True, None)
        tenant_id = await self._whose(event)
        if tenant_id is None:
            if customer is None:
                return Taken(Outcome.IGNORED, True, None)
            fresh = await self._wait(event)
            # Somebody may have said whose it is, since it was looked up.
            tenant_id = await self._directory.find("CUSTOMER", customer)
            if tenant_id is None:
                return Taken(Outcome.UNKNOWN, fresh, None)
        taken = await self._apply(tenant_id, event)
        if customer is not None:
            await self._apply_waiting(tenant_id, customer)
        return taken

    async def end_graces(self) -> int:
        """Give the free plan to who has not paid for two weeks; how many they are."""
        now, ended = self._clock(), 0
        until = _due(now)
        found = await self._directory.page("GRACE", until=until, limit=_GRACES_AT_ONCE)
        for name, tenant_id in found:
            try:
                if await self._end_grace(tenant_id, now):
                    ended += 1
                    self._standings.changed(tenant_id)
                await self._directory.remove("GRACE", name)
            except Exception as fault:
                if no_of(fault) is not None:  # it would be so of the others, too
                    raise
                # One tenant's fault keeps no other's grace from its end.
                self._log.exception("a tenant's grace was not ended", tenant=str(tenant_id))
        return ended

    async def _end_grace(self, tenant_id: UUID, now: datetime) -> bool:
        async with self._database.writing(tenant_id) as session:
            await hold(session)
            known = await subscriptions.find(session)
            if known is None or known.state != "PAST_DUE":
                return False
            return await self._paid.settle(session, known, known, now, None)

    async def _look_after(self, loop: LoopClock) -> None:
        while True:
            await passing(loop, LOOK_S)
            try:
                await self.end_graces()
            except Exception as fault:
                no = no_of(fault)
                if no is None:
                    self._log.exception("who has not paid was not looked after")
                else:
                    self._log.warning("who has not paid was not looked after", reason=no[1])

    async def _whose(self, event: Event) -> UUID | None:
        """The tenant of an event's customer; an event that names both makes them known."""
        if event.customer is None:
            return None
        found = await self._directory.find("CUSTOMER", event.customer)
        if found is not None or event.tenant is None:
            return found
        named = tenant_of(event.tenant)
        if named is None or named == SYSTEM or await self._tenants.find(named) is None:
            self._log.warning("a payment's tenant does not exist", event_id=event.id)
            return None
        return await self._directory.put("CUSTOMER", event.customer, named)

    async def _wait(self, event: Event) -> bool:
        """Keep it until somebody says whose it is. False: it was kept before."""
        async with self._database.writing(SYSTEM) as session:
            known = await subscriptions.event(session, event.id)
            if known is None:
                record = self._record(event, Outcome.UNKNOWN, "nobody knows the customer")
                return await subscriptions.add_event(session, record)
        self._check_same(known, event)
        return False

    async def _apply_waiting(self, tenant_id: UUID, customer: str) -> None:
        for waiting in await self._kept.unknown_of(SYSTEM, customer):
            event = understood(waiting.payload.encode())
            taken = await self._apply(tenant_id, event)
            async with self._database.writing(SYSTEM) as session:
                told = f"it is tenant {tenant_id}'s"
                await subscriptions.settle_event(session, event.id, taken.outcome.value, told)

    async def _apply(self, tenant_id: UUID, event: Event) -> Taken:
        """What an event changes, and the event itself, in one transaction."""
        if event.may_fail:  # before: what is looked after in vain harms nobody
            name = f"{_due(event.created + GRACE)} {tenant_id}"
            await self._directory.put("GRACE", name, tenant_id)
        async with self._database.writing(tenant_id) as session:
            await hold(session)
            known = await subscriptions.event(session, event.id)
            if known is not None:
                self._check_same(known, event)
                return Taken(Outcome(known.outcome), False, tenant_id)
            said = await subscriptions.events(session)
            earlier = [understood(each.payload.encode()) for each in said]
            after, outcome, note = self._decided(event, earlier)
            if after is not None:
                kept = await subscriptions.find(session)
                await self._paid.settle(session, kept, after, event.created, event.id)
            await subscriptions.add_event(session, self._record(event, outcome, note))
        if outcome is Outcome.UNKNOWN:
            self._log.warning("a payment was not understood", event_id=event.id, reason=note)
        if after is not None:
            self._standings.changed(tenant_id)
        return Taken(outcome, True, tenant_id)

    def _decided(
        self, event: Event, earlier: Sequence[Event]
    ) -> tuple[SubscriptionRecord | None, Outcome, str | None]:
        """What is paid for, now that an event was heard; None: what was.

        It follows from all that was ever said of the tenant's customers, in the order in which it
        was said: so in whatever order it is heard, what comes of it in the end is the same, and
        whose subscription ends takes none from a tenant that pays by another.
        """
        if event.said is Said.WHOSE:
            return None, Outcome.APPLIED, "it says whose the customer is"
        prices, now = self._paid.prices, self._clock()
        in_order = sorted([*earlier, event], key=lambda each: each.as_of)
        place = in_order.index(event)
        try:
            known = each_paid(in_order[:place], prices, now)
            here = paid_after(event, known.get(event.reference or ""), prices, now)
        except NotUnderstood as no:
            return None, Outcome.UNKNOWN, str(no)
        if here is None:
            return None, Outcome.IGNORED, "nothing is had of what it is about"
        before = paid_by(in_order[:place] + in_order[place + 1 :], prices, now)
        after = paid_by(in_order, prices, now)
        if place < len(in_order) - 1 and after is not None and after.same(before):
            return None, Outcome.OUT_OF_DATE, "something newer was said before"
        return after, Outcome.APPLIED, None

    def _record(self, event: Event, outcome: Outcome, note: str | None) -> BillingEventRecord:
        return BillingEventRecord(
            id=event.id,
            type=event.type[:128],
            customer=event.customer,
            created_at=event.created,
            received_at=self._clock(),
            payload=event.text,
            payload_hash=event.hash,
            outcome=outcome.value,
            note=note,
        )

    def _check_same(self, known: BillingEventRecord, event: Event) -> None:
        if not hmac.compare_digest(known.payload_hash, event.hash):
            self._log.error("an event's id stands for two things", event_id=event.id)
            raise Conflict("An event with this id is on record, and says something else.")


def verify(body: bytes, signature: str, secrets: Sequence[str], now: datetime) -> None:
    """See to it that somebody who holds one of the secrets has said this just now.

    ``signature``: ``t=`` seconds since the epoch and one ``v1=`` or several, each HMAC-SHA256 over
    ``t.body`` in hex. Every secret is tried on every one, whatever was found before.

    Raises:
        NotSigned.
    """
    pairs = [part.strip().partition("=") for part in signature.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1" and _SIGNED.fullmatch(value)]
    if len(stamps) != 1 or not _STAMP.fullmatch(stamps[0]) or not given or len(given) > 16:
        raise NotSigned
    good = False
    for secret in secrets:
        signed = hmac.new(secret.encode(), stamps[0].encode() + b"." + body, hashlib.sha256)
        expected = signed.hexdigest()
        for each in given:
            good |= hmac.compare_digest(expected, each)
    if not good or abs(now.timestamp() - int(stamps[0])) > TOLERANCE_S:
        raise NotSigned


def tenant_of(named: str) -> UUID | None:
    """The tenant that a checkout names: by its global id, or the id inside it."""
    try:
        return UUID(named)
    except ValueError:
        pass
    try:
        kind, _, inner = urlsafe_b64decode(named + "=" * (-len(named) % 4)).decode().partition(":")
        return UUID(inner) if kind == "Tenant" else None
    except ValueError:
        return None


def _due(moment: datetime) -> str:
    """As names in the directory begin: they sort as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
