"""Rooms: who is in a model, where they point, and every edit to everybody, once and in order.

One subscription is membership: there is no separate join to forget. What it yields is a series of
batches. The first one says everything; after that, each says what is new.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from collab.bus import Bus
from collab.directory import MEMBERS_MAX, Directory, RoomFull
from collab.flights import Flights
from collab.keys import RoomKey
from collab.mailbox import BEHIND_MAX, Mailbox, News
from collab.messages import Wish
from collab.one_room import MemoryOneRoom, OneRoom
from collab.presence import Cursor, Participant, Paths
from collab.room import Room
from collab.rooms import Rooms
from collab.scripts import RedisAway
from collab.surroundings import Clock, Log, RunningLoop, Tasks, passing
from services.contents import Unit
from services.doorbells import Clear, Doorbells
from services.errors import (
    DatabaseAway,
    DatabaseBusy,
    Forbidden,
    NotFound,
    QueryInvalid,
    RateLimited,
    Refused,
)
from services.financial_models import ModelService
from services.history import Revision
from services.model import Model
from services.open_rooms import OpenRooms
from services.principal import Action, Principal, Role
from services.rates import Rate
from services.recalculation import Recalculation, Worth
from services.sessions import Session
from services.shapes import PATH_MOST, steps_of
from services.tenants import TenantService
from services.valuations import OfModel, Recorded, ValuationService
from store.directory import SYSTEM
from store.financial_models import FinancialModels

__all__ = ["Batch", "CollaborationService", "Cursor", "Participant", "Worth"]

ROOMS_MOST: Final = 10  # of one connection
PATHS_MOST: Final = 100  # of one selection
ELSEWHERE_PER_SECOND: Final = 30  # moves of a participant that reach another worker
CLOSE_S: Final = 1.0
LOOK_AGAIN_S: Final = 5.0  # where the database could not say who may still be here

_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation of a model's log, told once for everybody in the worker."""

    seq: int
    revision: Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a subscriber learns at a time."""

    me: Participant | None = None  # in the first one
    seq: int  # of the newest edit that the subscriber has, with this batch
    resync: bool = False  # forget all of the model: `model` has it
    model: Model | None = None  # in the first one of who comes anew, and in a resync
    members: Sequence[Participant] | None = None  # all of them; None: as they were
    left: Sequence[str] = ()  # before those who joined
    joined: Sequence[Participant] = ()
    cursors: Sequence[tuple[str, Cursor]] = ()  # by participant; all, where `members` are given
    selections: Sequence[tuple[str, Paths]] = ()
    edits: Sequence[Revision] = ()  # the next ones, in order
    worth: Worth | None = None  # where there is a newer one


class CollaborationService:
    """The rooms of this worker. It is a `Doorbell`, too: rung after each commit."""

    def __init__(
        self,
        *,
        models: ModelService,
        operations: FinancialModels,
        tenants: TenantService,
        valuations: ValuationService,
        bus: Bus,
        directory: Directory,
        flights: Flights,
        log: Log,
        clock: Clock | None = None,
        clear_outbox: Clear | None = None,
        one_room: OneRoom | None = None,
    ) -> None:
        clock = self._clock = clock or RunningLoop()
        self._models, self._operations = models, operations
        self._tenants, self._valuations = tenants, valuations
        self._directory, self._log = directory, log
        self._open: dict[RoomKey, Model] = {}  # for the words of its edits
        self._rooms_of: Counter[str] = Counter()  # by connection
        self._open_rooms = OpenRooms(one_room or MemoryOneRoom(clock), tenants.terms, clock, log)
        self._here: dict[str, tuple[RoomKey, Session, Mailbox[Entry]]] = {}  # by participant
        self._looking = Tasks(log)
        self._elsewhere = Rate("Moves", ELSEWHERE_PER_SECOND, ELSEWHERE_PER_SECOND)
        self._recalculation = Recalculation(
            room_of=self._room_of,
            flights=flights,
            value=self._value,
            find=self._kept,
            clock=clock,
            log=log,
        )
        self._rooms: Rooms[Entry] = Rooms(
            bus=bus,
            directory=directory,
            read=self._read,
            clock=clock,
            log=log,
            on_operation=self._recalculation.edited,
            on_valuation=self._recalculation.told,
            on_closed=self._closed,
        )
        self._doorbells = Doorbells(
            self._rooms, bus, operations, clock, log, clear_outbox=clear_outbox
        )

    async def start(self) -> None:
        """Look after doorbells from now on."""
        self._doorbells.start()

    async def close(self) -> None:
        """Say goodbye for everybody who is still here, and end what is under way."""
        await self._looking.close(0.0)
        await self._open_rooms.close()
        await self._recalculation.close(CLOSE_S)
        await self._rooms.close()
        await self._doorbells.close()

    def ring(self, tenant_id: UUID, model_id: UUID, seq: int) -> None:
        """An operation was committed; never waits, never raises."""
        try:
            self._doorbells.ring(RoomKey(tenant_id, model_id), seq)
        except Exception:  # the edit is kept, whatever becomes of the word of it
            self._log.exception("a doorbell was not rung", model=str(model_id))

    def look_again(self, tenant_id: UUID) -> None:
        """Have everybody leave who may not be in their room any more; never waits.

        Word about the house itself is about everybody: others' may have been lost.
        """
        if any(tenant_id in (key.tenant_id, SYSTEM) for key, _, _ in self._here.values()):
            self._looking.begin(self._look_again(tenant_id))

    async def _look_again(self, tenant_id: UUID) -> None:
        while not await self._could_look(tenant_id):
            await passing(self._clock, LOOK_AGAIN_S)

    async def _could_look(self, tenant_id: UUID) -> bool:
        for key, session, mailbox in list(self._here.values()):
            if tenant_id in (key.tenant_id, SYSTEM):
                try:
                    await self._models.let_in(session.principal, key.model_id)
                except Refused as no:
                    mailbox.end(no)
                except (DatabaseAway, DatabaseBusy):
                    return False
        return True

    async def join(
        self, session: Session, model_id: UUID, after: int | None = None
    ) -> AsyncGenerator[Batch, None]:
        """Be in a model's room for as long as this is iterated.

        ``after``: the newest edit that the caller has; those that follow it come first.

        Raises:
            Forbidden: also if the plan has no room for another open model.
            NotFound: if there is no such model.
            RateLimited: if the room is full, or the connection is in too many.
            QueryInvalid: for an ``after`` that is no revision.
        """
        principal = session.principal
        if after is not None and after < 0:
            raise QueryInvalid("`after` is a revision: 0 or more. Leave it out to begin anew.")
        key = RoomKey(principal.tenant_id, model_id)
        with self._place_for(session):
            who = await self._participant(principal)
            # No channel for what is not there, or not for them.
            await self._models.let_in(principal, model_id)
            async with self._open_rooms.entered(key), self._rooms.opened(key) as room:
                # Read once the others are heard, so that no edit falls between the two.
                model = await self._models.find(principal, model_id)
                await self._models.joined(principal, model_id)
                self._open.setdefault(key, model)
                room.begin(model.revision)
                try:
                    who, mailbox = await room.enter(who)
                except RoomFull:
                    raise RateLimited(
                        f"The room is full: {MEMBERS_MAX} are in it. Come back later.", 5.0
                    ) from None
                try:
                    session.participants[model_id] = who.id
                    self._here[who.id] = key, session, mailbox
                    resync = after is not None and not 0 <= model.revision - after <= BEHIND_MAX
                    anew = model if after is None or resync else None
                    mailbox.begin_at(model.revision if after is None or resync else after)
                    me: Participant | None = who
                    while True:
                        news = await mailbox.next()
                        if news.behind:
                            anew, resync = await self._models.find(principal, model_id), True
                            mailbox.begin_at(anew.revision)
                            continue
                        if news.operations or news.valuation is not None:
                            await self._models.joined(principal, model_id)
                        yield _batch(news, me, anew, resync=resync)
                        me, anew, resync = None, None, False
                finally:
                    self._here.pop(who.id, None)
                    room.leave(who.id)
                    if session.participants.get(model_id) == who.id:
                        del session.participants[model_id]

    async def move(
        self, session: Session, model_id: UUID, cursor: Cursor, participant: str | None = None
    ) -> bool:
        """Point somewhere. False: dropped, since the participant moves too fast.

        ``participant``: who moves, where it is not the one that this connection is.

        Raises:
            Forbidden; QueryInvalid: for a place that is none.
            NotFound: if the caller is not in the room, or the participant is another member's.
        """
        if cursor.path is not None:
            _check_path(cursor.path)
        for place in (cursor.x, cursor.y):
            if place is not None and not 0.0 <= place <= 1.0:
                raise QueryInvalid("A cursor's x and y are from 0 to 1.")
        wish = Wish(session.principal.member_id, cursor=cursor)
        return await self._act(session, model_id, wish, participant)

    async def select(
        self, session: Session, model_id: UUID, paths: Sequence[str], participant: str | None = None
    ) -> bool:
        """Select inputs instead of those that were selected; as `move`."""
        if len(paths) > PATHS_MOST:
            raise QueryInvalid(f"{len(paths)} paths are selected; at most {PATHS_MOST} can be.")
        for path in paths:
            _check_path(path)
        wish = Wish(session.principal.member_id, paths=tuple(dict.fromkeys(paths)))
        return await self._act(session, model_id, wish, participant)

    async def _act(
        self, session: Session, model_id: UUID, wish: Wish, participant: str | None
    ) -> bool:
        principal = session.principal
        principal.require(Action.JOIN_ROOM)
        id_ = session.participants.get(model_id) if participant is None else participant
        if id_ is None:
            raise NotFound(
                "This connection is not in the room. Subscribe to `collaboration` over it, or say "
                "which `participant` of yours this is."
            )
        key = RoomKey(principal.tenant_id, model_id)
        room = self._rooms.get(key)
        known = None if room is None else room.presence.members.get(id_)
        if known is None:
            try:
                known = await self._directory.find(key, id_)
            except RedisAway:
                return False
        if known is None or known.member_id != principal.member_id:
            raise NotFound("No participant of yours has this id in the room. Join it again.")
        if room is not None and id_ in room:
            return room.wish(id_, wish)
        try:
            self._elsewhere.spend((key, id_, wish.cursor is None))
        except RateLimited:
            return False
        self._rooms.pass_on(key, id_, wish)
        return True

    @contextmanager
    def _place_for(self, session: Session) -> Iterator[None]:
        if self._rooms_of[session.id] >= ROOMS_MOST:
            raise RateLimited(
                f"A connection is in {ROOMS_MOST} rooms at most. Leave one, or open another.", 1.0
            )
        self._rooms_of[session.id] += 1
        try:
            yield
        finally:
            self._rooms_of[session.id] -= 1
            if not self._rooms_of[session.id]:
                del self._rooms_of[session.id]

    async def _participant(self, principal: Principal) -> Participant:
        people = await self._tenants.people(principal.tenant_id, {principal.member_id})
        member = people.get(principal.member_id)  # an operator is among them by their grant
        if member is None:
            raise Forbidden("You have left the tenant. Ask for a new token.")
        return Participant(
            id=secrets.token_urlsafe(12),
            member_id=member.id,
            name=member.name,
            role=principal.role.value,
            colour=0,  # the directory gives one
        )

    async def _read(self, key: RoomKey, after: int, limit: int) -> list[Entry]:
        operations = await self._operations.operations(
            key.tenant_id, key.model_id, after=after, limit=limit
        )
        model = self._open[key]
        told = await self._models.told(key.tenant_id, model, operations)
        units = [
            change.new for revision in told for change in revision.changes if change.path == "unit"
        ]
        if units and key in self._open:
            self._open[key] = replace(model, unit=Unit(units[-1]))
        return [Entry(revision.revision, revision) for revision in told]

    def _room_of(self, key: RoomKey) -> Room[Entry] | None:
        return self._rooms.get(key)

    def _closed(self, key: RoomKey) -> None:
        self._open.pop(key, None)
        self._recalculation.closed(key)

    async def _value(self, key: RoomKey) -> Worth:
        house = _house(key.tenant_id)
        model = await self._models.find(house, key.model_id)
        try:
            inputs = self._models.inputs_in_scenario(model, None)
            of = OfModel(model.id, model.revision)
            recorded = await self._valuations.value(house, model.kind, inputs, of)
        except Refused as no:
            return Worth(based_on_seq=model.revision, refused=no)
        return Worth(based_on_seq=model.revision, recorded=recorded)

    async def _kept(self, key: RoomKey, valuation_id: str) -> Recorded:
        return await self._valuations.find(_house(key.tenant_id), valuation_id)


def _house(tenant_id: UUID) -> Principal:
    """Who values for a room: nobody in it may have to be allowed to, and all of them may look."""
    return Principal(
        tenant_id=tenant_id,
        member_id=_NOBODY,
        role=Role.OWNER,
        session_id="room",
        expires_at=datetime.max.replace(tzinfo=UTC),
    )


def _batch(
    news: News[Entry], me: Participant | None, model: Model | None, *, resync: bool
) -> Batch:
    changes = news.changes
    return Batch(
        me=me,
        seq=news.seq,
        resync=resync,
        model=model,
        members=changes.joined if news.everyone else None,
        joined=() if news.everyone else changes.joined,
        left=changes.left,
        cursors=changes.cursors,
        selections=changes.selections,
        edits=[entry.revision for entry in news.operations],
        worth=news.valuation,
    )


def _check_path(path: str) -> None:
    if steps_of(path) is None:
        raise QueryInvalid(
            f"“{path[:PATH_MOST]}” is no path, such as operations.revenueGrowth[3], of up to "
            f"{PATH_MOST} characters."
        )
