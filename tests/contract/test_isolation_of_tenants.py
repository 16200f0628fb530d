"""Random queries of one tenant never find a row of another, on either database.

``VALOR_ISOLATION_QUERIES`` asks more often, ``VALOR_ISOLATION_SEED`` draws the same again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.grounds import Marked, on_postgresql, on_sqlite
from tests.contract.hunt import Ground, Tally, hunt_by_changing, hunt_by_reading
from tests.contract.random_changes import RandomChanges
from tests.contract.random_queries import RandomQueries

pytestmark = pytest.mark.anyio

QUERIES = int(os.environ.get("VALOR_ISOLATION_QUERIES", "2000"))
SEED = int(os.environ.get("VALOR_ISOLATION_SEED", "0")) or secrets.randbelow(10**9)


async def hunted(ground: Ground, twin: Ground) -> Tally:
    kind = ground.database.dialect.name
    changes = QUERIES // 4
    look, change = RandomQueries(kind, SEED).draw, RandomChanges(kind, SEED).draw
    read = await hunt_by_reading(ground, look, QUERIES - changes, twin=twin)
    changed = await hunt_by_changing(ground, change, changes)
    return read + changed


async def test_no_query_on_sqlite_finds_a_foreign_row(
    marked_sqlite: Marked, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with (
        on_sqlite(marked_sqlite.both, tmp_path) as ground,
        on_sqlite(marked_sqlite.alone, tmp_path) as twin,
    ):
        told(await hunted(ground, twin), "SQLite", record_property)


async def test_no_query_on_postgresql_finds_a_foreign_row(
    marked_postgresql: Marked, postgres_url: str, record_property: Callable[[str, object], None]
) -> None:
    async with (
        on_postgresql(marked_postgresql.both, postgres_url) as ground,
        on_postgresql(marked_postgresql.alone, postgres_url) as twin,
    ):
        told(await hunted(ground, twin), "PostgreSQL", record_property)


def told(tally: Tally, name: str, record_property: Callable[[str, object], None]) -> None:
    record_property("says", f"isolation on {name}, seed {SEED}: {tally}")
    assert not tally.foreign, tally.foreign[0]
    # A hunt that is mostly refused, or hardly sees or changes a row, would find nothing either.
    assert tally.refused < tally.queries * 0.6, tally.errors
    assert tally.rows > tally.queries * 0.7
    assert tally.changes > tally.queries * 0.005
