"""What webhooks are told: all of it, in order, signed; whatever the other end does."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.deliveries import (
    FAILURES,
    LEASE,
    OF_A_TENANT,
    OF_A_WEBHOOK,
    REST_S,
    WITHIN_S,
)
from services.outward import Outward
from store import webhooks as kept
from store.database import Database
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
from tests.outward import Certificates
from tests.webhooks_at_work import (
    Desk,
    Heard,
    Receiver,
    Time,
    certificates,
    desk,
    is_signed,
    outward,
    receiving,
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


async def test_an_edit_is_told_once_and_signed_so_that_anybody_with_the_secret_can_check(
    desk: Desk, there: Receiver
) -> None:
    webhook, secret = await desk.webhook(there.url("/hook?a=1"), "model.edited")
    await desk.make()
    revision = await desk.edit()
    await desk.tell((1, 1), (1, revision))
    await desk.send()
    (heard,) = there.heard  # that the model was made, nobody asked
    assert heard.path == "/hook?a=1"
    assert is_signed(heard.headers, heard.body, secret, desk.time.at)
    assert not is_signed(heard.headers, heard.body + b" ", secret, desk.time.at)
    assert not is_signed(heard.headers, heard.body, secret, desk.time.at + timedelta(minutes=6))
    told = heard.told
    data = told.pop("data")
    assert data.pop("operationId").startswith("operation-")
    assert data == {
        "model": f"FinancialModel/{model(1).id}",
        "kind": "DCF",
        "revision": 2,
        "by": f"Member/{UUID(int=1)}",
        "link": "https://valor.example.com/graphql?query="
        f"{{model(id:%22FinancialModel%2F{model(1).id}%22){{name%20revision}}}}",
    }
    assert told.pop("id") == heard.headers["webhook-id"]
    assert told == {
        "type": "model.edited",
        "version": 1,
        "timestamp": "2026-03-01T12:00:00.000Z",
        "tenant": f"Tenant/{OURS}",
    }
    (delivery,) = await desk.kept(webhook)
    assert (delivery.state, delivery.status, delivery.attempts) == ("DELIVERED", 200, 1)


async def test_whoever_tells_of_a_later_edit_tells_of_the_earlier_ones_first(
    desk: Desk, there: Receiver
) -> None:
    await desk.webhook(there.url())
    await desk.make()
    for _ in range(4):
        await desk.edit()
    await desk.tell((1, 4))  # the others' processes are slower, or dead
    await desk.send()
    assert list(there.revisions().values()) == [[1, 2, 3, 4]]
    await desk.tell((1, 2), (1, 5), (1, 5))
    await desk.send()
    assert [heard.told["data"]["revision"] for heard in there.heard] == [1, 2, 3, 4, 5]


async def test_a_thousand_edits_by_several_editors_reach_a_receiver_that_fails_at_random(
    database: Database, outward: Outward, there: Receiver
) -> None:
    """Two processes edit, tell and send side by side; a quarter of all answers is a failure."""
    time = Time()
    desks = [Desk(database, outward, time) for _ in range(2)]
    edits = 1_000 if database.dialect.name == "sqlite" else 80
    models = 8
    chance = random.Random(7)  # noqa: S311 - nobody's secret
    webhook, secret = await desks[0].webhook(there.url())
    for number in range(1, models + 1):
        await desks[0].make(number)

    async def moody(heard: Heard) -> int:
        assert is_signed(heard.headers, heard.body, secret, time.at)
        return chance.choice([*[200] * 6, 500, 503])

    there.answer = moody

    async def editor(desk: Desk, share: int) -> None:
        rung = []
        for left in reversed(range(share)):
            number = chance.randint(1, models)
            rung.append((number, await desk.edit(number)))
            if left == 0 or chance.random() < 0.1:
                await desk.tell(*rung)
                await desk.deliveries.turn()
                rung.clear()

    editors = [editor(each, edits // 4) for each in desks for _ in range(2)]
    await asyncio.gather(*editors)
    for _ in range(200):
        for each in desks:
            await each.deliveries.look_after(OURS)
        await asyncio.gather(*(each.send() for each in desks))
        due_at = await desks[0].store.next_due(OURS)
        if due_at is None:
            break
        time.at = max(time.at, due_at) + timedelta(seconds=REST_S + 1)
    revisions = there.revisions()
    assert len(revisions) == models
    assert all(each == list(range(1, len(each) + 1)) for each in revisions.values())
    assert sum(map(len, revisions.values())) == models + edits
    states = [delivery.state for delivery in await desks[0].kept(webhook)]
    assert states == ["DELIVERED"] * (models + edits)


async def test_what_comes_behind_something_that_waits_waits_with_it(
    desk: Desk, there: Receiver
) -> None:
    webhook, _ = await desk.webhook(there.url())
    await desk.make()
    await desk.tell((1, 1))
    there.says(500)
    await desk.send()
    (waiting,) = await desk.kept(webhook)
    there.says(200)
    for seq in (2, 3):  # new ones are due at once, and their turn has not come
        await desk.edit()
        await desk.tell((1, seq))
        await desk.send()
    assert there.heard == []
    assert await desk.store.next_due(OURS) == waiting.due_at
    desk.time.at = waiting.due_at
    await desk.send()
    assert list(there.revisions().values()) == [[1, 2, 3]]


async def test_a_receiver_that_was_down_gets_all_of_it_in_order_when_it_is_back(
    desk: Desk, certificates: Certificates
) -> None:
    async with receiving(certificates) as first:
        port = first.port
    await desk.webhook(f"https://localhost:{port}/")
    for number in (1, 2, 3):
        await desk.make(number)
        await desk.edit(number)
        await desk.edit(number)
        await desk.tell((number, 3))
    for _ in range(9):  # an hour and more
        await desk.send()
        desk.time.at = max(desk.time.at, await desk.store.next_due(OURS) or desk.time.at)
        desk.time.pass_by(seconds=REST_S)
    async with receiving(certificates, port) as back:
        await desk.send()  # one finds out, and the rest need not wait for their pauses
        desk.time.pass_by(seconds=1)
        await desk.send()
        assert list(back.revisions().values()) == [[1, 2, 3]] * 3
        assert len(back.heard) == 9


async def test_an_address_that_hangs_or_fails_slows_nobody_else(
    desk: Desk, there: Receiver
) -> None:
    hung = asyncio.Event()

    async def answer(heard: Heard) -> int:
        if heard.path == "/hangs":
            await hung.wait()
            return 500
        return 200

    there.answer = answer
    slow, _ = await desk.webhook(there.url("/hangs"))
    quick, _ = await desk.webhook(there.url("/works"))
    for number in range(1, 13):
        await desk.make(number)
        await desk.tell((number, 1))
    while len(there.heard) < 12:
        await desk.deliveries.turn()
        await asyncio.sleep(0.001)
    await eventually(lambda: there.at_once == desk.deliveries.busy == OF_A_WEBHOOK)
    hung.set()
    await desk.send()
    tried = sum(delivery.attempts for delivery in await desk.kept(slow))
    assert FAILURES <= tried <= FAILURES + OF_A_WEBHOOK  # of twelve: then it was left alone
    desk.time.pass_by(seconds=REST_S + 1)
    await desk.deliveries.look_after(OURS)
    await desk.send()
    assert sum(each.attempts for each in await desk.kept(slow)) == tried + 1
    assert {each.state for each in await desk.kept(quick)} == {"DELIVERED"}


async def test_no_tenant_has_more_under_way_than_its_share(desk: Desk, there: Receiver) -> None:
    hung = asyncio.Event()

    async def answer(_: Heard) -> int:
        await hung.wait()
        return 200

    there.answer = answer
    for path in "abc":
        await desk.webhook(there.url(f"/{path}"))
    for number in range(1, 7):
        await desk.make(number)
        await desk.tell((number, 1))
    await desk.deliveries.turn()
    await eventually(lambda: there.at_once == OF_A_TENANT)
    desk.deliveries.wake(OURS)
    await desk.deliveries.turn()
    assert desk.deliveries.busy == OF_A_TENANT
    hung.set()
    await desk.send()
    assert len(there.heard) == 18
    assert there.at_once_most == OF_A_TENANT


async def test_the_lease_of_a_process_that_died_is_taken_over(
    database: Database, outward: Outward, there: Receiver
) -> None:
    time = Time()
    dead, alive = (Desk(database, outward, time) for _ in range(2))
    webhook, _ = await dead.webhook(there.url())
    await dead.make()
    await dead.tell((1, 1))
    ((webhook_id, stream),) = await dead.store.streams(OURS, time.at, (), ())
    claimed = await dead.store.claim(OURS, (webhook_id, stream), "dead", time.at, time.at + LEASE)
    assert claimed is not None
    alive.deliveries.wake(OURS)
    await alive.send()
    assert there.heard == []
    time.pass_by(seconds=LEASE.total_seconds() + 1)
    await alive.deliveries.look_after(OURS)
    await alive.send()
    assert len(there.heard) == 1
    # The one that was late is told so, and changes nothing.
    end: dict[str, Any] = {"state": "DEAD", "status": None, "problem": "late"}
    assert await dead.store.ended(OURS, claimed, "dead", time.at, time.at, **end) is None
    assert [each.state for each in await alive.kept(webhook)] == ["DELIVERED"]


async def test_a_private_address_is_asked_no_more_than_at_the_door(database: Database) -> None:
    async def inside(_host: str, _port: int) -> list[str]:
        return ["10.0.0.7"]

    client = Outward(resolve=inside)
    desk = Desk(database, client)
    webhook, _ = await desk.webhook("https://rebound.example/")
    await desk.make()
    await desk.tell((1, 1))
    await desk.send()
    (delivery,) = await desk.kept(webhook)
    assert delivery.problem == "There is no host rebound.example on the open network."
    assert delivery.status is None
    await client.close()


async def test_both_secrets_sign_for_a_day_after_a_rotation(desk: Desk, there: Receiver) -> None:
    webhook, old = await desk.webhook(there.url())
    new, sealed = desk.secrets.rotated(OURS, webhook.id, webhook.secret, desk.time.at)
    async with desk.database.writing(OURS) as session:
        assert await kept.change(session, replace(webhook, secret=sealed))
    await desk.make()
    await desk.tell((1, 1))
    await desk.send()
    desk.time.pass_by(hours=25)
    await desk.edit()
    await desk.tell((1, 2))
    await desk.send()
    first, second = there.heard
    then = desk.time.at - timedelta(hours=25)
    for secret, at_first, at_last in ((old, True, False), (new, True, True)):
        assert is_signed(first.headers, first.body, secret, then) is at_first
        assert is_signed(second.headers, second.body, secret, desk.time.at) is at_last
    assert old != new


async def test_a_tenant_hears_of_its_own_and_the_sweep_finds_what_the_dead_left(
    desk: Desk, there: Receiver
) -> None:
    await desk.webhook(there.url("/ours"))
    await desk.webhook(there.url("/theirs"), tenant_id=THEIRS)
    for tenant_id in (OURS, THEIRS):
        await desk.make(1, tenant_id)
    await desk.edit()
    desk.time.pass_by(seconds=2)
    await desk.deliveries.sweep()  # nobody told of any of it
    await desk.send()
    assert sorted((heard.path, heard.told["data"]["revision"]) for heard in there.heard) == [
        ("/ours", 1),
        ("/ours", 2),
        ("/theirs", 1),
    ]
    assert {heard.told["tenant"] for heard in there.heard if heard.path == "/theirs"} == {
        f"Tenant/{THEIRS}"
    }
    assert LEASE.total_seconds() > WITHIN_S
