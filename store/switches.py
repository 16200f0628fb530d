"""What operators have stopped, and when it was let go on. Rows of the system's tenant."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.database import Database
from store.directory import SYSTEM
from store.session import ReadSession, WriteSession
from store.tables import KillSwitchRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRecord:
    """Something that is stopped until it is lifted."""

    id: UUID
    scope: str  # OPERATION, KIND, TENANT
    name: str  # Mutation.valueDcf, a kind, or a tenant's id
    reason: str  # as callers read it
    thrown_by: UUID
    thrown_at: datetime
    lifted_by: UUID | None = None
    lifted_at: datetime | None = None


_COLUMNS = tuple(field.name for field in fields(SwitchRecord))
_OF_ID = scope.equals(KillSwitchRow, "id", "switch")
_DOWN = scope.column(KillSwitchRow, "lifted_at").is_(None)
_FIND = scope.select(KillSwitchRow, *_COLUMNS).where(_OF_ID)
_FIND_DOWN = scope.select(KillSwitchRow, *_COLUMNS).where(
    _DOWN, scope.equals(KillSwitchRow, "scope"), scope.equals(KillSwitchRow, "name")
)
_ALL_DOWN = scope.select(KillSwitchRow, *_COLUMNS).where(_DOWN).order_by("thrown_at", "id")
_NEWEST = (
    scope.select(KillSwitchRow, *_COLUMNS)
    .order_by(
        scope.column(KillSwitchRow, "thrown_at").desc(), scope.column(KillSwitchRow, "id").desc()
    )
    .limit(bindparam("limit", type_=Integer()))
)
_LIFT = scope.update(KillSwitchRow, "lifted_by", "lifted_at").where(_OF_ID, _DOWN)


class KillSwitches:
    """All of them. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def thrown(self) -> list[SwitchRecord]:
        """Those that stop something now, the oldest first."""
        return [_record(row) for row in await self._database.all(SYSTEM, _ALL_DOWN)]

    async def find(self, switch_id: UUID) -> SwitchRecord | None:
        row = await self._database.first(SYSTEM, _FIND, switch=switch_id)
        return None if row is None else _record(row)

    async def newest(self, limit: int) -> list[SwitchRecord]:
        """Whatever became of them, the newest first."""
        return [_record(row) for row in await self._database.all(SYSTEM, _NEWEST, limit=limit)]


async def find(session: ReadSession, switch_id: UUID) -> SwitchRecord | None:
    row = await session.first(_FIND, switch=switch_id)
    return None if row is None else SwitchRecord(**row)


async def find_thrown(session: ReadSession, scope_: str, name: str) -> SwitchRecord | None:
    """The one that stops this now."""
    row = await session.first(_FIND_DOWN, scope=scope_, name=name)
    return None if row is None else SwitchRecord(**row)


async def throw(session: WriteSession, switch: SwitchRecord) -> None:
    await session.add_if_absent(KillSwitchRow, **asdict(switch))


async def lift(session: WriteSession, switch_id: UUID, by: UUID, at: datetime) -> bool:
    """False: it was lifted before."""
    return await session.execute(_LIFT, switch=switch_id, lifted_by=by, lifted_at=at) == 1


def _record(row: tuple[Any, ...]) -> SwitchRecord:
    return SwitchRecord(**dict(zip(_COLUMNS, row, strict=True)))
