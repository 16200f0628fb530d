"""Bring the schema up to date, as the role that owns it.

Alembic is imported here alone, and only when something is to be done: it would add a
third of a second to every start.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from store.errors import TRANSLATED, MigrationRefused
from store.isolation import Isolated
from store.protection import unprotected

APPLICATION_ROLE = "valor_app"

# Of all who migrate at once, one works and the others find it done. Any number, always the same.
_LOCK = 0x56414C4F52


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationReport:
    """What a migration found and did."""

    before: str | None  # the version of the schema that was there; None: there was none
    after: str
    applied: tuple[str, ...]  # the versions that were run, oldest first; empty: nothing to do


async def migrate(owner_url: str, *, application_role: str = APPLICATION_ROLE) -> MigrationReport:
    """Run every step that is wanting, all or none of them. Safe to run again, or at once.

    ``owner_url`` names the role that owns the tables on PostgreSQL; ``application_role``
    the one that serves, which must exist and is given its rights here. On SQLite the file
    and its directory are made where they are wanting. At the end the whole schema is asked
    whether it keeps tenants apart (``store.protection``); where it does not, every step is
    undone.

    Raises MigrationRefused, DatabaseAway, DatabaseBusy.
    """
    with TRANSLATED:
        engine = _owner_engine(owner_url)
        try:
            async with _one_at_a_time(engine, application_role) as connection:
                role = engine.dialect.identifier_preparer.quote(application_role)
                report, declared = await connection.run_sync(_upgrade, role)
                wrong = await connection.run_sync(unprotected, declared, application_role)
                if wrong:
                    raise MigrationRefused(
                        "Tenants would not be kept apart, so nothing was changed:\n  "
                        + "\n  ".join(wrong)
                        + "\nMend that as the owner of the tables."
                    )
                return report
        finally:
            await engine.dispose()


def _owner_engine(url: str) -> AsyncEngine:
    if make_url(url).get_backend_name() == "sqlite":
        from store.sqlite import file_of

        return _sqlite_owner_engine(file_of(url))
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            "server_settings": {
                "application_name": "valor migrate",
                "lock_timeout": "5000",
                "search_path": "public",
            }
        },
    )


def _sqlite_owner_engine(path: Path) -> AsyncEngine:
    from store.sqlite_connection import open_file

    path.parent.mkdir(parents=True, exist_ok=True)
    new = open_file(path, create=True)
    try:
        # Kept in the file. It cannot be changed inside the transaction that follows.
        new.execute("PRAGMA journal_mode = WAL")
    finally:
        new.close()
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", poolclass=NullPool, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 would commit before each change of the schema
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@asynccontextmanager
async def _one_at_a_time(
    engine: AsyncEngine, application_role: str
) -> AsyncIterator[AsyncConnection]:
    """A transaction that no other migration runs beside."""
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            found = await connection.execute(
                text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"),
                {"role": application_role},
            )
            if not found.scalar_one():
                raise MigrationRefused(
                    f"There is no role {application_role} to serve with. As an administrator: "
                    f"CREATE ROLE {application_role} LOGIN"
                )
        yield connection


def _upgrade(
    connection: Connection, application_role: str
) -> tuple[MigrationReport, Sequence[Isolated]]:
    """Run the steps. Tells as well how each table is isolated: the step that came last counts."""
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    before = MigrationContext.configure(connection).get_current_revision()
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    config.attributes["application_role"] = application_role
    command.upgrade(config, "head")
    after = MigrationContext.configure(connection).get_current_revision()
    if after is None:
        raise MigrationRefused("There is no migration to run.")
    scripts = ScriptDirectory.from_config(config)
    steps = scripts.iterate_revisions(after, before)
    applied = tuple(reversed([step.revision for step in steps]))
    declared: dict[str, Isolated] = {}
    for step in scripts.iterate_revisions(after, "base"):  # the newest first
        for isolated in getattr(step.module, "ISOLATED", ()):
            declared.setdefault(isolated.table, isolated)
    report = MigrationReport(before=before, after=after, applied=applied)
    return report, tuple(declared.values())
