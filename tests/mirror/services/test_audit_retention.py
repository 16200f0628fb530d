"""A pruned audit holds still, by a signed word, and says that it was pruned."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.audit_lines import NotWhole
from services.audit_retention import Pruned, prune
from services.audit_signing import signed
from services.holds import Held
from services.principal import Role
from store import scope
from store.database import Database
from store.migrate import owner_engine
from store.tables import MemberRow
from tests.mirror.services.audited import KEY, OURS, STRANGER, Key
from tests.mirror.services.auditing_at_work import NOON, House, somebody
from tests.mirror.services.test_audit_chainer import url_of

pytestmark = pytest.mark.anyio


async def pruned(house: House, second: int, key: Key = KEY) -> Pruned:
    engine = owner_engine(url_of(house.database), "a test")
    try:
        return await prune(
            engine, OURS, NOON + timedelta(seconds=second), key, NOON + timedelta(hours=1)
        )
    finally:
        await engine.dispose()


@pytest.fixture
async def house(database: Database) -> House:
    """Six events, a second after each other; heads at the second and at the last."""
    house = House(database)
    await house.did(somebody(), "model.read", "model.read")
    await house.chainer.drain(OURS)
    await house.chainer.sign(OURS)
    await house.did(somebody(), *["model.edited"] * 4)
    await house.chainer.drain(OURS)
    await house.chainer.sign(OURS)
    return house


async def test_what_is_left_holds_and_says_what_was_pruned(house: House) -> None:
    assert await pruned(house, 4) == Pruned(3, 3)
    await house.chainer.drain(OURS)
    found = await house.verified()
    assert (found.pruned, found.first, found.last, found.heads) == (3, 4, 7, 1)
    links = await house.found.page(OURS, house.everything, limit=10)
    assert links[-1].action == "audit.pruned"
    assert links[-1].details == ('{"before":"2026-03-01T12:00:04.000000Z","events":3,"until":3}')


async def test_an_audit_may_be_pruned_again_and_as_a_whole(house: House) -> None:
    await pruned(house, 3)
    await pruned(house, 5)
    assert (await house.verified()).pruned == 4
    await pruned(house, 5_000)
    found = await house.verified()
    assert (found.pruned, found.events) == (6, 0)
    await house.chainer.drain(OURS)
    assert (await house.verified()).first == 7


async def test_heads_that_were_kept_elsewhere_hold_for_what_is_left(house: House) -> None:
    heads = await house.chain.checkpoints(OURS, "HEAD", after=0, limit=10)
    await pruned(house, 4)
    found = await house.verified(*[head.signature for head in heads])
    assert found.pruned == 3
    other = signed(KEY, OURS, "HEAD", 3, "f" * 64, NOON)
    with pytest.raises(NotWhole, match="a signed head has another hash for event 3"):
        await house.verified(other.signature)


async def test_nobody_prunes_without_the_audits_key(house: House) -> None:
    await pruned(house, 4, STRANGER)
    with pytest.raises(NotWhole, match="the PRUNED checkpoint at event 3 does not hold"):
        await house.verified()


async def test_nothing_is_pruned_under_a_hold(house: House) -> None:
    async with house.database.writing(OURS) as session:
        await session.execute(scope.update(MemberRow, "role"), role="OWNER")
    await house.holds.place(somebody(1, Role.OWNER), Held.MEMBER, somebody(1).member_id, "A case")
    assert await pruned(house, 4) == Pruned(0, None, "A case")
    assert (await house.verified()).pruned == 0
