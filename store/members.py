"""Members of a tenant, within a transaction that changes them."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from uuid import UUID

from store import scope
from store.session import ReadSession, WriteSession
from store.tables import ApiKeyRow, MemberRow, ModelGrantRow, SessionRow
from store.tenants import MemberRecord

_MEMBER = tuple(field.name for field in fields(MemberRecord))
_OF_ID = scope.equals(MemberRow, "id", "member")
_IS_ACTIVE = scope.equals(MemberRow, "state")
_FIND = scope.select(MemberRow, *_MEMBER).where(_OF_ID)
_FIND_SUBJECT = scope.select(MemberRow, *_MEMBER).where(scope.equals(MemberRow, "subject"))
_COUNT = scope.count(MemberRow).where(_IS_ACTIVE)
_COUNT_PEOPLE = _COUNT.where(scope.equals(MemberRow, "role"), scope.equals(MemberRow, "kind"))
_CHANGE = scope.update(
    MemberRow, "name", "role", "state", "email", "joined_at", "changed_at"
).where(_OF_ID)
_END_SESSIONS = scope.update(SessionRow, "ended_at", "ended_why").where(
    scope.equals(SessionRow, "member_id", "of_member"),
    scope.column(SessionRow, "ended_at").is_(None),
)
_END_KEYS = scope.update(ApiKeyRow, "ended_at", "ended_by").where(
    scope.equals(ApiKeyRow, "member_id", "of_member"),
    scope.column(ApiKeyRow, "ended_at").is_(None),
)
_END_SHARES = scope.delete(ModelGrantRow).where(
    scope.equals(ModelGrantRow, "member_id", "of_member")
)


async def find(session: ReadSession, member_id: UUID) -> MemberRecord | None:
    row = await session.first(_FIND, member=member_id)
    return None if row is None else MemberRecord(**row)


async def find_subject(session: ReadSession, subject: str) -> MemberRecord | None:
    """Whoever has the name in tokens, whatever their state."""
    row = await session.first(_FIND_SUBJECT, subject=subject)
    return None if row is None else MemberRecord(**row)


async def count(session: ReadSession) -> int:
    """How many are ACTIVE, people and services."""
    row = await session.first(_COUNT, state="ACTIVE")
    return 0 if row is None else int(row["count"])


async def count_people(session: ReadSession, role: str) -> int:
    """How many people are ACTIVE in a role."""
    row = await session.first(_COUNT_PEOPLE, state="ACTIVE", kind="PERSON", role=role)
    return 0 if row is None else int(row["count"])


async def add(session: WriteSession, member: MemberRecord) -> bool:
    """False: the id is there already. Raises NotKept where another has the subject."""
    return await session.add_if_absent(MemberRow, **asdict(member))


async def change(session: WriteSession, member: MemberRecord) -> None:
    """Have the member be as the record says: name, role, state, email and moments."""
    values = asdict(member)
    del values["id"], values["subject"], values["kind"]
    await session.execute(_CHANGE, member=member.id, **values)


async def end_access(
    session: WriteSession, member_id: UUID, *, by: UUID, why: str, at: datetime
) -> tuple[int, int]:
    """End every session and every key of theirs, and what was shared with them alone.

    How many sessions and keys these were.
    """
    sessions = await session.execute(_END_SESSIONS, of_member=member_id, ended_at=at, ended_why=why)
    keys = await session.execute(_END_KEYS, of_member=member_id, ended_at=at, ended_by=by)
    await session.execute(_END_SHARES, of_member=member_id)
    return sessions, keys
