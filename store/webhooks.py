"""Webhooks: addresses that a tenant wants to be told at, and what became of what they were told.

What changes them happens in a transaction that somebody else opened, so these are functions on a
session; what only reads has a class.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, bindparam, null

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import DeliveryRow, RunRow, WebhookRow

ENDED: Final = ("DONE", "FAILED", "CANCELLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRecord:
    """An address, as it is kept."""

    id: UUID
    url: str
    description: str | None
    events: str  # JSON: a list of their names
    secret: str  # sealed
    state: str  # one of store.tables.outside.WEBHOOK_STATES
    state_reason: str | None
    created_by: UUID
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """What became of one event for one address."""

    id: UUID
    webhook_id: UUID
    stream: str
    seq: int
    event: str
    payload: str
    state: str  # one of store.tables.outside.DELIVERY_STATES
    attempts: int
    due_at: datetime
    status: int | None  # the newest answer's
    problem: str | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """Which deliveries of a webhook are wanted, the newest first."""

    webhook_id: UUID
    state: str | None = None  # None: every one
    after: tuple[datetime, UUID] | None = None
    limit: int


_WEBHOOK: Final = tuple(field.name for field in fields(WebhookRecord))
_DELIVERY: Final = tuple(field.name for field in fields(DeliveryRecord))


def _column(name: str) -> Any:
    return scope.column(DeliveryRow, name)


_OF_WEBHOOK: Final = scope.equals(WebhookRow, "id", "webhook_id")
_THERE: Final = scope.column(WebhookRow, "state") != "REMOVED"
_FIND = scope.select(WebhookRow, *_WEBHOOK).where(_OF_WEBHOOK, _THERE)
_ALL = scope.select(WebhookRow, *_WEBHOOK).where(_THERE).order_by("created_at", "id")
_COUNT = scope.count(WebhookRow).where(_THERE)
_CHANGE = scope.update(
    WebhookRow, "url", "description", "events", "secret", "state", "state_reason", "updated_at"
).where(_OF_WEBHOOK, _THERE)
_SWITCH = scope.update(WebhookRow, "state", "state_reason", "updated_at").where(
    scope.equals(WebhookRow, "state", "was")
)
_SWITCH_BACK = _SWITCH.where(scope.equals(WebhookRow, "state_reason", "was_because"))
# A webhook hears what happens from now on: runs that have ended before are not told of. But where
# there is another, it may still have to hear of the newest of them: these the new one hears, too.
_HAVE_ENDED = scope.update(RunRow, "announced").where(
    scope.column(RunRow, "state").in_(ENDED), scope.equals(RunRow, "announced", "was")
)

_OF_DELIVERY: Final = scope.equals(DeliveryRow, "id", "delivery_id")
_FIND_DELIVERY = scope.select(DeliveryRow, *_DELIVERY).where(_OF_DELIVERY)
_NEWEST: Final = ("created_at", "id")
_PAGE = (
    scope.select(DeliveryRow, *_DELIVERY)
    .where(scope.equals(DeliveryRow, "webhook_id"))
    .order_by(*(_column(name).desc() for name in _NEWEST))
    .limit(bindparam("limit", type_=Integer()))
)
_IN_STATE: Final = scope.equals(DeliveryRow, "state")
_AFTER: Final = scope.beyond(DeliveryRow, _NEWEST, descending=True)
_PAGES = {
    (False, False): _PAGE,
    (True, False): _PAGE.where(_IN_STATE),
    (False, True): _PAGE.where(_AFTER),
    (True, True): _PAGE.where(_IN_STATE, _AFTER),
}
_ENDED_ONES: Final = _column("state") != "WAITING"
_AGAIN = (
    scope.update(DeliveryRow, "state", "since", "due_at")
    .values(attempts=0, status=null(), problem=null(), ended_at=null())
    .where(_ENDED_ONES)
)
_AGAIN_ONE = _AGAIN.where(_OF_DELIVERY)
_AGAIN_FROM = _AGAIN.where(
    scope.equals(DeliveryRow, "webhook_id", "of_webhook"),
    _column("created_at") >= scope.given(DeliveryRow, "created_at", "from_then"),
)
_ANEW = scope.update(DeliveryRow, "since", "due_at").where(
    scope.equals(DeliveryRow, "webhook_id", "of_webhook"),
    scope.equals(DeliveryRow, "state", "was"),
    _column("owner").is_(None),
)
_GIVE_UP = (
    scope.update(DeliveryRow, "state", "problem", "ended_at")
    .values(owner=null(), lease_until=null())
    .where(
        scope.equals(DeliveryRow, "webhook_id", "of_webhook"),
        scope.equals(DeliveryRow, "state", "was"),
    )
)


async def add(session: WriteSession, webhook: WebhookRecord) -> None:
    """Keep a new one, which hears of runs that end from now on."""
    if await count(session) == 0:
        await session.execute(_HAVE_ENDED, announced=True, was=False)
    await session.add_if_absent(WebhookRow, **asdict(webhook))


async def find(session: ReadSession, webhook_id: UUID) -> WebhookRecord | None:
    """The tenant's webhook of that id, unless it was removed."""
    row = await session.first(_FIND, webhook_id=webhook_id)
    return None if row is None else WebhookRecord(**row)


async def count(session: ReadSession) -> int:
    """How many the tenant has."""
    row = await session.first(_COUNT)
    return 0 if row is None else int(row["count"])


async def change(session: WriteSession, webhook: WebhookRecord) -> bool:
    """Keep it as it is now. False: it is not there any more."""
    given = {name: getattr(webhook, name) for name in _WEBHOOK if name in _CHANGED}
    return await session.execute(_CHANGE, webhook_id=webhook.id, **given) == 1


async def begin_anew(session: WriteSession, webhook_id: UUID, now: datetime) -> None:
    """What waits for a webhook is due now, and has all of its time."""
    await session.execute(_ANEW, of_webhook=webhook_id, was="WAITING", since=now, due_at=now)


async def give_up(session: WriteSession, webhook_id: UUID, reason: str, now: datetime) -> None:
    """What waits for a webhook is dead."""
    ended = {"state": "DEAD", "problem": reason, "ended_at": now}
    await session.execute(_GIVE_UP, of_webhook=webhook_id, was="WAITING", **ended)


async def pause_all(session: WriteSession, reason: str, now: datetime) -> int:
    """Pause the tenant's active webhooks; how many they were."""
    return await session.execute(
        _SWITCH, was="ACTIVE", state="PAUSED", state_reason=reason, updated_at=now
    )


async def resume_all(session: WriteSession, because: str, now: datetime) -> int:
    """Resume those that were paused for this reason; how many they were."""
    return await session.execute(
        _SWITCH_BACK,
        was="PAUSED",
        was_because=because,
        state="ACTIVE",
        state_reason=None,
        updated_at=now,
    )


async def repeat(session: WriteSession, delivery_id: UUID, now: datetime) -> bool:
    """Have a delivery that has ended be made again. False: there is none."""
    asked = {"state": "WAITING", "since": now, "due_at": now}
    return await session.execute(_AGAIN_ONE, delivery_id=delivery_id, **asked) == 1


async def repeat_from(
    session: WriteSession, webhook_id: UUID, then: datetime, now: datetime
) -> int:
    """Have all of a webhook's that were made since then be made again; how many they are."""
    asked = {"state": "WAITING", "since": now, "due_at": now}
    return await session.execute(_AGAIN_FROM, of_webhook=webhook_id, from_then=then, **asked)


async def delivery(session: ReadSession, delivery_id: UUID) -> DeliveryRecord | None:
    """The tenant's delivery of that id."""
    row = await session.first(_FIND_DELIVERY, delivery_id=delivery_id)
    return None if row is None else DeliveryRecord(**row)


class Webhooks:
    """The webhooks of all tenants, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID, webhook_id: UUID) -> WebhookRecord | None:
        """The tenant's webhook of that id. Another tenant's is not found."""
        async with self._database.reading(tenant_id) as session:
            return await find(session, webhook_id)

    async def all(self, tenant_id: UUID) -> list[WebhookRecord]:
        """All of the tenant's, the oldest first."""
        async with self._database.reading(tenant_id) as session:
            return [WebhookRecord(**row) for row in await session.all(_ALL)]

    async def delivery(self, tenant_id: UUID, delivery_id: UUID) -> DeliveryRecord | None:
        """The tenant's delivery of that id."""
        async with self._database.reading(tenant_id) as session:
            return await delivery(session, delivery_id)

    async def deliveries(self, tenant_id: UUID, page: DeliveryPage) -> list[DeliveryRecord]:
        """The deliveries of a page, the newest first."""
        values: dict[str, object] = {"webhook_id": page.webhook_id, "limit": page.limit}
        if page.state is not None:
            values["state"] = page.state
        if page.after is not None:
            values |= {"after_created_at": page.after[0], "after_id": page.after[1]}
        statement = _PAGES[page.state is not None, page.after is not None]
        async with self._database.reading(tenant_id) as session:
            return [DeliveryRecord(**row) for row in await session.all(statement, **values)]


_CHANGED: Final = frozenset(
    {"url", "description", "events", "secret", "state", "state_reason", "updated_at"}
)
