"""The old end of an audit, removed by the owner of the tables; the role that serves cannot.

What goes is a beginning of the chain, and in the same transaction a signed checkpoint takes its
place: it has the hash of the last event that went, so that the rest still follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from store.audit import Entry
from store.audit_chain import Checkpoint
from store.errors import TRANSLATED
from store.owning import owning
from store.tables import (
    AuditCheckpointRow,
    AuditEventRow,
    AuditPendingRow,
    LegalHoldRow,
    TenantRow,
    table_of,
)

AT_ONCE: Final = 10_000  # events of one transaction

Engine: TypeAlias = AsyncEngine  # of the role that owns the tables

_EVENT, _CHECKPOINT = table_of(AuditEventRow), table_of(AuditCheckpointRow)
_HOLD, _PENDING = table_of(LegalHoldRow), table_of(AuditPendingRow)
_TENANT = table_of(TenantRow)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went of one tenant's audit."""

    events: int
    until: int | None  # the last event that went; None: nothing did
    held: str | None = None  # why nothing may go: the reason of a legal hold


async def prune(
    engine: Engine,
    tenant_id: UUID,
    before: datetime,
    sign: Callable[[UUID, int, str], Checkpoint],
    noted: Callable[[int, int], Entry],
) -> Pruned:
    """Remove the events of before a moment, unless anything of the tenant is under a legal hold.

    ``engine`` is that of the role which owns the tables. ``sign`` is given the tenant, and the
    seq and the hash of the last event that goes, and answers with a checkpoint PRUNED;
    ``noted`` is given how many events go and the last one's seq, and says what the audit has
    of it. Raises DatabaseAway, DatabaseBusy.
    """
    events, until = 0, None
    while True:
        with TRANSLATED:
            async with engine.begin() as connection:
                step = await connection.run_sync(_step, tenant_id, before, sign, noted)
        if step.held is not None or not step.events:
            return Pruned(events, until, step.held)
        events, until = events + step.events, step.until


async def prunable(engine: Engine, tenant_id: UUID, before: datetime) -> Pruned:
    """What `prune` would remove, counted. Raises DatabaseAway, DatabaseBusy."""
    with TRANSLATED:
        async with engine.begin() as connection:
            return await connection.run_sync(_count, tenant_id, before)


def _count(connection: Connection, tenant_id: UUID, before: datetime) -> Pruned:
    with owning(connection, tenant_id):
        held, goes = _looked(connection, tenant_id, before)
        if held is not None:
            return Pruned(0, None, held)
        counted = select(func.count(), func.max(_EVENT.c.seq)).where(goes)
        return Pruned(*connection.execute(counted).one())


def _looked(
    connection: Connection, tenant_id: UUID, before: datetime
) -> tuple[str | None, ColumnElement[bool]]:
    """Why nothing may go, or None; and which events are of before."""
    held = connection.scalar(
        select(_HOLD.c.reason).where(_HOLD.c.tenant_id == tenant_id, _HOLD.c.released_at.is_(None))
    )
    ours = _EVENT.c.tenant_id == tenant_id
    # Moments of the chain may be a little out of order: nothing goes that stands behind
    # something which stays.
    kept = connection.scalar(select(func.min(_EVENT.c.seq)).where(ours, _EVENT.c.at >= before))
    return held, ours if kept is None else ours & (_EVENT.c.seq < kept)


def _step(
    connection: Connection,
    tenant_id: UUID,
    before: datetime,
    sign: Callable[[UUID, int, str], Checkpoint],
    noted: Callable[[int, int], Entry],
) -> Pruned:
    with owning(connection, tenant_id, (_EVENT.name, _CHECKPOINT.name)):
        held, goes = _looked(connection, tenant_id, before)
        if held is not None:
            return Pruned(0, None, held)
        first = connection.scalar(select(func.min(_EVENT.c.seq)).where(goes))
        if first is None:
            return Pruned(0, None)
        last = connection.execute(
            select(_EVENT.c.seq, _EVENT.c.hash)
            .where(goes, _EVENT.c.seq < first + AT_ONCE)
            .order_by(_EVENT.c.seq.desc())
            .limit(1)
        ).one()
        gone = connection.execute(delete(_EVENT).where(goes, _EVENT.c.seq <= last.seq)).rowcount
        connection.execute(
            delete(_CHECKPOINT).where(
                _CHECKPOINT.c.tenant_id == tenant_id, _CHECKPOINT.c.seq <= last.seq
            )
        )
        _add(connection, _CHECKPOINT, tenant_id, asdict(sign(tenant_id, last.seq, last.hash)))
        _add(connection, _PENDING, tenant_id, asdict(noted(gone, last.seq)))
        return Pruned(gone, last.seq)


def _add(connection: Connection, table: Any, tenant_id: UUID, values: dict[str, Any]) -> None:
    connection.execute(insert(table).values(tenant_id=tenant_id, **values))
