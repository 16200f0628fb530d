"""Two workers and their rooms, over a shared log: in memory, and over a real Redis."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from collab.bus import BroadcastBus, Bus, MemoryBackend
from collab.connection import RedisConnection
from collab.directory import (
    MEMBERS_MAX,
    Directory,
    MemoryDirectory,
    RedisDirectory,
    RoomFull,
)
from collab.keys import RoomKey
from collab.mailbox import BATCH, BEHIND_MAX, Mailbox, News
from collab.messages import Message, Wish, encode
from collab.pace import PER_SECOND
from collab.presence import Cursor, Participant
from collab.ring import SIZE
from collab.room import GRACE_S, RENEW_S, RETRY_S, TICK_S, Room
from collab.rooms import Rooms
from collab.scripts import RedisAway
from collab.surroundings import Clock
from tests.mirror.collab.by_hand import HandClock, OwnRedis, Said, eventually, settled

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Op:
    seq: int


@dataclass
class Ledger:
    """The log of one model, as the database has it."""

    seq: int = 1
    reads: int = 0
    fails: int = 0  # so many reads that are to come

    async def read(self, _key: RoomKey, after: int, limit: int) -> Sequence[Op]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise OSError("the database is away")
        return [Op(seq) for seq in range(after + 1, min(self.seq, after + limit) + 1)]


def someone(member: int = 1) -> Participant:
    return Participant(
        id=uuid4().hex, member_id=UUID(int=member), name="Ada", role="ANALYST", colour=-1
    )


@dataclass
class Worker:
    """One process' rooms, and what they told the floor above."""

    rooms: Rooms[Op]
    operations: list[int] = field(default_factory=list)
    valuations: list[dict[str, Any]] = field(default_factory=list)
    closed: list[RoomKey] = field(default_factory=list)

    @classmethod
    def of(cls, bus: Bus, directory: Directory, ledger: Ledger, clock: Clock, said: Said) -> Worker:
        worker = cls(
            Rooms(
                bus=bus,
                directory=directory,
                read=ledger.read,
                clock=clock,
                log=said,
                on_operation=lambda _, seq: worker.operations.append(seq),
                on_valuation=lambda _, told: worker.valuations.append(told),
                on_closed=lambda key: worker.closed.append(key),  # noqa: PLW0108 - not there yet
            )
        )
        return worker


@dataclass
class Guest:
    """A subscriber who reads everything at once, and what they know by that."""

    who: Participant
    mailbox: Mailbox[Op]
    room: Room[Op]
    seqs: list[int] = field(default_factory=list)
    members: dict[str, Participant] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    selections: dict[str, tuple[str, ...]] = field(default_factory=dict)
    valuations: list[Any] = field(default_factory=list)
    news: list[News[Op]] = field(default_factory=list)

    async def read(self) -> None:
        while True:
            self.learn(await self.mailbox.next())

    def learn(self, news: News[Op]) -> None:
        self.news.append(news)
        self.seqs += [operation.seq for operation in news.operations]
        if news.everyone:
            for known in (self.members, self.cursors, self.selections):
                known.clear()
        changes = news.changes
        for id_ in changes.left:
            for known in (self.members, self.cursors, self.selections):
                known.pop(id_, None)
        self.members |= {who.id: who for who in changes.joined}
        self.cursors |= dict(changes.cursors)
        self.selections |= dict(changes.selections)
        if news.valuation is not None:
            self.valuations.append(news.valuation)


class World:
    """A model that two workers serve."""

    def __init__(self, workers: Sequence[Worker], ledger: Ledger, stack: AsyncExitStack) -> None:
        self.workers, self.ledger, self._stack = workers, ledger, stack
        self.key = RoomKey(uuid4(), uuid4())
        self._left: dict[str, Callable[[], Any]] = {}

    async def join(
        self, worker: int = 0, member: int = 1, *, reads: bool = True, after: int | None = None
    ) -> Guest:
        leaving = await self._stack.enter_async_context(AsyncExitStack())
        room = await leaving.enter_async_context(self.workers[worker].rooms.opened(self.key))
        seq = self.ledger.seq  # after the room is open
        room.begin(seq)
        who, mailbox = await room.enter(someone(member))
        mailbox.begin_at(seq if after is None else after)
        leaving.callback(room.leave, who.id)
        guest = Guest(who, mailbox, room)
        if reads:
            task = asyncio.create_task(guest.read())
            leaving.callback(task.cancel)
        self._left[who.id] = leaving.aclose
        return guest

    async def leave(self, guest: Guest) -> None:
        await self._left.pop(guest.who.id)()

    def edit(self, worker: int = 0) -> None:
        """One more operation in the log, and the doorbell."""
        self.ledger.seq += 1
        self.workers[worker].rooms.ring(self.key, self.ledger.seq)


@pytest.fixture
async def world(
    shared: str | None, buses: tuple[BroadcastBus, BroadcastBus], said: Said
) -> AsyncIterator[World]:
    """By the real clock: two workers, with one Redis between them or in one process."""
    clock, ledger = asyncio.get_running_loop(), Ledger()
    async with AsyncExitStack() as stack:
        if shared is None:
            memory = MemoryDirectory(clock)
            directories: list[Directory] = [memory, memory]
        else:
            connections = [RedisConnection(shared) for _ in range(2)]
            for connection in connections:
                stack.push_async_callback(connection.close)
            directories = [RedisDirectory(connection) for connection in connections]
        workers = [
            Worker.of(bus, directory, ledger, clock, said)
            for bus, directory in zip(buses, directories, strict=True)
        ]
        for worker in workers:
            stack.push_async_callback(worker.rooms.close)
        async with AsyncExitStack() as guests:
            yield World(workers, ledger, guests)


async def test_everybody_sees_who_comes_and_who_leaves(world: World) -> None:
    ada = await world.join(0, member=1)
    bob = await world.join(1, member=2)
    cleo = await world.join(1, member=3)
    everyone = {guest.who.id: guest.who for guest in (ada, bob, cleo)}
    for guest in (ada, bob, cleo):
        await eventually(lambda guest=guest: guest.members == everyone)
    assert sorted(who.colour for who in everyone.values()) == [0, 1, 2]
    await world.leave(bob)
    del everyone[bob.who.id]
    for guest in (ada, cleo):
        await eventually(lambda guest=guest: guest.members == everyone)


async def test_cursors_and_selections_reach_everybody_and_the_newest_counts(world: World) -> None:
    ada, bob = await world.join(0), await world.join(1, member=2)
    await eventually(lambda: ada.who.id in bob.members)
    for number in range(20):
        assert ada.room.move(ada.who.id, Cursor(f"operations.revenueGrowth[{number}]", 0.1, 0.2))
    bob.room.select(bob.who.id, ("capital.wacc", "name"))
    last = Cursor("operations.revenueGrowth[19]", 0.1, 0.2)
    for guest in (ada, bob):
        await eventually(lambda guest=guest: guest.cursors == {ada.who.id: last})
        await eventually(
            lambda guest=guest: guest.selections == {bob.who.id: ("capital.wacc", "name")}
        )


async def test_who_comes_later_is_told_where_everybody_points(world: World) -> None:
    ada, bob = await world.join(0), await world.join(1, member=2)
    ada.room.move(ada.who.id, Cursor("capital.wacc"))
    bob.room.select(bob.who.id, ("name",))
    await eventually(lambda: bob.cursors)
    for worker in (0, 1):
        late = await world.join(worker, member=3)
        await eventually(lambda late=late: late.cursors == {ada.who.id: Cursor("capital.wacc")})
        await eventually(lambda late=late: late.selections == {bob.who.id: ("name",)})


async def test_a_worker_that_opens_the_room_asks_the_others_where_everybody_points(
    world: World,
) -> None:
    ada = await world.join(0)
    ada.room.move(ada.who.id, Cursor("capital.wacc"))
    ada.room.select(ada.who.id, ("name",))
    await eventually(lambda: ada.cursors and ada.selections)
    bob = await world.join(1, member=2)
    await eventually(lambda: bob.cursors == {ada.who.id: Cursor("capital.wacc")})
    await eventually(lambda: bob.selections == {ada.who.id: ("name",)})


async def test_edits_come_to_everybody_once_and_in_order(world: World) -> None:
    guests = [await world.join(number % 2, member=number) for number in range(8)]
    chance = random.Random(7)  # noqa: S311 - an order, no secret
    for number in range(160):
        world.edit(number % 2)
        if chance.random() < 0.3:
            await asyncio.sleep(0.001)
    for guest in guests:
        await eventually(lambda guest=guest: len(guest.seqs) >= 160)
        assert guest.seqs == list(range(2, 162))
    # Each worker read the log, not each subscriber.
    assert world.ledger.reads <= 2 * 160


async def test_an_edit_by_a_worker_without_the_room_is_heard(world: World) -> None:
    ada = await world.join(0)
    world.edit(1)
    await eventually(lambda: ada.seqs == [2])
    assert world.workers[0].operations == [2]
    assert world.workers[1].operations == []


async def test_word_that_comes_twice_late_or_in_disorder_changes_nothing(world: World) -> None:
    ada, bob = await world.join(0), await world.join(1, member=2)
    await eventually(lambda: ada.who.id in bob.members)
    room = bob.room
    for _ in range(30):
        world.edit(0)
    await eventually(lambda: len(bob.seqs) == 30)
    chance = random.Random(1)  # noqa: S311 - an order, no secret
    rings = [encode(Message(worker="w", seq=seq)) for seq in range(1, 32)] * 3
    chance.shuffle(rings)
    gone = someone(9)
    for content in rings:
        room._hear(content)
        room._hear(encode(Message(worker="w", left=[gone.id])))
        room._hear(encode(Message(worker="w", joined={gone.id: gone})))
        room._hear(encode(Message(worker="w", cursors={ada.who.id: (0, Cursor("unit"))})))
    world.edit(1)
    await eventually(lambda: len(bob.seqs) == 31)
    assert bob.seqs == list(range(2, 33))
    assert bob.cursors == {}
    assert set(bob.members) == {ada.who.id, bob.who.id}


async def test_garbage_on_the_channel_harms_nobody(world: World, said: Said) -> None:
    ada, bob = await world.join(0), await world.join(1, member=2)
    await eventually(lambda: ada.who.id in bob.members)
    for content in (b"", b"\xff", b"{}", b"null", b'{"worker":"x","seq":"1"}', b"[" * 10_000):
        world.workers[0].rooms.house.bus.publish(world.key.channel, content)
    # A doorbell for what does not exist is looked after once, and forgotten.
    world.workers[0].rooms.house.bus.publish(
        world.key.channel, encode(Message(worker="x", seq=2**53))
    )
    await eventually(lambda: world.ledger.reads)
    world.edit(0)
    world.edit(1)
    for guest in (ada, bob):
        await eventually(lambda guest=guest: guest.seqs == [2, 3])
    assert said.events.count("garbage on a channel") == 12
    for worker in world.workers:  # nobody is told of an operation that is not in the log
        assert worker.operations == sorted(set(worker.operations))
        assert set(worker.operations) <= {2, 3}
    assert world.ledger.reads < 20


async def test_nobody_speaks_for_who_is_connected_here(world: World) -> None:
    ada, bob = await world.join(0), await world.join(1, member=2)
    await eventually(lambda: ada.who.id in bob.members)
    false = Message(
        worker="x",
        left=[ada.who.id],
        cursors={ada.who.id: (99, Cursor("unit"))},
        selections={ada.who.id: (99, ("unit",))},
    )
    ada.room._hear(encode(false))
    ada.room.move(ada.who.id, Cursor("name"))
    await eventually(lambda: bob.cursors == {ada.who.id: Cursor("name")})
    assert ada.cursors == {ada.who.id: Cursor("name")}
    assert ada.who.id in ada.members


async def test_a_wish_is_done_where_the_participant_is_if_it_is_their_own_members(
    world: World,
) -> None:
    ada, bob = await world.join(0, member=1), await world.join(1, member=2)
    await eventually(lambda: ada.who.id in bob.members)
    rooms = world.workers[1].rooms
    rooms.pass_on(world.key, ada.who.id, Wish(UUID(int=2), cursor=Cursor("unit")))
    rooms.pass_on(world.key, ada.who.id, Wish(UUID(int=1), cursor=Cursor("name")))
    rooms.pass_on(world.key, ada.who.id, Wish(UUID(int=1), paths=("name",)))
    await eventually(lambda: bob.selections == {ada.who.id: ("name",)})
    assert ada.cursors == bob.cursors == {ada.who.id: Cursor("name")}
    # From a worker where the room is not open as well.
    await world.leave(bob)
    assert rooms.get(world.key) is None
    rooms.pass_on(world.key, ada.who.id, Wish(UUID(int=1), cursor=Cursor("unit")))
    await eventually(lambda: ada.cursors == {ada.who.id: Cursor("unit")})


async def test_a_valuation_is_told_to_the_other_workers_and_shown_by_seq(world: World) -> None:
    ada, bob = await world.join(0), await world.join(1, member=2)
    for _ in range(4):
        world.edit()
    assert await ada.room.reached(5)
    assert await bob.room.reached(5)
    ada.room.value(5, "five", {"basedOnSeq": 5})
    await eventually(lambda: world.workers[1].valuations == [{"basedOnSeq": 5}])
    assert world.workers[0].valuations == []
    bob.room.value(5, "five")
    bob.room.value(4, "four")
    bob.room.value(5, "again")
    for guest in (ada, bob):
        await eventually(lambda guest=guest: guest.valuations == ["five"])
    late = await world.join(1, member=3)
    await eventually(lambda: late.valuations == ["five"])


async def test_what_is_not_in_the_log_is_never_reached(world: World) -> None:
    ada = await world.join(0)
    assert not await ada.room.reached(2**53)
    world.edit(1)
    assert await ada.room.reached(2)
    await eventually(lambda: ada.seqs == [2])


async def test_a_closed_room_is_forgotten(world: World) -> None:
    ada = await world.join(0)
    other = await world.join(0)
    await world.leave(ada)
    assert world.workers[0].closed == []
    await world.leave(other)
    assert world.workers[0].closed == [world.key]
    assert world.workers[0].rooms.get(world.key) is None
    again = await world.join(0)
    await eventually(lambda: set(again.members) == {again.who.id})
    world.edit(1)
    await eventually(lambda: again.seqs == [2])


async def test_whoever_ends_says_goodbye_for_everybody(world: World) -> None:
    ada, bob = await world.join(0), await world.join(1, member=2)
    await eventually(lambda: bob.who.id in ada.members)
    await world.workers[1].rooms.close()
    await eventually(lambda: set(ada.members) == {ada.who.id})
    standing = await world.workers[0].rooms.house.directory.renew(world.key, {})
    assert set(standing.members) == {ada.who.id}


# By a clock that is moved by hand: one process, or two that share a bus in memory.


class Unsteady(MemoryDirectory):
    """A directory that can be away, and emptied."""

    away = False
    held: asyncio.Event | None = None  # an answer is on its way until then

    async def enter(self, room: RoomKey, who: Participant) -> Participant:
        self._check()
        return await super().enter(room, who)

    async def renew(self, *given: Any) -> Any:
        self._check()
        standing = await super().renew(*given)
        if self.held is not None:
            await self.held.wait()
            # As in Redis: what is renewed was sent before.
            await super().renew(*given)
        return standing

    def _check(self) -> None:
        if self.away:
            raise RedisAway

    def empty(self) -> None:
        self._rooms.clear()


@dataclass
class ByHand(World):
    clock: HandClock
    directory: Unsteady
    bus: BroadcastBus


@pytest.fixture
async def by_hand(said: Said) -> AsyncIterator[Any]:
    clock, ledger = HandClock(), Ledger()
    directory = Unsteady(clock)
    bus = BroadcastBus(MemoryBackend(), said)
    await bus.start()
    workers = [Worker.of(bus, directory, ledger, clock, said) for _ in range(2)]
    async with AsyncExitStack() as guests:
        world = World(workers, ledger, guests)
        world.clock, world.directory, world.bus = clock, directory, bus  # type: ignore[attr-defined]
        yield world
    await bus.close()


async def test_the_first_event_goes_out_at_once_and_the_next_ones_together(by_hand: Any) -> None:
    ada, bob = await by_hand.join(0), await by_hand.join(1)
    await by_hand.clock.pass_by(1.0)
    for guest in (ada, bob):
        guest.news.clear()
    ada.room.move(ada.who.id, Cursor("name"))
    await by_hand.clock.pass_by(0.0)
    assert [len(guest.news) for guest in (ada, bob)] == [1, 1]
    for number in range(10):
        ada.room.move(ada.who.id, Cursor(f"operations.revenueGrowth[{number}]"))
        await by_hand.clock.pass_by(TICK_S / 20)
    assert [len(guest.news) for guest in (ada, bob)] == [1, 1]
    await by_hand.clock.pass_by(TICK_S)
    assert len(ada.news) == 2
    await by_hand.clock.pass_by(TICK_S)
    assert len(bob.news) == 2
    assert bob.cursors == {ada.who.id: Cursor("operations.revenueGrowth[9]")}


async def test_an_edit_after_quiet_is_shown_at_once(by_hand: Any) -> None:
    ada, bob = await by_hand.join(0), await by_hand.join(1)
    await by_hand.clock.pass_by(1.0)
    by_hand.edit(0)
    await by_hand.clock.pass_by(0.0)
    assert ada.seqs == bob.seqs == [2]


async def test_a_slow_reader_finds_the_newest_state_and_every_edit_once(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    slow = await by_hand.join(0, reads=False)
    await by_hand.clock.pass_by(1.0)
    for number in range(1_500):  # more than the ring holds
        by_hand.edit()
        if number % 20 == 0:
            guest = await by_hand.join(0)
            await by_hand.leave(guest)
        if number % 7 == 0:
            await by_hand.clock.pass_by(1.01 / PER_SECOND)
            assert ada.room.move(ada.who.id, Cursor(f"operations.revenueGrowth[{number}]"))
    await by_hand.clock.pass_by(1.0)
    assert ada.seqs == list(range(2, 1_502))
    news = 0
    while len(slow.seqs) < 1_500:
        slow.learn(await slow.mailbox.next())
        news += 1
    assert slow.seqs == ada.seqs
    assert news == -(-1_500 // BATCH)
    assert set(slow.members) == {ada.who.id, slow.who.id}
    assert slow.cursors == {ada.who.id: Cursor("operations.revenueGrowth[1498]")}


async def test_who_comes_back_with_a_seq_gets_what_they_missed(by_hand: Any) -> None:
    by_hand.ledger.seq = 3_000
    for missed in (0, 1, BATCH, BATCH + 1, SIZE + 1, 2_999):
        guest = await by_hand.join(0, after=3_000 - missed)
        await by_hand.clock.pass_by(0.1)
        assert guest.seqs == list(range(3_001 - missed, 3_001)), missed
        assert max(len(news.operations) for news in guest.news) <= BATCH


async def test_a_herd_that_comes_back_reads_the_log_once(by_hand: Any) -> None:
    by_hand.ledger.seq = 500
    herd = [await by_hand.join(0, after=400) for _ in range(100)]
    await by_hand.clock.pass_by(0.1)
    assert all(guest.seqs == list(range(401, 501)) for guest in herd)
    assert by_hand.ledger.reads == 1


async def test_who_is_too_far_behind_is_told_so(by_hand: Any) -> None:
    ada = await by_hand.join(0, reads=False)
    await ada.mailbox.next()
    by_hand.ledger.seq += BEHIND_MAX
    by_hand.workers[0].rooms.ring(by_hand.key, by_hand.ledger.seq)
    await by_hand.clock.pass_by(1.0)
    by_hand.edit()
    await by_hand.clock.pass_by(1.0)
    news = await ada.mailbox.next()
    assert news.behind
    assert news.operations == []
    ada.mailbox.begin_at(by_hand.ledger.seq)
    news = await ada.mailbox.next()
    assert (news.behind, news.everyone, news.operations) == (False, True, [])


async def test_edits_come_before_what_the_model_is_worth_with_them(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    slow = await by_hand.join(0, reads=False)
    for _ in range(3 * BATCH):
        by_hand.edit()
    assert await ada.room.reached(1 + 3 * BATCH)
    ada.room.value(1 + 3 * BATCH, "worth")
    await by_hand.clock.pass_by(1.0)
    for expected in (None, None, "worth"):
        news = await slow.mailbox.next()
        assert (len(news.operations), news.valuation) == (BATCH, expected)


async def test_a_log_that_cannot_be_read_is_read_later(by_hand: Any, said: Said) -> None:
    ada = await by_hand.join(0)
    by_hand.ledger.fails = 5
    by_hand.edit()
    await by_hand.clock.pass_by(0.1)
    assert ada.seqs == []
    await by_hand.clock.pass_by(5.0)
    assert ada.seqs == [2]
    assert said.events.count("a log cannot be read") == 1  # not at each of five attempts


async def test_thirty_moves_a_second_are_taken_and_more_are_not(by_hand: Any) -> None:
    ada = await by_hand.join(0)

    def taken() -> int:
        return sum(ada.room.move(ada.who.id, Cursor(None)) for _ in range(100))

    assert taken() == PER_SECOND
    await by_hand.clock.pass_by(0.99)
    assert taken() == 0
    await by_hand.clock.pass_by(0.02)
    assert taken() == PER_SECOND
    assert ada.room.select(ada.who.id, ())  # counted apart: a selection is rarer, and stays


async def test_a_ghost_is_gone_when_its_lease_has_run_out(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    await by_hand.clock.pass_by(2.0)
    ghost = await by_hand.join(1, member=2)
    await by_hand.clock.pass_by(1.0)
    assert ghost.who.id in ada.members
    # The worker dies: nothing of it is ever heard again, its leases stay.
    ghost.room._closed = True
    ghost.room._renewal.cancel()
    await by_hand.clock.pass_by(13.0)
    assert ghost.who.id in ada.members
    await by_hand.clock.pass_by(2.1)  # 15 s after it was last renewed, not at a next round
    assert set(ada.members) == {ada.who.id}


async def test_who_lives_is_never_taken_for_a_ghost(by_hand: Any) -> None:
    ada, bob = await by_hand.join(0), await by_hand.join(1, member=2)
    await by_hand.clock.pass_by(300.0)
    assert set(ada.members) == set(bob.members) == {ada.who.id, bob.who.id}
    assert not any(news.changes.left for guest in (ada, bob) for news in guest.news)


async def test_who_comes_while_a_list_is_on_its_way_is_not_taken_for_gone(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    await by_hand.clock.pass_by(1.0)
    by_hand.directory.held = held = asyncio.Event()
    await by_hand.clock.pass_by(RENEW_S)  # ada's room renews; the list has nobody else
    bob = await by_hand.directory.enter(by_hand.key, someone(2))
    ada.room._hear(encode(Message(worker="x", joined={bob.id: bob})))
    by_hand.directory.held = None
    held.set()
    await by_hand.clock.pass_by(0.1)
    assert set(ada.members) == {ada.who.id, bob.id}
    assert not any(news.changes.left for news in ada.news)


async def test_who_leaves_while_leases_are_renewed_is_not_given_another(by_hand: Any) -> None:
    ada, bob = await by_hand.join(0), await by_hand.join(0, member=2)
    await by_hand.clock.pass_by(1.0)
    by_hand.directory.held = held = asyncio.Event()
    await by_hand.clock.pass_by(RENEW_S)
    await by_hand.leave(bob)
    await settled()
    by_hand.directory.held = None
    held.set()
    await settled()
    assert set((await by_hand.directory.renew(by_hand.key, {})).members) == {ada.who.id}


async def test_an_emptied_directory_is_filled_again_and_nobody_flickers(by_hand: Any) -> None:
    ada, bob = await by_hand.join(0), await by_hand.join(1, member=2)
    await by_hand.clock.pass_by(7.0)
    by_hand.directory.empty()
    await by_hand.clock.pass_by(2 * RENEW_S)
    for guest in (ada, bob):
        assert set(guest.members) == {ada.who.id, bob.who.id}
        assert not any(news.changes.left for news in guest.news)
    standing = await by_hand.directory.renew(by_hand.key, {})
    assert set(standing.members) == {ada.who.id, bob.who.id}


async def test_a_ghost_that_a_directory_forgot_is_gone_after_a_grace(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    ghost = await by_hand.join(1, member=2)
    await by_hand.clock.pass_by(6.0)
    ghost.room._closed = True
    ghost.room._renewal.cancel()
    by_hand.directory.empty()
    await by_hand.clock.pass_by(RENEW_S + GRACE_S + 2 * RETRY_S)
    assert set(ada.members) == {ada.who.id}


async def test_a_directory_that_is_emptied_again_and_again_keeps_no_ghost(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    ghost = await by_hand.join(1, member=2)
    await by_hand.clock.pass_by(6.0)
    ghost.room._closed = True
    ghost.room._renewal.cancel()
    for _ in range(4):
        by_hand.directory.empty()
        await by_hand.clock.pass_by(RENEW_S)
    assert set(ada.members) == {ada.who.id}


async def test_a_worker_that_stood_still_finds_its_members_again(by_hand: Any) -> None:
    ada, bob = await by_hand.join(0), await by_hand.join(1, member=2)
    await by_hand.clock.pass_by(1.0)
    bob.room._renewal.cancel()
    await by_hand.clock.pass_by(20.0)
    assert set(ada.members) == {ada.who.id}
    # Awake: its connection was found dead, so it is told that it may have missed something.
    bob.room._renewal = None
    bob.room.reconnected()
    await by_hand.clock.pass_by(1.0)
    assert set(ada.members) == set(bob.members) == {ada.who.id, bob.who.id}
    bob.room.move(bob.who.id, Cursor("name"))
    await by_hand.clock.pass_by(1.0)
    assert ada.cursors == {bob.who.id: Cursor("name")}


async def test_without_a_directory_people_still_meet_and_it_learns_of_them_later(
    by_hand: Any,
) -> None:
    by_hand.directory.away = True
    ada, bob = await by_hand.join(0, member=1), await by_hand.join(0, member=2)
    cleo = await by_hand.join(1, member=3)
    await by_hand.clock.pass_by(3.0)
    everyone = {ada.who.id, bob.who.id, cleo.who.id}
    assert all(set(guest.members) == everyone for guest in (ada, bob, cleo))
    assert [ada.who.colour, bob.who.colour] == [0, 1]
    by_hand.directory.away = False
    await by_hand.clock.pass_by(RETRY_S)
    assert set((await by_hand.directory.renew(by_hand.key, {})).members) == everyone
    await by_hand.clock.pass_by(60.0)
    assert all(set(guest.members) == everyone for guest in (ada, bob, cleo))


async def test_word_of_a_stranger_makes_a_room_look_who_is_there(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    await by_hand.clock.pass_by(1.0)
    stranger = await by_hand.directory.enter(by_hand.key, someone(2))  # whose join was lost
    for count in range(1, 40):  # and who does not stop moving
        ada.room._hear(encode(Message(worker="x", cursors={stranger.id: (count, Cursor("name"))})))
        await by_hand.clock.pass_by(TICK_S)
    assert stranger.id in ada.members


async def test_a_room_is_never_larger_than_it_may_be(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    crowd = [replace(someone(number), colour=number) for number in range(3 * MEMBERS_MAX)]
    herd = {who.id: who for who in crowd}
    ada.room._hear(encode(Message(worker="x", joined=herd)))
    assert len(ada.room.presence.members) == MEMBERS_MAX
    by_hand.directory.away = True
    with pytest.raises(RoomFull):
        await by_hand.join(0)
    assert by_hand.workers[0].rooms.get(by_hand.key) is ada.room


async def test_a_room_that_nobody_is_in_leaves_nothing_behind(by_hand: Any) -> None:
    ada = await by_hand.join(0)
    room = ada.room
    room.move(ada.who.id, Cursor("name"))
    by_hand.edit()
    await by_hand.leave(ada)
    await settled()
    assert by_hand.clock.waiting == 0
    assert not by_hand.workers[0].rooms.house.tasks._running
    assert (await by_hand.directory.renew(by_hand.key, {})).members == {}
    room.touch()
    assert by_hand.clock.waiting == 0


async def test_a_restart_of_redis_loses_nobody_and_no_edit(own_redis: OwnRedis, said: Said) -> None:
    from collab.redis_backend import RedisBackend

    await own_redis.answering()
    clock, ledger = asyncio.get_running_loop(), Ledger()
    async with AsyncExitStack() as stack:
        workers = []
        for _ in range(2):
            connection = RedisConnection(own_redis.url)
            stack.push_async_callback(connection.close)
            bus = BroadcastBus(RedisBackend(own_redis.url, said), said)
            await bus.start()
            stack.push_async_callback(bus.close)
            await eventually(lambda bus=bus: bus.up)
            workers.append(Worker.of(bus, RedisDirectory(connection), ledger, clock, said))
            stack.push_async_callback(workers[-1].rooms.close)
        guests = await stack.enter_async_context(AsyncExitStack())
        world = World(workers, ledger, guests)
        ada, bob = await world.join(0), await world.join(1, member=2)
        await eventually(lambda: ada.who.id in bob.members and bob.who.id in ada.members)
        for turn in range(2):
            own_redis.kill()
            await eventually(lambda: not any(w.rooms.house.bus.up for w in workers))
            world.edit(0)  # acknowledged while nobody could be told
            cursor = Cursor(f"operations.revenueGrowth[{turn}]")
            ada.room.move(ada.who.id, cursor)
            own_redis.start()
            # What is said again after a reconnect; the lost doorbell is the audit's business.
            await eventually(lambda cursor=cursor: bob.cursors == {ada.who.id: cursor})
            bob.room.ring(ledger.seq)
            await eventually(lambda: bob.seqs == ada.seqs == list(range(2, ledger.seq + 1)))
        for guest in (ada, bob):
            assert set(guest.members) == {ada.who.id, bob.who.id}
            assert not any(news.changes.left for news in guest.news)
