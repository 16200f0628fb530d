"""Financial models: each as it stands, and changed only together with its log.

A change is one transaction: the operation under the caller's own id, the model at its
next revision, and the event for the world. So a repeated id finds the first answer, and
the log of a model has no gap and one order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, or_

from store import scope
from store.audit import along
from store.database import Rows, Write
from store.model_log import (
    OF_ID,
    OPERATION,
    SNAPSHOT_EVERY,
    ModelLog,
    NewOperation,
    OperationRecord,
    operation_from,
)
from store.tables import (
    AuditPendingRow,
    FinancialModelRow,
    ModelGrantRow,
    ModelSnapshotRow,
    OperationRow,
    OutboxRow,
)

__all__ = [
    "Appended",
    "Decision",
    "FinancialModels",
    "ModelPage",
    "ModelRecord",
    "NewOperation",
    "OperationRecord",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model as it stands after its newest operation."""

    id: UUID
    kind: str  # one of store.tables.KINDS
    input_version: int
    name: str  # 1 to 200 characters
    unit: str  # one of store.tables.UNITS
    inputs: str  # canonical JSON
    scenarios: str  # canonical JSON: key -> {"name", "changes": [{"path", "value"}]}
    touched: str  # JSON: path -> the revision that last changed it
    revision: int  # the seq of its newest operation
    archived: bool
    created_at: datetime
    created_by: UUID
    updated_at: datetime
    updated_by: UUID
    access: str = "TENANT"  # or RESTRICTED: only whom it was shared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a model is to be after an operation, and what the log says of it."""

    name: str
    unit: str
    archived: bool
    input_version: int
    inputs: str
    scenarios: str
    touched: str
    changes: str  # JSON: [{"path", "old", "new"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The operation on record under the caller's id.

    Where it is not ``fresh``, the id was there already: the operation is the first one,
    and its fingerprint tells whether the same was asked.
    """

    operation: OperationRecord
    model: ModelRecord | None  # after the operation; None where it is not fresh
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """Which models are wanted, in what order, and from where on."""

    kinds: tuple[str, ...] | None = None  # None: every kind
    archived: bool | None = None  # None: archived or not
    name_prefix: str | None = None  # casefolded
    order: Literal["UPDATED", "CREATED", "NAME"] = "UPDATED"
    descending: bool = True
    after: tuple[datetime | str, UUID] | None = None  # the last one had: its key and its id
    limit: int
    seen_by: UUID | None = None  # only what this member may see; None: all there are


_MODEL = tuple(field.name for field in fields(ModelRecord))
_NEW = tuple(field.name for field in fields(NewOperation) if field.name != "noted")
_DECIDED = tuple(field.name for field in fields(Decision) if field.name != "changes")

_OF_ID = scope.equals(FinancialModelRow, "id", "model_id")
_FIND = scope.select(FinancialModelRow, *_MODEL).where(_OF_ID)
_COUNT = scope.count(FinancialModelRow)
_COUNT_SOME = _COUNT.where(scope.equals(FinancialModelRow, "archived"))
_REVISIONS = scope.select(FinancialModelRow, "id", "revision").where(
    scope.among(FinancialModelRow, ("id",), "model_ids")
)

_LOOK_AT_LOG = scope.Look(selects=(OF_ID,))
_LOOK = scope.Look(selects=(OF_ID, _FIND), changing=1)
_GRANTED = scope.select(ModelGrantRow, "role").where(
    scope.equals(ModelGrantRow, "model_id"), scope.equals(ModelGrantRow, "member_id", "asking")
)
_LOOK_WITH_GRANT = scope.Look(selects=(OF_ID, _FIND, _GRANTED), changing=1)
# With how many models there are, while nobody else makes one.
_LOOK_FOR_ROOM = scope.Look(selects=(OF_ID, _COUNT_SOME), alone=True)
_LOOK_WITH_ROOM = scope.Look(selects=(OF_ID, _FIND, _GRANTED, _COUNT_SOME), changing=1, alone=True)
_CREATE = scope.Change(
    scope.insert(FinancialModelRow),
    along=(OperationRow, OutboxRow, ModelSnapshotRow),
    noting=AuditPendingRow,
)
_NEXT = scope.update(
    FinancialModelRow, *_DECIDED, "name_key", "revision", "updated_at", "updated_by"
).where(_OF_ID, scope.equals(FinancialModelRow, "revision", "seen"))
_APPEND = scope.Change(_NEXT, along=(OperationRow, OutboxRow), noting=AuditPendingRow)
_APPEND_WITH_SNAPSHOT = scope.Change(
    _NEXT, along=(OperationRow, OutboxRow, ModelSnapshotRow), noting=AuditPendingRow
)

Room: TypeAlias = Callable[[int], None]

_ORDERED_BY = {"UPDATED": "updated_at", "CREATED": "created_at", "NAME": "name_key"}
# No name is longer than 200 characters, and none has a character above this one.
_ABOVE_ANY_NAME = "\U0010ffff" * 200


class FinancialModels(ModelLog):
    """The models of all tenants, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    async def create(
        self, tenant_id: UUID, model: ModelRecord, new: NewOperation, room: Room | None = None
    ) -> Appended:
        """Keep a new model at revision 1, with its first operation; durable when this returns.

        ``room`` is told how many there are that are not archived, and raises if that is enough;
        it is not asked where the operation's id is on record.

        Raises NotKept where the model's id is there already, or a value breaks a table's rule.
        """

        def begin(rows: Rows) -> Write | None:
            if rows[0] is not None:
                return None
            if room is not None:
                room(_number(rows[1]))
            return Write(_CREATE, _values(replace(model, revision=1), new, changes="[]"))

        look = _LOOK_AT_LOG if room is None else _LOOK_FOR_ROOM
        (known, *_), write = await self._database.decide(
            tenant_id, look, begin, operation_id=new.operation_id, archived=False
        )
        return _fresh(write.values) if write is not None else _repeated(known)

    async def append(
        self,
        tenant_id: UUID,
        model_id: UUID,
        new: NewOperation,
        decide: Callable[[ModelRecord, str | None], Decision],
        *,
        asking: UUID | None = None,
        room: Room | None = None,
    ) -> Appended | None:
        """Change a model by one operation; durable when this returns. None: no such model.

        ``room`` is asked, as by `create`, where the change takes the model out of the archive.

        ``decide`` is told as well what a grant says of the member ``asking``, at the moment of
        the change. It is pure and quick. It is not asked where the operation's id is on record,
        and asked again where another writer was faster. Whatever it raises comes out as it
        is, and nothing is written. Raises NotKept where its decision breaks a table's rule.
        """

        def go_on(rows: Rows) -> Write | None:
            known, found, *granted = rows
            if known is not None or found is None:
                return None
            before = _record(found)
            decision = decide(before, granted[0][0] if granted and granted[0] else None)
            if room is not None and before.archived and not decision.archived:
                room(_number(granted[1]))
            after = replace(
                before,
                revision=before.revision + 1,
                updated_at=new.at,
                updated_by=new.author,
                **{name: getattr(decision, name) for name in _DECIDED},
            )
            change = _APPEND if after.revision % SNAPSHOT_EVERY else _APPEND_WITH_SNAPSHOT
            return Write(change, _values(after, new, changes=decision.changes))

        look, values = _LOOK, {"model_id": model_id, "operation_id": new.operation_id}
        if room is not None:
            look, values = _LOOK_WITH_ROOM, {**values, "asking": asking, "archived": False}
        elif asking is not None:
            look, values = _LOOK_WITH_GRANT, {**values, "asking": asking}
        (known, *_), write = await self._database.decide(tenant_id, look, go_on, **values)
        if write is not None:
            return _fresh(write.values)
        return None if known is None else _repeated(known)

    async def find(self, tenant_id: UUID, model_id: UUID) -> ModelRecord | None:
        """The tenant's model of that id. Another tenant's is not found."""
        row = await self._database.first(tenant_id, _FIND, model_id=model_id)
        return None if row is None else _record(row)

    async def granted(self, tenant_id: UUID, model_id: UUID, member_id: UUID) -> str | None:
        """What a grant says that a member may do with a model."""
        row = await self._database.first(tenant_id, _GRANTED, model_id=model_id, asking=member_id)
        return None if row is None else str(row[0])

    async def page(self, tenant_id: UUID, page: ModelPage) -> list[ModelRecord]:
        """The models of a page, in its order."""
        ordered_by = _ORDERED_BY[page.order]
        statement = _page(
            ordered_by,
            descending=page.descending,
            of_kinds=page.kinds is not None,
            of_archived=page.archived is not None,
            of_prefix=page.name_prefix is not None,
            goes_on=page.after is not None,
            of_member=page.seen_by is not None,
        )
        key, last = page.after or (None, None)
        prefix = page.name_prefix or ""
        async with self._database.reading(tenant_id) as session:
            rows = await session.all(
                statement,
                kinds=list(page.kinds or ()),
                archived=page.archived,
                prefix=prefix,
                prefix_end=prefix + _ABOVE_ANY_NAME,
                after_id=last,
                limit=page.limit,
                asking=page.seen_by,
                access="TENANT",
                **{f"after_{ordered_by}": key},
            )
        return [ModelRecord(**row) for row in rows]

    async def count(self, tenant_id: UUID, archived: bool | None = None) -> int:
        """How many models the tenant has; ``archived`` narrows it."""
        if archived is None:
            row = await self._database.first(tenant_id, _COUNT)
        else:
            row = await self._database.first(tenant_id, _COUNT_SOME, archived=archived)
        return 0 if row is None else int(row[0])

    async def revisions(self, tenant_id: UUID, model_ids: Sequence[UUID]) -> dict[UUID, int]:
        """The revision of each of these models that is there."""
        async with self._database.reading(tenant_id) as session:
            rows = await session.all(_REVISIONS, model_ids=list(model_ids))
        return {row["id"]: row["revision"] for row in rows}


@cache
def _page(
    ordered_by: str,
    *,
    descending: bool,
    of_kinds: bool,
    of_archived: bool,
    of_prefix: bool,
    goes_on: bool,
    of_member: bool,
) -> Select[Any]:
    order = (ordered_by, "id")
    columns = [scope.column(FinancialModelRow, name) for name in order]
    statement = scope.select(FinancialModelRow, *_MODEL)
    if of_kinds:
        statement = statement.where(scope.among(FinancialModelRow, ("kind",), "kinds"))
    if of_archived:
        statement = statement.where(scope.equals(FinancialModelRow, "archived"))
    if of_prefix:
        key = scope.column(FinancialModelRow, "name_key")
        statement = statement.where(
            key >= scope.given(FinancialModelRow, "name_key", "prefix"),
            key <= scope.given(FinancialModelRow, "name_key", "prefix_end"),
        )
    if of_member:
        granted = scope.select(ModelGrantRow, "model_id").where(
            scope.equals(ModelGrantRow, "member_id", "asking")
        )
        statement = statement.where(
            or_(
                scope.equals(FinancialModelRow, "access"),
                scope.equals(FinancialModelRow, "created_by", "asking"),
                scope.column(FinancialModelRow, "id").in_(granted),
            )
        )
    if goes_on:
        statement = statement.where(scope.beyond(FinancialModelRow, order, descending=descending))
    ordered = [column.desc() for column in columns] if descending else columns
    return statement.order_by(*ordered).limit(bindparam("limit", type_=Integer()))


def _record(row: Sequence[Any]) -> ModelRecord:
    return ModelRecord(**dict(zip(_MODEL, row, strict=True)))


def _number(counted: Sequence[Any] | None) -> int:
    return 0 if counted is None else int(counted[0])


def _values(after: ModelRecord, new: NewOperation, *, changes: str) -> dict[str, Any]:
    """Every value of a model at its newest operation, by the names of the tables' columns."""
    return {
        **{name: getattr(after, name) for name in _MODEL},
        **{name: getattr(new, name) for name in _NEW},
        "name_key": after.name.casefold(),
        "model_id": after.id,
        "seq": after.revision,
        "seen": after.revision - 1,
        "changes": changes,
        "content": _content(after),
        **along(new.noted(after.id, after.revision)),
    }


def _content(model: ModelRecord) -> str:
    """What a snapshot holds. Its parts are canonical JSON already, and so is the whole."""
    name = json.dumps(model.name, ensure_ascii=False)
    return (
        f'{{"archived":{"true" if model.archived else "false"},"inputs":{model.inputs},'
        f'"name":{name},"scenarios":{model.scenarios},"unit":"{model.unit}"}}'
    )


def _fresh(written: Mapping[str, Any]) -> Appended:
    return Appended(
        operation=OperationRecord(**{name: written[name] for name in OPERATION}),
        model=ModelRecord(**{name: written[name] for name in _MODEL}),
        fresh=True,
    )


def _repeated(known: Any) -> Appended:
    return Appended(operation=operation_from(known), model=None, fresh=False)
