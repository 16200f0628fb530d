"""The outbox: what was done and webhooks were not told of yet.

An event is put on its way, one row for each address that wants it, in the transaction that takes it
out of the outbox; or, where somebody's own transaction does the thing itself, with it (`tell`). A
row's id follows from the address and the event's place, so an event that is told twice is one row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Integer, bindparam

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import (
    DeliveryRow,
    FinancialModelRow,
    OperationRow,
    OutboxRow,
    RunRow,
    WebhookRow,
)
from store.webhooks import ENDED

AT_ONCE: Final = 100  # rows of the outbox in one transaction: others want to write, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that webhooks may want to be told."""

    stream: str  # what it happened to: those of one stream are told in order; 128 characters
    seq: int  # its place in the stream
    event: str  # its name, such as model.edited
    at: datetime
    payload: str  # the body, as it is sent to all


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChange:
    """An operation of a model that is told of."""

    model_id: UUID
    kind: str  # the model's
    seq: int
    operation_id: str
    verb: str
    author: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """A run that has ended."""

    id: UUID
    kind: str
    state: str  # DONE, FAILED, CANCELLED
    valuation_id: str
    created_by: UUID
    ended_at: datetime


OfModel = Callable[[ModelChange], Happening]
OfRun = Callable[[RunEnd], Happening]
Wanted = Mapping[UUID, frozenset[str]]  # the events of each webhook

_LIMIT: Final = bindparam("limit", type_=Integer())

# In order: two that tell of the same put down the same rows, and neither waits for the other's.
_WEBHOOKS = (
    scope.select(WebhookRow, "id", "events")
    .where(scope.column(WebhookRow, "state") != "REMOVED")
    .order_by("id")
)
_SEQ: Final = scope.column(OperationRow, "seq")
_IN_OUTBOX = (
    scope.select(OutboxRow, "seq")
    .where(
        scope.equals(OutboxRow, "model_id"),
        scope.column(OutboxRow, "seq") <= scope.given(OutboxRow, "seq", "until"),
    )
    .order_by(scope.column(OutboxRow, "seq"))
    .limit(_LIMIT)
)
_OPERATIONS = (
    scope.select(OperationRow, "model_id", "seq", "operation_id", "verb", "author", "at")
    .where(scope.equals(OperationRow, "model_id"), scope.among(OperationRow, ("seq",), "seqs"))
    .order_by(_SEQ)
)
_KIND = scope.select(FinancialModelRow, "kind").where(
    scope.equals(FinancialModelRow, "id", "model_id")
)
_CLEAR = scope.delete(OutboxRow).where(scope.among(OutboxRow, ("model_id", "seq"), "events"))
_RUNS = (
    scope.select(RunRow, *(field.name for field in fields(RunEnd)))
    .where(scope.equals(RunRow, "announced"), scope.column(RunRow, "state").in_(ENDED))
    .order_by("ended_at")
    .limit(_LIMIT)
)
_ANNOUNCE = scope.update(RunRow, "announced").where(scope.among(RunRow, ("id",), "run_ids"))


def delivery_id(webhook_id: UUID, stream: str, seq: int) -> UUID:
    """The id of an event for an address: the same, whoever tells of it and however often."""
    return named_id(f"{webhook_id}/{stream}/{seq}")


def named_id(name: str) -> UUID:
    """A UUID of version 8 that follows from a name."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
    number &= ~(0xF000 << 64) & ~(0xC000 << 48)
    return UUID(int=number | 0x8000 << 64 | 0x8000 << 48)


async def tell(session: WriteSession, happenings: Sequence[Happening]) -> int:
    """Put happenings on their way to whoever wants them, with whatever else the transaction does.

    Told twice, they are there once. Returns how many rows there are to be sent.
    """
    return await _tell(session, await _wanted(session), happenings)


async def add_delivery(session: WriteSession, webhook_id: UUID, each: Happening) -> UUID:
    """Put one happening on its way to one webhook, whether it asked for such ones or not."""
    made = delivery_id(webhook_id, each.stream, each.seq)
    await session.add_if_absent(
        DeliveryRow,
        id=made,
        webhook_id=webhook_id,
        stream=each.stream,
        seq=each.seq,
        event=each.event,
        payload=each.payload,
        state="WAITING",
        attempts=0,
        since=each.at,
        due_at=each.at,
        owner=None,
        lease_until=None,
        status=None,
        problem=None,
        created_at=each.at,
        ended_at=None,
    )
    return made


class Outbox:
    """What was done and not told yet. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def clear(
        self, tenant_id: UUID, events: Sequence[tuple[UUID, int]], of_model: OfModel
    ) -> int:
        """Take operations out of the outbox, and put them on their way, both or neither.

        Those that came before them in the same models go along: told of a later one, nobody
        may be told of an earlier one. Returns how many rows there are to be sent.
        """
        async with self._database.writing(tenant_id) as session:
            # Looked at now that the operations are on record: who asked before them is here.
            if not await _wanted(session):
                await session.execute(_CLEAR, events=list(events))
                return 0
        newest: dict[UUID, int] = {}
        for model_id, seq in events:
            newest[model_id] = max(seq, newest.get(model_id, 0))
        told = 0
        for model_id, seq in newest.items():
            taken = AT_ONCE
            while taken == AT_ONCE:
                async with self._database.writing(tenant_id) as session:
                    taken, more = await _clear(session, model_id, seq, of_model)
                told += more
        return told

    async def clear_runs(self, tenant_id: UUID, of_run: OfRun) -> int:
        """The same of runs that have ended; how many rows there are to be sent.

        Where nobody listens nothing is put down: a first webhook hears of no run before it.
        """
        async with self._database.reading(tenant_id) as reading:
            if not await _wanted(reading):
                return 0
            if await reading.first(_RUNS, announced=False, limit=1) is None:
                return 0
        told, taken = 0, AT_ONCE
        while taken == AT_ONCE:
            async with self._database.writing(tenant_id) as session:
                rows = await session.all(_RUNS, announced=False, limit=AT_ONCE)
                ends = [RunEnd(**row) for row in rows]
                told += await _tell(session, await _wanted(session), [of_run(end) for end in ends])
                await session.execute(_ANNOUNCE, announced=True, run_ids=[end.id for end in ends])
            taken = len(ends)
        return told


async def _wanted(session: ReadSession) -> Wanted:
    rows = await session.all(_WEBHOOKS)
    return {row["id"]: frozenset(json.loads(row["events"])) for row in rows}


async def _tell(session: WriteSession, wanted: Wanted, happenings: Sequence[Happening]) -> int:
    told = 0
    for each in happenings:
        for webhook_id, events in wanted.items():
            if each.event in events:
                await add_delivery(session, webhook_id, each)
                told += 1
    return told


async def _clear(
    session: WriteSession, model_id: UUID, until: int, of_model: OfModel
) -> tuple[int, int]:
    """How many operations were taken out, and how many rows there are to be sent."""
    of = {"model_id": model_id}
    rows = await session.all(_IN_OUTBOX, **of, until=until, limit=AT_ONCE)
    kind = await session.first(_KIND, **of) if rows else None
    if kind is None:
        return 0, 0
    seqs = [row["seq"] for row in rows]
    changes = [
        ModelChange(kind=kind["kind"], **row)
        for row in await session.all(_OPERATIONS, **of, seqs=seqs)
    ]
    told = await _tell(session, await _wanted(session), [of_model(change) for change in changes])
    await session.execute(_CLEAR, events=[(model_id, seq) for seq in seqs])
    return len(seqs), told
