"""Counts of a process reach the database once each, however often it is away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from observability.logs import Logs
from services import usage_counts
from services.usage_counts import UsageCounts

pytestmark = pytest.mark.anyio

ONE, OTHER = UUID(int=1), UUID(int=2)


class Clock:
    """Moments, moved by a test."""

    now = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Kept:
    """A database that may be away."""

    def __init__(self) -> None:
        self.sums: dict[tuple[UUID, str, str], int] = {}
        self.away_for: UUID | None = None

    async def add(self, tenant_id: UUID, day: str, amounts: Mapping[str, int]) -> None:
        if self.away_for == tenant_id:
            raise ConnectionError
        for metric, amount in amounts.items():
            key = (tenant_id, day, metric)
            self.sums[key] = self.sums.get(key, 0) + amount


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts(kept: Kept, clock: Clock) -> UsageCounts:
    return UsageCounts(kept, Logs("CRITICAL").get("test"), every_s=3_600.0, clock=clock)


async def test_a_count_is_of_the_day_on_which_it_was_counted(
    counts: UsageCounts, kept: Kept, clock: Clock
) -> None:
    counts.count(ONE, {"requests": 1})
    clock.now += timedelta(seconds=2)
    counts.count(ONE, {"requests": 2})
    await counts.flush()
    assert kept.sums == {(ONE, "2026-11-23", "requests"): 1, (ONE, "2026-11-24", "requests"): 2}


async def test_what_the_database_did_not_take_is_added_the_next_time_and_only_once(
    counts: UsageCounts, kept: Kept
) -> None:
    kept.away_for = OTHER
    for tenant in (ONE, OTHER):
        counts.count(tenant, {"points": 5})
    await counts.flush()
    counts.count(OTHER, {"points": 1})
    kept.away_for = None
    await counts.flush()
    await counts.flush()
    assert kept.sums == {(ONE, "2026-11-23", "points"): 5, (OTHER, "2026-11-23", "points"): 6}


async def test_what_was_counted_before_the_end_is_added_at_the_end(
    counts: UsageCounts, kept: Kept
) -> None:
    counts.start()
    counts.count(ONE, {"requests": 1})
    await counts.close()
    assert kept.sums == {(ONE, "2026-11-23", "requests"): 1}


async def test_a_database_that_is_away_for_very_long_costs_bounded_memory(
    counts: UsageCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_counts, "SUMS_MAX", 3)
    for number in range(10):
        counts.count(UUID(int=number), {"requests": 1})
    counts.count(UUID(int=1), {"requests": 1})
    assert len(counts._counted) == 3
