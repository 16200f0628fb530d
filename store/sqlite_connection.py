"""A connection to SQLite that knows whom it serves; what it may do is ``store.sqlite_guard``'s."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import aiosqlite

from store.sqlite_guard import WritingConnection, guard_reader, guard_writer

T = TypeVar("T")


class TenantConnection(aiosqlite.Connection):
    """One SQLite connection on a thread of its own."""

    def __init__(
        self,
        path: Path,
        prepare: Callable[[Any], None],
        kind: type[sqlite3.Connection],
    ) -> None:
        super().__init__(self._open, iter_chunk_size=64)
        self._path = path
        self._kind = kind
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
        return await self._execute(work, self._conn)

    async def _execute(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What all of aiosqlite's ways lead to. A question ends with whoever asked it.

        A change does not: it may be one of several that are made together.
        """
        execute: Callable[..., Awaitable[T]] = super()._execute  # untyped where it comes from
        try:
            return await execute(fn, *args, **kwargs)
        except asyncio.CancelledError:
            if self._kind is not WritingConnection:
                self._conn.interrupt()  # the next to use this thread would wait for it
            raise

    def is_of_its_file(self) -> bool:
        """Whether the file it opened still has its name: a commit to another one is lost."""
        try:
            return self._identity == identity(self._path)
        except OSError:
            return False

    def _open(self) -> sqlite3.Connection:
        connection = open_file(self._path, kind=self._kind)
        try:
            self._identity = identity(self._path)
            connection.create_function("valor_tenant", 0, lambda: self._tenant)
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def open_file(
    path: Path, *, create: bool = False, kind: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """Open the file for SQL without any transaction of sqlite3's own.

    Without ``create`` a missing file is an error, never a new and empty database.
    """
    return sqlite3.connect(
        f"{path.as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        factory=kind,
    )


def identity(path: Path) -> tuple[int, int]:
    """What tells a file from another that took its name. Raises OSError where there is none."""
    found = path.stat()
    return found.st_dev, found.st_ino


def prepare_reader(connection: sqlite3.Connection, *, lock_wait_s: float) -> None:
    """Let it wait for a lock, and see the tenant's rows alone."""
    connection.execute(f"PRAGMA busy_timeout = {round(lock_wait_s * 1000)}")
    guard_reader(connection)


def prepare_writer(connection: WritingConnection, *, lock_wait_s: float) -> None:
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
    guard_writer(connection)
