"""What a payment provider says: believed once, in the right order, by nobody without the secret."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.billing import LOOK_S, Outcome, tenant_of
from services.errors import Conflict
from services.subscriptions import GRACE, NO_WEBHOOKS
from store import webhooks
from store.directory import SYSTEM
from store.tenants import Tenants
from tests.mirror.store.conftest import database as both_databases
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import OURS, THEIRS, tenant
from tests.payment_provider import Provider, provider, recorded
from tests.webhooks_at_work import Desk

__all__ = [
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "provider",
    "sqlite_place",
]
pytestmark = pytest.mark.anyio

database = both_databases

STORY = (
    "checkout-completed",
    "subscription-created",
    "subscription-active",
    "subscription-upgraded",
    "invoice-failed",
    "subscription-past-due",
    "invoice-paid",
)


async def test_a_tenant_buys_raises_its_plan_is_late_and_pays(provider: Provider) -> None:
    assert (await provider.says("checkout-completed")).outcome is Outcome.APPLIED
    assert (await provider.says("subscription-created")).outcome is Outcome.IGNORED  # unpaid yet
    assert (await provider.tenant()).plan == "FREE"
    assert (await provider.says("subscription-active")).outcome is Outcome.APPLIED
    assert await provider.state() == ("PRO", "PRO", "ACTIVE")
    assert provider.changed == [OURS]
    await provider.says("subscription-upgraded")
    assert await provider.state() == ("ENTERPRISE", "ENTERPRISE", "ACTIVE")
    (raised, bought) = await provider.kept.changes(OURS, None, 9)
    assert (bought.plan_before, bought.plan_after, bought.event_id) == (
        "FREE",
        "PRO",
        "evt_subscription_active",
    )
    # Half a month of each; four seconds went by before it was paid.
    assert json.loads(raised.proration) == {
        "credit": 2_450,
        "charge": 24_950,
        "net": 22_500,
        "currency": "usd",
        "unusedSeconds": 15 * 86_400,
        "periodSeconds": 30 * 86_400,
    }
    await provider.says("invoice-failed")
    assert await provider.state() == ("ENTERPRISE", "ENTERPRISE", "PAST_DUE")
    since = (await provider.subscription()).state_since
    await provider.says("subscription-past-due")  # as PRO, which it was lowered to
    assert await provider.state() == ("PRO", "PRO", "PAST_DUE")
    assert (await provider.subscription()).state_since == since
    await provider.says("invoice-paid")
    assert await provider.state() == ("PRO", "PRO", "ACTIVE")
    await provider.says("subscription-deleted")
    assert await provider.state() == ("FREE", "PRO", "CANCELLED")


async def test_an_event_counts_once_however_often_it_is_sent(provider: Provider) -> None:
    await provider.says("checkout-completed")
    first = await provider.says("subscription-active")
    again = recorded("subscription-active", pending_webhooks=7, request={"id": "req_2"})
    repeat = await provider.says(again)
    assert (first.fresh, repeat.fresh) == (True, False)
    assert repeat.outcome is first.outcome
    assert len(await provider.kept.changes(OURS, None, 9)) == 1
    assert (await provider.tenant()).revision == 3
    other = recorded("subscription-upgraded", id="evt_subscription_active")
    with pytest.raises(Conflict, match="says something else"):
        await provider.says(other)
    assert await provider.state() == ("PRO", "PRO", "ACTIVE")


async def test_in_whatever_order_events_come_what_comes_of_it_is_the_same(
    provider: Provider,
) -> None:
    """Orders of the whole story, each about a customer and a tenant of its own."""
    story, ends = list(STORY[2:]), []
    for order in [story[::-1], *list(itertools.permutations(story))[3::12]]:
        customer, whose = f"cus_{len(ends)}", UUID(int=OURS.int + 0x100 + len(ends))
        record = tenant(whose, slug=customer, plan="FREE")
        await Tenants(provider.database).ensure(record, [])
        await provider.directory.put("CUSTOMER", customer, whose)
        for name in order:
            event = recorded(name, id=f"evt_{customer}_{name}")
            event["data"]["object"]["customer"] = customer
            await provider.says(event)
        ends.append(await provider.state(whose))
    assert ends == [("PRO", "PRO", "ACTIVE")] * 11


async def test_the_end_of_a_subscription_that_comes_before_its_beginning_is_the_end(
    provider: Provider,
) -> None:
    await provider.says("checkout-completed")
    await provider.says("subscription-deleted")
    assert (await provider.says("subscription-active")).outcome is Outcome.OUT_OF_DATE
    assert await provider.state() == ("FREE", "PRO", "CANCELLED")


async def test_the_end_of_one_subscription_is_not_the_end_of_the_one_that_replaced_it(
    provider: Provider,
) -> None:
    await provider.says("checkout-completed")
    await provider.says("subscription-active")
    second = recorded("subscription-upgraded", id="evt_second")
    second["data"]["object"]["id"] = "sub_Second"
    await provider.says(second)
    await provider.says("subscription-deleted")
    assert await provider.state() == ("ENTERPRISE", "ENTERPRISE", "ACTIVE")
    # And one that had ended before anybody heard that it began replaces nothing.
    for name, kind in (("subscription-deleted", "evt_end"), ("subscription-active", "evt_begin")):
        event = recorded(name, id=kind, created=recorded("subscription-deleted")["created"] + 9)
        event["data"]["object"]["id"] = "sub_Third"
        await provider.says(event)
    assert await provider.state() == ("ENTERPRISE", "ENTERPRISE", "ACTIVE")


async def test_what_is_said_of_a_stranger_waits_until_somebody_says_who_it_is(
    provider: Provider,
) -> None:
    assert (await provider.says("subscription-active")).outcome is Outcome.UNKNOWN
    repeat = await provider.says("subscription-active")
    assert (repeat.outcome, repeat.fresh) == (Outcome.UNKNOWN, False)
    await provider.says("subscription-upgraded")
    assert (await provider.tenant()).plan == "FREE"
    assert len(await provider.kept.unknown_of(SYSTEM, "cus_Tk30")) == 2
    assert (await provider.says("checkout-completed")).tenant_id == OURS
    assert await provider.state() == ("ENTERPRISE", "ENTERPRISE", "ACTIVE")
    assert await provider.kept.unknown_of(SYSTEM, "cus_Tk30") == []
    assert (await provider.tenant(THEIRS)).plan == "PRO"


async def test_a_customer_is_one_tenants_for_good(provider: Provider) -> None:
    await provider.says("checkout-completed")
    stolen = recorded("checkout-completed", id="evt_other")
    stolen["data"]["object"]["client_reference_id"] = str(THEIRS)
    assert (await provider.says(stolen)).tenant_id == OURS
    assert await provider.directory.find("CUSTOMER", "cus_Tk30") == OURS


async def test_a_checkout_that_names_no_tenant_makes_nobody_known(provider: Provider) -> None:
    for named in (str(SYSTEM), "01900000-0000-7000-8000-0000000000ff", "acme", ""):
        event = recorded("checkout-completed", id=f"evt_{named}")
        event["data"]["object"]["client_reference_id"] = named
        assert (await provider.says(event)).outcome is Outcome.UNKNOWN
        assert await provider.directory.find("CUSTOMER", "cus_Tk30") is None


async def test_what_is_of_no_weight_is_taken_and_changes_nothing(provider: Provider) -> None:
    assert (await provider.says("charge-succeeded")).outcome is Outcome.IGNORED
    await provider.says("checkout-completed")
    assert (await provider.says("charge-succeeded")).outcome is Outcome.IGNORED
    strange = recorded("subscription-active", id="evt_price")
    strange["data"]["object"]["items"]["data"][0]["price"]["id"] = "price_of_nothing"
    assert (await provider.says(strange)).outcome is Outcome.UNKNOWN
    assert "a payment was not understood" in provider.said.events
    assert await provider.kept.find(OURS) is None


async def test_two_weeks_after_a_payment_failed_the_plan_is_the_free_one_and_nothing_is_gone(
    provider: Provider,
) -> None:
    for name in ("checkout-completed", "subscription-active", "invoice-failed"):
        await provider.says(name)
    failed = (await provider.subscription()).state_since
    provider.at = failed + GRACE - timedelta(seconds=LOOK_S)
    assert await provider.payments.billing.end_graces() == 0
    assert await provider.state() == ("PRO", "PRO", "PAST_DUE")
    provider.at = failed + GRACE + timedelta(seconds=1)
    provider.changed.clear()
    assert await provider.payments.billing.end_graces() == 1
    assert provider.changed == [OURS]
    assert await provider.state() == ("FREE", "PRO", "PAST_DUE")
    assert await provider.payments.billing.end_graces() == 0
    # Whoever pays has again what was bought.
    late = recorded("invoice-paid", created=int(provider.at.timestamp()))
    await provider.says(late)
    assert await provider.state() == ("PRO", "PRO", "ACTIVE")
    assert [(each.plan_before, each.plan_after) for each in await history(provider)] == [
        ("FREE", "PRO"),
        ("PRO", "FREE"),
        ("FREE", "PRO"),
    ]


async def history(provider: Provider) -> list[Any]:
    return (await provider.kept.changes(OURS, None, 99))[::-1]


async def test_webhooks_are_paused_with_the_plan_that_had_them_and_resumed_with_it(
    provider: Provider,
) -> None:
    desk = Desk(provider.database, None)
    await provider.says("checkout-completed")
    await provider.says("subscription-active")
    mine, _ = await desk.webhook("https://example.com/")
    off, _ = await desk.webhook("https://example.com/", state="PAUSED")
    await provider.says("subscription-deleted")
    found = {each.id: each for each in await desk.webhooks.all(OURS)}
    assert (found[mine.id].state, found[mine.id].state_reason) == ("PAUSED", NO_WEBHOOKS)
    (told,) = await desk.kept(mine)
    assert (told.event, told.state) == ("tenant.plan_changed", "WAITING")
    again = recorded("subscription-active", created=recorded("subscription-deleted")["created"] + 9)
    again["data"]["object"]["id"] = "sub_Again"
    await provider.says(again | {"id": "evt_again"})
    states = {each.id: each.state for each in await desk.webhooks.all(OURS)}
    assert states == {mine.id: "ACTIVE", off.id: "PAUSED"}
    async with provider.database.reading(OURS) as session:
        assert await webhooks.count(session) == 2


STRANGE: list[dict[str, Any]] = [
    {"items": None},
    {"items": {"data": "none"}},
    {"items": {"data": [None, 7, {"price": None}, {"price": {"id": ["x"]}}]}},
    {"status": None},
    {"status": "brand new"},
    {"id": 7},
    {"items": {"data": [{"price": "price_pro", "quantity": -1}]}},
    {"items": {"data": [{"price": "price_pro", "quantity": 10**30}]}},
    {"items": {"data": [{"price": "price_pro"}]}},
    {
        "items": {"data": [{"price": "price_pro"}]},
        "current_period_start": 9,
        "current_period_end": 9,
    },
]


async def test_a_subscription_of_no_known_form_waits_for_a_person(provider: Provider) -> None:
    await provider.says("checkout-completed")
    for number, change in enumerate(STRANGE):
        event = recorded("subscription-active", id=f"evt_{number}")
        event["data"]["object"] |= change
        assert (await provider.says(event)).outcome is not Outcome.APPLIED, change
        assert (await provider.tenant()).plan == "FREE"


def test_a_tenant_is_named_by_its_id_or_as_the_schema_names_it() -> None:
    from resolvers.ids import global_id as named

    assert tenant_of(str(OURS)) == tenant_of(named("Tenant", str(OURS))) == OURS
    for no in ("", "acme", named("Member", str(OURS)), named("Tenant", "x"), "é", "A" * 5):
        assert tenant_of(no) is None


async def test_a_trial_costs_nothing_and_is_had(provider: Provider) -> None:
    await provider.says("checkout-completed")
    trial = recorded("subscription-active")
    trial["data"]["object"]["status"] = "trialing"
    await provider.says(trial)
    assert await provider.state() == ("PRO", "PRO", "ACTIVE")
    assert (await provider.subscription()).amount == 0
    (change,) = await provider.kept.changes(OURS, None, 9)
    assert json.loads(change.proration)["net"] == 0


async def test_what_ends_a_grace_for_one_is_kept_from_nobody_by_another(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant_id, customer in ((OURS, "cus_Tk30"), (THEIRS, "cus_Theirs")):
        for name in ("checkout-completed", "subscription-active", "invoice-failed"):
            event = recorded(name, id=f"{name} {customer}")
            event["data"]["object"]["customer"] = customer
            if name == "checkout-completed":
                event["data"]["object"]["client_reference_id"] = str(tenant_id)
            await provider.says(event)
    honest = provider.payments.subscriptions.settle

    async def settle(session: Any, *given: Any) -> bool:
        if session.tenant_id == min(OURS, THEIRS):  # whose turn comes first
            raise ValueError("a plan of a later version")
        return await honest(session, *given)

    monkeypatch.setattr(provider.payments.subscriptions, "settle", settle)
    provider.at += timedelta(days=15)
    assert await provider.payments.billing.end_graces() == 1
    assert (await provider.tenant(max(OURS, THEIRS))).plan == "FREE"
