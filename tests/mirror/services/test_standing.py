"""Whoever holds a token is asked again and again whether they still are who it says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from observability.logs import Logs
from services.errors import DatabaseAway, Forbidden, Unauthenticated
from services.plans import Plan
from services.principal import Role
from services.standing import FRESH_S, STALE_S, Standings
from store import members
from store.database import Database
from store.directory import SYSTEM
from store.standing import Standings as StandingStore
from store.standing import TenantStanding
from store.tenants import Tenants
from tests.mirror.services.tenants_at_work import Desk, standings_of
from tests.mirror.store.world import NOBODYS, NOON, OURS, tenant

pytestmark = pytest.mark.anyio


class Timer:
    """Seconds, moved by a test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def desk(database: Database, timer: Timer) -> Desk:
    return Desk.opened(database, timer)


async def test_what_a_member_may_is_the_less_of_token_and_row(desk: Desk) -> None:
    (admin,) = await desk.members(Role.ADMIN)
    for token, now in ((Role.OWNER, Role.ADMIN), (Role.VIEWER, Role.VIEWER)):
        standing = await desk.standings.of(replace(admin, role=token))
        assert standing.principal.role is now
    assert await desk.standings.still(admin)
    assert not await desk.standings.still(replace(admin, role=Role.OWNER))


@pytest.mark.parametrize(
    "changes",
    [
        {"member_id": UUID(int=77)},
        {"tenant_id": NOBODYS},
        {"role": Role.OPERATOR},
        {"grant_id": UUID(int=78)},
        {"session_id": str(UUID(int=79))},
    ],
)
async def test_whoever_is_not_what_the_token_says_is_nobody(
    desk: Desk, changes: dict[str, object]
) -> None:
    (owner,) = await desk.members(Role.OWNER)
    with pytest.raises(Unauthenticated):
        await desk.standings.of(replace(owner, **changes))  # type: ignore[arg-type]


async def test_a_member_who_was_removed_is_nobody_whatever_their_session_says(desk: Desk) -> None:
    owner, leaver = await desk.members(Role.OWNER, Role.ANALYST)
    assert await desk.standings.still(leaver)
    await desk.tenancy.members.remove(owner, leaver.member_id)
    with pytest.raises(Unauthenticated):
        await desk.standings.of(leaver)


async def test_a_suspended_tenant_is_told_why(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    operator = await desk.operator()
    await desk.standings.of(owner)
    await desk.tenancy.operators.suspend(operator, OURS, "Unpaid.")
    with pytest.raises(Forbidden, match=r"suspended\. Unpaid\."):
        await desk.standings.of(owner)
    assert not await desk.tenancy.may_begin(OURS, "DCF")
    await desk.tenancy.operators.resume(operator, OURS)
    assert (await desk.standings.of(owner)).plan is Plan.PRO
    assert await desk.tenancy.may_begin(OURS, "DCF")


async def test_who_is_let_in_no_more_is_not_remembered(desk: Desk, timer: Timer) -> None:
    (admin,) = await desk.members(Role.ADMIN)
    await desk.standings.of(admin)
    assert desk.standings._of_tenant[OURS] == {admin}
    async with desk.database.writing(OURS) as session:
        member = await members.find(session, admin.member_id)
        assert member is not None
        await members.change(session, replace(member, state="REMOVED"))
    timer.now += FRESH_S
    with pytest.raises(Unauthenticated):
        await desk.standings.of(admin)
    assert admin not in desk.standings._known
    assert desk.standings._of_tenant[OURS] == set(), "else it would grow with every token"


async def test_what_was_seen_holds_for_ten_seconds_without_a_word(desk: Desk, timer: Timer) -> None:
    (owner,) = await desk.members(Role.OWNER)
    deaf = standings_of(desk.database, timer)
    await deaf.of(owner)
    operator = await desk.operator()
    await desk.tenancy.operators.change_plan(operator, Plan.FREE, OURS)
    timer.now = FRESH_S - 0.1
    assert (await deaf.of(owner)).plan is Plan.PRO
    assert (await deaf.terms(OURS)).plan is Plan.PRO
    timer.now = FRESH_S
    assert (await deaf.of(owner)).plan is Plan.FREE
    assert (await deaf.terms(OURS)).plan is Plan.FREE


async def test_a_database_that_is_away_lets_in_for_a_minute_who_was_in(
    desk: Desk, timer: Timer
) -> None:
    (owner, stranger) = await desk.members(Role.OWNER, Role.VIEWER)
    await desk.standings.of(owner)
    await desk.database.close()
    timer.now = STALE_S - 0.1
    assert (await desk.standings.of(owner)).plan is Plan.PRO
    with pytest.raises(DatabaseAway):
        await desk.standings.of(stranger)
    timer.now = STALE_S
    with pytest.raises(DatabaseAway):
        await desk.standings.of(owner)


async def test_what_was_read_before_a_word_is_not_remembered_after_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that was under way when something changed may have seen what was before."""
    (owner,) = await desk.members(Role.OWNER)
    standings: Standings = desk.standings
    before = TenantStanding(plan="ENTERPRISE", state="ACTIVE", state_reason=None, settings="{}")
    went = asyncio.Event()

    async def slow(_tenant_id: UUID) -> TenantStanding:
        await went.wait()
        return before

    with monkeypatch.context() as patch:
        patch.setattr(standings._store, "tenant", slow)
        looking = asyncio.gather(standings.of(owner), standings.terms(OURS))
        await asyncio.sleep(0)
        standings.forget(OURS)
        went.set()
        assert [each.plan for each in await looking] == [Plan.ENTERPRISE] * 2
    assert (await standings.of(owner)).plan is Plan.PRO
    assert (await standings.terms(OURS)).plan is Plan.PRO


async def test_an_operator_is_in_by_a_grant_as_long_as_it_lasts(desk: Desk) -> None:
    await Tenants(desk.database).ensure(tenant(OURS), [])
    operator = await desk.operator()
    now = desk.at[0]
    grant = await desk.tenancy.grants.open(
        operator, OURS, role=Role.ANALYST, reason="Ticket 7", until=now + timedelta(hours=1)
    )
    inside = replace(operator, tenant_id=OURS, role=Role.ANALYST, grant_id=grant.id)
    assert (await desk.standings.of(inside)).principal.role is Role.ANALYST
    await desk.tenancy.grants.leave(operator, OURS, grant.id)
    with pytest.raises(Unauthenticated):
        await desk.standings.of(inside)


async def test_a_grant_ends_by_itself(desk: Desk, timer: Timer) -> None:
    await Tenants(desk.database).ensure(tenant(OURS), [])
    operator = await desk.operator()
    grant = await desk.tenancy.grants.open(
        operator, OURS, role=Role.VIEWER, reason="Ticket 8", until=desk.at[0] + timedelta(hours=1)
    )
    inside = replace(operator, tenant_id=OURS, role=Role.VIEWER, grant_id=grant.id)
    assert (await desk.standings.of(inside)).principal.role is Role.VIEWER
    desk.standings._clock = lambda: NOON + timedelta(hours=2)
    timer.now += FRESH_S
    with pytest.raises(Unauthenticated):
        await desk.standings.of(inside)


async def test_once_words_may_have_been_lost_everybody_is_looked_at(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    backend, heard = MemoryBackend(), list[UUID]()
    bus = BroadcastBus(backend, Logs("CRITICAL").get("bus"))
    await bus.start()
    try:
        standings = Standings(StandingStore(desk.database), bus, lambda: NOON)
        standings.on_change(heard.append)
        await standings.start()
        assert (await standings.of(owner)).plan is Plan.PRO
        await desk.tenancy.operators.change_plan(owner, Plan.FREE)  # nobody hears of it here
        for again in backend.reconnected:
            again()
        assert heard == [SYSTEM]
        assert (await standings.of(owner)).plan is Plan.FREE
    finally:
        await bus.close()


async def test_what_changes_in_one_process_is_felt_in_the_others_on_a_word(desk: Desk) -> None:
    (owner,) = await desk.members(Role.OWNER)
    bus = BroadcastBus(MemoryBackend(), Logs("CRITICAL").get("bus"))
    await bus.start()
    here, there = (Standings(StandingStore(desk.database), bus, lambda: NOON) for _ in range(2))
    heard: list[UUID] = []
    there.on_change(heard.append)
    try:
        await here.start()
        await there.start()
        assert (await there.of(owner)).plan is Plan.PRO
        await desk.tenancy.operators.change_plan(owner, Plan.FREE)  # says it to nobody else
        assert (await there.of(owner)).plan is Plan.PRO
        here.changed(OURS)
        async with asyncio.timeout(60.0):
            while not heard:  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.005)
        assert heard == [OURS]
        assert (await there.of(owner)).plan is Plan.FREE
    finally:
        await bus.close()
