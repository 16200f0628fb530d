"""What is on record, read from the database itself: past the product, and past its scope."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from benchmarks.faults.administration import Link, Office
from benchmarks.faults.comparison import Logged
from benchmarks.faults.told import Happened

_OPERATIONS: Final = (
    "SELECT tenant_id, seq, operation_id, changes FROM operation WHERE model_id = {} ORDER BY seq"
)
_MODEL: Final = "SELECT tenant_id, revision, inputs FROM financial_model WHERE id = {}"


@dataclass(frozen=True, slots=True)
class Kept:
    """One model's row, and its rows in the log."""

    tenant: str  # of the model's row
    revision: int
    inputs: Mapping[str, Any]
    log: Sequence[Logged]


_MEMBERS: Final = "SELECT tenant_id, id, name FROM member WHERE kind = 'SERVICE' AND tenant_id = {}"
_AUDIT: Final = (
    "SELECT seq, previous, hash, action, operation_id FROM audit_event WHERE tenant_id = {} "
    "ORDER BY seq"
)


_REVISIONS: Final = "SELECT model_id, seq FROM operation WHERE tenant_id = {}"
_ENDED: Final = (
    "SELECT id, announced FROM run WHERE tenant_id = {} AND state IN ('DONE','FAILED','CANCELLED')"
)
_HEADS: Final = "SELECT seq FROM audit_checkpoint WHERE tenant_id = {} AND kind = 'HEAD'"
_NOT_TOLD: Final = "SELECT seq FROM outbox WHERE tenant_id = {}"
_NOT_SENT: Final = "SELECT seq FROM webhook_delivery WHERE tenant_id = {} AND state = 'WAITING'"


class Records(ABC):
    """All rows of all tenants."""

    @abstractmethod
    async def _rows(self, statement: str, model: UUID) -> list[tuple[Any, ...]]:
        """The rows of a statement with this id in its braces."""

    async def office_of(self, tenant: UUID) -> Office:
        """The service accounts and the audit of a tenant."""
        members = [
            (_id(of), _id(id_), str(name)) for of, id_, name in await self._rows(_MEMBERS, tenant)
        ]
        chain = [
            Link(int(seq), previous, hash_, action, operation_id)
            for seq, previous, hash_, action, operation_id in await self._rows(_AUDIT, tenant)
        ]
        return Office(members, chain)

    async def happened(self, tenant: UUID) -> Happened:
        """All that a tenant's webhook is to be told of."""
        # What is on its way first: what happens after that is looked for below, and comes later.
        waiting = [*await self._rows(_NOT_TOLD, tenant), *await self._rows(_NOT_SENT, tenant)]
        ended = await self._rows(_ENDED, tenant)
        things: dict[str, list[int]] = {f"run {_id(run)}": [1] for run, _ in ended}
        for model, seq in await self._rows(_REVISIONS, tenant):
            things.setdefault(f"model {_id(model)}", []).append(int(seq))
        things["audit"] = [int(seq) for (seq,) in await self._rows(_HEADS, tenant)]
        return Happened(things, len(waiting) + sum(not announced for _, announced in ended))

    async def of(self, model: UUID) -> Kept:
        """What is kept of a model, whoever's it is.

        Raises:
            LookupError: if there is nothing.
        """
        log = [
            Logged(
                int(seq),
                operation_id,
                {change["path"]: change["new"] for change in json.loads(changes)},
                _id(tenant),
            )
            for tenant, seq, operation_id, changes in await self._rows(_OPERATIONS, model)
        ]
        for tenant, revision, inputs in await self._rows(_MODEL, model):
            return Kept(_id(tenant), int(revision), json.loads(inputs), log)
        raise LookupError(f"the database has no model {model}")


class SqliteRecords(Records):
    """A file that is opened to read, without any of the product's views and functions."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def _rows(self, statement: str, model: UUID) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=5)) as file:
            return file.execute(statement.format("?"), [model.hex]).fetchall()


class PostgresRecords(Records):
    """A superuser's connection, which row-level security does not bind."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def _rows(self, statement: str, model: UUID) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self._url)
        try:
            return [tuple(row) for row in await connection.fetch(statement.format("$1"), model)]
        finally:
            await connection.close()


def _id(kept: object) -> str:
    """A UUID in its usual spelling: SQLite keeps its 32 digits alone."""
    return str(kept if isinstance(kept, UUID) else UUID(str(kept)))
