from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import alembic.command
import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, inspect

import store.migrate
from store.database import Database, head
from store.errors import DatabaseAway, MigrationRefused
from store.isolation import Isolated, sqlite_isolation
from store.migrate import migrate, outlook
from store.tables import TENANT_TABLES, Row
from tests.mirror.store.conftest import OWNER, SERVING, administer, role_url
from tests.mirror.store.world import (
    Place,
    opened,
    settle,
)

pytestmark = pytest.mark.anyio


async def inspected(place: Place, look: Any) -> Any:
    """What a function finds that is given a connection of the owner."""
    engine = store.migrate.owner_engine(place.owner_url, "valor test")
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


async def test_the_migrations_make_the_tables_that_the_code_knows(place: Place) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Row.metadata)

    assert await inspected(place, differences) == []


async def test_the_migrations_make_the_checks_that_the_code_knows(place: Place) -> None:
    """Alembic does not compare these."""

    def checks(connection: Connection) -> dict[str, dict[str, str]]:
        return {
            table: {
                str(check["name"]): check["sqltext"]
                for check in inspect(connection).get_check_constraints(table)
            }
            for table in Row.metadata.tables
        }

    made = await inspected(place, checks)
    for table in Row.metadata.tables.values():
        wanted = {
            str(constraint.name): str(constraint.sqltext)
            for constraint in table.constraints
            if isinstance(constraint, CheckConstraint)
        }
        assert made[table.name].keys() == wanted.keys()
        if place.kind == "sqlite":  # PostgreSQL tells them in words of its own
            assert made[table.name] == wanted


async def test_migrating_again_changes_nothing(place: Place) -> None:
    report = await migrate(place.owner_url, application_role=SERVING)
    assert (report.before, report.after, report.applied) == (head(), head(), ())


async def test_the_head_is_the_last_of_the_chain() -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(store.migrate.__file__).parent / "migrations")
    )
    assert ScriptDirectory.from_config(config).get_heads() == [head()]


async def test_a_file_is_made_with_its_directory(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/not/yet/valor.db"
    async with opened(url) as database:
        assert await database.behind()
        report = await migrate(url)
        assert report.before is None
        assert report.applied[-1] == report.after == head()
        assert not await database.behind()
        await settle(database)


async def test_a_new_database_is_behind_until_it_is_migrated(
    postgres_url: str, postgres_roles: None, postgres_place: Place
) -> None:
    name = f"new_{postgres_place.url.rsplit('/', 1)[1]}"
    await administer(postgres_url, f"CREATE DATABASE {name} OWNER {OWNER}")
    try:
        async with opened(role_url(postgres_url, SERVING, name)) as database:
            assert await database.behind()
            # Two at once: one works, the other finds it done.
            reports = await asyncio.gather(
                *(migrate(role_url(postgres_url, OWNER, name)) for _ in range(2))
            )
            assert sorted(len(report.applied) for report in reports) == [0, int(head())]
            assert not await database.behind()
            await settle(database)
    finally:
        await administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_serving_role_that_is_not_there_is_named(postgres_place: Place) -> None:
    with pytest.raises(MigrationRefused, match="CREATE ROLE nobody_yet"):
        await migrate(postgres_place.owner_url, application_role="nobody_yet")


async def test_a_server_that_is_not_there_is_away() -> None:
    with pytest.raises(DatabaseAway):
        await migrate("postgresql://valor_owner@127.0.0.1:1/valor")


async def test_two_who_migrate_a_file_at_once_both_find_it_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/valor.db"
    reports = await asyncio.gather(*(migrate(url) for _ in range(3)))
    assert sorted(len(report.applied) for report in reports) == [0, 0, int(head())]


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(isolated: Isolated) -> Any:
        yield from sqlite_isolation(isolated)
        yield "CREATE TRIGGER oh BEFORE NOTHING"

    url = f"sqlite:///{tmp_path}/valor.db"
    with monkeypatch.context() as broken:
        broken.setattr("store.migrations.protecting.sqlite_isolation", wrong)
        with pytest.raises(Exception, match="unexpected"):
            await migrate(url)
    connection = sqlite3.connect(tmp_path / "valor.db")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    assert (await migrate(url)).after == head()


async def emptied(place: Place, postgres_url: str) -> Place:
    """The same place, without any table."""
    if place.kind == "sqlite":
        await asyncio.to_thread(Path(place.url.removeprefix("sqlite:///")).unlink)
    else:
        name = place.url.rsplit("/", 1)[1]
        await administer(postgres_url, f"DROP DATABASE {name}")
        await administer(postgres_url, f"CREATE DATABASE {name} OWNER {OWNER}")
    return place


async def test_every_table_of_a_tenant_is_isolated_on_postgresql(postgres_place: Place) -> None:
    connection = await asyncpg.connect(postgres_place.owner_url)
    try:
        tables = await connection.fetch(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class "
            "JOIN information_schema.columns ON table_name = relname AND table_schema = 'public' "
            "WHERE column_name = 'tenant_id' AND relkind IN ('r', 'p')"
        )
        assert sorted(row["relname"] for row in tables) == sorted(TENANT_TABLES)
        assert all(row["relrowsecurity"] and row["relforcerowsecurity"] for row in tables)
        policies = await connection.fetch("SELECT * FROM pg_policies")
    finally:
        await connection.close()
    assert sorted(policy["tablename"] for policy in policies) == sorted(TENANT_TABLES)
    for policy in policies:
        assert policy["cmd"] == "ALL"
        assert policy["permissive"] == "PERMISSIVE"
        for condition in (policy["qual"], policy["with_check"]):
            assert condition.startswith("(tenant_id = ( SELECT")
            assert "current_setting('valor.tenant_id'::text, true)" in condition


async def test_the_serving_role_has_the_rights_it_needs_and_no_more(
    postgres_place: Place,
) -> None:
    connection = await asyncpg.connect(postgres_place.owner_url)
    try:
        granted = await connection.fetch(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee = $1",
            SERVING,
        )
    finally:
        await connection.close()
    rights: dict[str, set[str]] = {}
    for row in granted:
        rights.setdefault(row["table_name"], set()).add(row["privilege_type"])
    by_rights: dict[str, list[str]] = {}
    for table, verbs in rights.items():
        kept = " ".join(sorted(verbs))
        by_rights.setdefault(kept, []).append(table)
    assert {verbs: sorted(tables) for verbs, tables in by_rights.items()} == {
        "SELECT": ["alembic_version"],
        # Only ever added to.
        "INSERT SELECT": [
            "audit_checkpoint",
            "audit_event",
            "done_once",
            "model_snapshot",
            "operation",
            "own_company_change",
            "subscription_change",
            "valuation",
        ],
        # Changed, and never removed.
        "INSERT SELECT UPDATE": [
            "api_key",
            "billing_event",
            "financial_model",
            "invitation",
            "kill_switch",
            "legal_hold",
            "member",
            "operator_grant",
            "own_company",
            "run",
            "session",
            "subscription",
            "tenant",
            "usage",
            "webhook",
            "webhook_delivery",
        ],
        "DELETE INSERT SELECT": [
            "audit_pending",
            "directory",
            "federated_identity",
            "outbox",
            "trusted_document",
        ],
        "DELETE INSERT SELECT UPDATE": ["account", "branding", "identity_provider", "model_grant"],
    }


async def test_every_table_of_a_tenant_is_isolated_on_sqlite(sqlite_place: Place) -> None:
    connection = sqlite3.connect(sqlite_place.url.removeprefix("sqlite:///"))
    tables = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if any(
            column[1] == "tenant_id" for column in connection.execute(f"PRAGMA table_info({name})")
        )
    }
    triggers = connection.execute(
        "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    connection.close()
    assert tables == set(TENANT_TABLES)
    assert sorted(triggers) == sorted(
        (table, f"{table}_{verb}_tenant")
        for table in TENANT_TABLES
        for verb in ("insert", "update", "delete")
    )
    async with opened(sqlite_place.url) as database:
        views = await temporary_views(database)
    assert set(TENANT_TABLES) <= views
    assert len(views) == 2 * len(TENANT_TABLES)


async def temporary_views(database: Database) -> set[str]:
    def look(connection: sqlite3.Connection) -> set[str]:
        connection.set_authorizer(None)
        found = connection.execute("SELECT name FROM sqlite_temp_master WHERE type = 'view'")
        return {name for (name,) in found}

    async with database._driver(database._read) as reader:
        views: set[str] = await reader.run(look)
        return views


def test_a_start_does_not_import_alembic_or_a_driver() -> None:
    program = (
        "import sys, store.database, store.migrate, store.valuations, store.tenants;"
        "print([m for m in ('alembic', 'asyncpg', 'aiosqlite') if m in sys.modules])"
    )
    root = Path(store.migrate.__file__).parent.parent
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


async def test_what_would_be_done_is_told_and_nothing_is_done(
    place: Place, postgres_url: str
) -> None:
    new = await emptied(place, postgres_url)
    told = await outlook(new.owner_url)
    assert (told.before, told.after) == (None, head())
    assert [step.version for step in told.steps] == sorted(step.version for step in told.steps)
    assert all(len(step.what) > 20 for step in told.steps)
    assert not any(step.contracts for step in told.steps)
    async with opened(new.url) as database:
        assert await database.schema_version() is None
    done = await migrate(new.owner_url)
    assert done.steps == told.steps
    assert (await outlook(new.owner_url)).steps == ()


async def test_who_only_looks_waits_for_nobody(sqlite_place: Place) -> None:
    file = sqlite_place.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert (await outlook(sqlite_place.url)).steps == ()


async def test_a_lock_that_somebody_holds_is_waited_for_and_then_named(
    place: Place, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await emptied(place, postgres_url)
    with monkeypatch.context() as earlier:
        newest = alembic.command.upgrade
        earlier.setattr("alembic.command.upgrade", lambda config, _: newest(config, "0003"))
        await migrate(old.owner_url)
    async with held(old):
        with pytest.raises(MigrationRefused, match="Nothing was changed") as no:
            await migrate(old.owner_url, lock_wait_s=0.1)
    assert "--wait 30" in str(no.value)
    assert ("as valor_app" in str(no.value)) == (place.kind == "postgresql")
    assert "None" not in str(no.value)  # since when is hidden from an owner
    assert (await migrate(old.owner_url)).before == "0003"


async def test_a_role_that_owns_nothing_is_told_whom_to_name(
    postgres_place: Place, postgres_url: str
) -> None:
    new = await emptied(postgres_place, postgres_url)
    with pytest.raises(MigrationRefused, match=r"valor_app may not change the schema.*OWNER_URL"):
        await migrate(new.url)


@asynccontextmanager
async def held(place: Place) -> AsyncIterator[None]:
    """Somebody is in the middle of a transaction."""
    if place.kind == "sqlite":
        with closing(sqlite3.connect(place.url.removeprefix("sqlite:///"))) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    connection = await asyncpg.connect(place.url)
    try:
        await connection.execute("BEGIN; SELECT * FROM tenant")
        yield
    finally:
        await connection.close()


async def test_a_step_that_takes_away_wants_to_be_told_that_it_may(
    place: Place, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await emptied(place, postgres_url)
    newest = alembic.command.upgrade
    with monkeypatch.context() as earlier:
        earlier.setattr("alembic.command.upgrade", lambda config, _: newest(config, "0003"))
        await migrate(old.owner_url)
    outlook_now = store.migrate._outlook

    def taking(before: str | None) -> Any:
        found = outlook_now(before)
        steps = tuple(replace(step, contracts=True) for step in found.steps)
        return replace(found, steps=steps)

    monkeypatch.setattr("store.migrate._outlook", taking)
    with pytest.raises(MigrationRefused, match="valor migrate --contract"):
        await migrate(old.owner_url)
    async with opened(old.url) as database:
        assert await database.schema_version() == "0003"
    assert (await migrate(old.owner_url, contract=True)).after == head()


@pytest.mark.skipif(sys.platform == "win32", reason="there a file has no such rights")
async def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        await migrate(f"sqlite:///{tmp_path}/valor.db")
        async with opened(f"sqlite:///{tmp_path}/valor.db") as database:
            await settle(database)
            assert await asyncio.to_thread(modes, tmp_path) == {0o600}
    finally:
        os.umask(before)


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}
