"""The log of a model's operations: what is written with every change, and read back from it.

A model's revision is the seq of its newest operation. Operations are only ever added;
beside each stands an event in the outbox, until the world was told, and beside the first
and each five-hundredth a snapshot, so that no history is replayed from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Select, bindparam

from store import scope
from store.audit import Entry
from store.database import Database
from store.tables import ModelSnapshotRow, OperationRow, OutboxRow

SNAPSHOT_EVERY = 500  # operations
_SEQ_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """One change of a model, as it is on record."""

    model_id: UUID
    seq: int  # 1, 2, 3 … without a gap; the model's revision after it
    operation_id: str  # the caller's, unique in the tenant
    fingerprint: str  # SHA-256 in hex of what was asked
    verb: str  # one of store.tables.VERBS
    author: UUID
    at: datetime
    input_version: int
    changes: str  # JSON: [{"path", "old", "new"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOperation:
    """What somebody asks for, before it has a place in the order."""

    operation_id: str  # 1 to 64 characters: a repeat gets the first answer
    fingerprint: str  # SHA-256 in hex of what is asked
    verb: str  # one of store.tables.VERBS
    author: UUID
    at: datetime  # with a zone
    noted: Callable[[UUID, int], Entry]  # what the audit has of it: of which model, at which seq


OPERATION = tuple(field.name for field in fields(OperationRecord))
OF_ID = scope.select(OperationRow, *OPERATION).where(scope.equals(OperationRow, "operation_id"))

_SEQ = scope.column(OperationRow, "seq")
_AFTER = bindparam("after", type_=BigInteger())
_UNTIL = bindparam("until", type_=BigInteger())
_LIMIT = bindparam("limit", type_=Integer())


def _stretch(*criteria: Any, order: Any) -> Select[Any]:
    operations = scope.select(OperationRow, *OPERATION)
    of_model = scope.equals(OperationRow, "model_id")
    return operations.where(of_model, *criteria).order_by(order).limit(_LIMIT)


_UP = _stretch(_SEQ > _AFTER, _SEQ <= _UNTIL, order=_SEQ)
_DOWN = _stretch(_SEQ < _AFTER, _SEQ >= _UNTIL, order=_SEQ.desc())

_SNAPSHOT = (
    scope.select(ModelSnapshotRow, "seq", "input_version", "content")
    .where(
        scope.equals(ModelSnapshotRow, "model_id"),
        scope.column(ModelSnapshotRow, "seq") <= scope.given(ModelSnapshotRow, "seq", "at_most"),
    )
    .order_by(scope.column(ModelSnapshotRow, "seq").desc())
)
_LEFT = (
    scope.select(OutboxRow, "model_id", "seq")
    .where(scope.column(OutboxRow, "at") < scope.given(OutboxRow, "at", "before"))
    .order_by(*(scope.column(OutboxRow, name) for name in ("at", "model_id", "seq")))
    .limit(_LIMIT)
)
_CLEAR = scope.delete(OutboxRow).where(scope.among(OutboxRow, ("model_id", "seq"), "events"))


class ModelLog:
    """The operations of all tenants' models, each tenant's apart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def operations(
        self,
        tenant_id: UUID,
        model_id: UUID,
        *,
        after: int | None = None,
        until: int | None = None,
        limit: int,
        descending: bool = False,
    ) -> list[OperationRecord]:
        """A stretch of a model's operations, ``limit`` at most.

        Each is past ``after``, the last one had, and none past ``until``, the last one wanted:
        after < seq <= until from the oldest to the newest, after > seq >= until descending.
        """
        if descending:
            statement, ends = _DOWN, (_SEQ_MAX, 0)
        else:
            statement, ends = _UP, (0, _SEQ_MAX)
        rows = await self._database.all(
            tenant_id,
            statement,
            model_id=model_id,
            after=ends[0] if after is None else after,
            until=ends[1] if until is None else until,
            limit=limit,
        )
        return [operation_from(row) for row in rows]

    async def operation_of(self, tenant_id: UUID, operation_id: str) -> OperationRecord | None:
        """The tenant's operation of that id, of whichever model."""
        row = await self._database.first(tenant_id, OF_ID, operation_id=operation_id)
        return None if row is None else operation_from(row)

    async def snapshot(
        self, tenant_id: UUID, model_id: UUID, at_most: int
    ) -> tuple[int, int, str] | None:
        """The newest snapshot with seq <= ``at_most``: its seq, input version and content.

        The content is a JSON object of name, unit, archived, scenarios and inputs.
        """
        row = await self._database.first(tenant_id, _SNAPSHOT, model_id=model_id, at_most=at_most)
        return None if row is None else (row[0], row[1], row[2])

    async def left_in_outbox(
        self, tenant_id: UUID, before: datetime, limit: int
    ) -> list[tuple[UUID, int]]:
        """Operations from before a moment that the world was not told of: (model, seq)."""
        rows = await self._database.all(tenant_id, _LEFT, before=before, limit=limit)
        return [(model_id, seq) for model_id, seq in rows]

    async def clear_outbox(self, tenant_id: UUID, events: Sequence[tuple[UUID, int]]) -> None:
        """The world was told of these; what is not there any more is no matter."""
        if events:
            async with self._database.writing(tenant_id) as session:
                await session.execute(_CLEAR, events=list(events))


def operation_from(row: Sequence[Any]) -> OperationRecord:
    """The record of a row with the columns of ``OPERATION``."""
    return OperationRecord(**dict(zip(OPERATION, row, strict=True)))
