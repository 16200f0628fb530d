"""The release before runs on the schema after: each statement of it gives what it gave.

And this release, through its own guards, runs on a file that a release to come has added to.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import alembic.command
import pytest

from store import scope
from store.database import head
from store.directory import SYSTEM
from store.isolation import Isolated, sqlite_isolation
from store.migrate import declared_at, migrate
from store.tables import Row
from tests.contract.former_code import (
    VERSION,
    Kept,
    Step,
    ask_postgresql,
    ask_sqlite,
    former,
    left_in_postgresql,
    left_in_sqlite,
)
from tests.contract.marked_rows import OURS, TABLES, row
from tests.mirror.store.conftest import (
    OWNER,
    SERVING,
    administer,
    postgres_roles,
    postgres_template,
    role_url,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import Place, opened

__all__ = ["postgres_roles", "postgres_template", "sqlite_place", "sqlite_template"]


def differences(steps: list[Step], given: list[int]) -> list[str]:
    return [
        f"{statement} gave {before} rows, and gives {now}"
        for (_, statement, _, before), now in zip(steps, given, strict=True)
        if before != now
    ]


def columns(kept: Kept) -> dict[str, list[str]]:
    return {table: rows[0] for table, rows in kept.items()}


LEADS = {"directory": ["leads_to", "name"], "tenant": ["tenant_id", "slug"]}


def without_system(kept: Kept) -> Kept:
    """The rows of the tenants that the code before knew."""
    return {
        table: [names, *(row for row in rows if UUID(row[0]) != SYSTEM)]
        for table, (names, *rows) in kept.items()
    }


def slugs(kept: Kept) -> set[tuple[str, str]]:
    """Where slugs lead: by the directory, or before there was one by the tenants themselves."""
    names, *rows = kept.get("directory", kept["tenant"])
    number = names.index("name") if "name" in names and "slug" not in names else names.index("slug")
    return {(row[0], row[number]) for row in rows}


def test_what_was_captured_is_all_that_the_code_could_do() -> None:
    for kind in ("sqlite", "postgresql"):
        found = former(kind)
        said = " ".join(step[1] or "" for step in found["steps"])
        for table, (names, *rows) in found["kept"].items():
            assert names[0] == "tenant_id"
            assert rows or table == "nothing", table
            assert f"INSERT INTO {'main.' * (kind == 'sqlite')}{table} " in said, table
        assert head() > VERSION


def test_the_code_before_runs_on_todays_sqlite(tmp_path: Path) -> None:
    was = former("sqlite")
    asyncio.run(migrate(f"sqlite:///{tmp_path}/valor.db"))
    given = ask_sqlite(tmp_path / "valor.db", was["steps"])
    assert differences(was["steps"], given) == []
    assert left_in_sqlite(tmp_path / "valor.db", columns(was["kept"])) == was["kept"]


@pytest.fixture
def at_former_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Migrations go as far as that version, until it is called."""
    newest = alembic.command.upgrade
    with monkeypatch.context() as earlier:
        earlier.setattr("alembic.command.upgrade", lambda config, _: newest(config, VERSION))
        yield earlier.undo


def test_what_the_code_before_wrote_is_in_sqlite_after_the_migration(
    tmp_path: Path, at_former_version: Callable[[], None]
) -> None:
    was, file = former("sqlite"), tmp_path / "valor.db"
    assert asyncio.run(migrate(f"sqlite:///{file}")).after == VERSION
    ask_sqlite(file, was["steps"])
    at_former_version()
    assert asyncio.run(migrate(f"sqlite:///{file}")).before == VERSION
    assert without_system(left_in_sqlite(file, columns(was["kept"]))) == was["kept"]
    assert slugs(left_in_sqlite(file, LEADS)) == slugs(was["kept"])


def test_what_the_code_before_wrote_is_in_postgresql_after_the_migration(
    postgres_url: str, postgres_template: str, at_former_version: Callable[[], None]
) -> None:
    was, name = former("postgresql"), f"{postgres_template}_written"
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    try:
        assert asyncio.run(migrate(role_url(postgres_url, OWNER, name))).after == VERSION
        asyncio.run(ask_postgresql(role_url(postgres_url, SERVING, name), was["steps"]))
        at_former_version()
        assert asyncio.run(migrate(role_url(postgres_url, OWNER, name))).before == VERSION
        superuser = role_url(postgres_url, urlsplit(postgres_url).username or "", name)
        left = asyncio.run(left_in_postgresql(superuser, columns(was["kept"])))
        assert without_system(left) == was["kept"]
        assert slugs(asyncio.run(left_in_postgresql(superuser, LEADS))) == slugs(was["kept"])
    finally:
        asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


def test_the_code_before_runs_on_todays_postgresql(
    postgres_url: str, postgres_template: str
) -> None:
    was = former("postgresql")
    name = f"{postgres_template}_former"
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {postgres_template}"))
    try:
        given = asyncio.run(ask_postgresql(role_url(postgres_url, SERVING, name), was["steps"]))
        assert differences(was["steps"], given) == []
        superuser = role_url(postgres_url, urlsplit(postgres_url).username or "", name)
        left = asyncio.run(left_in_postgresql(superuser, columns(was["kept"])))
        assert left == was["kept"]
    finally:
        asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


ROWS: dict[str, type[Row]] = {str(each.__tablename__): each for each in Row.__subclasses__()}


def a_step_to_come(file: Path) -> None:
    """A table for each of today's, whose rows point to that one's."""
    with closing(sqlite3.connect(file)) as owner:
        for table in TABLES:
            there = ", ".join(column.name for column in table.primary_key)
            here = ", ".join(f"of_{column.name}" for column in table.primary_key)
            here = here.replace("of_tenant_id", "tenant_id")
            isolated = Isolated(table=f"to_come_{table.name}", verbs=("SELECT", "INSERT"))
            owner.execute(
                f"CREATE TABLE {isolated.table} ({here}, word TEXT, PRIMARY KEY ({here}), "
                f"FOREIGN KEY ({here}) REFERENCES {table.name} ({there}))"
            )
            for statement in sqlite_isolation(isolated):
                owner.execute(statement)
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
        owner.commit()


@pytest.mark.anyio
async def test_todays_code_changes_every_table_of_a_file_that_is_ahead(sqlite_place: Place) -> None:
    a_step_to_come(Path(sqlite_place.url.removeprefix("sqlite:///")))
    verbs = {each.table: each.verbs for each in declared_at(head())}
    done: list[tuple[str, str]] = []
    async with opened(sqlite_place.url) as database:
        assert not await database.behind()
        async with database.writing(OURS.id) as session:
            for table in TABLES:  # whom others point to first
                values: dict[str, Any] = dict(row(table, OURS, 0))
                assert await session.execute(scope.insert(ROWS[table.name]), **values) == 1
                done.append((table.name, "INSERT"))
            for table in TABLES:
                names = [column.name for column in table.columns if column.name != "tenant_id"]
                if "UPDATE" in verbs[table.name] and names:
                    values = {name: row(table, OURS, 0)[name] for name in names}
                    change = scope.update(ROWS[table.name], *names)
                    assert await session.execute(change, **values) == 1
                    done.append((table.name, "UPDATE"))
            for table in reversed(TABLES):
                if "DELETE" in verbs[table.name]:
                    assert await session.execute(scope.delete(ROWS[table.name])) == 1
                    done.append((table.name, "DELETE"))
    assert {(table, verb) for table, all_ in verbs.items() for verb in all_} - set(done) == {
        (table, "SELECT") for table in verbs
    }
