"""Each case on a real PostgreSQL. That a server's process ends so is tests/flows' to show."""

from __future__ import annotations

import asyncio

import pytest

from store.database import Database
from store.errors import DangerousRole
from tests.mirror.store.dangerous import ROLES, roles_template, served_as

__all__ = ["roles_template"]


async def ping(url: str) -> None:
    database = Database.open(url)
    try:
        await database.ping()
    finally:
        await database.close()


@pytest.mark.parametrize("name", ROLES)
def test_no_connection_is_made_as(name: str, postgres_url: str, roles_template: str) -> None:
    statements, words = ROLES[name]
    with (
        served_as(postgres_url, roles_template, *statements) as url,
        pytest.raises(DangerousRole) as refused,
    ):
        asyncio.run(ping(url))
    assert words in str(refused.value)


def test_a_role_that_can_do_no_more_than_it_needs_is_harmless(
    postgres_url: str, roles_template: str
) -> None:
    with served_as(postgres_url, roles_template) as url:
        asyncio.run(ping(url))
