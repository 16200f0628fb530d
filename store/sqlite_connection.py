"""A connection to SQLite that knows whom it serves, and shows nothing of anyone else.

A reading connection sees, in place of each table, a temporary view of the same name that
holds the rows of ``valor_tenant()`` alone. The table itself can be read only from inside
an inner view whose name is drawn at random for the connection: SQLite tells its
authorizer from which view a read comes, and that name can be claimed by a common table
expression, but not guessed. Everything else is refused: the authorizers list what is
allowed, and a reading connection is ``query_only`` besides.

The writing connection reads the tables as they are; its changes are checked by triggers
(``store.isolation``), which its authorizer keeps from being dropped.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import aiosqlite

from store.tables import TENANT_TABLES

T = TypeVar("T")
Guard = Callable[[int, str | None, str | None, str | None, str | None], int]

VERSION_TABLE = "alembic_version"

_ALWAYS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
    }
)
_CHANGES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})


class TenantConnection(aiosqlite.Connection):
    """One SQLite connection on a thread of its own."""

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        super().__init__(self._open, iter_chunk_size=64)
        self._path = path
        self._prepare = prepare
        self._tenant: str | None = None
        self._identity: tuple[int, int] | None = None
        self._thread.daemon = True  # a thread that waits for a lock must not hold up the exit

    async def opened(self) -> TenantConnection:
        """Open it; where that fails, its thread has ended when the error comes."""
        try:
            await self
        except Exception:
            await asyncio.to_thread(self._thread.join)
            raise
        return self

    def serve(self, tenant_id: UUID | None) -> None:
        """From now on ``valor_tenant()`` is this tenant, or nobody."""
        self._tenant = None if tenant_id is None else tenant_id.hex

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do a piece of work on the connection's thread, in one hop there and back.

        aiosqlite's own methods hop for each call of sqlite3, at some 50 µs of CPU a hop.
        """
        execute: Callable[..., Awaitable[T]] = self._execute  # untyped where it comes from
        return await execute(work, self._conn)

    def is_of_its_file(self) -> bool:
        """Whether the file it opened still has its name: a commit to another one is lost."""
        try:
            return self._identity == identity(self._path)
        except OSError:
            return False

    def _open(self) -> sqlite3.Connection:
        connection = open_file(self._path)
        try:
            self._identity = identity(self._path)
            connection.create_function("valor_tenant", 0, lambda: self._tenant)
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def open_file(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open the file for SQL without any transaction of sqlite3's own.

    Without ``create`` a missing file is an error, never a new and empty database.
    """
    return sqlite3.connect(
        f"{path.as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )


def identity(path: Path) -> tuple[int, int]:
    """What tells a file from another that took its name. Raises OSError where there is none."""
    found = path.stat()
    return found.st_dev, found.st_ino


def prepare_reader(connection: sqlite3.Connection, *, lock_wait_s: float) -> None:
    """Hide every table behind a view of the tenant's rows, and allow nothing but looking."""
    connection.execute(f"PRAGMA busy_timeout = {round(lock_wait_s * 1000)}")
    inner_of: dict[str, str] = {}
    for table in TENANT_TABLES:
        inner = inner_of[table] = f"inner_{secrets.token_hex(16)}"
        connection.execute(
            f"CREATE TEMP VIEW {inner} AS SELECT * FROM main.{table} "  # noqa: S608 (our own names)
            "WHERE tenant_id = valor_tenant()"
        )
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM temp.{inner}")  # noqa: S608
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(partial(_may_read, inner_of))


def prepare_writer(connection: sqlite3.Connection, *, lock_wait_s: float) -> None:
    """Make commits durable and every rule of the tables hold; allow changes of rows alone."""
    for setting in (
        f"busy_timeout = {round(lock_wait_s * 1000)}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        # Or INSERT OR REPLACE would delete another tenant's row without asking its trigger.
        "recursive_triggers = ON",
    ):
        connection.execute(f"PRAGMA {setting}")
    connection.set_authorizer(_may_write)


def _may_read(
    inner_of: dict[str, str],
    action: int,
    first: str | None,
    second: str | None,
    schema: str | None,
    source: str | None,
) -> int:
    if action == sqlite3.SQLITE_READ:
        if schema == "temp":
            known = first in inner_of or first in inner_of.values()
        elif first in inner_of:
            known = source == inner_of[first]
        else:
            known = first == VERSION_TABLE
        return sqlite3.SQLITE_OK if known else sqlite3.SQLITE_DENY
    return _may_always(action, first, second)


def _may_write(
    action: int, first: str | None, second: str | None, schema: str | None, _source: str | None
) -> int:
    if action == sqlite3.SQLITE_READ or action in _CHANGES:
        known = first in TENANT_TABLES and schema == "main"
        return sqlite3.SQLITE_OK if known else sqlite3.SQLITE_DENY
    return _may_always(action, first, second)


def _may_always(action: int, first: str | None, second: str | None) -> int:
    if action in _ALWAYS:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and second != "load_extension":
        return sqlite3.SQLITE_OK
    # SQLAlchemy asks for this once; it cannot be set by the asking.
    if action == sqlite3.SQLITE_PRAGMA and first == "read_uncommitted" and second is None:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY
