"""The database: where connections come from, always for one tenant.

Reading and writing have engines of their own. What a connection may see is fixed by the
database itself for the tenant it is lent to, and taken away when it comes back; see
``store.sqlite`` and ``store.postgresql`` for how each does it.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import Dialect, Select, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import greenlet_spawn

from store.errors import TRANSLATED, DatabaseAway
from store.scope import Change, InsertOnce, Look, check
from store.session import ReadSession, WriteSession
from store.statement import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a database one process may use, and for how long it waits."""

    read_connections: int = 4
    write_connections: int = 4  # PostgreSQL's; SQLite has one writer
    pool_wait_s: float = 2.0  # for a free connection; then DatabaseBusy
    lock_wait_s: float = 5.0  # for another process' lock; then DatabaseBusy
    statement_s: float = 10.0  # one statement; then DatabaseBusy
    connect_s: float = 5.0  # to open a connection; then DatabaseAway


Rows: TypeAlias = list[tuple[Any, ...] | None]


class Write(NamedTuple):
    """What is to be written: a change, and the values of every column that it names."""

    change: Change
    values: Mapping[str, object]


class Raised(NamedTuple):
    """What was raised in the middle of a transaction, on its way out as it is."""

    error: Exception


Decide: TypeAlias = Callable[[Rows], Write | None]
Asked: TypeAlias = Callable[[Rows], Write | Raised | None]


@cache
def head() -> str:
    """The newest version of the schema that this code knows, by the migrations' file names."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return max(path.name.split("_")[0] for path in versions.glob("[0-9]*_*.py"))


class Database(ABC):
    """A database that is open. Every method may raise DatabaseAway or DatabaseBusy."""

    @staticmethod
    def open(url: str, *, bounds: Bounds | None = None) -> Database:
        """Make the engines for ``sqlite:///file`` or ``postgresql://role@host/name``.

        Nothing is connected yet, so this succeeds while the database is away. Each
        connection, when it is made, refuses a role that could bypass the isolation of
        tenants (DangerousRole): ``await database.ping()`` at the start finds out.

        Raises ValueError for another kind of database, or one that is only in memory.
        """
        backend = make_url(url).get_backend_name()
        if backend == "sqlite":
            from store.sqlite import SqliteDatabase

            return SqliteDatabase(url, bounds or Bounds())
        if backend == "postgresql":
            from store.postgresql import PostgresDatabase

            return PostgresDatabase(url, bounds or Bounds())
        raise ValueError(f"Valor IVX runs on SQLite and PostgreSQL, not on {backend}.")

    def __init__(self, read: AsyncEngine, write: AsyncEngine) -> None:
        self._read = read
        self._write = write
        self._prepared: dict[object, Prepared] = {}
        self._closed = False
        # Tenants for whom this process has written entries that are in no chain of the audit yet.
        self.noted: set[UUID] = set()

    @property
    def dialect(self) -> Dialect:
        return self._read.dialect

    @asynccontextmanager
    async def reading(self, tenant_id: UUID) -> AsyncIterator[ReadSession]:
        """A consistent, read-only view of the tenant's rows."""
        async with self._lent(self._read, tenant_id) as connection:
            yield ReadSession(connection, tenant_id)

    @asynccontextmanager
    async def writing(self, tenant_id: UUID) -> AsyncIterator[WriteSession]:
        """One transaction of the tenant: committed at the end, undone by any exception."""
        async with self._lent_to_write(tenant_id) as connection:
            session = WriteSession(connection, tenant_id)
            yield session
            with TRANSLATED:
                await connection.commit()
            if session.noted:
                self.noted.add(tenant_id)

    @abstractmethod
    async def first(
        self, tenant_id: UUID, statement: Select[Any], /, **values: object
    ) -> tuple[Any, ...] | None:
        """The first row of one scoped statement: the cheap road for a single look.

        The statement must live as long as the process: it is made ready once.
        """

    @abstractmethod
    async def all(
        self, tenant_id: UUID, statement: Select[Any], /, **values: object
    ) -> list[tuple[Any, ...]]:
        """Every row of one scoped statement, by the same road as ``first``."""

    @abstractmethod
    async def insert_once(self, tenant_id: UUID, what: InsertOnce, /, **values: object) -> Any:
        """Insert a row unless its key is there; durable when this returns.

        Returns the told column of the row that is now on record: this one's, or that of
        whoever was first. Raises NotKept where the row breaks a rule of its table.
        """

    async def decide(
        self, tenant_id: UUID, look: Look, decide: Decide, /, **values: object
    ) -> tuple[Rows, Write | None]:
        """Look at rows and change what follows from them, as if nobody else wrote meanwhile.

        ``decide`` is given the rows of ``look``, None where there is none, and says what is
        to be written, or None. It is quick and has no effect of its own, since it may be
        asked again with newer rows. What it raises comes out as it is, and nothing is written.

        Returns what was seen and what was written; durable when this returns. Raises NotKept
        where a row breaks a rule of its table: then nothing of the change was kept.
        """

        def asked(rows: Rows) -> Write | Raised | None:
            try:
                return decide(rows)
            except Exception as error:  # it is the caller's, and no failure of the database
                return Raised(error)

        rows, answer = await self._decide(tenant_id, look, asked, values)
        if isinstance(answer, Raised):
            raise answer.error
        if answer is not None and answer.change.noting is not None:
            self.noted.add(tenant_id)
        return rows, answer

    @abstractmethod
    async def _decide(
        self, tenant_id: UUID, look: Look, asked: Asked, values: Mapping[str, object]
    ) -> tuple[Rows, Write | Raised | None]:
        """``decide``, with what the caller raised as an answer."""

    @abstractmethod
    async def ping(self) -> None:
        """Ask the database for a sign of life."""

    @abstractmethod
    async def schema_version(self) -> str | None:
        """The version of the schema that is there, or None where there is none."""

    async def behind(self) -> bool:
        """Whether migrations are wanted before this code can serve.

        A schema that is ahead is not behind: migrations keep the code before them running.
        """
        version = await self.schema_version()
        return version is None or version < head()

    async def close(self) -> None:
        """Let go of every connection. Nothing can be asked afterwards."""
        self._closed = True
        await self._read.dispose()
        await self._write.dispose()

    def _ready(self, key: Any, build: Callable[[], Any] | None = None) -> Prepared:
        """A statement made ready once. ``build`` makes it, or the key is the statement itself.

        Raises Unscoped.
        """
        prepared = self._prepared.get(key)
        if prepared is None:
            if build is None:
                check(key)
            statement = key if build is None else build()
            prepared = self._prepared[key] = Prepared(statement, self.dialect)
        return prepared

    def _check_open(self) -> None:
        if self._closed:
            raise DatabaseAway("The database was closed.")

    def _lent_to_write(self, tenant_id: UUID) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._lent(self._write, tenant_id)

    @asynccontextmanager
    async def _lent(self, engine: AsyncEngine, tenant_id: UUID) -> AsyncIterator[AsyncConnection]:
        """A connection for one tenant; what is not committed is undone when it comes back."""
        self._check_open()
        connection = engine.connect()
        with TRANSLATED:
            await connection.start()
        try:
            with TRANSLATED:
                pooled = await connection.get_raw_connection()
            driver: Any = pooled.driver_connection
            driver.serve(tenant_id)
            yield connection
        finally:
            # Shielded: a caller that leaves now must not leave a connection half given back.
            with TRANSLATED:
                await asyncio.shield(asyncio.ensure_future(connection.close()))

    @asynccontextmanager
    async def _driver(self, engine: AsyncEngine) -> AsyncIterator[Any]:
        """The driver's own connection, still serving no tenant, for the hot roads."""
        self._check_open()
        pooled = await engine.raw_connection()
        try:
            yield pooled.driver_connection
        except Exception:
            raise
        except BaseException:
            # Cancelled: the statement may still be under way, and its tenant with it.
            await greenlet_spawn(pooled.invalidate)
            raise
        finally:
            await greenlet_spawn(pooled.close)
