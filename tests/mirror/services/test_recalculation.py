"""When a room's model is valued, by a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from collab.directory import MemoryDirectory
from collab.flights import LONGEST_S, Claim, MemoryFlights
from collab.keys import RoomKey
from collab.mailbox import Mailbox
from collab.presence import Participant
from collab.room import TICK_S, Room
from collab.rooms import Rooms
from collab.scripts import RedisAway
from services import recalculation
from services.errors import Infeasible, Problem
from services.kinds import DCF
from services.recalculation import PAUSE_S, Recalculation, Worth
from services.valuations import Recorded
from tests.mirror.collab.by_hand import HandClock, Said, settled

pytestmark = pytest.mark.anyio

KEY = RoomKey(uuid4(), uuid4())


@dataclass
class Truth:
    """The model that all workers serve: how far it is, and what was kept of it."""

    seq: int = 1
    takes_s: float = 0.0  # a valuation
    fails: int = 0
    refuses: bool = False
    valued: list[tuple[float, int]] = field(default_factory=list)  # when, and which revision
    kept: dict[str, Recorded] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)


class Flights(MemoryFlights):
    away = False

    async def claim(self, room: RoomKey, seq: int) -> Claim:
        if self.away:
            raise RedisAway
        return await super().claim(room, seq)

    async def land(self, room: RoomKey, token: str, seq: int, told: bytes) -> bool:
        if self.away:
            raise RedisAway
        return await super().land(room, token, seq, told)


class Worker:
    """Rooms and their recalculation."""

    def __init__(
        self, bus: BroadcastBus, directory: MemoryDirectory, flights: Flights, truth: Truth,
        clock: HandClock, said: Said,
    ) -> None:  # fmt: skip
        self.truth, self.clock = truth, clock
        self.again = Recalculation(
            room_of=self.room_of,
            flights=flights,
            value=self.value,
            find=self.find,
            clock=clock,
            log=said,
        )
        self.rooms: Rooms[Any] = Rooms(
            bus=bus,
            directory=directory,
            read=self.read,
            clock=clock,
            log=said,
            on_operation=self.again.edited,
            on_valuation=self.again.told,
            on_closed=self.again.closed,
        )
        self.shown: list[Worth] = []

    def room_of(self, key: RoomKey) -> Room[Any] | None:
        return self.rooms.get(key)

    async def read(self, _key: RoomKey, after: int, limit: int) -> Sequence[Any]:
        last = min(self.truth.seq, after + limit)
        return [SimpleNamespace(seq=seq) for seq in range(after + 1, last + 1)]

    async def value(self, _key: RoomKey) -> Worth:
        truth, seq = self.truth, self.truth.seq  # as it stands when it is read
        truth.valued.append((self.clock.now, seq))
        if truth.takes_s:
            done = asyncio.Event()
            self.clock.call_at(self.clock.now + truth.takes_s, done.set)
            await done.wait()
        if truth.fails:
            truth.fails -= 1
            raise OSError("the database is away")
        if truth.refuses:
            problem = Problem("capital.wacc", "CONTRADICTION", "No.", "Another.")
            return Worth(based_on_seq=seq, refused=Infeasible("No value.", [problem]))
        recorded = Recorded(
            id=f"{seq:064}", kind=DCF, inputs={}, result={}, result_hash="", engine_version="1",
            computed_at=datetime(2026, 1, 1, tzinfo=UTC), duration_ms=0.1,
        )  # fmt: skip
        truth.kept[recorded.id] = recorded
        return Worth(based_on_seq=seq, recorded=recorded)

    async def find(self, _key: RoomKey, id_: str) -> Recorded:
        self.truth.reads.append(id_)
        return self.truth.kept[id_]

    async def enter(self, stack: AsyncExitStack) -> None:
        room = await stack.enter_async_context(self.rooms.opened(KEY))
        room.begin(self.truth.seq)
        who, mailbox = await room.enter(
            Participant(id=uuid4().hex, member_id=UUID(int=1), name="A", role="VIEWER", colour=0)
        )
        mailbox.begin_at(self.truth.seq)
        stack.callback(room.leave, who.id)
        reading = asyncio.create_task(self.look(mailbox))
        stack.callback(reading.cancel)

    async def look(self, mailbox: Mailbox[Any]) -> None:
        while True:
            news = await mailbox.next()
            if news.valuation is not None:
                self.shown.append(news.valuation)

    @property
    def shown_seqs(self) -> list[int]:
        return [worth.based_on_seq for worth in self.shown]


@dataclass
class World:
    clock: HandClock
    truth: Truth
    flights: Flights
    workers: list[Worker]
    stack: AsyncExitStack
    said: Said

    async def edit(self, worker: int = 0) -> None:
        self.truth.seq += 1
        self.workers[worker].rooms.ring(KEY, self.truth.seq)
        await settled()

    @property
    def times(self) -> list[float]:
        """When the model was valued, in seconds since the first time."""
        first = self.truth.valued[0][0]
        return [round(when - first, 3) for when, _ in self.truth.valued]


@asynccontextmanager
async def worlds(joined: int) -> AsyncIterator[World]:
    clock, truth, said = HandClock(), Truth(), Said()
    directory, flights = MemoryDirectory(clock), Flights(clock)
    bus = BroadcastBus(MemoryBackend(), said)
    await bus.start()
    workers = [Worker(bus, directory, flights, truth, clock, said) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for worker in workers[:joined]:
            await worker.enter(stack)
        await clock.pass_by(1.0)
        yield World(clock, truth, flights, workers, stack, said)
    await bus.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Two workers that have the room open."""
    async with worlds(2) as found:
        yield found


@pytest.fixture
async def alone() -> AsyncIterator[World]:
    """Only the first worker has the room open."""
    async with worlds(1) as found:
        yield found


async def test_an_edit_after_quiet_is_valued_at_once(alone: World) -> None:
    began = alone.clock.now
    await alone.edit()
    await alone.clock.pass_by(0.0)
    assert alone.truth.valued == [(began, 2)]
    await alone.clock.pass_by(TICK_S)
    assert alone.workers[0].shown_seqs == [2]
    await alone.clock.pass_by(5.0)
    assert len(alone.truth.valued) == 1  # once is enough
    await alone.edit()
    await alone.clock.pass_by(0.0)
    assert alone.times == [0.0, 5.0 + TICK_S]


async def test_further_edits_wait_for_a_pause(alone: World) -> None:
    for _ in range(4):  # at 0, 20, 40 and 60 ms
        await alone.edit()
        await alone.clock.pass_by(0.02)
    await alone.clock.pass_by(1.0)
    assert alone.times == [0.0, 0.06 + PAUSE_S]
    assert alone.truth.valued[1][1] == 5


async def test_edits_without_a_pause_wait_for_half_a_second_at_most(alone: World) -> None:
    for _ in range(40):  # two seconds of them
        await alone.edit()
        await alone.clock.pass_by(0.05)
    await alone.clock.pass_by(1.0)
    gaps = [later - earlier for earlier, later in zip(alone.times, alone.times[1:], strict=False)]
    assert all(0.1 <= gap <= 0.6 for gap in gaps)
    assert len(alone.truth.valued) == 5
    assert alone.truth.valued[-1][1] == 41
    assert alone.workers[0].shown_seqs[-1] == 41


async def test_one_valuation_is_under_way_at_a_time(alone: World) -> None:
    alone.truth.takes_s = 2.0
    for _ in range(10):
        await alone.edit()
        await alone.clock.pass_by(0.3)
    await alone.clock.pass_by(10.0)
    assert all(gap >= 2.0 for gap in map(float.__sub__, alone.times[1:], alone.times))
    assert alone.workers[0].shown_seqs[-1] == 11


async def test_of_two_workers_one_values_and_the_other_reads_it_once(world: World) -> None:
    for turn in range(5):
        await world.edit(turn % 2)
        await world.clock.pass_by(2.0)
    assert len(world.truth.valued) == 5
    assert sorted(world.truth.reads) == sorted(set(world.truth.reads))
    assert len(world.truth.reads) == 5
    for worker in world.workers:
        assert worker.shown_seqs == [2, 3, 4, 5, 6]


async def test_nobody_is_shown_an_older_valuation_after_a_newer_one(world: World) -> None:
    for turn in range(60):
        world.truth.takes_s = 0.01 * (turn * 37 % 50)
        await world.edit(turn % 2)
        await world.clock.pass_by(0.07)
    await world.clock.pass_by(5.0)
    for worker in world.workers:
        assert worker.shown_seqs == sorted(set(worker.shown_seqs))
        assert worker.shown_seqs[-1] == 61


async def test_a_worker_that_dies_while_it_values_is_not_waited_for_for_ever(world: World) -> None:
    world.flights._flying[KEY] = (world.clock.now + LONGEST_S, "a dead worker's")
    await world.edit()
    await world.clock.pass_by(LONGEST_S - 0.1)
    assert world.truth.valued == []
    await world.clock.pass_by(1.0)
    assert len(world.truth.valued) == 1
    for worker in world.workers:
        assert worker.shown_seqs == [2]


async def test_a_valuation_that_was_not_heard_of_is_found(world: World) -> None:
    other = world.workers[1]
    object.__setattr__(other.rooms.house, "on_valuation", lambda *_: None)
    await world.edit(0)
    await world.clock.pass_by(3.0)
    assert other.shown_seqs == [2]
    assert len(world.truth.valued) == 1


async def test_without_redis_each_worker_values_for_its_own(world: World) -> None:
    world.flights.away = True
    await world.edit()
    await world.clock.pass_by(1.0)
    assert [seq for _, seq in world.truth.valued] == [2, 2]
    for worker in world.workers:
        assert worker.shown_seqs == [2]


async def test_redis_that_goes_while_a_model_is_valued_costs_nothing(alone: World) -> None:
    alone.truth.takes_s = 1.0
    await alone.edit()
    await alone.clock.pass_by(0.5)
    alone.flights.away = True
    await alone.clock.pass_by(2.0)
    assert alone.workers[0].shown_seqs == [2]


async def test_a_fault_of_ours_is_tried_again_less_and_less_often(alone: World) -> None:
    alone.truth.fails = 5
    await alone.edit()
    await alone.clock.pass_by(60.0)
    assert alone.times == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0]
    assert alone.workers[0].shown_seqs == [2]
    assert alone.said.events.count("a room's model was not valued") == 5


async def test_why_there_is_no_value_reaches_the_other_workers_whole(world: World) -> None:
    world.truth.refuses = True
    await world.edit()
    await world.clock.pass_by(1.0)
    for worker in world.workers:
        (worth,) = worker.shown
        assert worth.refused is not None
        assert (worth.refused.code, worth.refused.message) == ("INFEASIBLE", "No value.")
        assert [problem.path for problem in worth.refused.problems] == ["capital.wacc"]
    assert world.truth.reads == []


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"basedOnSeq": "2"},
        {"basedOnSeq": True},
        {"basedOnSeq": 2},
        {"basedOnSeq": 2, "valuation": None},
        {"basedOnSeq": 2, "valuation": "0" * 64},
        {"basedOnSeq": 2, "refusal": {}},
        {"basedOnSeq": 2, "refusal": {"code": "NO", "message": "", "problems": []}},
        {"basedOnSeq": 2**53, "valuation": f"{2:064}"},
        {"basedOnSeq": 2, "valuation": {"a": [1]}},
    ],
)
async def test_garbage_about_a_valuation_harms_nobody(world: World, told: dict[str, Any]) -> None:
    for worker in world.workers:
        worker.again.told(KEY, told)
    await world.edit()
    for worker in world.workers:
        worker.again.told(KEY, told)
    await world.clock.pass_by(2.0)
    for worker in world.workers:
        assert worker.shown_seqs == [2]
        assert worker.shown[0].recorded is not None


async def test_a_valuation_from_nowhere_does_not_stop_those_to_come(world: World) -> None:
    kept = f"{77:064}"
    world.truth.kept[kept] = Recorded(
        id=kept, kind=DCF, inputs={}, result={}, result_hash="", engine_version="1",
        computed_at=datetime(2026, 1, 1, tzinfo=UTC), duration_ms=0.1,
    )  # fmt: skip
    for worker in world.workers:
        worker.again.told(KEY, {"basedOnSeq": 77, "valuation": kept})  # nobody made so many edits
    await world.clock.pass_by(1.0)
    await world.edit()
    await world.clock.pass_by(1.0)
    for worker in world.workers:
        assert worker.shown_seqs == [2]


async def test_a_closed_room_is_not_valued(world: World) -> None:
    await world.edit()
    await world.edit()
    await world.stack.aclose()
    await settled()
    before = len(world.truth.valued)
    await world.clock.pass_by(5.0)
    assert len(world.truth.valued) == before
    for worker in world.workers:
        assert worker.again._models == {}
        worker.again.told(KEY, {"basedOnSeq": 3, "valuation": f"{3:064}"})
        await settled()
        assert worker.again._models == {}


def test_the_limits_are_the_promised_ones() -> None:
    assert (recalculation.PAUSE_S, recalculation.LONGEST_S) == (0.1, 0.5)
