"""`valor migrate` finds whatever is made without protection, and undoes it.

Each test takes one thing away, or adds one, as a careless step or a hasty hand would.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.errors import MigrationRefused
from store.isolation import Isolated
from store.migrate import migrate
from store.migrations import protecting
from store.tables import TENANT_TABLES
from tests.contract.grounds import Marked, PostgresGround, SqliteGround, on_postgresql, on_sqlite
from tests.mirror.store.conftest import OWNER, SERVING, administer, role_url

pytestmark = pytest.mark.anyio


@pytest.fixture
async def postgresql(marked_postgresql: Marked, postgres_url: str) -> AsyncIterator[PostgresGround]:
    async with on_postgresql(marked_postgresql.alone, postgres_url) as ground:
        yield ground


@pytest.fixture
async def sqlite(marked_sqlite: Marked, tmp_path: Path) -> AsyncIterator[SqliteGround]:
    async with on_sqlite(marked_sqlite.alone, tmp_path) as ground:
        yield ground


MADE = "CREATE TABLE made (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id))"
POLICY = "CREATE POLICY tenant_isolation ON made USING (true) WITH CHECK (true)"

ON_POSTGRESQL = {
    "a table of no migration": ([MADE], "made is declared by no migration"),
    "a table without a tenant": (
        ["CREATE TABLE made (id uuid PRIMARY KEY)"],
        "made has no tenant_id at the head of its key",
    ),
    "a table with its tenant in the second place": (
        ["CREATE TABLE made (id uuid, tenant_id uuid, PRIMARY KEY (id, tenant_id))"],
        "made has no tenant_id at the head of its key",
    ),
    "a table without row-level security": ([MADE], "made has no row-level security"),
    "a table without force": ([MADE], "made has row-level security that is not forced"),
    "a table without a policy": ([MADE], "made has no policy"),
    "a policy for all": ([MADE, POLICY], "made has a policy that is not the one of tenants"),
    "a second policy": (
        ["CREATE POLICY more ON valuation FOR SELECT USING (true)"],
        "valuation has a policy that is not the one of tenants",
    ),
    "a policy without its check": (
        ["ALTER POLICY tenant_isolation ON run WITH CHECK (true)"],
        "run has a policy that is not the one of tenants",
    ),
    "a policy with another condition": (
        ["ALTER POLICY tenant_isolation ON run USING (tenant_id IS NOT NULL)"],
        "run has a policy that is not the one of tenants",
    ),
    "a policy for one role": (
        ["ALTER POLICY tenant_isolation ON member TO valor_owner"],
        "member has a policy that is not the one of tenants",
    ),
    "no security": (
        ["ALTER TABLE valuation DISABLE ROW LEVEL SECURITY"],
        "valuation has no row-level security",
    ),
    "no force": (
        ["ALTER TABLE valuation NO FORCE ROW LEVEL SECURITY"],
        "valuation has row-level security that is not forced",
    ),
    "a view": (["CREATE VIEW made AS SELECT * FROM valuation"], "made is read with its owner's"),
    "a materialized view": (
        ["CREATE MATERIALIZED VIEW made AS SELECT * FROM valuation"],
        "made is read with its owner's",
    ),
    "a view in another schema": (
        [
            "CREATE SCHEMA elsewhere",
            "GRANT USAGE ON SCHEMA elsewhere TO valor_app",
            "CREATE VIEW elsewhere.made AS SELECT * FROM valuation",
        ],
        "made is read with its owner's",
    ),
    "a function with its owner's rights": (
        ["CREATE FUNCTION made() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"],
        "made runs with its owner's rights",
    ),
    "a rule": (
        ["CREATE RULE made AS ON INSERT TO run DO ALSO NOTHING"],
        "run has a rule, which is run with its owner's rights",
    ),
    "a table of the serving role": (
        ["ALTER TABLE outbox OWNER TO valor_app"],
        "outbox belongs to the role that serves",
    ),
    "a right too many": (
        ["GRANT UPDATE ON valuation TO valor_app"],
        "valuation gives the role that serves a right too many: UPDATE",
    ),
    "a right that no policy checks": (
        ["GRANT TRUNCATE ON run TO PUBLIC"],
        "run gives the role that serves a right too many: TRUNCATE",
    ),
    "a right to one column": (
        ["GRANT UPDATE (result) ON valuation TO valor_app"],
        "valuation gives the role that serves a right too many: UPDATE on result",
    ),
    "a right to pass on": (
        ["GRANT SELECT ON valuation TO valor_app WITH GRANT OPTION"],
        "valuation gives the role that serves a right too many: SELECT",
    ),
    "a right to the version": (
        ["GRANT UPDATE ON alembic_version TO valor_app"],
        "alembic_version gives the role that serves a right too many: UPDATE",
    ),
    "a right too few": (
        ["REVOKE INSERT ON outbox FROM valor_app"],
        "outbox does not give the role that serves its right: INSERT",
    ),
    "a foreign key without the tenant": (
        [
            "ALTER TABLE run ADD COLUMN model uuid",
            "ALTER TABLE financial_model ADD CONSTRAINT made UNIQUE (id)",
            "ALTER TABLE run ADD FOREIGN KEY (model) REFERENCES financial_model (id)",
        ],
        "run has a foreign key that could point to another tenant's row",
    ),
    "a foreign key that crosses": (
        [
            "ALTER TABLE run ADD COLUMN other uuid",
            (
                "ALTER TABLE run ADD FOREIGN KEY (other, tenant_id)"
                " REFERENCES financial_model (tenant_id, id)"
            ),
        ],
        "run has a foreign key that could point to another tenant's row",
    ),
    "a name unique among all": (
        ["ALTER TABLE financial_model ADD UNIQUE (name)"],
        "financial_model has a rule of uniqueness that tells a tenant what another has",
    ),
    "an expression unique among all": (
        ["CREATE UNIQUE INDEX made ON financial_model (lower(name))"],
        "financial_model has a rule of uniqueness that tells a tenant what another has",
    ),
}


@pytest.mark.parametrize("name", ON_POSTGRESQL)
async def test_postgresql_is_not_left_so(postgresql: PostgresGround, name: str) -> None:
    statements, wrong = ON_POSTGRESQL[name]
    await postgresql.by_owner(*statements)
    with pytest.raises(MigrationRefused) as refused:
        await migrate(postgresql.owner_url, application_role=SERVING)
    assert wrong in str(refused.value)


async def test_what_extensions_bring_is_not_judged(postgresql: PostgresGround) -> None:
    await postgresql.by_owner(
        "CREATE TABLE brought (x int)",
        "ALTER EXTENSION plpgsql ADD TABLE brought",
    )
    await migrate(postgresql.owner_url, application_role=SERVING)


TABLE = "CREATE TABLE made (tenant_id CHAR(32) NOT NULL, id CHAR(32) NOT NULL, {0})"
TRIGGER = "CREATE TRIGGER {0} BEFORE {1} ON {2} WHEN {3} BEGIN SELECT RAISE(ABORT, 'refused'); END"

ON_SQLITE = {
    "a table of no migration": (
        [TABLE.format("PRIMARY KEY (tenant_id, id)")],
        "made is declared by no migration",
    ),
    "a table with its tenant in the second place": (
        [TABLE.format("PRIMARY KEY (id, tenant_id)")],
        "made has no tenant_id at the head of its key",
    ),
    "a table without triggers": (
        [TABLE.format("PRIMARY KEY (tenant_id, id)")],
        "made has other triggers than the three",
    ),
    "a view": (["CREATE VIEW made AS SELECT * FROM valuation"], "made is a view"),
    "a trigger too few": (
        ["DROP TRIGGER valuation_insert_tenant"],
        "valuation has other triggers than the three",
    ),
    "a trigger too many": (
        [TRIGGER.format("made", "INSERT", "valuation", "0")],
        "valuation has other triggers than the three",
    ),
    "a trigger that lets a foreign row through": (
        [
            "DROP TRIGGER valuation_insert_tenant",
            TRIGGER.format(
                "valuation_insert_tenant", "INSERT", "valuation", "NEW.tenant_id IS NULL"
            ),
        ],
        "valuation has other triggers than the three",
    ),
    "a verb that was not declared": (
        [
            "DROP TRIGGER valuation_update_tenant",
            TRIGGER.format(
                "valuation_update_tenant",
                "UPDATE",
                "valuation",
                "OLD.tenant_id IS NOT valor_tenant() OR NEW.tenant_id IS NOT valor_tenant()",
            ),
        ],
        "valuation has other triggers than the three",
    ),
    "a foreign key without the tenant": (
        ["ALTER TABLE run ADD COLUMN model CHAR(32) REFERENCES financial_model (id)"],
        "run has a foreign key that could point to another tenant's row",
    ),
    "a name unique among all": (
        ["CREATE UNIQUE INDEX made ON financial_model (name)"],
        "financial_model has a rule of uniqueness that tells a tenant what another has",
    ),
}


@pytest.mark.parametrize("name", ON_SQLITE)
async def test_sqlite_is_not_left_so(sqlite: SqliteGround, name: str) -> None:
    statements, wrong = ON_SQLITE[name]
    await sqlite.by_owner(*statements)
    with pytest.raises(MigrationRefused) as refused:
        await migrate(sqlite.owner_url)
    assert wrong in str(refused.value)


async def test_what_was_declared_and_is_gone_is_named(
    sqlite: SqliteGround, postgresql: PostgresGround
) -> None:
    for ground in (sqlite, postgresql):
        await ground.by_owner("DROP TABLE outbox")
        with pytest.raises(MigrationRefused, match="outbox is declared and is not there"):
            await migrate(ground.owner_url, application_role=SERVING)


@pytest.fixture(params=["sqlite", "postgresql"])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The kind of a database in which there is nothing yet, and its owner's address."""
    if request.param == "sqlite":
        yield "sqlite", f"sqlite:///{tmp_path}/new.db"
        return
    superuser_url = request.getfixturevalue("postgres_url")
    request.getfixturevalue("postgres_roles")
    name = f"nothing_{os.getpid()}"
    asyncio.run(administer(superuser_url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    yield "postgresql", role_url(superuser_url, OWNER, name)
    asyncio.run(administer(superuser_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def test_a_step_that_forgets_to_protect_a_table_is_undone(
    nothing: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step from the first one on, with a protection that does nothing for one table."""
    kind, url = nothing
    isolation = getattr(protecting, f"{kind}_isolation")

    def forgetful(isolated: Isolated, *role: str) -> list[str]:
        return [] if isolated.table == "member" else list(isolation(isolated, *role))

    with monkeypatch.context() as careless:
        careless.setattr(protecting, f"{kind}_isolation", forgetful)
        with pytest.raises(MigrationRefused, match="member has"):
            await migrate(url, application_role=SERVING)
    report = await migrate(url, application_role=SERVING)
    assert report.before is None  # nothing was left of the first attempt


async def test_both_databases_stand_as_they_should(
    sqlite: SqliteGround, postgresql: PostgresGround
) -> None:
    for ground in (sqlite, postgresql):
        report = await migrate(ground.owner_url, application_role=SERVING)
        assert report.applied == ()
        assert len((await ground.seen()).ours) >= len(TENANT_TABLES)
