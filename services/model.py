"""A financial model as it is handed up, and its form in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from services.contents import Document, Unit, inputs_in, joined
from services.history import Revision, newer_server, todays
from services.kinds import KINDS, Kind
from services.tenants import MemberRecord
from store.financial_models import ModelRecord

People = Mapping[UUID, MemberRecord]
Key: TypeAlias = tuple[datetime | str, UUID]  # where a model stands in an order


class Order(StrEnum):
    """What models are listed by."""

    UPDATED = "UPDATED"
    CREATED = "CREATED"
    NAME = "NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which models, and in what order."""

    kind: str | None = None  # None: every kind
    archived: bool | None = False  # None: archived or not
    name_prefix: str = ""  # in any case
    order: Order = Order.UPDATED
    descending: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model after one of its operations."""

    id: UUID
    kind: Kind[Any, Any]
    name: str
    unit: Unit
    inputs: Document  # of today's version, whatever version is kept
    scenarios: Document  # key -> {"name", "changes": [{"path", "value"}]}
    archived: bool
    access: str  # TENANT, RESTRICTED
    revision: int
    created_at: datetime
    created_by: MemberRecord | None  # None: has left the tenant
    updated_at: datetime
    updated_by: MemberRecord | None

    @classmethod
    def of(cls, record: ModelRecord, document: Document, people: People) -> Model:
        """``document`` is the record's own, or an earlier one of the same model."""
        return cls(
            id=record.id,
            kind=kind_of(record),
            name=document["name"],
            unit=Unit(document["unit"]),
            inputs=inputs_in(document),
            scenarios=document["scenarios"],
            archived=document["archived"],
            access=record.access,
            revision=record.revision,
            created_at=record.created_at,
            created_by=people.get(record.created_by),
            updated_at=record.updated_at,
            updated_by=people.get(record.updated_by),
        )

    def key(self, order: Order) -> Key:
        """Where it stands in an order."""
        if order is Order.NAME:
            return self.name.casefold(), self.id
        return self.updated_at if order is Order.UPDATED else self.created_at, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What an operation left, and the operation. A repeat of its id gets the same."""

    model: Model
    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some models in the order of the listing, and whether there are more the same way."""

    models: list[Model]
    more: bool


def kind_of(record: ModelRecord) -> Kind[Any, Any]:
    """
    Raises:
        Overloaded: for a kind to come, which a newer server has written.
    """
    kind = KINDS.get(record.kind)
    if kind is None:
        raise newer_server()
    return kind


def document_of(record: ModelRecord) -> Document:
    """The whole document that a record holds, in today's version of the inputs."""
    own = {
        "name": record.name,
        "unit": record.unit,
        "archived": record.archived,
        "scenarios": orjson.loads(record.scenarios),
    }
    inputs = todays(kind_of(record), orjson.loads(record.inputs), record.input_version)
    return joined(own, inputs)
