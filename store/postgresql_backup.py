"""A base backup of PostgreSQL by its own program, with the log that makes it whole."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from store.backup_manifest import BackupRefused, Manifest, files_below, moment, room_for
from store.errors import TRANSLATED
from store.inventory import inventory_of
from store.migrate import owner_engine
from store.postgresql_programs import conninfo, program

_WHO: Final = """
SELECT rolname, rolsuper OR rolbypassrls, rolsuper OR rolreplication FROM pg_roles
WHERE rolname = current_user
"""
_SERVER: Final = """
SELECT current_setting('server_version'),
  (SELECT sum(pg_database_size(oid))::bigint FROM pg_database),
  (SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')),
  current_database()
"""
_ROLES: Final = (
    "deploy/postgres/roles.sql makes one: valor_backup. Name it: VALOR_DATABASE_BACKUP_URL"
)


async def copy_cluster(url: str, data: Path, programs: Path | None) -> Manifest:
    """Copy the whole server that a database is on into a new folder, while it is used.

    What was committed before the end is in it. Raises BackupRefused, DatabaseAway, DatabaseBusy.
    """
    copier = program("pg_basebackup", programs)
    engine = owner_engine(url, "valor backup")
    try:
        with TRANSLATED:
            async with engine.begin() as connection:
                begun = await connection.run_sync(_look)
        room_for(begun["size"], data.parent)
        await _run(copier, url, data)
        with TRANSLATED:
            ended_at = await _now(engine)
    finally:
        await engine.dispose()
    return Manifest(
        kind="postgresql",
        server=f"PostgreSQL {begun['version']}",
        begun_at=moment(begun["at"]),
        ended_at=moment(ended_at),
        role=begun["role"],
        database=begun["database"],
        holds=begun["holds"],
        files=files_below(data),
    )


def _look(connection: Connection) -> dict[str, Any]:
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    role, sees_all, replicates = connection.execute(text(_WHO)).one()
    if not (sees_all and replicates):
        cannot = "see the rows of all tenants" if replicates else "copy the server"
        raise BackupRefused(f"The role {role} cannot {cannot}. {_ROLES}")
    version, size, spaces, database = connection.execute(text(_SERVER)).one()
    if spaces:
        raise BackupRefused(
            "The server has tablespaces, which would be copied to where they are. Move the tables "
            "into pg_default, or back up with a tool that knows yours."
        )
    return {
        "at": connection.execute(text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC),
        "role": role,
        "version": str(version).split(" ")[0],
        "size": size,
        "database": database,
        "holds": inventory_of(connection),
    }


async def _now(engine: AsyncEngine) -> datetime:
    async with engine.connect() as connection:
        found: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return found.astimezone(UTC)


async def _run(copier: str, url: str, data: Path) -> None:
    options, environment = conninfo(url)
    running = await asyncio.create_subprocess_exec(
        copier,
        *options,
        *("--pgdata", str(data), "--format=plain", "--wal-method=stream", "--checkpoint=fast"),
        *("--manifest-checksums=SHA256", "--label=valor", "--no-password"),
        env={**environment, "LC_ALL": "C"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await running.communicate()
    except asyncio.CancelledError:
        running.terminate()
        await running.wait()
        raise
    if running.returncode:
        raise BackupRefused(why(said.decode(errors="replace")))


def why(said: str) -> str:
    """Why it failed, in words of ours where the cause is a known one."""
    for pattern, words in _KNOWN:
        if re.search(pattern, said):
            return words
    lines = [line for line in said.splitlines() if "error" in line] or said.splitlines()
    return f"pg_basebackup could not copy the server: {lines[-1] if lines else 'it says nothing'}"


_KNOWN: Final = (
    (
        "no pg_hba.conf entry for replication|pg_hba.conf rejects replication",
        (
            "The server lets nobody replicate from here. Add a line to its pg_hba.conf, and reload "
            "it: hostssl replication valor_backup samenet scram-sha-256"
        ),
    ),
    (
        "permission denied to start WAL sender|must be superuser or replication",
        f"The role may not copy the server. {_ROLES}",
    ),
    (
        "exceeds max_wal_senders|all replication slots are in use",
        "The server has no free WAL sender: two are needed. Raise max_wal_senders, and restart it.",
    ),
    (
        "incompatible server version",
        (
            "This pg_basebackup is older than the server. Name the folder of newer programs: "
            "VALOR_PG_BIN=/usr/lib/postgresql/18/bin"
        ),
    ),
    (
        "No space left on device",
        "There is no space left. Make some, or name another folder: --to FOLDER",
    ),
    (
        "has (already )?been removed",
        "The server removed its log before it was copied. Raise wal_keep_size, and reload it.",
    ),
)
