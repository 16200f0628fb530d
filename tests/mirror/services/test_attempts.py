"""Tries are counted by all processes together; while they cannot be, each gives away little."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from collab.buckets import MemoryBuckets, Take, Taken
from collab.scripts import RedisAway
from observability.logs import Logs
from services.attempts import OF_ADDRESS, OF_NAME, SHARE, Attempts, network_of
from services.errors import RateLimited

pytestmark = pytest.mark.anyio
LOG = Logs("CRITICAL").get("test")


class Shared(MemoryBuckets):
    """What two processes share, until it is away."""

    away = False

    async def take(self, tenant_id: UUID, takes: Sequence[Take], *, anyway: bool = False) -> Taken:
        if self.away:
            raise RedisAway
        return await super().take(tenant_id, takes, anyway=anyway)


async def admitted(attempts: Attempts, address: str = "192.0.2.1", most: int = 100) -> int:
    """How many tries from an address are let through."""
    for number in range(most):
        try:
            await attempts.from_address(address)
        except RateLimited:
            return number
    return most


async def test_two_processes_count_together() -> None:
    shared = Shared(clock=lambda: 0.0)
    one, other = Attempts(LOG, shared), Attempts(LOG, shared)
    assert await admitted(one, most=OF_ADDRESS - 10) == OF_ADDRESS - 10
    assert await admitted(other) == 10
    assert await admitted(other, "198.51.100.1") == OF_ADDRESS


async def test_while_nobody_can_ask_a_process_gives_away_its_share_and_then_nothing() -> None:
    shared = Shared()
    shared.away = True
    alone = Attempts(LOG, shared, MemoryBuckets(clock=lambda: 0.0))
    assert await admitted(alone) == int(OF_ADDRESS * SHARE)
    assert [await alone.as_name("ours", "ada") > 0 for _ in range(OF_NAME)].count(False) == int(
        OF_NAME * SHARE
    )


async def test_who_was_right_costs_nothing() -> None:
    attempts = Attempts(LOG, None, MemoryBuckets(clock=lambda: 0.0))
    for _ in range(3 * OF_ADDRESS):
        await attempts.from_address("192.0.2.1")
        await attempts.was_right("192.0.2.1")
    assert await admitted(attempts) == OF_ADDRESS


async def test_a_wait_is_told_and_is_enough() -> None:
    now = [0.0]
    attempts = Attempts(LOG, None, MemoryBuckets(clock=lambda: now[0]))
    assert await admitted(attempts) == OF_ADDRESS
    with pytest.raises(RateLimited) as no:
        await attempts.from_address("192.0.2.1")
    assert no.value.retry_after_s is not None
    now[0] += no.value.retry_after_s
    await attempts.from_address("192.0.2.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("2001:db8::1", "2001:0db8:0000::0001", True),
        ("", "", True),
        ("unix:", "192.0.2.1", False),
    ],
)
def test_of_version_6_a_household_is_one(one: str, other: str, *, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same
