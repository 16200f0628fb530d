"""Members: nobody is let past a plan, and no tenant is left without an owner.

What is asked at once is asked of both databases, since only one of them has a single writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from engine.errors import InvalidInput, Problem, Refused
from services.errors import Conflict, Forbidden, NotFound, QuotaExceeded, Unauthenticated
from services.invitations import LIFETIME, checked
from services.members import name_of
from services.operators import reason_of
from services.principal import Role
from store.database import Database
from store.tenants import MemberRecord, Tenants
from tests.mirror.services.tenants_at_work import Desk
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
)
from tests.mirror.store.world import NOON, OURS, THEIRS, Place, member, opened, settle

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


async def outcomes(*asked: object) -> list[str]:
    """What came of things that were asked at once: their codes, "" where it was done."""
    done = await asyncio.gather(*asked, return_exceptions=True)  # type: ignore[call-overload] # awaitables
    for each in done:
        assert not isinstance(each, BaseException) or isinstance(each, Refused), each
    return [each.code if isinstance(each, Refused) else "" for each in done]


async def active(desk: Desk) -> list[MemberRecord]:
    return [each for each in await Tenants(desk.database).members(OURS) if each.state == "ACTIVE"]


async def test_of_forty_at_once_a_plan_takes_in_as_many_as_it_holds(either: Desk) -> None:
    (owner,) = await either.members(Role.OWNER)
    operator = await either.operator()
    await either.tenancy.operators.set_contract(operator, OURS, {"members": 10})
    services = [
        either.tenancy.members.create_service_account(owner, f"Robot {number}", Role.VIEWER)
        for number in range(20)
    ]
    people = [
        either.tenancy.invitations.invite(
            owner, email=f"p{number}@example.com", name=None, role=Role.VIEWER
        )
        for number in range(20)
    ]
    codes = await outcomes(*services, *people)
    assert sorted(codes) == [""] * 8 + ["QUOTA_EXCEEDED"] * 32  # two are members already
    quotas = await either.tenancy.usage.quotas(owner, OURS)
    assert [(each.used, each.left) for each in quotas if each.name.value == "MEMBERS"] == [(10, 0)]


async def test_one_invitation_makes_one_member_however_often_it_is_accepted(either: Desk) -> None:
    (owner,) = await either.members(Role.OWNER)
    invited = await either.tenancy.invitations.invite(
        owner, email="ada@example.com", name=None, role=Role.ANALYST
    )
    assert invited.text is not None
    accepting = [either.tenancy.invitations.accept(invited.text, name="Ada") for _ in range(10)]
    done = await asyncio.gather(*accepting, return_exceptions=True)
    kinds = sorted(type(each).__name__ for each in done)
    assert kinds == ["Accepted"] + ["Unauthenticated"] * 9
    assert [each.name for each in await active(either)].count("Ada") == 1


async def test_two_owners_who_remove_each_other_leave_one(either: Desk) -> None:
    one, other = await either.members(Role.OWNER, Role.OWNER)
    codes = await outcomes(
        either.tenancy.members.remove(one, other.member_id),
        either.tenancy.members.remove(other, one.member_id),
    )
    assert sorted(codes) == ["", "FORBIDDEN"]
    owners = [each for each in await active(either) if each.role == "OWNER"]
    assert len(owners) == 1


async def test_two_owners_who_step_down_at_once_leave_one(either: Desk) -> None:
    one, other = await either.members(Role.OWNER, Role.OWNER)
    codes = await outcomes(
        either.tenancy.members.change_role(one, one.member_id, Role.ADMIN),
        either.tenancy.members.change_role(other, other.member_id, Role.ADMIN),
    )
    assert sorted(codes) == ["", "CONFLICT"]


async def test_a_program_is_no_owner_that_counts(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    robot = await desk.tenancy.members.create_service_account(owner, "Robot", Role.OWNER)
    with pytest.raises(Conflict, match="last OWNER"):
        await desk.tenancy.members.remove(owner, owner.member_id)
    await desk.tenancy.members.remove(owner, robot.id)


@pytest.mark.parametrize("role", [Role.OWNER, Role.OPERATOR])
async def test_nobody_gives_what_they_have_not(desk: Desk, role: Role) -> None:
    (admin, analyst) = await desk.members(Role.ADMIN, Role.ANALYST)
    with pytest.raises(Forbidden):
        await desk.tenancy.members.change_role(admin, analyst.member_id, role)
    with pytest.raises(Forbidden):
        await desk.tenancy.invitations.invite(admin, email="x@example.com", name=None, role=role)
    with pytest.raises(Forbidden):
        await desk.tenancy.members.change_role(analyst, analyst.member_id, Role.VIEWER)


async def test_another_tenants_member_is_not_there(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    theirs = member(2)
    assert await Tenants(desk.database).member(THEIRS, theirs.id) is not None
    with pytest.raises(NotFound):
        await desk.tenancy.members.remove(owner, theirs.id)


async def test_an_invitation_lasts_seven_days(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    for late, good in ((timedelta(0), False), (timedelta(seconds=-1), True)):
        desk.at[0] = NOON
        invited = await desk.tenancy.invitations.invite(
            owner, email="ada@example.com", name=None, role=Role.ANALYST
        )
        desk.at[0] = NOON + LIFETIME + late
        if good:
            assert (await desk.tenancy.invitations.accept(str(invited.text))).tenant_id == OURS
        else:
            with pytest.raises(Unauthenticated):
                await desk.tenancy.invitations.accept(str(invited.text))


async def test_who_is_a_member_is_not_invited_and_a_repeat_tells_no_secret(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    asked = {"email": "ada@example.com", "name": None, "role": Role.ANALYST, "operation_id": "a"}
    first = await desk.tenancy.invitations.invite(owner, **asked)  # type: ignore[arg-type] # of several types
    again = await desk.tenancy.invitations.invite(owner, **asked)  # type: ignore[arg-type] # of several types
    assert (again.invitation, again.text) == (first.invitation, None)
    await desk.tenancy.invitations.accept(str(first.text))
    with pytest.raises(Conflict):
        await desk.tenancy.invitations.invite(
            owner, email=" Ada@Example.com ", name=None, role=Role.ANALYST
        )


async def test_what_goes_with_an_acceptance_is_done_with_it_or_nothing_is(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    invited = await desk.tenancy.invitations.invite(
        owner, email="ada@example.com", name=None, role=Role.ANALYST
    )

    async def fails(*_: object) -> None:
        raise Conflict("No.")

    with pytest.raises(Conflict):
        await desk.tenancy.invitations.accept(str(invited.text), also=fails)
    assert "ada@example.com" not in [each.subject for each in await active(desk)]
    await desk.tenancy.invitations.accept(str(invited.text))
    assert "ada@example.com" in [each.subject for each in await active(desk)]


async def test_a_full_plan_lets_nobody_in_who_was_invited_before(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    invited = await desk.tenancy.invitations.invite(
        owner, email="ada@example.com", name=None, role=Role.ANALYST
    )
    await desk.tenancy.operators.set_contract(await desk.operator(), OURS, {"members": 2})
    with pytest.raises(QuotaExceeded):
        await desk.tenancy.invitations.accept(str(invited.text))


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
async def test_who_is_an_administrator_no_more_changes_nobody(desk: Desk, role: Role) -> None:
    """However fresh what is known of them: they asked when it was so, and come too late."""
    (owner, admin, viewer) = await desk.members(Role.OWNER, Role.ADMIN, Role.VIEWER)
    await desk.tenancy.members.change_role(owner, admin.member_id, role)
    with pytest.raises(Forbidden):
        await desk.tenancy.members.remove(admin, viewer.member_id)
    with pytest.raises(Forbidden):
        await desk.tenancy.members.create_service_account(admin, "Robot", Role.VIEWER)
    with pytest.raises(Forbidden):
        await desk.tenancy.invitations.invite(
            admin, email="x@example.com", name=None, role=Role.VIEWER
        )


async def test_an_invitation_is_worth_what_its_giver_may_still_give(desk: Desk) -> None:
    (owner, admin) = await desk.members(Role.OWNER, Role.ADMIN)
    invite = desk.tenancy.invitations.invite
    invited = {
        role: await invite(admin, email=f"{role}@example.com", name=None, role=role)
        for role in (Role.ADMIN, Role.VIEWER)
    }
    await desk.tenancy.members.change_role(owner, admin.member_id, Role.ANALYST)
    for each in invited.values():
        with pytest.raises(Unauthenticated):
            await desk.tenancy.invitations.accept(str(each.text))
    await desk.tenancy.members.change_role(owner, admin.member_id, Role.ADMIN)
    await desk.tenancy.invitations.accept(str(invited[Role.VIEWER].text))
    await desk.tenancy.members.remove(owner, admin.member_id)
    with pytest.raises(Unauthenticated):
        await desk.tenancy.invitations.accept(str(invited[Role.ADMIN].text))


UNSEEN = ["", " ", "\u200b", "a\nb", "a\0b", "a\u202eb", "a\ud800b", "\u2066a\u2069", "x" * 501]


@pytest.mark.parametrize("given", UNSEEN)
def test_what_cannot_be_seen_is_no_name_no_reason_and_no_address(given: str) -> None:
    problems: list[Problem] = []
    name_of(given, "input.name", problems)
    assert [each.path for each in problems] == ["input.name"]
    with pytest.raises(InvalidInput, match="reason"):
        reason_of(given)
    with pytest.raises(InvalidInput, match="address"):
        checked(f"a{given}@example.com" if given.strip() else given, None)


@pytest.mark.parametrize(
    "given",
    ["Ada", "山田\u3000太郎", "نرم\u200cافزار", "👩\u200d💻 & Co.", "O'Brien <b>", "x" * 200],
)
def test_a_name_is_written_as_people_write_it(given: str) -> None:
    problems: list[Problem] = []
    assert name_of(f" {given}\n", "input.name", problems) == given
    assert reason_of(f" {given}\n") == given
    assert problems == []
