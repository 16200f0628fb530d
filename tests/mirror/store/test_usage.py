"""Sums of what tenants used, on both databases: nothing lost, nothing of another's."""

from __future__ import annotations

import asyncio

import pytest

from store.database import Database
from store.usage import Usage, Used
from tests.mirror.store.world import OURS, THEIRS

pytestmark = pytest.mark.anyio


async def test_what_is_added_adds_up_by_day_and_metric(database: Database) -> None:
    usage = Usage(database)
    await usage.add(OURS, "2026-11-23", {"requests": 2, "points": 7})
    await usage.add(OURS, "2026-11-23", {"requests": 3, "points.run": 1})
    await usage.add(OURS, "2026-11-24", {"requests": 4})
    assert await usage.between(OURS, "2026-11-01", "2026-11-30") == [
        Used("2026-11-23", "points", 7),
        Used("2026-11-23", "points.run", 1),
        Used("2026-11-23", "requests", 5),
        Used("2026-11-24", "requests", 4),
    ]
    assert await usage.between(OURS, "2026-11-24", "2026-11-24") == [
        Used("2026-11-24", "requests", 4)
    ]
    assert await usage.between(THEIRS, "2026-11-01", "2026-11-30") == []


async def test_processes_that_add_at_one_moment_lose_nothing(database: Database) -> None:
    usage = Usage(database)
    several = [
        usage.add(OURS, "2026-11-23", {"requests": 1, "points": number, "points.read": 1})
        for number in range(20)
    ]
    await asyncio.gather(*several)
    found = {used.metric: used.amount for used in await usage.between(OURS, "", "9")}
    assert found == {"requests": 20, "points": sum(range(20)), "points.read": 20}
