"""Operators make tenants that survive whatever happens in between, on both databases.

What takes one transaction is asked of one of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    QuotaExceeded,
)
from services.operator_grants import GrantService
from services.operators import CONTRACT, Created
from services.plans import LIMITS, Plan
from services.principal import Principal, Role
from services.switches import Scope
from services.usage import Quota
from store.database import Database
from store.directory import Directory
from store.operators import OperatorGrants
from store.tenants import Tenants
from tests.mirror.services.auditing_at_work import House
from tests.mirror.services.tenants_at_work import Desk
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import OURS, Place, opened, settle, tenant

__all__ = [
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
]

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk.opened(database)


@pytest.fixture
async def either(place: Place) -> AsyncIterator[Desk]:
    """On each of the databases."""
    async with opened(place.url) as database:
        await settle(database)
        yield Desk.opened(database)


async def create(desk: Desk, operator: Principal, **changes: Any) -> Created:
    asked: dict[str, Any] = {
        "slug": "acme",
        "name": "Acme",
        "plan": Plan.PRO,
        "owner_email": "ada@example.com",
        "owner_name": None,
        "operation_id": "make",
    }
    return await desk.tenancy.operators.create(operator, **(asked | changes))


class Killed(Exception):
    """The process ends here."""


async def test_a_tenant_whose_making_was_cut_short_is_made_by_asking_again(
    either: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await either.operator()

    async def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("services.operators.tenants.add", killed)
        with pytest.raises(Killed):
            await create(either, operator)
    led = await Directory(either.database).find("SLUG", "acme")
    assert led is not None  # the name is taken, and there is nothing behind it
    assert await Tenants(either.database).find(led) is None
    found, more = await either.tenancy.operators.page(operator, "", 10)
    assert (found, more) == ([], False)
    with pytest.raises(InvalidInput):
        await create(either, operator, operation_id="another")
    made = await create(either, operator)
    assert made.tenant.tenant_id == led
    accepted = await either.tenancy.invitations.accept(str(made.invitation))
    assert (accepted.tenant_id, accepted.member.role) == (led, "OWNER")
    again = await create(either, operator)
    assert (again.tenant, again.invitation) == (made.tenant, None)


async def test_an_operation_id_is_for_one_thing(desk: Desk) -> None:
    operator = await desk.operator()
    await create(desk, operator)
    with pytest.raises(IdempotencyKeyReused):
        await create(desk, operator, name="Other")


async def test_a_name_that_is_none_is_not_taken(desk: Desk) -> None:
    operator = await desk.operator()
    for slug in ("system", "", "A", "-a", "a-", "a_b", "a" * 64, "ä"):
        with pytest.raises(InvalidInput):
            await create(desk, operator, slug=slug)


async def test_pages_have_every_tenant_once(either: Desk) -> None:
    operator = await either.operator()
    for slug in ("d", "b", "a", "e", "c"):
        await create(either, operator, slug=slug, operation_id=slug)
    pages: list[list[str]] = []
    after, more = "", True
    while more:
        found, more = await either.tenancy.operators.page(operator, after, 2)
        pages.append([each.slug for each in found])
        after = pages[-1][-1]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]


async def test_only_operators_operate(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    with pytest.raises(Forbidden):
        await create(desk, owner)
    with pytest.raises(Forbidden):
        await desk.tenancy.operators.suspend(owner, OURS, "Why not")
    with pytest.raises(Forbidden):
        await desk.tenancy.operators.set_contract(owner, OURS, {})
    with pytest.raises(Forbidden):
        await desk.tenancy.operators.page(owner, "", 10)


async def test_a_change_of_plan_is_felt_at_once_and_made_once(desk: Desk) -> None:
    (owner, admin) = await desk.members(Role.OWNER, Role.ADMIN)
    assert (await desk.standings.terms(OURS)).plan is Plan.PRO
    with pytest.raises(Forbidden):
        await desk.tenancy.operators.change_plan(admin, Plan.FREE)
    for _ in range(2):
        changed = await desk.tenancy.operators.change_plan(
            owner, Plan.ENTERPRISE, operation_id="more"
        )
        assert (changed.plan, changed.revision) == ("ENTERPRISE", tenant(OURS).revision + 1)
    assert (await desk.standings.terms(OURS)).limits.members is None


async def test_no_contract_has_a_number_that_cannot_be_meant(desk: Desk) -> None:
    operator = await desk.operator()
    for name, (least, most) in CONTRACT.items():
        for wrong in (least - 1, most + 1, 1.5, True, "1"):
            with pytest.raises(InvalidInput):
                await desk.tenancy.operators.set_contract(operator, OURS, {name: wrong})
        await desk.tenancy.operators.set_contract(operator, OURS, {name: most})
        limits = (await desk.standings.terms(OURS)).limits
        value = getattr(limits, name)
        assert (value.days if name.endswith("_kept") else value) == most
    await desk.tenancy.operators.set_contract(operator, OURS, {})
    assert (await desk.standings.terms(OURS)).limits == LIMITS[Plan.PRO]


async def test_whatever_an_operator_does_to_a_tenant_is_in_the_tenants_own_audit(
    desk: Desk,
) -> None:
    operator, tenancy = await desk.operator(), desk.tenancy
    (owner,) = await desk.members(Role.OWNER)
    await tenancy.operators.suspend(operator, OURS, "Unpaid.")
    await tenancy.operators.resume(operator, OURS)
    await tenancy.operators.change_plan(operator, Plan.ENTERPRISE, OURS)
    await tenancy.operators.set_contract(operator, OURS, {"members": 10})
    until = desk.at[0] + timedelta(hours=1)
    grant = await tenancy.grants.open(
        operator, OURS, role=Role.VIEWER, reason="Ticket 7.", until=until
    )
    await tenancy.grants.approve(owner, OURS, grant.id)
    await tenancy.grants.leave(operator, OURS, grant.id)
    for _ in range(2):  # the second finds it stopped
        switch = await tenancy.switches.stop(operator, Scope.TENANT, str(OURS), "Too much.")
    for _ in range(2):
        await tenancy.switches.resume(operator, switch.id)
    kind = await tenancy.switches.stop(operator, Scope.KIND, "DCF", "For everybody.")
    await tenancy.switches.resume(operator, kind.id)

    house = House(desk.database)
    assert await house.actions() == [
        "tenant.suspended",
        "tenant.resumed",
        "tenant.plan_changed",
        "tenant.contract_changed",
        "grant.opened",
        "grant.approved",
        "grant.ended",
        "switch.thrown",
        "switch.lifted",
    ]
    links = await house.found.page(OURS, house.everything, limit=100)
    by = {link.action: (link.actor, link.actor_kind) for link in links}
    assert by.pop("grant.approved") == (owner.member_id, "MEMBER")
    assert set(by.values()) == {(operator.member_id, "OPERATOR")}
    reasons = {link.action: orjson.loads(link.details).get("reason") for link in links}
    assert {action: why for action, why in reasons.items() if why} == {
        "tenant.suspended": "Unpaid.",
        "grant.opened": "Ticket 7.",
        "switch.thrown": "Too much.",
        "switch.lifted": "Too much.",
    }


async def test_a_stop_whose_answer_was_lost_is_told_to_the_tenant_by_asking_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, switches = await desk.operator(), desk.tenancy.switches

    async def killed() -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(desk.tenancy.stopped, "changed", killed)
        with pytest.raises(Killed):
            await switches.stop(operator, Scope.TENANT, str(OURS), "Too much.", "stop")
    for _ in range(2):
        await switches.stop(operator, Scope.TENANT, str(OURS), "Too much.", "stop")
    assert await House(desk.database).actions() == ["switch.thrown"]


async def test_less_of_a_plan_takes_nothing_away_and_more_brings_it_back(desk: Desk) -> None:
    operator, tenancy = await desk.operator(), desk.tenancy
    (owner,) = await desk.members(Role.OWNER)
    created = await create(desk, operator, plan=Plan.ENTERPRISE)
    whose = created.tenant.tenant_id
    await tenancy.invitations.accept(str(created.invitation))
    (first,) = await Tenants(desk.database).members(whose)
    owner = replace(owner, tenant_id=whose, member_id=first.id)
    for number in range(4):
        await tenancy.members.create_service_account(owner, f"Robot {number}", Role.VIEWER)
    colours = {"primary": "#111111", "accent": "#222222", "background": "#ffffff"}
    await tenancy.branding.update(
        owner, name="Ours", colours=colours | {"text": "#000000"}, logo=None, keep_logo=False
    )
    until = desk.at[0] + timedelta(hours=1)
    grant = await tenancy.grants.open(
        operator, whose, role=Role.VIEWER, reason="Ticket 7.", until=until
    )

    await tenancy.operators.change_plan(owner, Plan.FREE)
    assert len(await Tenants(desk.database).members(whose)) == 5
    used = {each.name.value: (each.used, each.left) for each in await quotas(desk, owner)}
    assert used["MEMBERS"] == (5, 0)
    with pytest.raises(QuotaExceeded):
        await tenancy.members.create_service_account(owner, "One more", Role.VIEWER)
    assert tenancy.grants.state((await tenancy.grants.shown(owner, whose))[0]) == "WAITING"
    assert await tenancy.branding.public("acme") is None
    assert await tenancy.branding.find(owner, whose, "acme") is not None

    await tenancy.operators.change_plan(owner, Plan.ENTERPRISE)
    tenancy.branding._seen.clear()  # it would be looked up anew within ten seconds
    shown = await tenancy.branding.public("acme")
    assert shown is not None
    assert shown.name == "Ours"
    await tenancy.grants.approve(owner, whose, grant.id)
    await tenancy.members.create_service_account(owner, "One more", Role.VIEWER)


async def quotas(desk: Desk, who: Principal) -> list[Quota]:
    return await desk.tenancy.usage.quotas(who, who.tenant_id)


async def test_no_token_outlives_its_grant_and_none_is_another_operators(desk: Desk) -> None:
    operator, lifetimes = await desk.operator(), list[timedelta]()

    class Signs:
        def issue(self, *told: Any, **_: Any) -> str:
            lifetimes.append(told[3])
            return "token"

    kept, people = OperatorGrants(desk.database), Tenants(desk.database)
    administration = desk.tenancy.operators._administration
    grants = GrantService(kept, people, administration, Signs)
    until = desk.at[0] + timedelta(hours=1)
    opened = await grants.open(operator, OURS, role=Role.VIEWER, reason="Ticket 7.", until=until)
    with pytest.raises(NotFound):
        await grants.enter(replace(operator, member_id=UUID(int=201)), OURS, opened.id)
    for before, lifetime in ((60, 10), (4, 4)):  # minutes
        desk.at[0] = until - timedelta(minutes=before)
        access = await grants.enter(operator, OURS, opened.id)
        assert lifetimes[-1] == timedelta(minutes=lifetime)
        assert access.expires_at == desk.at[0] + lifetimes[-1]
    desk.at[0] = until
    with pytest.raises(Conflict, match="EXPIRED"):
        await grants.enter(operator, OURS, opened.id)
    assert len(lifetimes) == 2
