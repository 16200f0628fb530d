"""A session belongs to one tenant for its whole life, and either reads or writes.

The two are different types, so a service that writes through a session for reading
does not pass the type checker. Neither takes text: only what ``store.scope`` built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Insert, RowMapping, Select, Update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import scope
from store.errors import TRANSLATED
from store.statement import schema_of
from store.tables import Row


class ReadSession:
    """One consistent view of one tenant's rows."""

    __slots__ = ("_connection", "_tenant_id")

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    @property
    def tenant_id(self) -> UUID:
        return self._tenant_id

    async def all(self, statement: Select[Any], /, **values: object) -> Sequence[RowMapping]:
        """Every row of the statement, as mappings from column names. Raises Unscoped."""
        scope.check(statement)
        return await self._rows(statement, values)

    async def first(self, statement: Select[Any], /, **values: object) -> RowMapping | None:
        """The first row of the statement, or None. Raises Unscoped."""
        scope.check(statement)
        rows = await self._rows(statement.limit(1), values)
        return rows[0] if rows else None

    async def _rows(
        self, statement: Select[Any], values: Mapping[str, object]
    ) -> Sequence[RowMapping]:
        with TRANSLATED:
            found = await self._connection.execute(statement, self._scoped(values))
            rows: Sequence[RowMapping] = found.mappings().all()
        return rows

    def _scoped(self, values: Mapping[str, object]) -> dict[str, object]:
        return {**values, scope.SCOPE: self._tenant_id}


class WriteSession(ReadSession):
    """One transaction of one tenant. It is committed when its block ends well."""

    __slots__ = ("noted",)

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        super().__init__(connection, tenant_id)
        self.noted = False  # whether it leaves something that the audit has to chain

    async def execute(self, change: Insert | Update | Delete, /, **values: object) -> int:
        """Run a change and tell how many rows it touched. Raises Unscoped."""
        scope.check(change)
        with TRANSLATED:
            tables = schema_of(change, self._connection.dialect)
            scoped = self._scoped(values)
            # SQLAlchemy sets each column that a value is named after, asked for or not.
            scoped.pop("tenant_id", None)
            done = await self._connection.execute(
                change,
                scoped,
                execution_options={"schema_translate_map": tables} if tables else None,
            )
            return done.rowcount

    async def add_all(self, row: type[Row], several: Sequence[Mapping[str, object]], /) -> None:
        """Insert rows, each with the values of all its columns but the tenant's. Raises NotKept."""
        if not several:
            return
        new = scope.insert(row)
        with TRANSLATED:
            tables = schema_of(new, self._connection.dialect)
            await self._connection.execute(
                new,
                [self._scoped(values) for values in several],
                execution_options={"schema_translate_map": tables} if tables else None,
            )

    async def add_if_absent(self, row: type[Row], /, **values: object) -> bool:
        """Insert a row unless its key is there; tell whether it was inserted."""
        dialect_name = self._connection.dialect.name
        return await self.execute(scope.insert_if_absent(row, dialect_name), **values) == 1
