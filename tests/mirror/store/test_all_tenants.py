"""Only who holds the whole database learns who its tenants are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from store.all_tenants import all_tenants
from store.database import Database
from store.errors import AccessRefused, DatabaseAway
from tests.mirror.store.world import OURS, THEIRS, Place, opened, settle

pytestmark = pytest.mark.anyio


async def test_a_file_tells_whoever_can_open_it(sqlite: Database, sqlite_place: Place) -> None:
    assert await all_tenants(sqlite_place.url) == [OURS, THEIRS]


async def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseAway):
        await all_tenants(f"sqlite:///{tmp_path / 'none.db'}")
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_postgresql_tells_a_role_that_sees_everything_and_no_other(
    postgres_place: Place, postgres_url: str
) -> None:
    async with opened(postgres_place.url) as database:
        await settle(database)
    superuser = f"{postgres_url.rsplit('/', 1)[0]}/{postgres_place.url.rsplit('/', 1)[1]}"
    assert await all_tenants(superuser) == [OURS, THEIRS]
    for url in (postgres_place.url, postgres_place.owner_url):
        with pytest.raises(AccessRefused, match="one tenant at a time"):
            await all_tenants(url)


async def test_a_server_that_is_away_is_away() -> None:
    with pytest.raises(DatabaseAway):
        await all_tenants("postgresql://nobody@127.0.0.1:1/none")
