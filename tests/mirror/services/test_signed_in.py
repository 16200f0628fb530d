"""A session goes on by tokens that are good once, and ends everywhere when one comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from services.credentials import Secret
from services.errors import Forbidden, NotFound, Unauthenticated
from services.principal import Role
from services.signed_in import IDLE, LASTS, LOST_ANSWER, Tokens
from store import members
from store.database import Database
from store.tenants import change, find
from tests.mirror.services.signing_in import ADA, OWNER, Desk, desk, somebody
from tests.mirror.store.world import OURS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Desk]:
    async with desk(database) as made:
        yield made


async def began(here: Desk) -> Tokens:
    return await here.identity.signed_in.begin(OURS, ADA, "PASSWORD", "test")


async def is_good(here: Desk, tokens: Tokens) -> bool:
    """Whether an access token is taken by a transport."""
    try:
        await here.identity.authenticator.renewed(tokens.access)
    except Unauthenticated:
        return False
    return True


async def test_each_refresh_gives_another_pair_and_the_session_stays_one(here: Desk) -> None:
    tokens = await began(here)
    seen = {tokens.refresh}
    for _ in range(3):
        here.clock.advance(minutes=9)
        tokens = await here.identity.signed_in.refresh(tokens.refresh)
        seen.add(tokens.refresh)
        assert await is_good(here, tokens)
    assert len(seen) == 4
    (session,) = await here.identity.signed_in.of_member(somebody())
    assert (session.refreshes, str(session.id)) == (3, tokens.session_id)


async def test_two_tabs_that_refresh_at_once_get_the_same_and_go_on(here: Desk) -> None:
    tokens = await began(here)
    both = await asyncio.gather(
        *(here.identity.signed_in.refresh(tokens.refresh) for _ in range(2))
    )
    assert both[0].refresh == both[1].refresh != tokens.refresh
    here.clock.advance(minutes=5)
    assert await here.identity.signed_in.refresh(both[1].refresh)


async def test_a_lost_answer_is_given_once_more_for_a_few_seconds(here: Desk) -> None:
    tokens = await began(here)
    lost = await here.identity.signed_in.refresh(tokens.refresh)
    here.clock.advance(seconds=LOST_ANSWER.total_seconds())
    again = await here.identity.signed_in.refresh(tokens.refresh)
    assert again.refresh == lost.refresh


async def test_a_token_that_comes_again_later_ends_the_session_for_whoever_has_it(
    here: Desk,
) -> None:
    stolen = await began(here)
    newer = await here.identity.signed_in.refresh(stolen.refresh)
    here.clock.advance(seconds=LOST_ANSWER.total_seconds() + 1)
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(stolen.refresh)
    assert not await is_good(here, newer)
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(newer.refresh)
    assert (await here.audit())[-1] == "session.reused"


async def test_a_token_from_long_before_ends_the_session_too(here: Desk) -> None:
    first = await began(here)
    newest = first
    for _ in range(3):
        newest = await here.identity.signed_in.refresh(newest.refresh)
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(first.refresh)
    assert not await is_good(here, newest)


async def test_who_knows_only_a_sessions_id_cannot_end_it(here: Desk) -> None:
    mine, other = await began(here), await began(here)
    real, strange = Secret.read("vr", mine.refresh), Secret.read("vr", other.refresh)
    assert real is not None
    assert strange is not None
    made_up = Secret("vr", real.tenant_id, real.id, strange.bits)
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(made_up.text)
    assert await here.identity.signed_in.refresh(mine.refresh)


async def test_a_session_ends_after_a_week_of_quiet_and_after_a_month_of_work(here: Desk) -> None:
    began_at = here.clock()
    quiet, busy = await began(here), await began(here)
    assert quiet.refresh_until == here.clock() + IDLE
    while here.clock() < began_at + LASTS - IDLE:
        here.clock.advance(days=IDLE.days - 1)
        busy = await here.identity.signed_in.refresh(busy.refresh)
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(quiet.refresh)
    assert busy.refresh_until == began_at + LASTS
    here.clock.now = busy.refresh_until
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(busy.refresh)


async def test_whoever_lost_their_membership_refreshes_nothing(here: Desk) -> None:
    tokens = await began(here)
    async with here.database.writing(OURS) as session:
        record = await members.find(session, ADA)
        assert record is not None
        await members.change(session, replace(record, state="REMOVED"))
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(tokens.refresh)


async def test_a_suspended_tenant_refreshes_nothing_and_spends_no_token(here: Desk) -> None:
    tokens = await began(here)
    for state in ("SUSPENDED", "ACTIVE"):
        async with here.database.writing(OURS) as session:
            now = await find(session)
            assert now is not None
            await change(session, now, state=state, state_reason="Unpaid.")
        here.standings.changed(OURS)
        if state == "SUSPENDED":
            with pytest.raises(Forbidden, match="Unpaid"):
                await here.identity.signed_in.refresh(tokens.refresh)
    assert await here.identity.signed_in.refresh(tokens.refresh)


async def test_a_session_is_ended_by_its_member_or_by_who_manages_access(here: Desk) -> None:
    one, two, three = [await began(here) for _ in range(3)]
    signed_in = here.identity.signed_in
    with pytest.raises(NotFound):
        await signed_in.end(somebody(UUID(int=7)), UUID(one.session_id))
    await signed_in.end(somebody(), UUID(one.session_id))
    assert [await is_good(here, each) for each in (one, two, three)] == [False, True, True]
    await signed_in.end(somebody(OWNER, Role.OWNER), UUID(two.session_id))
    assert [await is_good(here, each) for each in (one, two, three)] == [False, False, True]


async def test_ending_all_others_leaves_the_one_that_asks(here: Desk) -> None:
    mine, *others = [await began(here) for _ in range(3)]
    asking = somebody(session_id=mine.session_id)
    assert await here.identity.signed_in.end_others(asking) == 2
    assert await is_good(here, mine)
    assert not any([await is_good(here, each) for each in others])
    (left,) = await here.identity.signed_in.of_member(asking)
    assert str(left.id) == mine.session_id


async def test_others_sessions_are_seen_only_by_who_manages_access(here: Desk) -> None:
    await began(here)
    with pytest.raises(Forbidden):
        await here.identity.signed_in.of_member(somebody(OWNER), ADA)
    seen = await here.identity.signed_in.of_member(somebody(OWNER, Role.ADMIN), ADA)
    assert [each.member_id for each in seen] == [ADA]


@pytest.mark.parametrize("text", ["", "vr_", "vr_x_y", "vk_live_x", "x" * 10_000, "vr_\u00e9_x"])
async def test_what_is_no_refresh_token_is_refused_before_the_database_is_asked(
    here: Desk, text: str
) -> None:
    await here.database.close()
    with pytest.raises(Unauthenticated):
        await here.identity.signed_in.refresh(text)
    await here.identity.signed_in.leave(text)
