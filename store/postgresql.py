"""PostgreSQL: row-level security by the tenant of the transaction.

Each transaction begins with its tenant, ``BEGIN; SET LOCAL``, in one message, so that a
connection serves nobody between two transactions. The role that serves owns nothing and
cannot bypass row-level security; every new connection is asked, and refused otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import Executable, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from store.database import Bounds, Database
from store.errors import TRANSLATED, DangerousRole, DatabaseFault
from store.openings import Openings
from store.scope import SCOPE, SCOPE_TEXT, TENANT_SETTING, InsertOnce
from store.statement import Prepared

# What a role can do by itself, or as any role it is a member of. pg_has_role counts a
# superuser as a member of all.
_DANGER = """
SELECT CASE
  WHEN EXISTS (SELECT FROM pg_roles WHERE rolsuper AND pg_has_role(session_user, oid, 'MEMBER'))
    THEN 'is a superuser or can become one'
  WHEN EXISTS (
    SELECT FROM pg_roles WHERE rolbypassrls AND pg_has_role(session_user, oid, 'MEMBER'))
    THEN 'can bypass row-level security'
  WHEN EXISTS (
    SELECT FROM pg_roles WHERE rolcreaterole AND pg_has_role(session_user, oid, 'MEMBER'))
    THEN 'can create roles'
  WHEN EXISTS (
    SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'm')
    AND pg_has_role(session_user, relowner, 'MEMBER'))
    THEN 'owns tables'
END
"""

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


class PostgresDatabase(Database):
    """PostgreSQL through asyncpg."""

    def __init__(self, url: str, bounds: Bounds) -> None:
        self._openings = Openings(TenantConnection.close)
        super().__init__(
            read=_engine(url, "read", bounds.read_connections, bounds, self._openings),
            write=_engine(url, "write", bounds.write_connections, bounds, self._openings),
        )
        self._once: dict[InsertOnce, Prepared] = {}

    async def first(
        self, tenant_id: UUID, statement: Executable, /, **values: object
    ) -> tuple[Any, ...] | None:
        with TRANSLATED:
            prepared = self._ready(statement)
            parameters = prepared.parameters({**values, SCOPE: tenant_id})
            async with self._driver(self._read) as connection:
                connection.serve(tenant_id)
                transaction = connection.transaction()
                await transaction.start()
                try:
                    found = await connection.fetchrow(prepared.text, *parameters)
                finally:
                    await transaction.rollback()
            return None if found is None else prepared.row(found)

    async def insert_once(self, tenant_id: UUID, what: InsertOnce, /, **values: object) -> Any:
        with TRANSLATED:
            prepared = self._once.get(what)
            if prepared is None:
                prepared = self._once[what] = Prepared(what.in_one_statement(), self.dialect)
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

    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=size,
        max_overflow=0,
        pool_timeout=bounds.pool_wait_s,
        hide_parameters=True,
        connect_args={
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
        danger = await connection.fetchval(_DANGER)
        if danger is not None:
            raise DangerousRole(f"The database role {danger}: serve with a role that owns nothing.")
    except BaseException:
        connection.terminate()
        raise
    connection.reads_only = reads_only
    return connection


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))
