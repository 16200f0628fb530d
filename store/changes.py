"""Administrative changes: the effect, its entry in the audit and the answer, in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID

from store import once, scope
from store.database import Database
from store.errors import DatabaseBusy
from store.once import Done
from store.session import WriteSession
from store.tables import TenantRow

Work: TypeAlias = Callable[[WriteSession], Awaitable[str]]  # the answer: JSON, without secrets

# Held until the transaction ends, so that of two changes of a tenant the second sees the first.
_HOLD = scope.select(TenantRow, "tenant_id").with_for_update(key_share=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Under which id a change is asked for, and what it is."""

    operation_id: str  # the caller's: 1 to 64 characters
    fingerprint: str  # SHA-256 in hex of who asks for what
    at: datetime


async def hold(session: WriteSession) -> None:
    """Let nobody else administer the tenant until this transaction ends."""
    await session.first(_HOLD)


T = TypeVar("T")


class Changes:
    """What changes tenants, one at a time in each. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, tenant_id: UUID, asked: Asked, work: Work) -> tuple[Done, bool]:
        """What is on record under the operation's id, and whether it was done just now.

        ``work`` is not asked where the id is on record. What it raises comes out as it is, and
        nothing is written. It awaits nothing but its session.
        """
        async with self._database.writing(tenant_id) as session:
            await hold(session)
            known = await once.done(session, asked.operation_id)
            if known is not None:
                return known, False
            answer = await work(session)
            kept = await once.keep(session, asked.operation_id, asked.fingerprint, answer, asked.at)
            if not kept:  # of a tenant that was not there yet, nobody holds the row
                raise DatabaseBusy
            return Done(fingerprint=asked.fingerprint, answer=answer), True

    async def alone(self, tenant_id: UUID, work: Callable[[WriteSession], Awaitable[T]]) -> T:
        """What comes of a change that has no operation's id, while nobody else makes one."""
        async with self._database.writing(tenant_id) as session:
            await hold(session)
            return await work(session)
