"""Bring the schema up to date, as the role that owns it.

Alembic is imported here alone, and only when something is to be done: it would add a
third of a second to every start.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from store.errors import TRANSLATED, AccessRefused, MigrationRefused, translate
from store.isolation import Isolated
from store.postgresql_address import address
from store.protection import unprotected

APPLICATION_ROLE = "valor_app"

_LOCKED: Final = ("55P03", "SQLITE_BUSY")
_HOLDERS: Final = """
SELECT DISTINCT pid, usename, coalesce(xact_start, backend_start)::timestamp(0)
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE pid <> pg_backend_pid() AND granted AND relation IN (
  SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
ORDER BY 3 LIMIT 3
"""

# Of all who migrate at once, one works and the others find it done. Any number, always the same.
_LOCK = 0x56414C4F52


LOCK_WAIT_S: Final = 5.0  # for somebody else's lock, unless more is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the schema, as its file tells it."""

    version: str
    what: str  # in words
    contracts: bool  # takes something away, so the code before the one that serves must be gone


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationReport:
    """What a migration found and did, or would do."""

    before: str | None  # the version of the schema that was there; None: there was none
    after: str
    steps: tuple[Step, ...]  # that were run, oldest first; empty: nothing to do

    @property
    def applied(self) -> tuple[str, ...]:
        """The versions of the steps."""
        return tuple(step.version for step in self.steps)


async def migrate(
    owner_url: str,
    *,
    application_role: str = APPLICATION_ROLE,
    lock_wait_s: float = LOCK_WAIT_S,
    contract: bool = False,
) -> MigrationReport:
    """Run every step that is wanting, all or none of them. Safe to run again, or at once.

    ``owner_url`` names the role that owns the tables on PostgreSQL; ``application_role``
    the one that serves, which must exist and is given its rights here. On SQLite the file
    and its directory are made where they are wanting. At the end the whole schema is asked
    whether it keeps tenants apart (``store.protection``); where it does not, every step is
    undone. A step that takes something away is run only with ``contract``.

    Raises MigrationRefused, DatabaseAway, DatabaseBusy.
    """
    with TRANSLATED:
        engine = owner_engine(owner_url, "valor migrate", lock_wait_s)
        try:
            async with _one_at_a_time(engine, application_role) as connection:
                _refuse_contracting(await connection.run_sync(_look), contract=contract)
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
        except Exception as error:
            no = translate(error)
            if no.code in _LOCKED:
                raise MigrationRefused(await _who_is_in_the_way(engine, lock_wait_s)) from None
            if isinstance(no, AccessRefused):
                raise MigrationRefused(
                    f"The role {engine.url.username} may not change the schema. Name the one that "
                    "owns it, which deploy/postgres/roles.sql makes: VALOR_DATABASE_OWNER_URL"
                ) from None
            raise
        finally:
            await engine.dispose()


async def outlook(owner_url: str) -> MigrationReport:
    """What `migrate` would do. Nothing is changed, and no lock is waited for.

    Raises DatabaseAway, DatabaseBusy.
    """
    if make_url(owner_url).get_backend_name() == "sqlite":
        from store.sqlite import file_of

        if not file_of(owner_url).exists():
            return _outlook(None)
    with TRANSLATED:
        engine = owner_engine(owner_url, "valor migrate", looks=True)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(_look)
        finally:
            await engine.dispose()


def _look(connection: Connection) -> MigrationReport:
    from alembic.migration import MigrationContext

    return _outlook(MigrationContext.configure(connection).get_current_revision())


def _outlook(before: str | None) -> MigrationReport:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head()
    if head is None:
        raise MigrationRefused("There is no migration to run.")
    if before is not None and before > head:
        return MigrationReport(before=before, after=before, steps=())
    found = [
        Step(
            version=step.revision,
            what=(step.module.__doc__ or "").split("\n", 1)[0],
            contracts=getattr(step.module, "CONTRACT", False),
        )
        for step in scripts.iterate_revisions(head, before or "base")
    ]
    return MigrationReport(before=before, after=head, steps=tuple(reversed(found)))


def _refuse_contracting(wanted: MigrationReport, *, contract: bool) -> None:
    taking = [step.version for step in wanted.steps if step.contracts]
    if taking and not contract and wanted.before is not None:
        raise MigrationRefused(
            f"{', '.join(taking)} takes away what older servers use, so nothing was changed. When "
            "none of them serves any more: valor migrate --contract"
        )


def owner_engine(
    url: str, name: str, lock_wait_s: float = LOCK_WAIT_S, *, looks: bool = False
) -> AsyncEngine:
    """An engine without a pool for the role that owns, or backs up; PostgreSQL is told a name.

    ``looks``: it only looks, so on SQLite no transaction holds up those who write.
    """
    if make_url(url).get_backend_name() == "sqlite":
        from store.sqlite import file_of

        path = file_of(url)
        if not looks:
            _make_file(path)
        return _sqlite_owner_engine(path, lock_wait_s, "BEGIN" if looks else "BEGIN IMMEDIATE")
    where, tls = address(url)
    return create_async_engine(
        where,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            **tls,
            "server_settings": {
                "application_name": name,
                "lock_timeout": str(round(lock_wait_s * 1000)),
                "search_path": "public",
            },
        },
    )


def _make_file(path: Path) -> None:
    """See to it that there is one, for its owner alone, that readers and a writer share."""
    from store.sqlite_connection import open_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # all tenants are in it, so nobody else on the machine reads it
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    new = open_file(path)
    try:
        # Kept in the file. It cannot be changed inside the transaction that follows.
        new.execute("PRAGMA journal_mode = WAL")
    finally:
        new.close()


def _sqlite_owner_engine(path: Path, lock_wait_s: float, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", poolclass=NullPool, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 would commit before each change of the schema
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(lock_wait_s * 1000)}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

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
    """Run the steps. Tells as well how each table is isolated."""
    from alembic import command
    from alembic.migration import MigrationContext

    wanted = _look(connection)
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["application_role"] = application_role
    command.upgrade(config, "head")
    after = MigrationContext.configure(connection).get_current_revision() or wanted.after
    steps = tuple(step for step in wanted.steps if step.version <= after)
    return MigrationReport(before=wanted.before, after=after, steps=steps), declared_at(after)


async def _who_is_in_the_way(engine: AsyncEngine, waited_s: float) -> str:
    """Whoever holds a lock on our tables now, as far as the owner may know."""
    said = (
        f"Somebody uses what has to be changed, and {waited_s:g} s were waited for it. Nothing was "
        "changed."
    )
    if engine.dialect.name == "sqlite":
        return f"{said} Stop the server, or run this again: valor migrate --wait 30"
    holders: list[Any] = []
    with suppress(Exception):  # it is a courtesy
        async with engine.connect() as connection:
            holders = list(await connection.execute(text(_HOLDERS)))
    names = ", ".join(
        f"process {pid} as {role}{f' since {since}' if since else ''}"  # hidden from an owner
        for pid, role, since in holders
    )
    return (
        f"{said}{f' In the way: {names}.' if names else ''} Run this again when it is quiet, or "
        "wait longer: valor migrate --wait 30"
    )


def declared_at(version: str) -> Sequence[Isolated]:
    """How each table is isolated at a version of the schema: the step that came last counts."""
    from alembic.script import ScriptDirectory

    declared: dict[str, Isolated] = {}
    steps = ScriptDirectory.from_config(_config()).iterate_revisions(version, "base")
    for step in steps:  # the newest first
        for isolated in getattr(step.module, "ISOLATED", ()):
            declared.setdefault(isolated.table, isolated)
    return tuple(declared.values())


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
