"""How the console looks for each tenant."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import BrandingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A tenant's name and colours, and which logo it has."""

    name: str | None
    colours: str  # canonical JSON: primary, accent, background, text
    logo_type: str | None  # media type
    logo_hash: str | None  # SHA-256 of its bytes, in hex
    updated_at: datetime
    updated_by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandingRecord(Look):
    """The same, with the logo itself."""

    logo: str | None  # base64


_COLUMNS = tuple(field.name for field in fields(BrandingRecord))
_FIND = scope.select(BrandingRow, *_COLUMNS)
_LOOK = tuple(field.name for field in fields(Look))
_FIND_LOOK = scope.select(BrandingRow, *_LOOK)
_REMOVE = scope.delete(BrandingRow)


class Brandings:
    """Each tenant's own. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID) -> BrandingRecord | None:
        row = await self._database.first(tenant_id, _FIND)
        return None if row is None else BrandingRecord(**dict(zip(_COLUMNS, row, strict=True)))

    async def look(self, tenant_id: UUID) -> Look | None:
        row = await self._database.first(tenant_id, _FIND_LOOK)
        return None if row is None else Look(**dict(zip(_LOOK, row, strict=True)))


async def find(session: ReadSession) -> BrandingRecord | None:
    row = await session.first(_FIND)
    return None if row is None else BrandingRecord(**row)


async def put(session: WriteSession, branding: BrandingRecord | None) -> None:
    """Have it look so from now on; None: as for everybody."""
    await session.execute(_REMOVE)
    if branding is not None:
        await session.add_if_absent(BrandingRow, **asdict(branding))
