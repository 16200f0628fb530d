"""The scope keeps tenants apart alone, on databases whose own protection was taken away.

Which means that each select asks for its tenant wherever it names a table, that only a
session says who that is, and that a statement for which either is not so is not run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Select, select

import store.database
import store.one_statement
import store.postgresql
import store.sqlite_connection
from store import scope
from store.database import Write
from store.errors import StoreError
from store.scope import Change, Look
from store.session import ReadSession
from store.tables import TENANT_TABLES, Row, table_of
from tests.contract.grounds import Marked, on_postgresql, on_sqlite
from tests.contract.hunt import Ask, Ground, Tally, hunt_by_changing, hunt_by_reading
from tests.contract.marked_rows import THEIRS, Tenant
from tests.contract.random_sql import Drawn
from tests.contract.random_statements import RandomStatements

pytestmark = pytest.mark.anyio

SEED = 20261122
N = 600


@pytest.fixture(params=["sqlite", "postgresql"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """How to open a copy of a database with marked rows, and what takes its protection away."""
    patch = request.getfixturevalue("monkeypatch")
    if request.param == "postgresql":
        patch.setattr(store.postgresql, "_DANGER", "SELECT NULL")
        marked: Marked = request.getfixturevalue("marked_postgresql")
        disable = "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY"
        statements = [disable, "GRANT ALL ON {0} TO valor_app"]
        return on_postgresql(marked.both, request.getfixturevalue("postgres_url")), statements
    for guard in ("guard_reader", "guard_writer"):
        patch.setattr(store.sqlite_connection, guard, lambda connection: None)  # noqa: ARG005
    marked = request.getfixturevalue("marked_sqlite")
    statements = [f"DROP TRIGGER {{0}}_{verb}_tenant" for verb in ("insert", "update", "delete")]
    return on_sqlite(marked.both, tmp_path), statements


@pytest.fixture
async def ground(opening: Any) -> AsyncIterator[Ground]:
    """A database that shows and lets change every row, whoever asks."""
    opened, statements = opening
    async with opened as ground:
        await ground.by_owner(
            *(statement.format(table) for table in TENANT_TABLES for statement in statements)
        )
        yield ground


def by_session(ground: Ground) -> Ask:
    async def ask(tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        statement = drawn.statement
        if isinstance(statement, Select):
            async with ground.database.reading(tenant.id) as session:
                return [dict(row) for row in await session.all(statement, **drawn.values)]
        async with ground.database.writing(tenant.id) as session:
            return [await session.execute(statement, **drawn.values)]

    return ask


def at_once(ground: Ground) -> Ask:
    """The cheap roads, which make a statement ready once: its values must have names."""

    async def ask(tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        statement = drawn.statement
        try:
            if isinstance(statement, Select):
                found = await ground.database.all(tenant.id, statement, **drawn.values)
                first = await ground.database.first(tenant.id, statement, **drawn.values)
                return [*found, *([] if first is None else [first])]
            write = Write(Change(statement, along=()), drawn.values)
            await ground.database.decide(tenant.id, Look(()), lambda _: write)
        except KeyError:
            raise StoreError("A value without a name.") from None
        return []

    return ask


ROADS = {"by a session": by_session, "at once": at_once}
Road: TypeAlias = Callable[[Ground], Ask]


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest) -> Road:
    return ROADS[request.param]


async def reads(ground: Ground, road: Road) -> Tally:
    draw = RandomStatements(ground.database.dialect.name, SEED).query
    return await hunt_by_reading(ground, draw, N, ask=road(ground), every=N)


async def changes(ground: Ground, road: Road) -> Tally:
    draw = RandomStatements(ground.database.dialect.name, SEED).change
    return await hunt_by_changing(ground, draw, N // 3, ask=road(ground))


async def test_no_statement_finds_a_foreign_row(
    ground: Ground, road: Road, record_property: Callable[[str, object], None]
) -> None:
    tally = await reads(ground, road)
    record_property("says", f"the scope alone on {ground.database.dialect.name}: {tally}")
    assert not tally.foreign, tally.foreign[0]
    assert tally.rows > N / 2


async def test_no_statement_changes_a_foreign_row(
    ground: Ground, road: Road, record_property: Callable[[str, object], None]
) -> None:
    tally = await changes(ground, road)
    record_property("says", f"the scope alone on {ground.database.dialect.name}: {tally}")
    assert not tally.foreign, tally.foreign[0]
    assert tally.changes > N / 50


async def test_it_is_missed_when_statements_are_not_looked_at(
    ground: Ground, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchecked(monkeypatch)
    assert (await reads(ground, road)).foreign
    assert (await changes(ground, road)).foreign


def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (scope, store.database, store.one_statement):
        monkeypatch.setattr(module, "check", lambda _: None)


async def test_it_is_missed_when_a_select_does_not_ask(
    ground: Ground, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of the way: that the statement is looked at before it is run."""

    def select_all(row: type[Row], *names: str) -> Select[Any]:
        columns = table_of(row).c
        return select(*(columns[name] for name in names or columns.keys()))

    unchecked(monkeypatch)
    monkeypatch.setattr(scope, "select", select_all)
    tally = await reads(ground, road)
    assert tally.foreign
    assert tally.queries < 10


async def test_it_is_missed_when_a_caller_can_say_whose_rows(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scoped(self: ReadSession, values: Any) -> dict[str, object]:
        return {scope.SCOPE: self.tenant_id, **values}

    monkeypatch.setattr(ReadSession, "_scoped", scoped)
    assert (await reads(ground, by_session)).foreign
    assert (await changes(ground, by_session)).foreign


async def test_a_tenant_that_was_left_on_a_connection_is_not_served(
    marked_postgresql: Marked, postgres_url: str, road: Road
) -> None:
    """The protection stands here, and compares with a setting that somebody let outlive its
    transaction; each road has to set its own before anything is looked at."""
    async with on_postgresql(marked_postgresql.both, postgres_url) as ground:
        for engine in (ground.database._read, ground.database._write):
            async with ground.database._driver(engine) as connection:
                await connection.execute(f"SET valor.tenant_id = '{THEIRS.id}'")
        tally = await reads(ground, road)
        assert not tally.foreign, tally.foreign[0]
        assert tally.rows > N / 2
        tally = await changes(ground, road)
        assert not tally.foreign, tally.foreign[0]
        assert tally.changes > N / 50
