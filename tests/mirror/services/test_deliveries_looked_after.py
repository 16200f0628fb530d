"""Who looks for what is due, when somebody calls and when nobody does."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.webhook_secrets import SECRETS_MOST
from store.deliveries import AT_ONCE
from tests.mirror.collab.by_hand import eventually
from tests.mirror.store.conftest import database as both_databases
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import OURS, THEIRS, model
from tests.webhooks_at_work import (
    Desk,
    Heard,
    Receiver,
    certificates,
    desk,
    is_signed,
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


async def test_a_run_that_has_ended_is_told_of_as_soon_as_somebody_calls(
    desk: Desk, there: Receiver
) -> None:
    await desk.webhook(there.url("/first"), "run.ended")
    ended = await desk.run()
    # The newcomer's coming takes nothing from the first, who has not heard of it yet.
    await desk.webhook(there.url("/second"), "model.edited")
    desk.deliveries.wake(OURS)
    await desk.send()
    assert [(each.path, each.told["data"]["run"]) for each in there.heard] == [("/first", ended)]
    desk.deliveries.wake(OURS)
    await desk.send()
    assert len(there.heard) == 1


async def test_a_first_webhook_hears_of_no_run_before_it(desk: Desk, there: Receiver) -> None:
    await desk.run()
    desk.deliveries.wake(OURS)
    await desk.send()
    await desk.webhook(there.url(), "run.ended")
    ended = await desk.run()
    desk.deliveries.wake(OURS)
    await desk.send()
    assert [each.told["data"]["run"] for each in there.heard] == [ended]


async def test_each_secret_signs_for_its_day_however_often_there_is_a_new_one(
    desk: Desk, there: Receiver
) -> None:
    webhook, first = await desk.webhook(there.url())
    sealed, secrets = webhook.secret, [first]
    for _ in range(2):
        desk.time.pass_by(hours=10)
        new, sealed = desk.secrets.rotated(OURS, webhook.id, sealed, desk.time.at)
        secrets.append(new)
    for hours, sign in ((0, [True, True, True]), (15, [False, True, True]), (10, [0, 0, 1])):
        desk.time.pass_by(hours=hours)
        headers = desk.secrets.headers(OURS, webhook.id, sealed, "evt_1", b"{}", desk.time.at)
        assert [is_signed(headers, b"{}", each, desk.time.at) for each in secrets] == sign
    for _ in range(9):
        _, sealed = desk.secrets.rotated(OURS, webhook.id, sealed, desk.time.at)
    headers = desk.secrets.headers(OURS, webhook.id, sealed, "evt_1", b"{}", desk.time.at)
    assert len(headers["webhook-signature"].split(" ")) == SECRETS_MOST


async def test_what_is_wrong_with_one_tenant_keeps_no_other_waiting(
    desk: Desk, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant_id in (OURS, THEIRS):
        await desk.webhook(there.url(f"/{tenant_id}"), tenant_id=tenant_id)
        await desk.make(1, tenant_id)
    desk.time.pass_by(seconds=2)
    honest = desk.bodies.of_model

    def of_model(tenant_id: UUID, change: Any) -> Any:
        if tenant_id == min(OURS, THEIRS):  # who is looked after first
            raise KeyError("a verb of a later version")
        return honest(tenant_id, change)

    monkeypatch.setattr(desk.bodies, "of_model", of_model)
    await desk.deliveries.sweep()
    await desk.send()
    assert [heard.path for heard in there.heard] == [f"/{max(OURS, THEIRS)}"]


async def test_a_suspended_tenants_webhooks_are_sent_nothing_and_what_happened_waits(
    desk: Desk, there: Receiver
) -> None:
    await desk.webhook(there.url())
    await desk.make()
    desk.suspended.add(OURS)
    await desk.tell((1, 1))
    await desk.send()
    assert there.heard == []
    desk.suspended.clear()
    desk.deliveries.wake(OURS)
    await desk.send()
    assert len(there.heard) == 1


async def test_much_that_waits_hides_neither_another_stream_nor_another_webhook(
    desk: Desk, there: Receiver
) -> None:
    """A look reads no more than so many rows of each webhook, however many there are."""
    hung = asyncio.Event()

    async def answer(_: Heard) -> int:
        await hung.wait()
        return 200

    there.answer = answer
    await desk.webhook(there.url("/a"))
    await desk.webhook(there.url("/b"))
    for number in (1, 2):
        await desk.make(number)
    for _ in range(AT_ONCE + 20):
        await desk.edit(1)
    await desk.tell((1, AT_ONCE + 21))
    desk.time.pass_by(seconds=1)
    await desk.tell((2, 1))
    found = await desk.store.streams(OURS, desk.time.at, (), ())
    assert [way[1] for way in found] == [f"model:{model(1).id}"] * 2
    await desk.deliveries.turn()
    await eventually(lambda: there.at_once == desk.deliveries.busy == 4)  # two streams to two
    hung.set()
    await desk.send()
    assert len(there.heard) == 2 * (AT_ONCE + 22)


async def test_how_long_the_oldest_has_waited_is_known_and_every_try_is_counted(
    desk: Desk, there: Receiver
) -> None:
    await desk.webhook(there.url())
    await desk.make()
    await desk.tell((1, 1))
    there.says(500)
    await desk.send()
    desk.time.pass_by(seconds=100)
    await desk.deliveries.look_after(OURS)
    assert desk.deliveries.oldest_s == 100.0
    there.says(200)
    await desk.send()
    await desk.deliveries.look_after(OURS)
    assert desk.deliveries.oldest_s == 0.0
    assert desk.outcomes == ["failed", "delivered"]
