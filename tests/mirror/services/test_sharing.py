"""Who sees a model, who edits it and who shares it, on both databases."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from services import collaboration
from services.edits import Edit
from services.errors import DatabaseAway, Forbidden, InvalidInput, NotFound
from services.model import Listing, Model
from services.model_rights import Access, Right, right_on
from services.principal import Action, Principal, Role
from services.sharing import SharingService
from services.standing import Standings
from services.tenants import TenantService
from store import scope
from store.database import Database
from store.directory import SYSTEM
from store.financial_models import FinancialModels
from store.model_grants import ModelGrants
from store.standing import Standings as StandingStore
from store.tables import AuditPendingRow
from store.tenants import Tenants
from tests.mirror.collab.by_hand import Said, eventually
from tests.mirror.services.models_at_work import Office
from tests.mirror.services.rooms_at_work import enter, principal_of, settle_team, working
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import OURS, THEIRS, opened

__all__ = [
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
    "sqlite_template",
]
pytestmark = pytest.mark.anyio

GROWTH = "operations.revenueGrowth.level"
MAKER, COLLEAGUE, LOOKER, BOSS = (
    principal_of(1),
    principal_of(2),
    principal_of(3, Role.VIEWER),
    principal_of(4, Role.ADMIN),
)


@pytest.fixture
async def database(place: Any) -> Any:
    async with opened(place.url) as database:
        await settle_team(database)
        yield database


class Team:
    """The desk of a tenant whose members share models."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.office = Office.opened(database)
        standings = Standings(StandingStore(database), BroadcastBus(MemoryBackend(), Said()))
        self.sharing = SharingService(
            ModelGrants(database),
            self.office.service,
            TenantService(Tenants(database), standings),
            standings,
        )

    async def make(self, who: Principal, name: str = "Firm") -> Model:
        self.office.me = who
        return await self.office.make(name)

    async def edit(self, who: Principal, of: Model) -> None:
        await self.office.service.edit(who, of.id, str(uuid4()), [Edit(GROWTH, 0.03)])

    async def noted(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(action, subject, details) of what is on record, in its order."""
        async with self.database.reading(OURS) as session:
            rows = await session.all(scope.select(AuditPendingRow).order_by("id"))
        return [
            (row["action"], row["subject"], json.loads(row["details"]))
            for row in rows
            if row["action"] in ("model.shared", "model.unshared", "model.opened")
        ]


@pytest.fixture
def team(database: Database) -> Team:
    return Team(database)


async def test_a_restricted_model_is_not_there_for_whom_it_was_not_shared_with(team: Team) -> None:
    firm = await team.make(MAKER)
    await team.office.service.find(COLLEAGUE, firm.id)
    assert (await team.sharing.open(MAKER, firm.id, Access.RESTRICTED)).access == "RESTRICTED"
    service = team.office.service
    for stranger in (COLLEAGUE, LOOKER):
        for ask in (
            lambda who: service.find(who, firm.id),
            lambda who: service.at(who, firm.id, 1),
            lambda who: service.value(replace(who, role=Role.ANALYST), firm.id),
            lambda who: service.duplicate(replace(who, role=Role.ANALYST), firm.id, name="Copy"),
            lambda who: service.restore(who, firm.id, 1, "restored"),
            lambda who: service.archive(who, firm.id, "archived"),
            lambda who: service.let_in(who, firm.id),
            lambda who: team.edit(who, firm),
            lambda who: team.sharing.grants(who, firm.id),
            lambda who: team.sharing.share(who, firm.id, who.member_id, Right.OWNER),
            lambda who: team.sharing.open(who, firm.id, Access.TENANT),
        ):
            with pytest.raises(NotFound, match=r"There is no such model\."):
                await ask(stranger)
    for friend in (MAKER, BOSS):
        assert (await service.find(friend, firm.id)).access == "RESTRICTED"


async def test_a_viewer_edits_the_one_model_that_was_shared_for_it(team: Team) -> None:
    firm, other = await team.make(MAKER), await team.make(MAKER, "Other")
    await team.sharing.share(MAKER, firm.id, LOOKER.member_id, Right.EDITOR)
    await team.edit(LOOKER, firm)
    with pytest.raises(Forbidden, match="The role VIEWER may not make models"):
        await team.edit(LOOKER, other)
    await team.sharing.share(MAKER, firm.id, LOOKER.member_id, Right.VIEWER)
    with pytest.raises(Forbidden):
        await team.edit(LOOKER, firm)


async def test_sharing_is_its_owners_right_and_a_stranger_cannot_be_shared_with(team: Team) -> None:
    firm = await team.make(MAKER)
    with pytest.raises(Forbidden, match="You are EDITOR of this model"):
        await team.sharing.share(COLLEAGUE, firm.id, COLLEAGUE.member_id, Right.OWNER)
    with pytest.raises(InvalidInput, match="Nobody in the tenant"):
        await team.sharing.share(MAKER, firm.id, UUID(int=99), Right.VIEWER)
    foreign = principal_of(99, tenant_id=THEIRS)
    with pytest.raises(NotFound):
        await team.sharing.share(foreign, firm.id, foreign.member_id, Right.OWNER)
    await team.sharing.share(MAKER, firm.id, COLLEAGUE.member_id, Right.OWNER)
    await team.sharing.share(COLLEAGUE, firm.id, LOOKER.member_id, Right.EDITOR)
    found = await team.sharing.grants(LOOKER, firm.id)
    assert [(each.member.id.int, each.right.value) for each in found] == [
        (2, "OWNER"),
        (3, "EDITOR"),
    ]
    assert [each.granted_by.id.int for each in found if each.granted_by] == [1, 2]


async def test_what_is_shared_is_on_record_and_what_is_refused_is_not_done(team: Team) -> None:
    firm = await team.make(MAKER)
    with pytest.raises(Forbidden):
        await team.sharing.open(COLLEAGUE, firm.id, Access.RESTRICTED)
    await team.sharing.share(MAKER, firm.id, LOOKER.member_id, Right.EDITOR)
    await team.sharing.share(MAKER, firm.id, LOOKER.member_id, Right.EDITOR)  # as it is
    await team.sharing.unshare(MAKER, firm.id, LOOKER.member_id)
    await team.sharing.unshare(MAKER, firm.id, LOOKER.member_id)  # there is nothing to take
    await team.sharing.open(MAKER, firm.id, Access.RESTRICTED)
    await team.sharing.open(MAKER, firm.id, Access.RESTRICTED)
    subject, looker = str(firm.id), str(LOOKER.member_id)
    assert await team.noted() == [
        ("model.shared", subject, {"member": looker, "right": "EDITOR"}),
        ("model.unshared", subject, {"member": looker}),
        ("model.opened", subject, {"access": "RESTRICTED"}),
    ]


async def test_a_copy_of_a_restricted_model_is_restricted(team: Team) -> None:
    firm = await team.make(MAKER)
    await team.sharing.open(MAKER, firm.id, Access.RESTRICTED)
    await team.sharing.share(MAKER, firm.id, COLLEAGUE.member_id, Right.VIEWER)
    copy = await team.office.service.duplicate(COLLEAGUE, firm.id, name="Copy")
    assert copy.access == "RESTRICTED"
    assert await team.office.service.right(COLLEAGUE, copy.id) is Right.OWNER
    with pytest.raises(NotFound):
        await team.office.service.find(MAKER, copy.id)


async def test_a_list_has_the_models_that_may_be_seen_and_no_others(team: Team) -> None:
    """The database's rule and the one of `right_on` are two: they must be one."""
    grants: list[Right | None] = [None, *Right]
    for maker, access, granted in product((MAKER, COLLEAGUE), Access, grants):
        model = await team.make(maker, f"{maker.member_id.int} {access} {granted}")
        if granted is not None:
            await team.sharing.share(BOSS, model.id, COLLEAGUE.member_id, granted)
        await team.sharing.open(BOSS, model.id, access)
    kept = FinancialModels(team.database)
    everything = (await team.office.service.page(BOSS, Listing(), limit=100)).models
    assert len(everything) == 16
    for who in (MAKER, COLLEAGUE, LOOKER, principal_of(5), BOSS):
        seen = {m.id for m in (await team.office.service.page(who, Listing(), limit=100)).models}
        allowed = set()
        for model in everything:
            record = await kept.find(OURS, model.id)
            assert record is not None
            if right_on(who, record, await kept.granted(OURS, model.id, who.member_id)):
                allowed.add(model.id)
        assert seen == allowed
        assert who is BOSS or len(seen) < 16


async def test_a_key_without_the_scope_shares_nothing(team: Team) -> None:
    firm = await team.make(MAKER)
    key = replace(MAKER, scopes=frozenset({Action.READ_MODEL, Action.EDIT_MODEL}))
    with pytest.raises(Forbidden, match="This key may not share models"):
        await team.sharing.open(key, firm.id, Access.RESTRICTED)


async def test_whoever_may_not_be_in_a_room_any_more_leaves_it(database: Database) -> None:
    async with working(database) as worker:
        firm = await worker.make()
        standings = Standings(StandingStore(database), worker.bus)
        standings.on_change(worker.rooms.look_again)
        tenants = TenantService(Tenants(database), standings)
        sharing = SharingService(ModelGrants(database), worker.models, tenants, standings)
        maker, colleague = await enter(worker, firm, 1), await enter(worker, firm, 2)
        try:
            await maker.sees(lambda who: len(who.members) == 2)
            await sharing.open(MAKER, firm.id, Access.RESTRICTED)
            await eventually(lambda: colleague.failed is not None)
            assert isinstance(colleague.failed, NotFound)
            await maker.sees(lambda who: len(who.members) == 1)
            assert maker.failed is None
        finally:
            await maker.leave()
            await colleague.leave()


@pytest.mark.parametrize("told", [OURS, SYSTEM])
async def test_who_may_be_in_a_room_is_looked_up_until_somebody_can_say(
    database: Database, monkeypatch: pytest.MonkeyPatch, told: UUID
) -> None:
    """``told``: word of the tenant, or of the house after words may have been lost."""
    async with working(database) as worker:
        firm = await worker.make()
        unheard = Standings(StandingStore(database), worker.bus)
        tenants = TenantService(Tenants(database), unheard)
        sharing = SharingService(ModelGrants(database), worker.models, tenants, unheard)
        colleague = await enter(worker, firm, 2)
        try:
            await colleague.sees(lambda who: len(who.members) == 1)
            await sharing.open(MAKER, firm.id, Access.RESTRICTED)
            monkeypatch.setattr(collaboration, "LOOK_AGAIN_S", 0.0)
            let_in, asked = worker.models.let_in, 0

            async def away_at_first(*given: Any) -> None:
                nonlocal asked
                asked += 1
                if asked < 3:
                    raise DatabaseAway
                await let_in(*given)

            monkeypatch.setattr(worker.models, "let_in", away_at_first)
            worker.rooms.look_again(THEIRS)  # nobody of theirs is here
            worker.rooms.look_again(told)
            await eventually(lambda: colleague.failed is not None)
            assert isinstance(colleague.failed, NotFound)
            assert asked == 3
        finally:
            await colleague.leave()
