"""How much a tenant has of what its plan counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from store import invitations, members, scope
from store.database import Database
from store.runs import ACTIVE
from store.session import ReadSession
from store.tables import FinancialModelRow, RunRow

_MODELS = scope.count(FinancialModelRow).where(scope.equals(FinancialModelRow, "archived"))
_RUNS = scope.count(RunRow).where(scope.column(RunRow, "state").in_(ACTIVE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What counts, at one moment."""

    models: int  # that are not archived
    members: int  # ACTIVE ones, and open invitations
    runs: int  # that have not ended


class Quotas:
    """Each tenant's own. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def taken(self, tenant_id: UUID, now: datetime) -> Taken:
        async with self._database.reading(tenant_id) as session:
            return Taken(
                models=await _number(session, _MODELS, archived=False),
                members=await members.count(session) + await invitations.count_open(session, now),
                runs=await _number(session, _RUNS),
            )


async def _number(session: ReadSession, statement: Select[Any], **values: object) -> int:
    row = await session.first(statement, **values)
    return 0 if row is None else int(row["count"])
