"""What a contract may ask for: a server on a socket, and databases with marked rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.contract.grounds import Marked, mark_postgresql, mark_sqlite
from tests.live_server import live_server
from tests.mirror.store.conftest import administer, postgres_roles

__all__ = ["live_server", "postgres_roles"]


@pytest.fixture(scope="session")
def marked_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    return mark_sqlite(tmp_path_factory.mktemp("marked"))


@pytest.fixture(scope="session")
def marked_postgresql(postgres_url: str, postgres_roles: None) -> Iterator[Marked]:
    marked = asyncio.run(mark_postgresql(postgres_url))
    yield marked
    for name in (marked.both, marked.alone):
        asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))
