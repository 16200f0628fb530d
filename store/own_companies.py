"""Companies that tenants bring themselves: as they stand, and every change of them.

A company is one row whose figures are canonical JSON, path by path, each with its source and
its author. A change writes the row at its next revision and, beside it, what was changed: both
or neither, and of several companies all or none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Integer, bindparam

from store import scope
from store.database import Database
from store.tables import OwnCompanyChangeRow, OwnCompanyRow, TenantRow


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCompanyRecord:
    """A company as it stands after its newest change."""

    ticker: str  # in capitals, 1 to 64 characters
    revision: int  # the seq of its newest change
    removed: bool
    figures: str  # canonical JSON: path -> value, source, author and when
    updated_at: datetime
    updated_by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyChangeRecord:
    """One change of a company, as it is on record."""

    ticker: str
    seq: int  # 1, 2, 3 … without a gap; the company's revision after it
    verb: str  # one of store.tables.COMPANY_VERBS
    author: UUID
    at: datetime
    changes: str  # JSON: [{"path", "old", "new"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCompanyChange:
    """What a company is to be, and what is said of the change."""

    ticker: str
    verb: str  # one of store.tables.COMPANY_VERBS
    removed: bool
    figures: str
    changes: str  # JSON: [{"path", "old", "new"}]


Known = Mapping[str, OwnCompanyRecord]
Decide = Callable[[Known, int], Awaitable[Sequence[NewCompanyChange]]]

_COMPANY: Final = tuple(field.name for field in fields(OwnCompanyRecord))
_CHANGE: Final = tuple(field.name for field in fields(CompanyChangeRecord))
_OF_TICKER: Final = scope.equals(OwnCompanyRow, "ticker", "of_ticker")

_FIND = scope.select(OwnCompanyRow, *_COMPANY).where(_OF_TICKER)
_ALL = scope.select(OwnCompanyRow, *_COMPANY).order_by(scope.column(OwnCompanyRow, "ticker"))
_TICKERS = (
    scope.select(OwnCompanyRow, "ticker")
    .where(scope.equals(OwnCompanyRow, "removed", "of_removed"))
    .order_by(scope.column(OwnCompanyRow, "ticker"))
)
_AMONG = scope.select(OwnCompanyRow, *_COMPANY).where(
    scope.among(OwnCompanyRow, ("ticker",), "tickers")
)
_COUNT = scope.count(OwnCompanyRow).where(scope.equals(OwnCompanyRow, "removed", "of_removed"))
# Held until the transaction ends, so that of two changes in a tenant the second sees the first.
_HOLD_TENANT = scope.select(TenantRow, "tenant_id").with_for_update(key_share=True)
_ADD = scope.insert(OwnCompanyRow)
_NEXT = scope.update(
    OwnCompanyRow, "revision", "removed", "figures", "updated_at", "updated_by"
).where(_OF_TICKER)
_ADD_CHANGE = scope.insert(OwnCompanyChangeRow)
_CHANGES = (
    scope.select(OwnCompanyChangeRow, *_CHANGE)
    .where(
        scope.equals(OwnCompanyChangeRow, "ticker", "of_ticker"),
        scope.column(OwnCompanyChangeRow, "seq") < bindparam("before", type_=BigInteger()),
    )
    .order_by(scope.column(OwnCompanyChangeRow, "seq").desc())
    .limit(bindparam("limit", type_=Integer()))
)


class OwnCompanies:
    """The companies of all tenants, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant_id: UUID, ticker: str) -> OwnCompanyRecord | None:
        """The tenant's company of that ticker, removed or not. Another tenant's is not found."""
        row = await self._database.first(tenant_id, _FIND, of_ticker=ticker)
        return None if row is None else OwnCompanyRecord(**dict(zip(_COMPANY, row, strict=True)))

    async def all(self, tenant_id: UUID) -> list[OwnCompanyRecord]:
        """The tenant's companies by ticker, those that were removed too."""
        rows = await self._database.all(tenant_id, _ALL)
        return [OwnCompanyRecord(**dict(zip(_COMPANY, row, strict=True))) for row in rows]

    async def tickers(self, tenant_id: UUID) -> list[str]:
        """Of the companies that the tenant has, without their figures."""
        rows = await self._database.all(tenant_id, _TICKERS, of_removed=False)
        return [row[0] for row in rows]

    async def change(
        self, tenant_id: UUID, author: UUID, at: datetime, tickers: Sequence[str], decide: Decide
    ) -> dict[str, OwnCompanyRecord]:
        """Change companies, all or none; durable when this returns.

        ``decide`` is given those of the tickers that are there, and how many companies the tenant
        has, and says what is to be changed; nobody else changes one of them meanwhile. It may let
        others run while it thinks, but waits for nothing. What it raises comes out as it is, and
        nothing is written. Returns the tickers' companies as they are then. Raises NotKept.
        """
        async with self._database.writing(tenant_id) as session:
            await session.first(_HOLD_TENANT)
            rows = await session.all(_AMONG, tickers=list(tickers))
            known = {row["ticker"]: OwnCompanyRecord(**row) for row in rows}
            counted = await session.first(_COUNT, of_removed=False)
            written = dict(known)
            for new in await decide(known, 0 if counted is None else counted["count"]):
                before = known.get(new.ticker)
                revision = 1 if before is None else before.revision + 1
                record = OwnCompanyRecord(
                    ticker=new.ticker,
                    revision=revision,
                    removed=new.removed,
                    figures=new.figures,
                    updated_at=at,
                    updated_by=author,
                )
                values = {name: getattr(record, name) for name in _COMPANY}
                if before is None:
                    await session.execute(_ADD, **values)
                else:
                    del values["ticker"]
                    await session.execute(_NEXT, of_ticker=new.ticker, **values)
                await session.execute(
                    _ADD_CHANGE,
                    ticker=new.ticker,
                    seq=revision,
                    verb=new.verb,
                    author=author,
                    at=at,
                    changes=new.changes,
                )
                written[new.ticker] = record
        return written

    async def changes(
        self, tenant_id: UUID, ticker: str, *, before: int | None = None, limit: int
    ) -> list[CompanyChangeRecord]:
        """A company's changes, the newest first, ``limit`` at most; ``before`` is a seq."""
        rows = await self._database.all(
            tenant_id,
            _CHANGES,
            of_ticker=ticker,
            before=2**63 - 1 if before is None else before,
            limit=limit,
        )
        return [CompanyChangeRecord(**dict(zip(_CHANGE, row, strict=True))) for row in rows]
