"""The audit: what was done, written in the transaction that does it, and chained soon after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from store import scope
from store.database import Database
from store.session import WriteSession
from store.tables import AuditPendingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that somebody did. No secrets, and no names: people are told by their ids."""

    id: UUID  # version 7: entries are chained in its order
    at: datetime  # with a zone
    actor_kind: str  # MEMBER, SERVICE, OPERATOR, SYSTEM
    actor: UUID | None
    action: str  # model.read, member.invited, …; at most 64 characters
    subject_kind: str  # model, member, key, …
    subject: str  # its id, at most 128 characters
    operation_id: str | None = None
    session: str | None = None
    details: str = "{}"  # canonical JSON


_FIELDS = tuple(field.name for field in fields(Entry))
_NOTED = tuple((scope.NOTE + name, name) for name in _FIELDS)
_ADD = scope.InsertOnce(AuditPendingRow, tells="id")


async def note(session: WriteSession, entry: Entry) -> None:
    """Write it with whatever else the transaction does."""
    session.noted = True
    await session.add_if_absent(AuditPendingRow, **_values(entry))


def along(entry: Entry) -> dict[str, Any]:
    """The values of an entry that goes along with another change: its ``noting``."""
    return {called: getattr(entry, name) for called, name in _NOTED}


def _values(
    entry: Entry,
) -> dict[str, Any]:  # `asdict` would copy each value, at ten times the cost
    return {name: getattr(entry, name) for name in _FIELDS}


class AuditNotes:
    """Entries that stand by themselves: of what was seen. DatabaseBusy, DatabaseAway, NotKept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant_id: UUID, entry: Entry) -> None:
        """Keep an entry; durable when this returns."""
        await self._database.insert_once(tenant_id, _ADD, **_values(entry))
        self._database.noted.add(tenant_id)

    async def add_all(self, tenant_id: UUID, entries: Sequence[Entry]) -> None:
        """Keep all of them, or none."""
        if len(entries) == 1:
            await self.add(tenant_id, entries[0])
        elif entries:
            async with self._database.writing(tenant_id) as session:
                await session.add_all(AuditPendingRow, [_values(entry) for entry in entries])
                session.noted = True
