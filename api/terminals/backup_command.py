"""The commands ``valor backup``, ``valor backup verify`` and ``valor restore``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.terminal import counted, fail, run_to_end, settings_of

if TYPE_CHECKING:
    from store.backup_manifest import Inventory, Manifest
    from store.restore import Restored

FOLDER = click.Path(file_okay=False, path_type=Path)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group(invoke_without_command=True)
@click.option("--to", type=FOLDER, help="A new or empty folder. Left out: one below VALOR_HOME.")
@_JSON
@click.pass_context
def backup(context: click.Context, to: Path | None, *, as_json: bool) -> None:
    """Copy the database as it is now, while it is used.

    SQLite: the file. PostgreSQL: the whole server, as the role of VALOR_DATABASE_BACKUP_URL.
    """
    if context.invoked_subcommand is not None:
        return
    from store.backup import back_up

    settings = settings_of(dev=True)
    folder = to or settings.home / "backups" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    manifest = run_to_end(
        back_up(settings.database_backup_url, folder, programs=settings.pg_bin),
        "VALOR_DATABASE_BACKUP_URL",
    )
    if as_json:
        click.echo(json.dumps({"folder": str(folder), **_told(manifest)}))
        return
    click.echo(f"Wrote {folder}: {manifest.server}, {_size(manifest.size)}.")
    click.echo("\n".join(_held(manifest.holds)))


@backup.command("verify")
@click.argument("folder", type=FOLDER)
@_JSON
def verify_command(folder: Path, *, as_json: bool) -> None:
    """Read all of a backup, and say whether it is what was written."""
    from store.backup import verify
    from store.backup_manifest import BackupRefused

    try:
        found = verify(folder)
    except BackupRefused as no:
        fail(str(no))
    if as_json:
        click.echo(json.dumps({**_told(found.manifest), "faults": found.faults}))
    elif not found.faults:
        files = counted(len(found.manifest.files), "file")
        click.echo(f"{folder} is whole: {files} of {found.manifest.server}.")
        click.echo("\n".join(_held(found.manifest.holds)))
    if found.faults:
        said = "\n  ".join(found.faults)
        fail(f"{folder} is damaged. Take another backup: valor backup\n  {said}")


@click.command()
@click.option("--from", "source", type=FOLDER, required=True, help="A folder of `valor backup`.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    help="SQLite: the file, left out the one of VALOR_DATABASE_URL. PostgreSQL: a data directory.",
)
@click.option("--at", help="PostgreSQL: the last moment wanted, as 2026-11-23T15:24:06Z.")
@click.option("--wal", type=FOLDER, help="PostgreSQL: the archive of its log. Needed for --at.")
@click.option("--replace", is_flag=True, help="Put aside what is at the target.")
@_JSON
def restore(
    source: Path,
    target: Path | None,
    at: str | None,
    wal: Path | None,
    *,
    replace: bool,
    as_json: bool,
) -> None:
    """Make a database of a backup, and look whether it is what it was.

    Nothing that is there is overwritten. Ends with 1 where what came of it is not sound.
    """
    from store.backup_manifest import BackupRefused, read_manifest
    from store.restore import Wanted
    from store.restore import restore as run

    settings = settings_of(dev=True)
    try:
        kind = read_manifest(source).kind
    except BackupRefused as no:
        fail(str(no))
    wanted = Wanted(
        source=source,
        target=target or _usual_place(kind, settings.database_url),
        replace=replace,
        at=_moment(at),
        archive=wal,
        programs=settings.pg_bin,
    )
    done = run_to_end(run(wanted))
    if as_json:
        click.echo(json.dumps(_told_of(done)))
    else:
        click.echo("\n".join(_found(done)))
    if done.faults:
        fail("What came of it is not what was backed up:\n  " + "\n  ".join(done.faults))


def _usual_place(kind: str, url: str) -> Path:
    from store.sqlite import file_of

    if kind != "sqlite":
        fail("Name the data directory to make, which is new or empty: --to FOLDER")
    if not url.startswith("sqlite:///"):
        fail("VALOR_DATABASE_URL is PostgreSQL, and the backup is of SQLite: name a file with --to")
    return file_of(url)


def _moment(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        fail(f"--at {written} is no moment: give it as 2026-11-23T15:24:06Z")
    if found.tzinfo is None:
        fail(f"--at {written} has no time zone, so it could be several: as 2026-11-23T15:24:06Z")
    return found


def _held(holds: Inventory) -> Iterator[str]:
    yield (
        f"It holds {counted(holds.tenants, 'tenant')}, "
        f"{counted(holds.rows.get('financial_model', 0), 'model')}, "
        f"{counted(holds.rows.get('valuation', 0), 'valuation')}; "
        f"the schema is at {holds.schema}."
    )
    if holds.last_operation_at:
        operations = counted(holds.operations, "operation")
        yield f"On record: {operations} on models, the last of {holds.last_operation_at}."
    else:
        yield "No operation on a model is on record."


def _found(done: Restored) -> Iterator[str]:
    yield f"Restored {done.target} from the backup of {done.manifest.ended_at}."
    yield from _held(done.holds)
    if done.aside:
        yield f"What was there before is at {done.aside}."
    if done.manifest.kind == "postgresql":
        yield f"Start PostgreSQL on it with your own configuration: pg_ctl start -D {done.target}"
    if done.behind:
        yield "The schema is behind this version. Before you serve: valor migrate"
    if done.manifest.kind == "postgresql":
        yield "Then take a backup: its log goes another way from here on. valor backup"


def _told(manifest: Manifest) -> dict[str, Any]:
    return {**asdict(manifest), "files": len(manifest.files), "size": manifest.size}


def _told_of(done: Restored) -> dict[str, Any]:
    return {
        "target": str(done.target),
        "backup": _told(done.manifest),
        "holds": asdict(done.holds),
        "behind": done.behind,
        "aside": None if done.aside is None else str(done.aside),
        "faults": done.faults,
    }


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
