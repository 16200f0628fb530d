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

from benchmarks.faults.comparison import Logged

_OPERATIONS: Final = (
    "SELECT tenant_id, model_id, seq, operation_id, changes FROM operation "
    "WHERE model_id IN ({}) ORDER BY model_id, seq"
)
_MODELS: Final = "SELECT tenant_id, id, revision, inputs FROM financial_model WHERE id IN ({})"


@dataclass(frozen=True, slots=True)
class Kept:
    """One model's row, and its rows in the log."""

    tenant: str  # of the model's row
    revision: int
    inputs: Mapping[str, Any]
    log: Sequence[Logged]


class Records(ABC):
    """All rows of all tenants."""

    @abstractmethod
    async def _rows(self, statement: str, models: Sequence[UUID]) -> list[tuple[Any, ...]]:
        """The rows of a statement with these models in its braces."""

    async def of(self, models: Sequence[UUID]) -> dict[str, Kept]:
        """Model's id -> what is kept of it, whoever's row it is. A model that is gone is absent."""
        logs: dict[str, list[Logged]] = {}
        for tenant, model, seq, operation_id, changes in await self._rows(_OPERATIONS, models):
            written = {change["path"]: change["new"] for change in json.loads(changes)}
            logs.setdefault(_id(model), []).append(
                Logged(int(seq), operation_id, written, _id(tenant))
            )
        return {
            _id(model): Kept(
                _id(tenant), int(revision), json.loads(inputs), logs.get(_id(model), [])
            )
            for tenant, model, revision, inputs in await self._rows(_MODELS, models)
        }


class SqliteRecords(Records):
    """A file that is opened to read, without any of the product's views and functions."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def _rows(self, statement: str, models: Sequence[UUID]) -> list[tuple[Any, ...]]:
        marks = ", ".join("?" for _ in models)
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=5)) as file:
            return file.execute(statement.format(marks), [model.hex for model in models]).fetchall()


class PostgresRecords(Records):
    """A superuser's connection, which row-level security does not bind."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def _rows(self, statement: str, models: Sequence[UUID]) -> list[tuple[Any, ...]]:
        marks = ", ".join(f"${number}" for number, _ in enumerate(models, 1))
        connection = await asyncpg.connect(self._url)
        try:
            return [tuple(row) for row in await connection.fetch(statement.format(marks), *models)]
        finally:
            await connection.close()


def _id(kept: object) -> str:
    """A UUID in its usual spelling: SQLite keeps its 32 digits alone."""
    return str(kept if isinstance(kept, UUID) else UUID(str(kept)))
