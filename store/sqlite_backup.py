"""A backup of SQLite: one file, as it stood at one moment, made beside whoever writes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from store.backup_manifest import (
    BackupRefused,
    Inventory,
    Manifest,
    files_below,
    moment,
    room_for,
    sync_folder,
)
from store.errors import TRANSLATED
from store.inventory import faults_of, inventory_of
from store.sqlite import file_of
from store.sqlite_connection import open_file

R = TypeVar("R")
FILE: Final = "valor.db"
_BUSY_MS: Final = 5_000


def copy(url: str, data: Path) -> Manifest:
    """Copy a file into a new folder. Raises BackupRefused, DatabaseAway, DatabaseBusy."""
    source = file_of(url)
    if not source.exists():
        raise BackupRefused(f"There is no database at {source}. Name it: VALOR_DATABASE_URL")
    begun_at = datetime.now(UTC)
    data.mkdir(mode=0o700)
    size = sum(each.stat().st_size for each in with_its_log(source) if each.exists())
    room_for(size, data)
    _copy(source, data / FILE)
    holds = inventory_of_file(data / FILE)
    sync_folder(data)
    return Manifest(
        kind="sqlite",
        server=f"SQLite {sqlite3.sqlite_version}",
        begun_at=moment(begun_at),
        ended_at=moment(datetime.now(UTC)),
        holds=holds,
        files=files_below(data),
    )


def faults_of_file(path: Path, holds: Inventory) -> list[str]:
    """What is wrong inside a file, beside what its backup counted: one sentence each."""

    def look(connection: Connection) -> list[str]:
        return _unsound(connection) + list(faults_of(connection, holds, exactly=True))

    with TRANSLATED:
        return _look(path, look)


def inventory_of_file(path: Path) -> Inventory:
    """What a file holds."""
    with TRANSLATED:
        return _look(path, inventory_of)


def with_its_log(path: Path) -> tuple[Path, Path, Path]:
    """A file of SQLite, and the two that stand beside it while it is used."""
    return path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _copy(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        TRANSLATED,
        closing(open_file(source)) as reader,
        closing(open_file(target.absolute())) as writer,
    ):
        for connection in (reader, writer):
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        # All pages in one step, under one read lock: writers go on, and none of theirs gets in.
        reader.backup(writer, pages=-1)
        # One file that needs no other: the log of the copy is empty and goes.
        writer.execute("PRAGMA journal_mode = DELETE")
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def _look(path: Path, at: Callable[[Connection], R]) -> R:
    """What a function finds that is given a connection which can change nothing."""

    def connect() -> sqlite3.Connection:
        # Immutable: no lock, and no file beside it.
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            return at(connection)
    finally:
        engine.dispose()


def _unsound(connection: Connection) -> list[str]:
    told = [str(line) for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(3)")]
    foreign = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    faults = [f"The file is damaged: {line}" for line in told if line != "ok"]
    return faults + [f"{row[0]} refers to a row of {row[2]} that is not there." for row in foreign]
