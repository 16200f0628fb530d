"""Operators' ways into tenants: each with a reason and an end, kept where the tenant sees it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import OperatorGrantRow


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRecord:
    """An operator's way into a tenant."""

    id: UUID
    operator_id: UUID  # a member of the system's tenant
    operator_name: str
    role: str  # what they may do there
    reason: str
    created_at: datetime
    ends_at: datetime
    needs_approval: bool
    approved_by: UUID | None = None
    approved_at: datetime | None = None
    ended_by: UUID | None = None  # before its time
    ended_at: datetime | None = None


_COLUMNS = tuple(field.name for field in fields(GrantRecord))
_OF_ID = scope.equals(OperatorGrantRow, "id", "grant")
_FIND = scope.select(OperatorGrantRow, *_COLUMNS).where(_OF_ID)
_NEWEST = (
    scope.select(OperatorGrantRow, *_COLUMNS)
    .order_by(
        scope.column(OperatorGrantRow, "created_at").desc(),
        scope.column(OperatorGrantRow, "id").desc(),
    )
    .limit(bindparam("limit", type_=Integer()))
)
_APPROVE = scope.update(OperatorGrantRow, "approved_by", "approved_at").where(
    _OF_ID, scope.column(OperatorGrantRow, "approved_at").is_(None)
)
_END = scope.update(OperatorGrantRow, "ended_by", "ended_at").where(
    _OF_ID, scope.column(OperatorGrantRow, "ended_at").is_(None)
)


class OperatorGrants:
    """The grants of all tenants, each tenant's apart. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, tenant_id: UUID, limit: int) -> list[GrantRecord]:
        """The newest first."""
        rows = await self._database.all(tenant_id, _NEWEST, limit=limit)
        return [GrantRecord(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    async def find(self, tenant_id: UUID, grant_id: UUID) -> GrantRecord | None:
        row = await self._database.first(tenant_id, _FIND, grant=grant_id)
        return None if row is None else GrantRecord(**dict(zip(_COLUMNS, row, strict=True)))


async def find(session: ReadSession, grant_id: UUID) -> GrantRecord | None:
    row = await session.first(_FIND, grant=grant_id)
    return None if row is None else GrantRecord(**row)


async def add(session: WriteSession, grant: GrantRecord) -> None:
    await session.add_if_absent(OperatorGrantRow, **asdict(grant))


async def approve(session: WriteSession, grant_id: UUID, by: UUID, at: datetime) -> bool:
    """False: it was approved before."""
    done = await session.execute(_APPROVE, grant=grant_id, approved_by=by, approved_at=at)
    return done == 1


async def end(session: WriteSession, grant_id: UUID, by: UUID, at: datetime) -> bool:
    """False: it was ended before."""
    return await session.execute(_END, grant=grant_id, ended_by=by, ended_at=at) == 1
