"""A member learns of their own tenant, and of no other."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from services.errors import Forbidden, Unauthenticated
from services.principal import ALLOWED, Role
from services.tenants import TenantService
from store.database import Database
from store.tenants import Tenants
from tests.mirror.services.conftest import principal
from tests.mirror.services.tenants_at_work import tenant_service
from tests.mirror.store.world import CANARY, NOBODYS, OURS, THEIRS, member, tenant

pytestmark = pytest.mark.anyio


class Clock:
    """Seconds, moved by a test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_member_sees_their_tenant_and_its_members(tenants: TenantService) -> None:
    ours = await tenants.tenant(principal())
    assert (ours.tenant_id, ours.name) == (OURS, "Ours")
    assert [member.name for member in await tenants.members(principal(), OURS)] == ["Member 1"]


async def test_nothing_of_another_tenant_is_seen(tenants: TenantService) -> None:
    told = [await tenants.tenant(principal()), *(await tenants.members(principal(), OURS))]
    assert CANARY not in repr(told)
    assert (await tenants.tenant(principal(tenant_id=THEIRS))).name == CANARY
    with pytest.raises(Forbidden):
        await tenants.members(principal(), THEIRS)


async def test_the_caller_is_found_among_the_members(tenants: TenantService) -> None:
    found = await tenants.member(principal())
    assert found is not None
    assert found.id == principal().member_id


async def test_a_member_who_has_left_or_is_of_another_tenant_is_nobody(
    tenants: TenantService,
) -> None:
    assert await tenants.member(replace(principal(), member_id=UUID(int=77))) is None
    assert await tenants.member(replace(principal(), member_id=UUID(int=2))) is None


async def test_a_tenant_that_is_not_here_is_a_token_that_proves_nothing(
    tenants: TenantService,
) -> None:
    with pytest.raises(Unauthenticated):
        await tenants.tenant(principal(tenant_id=NOBODYS))
    with pytest.raises(Unauthenticated):
        await tenants.terms(NOBODYS)
    assert await tenants.members(principal(tenant_id=NOBODYS), NOBODYS) == []


async def test_who_may_not_read_the_tenant_reads_none_of_it(
    tenants: TenantService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALLOWED, Role.VIEWER, frozenset())
    viewer = principal(Role.VIEWER)
    for asked in (tenants.tenant(viewer), tenants.members(viewer, OURS), tenants.member(viewer)):
        with pytest.raises(Forbidden):
            await asked


async def test_people_are_read_once_a_minute_and_a_stranger_soon(database: Database) -> None:
    """Names stand beside everything that somebody did, so they are not read for each of them."""
    clock, one, newcomer = Clock(), UUID(int=1), UUID(int=71)
    service = tenant_service(database, clock)

    async def names(*wanted: UUID) -> list[str]:
        people = await service.people(OURS, wanted)
        return [people[each].name for each in wanted if each in people]

    assert await names(one, newcomer) == ["Member 1"]
    await Tenants(database).ensure(tenant(OURS), [member(71)])
    clock.now = 1.9
    assert await names(newcomer) == []
    clock.now = 2.0
    assert await names(one, newcomer) == ["Member 1", "Member 71"]
    await database.close()
    clock.now = 61.9
    assert await names(one, newcomer) == ["Member 1", "Member 71"]  # from memory
    clock.now = 62.0
    with pytest.raises(Exception, match="closed"):
        await names(one)
    assert await names(one) == ["Member 1"]  # who asks meanwhile makes do with what is known


async def test_who_has_left_is_no_member_and_stays_an_author(
    database: Database, tenants: TenantService
) -> None:
    left = member(8, name="Gone", state="REMOVED")
    await Tenants(database).ensure(tenant(OURS), [left])
    assert [each.name for each in await tenants.members(principal(), OURS)] == ["Member 1"]
    assert await tenants.member(replace(principal(), member_id=left.id)) is None
    assert (await tenants.people(OURS, [left.id]))[left.id].name == "Gone"


async def test_people_are_those_of_one_tenant(database: Database, tenants: TenantService) -> None:
    ours = await tenants.people(OURS, [UUID(int=1), UUID(int=2)])
    theirs = await tenants.people(THEIRS, [UUID(int=1), UUID(int=2)])
    assert (set(ours), set(theirs)) == ({UUID(int=1)}, {UUID(int=2)})
    assert theirs[UUID(int=2)].name == CANARY


async def test_what_is_remembered_of_people_has_an_end(
    tenants: TenantService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.tenants._TENANTS_REMEMBERED", 1)
    for _ in range(3):
        assert await tenants.people(OURS, [])
        assert await tenants.people(THEIRS, [])
        assert len(tenants._people) <= 1
