# ruff: noqa: S608 - what is refused here has to be written as text
from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from store.database import Database
from store.errors import AccessRefused, DatabaseAway, DatabaseBusy
from store.financial_models import FinancialModels
from store.sqlite_guard import WritingConnection
from store.tables import TENANT_TABLES
from store.valuations import Valuations
from tests.mirror.store.world import (
    CANARY,
    LATER,
    NOON,
    OURS,
    THEIRS,
    Place,
    content_id,
    decided,
    model,
    opened,
    operation,
    settle,
    valuation,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shared(sqlite: Database) -> Database:
    """Both tenants keep a valuation of the same id."""
    await Valuations(sqlite).keep(OURS, valuation(result="ours"))
    await Valuations(sqlite).keep(THEIRS, valuation(result=CANARY))
    return sqlite


async def read(database: Database, sql: str) -> list[tuple[Any, ...]]:
    """What raw SQL finds on a connection that reads for us."""
    async with database._driver(database._read) as reader:
        reader.serve(OURS)
        found: list[tuple[Any, ...]] = await reader.run(lambda c: c.execute(sql).fetchall())
        return found


async def write(database: Database, sql: str) -> None:
    """Raw SQL on the connection that writes for us."""
    async with database.writing(OURS) as session:
        await session._connection.exec_driver_sql(sql)


REFUSAL = "refused|not authorized|prohibited|authorization|no such table|may not be modified|vtable"

ONLY_OURS = [
    "SELECT result FROM valuation",
    "SELECT v.result FROM valuation v LEFT JOIN valuation w ON 1",
    "WITH mine AS (SELECT * FROM valuation) SELECT result FROM mine",
    "SELECT result FROM temp.valuation",
    "SELECT max(result) FROM valuation GROUP BY id",
    f"SELECT result FROM valuation WHERE tenant_id = '{THEIRS.hex}' OR 1",
    f"SELECT name FROM tenant UNION SELECT name FROM member WHERE tenant_id = '{THEIRS.hex}'",
]

AROUND = [
    "SELECT result FROM main.valuation",
    "SELECT count(*) FROM main.valuation",
    "SELECT rowid FROM main.valuation",
    "SELECT (SELECT max(result) FROM main.valuation)",
    "WITH valuation AS (SELECT * FROM main.valuation) SELECT result FROM valuation",
    "WITH valuation AS MATERIALIZED (SELECT * FROM main.valuation) SELECT result FROM valuation",
    (
        "WITH RECURSIVE valuation(n) AS (SELECT result FROM main.valuation UNION SELECT n FROM"
        " valuation) SELECT n FROM valuation"
    ),
    "WITH tenant AS (SELECT * FROM main.member) SELECT name FROM tenant",
    "SELECT result FROM (SELECT * FROM main.valuation) AS valuation",
    "SELECT name FROM sqlite_master",
    "SELECT sql FROM sqlite_temp_master",
    "SELECT sql FROM temp.sqlite_schema",
    "SELECT name FROM pragma_table_list",
    "SELECT name FROM pragma_table_info('valuation')",
    "PRAGMA query_only = OFF",
    "PRAGMA database_list",
    "PRAGMA writable_schema = ON",
    "ATTACH DATABASE 'valor.db' AS again",
    "DETACH DATABASE main",
    "DROP VIEW temp.valuation",
    "CREATE TEMP VIEW mine AS SELECT * FROM main.valuation",
    "CREATE TEMP TABLE mine AS SELECT * FROM main.valuation",
    "ALTER TABLE main.valuation RENAME TO mine",
    "DELETE FROM main.valuation",
    "INSERT INTO main.tenant SELECT * FROM main.tenant",
    "UPDATE main.valuation SET result = result RETURNING result",
    "SELECT load_extension('anything')",
    "VACUUM INTO 'copy.db'",
    "EXPLAIN SELECT result FROM main.valuation",
    "ANALYZE",
    "SELECT * FROM dbstat",
    "SELECT * FROM sqlite_dbpage",
]


@pytest.mark.parametrize("sql", ONLY_OURS)
async def test_whatever_is_read_is_ours(shared: Database, sql: str) -> None:
    assert await read(shared, sql) in ([("ours",)], [("Ours",)])


@pytest.mark.parametrize("sql", AROUND)
async def test_there_is_no_way_around_the_view(shared: Database, sql: str) -> None:
    with pytest.raises(Exception, match=REFUSAL):
        await read(shared, sql)
    assert await read(shared, "SELECT result FROM valuation") == [("ours",)]


async def test_nobody_sees_nothing(shared: Database) -> None:
    async with shared._driver(shared._read) as reader:
        for table in TENANT_TABLES:
            text = f"SELECT count(*) FROM {table}"
            assert await reader.run(lambda c, text=text: c.execute(text).fetchone()) == (0,)


async def test_a_connection_forgets_whom_it_served(shared: Database) -> None:
    async with shared.reading(OURS) as session:
        pooled = await session._connection.get_raw_connection()
        connection = pooled.driver_connection
    assert await connection.run(lambda c: c.execute("SELECT valor_tenant()").fetchone()) == (None,)


ROW = "'DCF', 1, '', '', '', '', '', '', NULL, '2026-03-01 12:00:00.000000', 0, NULL"

NOT_OURS_TO_WRITE = [
    f"INSERT INTO main.valuation VALUES ('{THEIRS.hex}', '{content_id(1)}', {ROW})",
    f"INSERT OR REPLACE INTO main.valuation VALUES ('{THEIRS.hex}', '{content_id(1)}', {ROW})",
    f"INSERT OR IGNORE INTO main.valuation VALUES ('{THEIRS.hex}', '{content_id(1)}', {ROW})",
    f"UPDATE main.tenant SET name = 'mine' WHERE tenant_id = '{THEIRS.hex}'",
    "UPDATE main.tenant SET name = 'mine'",
    f"UPDATE main.member SET tenant_id = '{THEIRS.hex}'",
    f"UPDATE main.member SET tenant_id = '{OURS.hex}', id = 'stolen' WHERE name = '{CANARY}'",
    f"DELETE FROM main.valuation WHERE tenant_id = '{THEIRS.hex}'",
    "DELETE FROM main.valuation",
    "DELETE FROM main.tenant",
    # The slug is another's: replacing would delete that tenant's row by the way.
    f"INSERT OR REPLACE INTO main.tenant VALUES ('{OURS.hex}', 'tenant-b', 'x', 'PRO', '2026')",
    f"UPDATE main.valuation SET result = 'better' WHERE tenant_id = '{OURS.hex}'",
    f"DELETE FROM main.tenant WHERE tenant_id = '{OURS.hex}'",
    "DROP TRIGGER valuation_delete_tenant",
    "DROP TABLE valuation",
    "CREATE TABLE mine (x)",
    "ALTER TABLE main.valuation ADD COLUMN mine",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA synchronous = OFF",
    "ATTACH DATABASE 'other.db' AS other",
    "INSERT INTO alembic_version VALUES ('9999')",
    "DELETE FROM sqlite_master",
]


@pytest.mark.parametrize("sql", NOT_OURS_TO_WRITE)
async def test_the_database_refuses_to_write_what_is_not_ours(shared: Database, sql: str) -> None:
    with pytest.raises(Exception, match=REFUSAL):
        await write(shared, sql)
    for tenant_id, result in ((OURS, "ours"), (THEIRS, CANARY)):
        found = await Valuations(shared).find(tenant_id, valuation().id)
        assert found == valuation(result=result)


async def test_a_foreign_row_is_refused_in_the_stores_own_words(shared: Database) -> None:
    with pytest.raises(AccessRefused):
        await shared._group_commit.write(
            OURS,
            lambda c: c.execute("DELETE FROM main.valuation WHERE tenant_id = ?", (THEIRS.hex,)),
        )


async def test_a_connection_without_our_function_cannot_write(sqlite_place: Place) -> None:
    path = sqlite_place.url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as stranger, pytest.raises(sqlite3.OperationalError):
        stranger.execute(f"INSERT INTO tenant VALUES ('{OURS.hex}', 'a', 'a', 'PRO', '2026')")
    stranger.close()


async def test_a_commit_is_on_the_disk_and_every_rule_holds(sqlite: Database) -> None:
    await Valuations(sqlite).keep(OURS, valuation())
    connection = sqlite._one_writer._held.driver
    await connection.run(lambda c: c.set_authorizer(None))  # to be able to ask
    for setting, value in {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "busy_timeout": 30_000,
    }.items():
        text = f"PRAGMA {setting}"
        assert await connection.run(lambda c, text=text: c.execute(text).fetchone()) == (value,)


async def test_another_process_can_read_what_was_just_acknowledged(
    sqlite: Database, sqlite_place: Place
) -> None:
    await Valuations(sqlite).keep(OURS, valuation())
    stranger = sqlite3.connect(sqlite_place.url.removeprefix("sqlite:///"))
    found = stranger.execute("SELECT computed_at FROM valuation").fetchall()
    stranger.close()
    assert found == [("2026-03-01 12:00:00.123456",)]


@asynccontextmanager
async def locked(place: Place) -> AsyncIterator[None]:
    """Another process has begun to write."""
    other = sqlite3.connect(place.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_file_that_another_process_locks_is_busy_and_then_not(
    sqlite_place: Place,
) -> None:
    async with opened(sqlite_place.url, lock_wait_s=0.05) as database:
        await settle(database)
        valuations = Valuations(database)
        async with locked(sqlite_place):
            with pytest.raises(DatabaseBusy) as busy:
                await valuations.keep(OURS, valuation())
            assert busy.value.retry_after_s > 0
            assert await valuations.find(OURS, valuation().id) is None  # readers do not wait
        assert await valuations.keep(OURS, valuation()) == NOON


async def test_a_writer_who_stays_too_long_makes_the_others_busy(sqlite_place: Place) -> None:
    async with opened(sqlite_place.url, pool_wait_s=0.05) as database:
        await settle(database)
        valuations = Valuations(database)
        async with database.writing(THEIRS):
            with pytest.raises(DatabaseBusy):
                await valuations.keep(OURS, valuation())
        assert await valuations.keep(OURS, valuation()) == NOON


def remove(place: Place) -> Path:
    path = Path(place.url.removeprefix("sqlite:///"))
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)
    return path


async def test_a_file_that_was_deleted_keeps_nothing_and_says_so(
    sqlite: Database, sqlite_place: Place
) -> None:
    valuations = Valuations(sqlite)
    await valuations.keep(OURS, valuation())
    assert await valuations.find(OURS, valuation().id) == valuation()
    remove(sqlite_place)
    with pytest.raises(DatabaseAway):
        await valuations.keep(OURS, valuation("more"))
    with pytest.raises(DatabaseAway):
        await valuations.find(OURS, valuation().id)
    with pytest.raises(DatabaseAway):
        await sqlite.ping()
    with pytest.raises(DatabaseAway):
        async with sqlite.writing(OURS):
            raise AssertionError("nobody writes into a file without a name")
    assert await sqlite.behind()


async def test_a_file_that_took_the_name_is_used_from_then_on(
    sqlite: Database, sqlite_place: Place, sqlite_template: Path
) -> None:
    valuations = Valuations(sqlite)
    await valuations.keep(OURS, valuation())
    assert await valuations.find(OURS, valuation().id) == valuation()
    shutil.copy(sqlite_template, remove(sqlite_place))
    assert await valuations.find(OURS, valuation().id) is None
    await settle(sqlite)
    assert await valuations.keep(OURS, valuation()) == NOON


async def test_a_file_that_is_no_database_is_away(tmp_path: Path) -> None:
    path = tmp_path / "valor.db"
    path.write_bytes(b"a letter to the shareholders" * 100)
    async with opened(f"sqlite:///{path}") as database:
        with pytest.raises(DatabaseAway):
            await database.ping()
        with pytest.raises(DatabaseAway):
            await Valuations(database).keep(OURS, valuation())


def limited(pages: int) -> Any:
    """What makes the file as small as a full disk would."""

    def work(c: WritingConnection) -> None:
        c.set_authorizer(None)
        c.execute(f"PRAGMA max_page_count = {pages}")
        c.set_authorizer(c.may)

    return work


async def test_a_disk_that_is_full_keeps_nothing_and_the_writer_goes_on(sqlite: Database) -> None:
    valuations = Valuations(sqlite)
    await valuations.keep(OURS, valuation())
    connection = sqlite._one_writer._held.driver
    await connection.run(limited(1))  # SQLite rounds it up to what is used
    told = await asyncio.gather(
        *(valuations.keep(OURS, valuation(n, result="x" * 50_000)) for n in range(5)),
        return_exceptions=True,
    )
    assert {type(each) for each in told} == {DatabaseAway}
    await connection.run(limited(100_000))
    assert await valuations.keep(OURS, valuation("afterwards")) == NOON


async def test_a_disk_that_is_full_keeps_no_half_of_an_edit(sqlite: Database) -> None:
    models = FinancialModels(sqlite)
    await models.create(OURS, model(), operation())
    connection = sqlite._one_writer._held.driver
    await connection.run(limited(1))
    for turn, size in enumerate((10, 1_000, 5_000, 50_000) * 3):  # it fails here or there
        larger = '{"x":"' + "x" * size + '"}'
        await asyncio.gather(
            *(
                models.append(OURS, model().id, operation(f"{turn}-{n}"), growing(larger))
                for n in range(3)
            ),
            return_exceptions=True,
        )
    with pytest.raises(DatabaseAway):
        await models.append(OURS, model().id, operation("x"), growing("x" * 100_000))
    log = await models.operations(OURS, model().id, limit=99)
    found = await models.find(OURS, model().id)
    assert found is not None
    assert [each.seq for each in log] == list(range(1, found.revision + 1))
    left = await models.left_in_outbox(OURS, LATER, 99)
    assert sorted(left) == [(model().id, each.seq) for each in log]
    await connection.run(limited(100_000))
    assert await models.append(OURS, model().id, operation("x"), growing("{}"))


def growing(text: str) -> Any:
    return lambda before, _: decided(before, inputs=text, changes=text)


async def test_the_pool_of_readers_runs_out_as_busy(sqlite_place: Place) -> None:
    async with opened(sqlite_place.url, read_connections=1, pool_wait_s=0.05) as database:
        async with database.reading(OURS):
            with pytest.raises(DatabaseBusy):
                await database.ping()
        await database.ping()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/name"])
def test_a_database_that_cannot_keep_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SQLite"):
        Database.open(url)


async def test_a_question_ends_with_whoever_asked_it(sqlite: Database) -> None:
    under_way = asyncio.Event()
    loop = asyncio.get_running_loop()

    ends: list[str] = []

    def ask(connection: sqlite3.Connection) -> None:
        connection.create_function(
            "begun", 0, lambda: loop.call_soon_threadsafe(under_way.set) is not None
        )
        try:
            connection.execute(
                "WITH RECURSIVE n(i) AS "
                "(SELECT begun() UNION ALL SELECT i + 1 FROM n WHERE i < 3e7) SELECT max(i) FROM n"
            ).fetchall()
            ends.append("answered")
        except sqlite3.OperationalError as no:
            ends.append(str(no))

    async def read() -> None:
        async with sqlite._driver(sqlite._read) as reader:
            await reader.run(ask)

    asking = asyncio.ensure_future(read())
    async with asyncio.timeout(30.0):
        await under_way.wait()
    asking.cancel()
    await asyncio.wait([asking])
    assert (asking.cancelled(), ends) == (True, ["interrupted"])


async def test_a_connection_whose_borrower_left_is_not_lent_again(sqlite_place: Place) -> None:
    """Its statement may still be under way, and with it the tenant it was for."""
    async with opened(sqlite_place.url, read_connections=1) as database:
        for lend in (
            lambda: database._driver(database._read),
            database._one_writer.lent,
        ):
            async with lend() as lent:
                first = getattr(lent, "driver", lent)
            async with lend() as lent:
                assert getattr(lent, "driver", lent) is first
            task = asyncio.ensure_future(borrow_for_ever(lend))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with lend() as lent:
                assert getattr(lent, "driver", lent) is not first


async def borrow_for_ever(lend: Any) -> None:
    async with lend():
        await asyncio.Event().wait()
