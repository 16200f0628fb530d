"""What makes a folder a backup: its manifest, which is written last.

A folder without one is no backup, however much is in it, so nothing that was cut short is
ever taken for one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from store.errors import Explained

MANIFEST: Final = "manifest.json"
DATA: Final = "data"  # beside it: the file, or the files, of the database
FORMAT: Final = 1
_SPARE: Final = 1.1  # of what is needed: a database grows while it is copied


class BackupRefused(Explained):
    """Why there is no backup, or nothing was restored, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a database holds, in numbers."""

    schema: str  # version of the schema
    tenants: int
    rows: Mapping[str, int]  # by table
    operations: int  # on models, on record
    last_operation_at: str | None  # when the newest was made, RFC 3339


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file of a backup."""

    size: int  # in bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup is, of what, and of when."""

    kind: Literal["sqlite", "postgresql"]
    server: str  # that it was taken from, with its version
    begun_at: str  # RFC 3339, by the clock of the database's machine
    ended_at: str  # from this moment on a restore may end
    holds: Inventory  # SQLite: what is in it; PostgreSQL: what was there when it began
    files: Mapping[str, StoredFile]  # by path below the folder `data`
    role: str | None = None  # PostgreSQL: as whom it was taken
    database: str | None = None  # PostgreSQL: which of the server's is ours
    format: int = FORMAT

    @property
    def size(self) -> int:
        """All files together, in bytes."""
        return sum(file.size for file in self.files.values())

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make the folder a backup. Everything else in it must be on the disk by now."""
    unfinished = folder / f".{MANIFEST}.unfinished"
    with open(unfinished, "w", encoding="utf-8", opener=_private) as file:
        file.write(manifest.as_json())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)
    unfinished.replace(folder / MANIFEST)
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """
    Raises:
        BackupRefused: if the folder is no backup, or one of a version to come.
    """
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise BackupRefused(
                f"{folder} is a backup of another form ({found['format']}). Use the version of "
                "valor that made it, or a newer one."
            )
        holds = Inventory(**found.pop("holds"))
        files = {name: StoredFile(**file) for name, file in found.pop("files").items()}
        return Manifest(**found, holds=holds, files=files)
    except FileNotFoundError:
        left = " A backup was begun there and did not end: remove it." if _has(folder) else ""
        raise BackupRefused(
            f"{folder} is no backup: it has no {MANIFEST}.{left} "
            "Name a folder that `valor backup` said it wrote."
        ) from None
    except OSError as no:
        raise BackupRefused(
            f"{folder} cannot be read ({no.strerror}). Read it as a user who may."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackupRefused(
            f"{folder / MANIFEST} is damaged. Take another backup: `valor backup`."
        ) from None


def _has(folder: Path) -> bool:
    return (folder / DATA).exists()


def stored_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder, by its path in it."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            yield path.relative_to(folder).as_posix(), path


def described(path: Path) -> StoredFile:
    """A file's size and hash as it is now."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return StoredFile(size=file.tell(), sha256=digest.hexdigest())


def files_below(folder: Path) -> dict[str, StoredFile]:
    """Every file as it is now, by its path in the folder."""
    return {name: described(path) for name, path in sorted(stored_files(folder))}


def room_for(size: int, folder: Path) -> None:
    """Raises BackupRefused if so many bytes do not fit on the folder's disk."""
    free, wanted = shutil.disk_usage(folder).free, size * _SPARE
    if wanted > free:
        raise BackupRefused(
            f"There is no space: {folder} has {free / 1e6:,.0f} MB free, and {wanted / 1e6:,.0f} "
            "MB are needed. Make some, or name another folder: --to FOLDER"
        )


def damages(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What is not as it was written: one sentence for each file."""
    found = dict(stored_files(folder / DATA))
    for name in sorted(manifest.files.keys() - found.keys()):
        yield f"{name} is missing."
    for name in sorted(found.keys() - manifest.files.keys()):
        yield f"{name} does not belong to it."
    for name in sorted(manifest.files.keys() & found.keys()):
        if described(found[name]) != manifest.files[name]:
            yield f"{name} is not what was written."


def moment(at: datetime) -> str:
    """RFC 3339 with microseconds."""
    return at.isoformat(timespec="microseconds")


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on the disk."""
    if os.name == "nt":  # which has no such call, and keeps its folders in order by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
