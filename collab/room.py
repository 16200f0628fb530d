"""A room in one worker: who is there, what is new, and word of it to the other workers.

Whatever happens is shown to those who are connected here at once, and sent to the others in the
same tick. A worker's own messages come back to it and are dropped by its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeAlias

from collab.bus import Bus, Subscription
from collab.directory import MEMBERS_MAX, Directory, RoomFull, smallest_free
from collab.keys import RoomKey
from collab.mailbox import BATCH, Mailbox
from collab.messages import Message, Wish, decode, encode
from collab.pace import Pace
from collab.presence import Cursor, Participant, Paths, Presence
from collab.ring import O, Ring
from collab.scripts import RedisAway
from collab.surroundings import Clock, Log, Tasks, Timer, passing

TICK_S: Final = 0.033
RENEW_S: Final = 5.0
RETRY_S: Final = 1.0
GRACE_S: Final = 10.0  # for others to announce themselves again, after the directory was emptied
FIRST_WAIT_S: Final = 0.05  # before a log that could not be read is read again
LONGEST_WAIT_S: Final = 1.0

ReadLog: TypeAlias = Callable[[RoomKey, int, int], Awaitable[Sequence[O]]]
"""At most so many operations of a model after a seq, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House(Generic[O]):
    """What every room of a worker shares."""

    worker: str  # a name that no other worker has
    bus: Bus
    directory: Directory
    clock: Clock
    log: Log
    tasks: Tasks
    read: ReadLog[O]
    on_operation: Callable[[RoomKey, int], None]  # the log has one that was not known
    on_valuation: Callable[[RoomKey, dict[str, Any]], None]  # another worker has one


@dataclass(slots=True)
class _Own(Generic[O]):
    """A participant who is connected here."""

    mailbox: Mailbox[O]
    count: int = 0  # of what they did; nobody else counts it
    moves: Pace = field(default_factory=Pace)
    selections: Pace = field(default_factory=Pace)


class Room(Generic[O]):
    """Open from `open` to `close`."""

    def __init__(self, key: RoomKey, house: House[O]) -> None:
        self.key, self._house = key, house
        self._channel = key.channel
        self.presence = Presence()
        self.valuation: Any = None  # the newest one
        self.valued_seq = -1  # what it is based on
        self.holders = 0
        self._ring: Ring[O] | None = None  # None until `begin`
        self._wanted = 0  # the newest operation that was heard of
        self._own: dict[str, _Own[O]] = {}
        self._outgoing = Message(worker=house.worker)
        self._subscription: Subscription | None = None
        self._opening, self._history, self._leasing = (asyncio.Lock() for _ in range(3))
        self._reader: asyncio.Task[None] | None = None
        self._tick: Timer | None = None
        self._ticked = float("-inf")
        self._renewal: Timer | None = None
        self._renew_due = 0.0
        self._spared_until = float("-inf")
        self._missed: dict[str, float] = {}  # since when the directory does not know them
        self._closed = False

    # Open and close.

    async def open(self) -> None:
        """Hear the other workers. What is read after this leaves no gap to what is heard."""
        async with self._opening:
            if self._subscription is None:
                self._subscription = await self._house.bus.subscribe(self._channel, self._hear)

    def begin(self, seq: int) -> None:
        """Follow the log from an operation that was read after `open`."""
        if self._ring is None:
            self._ring = Ring(seq)
            self._wanted = max(self._wanted, seq)
            self._follow()
        self.ring(seq)

    def empty(self) -> None:
        """Let everybody go who is connected here."""
        for id_ in list(self._own):
            self.leave(id_)
        self._flush()

    def close(self) -> None:
        """Say what is left to be said, and end. Nobody is in it any more."""
        self._closed = True
        for timer in (self._tick, self._renewal):
            if timer is not None:
                timer.cancel()
        self._flush()
        if self._reader is not None:
            self._reader.cancel()
        if self._subscription is not None:
            self._house.tasks.begin(self._subscription.close())

    # Operations.

    @property
    def seq(self) -> int:
        """The newest operation that is known here."""
        return 0 if self._ring is None else self._ring.seq

    def ring(self, seq: int) -> None:
        """A doorbell: the log has an operation ``seq``."""
        if seq > self._wanted:
            self._wanted = seq
            self._follow()

    async def reached(self, seq: int) -> bool:
        """Whether the log has an operation ``seq``; then everybody here is told of it first."""
        self.ring(seq)
        while self.seq < seq and self._reader is not None:
            await asyncio.wait([self._reader])
        return self.seq >= seq

    async def operations(self, after: int) -> Sequence[O]:
        """The next operations, at most a batch. Waits for as long as the log cannot be read."""
        ring = self._ring
        if ring is None:
            return ()
        kept = ring.after(after, BATCH)
        if kept is not None:
            return kept
        async with self._history:  # a herd that comes back reads the same part once
            kept = ring.after(after, BATCH)
            if kept is None:
                kept = list(await self._read(after))
                ring.precede(kept)
        return kept

    def _follow(self) -> None:
        ring = self._ring
        if ring is not None and self._wanted > ring.seq and self._reader is None:
            self._reader = self._house.tasks.begin(self._catch_up(ring))

    async def _catch_up(self, ring: Ring[O]) -> None:
        try:
            while (wanted := self._wanted) > ring.seq:
                if ring.append(await self._read(ring.seq)):
                    self.touch()
                    self._house.on_operation(self.key, ring.seq)
                elif wanted == self._wanted:
                    self._wanted = ring.seq  # somebody rang for what is not there
        finally:
            self._reader = None

    async def _read(self, after: int) -> Sequence[O]:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await self._house.read(self.key, after, BATCH)
            except Exception:
                if wait_s == FIRST_WAIT_S:  # once for as long as it lasts
                    self._house.log.exception("a log cannot be read", model=str(self.key.model_id))
            await passing(self._house.clock, wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    # Presence.

    def __contains__(self, id_: str) -> bool:
        """Whether the participant is connected here."""
        return id_ in self._own

    def __len__(self) -> int:
        """Participants who are connected here."""
        return len(self._own)

    async def enter(self, who: Participant) -> tuple[Participant, Mailbox[O]]:
        """Let somebody in: with their colour, and everybody known who is there.

        Raises:
            RoomFull: if there is no place.
        """
        first = not self._own
        try:
            who = await self._house.directory.enter(self.key, who)
        except RedisAway:
            who = self._without_directory(who)
            self._renew_in(RETRY_S)
        except asyncio.CancelledError:
            self._house.tasks.begin(self._give_up(who.id))
            raise
        mailbox = Mailbox(self, self.seq)
        self._own[who.id] = _Own(mailbox)
        self.presence.enter(who)
        self._outgoing.joined[who.id] = who
        self.touch()
        if first:
            self._outgoing.asks = True
            try:
                await self._renew()
            except asyncio.CancelledError:
                self.leave(who.id)
                raise
        return who, mailbox

    def leave(self, id_: str) -> None:
        """Let somebody go, at once and everywhere; it never waits."""
        if self._own.pop(id_, None) is None:
            return
        self.presence.leave(id_)
        told = self._outgoing
        for part in (told.joined, told.cursors, told.selections):
            part.pop(id_, None)
        told.left.append(id_)
        self.touch()
        self._house.tasks.begin(self._give_up(id_))

    def move(self, id_: str, cursor: Cursor) -> bool:
        """Whether a participant's cursor was taken; not when they are too fast."""
        own = self._own[id_]
        if not own.moves.allows(self._house.clock.time()):
            return False
        own.count += 1
        self.presence.move(id_, own.count, cursor)
        self._outgoing.cursors[id_] = (own.count, cursor)
        self.touch()
        return True

    def select(self, id_: str, paths: Paths) -> bool:
        """Whether a participant's selection was taken, as for `move`."""
        own = self._own[id_]
        if not own.selections.allows(self._house.clock.time()):
            return False
        own.count += 1
        self.presence.select(id_, own.count, paths)
        self._outgoing.selections[id_] = (own.count, paths)
        self.touch()
        return True

    def value(self, seq: int, valuation: Any, told: dict[str, Any] | None = None) -> None:
        """Show what the model is worth at ``seq``, which has been `reached`; unless it is old.

        With ``told``, the other workers are told.
        """
        if seq <= self.valued_seq:
            return
        self.valued_seq, self.valuation = seq, valuation
        if told is not None:
            self._outgoing.valuation = told
        self.touch()

    def reconnected(self) -> None:
        """Messages may have been lost: say what is ours, ask what is others'."""
        self._announce()
        self._outgoing.asks = True
        self.touch()
        self._renew_in(0.0)

    # Ticks and messages.

    def touch(self) -> None:
        """Something is new: it goes out at once when the last tick is long ago, or in the next."""
        if self._tick is None and not self._closed:
            due = max(self._house.clock.time(), self._ticked + TICK_S)
            self._tick = self._house.clock.call_at(due, self._flush)

    def _flush(self) -> None:
        self._tick, self._ticked = None, self._house.clock.time()
        if self._outgoing:
            self._house.bus.publish(self._channel, encode(self._outgoing))
            self._outgoing = Message(worker=self._house.worker)
        for own in self._own.values():
            own.mailbox.wake()

    def _hear(self, content: bytes) -> None:
        message = decode(content)
        if message is None:
            self._house.log.warning("garbage on a channel", channel=self._channel.name)
        elif message.worker != self._house.worker and not self._closed:
            self._learn(message)

    def _learn(self, message: Message) -> None:
        presence, before = self.presence, self.presence.version
        for who in message.joined.values():
            if len(presence.members) < MEMBERS_MAX:  # beyond that, only the directory knows
                presence.enter(who)
        for id_ in message.left:
            if id_ not in self._own:
                presence.leave(id_)
        for id_, (count, cursor) in message.cursors.items():
            if id_ not in self._own:
                presence.move(id_, count, cursor)
        for id_, (count, paths) in message.selections.items():
            if id_ not in self._own:
                presence.select(id_, count, paths)
        for id_, wish in message.wishes.items():
            self.wish(id_, wish)
        if message.asks:
            self._announce()
        if message.valuation is not None:
            self._house.on_valuation(self.key, message.valuation)
        self.ring(message.seq)
        told_of = message.cursors.keys() | message.selections.keys()
        if told_of - presence.members.keys():
            self._renew_in(RETRY_S)  # word of a join was lost
        if presence.version > before:
            self.touch()

    def wish(self, id_: str, wish: Wish) -> bool:
        """Do for a participant what reached another worker, if it is their own member's wish."""
        if id_ not in self._own or self.presence.members[id_].member_id != wish.member_id:
            return False
        taken = True
        if wish.cursor is not None:
            taken = self.move(id_, wish.cursor)
        if wish.paths is not None:
            taken = self.select(id_, wish.paths) and taken
        return taken

    def pass_on(self, id_: str, wish: Wish) -> None:
        """Send a wish to wherever its participant is connected."""
        earlier = self._outgoing.wishes.get(id_)
        if earlier is not None:
            cursor = earlier.cursor if wish.cursor is None else wish.cursor
            paths = earlier.paths if wish.paths is None else wish.paths
            wish = Wish(wish.member_id, cursor, paths)
        self._outgoing.wishes[id_] = wish
        self.touch()

    def _announce(self) -> None:
        presence, told = self.presence, self._outgoing
        for id_ in self._own:
            told.joined[id_] = presence.members[id_]
            if id_ in presence.cursors:
                told.cursors[id_] = presence.cursors[id_]
            if id_ in presence.selections:
                told.selections[id_] = presence.selections[id_]
        self.touch()

    # Leases.

    def _renew_in(self, seconds: float) -> None:
        """Renew then, if not sooner."""
        due = self._house.clock.time() + seconds
        if self._closed or (self._renewal is not None and self._renew_due <= due):
            return
        if self._renewal is not None:
            self._renewal.cancel()
        self._renew_due = due
        self._renewal = self._house.clock.call_at(due, self._begin_renewal)

    def _begin_renewal(self) -> None:
        self._renewal = None
        self._house.tasks.begin(self._renew())

    async def _renew(self) -> None:
        """Renew the leases of those who are here, and learn who else is."""
        async with self._leasing:
            before = self.presence.version
            own = {id_: self.presence.members[id_] for id_ in self._own}
            try:
                standing = await self._house.directory.renew(self.key, own)
            except RedisAway:
                self._renew_in(RETRY_S)
                return
        now = self._house.clock.time()
        if standing.lost:
            self._spared_until = now + GRACE_S
        missed = self.presence.members.keys() - standing.members.keys() - self._own.keys()
        # Since they were first missed: a directory that is emptied again and again keeps nobody.
        self._missed = {id_: self._missed.get(id_, now) for id_ in missed}
        spared = {
            id_
            for id_, since in self._missed.items()
            if now < min(self._spared_until, since + GRACE_S)
        }
        came = self.presence.since(before)
        if came is not None:  # who came meanwhile may not be on the list
            new = {who.id for who in came.joined}
            if self.presence.adopt(standing.members, self._own.keys() | new | spared):
                self._outgoing.asks = True
            self.touch()
        soon = now < self._spared_until
        self._renew_in(RETRY_S if soon else min(RENEW_S, max(standing.next_end_s, TICK_S)))

    async def _give_up(self, id_: str) -> None:
        # After a renewal that is under way: it would give the lease back.
        async with self._leasing:
            with suppress(RedisAway):  # then it runs out
                await self._house.directory.leave(self.key, [id_])

    def _without_directory(self, who: Participant) -> Participant:
        members = self.presence.members
        if len(members) >= MEMBERS_MAX:
            raise RoomFull
        colours: dict[object, int] = {other.member_id: other.colour for other in members.values()}
        return replace(who, colour=smallest_free(colours, who.member_id))
