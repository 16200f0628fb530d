"""Without collaboration a tenant has one model open, for as long as somebody is in it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest

from collab.directory import LEASE_S
from collab.keys import RoomKey
from collab.one_room import MemoryOneRoom
from collab.scripts import RedisAway
from services.errors import Forbidden
from services.open_rooms import OpenRooms
from services.plans import LIMITS, Plan
from services.standing import Terms
from tests.mirror.collab.by_hand import HandClock, Said, settled

pytestmark = pytest.mark.anyio


class Plans:
    """What every tenant has."""

    plan = Plan.FREE

    async def terms(self, _tenant_id: UUID) -> Terms:
        return Terms(
            plan=self.plan,
            limits=LIMITS[self.plan],
            origins=frozenset(),
            only_trusted=False,
            second_factor=False,
            suspended=None,
        )


ONE = RoomKey(uuid4(), uuid4())
OTHER = ONE._replace(model_id=uuid4())


async def test_a_room_is_held_while_somebody_is_in_it_and_no_longer() -> None:
    clock, plans = HandClock(), Plans()
    rooms = OpenRooms(MemoryOneRoom(clock), plans.terms, clock, Said())
    async with AsyncExitStack() as first:
        await first.enter_async_context(rooms.entered(ONE))
        async with rooms.entered(ONE):
            pass
        await clock.pass_by(10 * LEASE_S)  # renewed again and again
        with pytest.raises(Forbidden, match="FREE plan has one model open"):
            async with rooms.entered(OTHER):
                pass
    await settled()
    async with rooms.entered(OTHER):
        pass
    await rooms.close()


async def test_with_collaboration_any_number_is_open() -> None:
    clock, plans = HandClock(), Plans()
    plans.plan = Plan.PRO
    rooms = OpenRooms(MemoryOneRoom(clock), plans.terms, clock, Said())
    async with rooms.entered(ONE), rooms.entered(OTHER):
        pass
    await rooms.close()


class Away(MemoryOneRoom):
    """Redis does not answer."""

    async def hold(self, room: RoomKey) -> bool:  # noqa: ARG002 - as whoever answers
        raise RedisAway

    async def leave(self, room: RoomKey) -> None:  # noqa: ARG002 - as whoever answers
        raise RedisAway


async def test_nobody_is_kept_from_work_because_redis_is_away() -> None:
    clock = HandClock()
    rooms = OpenRooms(Away(clock), Plans().terms, clock, Said())
    async with rooms.entered(ONE), rooms.entered(OTHER):
        await clock.pass_by(LEASE_S)
    await settled()
    await rooms.close()


async def test_a_renewal_that_fails_is_not_the_last() -> None:
    clock = HandClock()

    class Stumbles(MemoryOneRoom):
        times = 0

        async def hold(self, room: RoomKey) -> bool:
            self.times += 1
            if self.times == 2:  # the first renewal
                raise RuntimeError("a fault")
            return await super().hold(room)

    one = Stumbles(clock)
    rooms = OpenRooms(one, Plans().terms, clock, Said())
    async with rooms.entered(ONE):
        await clock.pass_by(10 * LEASE_S)
        with pytest.raises(Forbidden):
            async with rooms.entered(OTHER):
                pass
    await settled()
    await rooms.close()
