"""What a model was at a revision, and what changed, in the field's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from services.contents import Change, Document, Unit, changes_of, inputs_in, joined, play
from services.errors import NotFound, Overloaded
from services.kinds import Kind
from services.labels import label_of, told
from services.shapes import path_of
from services.tenants import MemberRecord
from store.financial_models import FinancialModels, OperationRecord

_AT_ONCE: Final = 500  # operations read in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldChange:
    """One place that changed, and how a person says it. None: nothing stands there."""

    path: str
    label: str
    old: Any  # JSON
    new: Any  # JSON
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One operation of a model's log."""

    model_id: UUID
    revision: int
    operation_id: str
    verb: str
    author: MemberRecord | None  # None: has left the tenant
    at: datetime
    changes: list[ToldChange]


def in_words(kind: Kind[Any, Any], unit: Unit, changes: Iterable[Change]) -> list[ToldChange]:
    """Changes as a person reads them; amounts in the unit."""
    return [
        ToldChange(
            path=path_of(steps),
            label=label_of(kind.labels, steps),
            old=old,
            new=new,
            text=told(kind.labels, steps, old, new, unit),
        )
        for steps, old, new in changes
    ]


def todays(kind: Kind[Any, Any], inputs: Document, version: int) -> Document:
    """Inputs of any version as they are read today.

    Raises:
        Overloaded: for those of a version to come, which a newer server has written.
    """
    if version > kind.input_version:
        raise newer_server()
    return kind.upgraded(inputs, version, kind.input_version)


class History:
    """The past of models, from snapshots and the log. It asks nobody's permission."""

    def __init__(self, models: FinancialModels) -> None:
        self._models = models

    async def document_at(
        self, tenant_id: UUID, model_id: UUID, kind: Kind[Any, Any], revision: int
    ) -> Document:
        """The model's whole document after an operation that is on record.

        Raises:
            NotFound: if there is no such revision.
        """
        found = await self._models.snapshot(tenant_id, model_id, revision)
        if found is None:
            raise _unknown(revision)
        seq, version, text = found
        content: Document = orjson.loads(text)
        document = joined(content, content["inputs"])
        while seq < revision:
            stretch = await self._models.operations(
                tenant_id, model_id, after=seq, until=revision, limit=_AT_ONCE
            )
            if not stretch:
                raise _unknown(revision)
            for operation in stretch:
                if operation.input_version > version:  # it was made on what had been upgraded
                    inputs = kind.upgraded(inputs_in(document), version, operation.input_version)
                    document, version = joined(document, inputs), operation.input_version
                play(document, changes_of(operation.changes))
            seq = stretch[-1].seq
        return joined(document, todays(kind, inputs_in(document), version))

    async def operation_at(self, tenant_id: UUID, model_id: UUID, revision: int) -> OperationRecord:
        """
        Raises:
            NotFound: if there is no such revision.
        """
        found = await self._models.operations(
            tenant_id, model_id, after=revision - 1, until=revision, limit=1
        )
        if not found:
            raise _unknown(revision)
        return found[0]


def newer_server() -> Overloaded:
    """Of what only a newer server can read: while servers are exchanged, ours are among them."""
    return Overloaded("A newer server has written this model. Try again in a minute.", 60.0)


def _unknown(revision: int) -> NotFound:
    return NotFound(f"The model has no revision {revision}.")
