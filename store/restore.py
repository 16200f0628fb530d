"""Make a database of a backup, and look whether it is what it was."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from store.backup_manifest import BackupRefused, Inventory, Manifest, damages, read_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was made of a backup, and what is wrong with it."""

    target: Path
    manifest: Manifest
    holds: Inventory
    behind: bool  # the schema wants migrating before this version serves
    aside: Path | None  # where what was there before is now
    faults: tuple[str, ...]  # empty: it is sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be made of which backup."""

    source: Path
    target: Path  # SQLite: a file; PostgreSQL: a data directory
    replace: bool = False  # what is there is put aside; without this it is in the way
    at: datetime | None = None  # the last moment that is wanted; None: all there is
    archive: Path | None = None  # PostgreSQL: the folder of archived log files
    programs: Path | None = None  # PostgreSQL: the folder of its own programs


async def restore(wanted: Wanted) -> Restored:
    """Make a database of a backup; nothing that is there is overwritten or removed.

    The backup is read and compared with its manifest first, and what came of it is asked for
    its schema, for the isolation of tenants and for its rows.

    Raises BackupRefused with nothing changed.
    """
    manifest = read_manifest(wanted.source)
    _refuse_what_cannot_be(wanted, manifest)
    faults = list(damages(wanted.source, manifest))
    if faults:
        raise BackupRefused(
            f"{wanted.source} is damaged, and nothing was restored:\n  " + "\n  ".join(faults[:10])
        )
    if manifest.kind == "sqlite":
        from store.sqlite_restore import put

        return put(wanted, manifest)
    from store.postgresql_restore import put_cluster

    return await put_cluster(wanted, manifest)


def _refuse_what_cannot_be(wanted: Wanted, manifest: Manifest) -> None:
    from store.database import head

    if manifest.holds.schema > head():
        raise BackupRefused(
            f"The backup's schema is at {manifest.holds.schema}, and this version knows {head()}. "
            "Use the version of valor that made it, or a newer one."
        )
    if wanted.at is not None and manifest.kind == "sqlite":
        raise BackupRefused(
            "A backup of SQLite holds one moment: "
            f"{manifest.ended_at}. Leave --at out, or name the backup of that time."
        )
    if wanted.at is not None and wanted.at < datetime.fromisoformat(manifest.ended_at):
        raise BackupRefused(
            f"The backup ended at {manifest.ended_at}, after the moment that is wanted. Name an "
            "earlier backup."
        )
    if wanted.at is not None and wanted.archive is None:
        raise BackupRefused(
            "What happened after the backup is in the archived log of the server. Name its "
            "folder: --wal FOLDER"
        )
    if wanted.archive is not None and not wanted.archive.is_dir():
        raise BackupRefused(f"{wanted.archive} is no folder. Name the archive's: --wal FOLDER")
    if os.path.lexists(wanted.target) and not wanted.replace and not _is_empty(wanted.target):
        raise BackupRefused(
            f"There is something at {wanted.target}, and it stays as it is. Name another place "
            "(--to), or have it put aside: --replace"
        )


def put_aside(target: Path) -> Path | None:
    """Give what is there another name beside it. Where that is, or None if there was nothing."""
    if not os.path.lexists(target):
        return None
    if _is_empty(target):
        target.rmdir()
        return None
    aside = target.with_name(f"{target.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    target.rename(aside)
    return aside


def put_back(aside: Path | None, target: Path) -> None:
    """Undo `put_aside`, where the restore came to nothing."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            target.unlink()
    if aside is not None:
        aside.rename(target)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
