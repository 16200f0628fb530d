"""Events on their way to webhooks: sent in order, by whoever holds the lease.

A row is an event for one address (`store.outbox` makes them). Those of one stream are sent one
after the other, and the head of a stream, the oldest that waits, carries the lease for all of it.

``due_at`` says when a row is looked at next. Rows behind a head that is not due are moved to where
the head is, so that a stream that waits costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, bindparam, func, null, or_

from store import scope
from store.database import Database
from store.session import WriteSession
from store.tables import DeliveryRow, WebhookRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that a process has the lease of, and where it goes."""

    id: UUID
    webhook_id: UUID
    stream: str
    seq: int
    event: str
    payload: str
    attempts: int
    since: datetime
    url: str
    secret: str  # sealed

    @property
    def way(self) -> tuple[UUID, str]:
        """What is sent in order."""
        return self.webhook_id, self.stream


def _column(name: str) -> Any:
    return scope.column(DeliveryRow, name)


_LIMIT: Final = bindparam("limit", type_=Integer())
_NOW: Final = scope.given(DeliveryRow, "due_at", "now")
_FREE: Final = or_(_column("lease_until").is_(None), _column("lease_until") < _NOW)
_WAITING: Final = _column("state") == "WAITING"
_DUE: Final = _column("due_at") <= _NOW
_THIS: Final = scope.equals(DeliveryRow, "id", "delivery_id")
_MINE: Final = scope.equals(DeliveryRow, "owner", "mine")
_WAY: Final = (
    scope.equals(DeliveryRow, "webhook_id", "of_webhook"),
    scope.equals(DeliveryRow, "stream", "of_stream"),
    _WAITING,
)
_NOBODYS: Final = {"owner": null(), "lease_until": null()}
_ACTIVE_ONES = scope.select(WebhookRow, "id").where(scope.column(WebhookRow, "state") == "ACTIVE")
_TO_ACTIVE: Final = _column("webhook_id").in_(_ACTIVE_ONES)

_STREAMS = (
    scope.select(DeliveryRow, "webhook_id", "stream")
    .where(_WAITING, _DUE, _FREE, _TO_ACTIVE, ~scope.among(DeliveryRow, ("webhook_id",), "resting"))
    .group_by(_column("webhook_id"), _column("stream"))
    .order_by(func.min(_column("due_at")), _column("webhook_id"), _column("stream"))
    .limit(_LIMIT)
)
_HEAD = (
    scope.select(
        DeliveryRow,
        *("id", "webhook_id", "stream", "seq", "event", "payload", "attempts", "since"),
        *("due_at", "lease_until"),
    )
    .where(*_WAY)
    .order_by(_column("seq"))
    .limit(1)
)
_WHERE_TO = scope.select(WebhookRow, "url", "secret").where(
    scope.equals(WebhookRow, "id", "webhook_id"), scope.column(WebhookRow, "state") == "ACTIVE"
)
_CLAIM = scope.update(DeliveryRow, "owner", "lease_until").where(_THIS, _WAITING, _FREE)
# What is leased is somebody's: waited for here, while they wait for what is behind it, both would
# wait for ever.
_BEHIND = scope.update(DeliveryRow, "due_at").where(
    *_WAY,
    _column("owner").is_(None),
    _column("due_at") < scope.given(DeliveryRow, "due_at", "then"),
)
_END = (
    scope.update(DeliveryRow, "state", "status", "problem", "ended_at")
    .values(**_NOBODYS, attempts=_column("attempts") + 1)
    .where(_THIS, _MINE, _WAITING)
)
_LATER = (
    scope.update(DeliveryRow, "due_at", "status", "problem")
    .values(**_NOBODYS, attempts=_column("attempts") + 1)
    .where(_THIS, _MINE, _WAITING)
)
_LET_GO = scope.update(DeliveryRow, "due_at").values(**_NOBODYS).where(_THIS, _MINE, _WAITING)
_LET_ALL_GO = scope.update(DeliveryRow).values(**_NOBODYS).where(_MINE, _WAITING)
_HASTEN = scope.update(DeliveryRow, "due_at").where(
    scope.equals(DeliveryRow, "webhook_id", "of_webhook"), _WAITING, _column("due_at") > _NOW
)
_NEXT = (
    scope.select(DeliveryRow, "due_at")
    .where(_WAITING, _TO_ACTIVE)
    .order_by(_column("due_at"))
    .limit(1)
)
_PAUSE = scope.update(WebhookRow, "state", "state_reason", "updated_at").where(
    scope.equals(WebhookRow, "id", "webhook_id"), scope.column(WebhookRow, "state") == "ACTIVE"
)


class Deliveries:
    """Whose turn it is to send what. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def streams(
        self, tenant_id: UUID, now: datetime, resting: Collection[UUID], limit: int
    ) -> list[tuple[UUID, str]]:
        """Webhooks and streams that have something due, but for ``resting`` webhooks'."""
        async with self._database.reading(tenant_id) as session:
            rows = await session.all(_STREAMS, now=now, resting=list(resting), limit=limit)
        return [(row["webhook_id"], row["stream"]) for row in rows]

    async def claim(
        self, tenant_id: UUID, way: tuple[UUID, str], owner: str, now: datetime, until: datetime
    ) -> Claimed | None:
        """Take the lease of a stream. None: somebody has it, or its head is not due."""
        async with self._database.writing(tenant_id) as session:
            head = await session.first(_HEAD, of_webhook=way[0], of_stream=way[1])
            if head is None:
                return None
            free_at = max(head["due_at"], head["lease_until"] or head["due_at"])
            if free_at > now:
                await session.execute(_BEHIND, **_of(way), due_at=free_at, then=free_at)
                return None
            return await _claim(session, head, owner, now, until)

    async def ended(
        self,
        tenant_id: UUID,
        claimed: Claimed,
        owner: str,
        now: datetime,
        until: datetime,
        *,
        state: str,
        status: int | None,
        problem: str | None,
    ) -> Claimed | None:
        """It was DELIVERED, or is DEAD. The next of its stream, with the lease; None: there is none
        yet, or this process was too late and another has it."""
        end = {"state": state, "status": status, "problem": problem, "ended_at": now}
        async with self._database.writing(tenant_id) as session:
            if await session.execute(_END, delivery_id=claimed.id, mine=owner, **end) == 0:
                return None
            head = await session.first(_HEAD, **_of(claimed.way))
            if head is None:
                return None
            return await _claim(session, head, owner, now, until)

    async def later(
        self,
        tenant_id: UUID,
        claimed: Claimed,
        owner: str,
        due_at: datetime,
        *,
        status: int | None,
        problem: str,
    ) -> None:
        """It failed, and is tried again then; all that is behind it waits as long."""
        again = {"due_at": due_at, "status": status, "problem": problem}
        async with self._database.writing(tenant_id) as session:
            if await session.execute(_LATER, delivery_id=claimed.id, mine=owner, **again):
                await session.execute(_BEHIND, **_of(claimed.way), due_at=due_at, then=due_at)

    async def let_go(self, tenant_id: UUID, claimed: Claimed, owner: str, due_at: datetime) -> None:
        """It was not tried, and is somebody's turn then."""
        async with self._database.writing(tenant_id) as session:
            if await session.execute(_LET_GO, delivery_id=claimed.id, mine=owner, due_at=due_at):
                await session.execute(_BEHIND, **_of(claimed.way), due_at=due_at, then=due_at)

    async def let_all_go(self, tenant_id: UUID, owner: str) -> None:
        """Give back every lease of an owner, so that another need not wait for its end."""
        async with self._database.writing(tenant_id) as session:
            await session.execute(_LET_ALL_GO, mine=owner)

    async def hasten(self, tenant_id: UUID, webhook_id: UUID, now: datetime) -> None:
        """An address answers again: what waits for it is due."""
        async with self._database.writing(tenant_id) as session:
            await session.execute(_HASTEN, of_webhook=webhook_id, now=now, due_at=now)

    async def next_due(self, tenant_id: UUID) -> datetime | None:
        """When something is due next, or was."""
        row = await self._database.first(tenant_id, _NEXT)
        return None if row is None else row[0]


async def pause(session: WriteSession, webhook_id: UUID, reason: str, now: datetime) -> bool:
    """Send it nothing until it is resumed. False: it is not active."""
    paused = {"state": "PAUSED", "state_reason": reason, "updated_at": now}
    return await session.execute(_PAUSE, webhook_id=webhook_id, **paused) == 1


async def _claim(
    session: WriteSession, head: Any, owner: str, now: datetime, until: datetime
) -> Claimed | None:
    to = await session.first(_WHERE_TO, webhook_id=head["webhook_id"])
    if to is None:
        return None
    lease = {"owner": owner, "lease_until": until}
    if await session.execute(_CLAIM, delivery_id=head["id"], now=now, **lease) == 0:
        return None
    told = {name: head[name] for name in head if name not in ("due_at", "lease_until")}
    return Claimed(**told, **to)


def _of(way: tuple[UUID, str]) -> dict[str, Any]:
    return {"of_webhook": way[0], "of_stream": way[1]}
