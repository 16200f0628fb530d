"""Subscriptions: what tenants pay for, how that changed, and what the payment provider said."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import BillingEventRow, SubscriptionChangeRow, SubscriptionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRecord:
    """What a tenant pays for."""

    plan: str  # one of store.tables.PLANS
    state: str  # ACTIVE, PAST_DUE, CANCELLED
    state_since: datetime
    period_start: datetime
    period_end: datetime
    amount: int  # a period, in the currency's smallest coin
    currency: str  # ISO 4217, in small letters
    customer: str | None  # the provider's ids; None: it is not with a provider
    reference: str | None
    as_of: datetime  # of the event that said so
    updated_at: datetime

    def same(self, other: SubscriptionRecord | None) -> bool:
        """Whether it says the same, whenever it was said."""
        if other is None:
            return False
        return replace(self, as_of=other.as_of, updated_at=other.updated_at) == other


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    """A change of plan."""

    id: UUID
    at: datetime
    plan_before: str
    plan_after: str
    proration: str  # JSON
    made_by: UUID | None  # None: the payment provider, or time
    event_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingEventRecord:
    """Something that the payment provider said."""

    id: str
    type: str
    customer: str | None
    created_at: datetime  # by the provider's clock
    received_at: datetime
    payload: str  # JSON
    payload_hash: str  # SHA-256 in hex
    outcome: str  # APPLIED, IGNORED, OUT_OF_DATE, UNKNOWN
    note: str | None


_SUBSCRIPTION: Final = tuple(field.name for field in fields(SubscriptionRecord))
_CHANGE: Final = tuple(field.name for field in fields(ChangeRecord))
_EVENT: Final = tuple(field.name for field in fields(BillingEventRecord))
_NEWEST: Final = ("at", "id")

_FIND = scope.select(SubscriptionRow, *_SUBSCRIPTION)
_PUT = scope.update(SubscriptionRow, *_SUBSCRIPTION)
_CHANGES = (
    scope.select(SubscriptionChangeRow, *_CHANGE)
    .order_by(*(scope.column(SubscriptionChangeRow, name).desc() for name in _NEWEST))
    .limit(bindparam("limit", type_=Integer()))
)
_CHANGES_AFTER = _CHANGES.where(scope.beyond(SubscriptionChangeRow, _NEWEST, descending=True))
_FIND_EVENT = scope.select(BillingEventRow, *_EVENT).where(
    scope.equals(BillingEventRow, "id", "event_id")
)
_UNKNOWN = (
    scope.select(BillingEventRow, *_EVENT)
    .where(scope.equals(BillingEventRow, "customer"), scope.equals(BillingEventRow, "outcome"))
    .order_by("created_at", "id")
)
_EVENTS = scope.select(BillingEventRow, *_EVENT).order_by("received_at", "id")
_SETTLE = scope.update(BillingEventRow, "outcome", "note").where(
    scope.equals(BillingEventRow, "id", "event_id")
)


async def find(session: ReadSession) -> SubscriptionRecord | None:
    """The subscription of a transaction's tenant."""
    row = await session.first(_FIND)
    return None if row is None else SubscriptionRecord(**row)


async def put(session: WriteSession, subscription: SubscriptionRecord) -> None:
    """Keep it as it is now."""
    values = asdict(subscription)
    if await session.execute(_PUT, **values) == 0:
        await session.add_if_absent(SubscriptionRow, **values)


async def add_change(session: WriteSession, change: ChangeRecord) -> None:
    """Put a change on record."""
    await session.add_if_absent(SubscriptionChangeRow, **asdict(change))


async def event(session: ReadSession, event_id: str) -> BillingEventRecord | None:
    """What is on record under the provider's id."""
    row = await session.first(_FIND_EVENT, event_id=event_id)
    return None if row is None else BillingEventRecord(**row)


async def events(session: ReadSession) -> list[BillingEventRecord]:
    """All that was said of a tenant's customers, in the order in which it was heard."""
    rows = await session.all(_EVENTS)
    return [BillingEventRecord(**row) for row in rows]


async def add_event(session: WriteSession, said: BillingEventRecord) -> bool:
    """Put it on record. False: it is there already."""
    return await session.add_if_absent(BillingEventRow, **asdict(said))


async def settle_event(session: WriteSession, event_id: str, outcome: str, note: str) -> None:
    """Say what came of an event that was not understood at first."""
    await session.execute(_SETTLE, event_id=event_id, outcome=outcome, note=note)


class Subscriptions:
    """Of all tenants, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID) -> SubscriptionRecord | None:
        """The tenant's subscription."""
        async with self._database.reading(tenant_id) as session:
            return await find(session)

    async def changes(
        self, tenant_id: UUID, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[ChangeRecord]:
        """The tenant's changes of plan, the newest first."""
        statement, values = _CHANGES, dict[str, Any](limit=limit)
        if after is not None:
            statement, values = (
                _CHANGES_AFTER,
                values | {"after_at": after[0], "after_id": after[1]},
            )
        async with self._database.reading(tenant_id) as session:
            return [ChangeRecord(**row) for row in await session.all(statement, **values)]

    async def unknown_of(self, system: UUID, customer: str) -> list[BillingEventRecord]:
        """What was said of a customer while nobody knew whose it was, the oldest first."""
        async with self._database.reading(system) as session:
            rows = await session.all(_UNKNOWN, customer=customer, outcome="UNKNOWN")
        return [BillingEventRecord(**row) for row in rows]
