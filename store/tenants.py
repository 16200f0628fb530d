"""Tenants and their members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from store import scope
from store.database import Database
from store.tables import MemberRow, TenantRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """Who pays."""

    tenant_id: UUID
    slug: str  # unique among all tenants, 1 to 63 characters
    name: str
    plan: str  # one of store.tables.PLANS
    created_at: datetime  # with a zone


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """Who belongs to a tenant."""

    id: UUID
    subject: str  # the person's name in access tokens, unique in the tenant
    name: str
    role: str  # one of store.tables.ROLES


_TENANT = tuple(field.name for field in fields(TenantRecord))
_MEMBER = tuple(field.name for field in fields(MemberRecord))
_FIND = scope.select(TenantRow, *_TENANT)
_FIND_MEMBER = scope.select(MemberRow, *_MEMBER).where(scope.equals(MemberRow, "id"))
_MEMBERS = scope.select(MemberRow, *_MEMBER).order_by("name", "id")


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
        """Every member of the tenant, by name."""
        async with self._database.reading(tenant_id) as session:
            return [MemberRecord(**row) for row in await session.all(_MEMBERS)]

    async def ensure(self, tenant: TenantRecord, members: Iterable[MemberRecord]) -> None:
        """See to it that the tenant and its members are there, all or none of them.

        What is there already is left as it is. Raises NotKept where another tenant has
        the slug, or another member the subject.
        """
        async with self._database.writing(tenant.tenant_id) as session:
            await session.add_if_absent(TenantRow, **asdict(tenant))
            for member in members:
                await session.add_if_absent(MemberRow, **asdict(member))
