"""What becomes of a delivery that a receiver does not take."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest

from services.deliveries import REST_S
from services.delivery_pauses import GONE, LIFETIME, PAUSES, TAKES_NOTHING
from store import scope
from store import webhooks as kept
from store.tables import AuditPendingRow
from tests.mirror.store.conftest import database as both_databases
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import OURS, model
from tests.webhooks_at_work import (
    NOON,
    Desk,
    Heard,
    Receiver,
    certificates,
    desk,
    outward,
    there,
)

__all__ = [
    "certificates",
    "desk",
    "outward",
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
    "there",
]
pytestmark = pytest.mark.anyio

database = both_databases


async def paused(desk: Desk) -> list[Any]:
    """What the audit says of pauses."""
    statement = scope.select(AuditPendingRow, "action", "details")
    async with desk.database.reading(OURS) as session:
        rows = await session.all(statement)
    return [json.loads(row["details"]) for row in rows if row["action"] == "webhook.paused"]


async def test_what_fails_is_tried_again_after_growing_pauses_and_dead_after_three_days(
    desk: Desk, there: Receiver
) -> None:
    webhook, _ = await desk.webhook(there.url())
    await desk.make()
    await desk.tell((1, 1))
    there.says(500)
    tries = []
    while (await desk.kept(webhook))[0].state == "WAITING":
        await desk.send()
        tries.append(desk.time.at - NOON)
        due_at = await desk.store.next_due(OURS)
        desk.time.at = desk.time.at if due_at is None else due_at
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses == [*PAUSES, *[PAUSES[-1]] * (len(pauses) - len(PAUSES))]
    assert LIFETIME - PAUSES[-1] < tries[-1] <= LIFETIME
    (delivery,) = await desk.kept(webhook)
    assert (delivery.state, delivery.status, delivery.attempts) == ("DEAD", 500, len(tries))
    assert delivery.problem == "It answered 500."
    # What is dead is kept, and made again when somebody asks for it.
    there.says(200)
    desk.time.pass_by(seconds=REST_S)
    await desk.edit()
    await desk.tell((1, 2))
    await desk.send()
    assert list(there.revisions().values()) == [[2]]
    async with desk.database.writing(OURS) as session:
        assert await kept.repeat(session, delivery.id, desk.time.at)
    desk.deliveries.wake(OURS)
    await desk.send()
    assert list(there.revisions().values()) == [[2, 1]]


async def test_who_says_that_it_is_gone_is_asked_no_more_until_somebody_resumes_it(
    desk: Desk, there: Receiver
) -> None:
    webhook, _ = await desk.webhook(there.url())
    await desk.make()
    await desk.tell((1, 1))
    there.says(410)
    await desk.send()
    found = await desk.webhooks.find(OURS, webhook.id)
    assert found is not None
    assert (found.state, found.state_reason) == ("PAUSED", GONE)
    there.says(200)
    await desk.edit()
    await desk.tell((1, 2))
    desk.time.pass_by(days=30)
    await desk.send()
    assert there.heard == []
    async with desk.database.writing(OURS) as session:
        assert await kept.resume_all(session, GONE, desk.time.at) == 1
        await kept.begin_anew(session, webhook.id, desk.time.at)
    desk.deliveries.wake(OURS)
    await desk.send()
    assert list(there.revisions().values()) == [[1, 2]]


async def test_a_redirect_is_not_followed_and_a_busy_receiver_says_when_to_come_back(
    desk: Desk, there: Receiver
) -> None:
    webhook, _ = await desk.webhook(there.url())
    await desk.make()
    await desk.tell((1, 1))
    there.says(302, location=there.url("/elsewhere"))
    await desk.send()
    (delivery,) = await desk.kept(webhook)
    assert (delivery.status, delivery.state) == (302, "WAITING")
    assert delivery.problem == "It answered 302; redirects are not followed."
    desk.time.at = delivery.due_at
    there.says(429, retry_after="600")
    await desk.send()
    (delivery,) = await desk.kept(webhook)
    assert delivery.due_at - desk.time.at == timedelta(seconds=600)
    there.says(503, retry_after="999999999")
    desk.time.at = delivery.due_at
    await desk.send()
    (delivery,) = await desk.kept(webhook)
    assert delivery.due_at - desk.time.at == timedelta(hours=1)


async def test_an_address_that_takes_nothing_for_three_days_is_paused_and_told_why(
    desk: Desk, there: Receiver
) -> None:
    webhook, _ = await desk.webhook(there.url())
    for number in (1, 2, 3):
        await desk.make(number)
        await desk.tell((number, 1))
    there.says(500)
    state = "ACTIVE"
    while state == "ACTIVE":
        await desk.send()
        found = await desk.webhooks.find(OURS, webhook.id)
        assert found is not None
        state = found.state
        due_at = await desk.store.next_due(OURS)
        desk.time.at = max(desk.time.at, due_at or desk.time.at) + timedelta(seconds=REST_S)
        assert desk.time.at < NOON + 2 * LIFETIME
    assert (found.state_reason, desk.time.at > NOON + LIFETIME - PAUSES[-1]) == (
        TAKES_NOTHING,
        True,
    )
    assert desk.outcomes.count("dead") == 2  # one may have been for its own sake
    (said,) = await paused(desk)
    assert said["reason"] == TAKES_NOTHING
    there.says(200)
    async with desk.database.writing(OURS) as session:
        assert await kept.resume_all(session, TAKES_NOTHING, desk.time.at) == 1
        await kept.begin_anew(session, webhook.id, desk.time.at)
    desk.deliveries.wake(OURS)
    await desk.send()
    assert len(there.revisions()) == 1
    assert desk.outcomes.count("delivered") == 1


async def test_one_that_is_dead_pauses_nobody_who_takes_the_rest(
    desk: Desk, there: Receiver
) -> None:
    webhook, _ = await desk.webhook(there.url())

    taken = f"FinancialModel/{model(2).id}"

    async def picky(heard: Heard) -> int:
        return 200 if heard.told["data"]["model"] == taken else 500

    there.answer = picky
    for number in (1, 2, 3):
        await desk.make(number)
        await desk.tell((number, 1))
    while desk.outcomes.count("dead") < 2:
        await desk.tell((2, await desk.edit(2)))
        await desk.send()
        due_at = await desk.store.next_due(OURS)
        desk.time.at = max(desk.time.at, due_at or desk.time.at) + timedelta(hours=3)
        assert desk.time.at < NOON + 2 * LIFETIME
    found = await desk.webhooks.find(OURS, webhook.id)
    assert found is not None
    assert found.state == "ACTIVE"


async def test_what_a_removed_webhook_waits_for_is_dead(desk: Desk, there: Receiver) -> None:
    webhook, _ = await desk.webhook(there.url())
    await desk.make()
    await desk.tell((1, 1))
    async with desk.database.writing(OURS) as session:
        await kept.give_up(session, webhook.id, "The webhook was removed.", desk.time.at)
    await desk.send()
    (delivery,) = await desk.kept(webhook)
    assert (delivery.state, delivery.problem) == ("DEAD", "The webhook was removed.")
    assert (delivery.ended_at, there.heard) == (desk.time.at, [])
