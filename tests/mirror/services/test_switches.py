"""Kill switches: known in every process, and asked without waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from observability.logs import Logs
from services.errors import Conflict, InvalidInput, NotFound, Overloaded
from services.switches import Scope, Switches
from store.database import Database
from store.switches import KillSwitches
from tests.mirror.services.tenants_at_work import Desk
from tests.mirror.store.world import NOBODYS, OURS, THEIRS

pytestmark = pytest.mark.anyio
VALUE = ["Mutation.valueDcf"]
LOG = Logs("CRITICAL").get("switches")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk.opened(database)


async def test_what_is_stopped_is_stopped_for_those_it_is_about(desk: Desk) -> None:
    operator, stopped = await desk.operator(), desk.tenancy.stopped
    assert stopped.stopped(OURS, VALUE) is None
    switch = await desk.tenancy.switches.stop(operator, Scope.TENANT, str(OURS), "Too much.")
    no = stopped.stopped(OURS, VALUE)
    assert isinstance(no, Overloaded)
    assert (no.message, no.retry_after_s) == ("Your tenant is stopped. Too much.", 60.0)
    assert stopped.stopped(THEIRS, VALUE) is None
    assert stopped.stopped(OURS, ["Query.viewer"]) is None
    await desk.tenancy.switches.resume(operator, switch.id)
    assert stopped.stopped(OURS, VALUE) is None


async def test_stopping_again_is_the_same_switch_and_never_another_reason(desk: Desk) -> None:
    operator = await desk.operator()
    asked = (operator, Scope.OPERATION, VALUE[0])
    first = await desk.tenancy.switches.stop(*asked, "A fault.")
    assert (await desk.tenancy.switches.stop(*asked, "A fault.")).id == first.id
    with pytest.raises(Conflict, match=r"A fault\."):
        await desk.tenancy.switches.stop(*asked, "Another.")
    for _ in range(2):
        lifted = await desk.tenancy.switches.resume(operator, first.id)
        assert lifted.lifted_by == operator.member_id
    assert (await desk.tenancy.switches.stop(*asked, "Another.")).id != first.id
    with pytest.raises(NotFound):
        await desk.tenancy.switches.resume(operator, UUID(int=7))


@pytest.mark.parametrize(
    ("scope", "name"),
    [(Scope.OPERATION, "Mutation.resume"), (Scope.OPERATION, "x"), (Scope.KIND, "ROULETTE")],
)
async def test_what_there_is_not_is_not_stopped(desk: Desk, scope: Scope, name: str) -> None:
    with pytest.raises(InvalidInput):
        await desk.tenancy.switches.stop(await desk.operator(), scope, name, "Why not")


async def test_a_tenant_that_there_is_not_is_not_stopped(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.tenancy.switches.stop(
            await desk.operator(), Scope.TENANT, str(NOBODYS), "Why not"
        )


async def test_runs_of_a_stopped_kind_wait(desk: Desk) -> None:
    operator = await desk.operator()
    assert await desk.tenancy.may_begin(OURS, "DCF")
    switch = await desk.tenancy.switches.stop(operator, Scope.KIND, "DCF", "A fault.")
    assert not await desk.tenancy.may_begin(OURS, "DCF")
    assert await desk.tenancy.may_begin(OURS, "LBO")
    await desk.tenancy.switches.resume(operator, switch.id)
    assert await desk.tenancy.may_begin(OURS, "DCF")


async def test_every_process_feels_it_on_a_word(desk: Desk) -> None:
    """Two processes, one bus; neither would look by itself before the test has ended."""
    bus = BroadcastBus(MemoryBackend(), LOG)
    await bus.start()
    kept = KillSwitches(desk.database)
    here, there = (Switches(kept, bus, LOG, look_s=600.0) for _ in range(2))
    await here.start()
    await there.start()
    try:
        operator = await desk.operator()
        await desk.tenancy.switches.stop(operator, Scope.KIND, "DCF", "A fault.")
        assert there.stopped(OURS, VALUE) is None
        there.require_kind("DCF")  # not yet
        await here.changed()
        async with asyncio.timeout(60.0):
            while not there._thrown:  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.005)
        with pytest.raises(Overloaded, match=r"kind DCF are stopped\. A fault"):
            there.require_kind("DCF")
        there.require_kind("LBO")
    finally:
        await here.close()
        await there.close()
        await bus.close()


async def test_without_a_word_it_is_felt_at_the_next_look(desk: Desk) -> None:
    deaf = Switches(KillSwitches(desk.database), BroadcastBus(MemoryBackend(), LOG), LOG)
    operator = await desk.operator()
    await desk.tenancy.switches.stop(operator, Scope.TENANT, str(OURS), "Too much.")
    assert deaf.stopped(OURS, VALUE) is None
    await deaf.look()
    assert deaf.stopped(OURS, VALUE) is not None


async def numbers(ended: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
        await asyncio.sleep(600.0)
        yield 2
    finally:
        ended.append("closed")


async def test_whoever_follows_what_is_stopped_hears_why(desk: Desk) -> None:
    operator, stopped, ended = await desk.operator(), desk.tenancy.stopped, list[str]()
    heard: list[int] = []

    async def follow() -> None:
        roots = ["Subscription.collaboration"]
        async with aclosing(stopped.until_stopped(OURS, roots, numbers(ended))) as events:
            async for number in events:
                heard.append(number)  # noqa: PERF401 - what was heard counts when it ends early

    following = asyncio.create_task(follow())
    while not heard:  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0)
    await desk.tenancy.switches.stop(operator, Scope.TENANT, str(OURS), "Too much.")
    done, _ = await asyncio.wait([following], timeout=60.0)
    assert done
    with pytest.raises(Overloaded, match="Too much"):
        await following
    assert (heard, ended) == ([1], ["closed"])


async def test_whoever_leaves_a_stream_leaves_it_as_ever(desk: Desk) -> None:
    stopped, ended = desk.tenancy.stopped, list[str]()

    async def follow() -> None:
        async for _ in stopped.until_stopped(OURS, ["Subscription.x"], numbers(ended)):
            pass

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.01)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert ended == ["closed"]


async def test_a_database_that_is_away_leaves_things_as_they_were(desk: Desk) -> None:
    bus = BroadcastBus(MemoryBackend(), LOG)
    await bus.start()
    switches = Switches(KillSwitches(desk.database), bus, LOG, look_s=0.001)
    operator = await desk.operator()
    await desk.tenancy.switches.stop(operator, Scope.TENANT, str(OURS), "Too much.")
    await switches.start()
    await desk.database.close()
    await asyncio.sleep(0.05)
    try:
        assert switches.stopped(OURS, VALUE) is not None
    finally:
        await switches.close()
        await bus.close()
