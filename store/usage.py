"""What a tenant used, by day and metric: sums that only grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, bindparam

from store import scope
from store.database import Database
from store.session import WriteSession
from store.tables import UsageRow

_AMOUNT: Final = scope.column(UsageRow, "amount")
_THIS: Final = (
    scope.equals(UsageRow, "day", "on_day"),
    scope.equals(UsageRow, "metric", "of_metric"),
)
# The new values have names of their own: SQLAlchemy sets each column that a value is named after.
_ADD: Final = (
    scope.update(UsageRow)
    .values(amount=_AMOUNT + bindparam("more", type_=BigInteger()))
    .where(*_THIS)
)
_BETWEEN: Final = (
    scope.select(UsageRow, "day", "metric", "amount")
    .where(
        scope.column(UsageRow, "day") >= scope.given(UsageRow, "day", "from_day"),
        scope.column(UsageRow, "day") <= scope.given(UsageRow, "day", "to_day"),
    )
    .order_by(scope.column(UsageRow, "day"), scope.column(UsageRow, "metric"))
)


class Used(NamedTuple):
    """How much of something on one day."""

    day: str  # 2026-11-23, UTC
    metric: str  # 1 to 64 characters
    amount: int


class Usage:
    """What every tenant used, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant_id: UUID, day: str, amounts: Mapping[str, int]) -> None:
        """Add to the tenant's sums of a day: all of it, or nothing where this raises."""
        async with self._database.writing(tenant_id) as session:
            await add_used(session, day, amounts)

    async def between(self, tenant_id: UUID, first: str, last: str) -> list[Used]:
        """The tenant's sums from one day to another, both included, by day and metric."""
        rows = await self._database.all(tenant_id, _BETWEEN, from_day=first, to_day=last)
        return [Used(*row) for row in rows]


async def add_used(session: WriteSession, day: str, amounts: Mapping[str, int]) -> None:
    """Add to the sums of a day, in a transaction that has more to do."""
    for metric in sorted(amounts):  # in one order, so that no two writers wait in a circle
        amount = amounts[metric]
        if not await session.add_if_absent(UsageRow, day=day, metric=metric, amount=amount):
            await session.execute(_ADD, on_day=day, of_metric=metric, more=amount)
