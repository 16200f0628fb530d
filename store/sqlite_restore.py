"""A file of SQLite from a backup, in the place of one that nobody has open."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from store.backup_manifest import DATA, BackupRefused, Manifest, room_for, sync_folder
from store.database import head
from store.errors import TRANSLATED
from store.restore import Restored, Wanted, put_aside, put_back
from store.sqlite_backup import FILE, faults_of_file, inventory_of_file, with_its_log
from store.sqlite_connection import open_file

_HEADER: Final = b"SQLite format 3\0"


def put(wanted: Wanted, manifest: Manifest) -> Restored:
    """Raises BackupRefused with nothing changed."""
    target = wanted.target.absolute()
    unfinished = target.with_name(f".{target.name}.unfinished")
    aside: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        room_for(manifest.size, target.parent)
        _refuse_while_used(target)
        _copy(wanted.source / DATA / FILE, unfinished)
        faults = faults_of_file(unfinished, manifest.holds)
        aside = put_aside(target)
        try:
            _take_log_along(target, aside)
            unfinished.replace(target)
        except BaseException:
            put_back(aside, target)
            raise
        sync_folder(target.parent)
    except OSError as no:
        raise BackupRefused(
            f"{target} cannot be written ({no.strerror}). Name another place: --to FILE"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
    with TRANSLATED, closing(open_file(target)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # which a server would set with a lock
    holds = inventory_of_file(target)
    return Restored(
        target=target,
        manifest=manifest,
        holds=holds,
        behind=holds.schema < head(),
        aside=aside,
        faults=tuple(faults),
    )


def _copy(source: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        target.unlink()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as to, source.open("rb") as found:
        shutil.copyfileobj(found, to, 1 << 20)
        to.flush()
        os.fsync(to.fileno())


def _refuse_while_used(target: Path) -> None:
    """Nobody may have it open: what they wrote from now on would be lost with the old file."""
    if not target.is_file() or not _has_header(target):
        return  # SQLite would begin with a file that is none by removing its log
    try:
        with closing(open_file(target)) as connection:
            connection.execute("PRAGMA busy_timeout = 1000")
            # Needs the file for itself, and leaves all that was committed in it alone.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as no:
        if no.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise BackupRefused(
                f"{target} is in use. Stop the server first, then run this again."
            ) from None
    except sqlite3.DatabaseError:
        pass  # it is damaged, which may be why there is a restore


def _has_header(target: Path) -> bool:
    with target.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def _take_log_along(target: Path, aside: Path | None) -> None:
    """What a damaged file's log has would be read as that of the new one."""
    for log in with_its_log(target)[1:]:
        if log.exists() and aside is not None:
            log.rename(aside.with_name(aside.name + log.name.removeprefix(target.name)))
        else:
            log.unlink(missing_ok=True)
