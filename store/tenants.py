"""Tenants and their members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import MemberRow, OperatorGrantRow, TenantRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """Who pays."""

    tenant_id: UUID
    slug: str  # unique among all tenants, 1 to 63 characters
    name: str
    plan: str  # one of store.tables.PLANS
    created_at: datetime  # with a zone
    state: str = "ACTIVE"  # or SUSPENDED
    state_reason: str | None = None  # as the tenant reads it
    state_since: datetime | None = None
    settings: str = "{}"  # canonical JSON: origins, onlyTrusted, secondFactor, contract
    revision: int = 1  # of plan, state and settings


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """Who belongs to a tenant."""

    id: UUID
    subject: str  # the person's name in access tokens, unique in the tenant
    name: str
    role: str  # one of store.tables.ROLES
    kind: str = "PERSON"  # or SERVICE
    state: str = "ACTIVE"  # REMOVED, ERASED: no member any more, and still the author of things
    email: str | None = None
    joined_at: datetime | None = None
    changed_at: datetime | None = None  # of role or state


_TENANT = tuple(field.name for field in fields(TenantRecord))
_MEMBER = tuple(field.name for field in fields(MemberRecord))
_FIND = scope.select(TenantRow, *_TENANT)
_FIND_MEMBER = scope.select(MemberRow, *_MEMBER).where(scope.equals(MemberRow, "id"))
_CHANGING = ("name", "plan", "state", "state_reason", "state_since", "settings", "revision")
_CHANGE = scope.update(TenantRow, *_CHANGING)
_MEMBERS = scope.select(MemberRow, *_MEMBER).order_by("name", "id")


async def find(session: ReadSession) -> TenantRecord | None:
    """The tenant of a transaction."""
    row = await session.first(_FIND)
    return None if row is None else TenantRecord(**row)


async def change(session: WriteSession, before: TenantRecord, **changes: Any) -> TenantRecord:
    """Change the tenant of a transaction that holds it; what it is now, at its next revision."""
    after = replace(before, revision=before.revision + 1, **changes)
    values = asdict(after)
    await session.execute(_CHANGE, **{name: values[name] for name in _CHANGING})
    return after


async def add(session: WriteSession, tenant: TenantRecord) -> bool:
    """False: it is there already. Raises NotKept where another tenant has the slug."""
    return await session.add_if_absent(TenantRow, **asdict(tenant))


_VISITORS = (
    scope.select(OperatorGrantRow, "operator_id", "operator_name", "role")
    .order_by(scope.column(OperatorGrantRow, "created_at").desc())
    .limit(1_000)
)


class Tenants:
    """The tenants, each seen only by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID) -> TenantRecord | None:
        """The tenant's own record."""
        row = await self._database.first(tenant_id, _FIND)
        return None if row is None else TenantRecord(**dict(zip(_TENANT, row, strict=True)))

    async def member(self, tenant_id: UUID, member_id: UUID) -> MemberRecord | None:
        """One member of the tenant."""
        row = await self._database.first(tenant_id, _FIND_MEMBER, id=member_id)
        return None if row is None else MemberRecord(**dict(zip(_MEMBER, row, strict=True)))

    async def members(self, tenant_id: UUID) -> list[MemberRecord]:
        """Everybody who is or was a member of the tenant, by name."""
        async with self._database.reading(tenant_id) as session:
            return [MemberRecord(**row) for row in await session.all(_MEMBERS)]

    async def visitors(self, tenant_id: UUID) -> list[MemberRecord]:
        """Operators who had a way in, newest first: authors, and no members."""
        rows = await self._database.all(tenant_id, _VISITORS)
        return [
            MemberRecord(id=id_, subject="operator", name=name, role=role, state="REMOVED")
            for id_, name, role in rows
        ]

    async def ensure(self, tenant: TenantRecord, members: Iterable[MemberRecord]) -> None:
        """See to it that the tenant and its members are there, all or none of them.

        What is there already is left as it is. Raises NotKept where another tenant has
        the slug, or another member the subject.
        """
        async with self._database.writing(tenant.tenant_id) as session:
            await session.add_if_absent(TenantRow, **asdict(tenant))
            for member in members:
                await session.add_if_absent(MemberRow, **asdict(member))

    async def join(self, tenant_id: UUID, member: MemberRecord) -> None:
        """See to it that a tenant that is there has the member."""
        async with self._database.writing(tenant_id) as session:
            await session.add_if_absent(MemberRow, **asdict(member))
