"""What tenants pay for: changes of plan with their proration, told before and kept after.

A tenant whose subscription is with the payment provider changes it there: what the provider says
last is what it has. Everybody else changes it here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.administration import Change
from services.audit import entry
from services.contents import canonical_text
from services.errors import Conflict
from services.ids import new_id
from services.plans import LIMITS, Feature, Limits, Plan
from services.prices import PriceList
from services.principal import Action, Principal
from services.proration import Proration, months_after, months_of, period_at, prorated
from services.standing import Clock, Standings, terms_of
from services.tenants import require_own
from services.webhook_events import Bodies, WebhookEvent
from store import outbox, subscriptions, tenants, webhooks
from store.audit import note
from store.quotas import Quotas, Taken
from store.session import WriteSession
from store.subscriptions import ChangeRecord, SubscriptionRecord, Subscriptions
from store.tenants import TenantRecord

__all__ = ["GRACE", "ChangeRecord", "Loss", "Preview", "SubscriptionRecord", "SubscriptionService"]

GRACE: Final = timedelta(days=14)  # from a payment that failed until the plan is the free one
NO_WEBHOOKS: Final = "The plan has no webhooks any more."
STREAM: Final = "tenant"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a plan does not hold, and the tenant has."""

    name: str  # MODELS, MEMBERS, VALUATIONS_KEPT, AUDIT_KEPT, or a feature's name
    message: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of plan would come to, now."""

    before: Plan
    after: Plan
    proration: Proration
    losses: tuple[Loss, ...]


class SubscriptionService:
    """Plans as they are paid for."""

    def __init__(
        self,
        kept: Subscriptions,
        quotas: Quotas,
        standings: Standings,
        prices: PriceList,
        bodies: Bodies,
        clock: Clock,
        *,
        sold: bool,
    ) -> None:
        """``sold``: a payment provider sells plans, so nobody raises their own here."""
        self._kept, self._quotas, self._standings = kept, quotas, standings
        self.prices, self._bodies = prices, bodies
        self._clock, self._sold = clock, sold

    async def find(self, principal: Principal, tenant_id: UUID) -> SubscriptionRecord | None:
        """
        Raises:
            Forbidden, NotFound.
        """
        self._admit(principal, tenant_id)
        return await self._kept.find(tenant_id)

    async def changes(
        self,
        principal: Principal,
        tenant_id: UUID,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[ChangeRecord]:
        """Changes of plan, the newest first.

        Raises:
            Forbidden, NotFound.
        """
        self._admit(principal, tenant_id)
        return await self._kept.changes(tenant_id, after, limit)

    async def preview(self, principal: Principal, tenant_id: UUID, plan: Plan) -> Preview:
        """What a change to a plan would cost and take away, if it were made now.

        Raises:
            Forbidden, NotFound.
        """
        self._admit(principal, tenant_id)
        now = self._clock()
        terms = await self._standings.terms(tenant_id)
        before = self._now(await self._kept.find(tenant_id), terms.plan, now)
        after = self._bought(before, plan, now)
        taken = await self._quotas.taken(tenant_id, now)
        return Preview(
            terms.plan,
            plan,
            _prorated(before, after, now),
            tuple(losses(terms.limits, LIMITS[plan], taken)),
        )

    async def prorate(self, change: Change, before: Plan, after: Plan) -> None:
        """Write down what a change of plan comes to, in the transaction that makes it.

        Raises:
            Conflict: if it is for the payment provider to change.
        """
        session, at = change.session, change.at
        known = await subscriptions.find(session)
        if not change.principal.may(Action.OPERATE):
            self._check_own(known, before, after)
        was = self._now(known, before, at)
        bought = self._bought(was, after, at)
        tenant = await tenants.find(session)
        assert tenant is not None  # noqa: S101 - the change that we are in is of its row
        await subscriptions.put(session, bought)
        await self._record(
            session,
            tenant,
            before,
            after,
            _prorated(was, bought, at),
            at,
            made_by=change.principal.member_id,
        )

    async def settle(
        self,
        session: WriteSession,
        known: SubscriptionRecord | None,
        paid: SubscriptionRecord,
        at: datetime,
        event_id: str | None,
    ) -> bool:
        """Keep what the provider, or time, says of a subscription, and give the tenant what follows
        from it: in a transaction that holds the tenant. Whether the plan is another one now.

        ``at``: when it came to be, which decides what the change costs.
        """
        now = self._clock()
        tenant = await tenants.find(session)
        if tenant is None:
            return False
        await subscriptions.put(session, paid)
        before, after = Plan(tenant.plan), plan_of(paid, now)
        if before is after:
            return False
        was = self._now(known, before, at)
        changed = await tenants.change(session, tenant, plan=after.value)
        details = {"before": before.value, "after": after.value, "event": event_id}
        tenant_id = session.tenant_id
        await note(
            session, entry(None, "tenant.plan_changed", "tenant", tenant_id, at=now, **details)
        )
        worth = replace(paid, amount=paid.amount if after.value == paid.plan else 0)
        proration = _prorated(was, worth, at)
        await self._record(session, changed, before, after, proration, at, event_id=event_id)
        return True

    async def _record(
        self,
        session: WriteSession,
        tenant: TenantRecord,
        before: Plan,
        after: Plan,
        proration: Proration,
        at: datetime,
        *,
        made_by: UUID | None = None,
        event_id: str | None = None,
    ) -> None:
        await subscriptions.add_change(
            session,
            ChangeRecord(
                id=new_id(),
                at=at,
                plan_before=before.value,
                plan_after=after.value,
                proration=canonical_text(proration.document()),
                made_by=made_by,
                event_id=event_id,
            ),
        )
        now = self._clock()
        told = self._bodies.of(
            WebhookEvent.TENANT_PLAN_CHANGED,
            tenant.tenant_id,
            STREAM,
            tenant.revision,
            now,
            {"before": before.value, "after": after.value},
        )
        await outbox.tell(session, [told])
        # What waits for a webhook goes on waiting, this among it.
        if Feature.WEBHOOKS in terms_of(tenant).limits.features:
            await webhooks.resume_all(session, NO_WEBHOOKS, now)
        else:
            await webhooks.pause_all(session, NO_WEBHOOKS, now)

    def _check_own(self, known: SubscriptionRecord | None, before: Plan, after: Plan) -> None:
        order = list(Plan)
        if known is not None and known.reference is not None and known.state != "CANCELLED":
            raise Conflict(
                "The payment provider has this subscription. Change it there, and it is changed "
                "here a moment later."
            )
        if self._sold and order.index(after) > order.index(before):
            raise Conflict(
                f"The {after} plan is bought from the payment provider. Check out there."
            )

    def _now(
        self, known: SubscriptionRecord | None, plan: Plan, at: datetime
    ) -> SubscriptionRecord:
        """The subscription in the period that holds a moment; a new one where there is none."""
        if known is None:
            price = self.prices.of_plan(plan)
            start, end = period_at(at, price.months, at)
            return SubscriptionRecord(
                plan=plan.value,
                state="ACTIVE",
                state_since=at,
                period_start=start,
                period_end=end,
                amount=0,  # nobody has paid for what was given
                currency=price.currency,
                customer=None,
                reference=None,
                as_of=at,
                updated_at=at,
            )
        if known.plan != plan:  # it has less than it bought: that is paid for no longer
            known = replace(known, amount=0)
        if known.reference is None and at >= known.period_end:
            months = self.prices.of_plan(plan, known.currency).months
            start, end = period_at(known.period_start, months, at)
            return replace(known, period_start=start, period_end=end)
        return known

    def _bought(self, before: SubscriptionRecord, plan: Plan, at: datetime) -> SubscriptionRecord:
        """What it is after a change. A price for another time than the period begins a new one."""
        start, end = before.period_start, before.period_end
        months = months_of(start, end)
        price = self.prices.nearest(plan, before.currency, months)
        if price.amount and price.months != months:
            start, end = at, months_after(at, price.months)
        return replace(
            before,
            plan=plan.value,
            state="ACTIVE",
            state_since=at if before.state != "ACTIVE" else before.state_since,
            period_start=start,
            period_end=end,
            amount=price.amount,
            as_of=at,
            updated_at=at,
        )

    def _admit(self, principal: Principal, tenant_id: UUID) -> None:
        principal.require(Action.READ_USAGE)
        if not principal.may(Action.OPERATE):
            require_own(principal, tenant_id)


def plan_of(paid: SubscriptionRecord, now: datetime) -> Plan:
    """What a tenant has by its subscription: for as long as it is paid, and two weeks more."""
    in_grace = paid.state == "PAST_DUE" and now < paid.state_since + GRACE
    return Plan(paid.plan) if paid.state == "ACTIVE" or in_grace else Plan.FREE


def losses(before: Limits, after: Limits, taken: Taken) -> list[Loss]:
    """What a tenant has and a plan does not hold. Nothing of it is removed."""
    found = []
    for name, has, holds in (
        ("MODELS", taken.models, after.models),
        ("MEMBERS", taken.members, after.members),
    ):
        if holds is not None and has > holds:
            things = name.lower()
            found.append(
                Loss(
                    name,
                    f"There are {has:,} {things}, and the plan holds {holds:,}: all of them stay, "
                    f"and there are no new ones until there are fewer than {holds:,}.",
                )
            )
    for name, kept, keeps, things in (
        ("VALUATIONS_KEPT", before.valuations_kept, after.valuations_kept, "Valuations"),
        ("AUDIT_KEPT", before.audit_kept, after.audit_kept, "Entries of the audit"),
    ):
        if keeps is not None and (kept is None or keeps < kept):
            found.append(Loss(name, f"{things} are kept for {keeps.days} days from then on."))
    return found + [
        Loss(feature.name, f"The plan has no {feature.value}.")
        for feature in Feature
        if feature in before.features and feature not in after.features
    ]


def _prorated(before: SubscriptionRecord, after: SubscriptionRecord, at: datetime) -> Proration:
    """Each in its own period; another currency is never put against the first."""
    amount = before.amount if before.currency == after.currency else 0
    old = prorated(amount, 0, before.period_start, before.period_end, at, after.currency)
    new = prorated(0, after.amount, after.period_start, after.period_end, at, after.currency)
    return replace(old, charge=new.charge)
