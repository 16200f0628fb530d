# ruff: noqa: S608 - the names are those of our own tables
"""Two databases to hunt on, each filled past its own protection and looked at past it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import Dialect, Table, bindparam, insert

from store.database import Database
from store.migrate import migrate
from store.statement import Prepared
from tests.contract.hunt import Ground, Seen
from tests.contract.marked_rows import OTHERS, OURS, TABLES, Tenant, rows_of
from tests.contract.random_sql import Drawn
from tests.mirror.store.conftest import OWNER, SERVING, administer, role_url
from tests.mirror.store.world import opened

NAMES: Final = frozenset(table.name for table in TABLES)


def inserts(
    tenants: Iterable[Tenant], dialect: Dialect, tables: Collection[str]
) -> Iterable[tuple[Tenant, str, tuple[Any, ...]]]:
    """A statement and its parameters for each row, whom others point to first."""
    for tenant in tenants:
        for table in TABLES:
            if table.name not in tables:
                continue
            prepared = Prepared(_insert(table), dialect)
            for row in rows_of(table, tenant):
                yield tenant, prepared.text, prepared.parameters(row)


def _insert(table: Table) -> Any:
    values = {column.name: bindparam(column.name, type_=column.type) for column in table.columns}
    return insert(table).values(values)


class SqliteGround(Ground):
    """A file; whoever sees all opens it with a function of its own."""

    def __init__(self, database: Database, path: Path) -> None:
        super().__init__(database, f"sqlite:///{path}")
        self._path = path

    async def read(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        async with self.database._driver(self.database._read) as reader:
            reader.serve(tenant.id)
            found: list[Any] = await reader.run(lambda c: c.execute(drawn.sql).fetchall())
            return found

    async def read_forgetting(self, _tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        async with self.database._driver(self.database._read) as reader:
            found: list[Any] = await reader.run(lambda c: c.execute(drawn.sql).fetchall())
            return found

    async def change_by_reading(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        """Change on the connection that is there to read."""
        return await self.read(tenant, drawn)

    async def change(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        writer: Any = self.database
        async with writer._one_writer.lent() as held:
            held.driver.serve(tenant.id)
            found: list[Any] = await held.driver.run(lambda c: c.execute(drawn.sql).fetchall())
            return found

    async def by_owner(self, *statements: str) -> None:
        with closing(past(self._path)) as connection:
            for statement in statements:
                connection.execute(statement)

    async def seen(self) -> Seen:
        ours: list[str] = []
        foreign: list[str] = []
        with closing(past(self._path)) as connection:
            for table in TABLES:
                try:
                    rows = connection.execute(f"SELECT tenant_id, * FROM {table.name}").fetchall()
                except sqlite3.Error as error:  # the table itself is gone
                    foreign.append(str(error))
                    continue
                for tenant_id, *row in rows:
                    seen = ours if tenant_id == OURS.id.hex else foreign
                    seen.append(f"{table.name} {row}")
        return Seen(tuple(sorted(ours)), tuple(sorted(foreign)))

    async def restore(self, tables: Collection[str]) -> None:
        fill_sqlite(self._path, [OURS], self.database.dialect, tables)


def past(path: Path) -> sqlite3.Connection:
    """A connection past the store, for which every row's tenant is the right one."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def fill_sqlite(
    path: Path,
    tenants: Iterable[Tenant],
    dialect: Dialect,
    tables: Collection[str] = NAMES,
) -> None:
    """Put the tenants' rows in place of those that they have. No key between tables is asked."""
    serving = ""
    with closing(past(path)) as connection:
        connection.create_function("valor_tenant", 0, lambda: serving)
        connection.execute("BEGIN IMMEDIATE")
        for tenant in tenants:
            serving = tenant.id.hex
            for table in TABLES:
                if table.name not in tables:
                    continue
                without = f"DELETE FROM {table.name} WHERE tenant_id = ?"
                if connection.execute(
                    f"SELECT 1 FROM {table.name} WHERE tenant_id = ?", (serving,)
                ).fetchone():
                    _past_its_trigger(connection, table.name, without, serving)
            for _, text, parameters in inserts([tenant], dialect, tables):
                connection.execute(text, parameters)
        connection.execute("COMMIT")


def _past_its_trigger(connection: sqlite3.Connection, table: str, sql: str, tenant_id: str) -> None:
    """Run what the table's trigger would refuse to everybody."""
    name = f"{table}_delete_tenant"
    made = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", (name,)
    ).fetchone()
    if made:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(sql, (tenant_id,))
    if made:
        connection.execute(made[0])


class PostgresGround(Ground):
    """A database; whoever sees all is the superuser that the test server starts with."""

    def __init__(self, database: Database, superuser_url: str, name: str) -> None:
        super().__init__(database, role_url(superuser_url, OWNER, name))
        self._superuser_url = named(superuser_url, name)
        self._past: asyncpg.Connection | None = None

    async def read(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        async with self.database._driver(self.database._read) as connection:
            connection.serve(tenant.id)
            transaction = connection.transaction()
            await transaction.start()
            try:
                found: list[Any] = await connection.fetch(drawn.sql)
            finally:
                await transaction.rollback()
            return found

    async def read_forgetting(self, _tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        async with self.database._driver(self.database._read) as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                found: list[Any] = await connection.fetch(drawn.sql)
            finally:
                await transaction.rollback()
            return found

    async def read_outside(self, _tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        """Read without a transaction, which would begin with its tenant."""
        async with self.database._driver(self.database._read) as connection:
            found: list[Any] = await connection.fetch(drawn.sql)
            return found

    async def change(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        async with self.database._driver(self.database._write) as connection:
            connection.serve(tenant.id)
            transaction = connection.transaction()
            await transaction.start()
            try:
                found: list[Any] = await connection.fetch(drawn.sql)
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()
            return found

    async def by_owner(self, *statements: str) -> None:
        connection = await self._connection()
        for statement in statements:
            await connection.execute(statement)

    async def seen(self) -> Seen:
        connection = await self._connection()
        rows = await connection.fetch(
            " UNION ALL ".join(
                f"SELECT tenant_id = '{OURS.id}' AS is_ours, '{table.name} ' || t::text AS row "
                f"FROM {table.name} t"
                for table in TABLES
            )
        )
        told: dict[bool, list[str]] = {True: [], False: []}
        for row in rows:
            told[row["is_ours"]].append(row["row"])
        return Seen(tuple(sorted(told[True])), tuple(sorted(told[False])))

    async def restore(self, tables: Collection[str]) -> None:
        await fill_postgresql(await self._connection(), [OURS], self.database.dialect, tables)

    async def close(self) -> None:
        if self._past is not None:
            await self._past.close()

    async def _connection(self) -> asyncpg.Connection:
        if self._past is None:
            self._past = await asyncpg.connect(self._superuser_url)
        return self._past


async def fill_postgresql(
    connection: asyncpg.Connection,
    tenants: Iterable[Tenant],
    dialect: Dialect,
    tables: Collection[str] = NAMES,
) -> None:
    """Put the tenants' rows in place of those that they have. No key between tables is asked."""
    tenants = list(tenants)
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for tenant in tenants:
            for table in tables:
                await connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant.id)
        for _, text, parameters in inserts(tenants, dialect, tables):
            await connection.execute(text, *parameters)


@dataclass(frozen=True, slots=True)
class Marked:
    """A database with marked rows that nobody has open, to be copied, and its twin."""

    both: str  # a file, or a database's name
    alone: str  # where the other tenant never was


def mark_sqlite(folder: Path) -> Marked:
    """Make both files."""
    both, alone = folder / "both.db", folder / "alone.db"
    asyncio.run(migrate(f"sqlite:///{both}"))
    dialect = Database.open(f"sqlite:///{both}").dialect
    fill_sqlite(both, [OURS], dialect)
    shutil.copy(both, alone)
    fill_sqlite(both, OTHERS, dialect)
    return Marked(str(both), str(alone))


@asynccontextmanager
async def on_sqlite(template: str, folder: Path, **bounds: Any) -> AsyncIterator[SqliteGround]:
    """A copy of a file, and one connection to read it and one to write."""
    path = folder / f"{next(_NUMBERS)}.db"
    shutil.copy(template, path)
    async with opened(f"sqlite:///{path}", read_connections=1, **bounds) as database:
        yield SqliteGround(database, path)


async def mark_postgresql(superuser_url: str) -> Marked:
    """Make both databases, migrated by the owner."""
    marked = Marked(f"both_{os.getpid()}", f"alone_{os.getpid()}")
    for name, tenants in ((marked.both, (OURS, *OTHERS)), (marked.alone, (OURS,))):
        await administer(superuser_url, f"CREATE DATABASE {name} OWNER {OWNER}")
        await migrate(role_url(superuser_url, OWNER, name), application_role=SERVING)
        dialect = Database.open(role_url(superuser_url, SERVING, name)).dialect
        connection = await asyncpg.connect(named(superuser_url, name))
        await fill_postgresql(connection, tenants, dialect)
        await connection.execute("ANALYZE")  # the planner's notes hold values of rows, too
        await connection.close()
    return marked


@asynccontextmanager
async def on_postgresql(
    template: str, superuser_url: str, *, role: str = SERVING
) -> AsyncIterator[PostgresGround]:
    """A copy of a database, and one connection to read it and one to write."""
    name = f"hunt_{os.getpid()}_{next(_NUMBERS)}"
    await administer(superuser_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        url = role_url(superuser_url, role, name)
        async with opened(url, read_connections=1, write_connections=1) as database:
            ground = PostgresGround(database, superuser_url, name)
            try:
                yield ground
            finally:
                await ground.close()
    finally:
        await administer(superuser_url, f"DROP DATABASE {name} WITH (FORCE)")


def named(superuser_url: str, name: str) -> str:
    """The superuser's address of another database."""
    return f"{superuser_url.rsplit('/', 1)[0]}/{name}"


_NUMBERS = count()
