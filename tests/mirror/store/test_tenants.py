from __future__ import annotations

import pytest

from store.database import Database
from store.errors import NotKept
from store.tenants import Tenants
from tests.mirror.store.world import NOBODYS, OURS, THEIRS, member, tenant

pytestmark = pytest.mark.anyio


async def test_a_tenant_finds_itself_and_its_members(database: Database) -> None:
    tenants = Tenants(database)
    assert await tenants.find(OURS) == tenant(OURS)
    assert await tenants.member(OURS, member(1).id) == member(1)
    assert await tenants.members(OURS) == [member(1)]


async def test_a_tenant_does_not_find_another_or_its_members(database: Database) -> None:
    tenants = Tenants(database)
    assert await tenants.find(NOBODYS) is None
    assert await tenants.member(OURS, member(2).id) is None
    assert await tenants.members(NOBODYS) == []


async def test_members_come_by_name(database: Database) -> None:
    tenants = Tenants(database)
    await tenants.ensure(tenant(OURS), [member(9, name="Ada"), member(8, name="Zoe")])
    assert [each.name for each in await tenants.members(OURS)] == ["Ada", "Member 1", "Zoe"]


async def test_ensuring_again_changes_nothing(database: Database) -> None:
    tenants = Tenants(database)
    await tenants.ensure(tenant(OURS, name="Renamed"), [member(1, role="OWNER"), member(3)])
    assert await tenants.find(OURS) == tenant(OURS)
    assert await tenants.members(OURS) == [member(1), member(3)]


async def test_a_tenant_is_ensured_with_all_its_members_or_not_at_all(database: Database) -> None:
    tenants = Tenants(database)
    with pytest.raises(NotKept):
        await tenants.ensure(tenant(NOBODYS), [member(3), member(4, role="KING")])
    assert await tenants.find(NOBODYS) is None
    assert await tenants.members(NOBODYS) == []


@pytest.mark.parametrize("wrong", [{"slug": "tenant-b"}, {"slug": ""}, {"plan": "GRATIS"}])
async def test_a_tenant_that_breaks_a_rule_is_not_kept(
    database: Database, wrong: dict[str, str]
) -> None:
    with pytest.raises(NotKept):
        await Tenants(database).ensure(tenant(NOBODYS, **wrong), [])
    assert (await Tenants(database).find(THEIRS)) == tenant(THEIRS)


async def test_a_subject_belongs_to_a_tenant_once(database: Database) -> None:
    with pytest.raises(NotKept):
        await Tenants(database).ensure(tenant(OURS), [member(5, subject="subject-1")])
    await Tenants(database).ensure(tenant(THEIRS), [member(5, subject="subject-1")])
