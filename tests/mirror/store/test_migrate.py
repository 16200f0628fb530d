from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
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
from store.financial_models import FinancialModels
from store.isolation import Isolated, sqlite_isolation
from store.migrate import migrate
from store.tables import TENANT_TABLES, Row
from store.tenants import Tenants
from store.valuations import Valuations
from tests.mirror.store.conftest import OWNER, SERVING, administer, role_url
from tests.mirror.store.world import (
    CANARY,
    OURS,
    THEIRS,
    Place,
    member,
    model,
    opened,
    operation,
    settle,
    tenant,
    valuation,
)

pytestmark = pytest.mark.anyio


async def inspected(place: Place, look: Any) -> Any:
    """What a function finds that is given a connection of the owner."""
    engine = store.migrate._owner_engine(place.owner_url)
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
        broken.setattr("store.isolation.sqlite_isolation", wrong)
        with pytest.raises(Exception, match="unexpected"):
            await migrate(url)
    connection = sqlite3.connect(tmp_path / "valor.db")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    assert (await migrate(url)).after == head()


@pytest.mark.parametrize("version", ["0001"])
async def test_what_was_kept_by_an_earlier_schema_is_there_after_the_next(
    version: str, place: Place, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await emptied(place, postgres_url)
    with monkeypatch.context() as earlier:
        newest = alembic.command.upgrade
        earlier.setattr("alembic.command.upgrade", lambda config, _: newest(config, version))
        assert (await migrate(old.owner_url)).after == version
    async with opened(old.url) as database:
        assert await database.behind()
        await settle(database)
        await Valuations(database).keep(OURS, valuation())
        await Valuations(database).keep(THEIRS, valuation(result=CANARY))
    assert (await migrate(old.owner_url)).before == version
    async with opened(old.url) as database:
        assert not await database.behind()
        assert await Tenants(database).find(OURS) == tenant(OURS)
        assert await Tenants(database).members(THEIRS) == [member(2, name=CANARY)]
        assert await Valuations(database).find(OURS, valuation().id) == valuation()
        models = FinancialModels(database)
        for tenant_id in (OURS, THEIRS):
            assert await models.count(tenant_id) == 0
            assert (await models.create(tenant_id, model(), operation())).fresh


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
    assert {(row["table_name"], row["privilege_type"]) for row in granted} == {
        ("alembic_version", "SELECT"),
        *(("tenant", verb) for verb in ("SELECT", "INSERT", "UPDATE")),
        *(("member", verb) for verb in ("SELECT", "INSERT", "UPDATE", "DELETE")),
        *(("valuation", verb) for verb in ("SELECT", "INSERT", "DELETE")),
        *(("financial_model", verb) for verb in ("SELECT", "INSERT", "UPDATE")),
        *(("operation", verb) for verb in ("SELECT", "INSERT")),
        *(("model_snapshot", verb) for verb in ("SELECT", "INSERT")),
        *(("outbox", verb) for verb in ("SELECT", "INSERT", "DELETE")),
        *(("run", verb) for verb in ("SELECT", "INSERT", "UPDATE")),
        *(("own_company", verb) for verb in ("SELECT", "INSERT", "UPDATE")),
        *(("own_company_change", verb) for verb in ("SELECT", "INSERT")),
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
