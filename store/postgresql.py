"""PostgreSQL: row-level security by the tenant of the transaction.

Each transaction begins with its tenant, ``BEGIN; SET LOCAL``, in one message, so that a
connection serves nobody between two transactions. The role that serves owns nothing and
cannot bypass row-level security; every new connection is asked, and refused otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import Select, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from store import scope
from store.database import Asked, Bounds, Database, Raised, Rows, Write
from store.errors import TRANSLATED, DangerousRole, DatabaseBusy, DatabaseFault
from store.one_statement import (
    SCOPE_TEXT,
    TENANT_SETTING,
    apart,
    do_all,
    first_of,
    insert_once,
    look_at,
)
from store.openings import Openings
from store.postgresql_address import address
from store.scope import SCOPE, InsertOnce, Look
from store.serving_role import danger
from store.tables import TenantRow

_TENANT = Look(selects=(scope.select(TenantRow, "tenant_id"),), changing=0)
_DANGER = danger("session_user")

# The version table may not be there yet; to_regclass asks without an error.
_VERSION_TABLE = "SELECT to_regclass('public.alembic_version') IS NOT NULL"
_VERSION = "SELECT version_num FROM public.alembic_version"


class TenantTransaction:
    """A transaction that begins with its tenant, in one round trip."""

    __slots__ = ("_begin", "_connection")

    def __init__(self, connection: TenantConnection) -> None:
        how = "ISOLATION LEVEL REPEATABLE READ READ ONLY" if connection.reads_only else ""
        # The id is a UUID's own text: nothing a caller typed. Simple protocol takes no parameters.
        self._begin = f"BEGIN {how}; SET LOCAL {TENANT_SETTING} = '{connection.tenant}'"
        self._connection = connection

    async def start(self) -> None:
        await self._connection.execute(self._begin)

    async def commit(self) -> None:
        # PostgreSQL answers ROLLBACK, and no error, where a statement before had failed.
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise DatabaseFault("The transaction had failed and was not committed.")

    async def rollback(self) -> None:
        await self._connection.execute("ROLLBACK")


class TenantConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg publishes no types
    """A connection that knows whom it serves: a tenant's id, or nobody, ''."""

    tenant = ""
    reads_only = False

    def serve(self, tenant_id: UUID | None) -> None:
        """The transactions from now on are this tenant's, or nobody's."""
        self.tenant = "" if tenant_id is None else str(tenant_id)

    def transaction(self, **_: object) -> TenantTransaction:
        """What SQLAlchemy calls to begin."""
        return TenantTransaction(self)


class Overtaken(DatabaseBusy):
    """Another writer was faster each time, or holds the row for too long."""


class PostgresDatabase(Database):
    """PostgreSQL through asyncpg."""

    def __init__(self, url: str, bounds: Bounds) -> None:
        self._openings = Openings(TenantConnection.close)
        super().__init__(
            read=_engine(url, "read", bounds.read_connections, bounds, self._openings),
            write=_engine(url, "write", bounds.write_connections, bounds, self._openings),
        )

    async def first(
        self, tenant_id: UUID, statement: Select[Any], /, **values: object
    ) -> tuple[Any, ...] | None:
        with TRANSLATED:
            prepared = self._ready((statement, "first"), partial(first_of, statement))
            parameters = prepared.parameters({**values, SCOPE_TEXT: str(tenant_id)})
            async with self._driver(self._read) as connection:
                found = await connection.fetchrow(prepared.text, *parameters)
            return None if found is None else prepared.row(found)

    async def all(
        self, tenant_id: UUID, statement: Select[Any], /, **values: object
    ) -> list[tuple[Any, ...]]:
        with TRANSLATED:
            prepared = self._ready(statement)
            parameters = prepared.parameters({**values, SCOPE: tenant_id})
            async with self._seen(tenant_id) as connection:
                found = await connection.fetch(prepared.text, *parameters)
            return [prepared.row(row) for row in found]

    async def insert_once(self, tenant_id: UUID, what: InsertOnce, /, **values: object) -> Any:
        with TRANSLATED:
            prepared = self._ready(what, partial(insert_once, what))
            parameters = prepared.parameters(
                {**values, SCOPE: tenant_id, SCOPE_TEXT: str(tenant_id)}
            )
            async with self._driver(self._write) as connection:
                found = await connection.fetchrow(prepared.text, *parameters)
        told = (
            prepared.row(found)
            if found is not None
            else await self.first(tenant_id, what.first_on_record(), **values)
        )
        if told is None:
            raise DatabaseFault("The row was neither inserted nor found.")
        return told[0]

    async def _decide(
        self, tenant_id: UUID, look: Look, asked: Asked, values: Mapping[str, object]
    ) -> tuple[Rows, Write | Raised | None]:
        """Two round trips when nobody interferes; otherwise again, with the row held.

        The second statement changes the row only as it was seen. Whoever finds it changed
        waits for it next time, so that nobody is overtaken for ever.
        """
        overtaken: Exception = Overtaken()
        with TRANSLATED:
            for locked in (look.alone, True, True):
                try:
                    async with self._driver(self._write) as connection:
                        if not locked:
                            return await self._attempt(connection, tenant_id, look, asked, values)
                        async with _transaction(connection, tenant_id):
                            if look.alone:  # before anything is counted: a later look sees all
                                await self._hold(connection, tenant_id)
                            return await self._attempt(
                                connection, tenant_id, look, asked, values, locked=True
                            )
                # A key that is there by now: what was asked for may be done already.
                except (Overtaken, asyncpg.UniqueViolationError) as error:
                    overtaken = error
            raise overtaken

    async def _hold(self, connection: TenantConnection, tenant_id: UUID) -> None:
        held = self._ready((_TENANT, True), partial(look_at, _TENANT, locked=True))
        await connection.fetchrow(held.text, *held.parameters({SCOPE_TEXT: str(tenant_id)}))

    async def _attempt(
        self,
        connection: TenantConnection,
        tenant_id: UUID,
        look: Look,
        asked: Asked,
        values: Mapping[str, object],
        *,
        locked: bool = False,
    ) -> tuple[Rows, Write | Raised | None]:
        scope = {SCOPE_TEXT: str(tenant_id)}
        looked = self._ready((look, locked), partial(look_at, look, locked=locked))
        found = await connection.fetchrow(looked.text, *looked.parameters({**values, **scope}))
        rows = apart(look, looked.row(found))
        answer = asked(rows)
        if isinstance(answer, Write):
            change = self._ready(answer.change, partial(do_all, answer.change))
            parameters = change.parameters({**answer.values, **scope})
            if await connection.fetchrow(change.text, *parameters) is None:
                raise Overtaken
        return rows, answer

    async def ping(self) -> None:
        with TRANSLATED:
            async with self._driver(self._read) as connection:
                await connection.fetchval("SELECT 1")

    async def schema_version(self) -> str | None:
        with TRANSLATED:
            async with self._driver(self._read) as connection:
                if not await connection.fetchval(_VERSION_TABLE):
                    return None
                found = await connection.fetchval(_VERSION)
        return None if found is None else str(found)

    async def close(self) -> None:
        await super().close()
        await self._openings.settle()

    @asynccontextmanager
    async def _seen(self, tenant_id: UUID) -> AsyncIterator[TenantConnection]:
        """The driver's own connection, in a transaction that reads the tenant's rows."""
        async with self._driver(self._read) as connection:
            connection.serve(tenant_id)
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            finally:
                await transaction.rollback()


@asynccontextmanager
async def _transaction(connection: TenantConnection, tenant_id: UUID) -> AsyncIterator[None]:
    """A transaction of the tenant, committed at the end, undone by any exception."""
    connection.serve(tenant_id)
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit()


def _engine(
    url: str,
    how: Literal["read", "write"],
    size: int,
    bounds: Bounds,
    openings: Openings[TenantConnection],
) -> AsyncEngine:
    settings = {
        "application_name": f"valor {how}",
        "default_transaction_read_only": "on" if how == "read" else "off",
        "idle_in_transaction_session_timeout": _ms(2 * bounds.statement_s),
        "jit": "off",  # its compilation costs more than our statements
        "lock_timeout": _ms(bounds.lock_wait_s),
        # Temporary tables last, or one of them could stand in for a tenant's table.
        "search_path": "public,pg_temp",
        "statement_timeout": _ms(bounds.statement_s),
        "timezone": "UTC",
    }

    def connect(*_: object, **arguments: Any) -> Awaitable[TenantConnection]:
        return openings.wait_for(_connect(reads_only=how == "read", **arguments))

    where, tls = address(url)
    engine = create_async_engine(
        where,
        pool_size=size,
        max_overflow=0,
        pool_timeout=bounds.pool_wait_s,
        hide_parameters=True,
        connect_args={
            **tls,
            "async_creator_fn": connect,
            "server_settings": settings,
            "timeout": bounds.connect_s,
            # The server may be stopped where it stands: then its own timeout never comes.
            "command_timeout": bounds.statement_s + 1.0,
        },
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def _checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        # No round trip: asyncpg hears at once when the server closes a connection.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "checkin")
    def _checkin(connection: Any, _record: Any) -> None:
        if connection is not None:  # None where it was thrown away
            connection.driver_connection.serve(None)

    return engine


async def _connect(*, reads_only: bool, **arguments: Any) -> TenantConnection:
    """A connection of a role that is harmless. Raises DangerousRole."""
    connection: TenantConnection = await asyncpg.connect(
        **arguments, connection_class=TenantConnection
    )
    try:
        dangerous = await connection.fetchval(_DANGER)
        if dangerous is not None:
            raise DangerousRole(f"The database role {dangerous}.")
    except BaseException:
        connection.terminate()
        raise
    connection.reads_only = reads_only
    return connection


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))
