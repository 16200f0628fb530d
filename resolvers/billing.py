"""What a tenant pays for, as the schema says it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import orjson
import strawberry

from resolvers.context import Info
from resolvers.ids import global_id
from resolvers.paging import After, First, PageInfo, cursor_of, no_cursor, values_of, window
from resolvers.plans import PLAN
from services.plans import Plan
from services.proration import Proration
from services.subscriptions import GRACE, ChangeRecord, SubscriptionRecord


@strawberry.enum(description="Whether a subscription is paid.")
class SubscriptionState(StrEnum):
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    CANCELLED = "CANCELLED"


@strawberry.type(
    description=(
        "What a change of plan gives back and costs, by the second. Amounts are whole numbers of "
        "the currency's smallest coin."
    )
)
class PlanProration:
    credit: float = strawberry.field(description="Of the old amount, what was not used.")
    charge: float = strawberry.field(description="The new amount for the rest of the period.")
    net: float = strawberry.field(
        description="Charge less credit; below 0 it is given back, and never more than the credit."
    )
    currency: str = strawberry.field(description="ISO 4217, in small letters.")
    unused_seconds: int = strawberry.field(description="What was left of the period.")
    period_seconds: int = strawberry.field(description="How long the period is.")

    @classmethod
    def of(cls, kept: dict[str, Any]) -> PlanProration:
        return cls(
            credit=float(kept["credit"]),
            charge=float(kept["charge"]),
            net=float(kept["net"]),
            currency=kept["currency"],
            unused_seconds=kept["unusedSeconds"],
            period_seconds=kept["periodSeconds"],
        )


@strawberry.type(description="A change of plan.")
class PlanChange:
    at: datetime = strawberry.field(description="When, UTC.")
    before: Plan = strawberry.field(description="The plan before.")
    after: Plan = strawberry.field(description="The plan since.")
    proration: PlanProration = strawberry.field(description="What it gave back and cost.")
    made_by: strawberry.ID | None = strawberry.field(
        description="Global id of who made it; null: the payment provider, or time."
    )

    @classmethod
    def of(cls, change: ChangeRecord) -> PlanChange:
        return cls(
            at=change.at,
            before=Plan(change.plan_before),
            after=Plan(change.plan_after),
            proration=PlanProration.of(orjson.loads(change.proration)),
            made_by=None if change.made_by is None else global_id("Member", str(change.made_by)),
        )


@strawberry.type(description="A change of plan in its list.")
class PlanChangeEdge:
    cursor: str = strawberry.field(description="Where it stands.")
    node: PlanChange = strawberry.field(description="The change.")


@strawberry.type(description="Changes of plan, the newest first.")
class PlanChangeConnection:
    edges: list[PlanChangeEdge] = strawberry.field(description="Those of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="What a tenant pays for.")
class PlanSubscription:
    plan: Plan = strawberry.field(
        graphql_type=PLAN, description="What was bought; unpaid, the tenant has less."
    )
    state: SubscriptionState = strawberry.field(description="Whether it is paid.")
    state_since: datetime = strawberry.field(description="Since when it is in that state, UTC.")
    grace_ends_at: datetime | None = strawberry.field(
        description="When the tenant has the free plan if nothing is paid, UTC; null: it is paid."
    )
    period_start: datetime = strawberry.field(description="Of the period that was paid last, UTC.")
    period_end: datetime = strawberry.field(description="When that period ends, UTC.")
    amount: float = strawberry.field(
        description="For a period: a whole number of the currency's smallest coin."
    )
    currency: str = strawberry.field(description="ISO 4217, in small letters.")
    at_provider: bool = strawberry.field(
        description="Whether a payment provider has it: then it is changed there."
    )

    @classmethod
    def of(cls, record: SubscriptionRecord) -> PlanSubscription:
        late = record.state == SubscriptionState.PAST_DUE
        return cls(
            plan=Plan(record.plan),
            state=SubscriptionState(record.state),
            state_since=record.state_since,
            grace_ends_at=record.state_since + GRACE if late else None,
            period_start=record.period_start,
            period_end=record.period_end,
            amount=float(record.amount),
            currency=record.currency,
            at_provider=record.reference is not None,
        )


@strawberry.type(description="Something that a tenant has, and a plan does not hold.")
class PlanLoss:
    name: str = strawberry.field(
        description="MODELS, MEMBERS, VALUATIONS_KEPT, AUDIT_KEPT, or a feature's name."
    )
    message: str = strawberry.field(description="What that means, for a person.")


@strawberry.type(description="What a change of plan would come to, if it were made now.")
class PlanPreview:
    before: Plan = strawberry.field(description="The plan now.")
    after: Plan = strawberry.field(description="The plan that was asked about.")
    proration: PlanProration = strawberry.field(description="What it would give back and cost.")
    losses: list[PlanLoss] = strawberry.field(
        description="What the plan does not hold. Nothing of it would be removed."
    )


AskedPlan: TypeAlias = Annotated[Plan, strawberry.argument(description="To which plan.")]


@strawberry.type
class TenantBilling:
    """What a tenant's type says of its subscription. ``record`` is the tenant's."""

    record: strawberry.Private[Any]

    @strawberry.field(description="What it pays for; null: nothing was ever bought.")
    async def subscription(self, info: Info) -> PlanSubscription | None:
        found = await info.context.services.subscriptions.find(
            info.context.principal, self.record.tenant_id
        )
        return None if found is None else PlanSubscription.of(found)

    @strawberry.field(description="How its plan changed, the newest first.")
    async def plan_changes(
        self, info: Info, first: First = None, after: After = None
    ) -> PlanChangeConnection:
        part = window(first, after, None, None)
        found = await info.context.services.subscriptions.changes(
            info.context.principal, self.record.tenant_id, _place(part.cursor), part.limit + 1
        )
        shown = found[: part.limit]
        cursors = [cursor_of(each.at.astimezone(UTC).isoformat(), str(each.id)) for each in shown]
        return PlanChangeConnection(
            edges=[
                PlanChangeEdge(cursor=cursor, node=PlanChange.of(each))
                for cursor, each in zip(cursors, shown, strict=True)
            ],
            page_info=part.page_info(cursors, more=len(found) > part.limit),
        )

    @strawberry.field(description="What a change to another plan would cost, and take away.")
    async def plan_preview(self, info: Info, plan: AskedPlan) -> PlanPreview:
        found = await info.context.services.subscriptions.preview(
            info.context.principal, self.record.tenant_id, plan
        )
        return PlanPreview(
            before=found.before,
            after=found.after,
            proration=_proration(found.proration),
            losses=[PlanLoss(name=each.name, message=each.message) for each in found.losses],
        )


def _proration(found: Proration) -> PlanProration:
    return PlanProration.of(found.document())


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    """
    Raises:
        QueryInvalid: for another list's cursor.
    """
    if cursor is None:
        return None
    at, inner = values_of(cursor, 2)
    try:
        return datetime.fromisoformat(at).astimezone(UTC), UUID(inner)
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise no_cursor() from None
