"""API keys: a hash, and what each may do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import ApiKeyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRecord:
    """A machine's way in, as one of the tenant's members."""

    id: UUID
    member_id: UUID  # whom it acts as
    name: str
    secret_hash: str  # SHA-256 in hex
    scopes: str  # JSON: a list of permissions' names
    created_by: UUID
    created_at: datetime  # with a zone, as all of them
    expires_at: datetime | None
    used_at: datetime | None = None
    ended_by: UUID | None = None
    ended_at: datetime | None = None


_ALL = tuple(field.name for field in fields(ApiKeyRecord))
_BY_ID = scope.equals(ApiKeyRow, "id", called="key_id")
_NEWEST = (scope.column(ApiKeyRow, "created_at").desc(), scope.column(ApiKeyRow, "id").desc())
_FIND = scope.select(ApiKeyRow, *_ALL).where(_BY_ID)
_LIVE = scope.column(ApiKeyRow, "ended_at").is_(None)
_OF_TENANT = (
    scope.select(ApiKeyRow, *_ALL)
    .where(_LIVE)
    .order_by(*_NEWEST)
    .limit(bindparam("limit", type_=Integer()))
)
_OF_MEMBER = (
    scope.select(ApiKeyRow, *_ALL)
    .where(_LIVE, scope.equals(ApiKeyRow, "member_id"))
    .order_by(*_NEWEST)
    .limit(bindparam("limit", type_=Integer()))
)
_COUNT = scope.count(ApiKeyRow).where(_LIVE)
_USED = scope.update(ApiKeyRow, "used_at").where(_BY_ID)
_END = scope.update(ApiKeyRow, "ended_by", "ended_at").where(_BY_ID, _LIVE)


class ApiKeys:
    """Keys of each tenant. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID, key_id: UUID) -> ApiKeyRecord | None:
        row = await self._database.first(tenant_id, _FIND, key_id=key_id)
        return None if row is None else ApiKeyRecord(**dict(zip(_ALL, row, strict=True)))

    async def live(
        self, tenant_id: UUID, limit: int, member_id: UUID | None = None
    ) -> list[ApiKeyRecord]:
        """Those that were not ended, the newest first; of one member, or of all."""
        if member_id is None:
            rows = await self._database.all(tenant_id, _OF_TENANT, limit=limit)
        else:
            rows = await self._database.all(tenant_id, _OF_MEMBER, limit=limit, member_id=member_id)
        return [ApiKeyRecord(**dict(zip(_ALL, row, strict=True))) for row in rows]

    async def used(self, tenant_id: UUID, key_id: UUID, at: datetime) -> None:
        """It was used."""
        async with self._database.writing(tenant_id) as session:
            await session.execute(_USED, key_id=key_id, used_at=at)


async def find(session: ReadSession, key_id: UUID) -> ApiKeyRecord | None:
    """One key, as the transaction sees it."""
    row = await session.first(_FIND, key_id=key_id)
    return None if row is None else ApiKeyRecord(**row)


async def count(session: ReadSession) -> int:
    """How many the tenant has that were not ended."""
    row = await session.first(_COUNT)
    return 0 if row is None else int(row["count"])


async def add(session: WriteSession, key: ApiKeyRecord) -> None:
    """There is one more."""
    await session.add_if_absent(ApiKeyRow, **asdict(key))


async def end(session: WriteSession, key_id: UUID, by: UUID, at: datetime) -> bool:
    """End it. False: it had ended, or there is none."""
    return await session.execute(_END, key_id=key_id, ended_by=by, ended_at=at) == 1
