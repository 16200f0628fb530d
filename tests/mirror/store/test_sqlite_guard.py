# ruff: noqa: S608 - what is refused here has to be written as text
from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from store.database import Database
from store.sqlite_guard import changed_by
from store.tables import TENANT_TABLES
from store.valuations import Valuations
from tests.mirror.store.world import (
    CANARY,
    OURS,
    THEIRS,
    Place,
    member,
    opened,
    settle,
    valuation,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO main.member (id) VALUES (?)",
        "insert into main.member values (?) on conflict do nothing",
        "UPDATE main.member SET name=? WHERE main.member.tenant_id = ? AND main.member.id = ?",
        "DELETE FROM main.member WHERE (main.member.id) IN (VALUES (?), (?))",
        "\n  UPDATE main.member SET name = (SELECT max(name) FROM member)",
        "UPDATE main.member SET name='remains'",
    ],
)
async def test_a_change_of_one_table_is_known(sql: str) -> None:
    assert changed_by(sql) == "member"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM main.member",
        "UPDATE member SET name = ?",
        "UPDATE main.sqlite_master SET sql = ?",
        "UPDATE main.alembic_version SET version_num = ?",
        "UPDATE main.members SET name = ?",
        "INSERT OR REPLACE INTO main.member VALUES (?)",
        "REPLACE INTO main.member VALUES (?)",
        "WITH x AS (SELECT 1) DELETE FROM main.member",
        "EXPLAIN DELETE FROM main.member",
        "UPDATE main.member SET name = (SELECT max(name) FROM main.member)",
        "UPDATE main.member SET name = (SELECT max(slug) FROM main.tenant)",
        'UPDATE main.member SET name = (SELECT max(slug) FROM "main"."tenant")',
        "UPDATE main.member SET name = (SELECT max(slug) FROM [MAIN] . tenant)",
        "UPDATE main.member SET name = (SELECT max(slug) FROM main/**/.tenant)",
        "UPDATE main.member SET name = 1 FROM main.tenant AS t",
        "INSERT INTO main.member SELECT * FROM main.member",
        "DELETE FROM main.member WHERE id IN main.member",
        "-- \nDELETE FROM main.member",
        'DELETE FROM main."member"',
    ],
)
async def test_anything_besides_is_no_change(sql: str) -> None:
    assert changed_by(sql) is None


@pytest.fixture
async def shared(sqlite: Database) -> Database:
    """Both tenants keep a valuation of the same id."""
    await Valuations(sqlite).keep(OURS, valuation(result="ours"))
    await Valuations(sqlite).keep(THEIRS, valuation(result=CANARY))
    return sqlite


async def written(database: Database, sql: str, *parameters: Any) -> list[Any]:
    """What raw SQL gives on the connection that writes for us."""
    writer: Any = database
    async with writer._one_writer.lent() as held:
        held.driver.serve(OURS)
        found: list[Any] = await held.driver.run(lambda c: c.execute(sql, parameters).fetchall())
        return found


async def test_the_writer_reads_our_rows_alone(shared: Database) -> None:
    assert await written(shared, "SELECT result FROM valuation") == [("ours",)]
    assert await written(shared, "SELECT count(*) FROM temp.member") == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT result FROM main.valuation",
        "SELECT count(*) FROM main.valuation",
        "WITH valuation AS (SELECT * FROM main.valuation) SELECT result FROM valuation",
        "INSERT INTO main.member SELECT tenant_id, id, name, name, role FROM main.member",
        "UPDATE main.member SET name = (SELECT max(name) FROM main.member)",
        "UPDATE main.member SET name = (SELECT max(slug) FROM main.tenant)",
        "UPDATE main.member SET name = t.name FROM main.tenant AS t",
        "DELETE FROM main.valuation WHERE id IN (SELECT id FROM main.valuation)",
        "DELETE FROM main.valuation WHERE 'tenant-b' IN (SELECT slug FROM main.tenant)",
    ],
)
async def test_the_writer_has_no_way_around_the_views(shared: Database, sql: str) -> None:
    with pytest.raises(Exception, match=r"not authorized|prohibited"):
        await written(shared, sql)


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_a_change_names_the_table_behind_the_view(shared: Database, table: str) -> None:
    for sql in (f"DELETE FROM {table}", f"UPDATE {table} SET tenant_id = tenant_id"):
        with pytest.raises(Exception, match="because it is a view"):
            await written(shared, sql)


async def test_a_change_asks_the_views_in_a_subquery(shared: Database) -> None:
    copy = (
        "INSERT INTO main.member (tenant_id, id, subject, name, role) "
        "SELECT tenant_id, ?, subject || 'x', name, role FROM member RETURNING name"
    )
    assert await written(shared, copy, member(9).id.hex) == [("Member 1",)]
    most = "UPDATE main.member SET name = (SELECT max(result) FROM valuation) RETURNING name"
    with pytest.raises(Exception, match="refused"):  # without a criterion it meets theirs
        await written(shared, most)
    most = most.replace(" RETURNING", f" WHERE main.member.tenant_id = '{OURS.hex}' RETURNING")
    assert set(await written(shared, most)) == {("ours",)}


async def test_several_rows_are_changed_one_by_one(shared: Database) -> None:
    def work(connection: Any) -> int:
        rows = [(OURS.hex, member(n).id.hex, f"s{n}", "n", "ADMIN") for n in (7, 8)]
        changed = connection.executemany(
            "INSERT INTO main.member (tenant_id, id, subject, name, role) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        return int(changed.rowcount)

    writer: Any = shared
    assert await writer._group_commit.write(OURS, work) == 2

    def steal(connection: Any) -> None:
        connection.executemany(
            "UPDATE main.member SET name = 'mine' WHERE tenant_id <> ?", [(OURS.hex,)]
        )

    with pytest.raises(Exception, match="does not give"):
        await writer._group_commit.write(OURS, steal)


@pytest.fixture
async def ahead(sqlite_place: Place) -> AsyncIterator[Database]:
    """A newer step has made a table, with a row of ours, and a view of it."""
    async with opened(sqlite_place.url) as database:
        await settle(database)
        with closing(sqlite3.connect(sqlite_place.url.removeprefix("sqlite:///"))) as owner:
            owner.executescript(
                "CREATE TABLE Later (tenant_id CHAR(32), member_id CHAR(32), word TEXT, "
                "FOREIGN KEY (tenant_id, member_id) REFERENCES member (tenant_id, id));"
                f"INSERT INTO later VALUES ('{OURS.hex}', '{member(1).id.hex}', 'later');"
                "CREATE VIEW seen_later AS SELECT * FROM later;"
            )
        yield database


async def test_the_keys_of_an_unknown_table_hold(ahead: Database) -> None:
    ours, new = f"tenant_id = '{OURS.hex}'", member(9).id.hex
    with pytest.raises(Exception, match="FOREIGN KEY"):  # SQLite looked at its row
        await written(ahead, f"UPDATE main.member SET id = '{new}' WHERE {ours}")
    await written(ahead, f"UPDATE main.member SET id = id WHERE {ours}")


@pytest.mark.parametrize(
    "asked",
    [
        "(SELECT tenant_id FROM later)",
        "(SELECT tenant_id FROM LATER)",
        "(SELECT l.member_id FROM Later AS l)",
        '(SELECT member_id FROM "lAtEr")',
        "(SELECT member_id FROM [later])",
        "(SELECT member_id FROM `later`)",
        "(SELECT member_id FROM 'later')",
        "(SELECT/**/member_id/**/FROM/**/later/**/)",
        "(SELECT max(member_id) FROM seen_later)",
        "(WITH w AS (SELECT * FROM later) SELECT member_id FROM w)",
        "(WITH tenant AS (SELECT * FROM later) SELECT tenant_id FROM tenant)",
        "(SELECT count(*) FROM later)",
        "(SELECT 'x' FROM later)",
        "(SELECT member_id FROM member JOIN later USING (tenant_id))",
        "(SELECT member_id FROM member NATURAL JOIN later)",
        "(SELECT max(sql) FROM sqlite_master)",
        "(SELECT max(sql) FROM sqlite_schema)",
        "(SELECT max(sql) FROM sqlite_temp_schema)",
        "(SELECT max(name) FROM pragma_table_info('member'))",
    ],
)
async def test_a_change_never_looks_at_an_unknown_table(ahead: Database, asked: str) -> None:
    ours = f"main.member.tenant_id = '{OURS.hex}'"
    for sql in (
        f"UPDATE main.member SET name = {asked} WHERE {ours}",
        f"UPDATE main.member SET name = 'x' WHERE {ours} RETURNING {asked}",
        f"UPDATE main.member SET id = id, name = (SELECT * FROM {asked}) WHERE {ours}",
        f"DELETE FROM main.invitation WHERE email IN {asked}",
        (
            "INSERT INTO main.member (tenant_id, id, subject, name, role) "
            f"VALUES ('{OURS.hex}', '{member(9).id.hex}', 'new', {asked}, 'VIEWER')"
        ),
        f"SELECT {asked}",
    ):
        # SQLite itself knows no common table expression in a clause RETURNING.
        with pytest.raises(Exception, match=r"not authorized|prohibited|no such table: w"):
            await written(ahead, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO main.later VALUES (1, 2, 3)",
        "UPDATE main.later SET word = 'x'",
        "DELETE FROM main.later",
        "CREATE TEMP VIEW mine AS SELECT * FROM later",
        "CREATE TEMP TRIGGER mine AFTER UPDATE ON main.member BEGIN SELECT * FROM later; END",
    ],
)
async def test_nothing_changes_an_unknown_table_or_leads_to_it(ahead: Database, sql: str) -> None:
    with pytest.raises(Exception, match="not authorized"):
        await written(ahead, sql)
