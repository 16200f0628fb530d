"""Each layer that keeps tenants apart is one that is missed: without it the hunt finds a row.

A layer is hunted with those out of the way that would cover for it, and each test hunts
twice: with the layer, when nothing must be found, and without it, when something must.
What is out of the way is said in the test.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

import store.postgresql
import store.sqlite_connection
import store.sqlite_guard
from store.tables import TENANT_TABLES, TenantRow, table_of
from tests.contract.grounds import Marked, on_postgresql, on_sqlite
from tests.contract.hunt import Tally, hunt_by_changing, hunt_by_reading
from tests.contract.marked_rows import TABLES
from tests.contract.random_changes import RandomChanges
from tests.contract.random_queries import RandomQueries
from tests.mirror.store.conftest import OWNER, SERVING, administer

pytestmark = pytest.mark.anyio

SEED = 20261122
N = 2_000  # the most that is drawn before a layer must be missed
N_WITH_IT = 300  # drawn to see that nothing is missed

Patch = pytest.MonkeyPatch


class OnSqlite:
    """Hunts on copies of one file, each opened with whatever was patched by then."""

    def __init__(self, marked: Marked, folder: Path) -> None:
        self._marked = marked
        self._folder = folder

    async def read(
        self,
        *without: str,
        forgetting: bool = False,
        count: int = N,
        tables: Sequence[Table] = TABLES,
    ) -> Tally:
        """Look. ``without``: what the owner takes away before."""
        async with on_sqlite(self._marked.both, self._folder) as ground:
            await ground.by_owner(*without)
            return await hunt_by_reading(
                ground,
                RandomQueries("sqlite", SEED, tables).draw,
                count,
                ask=ground.read_forgetting if forgetting else ground.read,
                every=1 if forgetting else 7,
            )

    async def change(
        self,
        *without: str,
        by_reader: bool = False,
        count: int = N,
        tables: Sequence[Table] = TABLES,
    ) -> Tally:
        async with on_sqlite(self._marked.both, self._folder) as ground:
            await ground.by_owner(*without)
            return await hunt_by_changing(
                ground,
                RandomChanges("sqlite", SEED, tables).draw,
                count,
                ask=ground.change_by_reading if by_reader else ground.change,
            )


@pytest.fixture
def on(marked_sqlite: Marked, tmp_path: Path) -> OnSqlite:
    return OnSqlite(marked_sqlite, tmp_path)


def missed(tally: Tally) -> bool:
    """Whether the hunt found something."""
    return bool(tally.foreign)


# Reading SQLite


async def test_the_inner_views_name_is_secret(on: OnSqlite, monkeypatch: Patch) -> None:
    monkeypatch.setattr(store.sqlite_guard, "_secret_name", lambda table: f"inner_{table}")
    # Of few tables, so that a name that is guessed and the table behind it often meet.
    assert missed(await on.read(tables=TABLES[:4]))


async def test_there_is_an_inner_view(on: OnSqlite, monkeypatch: Patch) -> None:
    """With one view of the table's own name, a common table expression of that name is let in."""

    def one_view(connection: sqlite3.Connection) -> Mapping[str, str]:
        for table in TENANT_TABLES:
            connection.execute(
                f"CREATE TEMP VIEW {table} AS SELECT * FROM main.{table} "  # noqa: S608 (ours)
                "WHERE tenant_id = valor_tenant()"
            )
        return {table: table for table in TENANT_TABLES}

    monkeypatch.setattr(store.sqlite_guard, "_hide", one_view)
    assert missed(await on.read())


async def test_the_view_shows_the_tenants_rows_alone(on: OnSqlite, monkeypatch: Patch) -> None:
    views_of_all(monkeypatch)
    assert missed(await on.read())


def views_of_all(monkeypatch: Patch) -> None:
    hide = store.sqlite_guard._hide

    def hide_nothing(connection: Any) -> Mapping[str, str]:
        inner_of = hide(connection)
        for table, inner in inner_of.items():
            connection.execute(f"DROP VIEW temp.{inner}")
            connection.execute(
                f"CREATE TEMP VIEW {inner} AS SELECT * FROM main.{table}"  # noqa: S608 (ours)
            )
        return inner_of

    monkeypatch.setattr(store.sqlite_guard, "_hide", hide_nothing)


async def test_the_reader_has_an_authorizer(on: OnSqlite, monkeypatch: Patch) -> None:
    without_authorizers(monkeypatch)
    assert missed(await on.read())


def without_authorizers(monkeypatch: Patch, *, query_only: bool = True) -> None:
    def guard_reader(connection: sqlite3.Connection) -> None:
        store.sqlite_guard.guard_reader(connection)
        connection.set_authorizer(None)
        if not query_only:
            connection.execute("PRAGMA query_only = OFF")

    def guard_writer(connection: Any) -> None:
        store.sqlite_guard.guard_writer(connection)
        connection.set_authorizer(None)

    monkeypatch.setattr(store.sqlite_connection, "guard_reader", guard_reader)
    monkeypatch.setattr(store.sqlite_connection, "guard_writer", guard_writer)


async def test_the_reader_only_reads(on: OnSqlite, monkeypatch: Patch) -> None:
    """Out of the way: the authorizer, which allows a reader nothing else, and the triggers."""
    triggers = [drop(table, verb) for table in TENANT_TABLES for verb in VERBS]
    without_authorizers(monkeypatch)
    assert not missed(await on.change(*triggers, by_reader=True, count=N_WITH_IT))
    monkeypatch.undo()
    without_authorizers(monkeypatch, query_only=False)
    assert missed(await on.change(*triggers, by_reader=True))


async def test_a_connection_that_comes_back_serves_nobody(on: OnSqlite, monkeypatch: Patch) -> None:
    """Out of the way: that whoever takes a connection says for whom."""
    assert not missed(await on.read(forgetting=True, count=N_WITH_IT))
    never_forget(monkeypatch, store.sqlite_connection.TenantConnection)
    assert missed(await on.read(forgetting=True))


def never_forget(monkeypatch: Patch, connection: Any) -> None:
    serve = connection.serve

    def keep(self: Any, tenant_id: Any) -> None:
        if tenant_id is not None:
            serve(self, tenant_id)

    monkeypatch.setattr(connection, "serve", keep)


# Writing SQLite

VERBS = ("insert", "update", "delete")


def drop(table: str, verb: str) -> str:
    return f"DROP TRIGGER {table}_{verb}_tenant"


@pytest.mark.parametrize("verb", VERBS)
async def test_every_change_is_checked_by_a_trigger(on: OnSqlite, verb: str) -> None:
    assert missed(await on.change(*(drop(table, verb) for table in TENANT_TABLES)))


async def test_the_writer_has_an_authorizer(on: OnSqlite, monkeypatch: Patch) -> None:
    without_authorizers(monkeypatch)
    assert missed(await on.change())


async def test_the_writer_sees_by_the_views(on: OnSqlite, monkeypatch: Patch) -> None:
    views_of_all(monkeypatch)
    assert missed(await on.change())


async def test_a_change_has_no_second_name_for_a_table(on: OnSqlite, monkeypatch: Patch) -> None:
    """It could look at the rows of the table that it changes past the view."""
    monkeypatch.setattr(store.sqlite_guard, "changed_by", begins_like_a_change)
    assert missed(await on.change())


def begins_like_a_change(sql: str) -> str | None:
    begins = store.sqlite_guard._CHANGE.match(sql.replace(" OR REPLACE", ""))
    return None if begins is None else begins[1]


async def test_what_replaces_a_row_asks_that_rows_trigger(on: OnSqlite, monkeypatch: Patch) -> None:
    """Out of the way: that no change may begin with INSERT OR REPLACE."""

    changed_by = store.sqlite_guard.changed_by
    monkeypatch.setattr(
        store.sqlite_guard, "changed_by", lambda sql: changed_by(sql.replace(" OR REPLACE", ""))
    )
    tenants = [table_of(TenantRow)]  # whose slugs are unique among all
    assert not missed(await on.change(count=N_WITH_IT, tables=tenants))
    prepare = store.sqlite_connection.prepare_writer

    def without_the_setting(connection: Any, *, lock_wait_s: float) -> None:
        prepare(connection, lock_wait_s=lock_wait_s)
        connection.set_authorizer(None)
        connection.execute("PRAGMA recursive_triggers = OFF")
        connection.set_authorizer(connection.may)

    monkeypatch.setattr("store.sqlite.prepare_writer", without_the_setting)
    assert missed(await on.change(tables=tenants))


# PostgreSQL


class OnPostgresql:
    """Hunts on copies of one database."""

    def __init__(self, marked: Marked, superuser_url: str) -> None:
        self._marked = marked
        self.superuser_url = superuser_url

    async def read(
        self, *without: str, role: str = SERVING, road: str = "read", count: int = N
    ) -> Tally:
        """Look. ``without``: what is taken away before."""
        async with on_postgresql(self._marked.both, self.superuser_url, role=role) as ground:
            await ground.by_owner(*without)
            return await hunt_by_reading(
                ground,
                RandomQueries("postgresql", SEED).draw,
                count,
                ask=getattr(ground, road),
                every=7 if road == "read" else 1,
            )

    async def change(self, *without: str) -> Tally:
        async with on_postgresql(self._marked.both, self.superuser_url) as ground:
            await ground.by_owner(*without)
            return await hunt_by_changing(ground, RandomChanges("postgresql", SEED).draw, N)


@pytest.fixture
def there(marked_postgresql: Marked, postgres_url: str) -> OnPostgresql:
    return OnPostgresql(marked_postgresql, postgres_url)


def on_every_table(statement: str) -> list[str]:
    return [statement.format(table=table) for table in TENANT_TABLES]


@pytest.fixture
def unasked(monkeypatch: Patch) -> None:
    """The server does not ask what its role can do."""
    monkeypatch.setattr(store.postgresql, "_DANGER", "SELECT NULL")


async def test_row_level_security_is_enabled(there: OnPostgresql, unasked: None) -> None:
    """Out of the way: that the server refuses to serve without it."""
    assert missed(
        await there.read(*on_every_table("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))
    )


async def test_the_policy_says_whose_rows_are_seen(there: OnPostgresql) -> None:
    policy = "ALTER POLICY tenant_isolation ON {table} USING (true)"
    assert missed(await there.read(*on_every_table(policy)))


async def test_the_policy_says_whose_rows_are_written(there: OnPostgresql) -> None:
    policy = "ALTER POLICY tenant_isolation ON {table} WITH CHECK (true)"
    assert missed(await there.change(*on_every_table(policy)))


async def test_row_level_security_is_forced_on_the_owner(
    there: OnPostgresql, unasked: None
) -> None:
    """Out of the way: that the server refuses to serve as the owner."""
    assert not missed(await there.read(role=OWNER, count=N_WITH_IT))
    without = on_every_table("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    assert missed(await there.read(*without, role=OWNER))


async def test_the_role_cannot_bypass(there: OnPostgresql, unasked: None) -> None:
    """Out of the way: that the server refuses such a role when it starts."""
    await administer(
        there.superuser_url, "CREATE ROLE hunt_bypass LOGIN BYPASSRLS IN ROLE valor_app"
    )
    try:
        assert missed(await there.read(role="hunt_bypass"))
    finally:
        await administer(there.superuser_url, "DROP ROLE hunt_bypass")


async def test_the_role_has_no_right_but_those_that_policies_check(
    there: OnPostgresql, unasked: None
) -> None:
    """Out of the way: that the server refuses a role that has."""
    assert missed(await there.change(*on_every_table("GRANT TRUNCATE ON {table} TO valor_app")))


async def test_a_tenant_is_set_for_one_transaction(there: OnPostgresql, monkeypatch: Patch) -> None:
    """Out of the way: that whoever looks begins a transaction, with a tenant of its own."""
    assert not missed(await there.read(road="read_outside", count=N_WITH_IT))
    begin = store.postgresql.TenantTransaction.__init__

    def for_ever(self: Any, connection: Any) -> None:
        begin(self, connection)
        self._begin = self._begin.replace("SET LOCAL", "SET") + "; COMMIT; BEGIN"

    monkeypatch.setattr(store.postgresql.TenantTransaction, "__init__", for_ever)
    assert missed(await there.read(road="read_outside"))


async def test_a_connection_to_postgresql_that_comes_back_serves_nobody(
    there: OnPostgresql, monkeypatch: Patch
) -> None:
    """Out of the way: that whoever takes a connection says for whom."""
    assert not missed(await there.read(road="read_forgetting", count=N_WITH_IT))
    never_forget(monkeypatch, store.postgresql.TenantConnection)
    assert missed(await there.read(road="read_forgetting"))
