"""Changes of plan by those who may make them, without a payment provider and with one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from services.administration import Administration
from services.errors import Conflict, Forbidden
from services.operators import OperatorService
from services.payments import Payments
from services.plans import LIMITS, Plan
from services.prices import PriceList, PricesInvalid
from services.principal import Role
from services.proration import months_after
from services.standing import Standings
from services.subscriptions import losses
from services.webhook_events import Bodies
from store import subscriptions
from store.changes import Changes
from store.database import Database
from store.directory import SYSTEM, Directory
from store.quotas import Taken
from store.standing import Standings as StandingStore
from store.subscriptions import Subscriptions
from store.tenants import Tenants
from tests.mirror.collab.by_hand import Said
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import OURS, THEIRS
from tests.webhooks_at_work import Desk, global_id

pytestmark = pytest.mark.anyio
PRICES = Path(__file__).parents[3] / "examples" / "billing" / "prices.json"
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
OWNER, OPERATOR = principal(Role.OWNER), principal(Role.OPERATOR, SYSTEM)


class Office:
    """Where plans are changed."""

    def __init__(self, database: Database, *secrets: str) -> None:
        self.at, self.database = APRIL, database
        standings = Standings(StandingStore(database), BroadcastBus(MemoryBackend(), Said()))
        administration = Administration(Changes(database), standings, lambda: self.at)
        directory = Directory(database)
        self.payments = Payments.build(
            database=database,
            directory=directory,
            standings=standings,
            bodies=Bodies(global_id),
            prices=PriceList.read(PRICES),
            secrets=secrets,
            clock=lambda: self.at,
            log=Said(),
        )
        self.subscriptions, self.kept = self.payments.subscriptions, Subscriptions(database)
        self.operators = OperatorService(
            Tenants(database), directory, administration, self.subscriptions.prorate
        )

    async def nets(self) -> list[int]:
        """What each change came to, the oldest first."""
        found = await self.kept.changes(OURS, None, 99)
        return [json.loads(each.proration)["net"] for each in found[::-1]]


async def test_a_change_and_back_at_once_costs_nothing_and_a_repeat_changes_nothing(
    database: Database,
) -> None:
    office = Office(database)
    await office.operators.change_plan(OWNER, Plan.FREE, operation_id="down")
    await office.operators.change_plan(OWNER, Plan.PRO, operation_id="begin")
    office.at += timedelta(days=11, seconds=7)
    await office.operators.change_plan(OWNER, Plan.ENTERPRISE, operation_id="up")
    await office.operators.change_plan(OWNER, Plan.ENTERPRISE, operation_id="up")
    await office.operators.change_plan(OWNER, Plan.PRO, operation_id="back")
    _, begun, up, back = await office.nets()
    assert begun == 4_900
    assert up > 0
    assert up + back == 0
    paid = await office.kept.find(OURS)
    assert paid is not None
    assert (paid.plan, paid.amount, paid.period_start) == ("PRO", 4_900, APRIL)
    # A period later a change is prorated in the period that it falls into.
    office.at = datetime(2026, 5, 16, 12, tzinfo=UTC)
    await office.operators.change_plan(OWNER, Plan.FREE, operation_id="end")
    assert (await office.nets())[-1] == -2_450


async def test_where_plans_are_sold_nobody_raises_their_own_and_an_operator_may(
    database: Database,
) -> None:
    office = Office(database, "a secret of the provider")
    with pytest.raises(Conflict, match="bought from the payment provider"):
        await office.operators.change_plan(OWNER, Plan.ENTERPRISE)
    await office.operators.change_plan(OWNER, Plan.FREE)  # less may always be had
    await office.operators.change_plan(OPERATOR, Plan.ENTERPRISE, OURS)
    found = await Tenants(database).find(OURS)
    assert found is not None
    assert found.plan == "ENTERPRISE"
    with pytest.raises(Forbidden):
        await office.operators.change_plan(principal(Role.ADMIN), Plan.FREE)


async def test_a_preview_says_what_it_would_cost_and_changes_nothing(database: Database) -> None:
    office = Office(database)
    found = await office.subscriptions.preview(OWNER, OURS, Plan.ENTERPRISE)
    assert (found.before, found.after, found.proration.net) == (Plan.PRO, Plan.ENTERPRISE, 49_900)
    assert found.losses == ()
    assert await office.kept.find(OURS) is None
    with pytest.raises(Forbidden):
        await office.subscriptions.preview(OWNER, THEIRS, Plan.FREE)
    assert (await office.subscriptions.preview(OPERATOR, THEIRS, Plan.FREE)).before is Plan.PRO


async def test_a_plan_for_another_time_than_the_period_begins_a_new_one(
    database: Database,
) -> None:
    office = Office(database)
    await office.operators.change_plan(OWNER, Plan.FREE)
    await office.operators.change_plan(OWNER, Plan.PRO)
    bought = await office.kept.find(OURS)
    assert bought is not None
    year = replace(bought, amount=49_000, period_end=months_after(bought.period_start, 12))
    async with database.writing(OURS) as session:
        await subscriptions.put(session, year)
    office.at += (year.period_end - year.period_start) / 2
    found = (await office.subscriptions.preview(OWNER, OURS, Plan.ENTERPRISE)).proration
    assert (found.credit, found.charge) == (24_500, 49_900)  # half a year back, a month from now
    await office.operators.change_plan(OWNER, Plan.ENTERPRISE)
    now = await office.kept.find(OURS)
    assert now is not None
    assert (now.period_start, now.period_end) == (office.at, months_after(office.at, 1))
    back = (await office.subscriptions.preview(OWNER, OURS, Plan.PRO)).proration
    assert (back.credit, back.charge) == (49_900, 4_900)


async def test_a_plan_without_webhooks_pauses_them_and_tells_them_once_they_are_back(
    database: Database,
) -> None:
    office, desk = Office(database), Desk(database, None)
    mine, _ = await desk.webhook("https://example.com/")
    await office.operators.change_plan(OWNER, Plan.FREE)
    office.at += timedelta(hours=1)
    await office.operators.change_plan(OWNER, Plan.PRO)
    found = await desk.webhooks.find(OURS, mine.id)
    assert found is not None
    assert (found.state, found.state_reason) == ("ACTIVE", None)
    told = [json.loads(each.payload) for each in await desk.kept(mine)]
    assert [each["data"] for each in told] == [
        {"before": "PRO", "after": "FREE"},
        {"before": "FREE", "after": "PRO"},
    ]


def test_what_a_smaller_plan_does_not_hold_is_told_with_numbers() -> None:
    taken = Taken(models=21, members=3, runs=0)
    found = {each.name: each.message for each in losses(LIMITS[Plan.PRO], LIMITS[Plan.FREE], taken)}
    assert found["MODELS"].startswith(
        "There are 21 models, and the plan holds 20: all of them stay"
    )
    assert "MEMBERS" not in found
    assert found["VALUATIONS_KEPT"] == "Valuations are kept for 30 days from then on."
    assert found["WEBHOOKS"] == "The plan has no webhooks."
    assert losses(LIMITS[Plan.FREE], LIMITS[Plan.PRO], taken) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no file of JSON"),
        ("[]", '{"prices": [...]}'),
        ('{"prices": [{}]}', "prices[0]: id is the provider's name"),
        ('{"prices": [7]}', "plan is FREE, PRO, ENTERPRISE"),
        (
            '{"prices": [{"id": "a", "plan": "PRO", "amount": 1.5, "currency": "USD"}]}',
            "amount is a whole number of the smallest coin; currency is like usd.",
        ),
        (
            json.dumps(
                {"prices": [{"id": "a", "plan": "PRO", "amount": 1, "currency": "usd"}] * 2}
            ),
            "a stands twice.",
        ),
    ],
)
def test_a_list_of_prices_that_is_none_is_refused_with_every_flaw(
    tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "prices.json"
    file.write_text(content)
    with pytest.raises(PricesInvalid) as no:
        PriceList.read(file)
    assert said in str(no.value)


def test_a_plans_price_is_the_first_in_its_currency() -> None:
    prices = PriceList.read(PRICES)
    assert prices.of_plan(Plan.PRO).id == "price_pro"
    assert prices.of_plan(Plan.PRO, months=12).id == "price_pro_year"
    assert prices.of_plan(Plan.FREE).amount == prices.of_plan(Plan.PRO, "eur").amount == 0
    unknown: Any = prices.find("price_of_nothing")
    assert unknown is None
