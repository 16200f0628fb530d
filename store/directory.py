"""What leads to a tenant before anybody has proved to be in it: a name, an issuer, a customer.

All rows belong to the system's tenant, so no table stands outside the isolation of tenants.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.database import Database
from store.session import WriteSession
from store.tables import DirectoryRow, TenantRow

SYSTEM: Final = UUID("00000000-0000-7000-8000-000000000001")
SYSTEM_SLUG: Final = "system"

Lead: TypeAlias = Literal["SLUG", "ISSUER", "CUSTOMER", "ORIGIN", "WEBHOOKS", "GRACE"]

_NAMED = (scope.equals(DirectoryRow, "kind"), scope.equals(DirectoryRow, "name"))
_FIND = scope.select(DirectoryRow, "leads_to").where(*_NAMED)
_PAGE = (
    scope.select(DirectoryRow, "name", "leads_to")
    .where(
        scope.equals(DirectoryRow, "kind"),
        scope.column(DirectoryRow, "name") > scope.given(DirectoryRow, "name", "after"),
        scope.column(DirectoryRow, "name") < scope.given(DirectoryRow, "name", "until"),
    )
    .order_by("name")
    .limit(bindparam("limit", type_=Integer()))
)
_REMOVE = scope.delete(DirectoryRow).where(*_NAMED)
_PUT = scope.InsertOnce(DirectoryRow, tells="leads_to")
_LAST = "\U0010ffff"


async def lead(session: WriteSession, kind: Lead, name: str, leads_to: UUID, at: datetime) -> bool:
    """Have it lead there, within a transaction of the system's. False: it leads elsewhere."""
    if await session.add_if_absent(DirectoryRow, kind=kind, name=name, leads_to=leads_to, at=at):
        return True
    row = await session.first(_FIND, kind=kind, name=name)
    return row is not None and row["leads_to"] == leads_to


class Directory:
    """The ways to all tenants. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ready(self) -> None:
        """See to it that the system's tenant is there."""
        async with self._database.writing(SYSTEM) as session:
            await session.add_if_absent(
                TenantRow,
                tenant_id=SYSTEM,
                slug=SYSTEM_SLUG,
                name="Valor IVX",
                plan="ENTERPRISE",
                created_at=datetime.now(UTC),
                state="ACTIVE",
                state_reason=None,
                state_since=None,
                settings="{}",
                revision=1,
            )

    async def find(self, kind: Lead, name: str) -> UUID | None:
        """The tenant that it leads to."""
        row = await self._database.first(SYSTEM, _FIND, kind=kind, name=name)
        return None if row is None else row[0]

    async def put(self, kind: Lead, name: str, leads_to: UUID) -> UUID:
        """Have it lead there, unless it leads elsewhere already; the tenant that it leads to."""
        found: UUID = await self._database.insert_once(
            SYSTEM, _PUT, kind=kind, name=name, leads_to=leads_to, at=datetime.now(UTC)
        )
        return found

    async def remove(self, kind: Lead, name: str) -> None:
        """Have it lead nowhere."""
        async with self._database.writing(SYSTEM) as session:
            await session.execute(_REMOVE, kind=kind, name=name)

    async def page(
        self, kind: Lead, *, after: str = "", until: str = _LAST, limit: int
    ) -> list[tuple[str, UUID]]:
        """(name, tenant) by name, between ``after`` and ``until``, without these two."""
        rows = await self._database.all(
            SYSTEM, _PAGE, kind=kind, after=after, until=until, limit=limit
        )
        return [(name, leads_to) for name, leads_to in rows]
