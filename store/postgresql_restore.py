"""A data directory of PostgreSQL from a base backup, recovered to a moment or to the end.

The server that recovers it is private to this process and reads no configuration of the
directory, so nothing of the recovery stays behind in it. Whoever starts it for good does so
with their own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from store.backup_manifest import DATA, BackupRefused, Inventory, Manifest, room_for, sync_folder
from store.database import head
from store.errors import TRANSLATED
from store.inventory import faults_of, inventory_of
from store.postgresql_programs import (
    UNREADABLE,
    major_of,
    owner_of,
    private_server,
    program,
)
from store.restore import Restored, Wanted, put_aside, put_back

_SIGNAL: Final = "recovery.signal"
# Written by whoever restored before us, or told to the server that was copied.
_LEFT_OVER: Final = ("standby.signal", _SIGNAL, "postmaster.pid", "postmaster.opts")


async def put_cluster(wanted: Wanted, manifest: Manifest) -> Restored:
    """Raises BackupRefused with nothing changed."""
    postgres = program("postgres", wanted.programs)
    await _refuse_another_version(postgres, manifest)
    if wanted.archive is not None:
        _refuse_another_archive(wanted.source / DATA, wanted.archive)
    target = wanted.target.absolute()
    aside: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        as_owner = owner_of(target.parent)
        room_for(manifest.size, target.parent)
        _refuse_while_used(target)
        aside = put_aside(target)
    except OSError as no:
        raise BackupRefused(_cannot_write(target, no)) from None
    try:
        _copy(wanted.source / DATA, target, as_owner)
        holds, faults = await _recover(postgres, target, wanted, manifest)
    except BaseException as error:
        put_back(aside, target)
        if isinstance(error, OSError):
            raise BackupRefused(_cannot_write(target, error)) from None
        raise
    return Restored(
        target=target,
        manifest=manifest,
        holds=holds,
        behind=holds.schema < head(),
        aside=aside,
        faults=tuple(faults),
    )


def _cannot_write(target: Path, no: OSError) -> str:
    return f"{target} cannot be written ({no.strerror}). Name another place: --to FOLDER"


async def _refuse_another_version(postgres: str, manifest: Manifest) -> None:
    found = re.search(r"\d+", manifest.server)
    wanted, there = int(found[0]) if found else 0, await major_of(postgres)
    if wanted != there:
        raise BackupRefused(
            f"The backup is of PostgreSQL {wanted}, and {postgres} is {there}. Name the folder of "
            f"the programs of {wanted}: VALOR_PG_BIN=/usr/lib/postgresql/{wanted}/bin"
        )


def _refuse_another_archive(data: Path, archive: Path) -> None:
    """One that is empty, of another server, or not mounted would be taken for a short one."""
    label = (data / "backup_label").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^START WAL LOCATION: \S+ \(file (\w+)\)", label, re.MULTILINE)
    name = found[1] if found else ""
    if not any((archive / each).exists() for each in (name, f"{name}.partial")):
        raise BackupRefused(
            f"{archive} has nothing of the time of this backup: {name} is not there. Name the "
            "archive of the server that was backed up: --wal FOLDER"
        )


def _refuse_while_used(target: Path) -> None:
    try:
        server = int((target / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
        os.kill(server, 0)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError, ValueError):
        return
    except PermissionError:  # there is such a process, and it is somebody else's
        pass
    raise BackupRefused(
        f"PostgreSQL runs on {target}. Stop it first, then run this again. If it does not, and its "
        f"last end was not in order, remove {target / 'postmaster.pid'}."
    )


def _copy(source: Path, target: Path, as_owner: dict[str, Any]) -> None:
    target.mkdir(mode=0o700)
    for place, folders, names in os.walk(source):
        inside = target / Path(place).relative_to(source)
        for name in folders:
            (inside / name).mkdir(mode=0o700)
        for name in names:
            if inside == target and name in _LEFT_OVER:
                continue
            shutil.copyfile(Path(place, name), inside / name)
            (inside / name).chmod(0o600)
    if as_owner:
        for path in (target, *target.rglob("*")):
            os.chown(path, as_owner["user"], as_owner["group"])
    sync_folder(target.parent)


async def _recover(
    postgres: str, target: Path, wanted: Wanted, manifest: Manifest
) -> tuple[Inventory, list[str]]:
    """Run the server until it has recovered, and look at what it has then."""
    settings: dict[str, str] = {}
    if wanted.archive is not None:
        (target / _SIGNAL).touch(mode=0o600)
        as_owner = owner_of(target.parent)
        if as_owner:
            os.chown(target / _SIGNAL, as_owner["user"], as_owner["group"])
        settings["restore_command"] = restore_command(wanted.archive.absolute())
        settings["recovery_target_action"] = "promote"
    if wanted.at is not None:
        settings["recovery_target_time"] = f"{wanted.at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    role = manifest.role or "postgres"
    async with private_server(postgres, target, role, settings) as url:
        engine = create_async_engine(
            url.set(database=manifest.database), poolclass=NullPool, hide_parameters=True
        )
        try:
            with TRANSLATED:
                async with engine.connect() as connection:
                    return await connection.run_sync(_look, manifest.holds)
        finally:
            await engine.dispose()


def _look(connection: Connection, then: Inventory) -> tuple[Inventory, list[str]]:
    connection.execute(text("SET search_path = public"))
    return inventory_of(connection), list(faults_of(connection, then, exactly=False))


def restore_command(archive: Path) -> str:
    """What the server runs for each file of the log: also one that was still being filled.

    A file that is not there is the end of the log. One that is there and cannot be read is not:
    that ends the recovery, or what comes after it would be lost without a word.
    """
    folder = shlex.quote(str(archive)).replace("%", "%%")
    return (
        f'test -x {folder} || exit {UNREADABLE}; for f in "%f" "%f.partial"; do '
        f'test -f {folder}/"$f" || continue; cp {folder}/"$f" "%p" || exit {UNREADABLE}; exit 0; '
        "done; exit 1"
    )
