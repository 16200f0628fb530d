"""A tenant's budget: charged before, settled afterwards, and counted alone when Redis is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from collab.buckets import Buckets, MemoryBuckets, RedisBuckets, Take, Taken
from collab.connection import RedisConnection
from collab.scripts import RedisAway
from observability.logs import Logs
from services.circuit import Circuit
from services.errors import Overloaded
from services.metering import HEAVY, Budget, Charge, OverBudget, Part, Price
from services.plans import LIMITS, Plan

pytestmark = pytest.mark.anyio

LOG = Logs("CRITICAL").get("test")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FREE = LIMITS[Plan.FREE]  # 100 requests and 1,000 points a minute


class Clock:
    """Seconds, moved by a test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """What Redis would hold, and whether it answers."""

    def __init__(self, clock: Clock) -> None:
        self.held, self.away, self.asked = MemoryBuckets(clock), False, 0

    async def take(self, tenant_id: UUID, takes: Sequence[Take], *, anyway: bool = False) -> Taken:
        self.asked += 1
        if self.away:
            raise RedisAway
        return self.held.take_now(tenant_id, takes, anyway=anyway)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tenant() -> UUID:
    return uuid4()


def alone(clock: Clock) -> Budget:
    return Budget(LOG, own=MemoryBuckets(clock), clock=lambda: NOON)


def beside(shared: Buckets, clock: Clock, share: float = 0.25) -> Budget:
    circuit = Circuit(counted=RedisAway, clock=clock)
    return Budget(LOG, shared, share=share, own=MemoryBuckets(clock), circuit=circuit)


async def charged(budget: Budget, tenant: UUID, points: int) -> Charge:
    return await budget.charge(tenant, Plan.FREE, FREE, Price(points))


async def test_requests_run_out_however_cheap_they_are(clock: Clock, tenant: UUID) -> None:
    budget = alone(clock)
    for left in range(99, -1, -1):
        assert (await charged(budget, tenant, 1)).requests_left == left
    with pytest.raises(OverBudget, match="100 requests a minute") as no:
        await charged(budget, tenant, 1)
    assert no.value.code == "RATE_LIMITED"
    assert no.value.retry_after_s == pytest.approx(0.6)
    assert no.value.charge.points_left == 900
    clock.now += no.value.retry_after_s + 1e-6
    await charged(budget, tenant, 1)


async def test_points_run_out_and_say_when_there_are_enough_again(
    clock: Clock, tenant: UUID
) -> None:
    budget = alone(clock)
    await charged(budget, tenant, 900)
    with pytest.raises(OverBudget, match="costs 300 points, and 100") as no:
        await charged(budget, tenant, 300)
    assert no.value.retry_after_s == pytest.approx(12.0)
    assert no.value.charge.actual == 0
    assert (await budget.look(tenant, FREE)).requests_left == 99


async def test_what_is_dearer_than_a_minute_is_told_what_is_dear_and_which_plan_holds_it(
    clock: Clock, tenant: UUID
) -> None:
    parts = (
        Part("valueDcf", "Mutation.valueDcf", 1.0, "valuation"),
        Part("valueDcf.grid", "DcfValuation.sensitivity", 4_999.0, "analysis", lambda: "9 cases"),
    )
    with pytest.raises(OverBudget) as no:
        await alone(clock).charge(tenant, Plan.FREE, FREE, Price(5_000, parts))
    assert no.value.retry_after_s is None
    assert no.value.message == (
        "This costs 5,000 points, and the FREE plan has 1,000 a minute, so it will never fit. Most "
        "of it is “valueDcf.grid” (9 cases): 4,999 points. Ask for less of it at once, in "
        "several requests, or take the PRO plan."
    )


async def test_what_was_not_done_is_given_back(clock: Clock, tenant: UUID) -> None:
    budget = alone(clock)
    charge = await charged(budget, tenant, 800)
    budget.settle(charge, 50)
    assert charge.document() == {
        "requested": 800,
        "actual": 50,
        "remaining": 950,
        "resetAt": "2026-11-23T12:00:03.000Z",
    }
    assert (await budget.look(tenant, FREE)).points_left == 950


async def test_what_was_done_beyond_the_price_is_owed(clock: Clock, tenant: UUID) -> None:
    budget = alone(clock)
    budget.settle(await charged(budget, tenant, 1), 3_000)
    with pytest.raises(OverBudget) as no:
        await charged(budget, tenant, 1)
    assert no.value.retry_after_s == pytest.approx(120.06)


async def test_while_redis_is_away_each_process_gives_its_share_and_nobody_waits(
    clock: Clock, tenant: UUID
) -> None:
    shared = Shared(clock)
    budget = beside(shared, clock)
    shared.away = True
    for _ in range(25):  # a quarter of the requests
        assert (await charged(budget, tenant, 1)).local
    assert shared.asked == 1  # the circuit is open
    with pytest.raises(OverBudget):
        await charged(budget, tenant, 1)


async def test_heavy_work_beyond_the_share_is_refused_as_our_fault(
    clock: Clock, tenant: UUID
) -> None:
    shared = Shared(clock)
    shared.away = True
    budget = beside(shared, clock)
    await charged(budget, tenant, 200)
    for points in (HEAVY + 10, 600):  # more than is left of the share, and than it ever holds
        with pytest.raises(Overloaded) as no:
            await charged(budget, tenant, points)
        assert no.value.retry_after_s == pytest.approx(5.0)
    assert (await charged(budget, tenant, 40)).points_left == 10


async def test_it_recovers_by_itself_with_one_probe(clock: Clock, tenant: UUID) -> None:
    shared = Shared(clock)
    budget = beside(shared, clock)
    shared.away = True
    await charged(budget, tenant, 1)
    shared.away = False
    clock.now += 5.0
    charge = await charged(budget, tenant, 1)
    assert not charge.local
    assert charge.requests_left == 99  # what was given away alone is nobody's debt


async def test_what_is_settled_elsewhere_is_seen_by_every_process(
    redis_url: str, clock: Clock, tenant: UUID
) -> None:
    one, other = RedisConnection(redis_url), RedisConnection(redis_url)
    first, second = beside(RedisBuckets(one), clock), beside(RedisBuckets(other), clock)
    charge = await charged(first, tenant, 900)
    with pytest.raises(OverBudget):
        await charged(second, tenant, 500)
    first.settle(charge, 100)
    await first.close()
    assert (await charged(second, tenant, 500)).points_left in range(400, 460)
    await one.close()
    await other.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may be busy for longer than Redis is waited for."""
    monkeypatch.setattr("collab.connection.TIMEOUT_S", 60.0)
