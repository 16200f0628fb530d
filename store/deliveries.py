"""Events on their way to webhooks: sent in order, by whoever holds the lease.

A row is an event for one address (`store.outbox` makes them). Those of one stream are sent one
after the other, and the head of a stream, the oldest that waits, carries the lease for all of it.

``due_at`` says when a row is looked at next. Rows behind a head that is not due are moved to where
the head is, so that a stream that waits costs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, null, or_

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import DeliveryRow, WebhookRow

Way: TypeAlias = tuple[UUID, str]  # a webhook and a stream: what is sent in order


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
    def way(self) -> Way:
        """What it is sent in order with."""
        return self.webhook_id, self.stream


def _column(name: str) -> Any:
    return scope.column(DeliveryRow, name)


AT_ONCE: Final = 100  # rows of one webhook at a look
_LIMIT: Final = bindparam("limit", type_=Integer())
_NOW: Final = scope.given(DeliveryRow, "due_at", "now")
_FREE: Final = or_(_column("lease_until").is_(None), _column("lease_until") < _NOW)
_WAITING: Final = _column("state") == "WAITING"
_THIS: Final = scope.equals(DeliveryRow, "id", "delivery_id")
_MINE: Final = scope.equals(DeliveryRow, "owner", "mine")
_WAY: Final = (
    scope.equals(DeliveryRow, "webhook_id", "of_webhook"),
    scope.equals(DeliveryRow, "stream", "of_stream"),
    _WAITING,
)
_NOBODYS: Final = {"owner": null(), "lease_until": null()}
_ACTIVE_ONES = scope.select(WebhookRow, "id").where(scope.column(WebhookRow, "state") == "ACTIVE")
_OF_WEBHOOK: Final = (scope.equals(DeliveryRow, "webhook_id", "of_webhook"), _WAITING)

# Of one webhook, the first so many in the order of an index: what waits behind them costs nothing,
# however much it is. All of them put into groups would be read at each look.
_DUE = (
    scope.select(DeliveryRow, "stream", "due_at")
    .where(*_OF_WEBHOOK, _column("due_at") <= _NOW, _FREE)
    .where(~scope.among(DeliveryRow, ("stream",), "held"))
    .order_by(_column("due_at"))
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
_HASTEN = scope.update(DeliveryRow, "due_at").where(*_OF_WEBHOOK, _column("due_at") > _NOW)
_NEXT = scope.select(DeliveryRow, "due_at").where(*_OF_WEBHOOK).order_by("due_at").limit(1)
_OLDEST = scope.select(DeliveryRow, "since").where(*_OF_WEBHOOK).order_by("created_at").limit(1)
_ENDED_SO = (
    scope.select(DeliveryRow, "id")
    .where(
        scope.equals(DeliveryRow, "webhook_id", "of_webhook"),
        scope.equals(DeliveryRow, "state"),
        _column("created_at") >= scope.given(DeliveryRow, "created_at", "from_then"),
    )
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
        self, tenant_id: UUID, now: datetime, held: Iterable[Way], resting: Collection[UUID]
    ) -> list[Way]:
        """What has something due, the longest first, but for ``resting`` webhooks.

        These may not be all: ask again without those that are ``held`` by then.
        """
        of: dict[UUID, list[str]] = defaultdict(list)
        for webhook_id, stream in held:
            of[webhook_id].append(stream)
        found: list[tuple[datetime, Way]] = []
        async with self._database.reading(tenant_id) as session:
            for webhook_id in await _active(session):
                if webhook_id not in resting:
                    asked = {"of_webhook": webhook_id, "held": of[webhook_id]}
                    rows = await session.all(_DUE, **asked, now=now, limit=AT_ONCE)
                    found += [(row["due_at"], (webhook_id, row["stream"])) for row in rows]
        return list(dict.fromkeys(way for _, way in sorted(found)))

    async def claim(
        self, tenant_id: UUID, way: Way, owner: str, now: datetime, until: datetime
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
        return await self._least(tenant_id, _NEXT)

    async def oldest(self, tenant_id: UUID) -> datetime | None:
        """Since when an active webhook waits for what it has waited for longest."""
        return await self._least(tenant_id, _OLDEST)

    async def takes_nothing(self, tenant_id: UUID, webhook_id: UUID, since: datetime) -> bool:
        """Whether a webhook took nothing of what happened since then, and something is dead."""
        asked = {"of_webhook": webhook_id, "from_then": since}
        async with self._database.reading(tenant_id) as session:
            if await session.first(_ENDED_SO, **asked, state="DELIVERED") is not None:
                return False
            return await session.first(_ENDED_SO, **asked, state="DEAD") is not None

    async def _least(self, tenant_id: UUID, statement: Select[Any]) -> datetime | None:
        """The least of the first values that a statement finds for each active webhook."""
        async with self._database.reading(tenant_id) as session:
            rows = [
                row
                for webhook_id in await _active(session)
                for row in await session.all(statement, of_webhook=webhook_id)
            ]
        return min((moment for row in rows for moment in row.values()), default=None)


async def _active(session: ReadSession) -> list[UUID]:
    return [row["id"] for row in await session.all(_ACTIVE_ONES)]


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


def _of(way: Way) -> dict[str, Any]:
    return {"of_webhook": way[0], "of_stream": way[1]}
