"""Who is signed in: one row for each family of refresh tokens."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import SessionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A member who is signed in."""

    id: UUID
    member_id: UUID
    method: str  # PASSWORD, OIDC, INVITATION, OPERATOR
    family_hash: str  # SHA-256 in hex of what all its refresh tokens share
    refresh_hash: str  # of the newest one's secret
    previous_hash: str | None = None  # of the one before it
    salt: str | None = None  # hex; with which it became the newest
    refreshes: int = 0
    created_at: datetime  # with a zone, as all of them
    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    ended_why: str | None = None
    agent: str | None = None  # as the client calls itself
    grant_id: UUID | None = None


_ALL = tuple(field.name for field in fields(SessionRecord))
_BY_ID = scope.equals(SessionRow, "id", called="session_id")
_OPEN = scope.column(SessionRow, "ended_at").is_(None)
_FIND = scope.select(SessionRow, *_ALL).where(_BY_ID)
_OF_MEMBER = (
    scope.select(SessionRow, *_ALL)
    .where(
        scope.equals(SessionRow, "member_id"),
        _OPEN,
        scope.column(SessionRow, "expires_at") > scope.given(SessionRow, "expires_at", "now"),
        scope.column(SessionRow, "used_at") > scope.given(SessionRow, "used_at", "since"),
    )
    .order_by(scope.column(SessionRow, "created_at").desc(), scope.column(SessionRow, "id").desc())
    .limit(bindparam("limit", type_=Integer()))
)
_ROTATE = scope.update(
    SessionRow, "refresh_hash", "previous_hash", "salt", "refreshes", "used_at"
).where(_BY_ID, _OPEN, scope.equals(SessionRow, "refresh_hash", called="was"))
_END = scope.update(SessionRow, "ended_at", "ended_why").where(_BY_ID, _OPEN)
_END_OF_MEMBER = scope.update(SessionRow, "ended_at", "ended_why").where(
    scope.equals(SessionRow, "member_id", called="of_member"),
    _OPEN,
    scope.column(SessionRow, "id") != scope.given(SessionRow, "id", "but"),
)
_NONE = UUID(int=0)


class Sessions:
    """Sessions of each tenant. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID, session_id: UUID) -> SessionRecord | None:
        row = await self._database.first(tenant_id, _FIND, session_id=session_id)
        return None if row is None else SessionRecord(**dict(zip(_ALL, row, strict=True)))

    async def of_member(
        self, tenant_id: UUID, member_id: UUID, *, now: datetime, since: datetime, limit: int
    ) -> list[SessionRecord]:
        """Those that can go on: not ended, not over, used ``since``; the newest first."""
        rows = await self._database.all(
            tenant_id, _OF_MEMBER, member_id=member_id, now=now, since=since, limit=limit
        )
        return [SessionRecord(**dict(zip(_ALL, row, strict=True))) for row in rows]


async def find(session: ReadSession, session_id: UUID) -> SessionRecord | None:
    """One session, as the transaction sees it."""
    row = await session.first(_FIND, session_id=session_id)
    return None if row is None else SessionRecord(**row)


async def add(session: WriteSession, record: SessionRecord) -> None:
    """A member has signed in."""
    await session.add_if_absent(SessionRow, **asdict(record))


async def rotate(session: WriteSession, was: SessionRecord, becomes: SessionRecord) -> bool:
    """Another token is the newest. False: somebody was faster, or it has ended."""
    changed = await session.execute(
        _ROTATE,
        session_id=was.id,
        was=was.refresh_hash,
        refresh_hash=becomes.refresh_hash,
        previous_hash=becomes.previous_hash,
        salt=becomes.salt,
        refreshes=becomes.refreshes,
        used_at=becomes.used_at,
    )
    return changed == 1


async def end(session: WriteSession, session_id: UUID, why: str, at: datetime) -> bool:
    """End it. False: it had ended, or there is none."""
    changed = await session.execute(_END, session_id=session_id, ended_at=at, ended_why=why)
    return changed == 1


async def end_all(
    session: WriteSession, member_id: UUID, why: str, at: datetime, but: UUID | None = None
) -> int:
    """End a member's sessions, all ``but`` one; how many."""
    return await session.execute(
        _END_OF_MEMBER, of_member=member_id, ended_at=at, ended_why=why, but=but or _NONE
    )
