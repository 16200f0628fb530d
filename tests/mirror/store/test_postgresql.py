# ruff: noqa: S608 - what is refused here has to be written as text
from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict
from typing import Any

import asyncpg
import pytest

from store import scope
from store.database import Database
from store.errors import (
    AccessRefused,
    DangerousRole,
    DatabaseAway,
    DatabaseBusy,
    DatabaseFault,
    translate,
)
from store.tables import TENANT_TABLES, MemberRow, ValuationRow
from store.valuations import Valuations
from tests.mirror.store.conftest import administer, role_url
from tests.mirror.store.world import (
    CANARY,
    LATER,
    NOON,
    OURS,
    THEIRS,
    Place,
    member,
    opened,
    settle,
    valuation,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shared(postgres: Database) -> Database:
    """Both tenants keep a valuation of the same id."""
    await Valuations(postgres).keep(OURS, valuation(result="ours"))
    await Valuations(postgres).keep(THEIRS, valuation(result=CANARY))
    return postgres


async def read(database: Database, sql: str) -> list[Any]:
    """The first column of what raw SQL finds on a connection that reads for us."""
    async with database.reading(OURS) as session:
        found = await session._connection.exec_driver_sql(sql)
        return list(found.scalars().all())


async def write(database: Database, *sql: str) -> None:
    async with database.writing(OURS) as session:
        for statement in sql:
            await session._connection.exec_driver_sql(statement)


ONLY_OURS = [
    "SELECT result FROM valuation",
    "SELECT result FROM public.valuation",
    "SELECT max(result) FROM valuation GROUP BY id",
    "WITH valuation AS (SELECT * FROM public.valuation) SELECT result FROM valuation",
    f"SELECT result FROM valuation WHERE tenant_id = '{THEIRS}' OR true",
    "SELECT v.result FROM valuation v LEFT JOIN valuation w ON true",
    "SELECT v.result FROM valuation v, LATERAL (SELECT * FROM valuation) w",
    "TABLE member UNION ALL TABLE member LIMIT 0",
    # Changing the tenant while looking does not change what is looked at.
    f"SELECT result FROM valuation, set_config('valor.tenant_id', '{OURS}', true)",
]


@pytest.mark.parametrize("sql", ONLY_OURS)
async def test_whatever_is_read_is_ours(shared: Database, sql: str) -> None:
    assert await read(shared, sql) in ([], ["ours"])


NOT_OURS_TO_DO = [
    "SELECT usename FROM pg_shadow",
    "SELECT pg_read_file('PG_VERSION')",
    "SET ROLE valor_owner",
    "SET SESSION AUTHORIZATION valor_owner",
    "ALTER TABLE valuation DISABLE ROW LEVEL SECURITY",
    "DROP POLICY tenant_isolation ON valuation",
    "CREATE POLICY mine ON valuation USING (true)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE mine (x int)",
    "TRUNCATE valuation",
    "DELETE FROM tenant",
    "UPDATE valuation SET result = 'better'",
    "UPDATE alembic_version SET version_num = '9999'",
    f"UPDATE member SET tenant_id = '{THEIRS}'",
    f"INSERT INTO member VALUES ('{THEIRS}', gen_random_uuid(), 's', 'n', 'OWNER')",
    (
        "INSERT INTO valuation SELECT"
        f' (jsonb_populate_record(v, \'{{"tenant_id": "{THEIRS}"}}\')).* FROM valuation v'
    ),
    "SET LOCAL row_security = off; SELECT 1",
    "COPY valuation TO PROGRAM 'cat'",
]


@pytest.mark.parametrize("sql", NOT_OURS_TO_DO)
async def test_the_role_that_serves_cannot(shared: Database, sql: str) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 (its kind is asserted below)
        await write(shared, sql)
    # 42501: insufficient privilege; 42601: two statements in one
    assert getattr(translate(refused.value), "code", "") in ("42501", "42601")
    for tenant_id, result in ((OURS, "ours"), (THEIRS, CANARY)):
        found = await Valuations(shared).find(tenant_id, valuation().id)
        assert found == valuation(result=result)


@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM outbox WHERE tenant_id = '{THEIRS}'",
        f"UPDATE member SET name = 'mine' WHERE tenant_id = '{THEIRS}'",
        "UPDATE member SET name = 'mine' WHERE subject = 'subject-2'",
    ],
)
async def test_what_is_not_ours_is_not_there_to_change(shared: Database, sql: str) -> None:
    await write(shared, sql)
    async with shared.reading(THEIRS) as session:
        found = await session._connection.exec_driver_sql(
            "SELECT name FROM member UNION SELECT result FROM valuation"
        )
        assert found.scalars().all() == [CANARY]


async def test_row_security_off_is_an_error_and_not_a_way_around(shared: Database) -> None:
    with pytest.raises(Exception, match="row-level security"):
        await write(shared, "SET LOCAL row_security = off", "SELECT * FROM valuation")


async def test_a_connection_for_reading_does_not_write(shared: Database) -> None:
    with pytest.raises(Exception, match="read-only"):
        await read(shared, "DELETE FROM valuation RETURNING result")


async def test_nobody_sees_nothing(shared: Database) -> None:
    async with shared._driver(shared._read) as connection:
        for table in TENANT_TABLES:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_connection_forgets_whom_it_served(shared: Database) -> None:
    for lend in (shared.reading, shared.writing):
        async with lend(OURS) as session:
            pooled = await session._connection.get_raw_connection()
            connection = pooled.driver_connection
            assert connection.tenant == str(OURS)
        assert connection.tenant == ""
    async with shared._lent(shared._read, OURS) as lent:
        (await lent.get_raw_connection()).driver_connection.serve(None)
        found = await lent.exec_driver_sql("SELECT count(*) FROM valuation")
        assert found.scalar_one() == 0


async def test_a_setting_that_outlives_its_transaction_serves_no_one_else(
    shared: Database,
) -> None:
    """SET without LOCAL stays on the connection; the next transaction sets its own."""
    async with shared.writing(THEIRS) as session:
        await session._connection.exec_driver_sql(f"SET valor.tenant_id = '{THEIRS}'")
    async with shared.writing(OURS) as session:
        found = await session._connection.exec_driver_sql("SELECT result FROM valuation")
        assert found.scalars().all() == ["ours"]
    assert await Valuations(shared).keep(OURS, valuation("next")) == NOON


async def test_a_temporary_table_does_not_stand_in_for_a_tenants(shared: Database) -> None:
    with contextlib.suppress(Exception):  # the right to make one may be taken away as well
        await write(shared, "CREATE TEMP TABLE valuation (result text)")
    async with shared.writing(OURS) as session:
        found = await session._connection.exec_driver_sql("SELECT result FROM valuation")
        assert found.scalars().all() == ["ours"]


async def test_a_row_of_another_tenant_is_refused_in_the_stores_own_words(
    shared: Database,
) -> None:
    async with shared.writing(OURS) as session:
        session._tenant_id = THEIRS  # as a mistake of ours would
        with pytest.raises(AccessRefused):
            await session.add_if_absent(MemberRow, **asdict(member(7)))
        await session._connection.rollback()


class Counted:
    """Counts the statements that reach the server."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __call__(self, record: Any) -> None:
        self.statements.append(record.query)


async def counting(database: Database, engine: Any) -> Counted:
    """From now on; the engine has one connection."""
    counted = Counted()
    async with database._driver(engine) as connection:
        connection.add_query_logger(counted)
    return counted


async def test_keeping_is_one_round_trip_and_so_is_keeping_again(postgres_place: Place) -> None:
    async with opened(postgres_place.url, read_connections=1, write_connections=1) as database:
        await settle(database)
        valuations = Valuations(database)
        written = await counting(database, database._write)
        looked = await counting(database, database._read)
        assert await valuations.keep(OURS, valuation()) == NOON
        assert await valuations.keep(OURS, valuation(computed_at=LATER)) == NOON
        await asyncio.sleep(0)  # asyncpg tells its loggers on the next turn
        assert len(written.statements) == 2
        assert looked.statements == []


async def test_who_comes_second_in_a_race_learns_the_first_moment(
    postgres: Database, postgres_url: str, postgres_place: Place
) -> None:
    """The statement began before the first was committed, so it cannot see the row itself."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
    name = postgres_place.url.rsplit("/", 1)[1]
    async with postgres.writing(OURS) as session:
        await session.add_if_absent(ValuationRow, **asdict(valuation()))
        second = asyncio.ensure_future(
            Valuations(postgres).keep(OURS, valuation(computed_at=LATER))
        )
        watcher = await asyncpg.connect(postgres_url)
        async with asyncio.timeout(60):
            while not await watcher.fetchval(waits, name):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)
        await watcher.close()
    assert await second == NOON


async def test_a_transaction_begins_with_its_tenant_in_one_message(
    postgres_place: Place,
) -> None:
    async with opened(postgres_place.url, read_connections=1) as database:
        looked = await counting(database, database._read)
        await database.all(OURS, scope.select(MemberRow))
        await asyncio.sleep(0)  # asyncpg tells its loggers on the next turn
    begin, select, rollback = looked.statements
    assert begin.startswith("BEGIN ")
    assert begin.endswith(f"SET LOCAL valor.tenant_id = '{OURS}'")
    assert "FROM member" in " ".join(select.split())
    assert rollback == "ROLLBACK"


async def test_finding_is_one_round_trip(postgres_place: Place) -> None:
    async with opened(postgres_place.url, read_connections=1) as database:
        await settle(database)
        await Valuations(database).keep(OURS, valuation())
        looked = await counting(database, database._read)
        assert await Valuations(database).find(OURS, valuation().id) == valuation()
        assert await Valuations(database).find(THEIRS, valuation().id) is None
        await asyncio.sleep(0)  # asyncpg tells its loggers on the next turn
    assert len(looked.statements) == 2


async def test_a_transaction_that_failed_is_never_taken_for_committed(
    postgres: Database,
) -> None:
    async def carry_on() -> None:
        async with postgres.writing(OURS) as session:
            with contextlib.suppress(Exception):
                await session._connection.exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(DatabaseFault, match="not committed"):
        await carry_on()


@pytest.mark.parametrize(
    ("role", "why"),
    [("SUPERUSER", "superuser"), ("BYPASSRLS", "bypass"), ("CREATEROLE", "create roles")],
)
async def test_a_role_that_could_bypass_is_refused(
    postgres_url: str, postgres_place: Place, role: str, why: str
) -> None:
    name = f"dangerous_{role.lower()}_{postgres_place.url.rsplit('/', 1)[1]}"
    await administer(postgres_url, f"CREATE ROLE {name} LOGIN {role}")
    try:
        await refused_as(role_url(postgres_url, name, postgres_place.url.rsplit("/", 1)[1]), why)
    finally:
        await administer(postgres_url, f"DROP ROLE {name}")


async def test_the_role_that_owns_the_tables_is_refused(postgres_place: Place) -> None:
    await refused_as(postgres_place.owner_url, "owns tables")


async def test_a_role_that_can_become_the_owner_is_refused(
    postgres_url: str, postgres_place: Place
) -> None:
    name = f"heir_{postgres_place.url.rsplit('/', 1)[1]}"
    await administer(
        postgres_url, f"CREATE ROLE {name} LOGIN NOINHERIT", f"GRANT valor_owner TO {name}"
    )
    try:
        await refused_as(
            role_url(postgres_url, name, postgres_place.url.rsplit("/", 1)[1]), "owns tables"
        )
    finally:
        await administer(postgres_url, f"DROP ROLE {name}")


async def refused_as(url: str, why: str) -> None:
    async with opened(url) as database:
        with pytest.raises(DangerousRole, match=why):
            await database.ping()
        with pytest.raises(DangerousRole, match=why):
            await Valuations(database).keep(OURS, valuation())


async def test_a_statement_that_takes_too_long_is_busy(postgres_place: Place) -> None:
    async with opened(postgres_place.url, statement_s=0.1) as database:
        with pytest.raises(Exception, match="timeout") as stopped:
            await read(database, "SELECT pg_sleep(30)")
        assert isinstance(translate(stopped.value), DatabaseBusy)
        await database.ping()


async def test_the_pool_runs_out_as_busy(postgres_place: Place) -> None:
    async with (
        opened(postgres_place.url, write_connections=1, pool_wait_s=0.05) as database,
        database.writing(OURS),
    ):
        with pytest.raises(DatabaseBusy) as busy:
            await Valuations(database).keep(OURS, valuation())
        assert busy.value.retry_after_s > 0


async def test_connections_that_the_server_closed_are_replaced(
    postgres: Database, postgres_url: str, postgres_place: Place
) -> None:
    valuations = Valuations(postgres)
    await valuations.keep(OURS, valuation())
    name = postgres_place.url.rsplit("/", 1)[1]
    await administer(
        postgres_url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND usename = 'valor_app'",
    )

    async def works() -> bool:
        try:
            return await valuations.find(OURS, valuation().id) == valuation()
        except DatabaseAway:  # until the loop has read that the socket was closed
            return False

    async with asyncio.timeout(60):
        while not await works():  # noqa: ASYNC110 (the server closes it when it likes)
            await asyncio.sleep(0)
    assert await valuations.keep(OURS, valuation("more")) == NOON


async def test_a_server_that_is_not_there_is_away() -> None:
    async with opened("postgresql://valor_app@127.0.0.1:1/valor") as database:
        with pytest.raises(DatabaseAway):
            await database.ping()
        with pytest.raises(DatabaseAway):
            await Valuations(database).keep(OURS, valuation())
        with pytest.raises(DatabaseAway):
            await database.behind()


async def test_a_database_or_role_that_is_not_there_is_away(postgres_url: str) -> None:
    for url in (
        role_url(postgres_url, "valor_app", "nowhere"),
        role_url(postgres_url, "nobody_at_all", "postgres"),
    ):
        async with opened(url) as database:
            with pytest.raises(DatabaseAway):
                await database.ping()


async def test_cancelling_a_caller_cancels_the_query(
    postgres: Database, postgres_url: str, postgres_place: Place
) -> None:
    task = asyncio.ensure_future(read(postgres, "SELECT pg_sleep(30) /* slow */"))
    watcher = await asyncpg.connect(postgres_url)
    asleep = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* slow */%' "
        "AND state = 'active' AND usename = 'valor_app'"
    )
    async with asyncio.timeout(60):
        while not await watcher.fetchval(asleep):  # noqa: ASYNC110 (another process' state)
            await asyncio.sleep(0.01)
        task.cancel()
        while await watcher.fetchval(asleep):  # noqa: ASYNC110 (another process' state)
            await asyncio.sleep(0.01)
    await watcher.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    await postgres.ping()
