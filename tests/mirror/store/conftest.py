"""A database of its own for every test, migrated once and copied, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from store.database import Database
from store.migrate import migrate
from tests.mirror.store.world import Place, opened, settle

OWNER = "valor_owner"
SERVING = "valor_app"

_numbers = count()


async def administer(url: str, *statements: str) -> None:
    """Run statements as the superuser that the test server starts with."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def role_url(postgres_url: str, role: str, database: str) -> str:
    address = postgres_url.split("@")[1].rsplit("/", 1)[0]
    return f"postgresql://{role}@{address}/{database}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that nobody has open."""
    path = tmp_path_factory.mktemp("template") / "valor.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_roles(postgres_url: str) -> None:
    """The role that owns and the role that serves, shared by all who use the server."""
    for role in (OWNER, SERVING):
        asyncio.run(
            administer(
                postgres_url,
                f"DO $$ BEGIN CREATE ROLE {role} LOGIN; "
                "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
            )
        )


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str, postgres_roles: None) -> Iterator[str]:
    """The name of a migrated database to copy."""
    name = f"template_{os.getpid()}_{next(_numbers)}"  # other folders import this fixture
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    asyncio.run(migrate(role_url(postgres_url, OWNER, name), application_role=SERVING))
    yield name
    asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sqlite_place(sqlite_template: Path, tmp_path: Path) -> Place:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'valor.db')}"
    return Place("sqlite", url, url)


@pytest.fixture
def postgres_place(postgres_url: str, postgres_template: str) -> Iterator[Place]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {postgres_template}"))
    yield Place(
        "postgresql",
        role_url(postgres_url, SERVING, name),
        role_url(postgres_url, OWNER, name),
    )
    asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """The same test runs on both databases."""
    found: Place = request.getfixturevalue(
        "sqlite_place" if request.param == "sqlite" else "postgres_place"
    )
    return found


@pytest.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    """Open, with two tenants in it."""
    async for database in _settled(place):
        yield database


@pytest.fixture
async def sqlite(sqlite_place: Place) -> AsyncIterator[Database]:
    async for database in _settled(sqlite_place):
        yield database


@pytest.fixture
async def postgres(postgres_place: Place) -> AsyncIterator[Database]:
    async for database in _settled(postgres_place):
        yield database


async def _settled(place: Place) -> AsyncIterator[Database]:
    async with opened(place.url) as database:
        await settle(database)
        yield database
