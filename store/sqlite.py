"""SQLite: one file, many readers and one writer.

Writers wait for each other in the pool's queue, in order, and not in SQLite's, by
chance; small writes go together (``store.group_commit``). How tenants are kept apart is
told in ``store.sqlite_guard``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from store.database import Asked, Bounds, Database, Raised, Rows, Write
from store.errors import TRANSLATED, DatabaseFault
from store.group_commit import GroupCommit, Writer
from store.one_writer import OneWriter
from store.openings import Openings
from store.scope import NOTE, SCOPE, InsertOnce, Look, insert, insert_if_absent
from store.sqlite_connection import TenantConnection, prepare_reader, prepare_writer
from store.sqlite_guard import VERSION_TABLE, WritingConnection
from store.tables import Row


def file_of(url: str) -> Path:
    """The file of a SQLite URL. Raises ValueError where there is none."""
    name = make_url(url).database
    if not name or name == ":memory:" or name.startswith("file:"):
        raise ValueError("SQLite needs a file of its own: sqlite:///valor.db")
    return Path(name).absolute()


class SqliteDatabase(Database):
    """A file of SQLite, with every commit on the disk before its caller hears of it."""

    def __init__(self, url: str, bounds: Bounds) -> None:
        self._path = file_of(url)
        self._openings = Openings[TenantConnection](TenantConnection.close)
        wait = bounds.lock_wait_s
        super().__init__(
            read=_engine(
                self._path,
                partial(prepare_reader, lock_wait_s=wait),
                sqlite3.Connection,
                begin="BEGIN",
                size=bounds.read_connections,
                bounds=bounds,
                openings=self._openings,
            ),
            write=_engine(
                self._path,
                partial(prepare_writer, lock_wait_s=wait),
                WritingConnection,
                begin="BEGIN IMMEDIATE",
                size=1,
                bounds=bounds,
                openings=self._openings,
            ),
        )
        self._one_writer = OneWriter(self._write, wait_s=bounds.pool_wait_s)
        self._group_commit = GroupCommit(self._writer)

    async def first(
        self, tenant_id: UUID, statement: Select[Any], /, **values: object
    ) -> tuple[Any, ...] | None:
        with TRANSLATED:
            prepared = self._ready(statement)
            parameters = prepared.parameters({**values, SCOPE: tenant_id})
            async with self._driver(self._read) as reader:
                reader.serve(tenant_id)
                found = await reader.run(partial(_first, prepared.text, parameters))
            return None if found is None else prepared.row(found)

    async def all(
        self, tenant_id: UUID, statement: Select[Any], /, **values: object
    ) -> list[tuple[Any, ...]]:
        with TRANSLATED:
            prepared = self._ready(statement)
            parameters = prepared.parameters({**values, SCOPE: tenant_id})
            async with self._driver(self._read) as reader:
                reader.serve(tenant_id)
                found = await reader.run(partial(_all, prepared.text, parameters))
            return [prepared.row(row) for row in found]

    async def insert_once(self, tenant_id: UUID, what: InsertOnce, /, **values: object) -> Any:
        with TRANSLATED:
            new = self._ready(what, partial(insert_if_absent, what.row, "sqlite"))
            first = self._ready((what, "first"), what.first_on_record)
            scoped = {**values, SCOPE: tenant_id}
            work = partial(
                _insert_once,
                (new.text, new.parameters(scoped)),
                (first.text, first.parameters(scoped)),
                None if what.noting is None else self._noting(what.noting, scoped),
            )
            found = await self._group_commit.write(tenant_id, work)
            return values[what.tells] if found is None else first.row(found)[0]

    async def _decide(
        self, tenant_id: UUID, look: Look, asked: Asked, values: Mapping[str, object]
    ) -> tuple[Rows, Write | Raised | None]:
        with TRANSLATED:
            scoped = {**values, SCOPE: tenant_id}
            looks = [self._ready(statement) for statement in look.selects]
            ready = [(each, each.parameters(scoped)) for each in looks]

            def work(connection: sqlite3.Connection) -> tuple[Rows, Write | Raised | None]:
                rows: Rows = []
                for each, parameters in ready:
                    found = _first(each.text, parameters, connection)
                    rows.append(None if found is None else each.row(found))
                answer = asked(rows)
                if isinstance(answer, Write):
                    self._write_now(tenant_id, answer, connection)
                return rows, answer

            done: tuple[Rows, Write | Raised | None]
            done = await self._group_commit.write(tenant_id, work)
            return done

    def _write_now(self, tenant_id: UUID, write: Write, connection: sqlite3.Connection) -> None:
        """Make a change on the writer's thread; what fails in the middle is undone by the group."""
        change = write.change
        scoped = {**write.values, SCOPE: tenant_id}
        first = self._ready(change.first)
        if connection.execute(first.text, first.parameters(scoped)).rowcount != 1:
            raise DatabaseFault("The row that was looked at is not there to be changed.")
        for row in change.along:
            new = self._ready((row, "insert"), partial(insert, row))
            connection.execute(new.text, new.parameters(scoped))
        if change.noting is not None:
            connection.execute(*self._noting(change.noting, scoped))

    def _noting(self, row: type[Row], scoped: Mapping[str, object]) -> tuple[str, tuple[Any, ...]]:
        new = self._ready((row, NOTE), partial(insert, row, NOTE))
        return new.text, new.parameters(scoped)

    async def ping(self) -> None:
        with TRANSLATED:
            async with self._driver(self._read) as reader:
                await reader.run(partial(_first, "SELECT 1", ()))

    async def schema_version(self) -> str | None:
        if not self._path.exists():
            return None
        with TRANSLATED:
            async with self._driver(self._read) as reader:
                found = await reader.run(_version)
        return None if found is None else str(found[0])

    async def close(self) -> None:
        self._closed = True
        await self._group_commit.close()
        await self._one_writer.close()
        await super().close()
        await self._openings.settle()

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[Writer]:
        async with self._one_writer.lent() as held:
            yield held.driver

    @asynccontextmanager
    async def _lent_to_write(self, tenant_id: UUID) -> AsyncIterator[AsyncConnection]:
        self._check_open()
        async with self._one_writer.lent() as held:
            held.driver.serve(tenant_id)
            try:
                yield held.connection
            finally:
                with TRANSLATED:
                    await held.connection.rollback()


def _engine(
    path: Path,
    prepare: Callable[[Any], None],
    kind: type[sqlite3.Connection],
    *,
    begin: str,
    size: int,
    bounds: Bounds,
    openings: Openings[TenantConnection],
) -> AsyncEngine:
    def connect(*_: object, **__: object) -> Awaitable[TenantConnection]:
        return openings.wait_for(TenantConnection(path, prepare, kind).opened())

    engine = create_async_engine(
        "sqlite+aiosqlite://",
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=bounds.pool_wait_s,
        # A rollback is a hop to the thread. Sessions undo their own; work in one hop undoes its.
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={"async_creator_fn": connect},
    )

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    @event.listens_for(engine.sync_engine, "checkout")
    def _checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        # The pool drops a connection whose file is gone, and opens whatever is there now.
        if not connection.driver_connection.is_of_its_file():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "checkin")
    def _checkin(connection: Any, _record: Any) -> None:
        if connection is not None:  # None where it was thrown away
            connection.driver_connection.serve(None)

    return engine


def _first(text: str, parameters: tuple[Any, ...], connection: sqlite3.Connection) -> Any:
    cursor = connection.execute(text, parameters)
    try:
        return cursor.fetchone()
    finally:
        cursor.close()  # or the statement would hold its view of the file open


def _all(text: str, parameters: tuple[Any, ...], connection: sqlite3.Connection) -> Any:
    return connection.execute(text, parameters).fetchall()


def _insert_once(
    insert: tuple[str, tuple[Any, ...]],
    first: tuple[str, tuple[Any, ...]],
    noting: tuple[str, tuple[Any, ...]] | None,
    connection: sqlite3.Connection,
) -> Any:
    """None where the row was inserted, else the row that was there."""
    if noting is not None:
        connection.execute(*noting)
    if connection.execute(*insert).rowcount == 1:
        return None
    return _first(*first, connection)


def _version(connection: sqlite3.Connection) -> Any:
    try:
        return _first(f"SELECT version_num FROM {VERSION_TABLE}", (), connection)  # noqa: S608
    except sqlite3.OperationalError as error:
        if str(error).startswith("no such table"):
            return None
        raise
