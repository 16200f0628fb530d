"""The chain of a tenant's audit: pending entries become its next links, each exactly once.

Entries are taken and become links in one transaction, and whoever chains the same tenant at
the same moment waits until it has ended. Were that ever to fail, a number cannot be given
twice: one of the two would be undone, and nothing be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.changes import hold
from store.database import Database
from store.outbox import Happening, tell
from store.session import ReadSession
from store.tables import AuditCheckpointRow, AuditEventRow, AuditPendingRow

NOTHING: Final = "0" * 64  # the hash before the first link
AT_ONCE: Final = 100  # links of one transaction: on SQLite everybody's writes wait for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One event of a tenant's chain."""

    seq: int  # 1, 2, 3 … without a gap
    id: UUID
    at: datetime
    actor_kind: str  # MEMBER, SERVICE, OPERATOR, SYSTEM
    actor: UUID | None
    action: str
    subject_kind: str
    subject: str
    operation_id: str | None
    session: str | None
    details: str  # canonical JSON
    previous: str  # the hash of the link before, in hex; `NOTHING` before the first
    hash: str  # of all of this, in hex; "" until it is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A signed word on how far the chain was (HEAD), or after which event it is kept (PRUNED)."""

    kind: str
    seq: int
    hash: str
    at: datetime
    signature: str  # a compact JWS over all of this and the tenant


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends."""

    seq: int  # 0: there is none yet
    hash: str


LINK: Final = tuple(field.name for field in fields(Link))
CHECKPOINT: Final = tuple(field.name for field in fields(Checkpoint))
_PENDING: Final = tuple(name for name in LINK if name not in ("seq", "previous", "hash"))

_SEQ = scope.column(AuditEventRow, "seq")
_CHECKPOINT_SEQ = scope.column(AuditCheckpointRow, "seq")
_OLDEST = (
    scope.select(AuditPendingRow, *_PENDING)
    .order_by(scope.column(AuditPendingRow, "id"))
    .limit(bindparam("limit", type_=Integer()))
)
_ANY = scope.select(AuditPendingRow, "id").limit(1)
_TAKE = scope.delete(AuditPendingRow).where(scope.among(AuditPendingRow, ("id",), "ids"))
_LAST = scope.select(AuditEventRow, "seq", "hash").order_by(_SEQ.desc()).limit(1)
_NEWEST = (
    scope.select(AuditCheckpointRow, *CHECKPOINT)
    .where(scope.equals(AuditCheckpointRow, "kind"))
    .order_by(_CHECKPOINT_SEQ.desc())
    .limit(1)
)
_FIRST_CHECKPOINTS = (
    scope.select(AuditCheckpointRow, *CHECKPOINT)
    .where(
        scope.equals(AuditCheckpointRow, "kind"),
        scope.given(AuditCheckpointRow, "seq", "after") < _CHECKPOINT_SEQ,
    )
    .order_by(_CHECKPOINT_SEQ)
    .limit(bindparam("limit", type_=Integer()))
)


class AuditChain:
    """The chains of all tenants, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def noted(self) -> set[UUID]:
        """Tenants for whom this process has written entries that may not be chained yet."""
        return self._database.noted

    async def chain(self, tenant_id: UUID, hashed: Callable[[UUID, Link], str]) -> int:
        """Make links of the oldest pending entries, ``AT_ONCE`` at most; how many there were.

        ``hashed`` is given the tenant and a link without its hash. Raises NotKept where a number
        was given to another link meanwhile: nothing was changed, and there is more to do.
        """
        async with self._database.writing(tenant_id) as session:
            await hold(session)
            pending = await session.all(_OLDEST, limit=AT_ONCE)
            if not pending:
                return 0
            await session.execute(_TAKE, ids=[entry["id"] for entry in pending])
            head = await _head(session)
            links: list[dict[str, Any]] = []
            seq, previous = head.seq, head.hash
            for entry in pending:
                seq += 1
                place: dict[str, Any] = {"seq": seq, "previous": previous}
                previous = hashed(tenant_id, Link(**entry, **place, hash=""))
                links.append({**entry, **place, "hash": previous})
            await session.add_all(AuditEventRow, links)
        return len(links)

    async def waits(self, tenant_id: UUID) -> bool:
        """Whether there is an entry that is in no chain yet."""
        return await self._database.first(tenant_id, _ANY) is not None

    async def head(self, tenant_id: UUID) -> Head:
        """Where the chain ends."""
        async with self._database.reading(tenant_id) as session:
            return await _head(session)

    async def newest(self, tenant_id: UUID, kind: str) -> Checkpoint | None:
        """The checkpoint of a kind with the highest seq."""
        row = await self._database.first(tenant_id, _NEWEST, kind=kind)
        return None if row is None else _checkpoint(row)

    async def checkpoints(
        self, tenant_id: UUID, kind: str, *, after: int, limit: int
    ) -> list[Checkpoint]:
        """The next checkpoints of a kind past a seq, by their seq."""
        rows = await self._database.all(
            tenant_id, _FIRST_CHECKPOINTS, kind=kind, after=after, limit=limit
        )
        return [_checkpoint(row) for row in rows]

    async def keep(
        self, tenant_id: UUID, checkpoint: Checkpoint, told: Sequence[Happening] = ()
    ) -> bool:
        """Keep a checkpoint, and put what is told of it on its way, or neither.

        False: there is one of its kind at its seq already.
        """
        async with self._database.writing(tenant_id) as session:
            new = await session.add_if_absent(AuditCheckpointRow, **asdict(checkpoint))
            if new and told:
                await tell(session, told)
        return new


async def _head(session: ReadSession) -> Head:
    """The last link; where all of them were pruned, what was said of the last one then."""
    last = await session.first(_LAST) or await session.first(_NEWEST, kind="PRUNED")
    return Head(0, NOTHING) if last is None else Head(last["seq"], last["hash"])


def _checkpoint(row: Sequence[Any]) -> Checkpoint:
    return Checkpoint(**dict(zip(CHECKPOINT, row, strict=True)))
