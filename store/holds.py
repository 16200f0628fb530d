"""Legal holds: what must be kept, whatever a plan says, until somebody lets go of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import LegalHoldRow, OperationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRecord:
    """Something that must be kept."""

    id: UUID
    subject_kind: str  # TENANT, MODEL, MEMBER
    subject: str  # its id
    reason: str
    placed_by: UUID
    placed_at: datetime
    released_by: UUID | None = None
    released_at: datetime | None = None


_HOLD = tuple(field.name for field in fields(HoldRecord))
_ALL = scope.select(LegalHoldRow, *_HOLD).order_by(scope.column(LegalHoldRow, "id").desc())
_ACTIVE = _ALL.where(scope.column(LegalHoldRow, "released_at").is_(None))
_FIND = scope.select(LegalHoldRow, *_HOLD).where(scope.equals(LegalHoldRow, "id", "hold"))
_RELEASE = scope.update(LegalHoldRow, "released_by", "released_at").where(
    scope.equals(LegalHoldRow, "id", "hold"),
    scope.column(LegalHoldRow, "released_at").is_(None),
)
_WRITTEN = scope.count(OperationRow).where(
    scope.equals(OperationRow, "model_id"), scope.equals(OperationRow, "author")
)


async def place(session: WriteSession, hold: HoldRecord) -> None:
    await session.add_if_absent(LegalHoldRow, **asdict(hold))


async def find(session: ReadSession, hold_id: UUID) -> HoldRecord | None:
    row = await session.first(_FIND, hold=hold_id)
    return None if row is None else HoldRecord(**row)


async def release(session: WriteSession, hold_id: UUID, *, by: UUID, at: datetime) -> bool:
    """False: there is none, or it was let go of before."""
    return await session.execute(_RELEASE, hold=hold_id, released_by=by, released_at=at) == 1


async def active(session: ReadSession) -> list[HoldRecord]:
    """Those that hold now, the newest first."""
    return [HoldRecord(**row) for row in await session.all(_ACTIVE)]


async def holding_member(session: ReadSession, member_id: UUID) -> HoldRecord | None:
    """A hold for which nothing of a member may go: on them, on all, or on what they wrote."""
    for hold in await active(session):
        if hold.subject_kind == "TENANT" or hold.subject == str(member_id):
            return hold
        if hold.subject_kind == "MODEL":
            row = await session.first(_WRITTEN, model_id=UUID(hold.subject), author=member_id)
            if row is not None and row["count"]:
                return hold
    return None


class Holds:
    """The holds of all tenants, each tenant's apart. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, tenant_id: UUID) -> list[HoldRecord]:
        """Those that hold and those that were let go of, the newest first."""
        async with self._database.reading(tenant_id) as session:
            return [HoldRecord(**row) for row in await session.all(_ALL)]

    async def find(self, tenant_id: UUID, hold_id: UUID) -> HoldRecord | None:
        async with self._database.reading(tenant_id) as session:
            return await find(session, hold_id)
