"""Kept valuations, under the hash of everything that went into them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.audit import Entry, along
from store.database import Database
from store.tables import AuditPendingRow, ValuationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptValuation:
    """One run, as it is kept. The same inputs have the same ``id``, wherever they ran."""

    id: str  # SHA-256 in hex of kind, input version, inputs, versions and seed
    kind: str  # one of store.tables.KINDS
    input_version: int
    inputs: str  # canonical JSON, defaults applied
    result: str  # JSON
    result_hash: str  # SHA-256 in hex of the result's canonical JSON
    engine_version: str
    stream_version: str
    numpy_version: str
    seed: int | None  # within 64 bits; None where nothing was drawn
    computed_at: datetime  # with a zone; kept in UTC to the microsecond
    duration_ms: float
    keep_until: datetime | None = None  # None: no end


_COLUMNS = tuple(field.name for field in fields(KeptValuation))
_KEEP = scope.InsertOnce(ValuationRow, tells="computed_at")
_KEEP_NOTED = scope.InsertOnce(ValuationRow, tells="computed_at", noting=AuditPendingRow)
_FIND = scope.select(ValuationRow, *_COLUMNS).where(scope.equals(ValuationRow, "id"))
_PAGE = (
    scope.select(ValuationRow, *_COLUMNS)
    .where(scope.beyond(ValuationRow, ("id",), descending=False))
    .order_by(scope.column(ValuationRow, "id"))
    .limit(bindparam("limit", type_=Integer()))
)


class Valuations:
    """The valuations of all tenants, each tenant's apart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(
        self, tenant_id: UUID, kept: KeptValuation, noted: Entry | None = None
    ) -> datetime:
        """Keep a valuation for its tenant, and what the audit has of it; durable at the return.

        Returns when it was *first* computed: a valuation that is there already is left
        as it is. Raises NotKept, DatabaseBusy, DatabaseAway.
        """
        values = _values(kept)
        if noted is None:
            return cast("datetime", await self._database.insert_once(tenant_id, _KEEP, **values))
        values |= along(noted)
        first = await self._database.insert_once(tenant_id, _KEEP_NOTED, **values)
        self._database.noted.add(tenant_id)
        return cast("datetime", first)

    async def find(self, tenant_id: UUID, valuation_id: str) -> KeptValuation | None:
        """The tenant's valuation of that id. Another tenant's is not found."""
        row = await self._database.first(tenant_id, _FIND, id=valuation_id)
        if row is None:
            return None
        return KeptValuation(**dict(zip(_COLUMNS, row, strict=True)))

    async def page(self, tenant_id: UUID, after: str, limit: int) -> list[KeptValuation]:
        """The tenant's next valuations in the order of their ids; ``after`` "" begins."""
        rows = await self._database.all(tenant_id, _PAGE, after_id=after, limit=limit)
        return [KeptValuation(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _values(kept: KeptValuation) -> dict[str, object]:
    return {name: getattr(kept, name) for name in _COLUMNS}
