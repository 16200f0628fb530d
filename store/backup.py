"""Take a backup of a database while it is used, and find out whether one is whole."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from store.backup_manifest import (
    DATA,
    BackupRefused,
    Manifest,
    damages,
    read_manifest,
    sync_folder,
    write_manifest,
)
from store.errors import StoreError

_NO_SPACE: Final = "There is no space left for {}. Make some, or name another folder: --to FOLDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a backup is, and what is wrong with it."""

    manifest: Manifest
    faults: tuple[str, ...]  # empty: it is whole


async def back_up(url: str, to: Path, *, programs: Path | None = None) -> Manifest:
    """Copy the database into a folder that is new or empty, as it is at one moment.

    ``url`` is a SQLite file, or PostgreSQL as a role that may replicate and sees all rows.
    ``programs`` is the folder of PostgreSQL's own, if it is not to be looked for. Whoever
    writes meanwhile is not held up. What does not end leaves nothing behind; where even
    that is not possible, the folder has no manifest and is no backup.

    Raises BackupRefused, DatabaseAway, DatabaseBusy.
    """
    made = _empty_folder(to)
    try:
        if make_url(url).get_backend_name() == "sqlite":
            from store.sqlite_backup import copy

            manifest = copy(url, to / DATA)
        else:
            from store.postgresql_backup import copy_cluster

            manifest = await copy_cluster(url, to / DATA, programs)
        write_manifest(to, manifest)
        sync_folder(to.parent)
    except BaseException as error:
        _remove(to, made)
        if isinstance(error, OSError):
            raise BackupRefused(_why(error, to)) from None
        if isinstance(error, StoreError) and error.code == "SQLITE_FULL":
            raise BackupRefused(_NO_SPACE.format(to)) from None
        raise
    return manifest


def verify(folder: Path) -> Verified:
    """Read every file of a backup and compare it with what was written; open a SQLite one.

    Raises BackupRefused where there is no backup.
    """
    manifest = read_manifest(folder)
    faults = list(damages(folder, manifest))
    if not faults and manifest.kind == "sqlite":
        from store.sqlite_backup import FILE, faults_of_file

        faults = faults_of_file(folder / DATA / FILE, manifest.holds)
    return Verified(manifest=manifest, faults=tuple(faults))


def _empty_folder(to: Path) -> bool:
    """Make the folder that only its owner can enter; whether it was not there before."""
    try:
        try:
            to.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            if not to.is_dir():
                raise BackupRefused(f"{to} is a file. Name a new folder: --to FOLDER") from None
            if any(to.iterdir()):
                raise BackupRefused(
                    f"{to} is not empty, and a backup has a folder of its own. Name a new one: "
                    "--to FOLDER"
                ) from None
            if os.name == "posix" and to.stat().st_mode & 0o077:
                to.chmod(0o700)
            return False
    except OSError as no:
        raise BackupRefused(_why(no, to)) from None
    return True


def _remove(to: Path, made: bool) -> None:
    shutil.rmtree(to / DATA, ignore_errors=True)
    if made:
        with suppress(OSError):
            to.rmdir()


def _why(error: OSError, to: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _NO_SPACE.format(to)
    return f"{to} cannot be written ({error.strerror}). Name a folder of your own: --to FOLDER"
