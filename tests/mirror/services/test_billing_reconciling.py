"""Whether what the payment provider lists is what tenants have here; and mending it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from services.billing_objects import NotUnderstood
from services.plans import Plan
from tests.mirror.store.conftest import database as both_databases
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import OURS
from tests.payment_provider import EVENTS, Provider, provider, recorded

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


async def test_whose_subscription_ends_takes_none_from_a_tenant_that_pays_by_another(
    provider: Provider,
) -> None:
    """Whoever pays may name any tenant: that gives it something, and takes nothing away."""
    await provider.says("checkout-completed")
    await provider.says("subscription-upgraded")
    for name in ("checkout-completed", "subscription-active", "subscription-deleted"):
        event = recorded(name, id=f"evt_{name}")
        event["data"]["object"]["customer"] = "cus_Another"
        if "subscription" in name:
            event["data"]["object"]["id"] = "sub_Another"
        await provider.says(event)
    assert await provider.state() == ("ENTERPRISE", "ENTERPRISE", "ACTIVE")
    assert (await provider.subscription()).customer == "cus_Tk30"
    listed = [
        {**recorded(name)["data"]["object"], "id": subscription, "customer": customer}
        for name, subscription, customer in (
            ("subscription-deleted", "sub_Another", "cus_Another"),
            ("subscription-upgraded", "sub_PlanA", "cus_Tk30"),
        )
    ]
    listed[1]["id"] = (await provider.subscription()).reference
    assert await provider.payments.reconciling.differences(listed) == []


async def test_a_list_that_lacks_what_counts_is_taken_and_mends_nothing(
    provider: Provider,
) -> None:
    await provider.says("checkout-completed")
    await provider.says("subscription-upgraded")
    ended = recorded("subscription-deleted")["data"]["object"] | {"id": "sub_Older"}
    reconciling = provider.payments.reconciling
    (difference,) = found = await reconciling.differences([ended])
    assert "state is ACTIVE here and CANCELLED there" in difference.message
    assert await reconciling.mend(found) == 0
    assert await provider.state() == ("ENTERPRISE", "ENTERPRISE", "ACTIVE")


async def test_reconciling_says_what_differs_and_mends_it(provider: Provider) -> None:
    for name in ("checkout-completed", "subscription-active", "invoice-failed"):
        await provider.says(name)
    provider.at += timedelta(days=1)
    reconciling = provider.payments.reconciling
    listed = json.loads((EVENTS / "export.json").read_text())["data"]
    found = await reconciling.differences(listed)
    assert [(each.customer, each.tenant_id) for each in found] == [
        ("cus_Tk30", OURS),
        ("cus_Nobody", None),
    ]
    assert found[0].message.startswith("state is PAST_DUE here and ACTIVE there; period start is")
    assert await provider.state() == ("PRO", "PRO", "PAST_DUE")  # said, and nothing else
    assert await reconciling.mend(found) == 1
    assert await provider.state() == ("PRO", "PRO", "ACTIVE")
    assert [each.tenant_id for each in await reconciling.differences(listed)] == [None]
    missing = await reconciling.differences([])
    assert [each.message for each in missing] == [
        "the list has nothing of it, and here it is ACTIVE"
    ]
    assert await reconciling.mend(missing) == 0
    with pytest.raises(NotUnderstood):
        await reconciling.differences([{"object": "customer"}])
    assert Plan((await provider.tenant()).plan) is Plan.PRO
