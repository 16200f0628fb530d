"""The GraphQL documents that tenants trust, by the SHA-256 of their text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.audit import Entry, note
from store.database import Database
from store.tables import TrustedDocumentRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedDocument:
    """A document that a tenant has looked at beforehand."""

    id: str  # SHA-256 of the text, 64 lower hexadecimal digits
    text: str
    name: str | None
    registered_by: UUID
    registered_at: datetime


_COLUMNS: Final = tuple(field.name for field in fields(TrustedDocument))
_FIND = scope.select(TrustedDocumentRow, "text").where(scope.equals(TrustedDocumentRow, "id"))
_PAGE = (
    scope.select(TrustedDocumentRow, *_COLUMNS)
    .where(scope.beyond(TrustedDocumentRow, ("id",), descending=False))
    .order_by(scope.column(TrustedDocumentRow, "id"))
    .limit(bindparam("limit", type_=Integer()))
)
_AMONG = scope.select(TrustedDocumentRow, *_COLUMNS).where(
    scope.among(TrustedDocumentRow, ("id",), "ids")
)
_COUNT = scope.count(TrustedDocumentRow)
_REMOVE = scope.delete(TrustedDocumentRow).where(scope.among(TrustedDocumentRow, ("id",), "ids"))


class TooMany(Exception):
    """More than a tenant may have. Nothing was added."""


class TrustedDocuments:
    """Those of every tenant, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def text(self, tenant_id: UUID, document_id: str) -> str | None:
        """The document of an id; None: the tenant has none of it."""
        row = await self._database.first(tenant_id, _FIND, id=document_id)
        return None if row is None else row[0]

    async def page(self, tenant_id: UUID, after: str, limit: int) -> list[TrustedDocument]:
        """The next ones by their ids; ``after`` "" begins."""
        rows = await self._database.all(tenant_id, _PAGE, after_id=after, limit=limit)
        return [TrustedDocument(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    async def add(
        self, tenant_id: UUID, documents: Sequence[TrustedDocument], at_most: int, noted: Entry
    ) -> list[TrustedDocument]:
        """The documents as they are kept now, in the order given. Raises TooMany, and adds none."""
        async with self._database.writing(tenant_id) as session:
            added = 0
            for document in documents:
                added += await session.add_if_absent(TrustedDocumentRow, **asdict(document))
            if added:
                counted = await session.first(_COUNT)
                if counted is not None and counted["count"] > at_most:
                    raise TooMany
                await note(session, noted)
            kept = await session.all(_AMONG, ids=[document.id for document in documents])
        found = {row["id"]: TrustedDocument(**row) for row in kept}
        return [found[document.id] for document in documents]

    async def remove(self, tenant_id: UUID, ids: Sequence[str], noted: Entry) -> int:
        """How many of them were there."""
        async with self._database.writing(tenant_id) as session:
            removed = await session.execute(_REMOVE, ids=list(ids))
            if removed:
                await note(session, noted)
        return removed
