"""Two workers on one database: everybody sees everybody, and every edit once and in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from collab.directory import MEMBERS_MAX
from collab.keys import RoomKey
from collab.presence import Cursor
from services import collaboration
from services.collaboration import ROOMS_MOST
from services.errors import (
    Forbidden,
    Infeasible,
    NotFound,
    Problem,
    QueryInvalid,
    RateLimited,
)
from services.kinds import Document
from services.model import Model
from services.principal import ALLOWED, Action, Principal, Role
from services.sessions import Session
from services.valuations import OfModel, Recorded, ValuationService
from store.database import Database
from tests.mirror.collab.by_hand import OwnRedis, eventually
from tests.mirror.collab.conftest import own_redis, patient
from tests.mirror.services.rooms_at_work import (
    Person,
    Worker,
    enter,
    principal_of,
    settle_team,
    working,
)
from tests.mirror.store.conftest import (
    place,
    postgres_place,
    postgres_roles,
    postgres_template,
    sqlite_place,
    sqlite_template,
)
from tests.mirror.store.world import THEIRS, Place, opened

__all__ = [
    "own_redis",
    "patient",
    "place",
    "postgres_place",
    "postgres_roles",
    "postgres_template",
    "sqlite_place",
    "sqlite_template",
]
pytestmark = pytest.mark.anyio

GROWTH = "operations.revenueGrowth.level"
WACC = "capital.wacc"


@dataclass
class Both:
    """Two workers, a model, and whoever comes."""

    workers: tuple[Worker, Worker]
    model: Model
    stack: AsyncExitStack

    async def enter(self, worker: int = 0, number: int = 1, **given: Any) -> Person:
        person = await enter(self.workers[worker], self.model, number, **given)
        self.stack.push_async_callback(person.leave)
        return person

    async def edit(self, worker: int, path: str, value: Any, by: int = 1) -> int:
        return await self.workers[worker].edit(self.model, path, value, by=by)


@pytest.fixture(params=["memory", "redis"])
def shared(request: pytest.FixtureRequest) -> str | None:
    """The URL of the Redis between the workers; None: they are one process."""
    return request.getfixturevalue("redis_url") if request.param == "redis" else None


@asynccontextmanager
async def both_of(databases: list[Database], redis_url: str | None) -> AsyncIterator[Both]:
    """Two workers; without a Redis they share their memory."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(working(databases[0], redis_url))
        other = await stack.enter_async_context(working(databases[1], redis_url, one))
        people = await stack.enter_async_context(AsyncExitStack())
        yield Both((one, other), await one.make(), people)


@pytest.fixture
async def both(place: Place, shared: str | None) -> AsyncIterator[Both]:
    """On either database, each worker with a pool of its own; with Redis between them or not."""
    async with opened(place.url) as one, opened(place.url) as other:
        await settle_team(one)
        async with both_of([one, other], shared) as found:
            yield found


@pytest.fixture
async def pair(sqlite_place: Place, shared: str | None) -> AsyncIterator[Both]:
    """On SQLite, with Redis between the workers or not."""
    async with opened(sqlite_place.url) as one, opened(sqlite_place.url) as other:
        await settle_team(one)
        async with both_of([one, other], shared) as found:
            yield found


@pytest.fixture
async def here(sqlite_place: Place) -> AsyncIterator[Both]:
    """One process on SQLite, for what no server takes part in."""
    async with opened(sqlite_place.url) as database:
        await settle_team(database)
        async with both_of([database, database], None) as found:
            yield found


# Joining


async def test_the_first_batch_says_everything_and_later_ones_what_is_new(both: Both) -> None:
    ada = await both.enter(0, 1)
    first = ada.batches[0]
    assert first.me is not None
    assert (first.me.name, first.me.role, first.me.colour) == ("Member 1", "ANALYST", 0)
    assert (first.seq, first.resync, first.joined, first.edits) == (1, False, (), [])
    assert first.model is not None
    assert (first.model.id, first.model.revision) == (both.model.id, 1)
    assert first.members == (first.me,)
    bob = await both.enter(1, 2)
    await ada.sees(lambda who: bob.id in who.members)
    await bob.sees(lambda who: set(who.members) == {ada.id, bob.id})
    assert ada.members == bob.members
    assert [who.colour for who in (ada.me, bob.me) if who] == [0, 1]
    for batch in ada.batches[1:]:
        assert (batch.me, batch.model, batch.members) == (None, None, None)
    await bob.leave()
    await ada.sees(lambda who: set(who.members) == {ada.id})


async def test_both_see_cursors_selections_and_edits_of_both(both: Both) -> None:
    ada, bob = await both.enter(0, 1), await both.enter(1, 2)
    for person, path in ((ada, WACC), (bob, GROWTH)):
        rooms, session = person.worker.rooms, person.session
        assert await rooms.move(session, both.model.id, Cursor(path, 0.25, 0.75))
        assert await rooms.select(session, both.model.id, [path, "name", path])
    for person in (ada, bob):
        await person.sees(
            lambda who: (
                who.cursors
                == {ada.id: Cursor(WACC, 0.25, 0.75), bob.id: Cursor(GROWTH, 0.25, 0.75)}
            )
        )
        await person.sees(
            lambda who: who.selections == {ada.id: (WACC, "name"), bob.id: (GROWTH, "name")}
        )
    await both.edit(0, WACC, 0.11, by=1)
    await both.edit(1, WACC, 0.12, by=2)
    for person in (ada, bob):
        await person.sees(lambda who: len(who.edits) == 2)
        assert person.seqs == [2, 3]
        assert [edit.author.name for edit in person.edits if edit.author] == [
            "Member 1",
            "Member 2",
        ]
        assert [(change.path, change.old, change.new) for change in person.edits[1].changes] == [
            (WACC, 0.11, 0.12)
        ]
        assert "WACC" in person.edits[0].changes[0].text


async def test_edits_from_two_workers_at_once_come_to_all_once_and_in_order(both: Both) -> None:
    people = [await both.enter(number % 2, 1 + number % 6) for number in range(8)]

    async def edits(worker: int) -> None:
        for number in range(40):
            await both.edit(worker, WACC, 0.1 + number / 1_000 + worker / 10_000)

    await asyncio.gather(edits(0), edits(1))
    for person in people:
        await person.sees(lambda who: len(who.edits) >= 80)
        assert person.seqs == list(range(2, 82))
        assert person.batches[-1].seq == 81
        for batch in person.batches:
            assert not batch.edits or batch.seq == batch.edits[-1].revision


async def test_an_edit_is_worth_something_to_everybody_in_the_room(both: Both) -> None:
    ada, bob = await both.enter(0, 1), await both.enter(1, 2)
    await both.edit(0, WACC, 0.2)
    values = []
    for person in (ada, bob):
        await person.sees(lambda who: who.worths and who.worths[-1].based_on_seq == 2)
        worth = person.worths[-1]
        assert worth.recorded is not None
        assert worth.recorded.inputs["capital"]["wacc"] == 0.2
        values.append((worth.recorded.id, worth.recorded.result))
        # After the edit that it is based on, not before.
        seen = [batch.seq for batch in person.batches if batch.worth]
        assert all(seq >= 2 for seq in seen)
    assert values[0] == values[1]
    model, recorded = await both.workers[0].models.value(principal_of(1), both.model.id)
    assert (model.revision, recorded.id) == (2, values[0][0])
    late = await both.enter(1, 3)
    assert late.batches[0].worth is not None


async def test_who_is_shown_something_new_in_a_room_is_on_record_again(pair: Both) -> None:
    shown: list[UUID] = []
    for worker in pair.workers:

        async def saw(who: Principal, action: str, *_: object) -> None:
            shown.extend([who.member_id] if action == "model.joined" else [])

        worker.models._looks.saw = saw  # type: ignore[method-assign] # what it is told is counted
    ada = await pair.enter(0, 1)
    assert shown == [principal_of(1).member_id]
    await pair.edit(1, WACC, 0.2)
    await ada.sees(lambda who: who.edits)
    assert shown[1:]
    assert set(shown) == {principal_of(1).member_id}


async def test_one_worker_values_and_the_other_reads_once(pair: Both) -> None:
    ada, bob = await pair.enter(0, 1), await pair.enter(1, 2)
    late = await pair.enter(1, 3)
    for number in range(5):
        seq = await pair.edit(0, WACC, 0.2 + number / 100)
        for person in (ada, bob, late):
            await person.sees(
                lambda who, seq=seq: who.worths and who.worths[-1].based_on_seq == seq
            )
    for person in (ada, bob, late):
        based = [worth.based_on_seq for worth in person.worths]
        assert based == sorted(set(based)) == [2, 3, 4, 5, 6]
    # Each valuation was made by one of them and read by the other, however often it was told.
    reads = [read for worker in pair.workers for read in worker.reads]
    assert len(reads) == len(set(reads)) == 5


async def test_why_a_model_has_no_value_is_told_to_everybody(pair: Both) -> None:
    for worker in pair.workers:
        worker.rooms._valuations = Hopeless(worker.valuations)  # type: ignore[assignment]
    ada, bob = await pair.enter(0, 1), await pair.enter(1, 2)
    await pair.edit(0, WACC, 0.123)
    for person in (ada, bob):
        await person.sees(lambda who: who.worths and who.worths[-1].based_on_seq == 2)
        worth = person.worths[-1]
        assert worth.recorded is None
        assert worth.refused is not None
        assert worth.refused.code == "INFEASIBLE"
        assert [problem.path for problem in worth.refused.problems] == ["capital.wacc"]
    await pair.edit(1, WACC, 0.3)
    for person in (ada, bob):
        await person.sees(lambda who: who.worths[-1].recorded is not None)


class Hopeless:
    """Valuations, but with one WACC there is no value."""

    def __init__(self, kept: ValuationService) -> None:
        self.kept, self.find = kept, kept.find

    async def value(
        self, principal: Principal, kind: Any, inputs: Document, of: OfModel | None = None
    ) -> Recorded:
        if inputs["capital"]["wacc"] == 0.123:
            problem = Problem("capital.wacc", "CONTRADICTION", "It is 0.123.", "Take another.")
            raise Infeasible("There is no finite value here.", [problem])
        return await self.kept.value(principal, kind, inputs, of)


# Coming back


async def test_who_comes_back_gets_what_they_missed_and_no_model(both: Both) -> None:
    for number in range(10):
        await both.edit(number % 2, WACC, 0.1 + number / 100)
    back = await both.enter(0, 1, after=4)
    await back.sees(lambda who: len(who.edits) == 7)
    assert back.seqs == list(range(5, 12))
    first = back.batches[0]
    assert (first.model, first.resync, first.me is not None) == (None, False, True)
    assert (await both.enter(1, 1, after=11)).batches[0].edits == []
    assert (await both.enter(1, 1, after=0)).seqs == list(range(1, 12))


async def test_what_was_missed_comes_in_batches(
    here: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.room.BATCH", 20)  # of 256; that many edits take seconds
    for number in range(50):
        await here.edit(0, WACC, 0.1 + number / 1_000)
    back = await here.enter(1, 1, after=1)
    await back.sees(lambda who: len(who.edits) == 50)
    assert [len(batch.edits) for batch in back.batches if batch.edits] == [20, 20, 10]
    assert back.seqs == list(range(2, 52))


async def test_a_seq_from_nowhere_or_from_too_long_ago_is_a_resync(
    here: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collaboration, "BEHIND_MAX", 3)
    for number in range(5):
        await here.edit(0, WACC, 0.1 + number / 100)
    for after, resync in ((7, True), (2**31 - 1, True), (2, True), (3, False), (6, False)):
        person = await here.enter(0, 1, after=after)
        first = person.batches[0]
        assert first.resync is resync, after
        assert (first.model is not None) is resync
        assert first.members is not None
        if resync:
            assert (first.seq, first.edits) == (6, [])
            assert first.model is not None
            assert first.model.inputs["capital"]["wacc"] == pytest.approx(0.14)
        await person.leave()
    with pytest.raises(QueryInvalid):
        await anext(here.workers[0].rooms.join(Session(principal_of(1)), here.model.id, -1))


async def test_a_subscriber_who_stood_still_for_too_long_is_resynced(
    here: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.mailbox.BEHIND_MAX", 20)
    session = Session(principal_of(1))
    async with aclosing(here.workers[0].rooms.join(session, here.model.id)) as slow:
        await anext(slow)
        for number in range(30):
            await here.edit(0, WACC, 0.1 + number / 1_000)
        room = here.workers[0].rooms._rooms.get(RoomKey(principal_of(1).tenant_id, here.model.id))
        assert room is not None
        assert await room.reached(31)
        batch = await anext(slow)
        while not batch.resync:  # what was new before the edits
            batch = await anext(slow)
        assert batch.model is not None
        assert (batch.model.revision, batch.seq, list(batch.edits)) == (31, 31, [])
        assert batch.members is not None


# Who may


async def test_nobody_joins_a_model_that_is_not_there_or_not_theirs(both: Both) -> None:
    worker = both.workers[0]
    strangers = (
        (Session(principal_of(1)), uuid4()),
        (Session(principal_of(99, tenant_id=THEIRS)), both.model.id),
    )
    for session, model_id in strangers:
        with pytest.raises(NotFound):
            await anext(worker.rooms.join(session, model_id))
        for asked in (
            worker.rooms.move(session, model_id, Cursor("name")),
            worker.rooms.select(session, model_id, ["name"]),
            worker.rooms.move(session, model_id, Cursor("name"), "somebody"),
        ):
            with pytest.raises(NotFound):
                await asked
        assert session.participants == {}
    assert worker.rooms._rooms_of == {}
    assert list(worker.rooms._rooms) == []


async def test_a_role_that_may_not_join_is_refused(
    here: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await here.enter(0, 1, role=Role.VIEWER)
    monkeypatch.setitem(ALLOWED, Role.VIEWER, ALLOWED[Role.VIEWER] - {Action.JOIN_ROOM})
    rooms = here.workers[0].rooms
    with pytest.raises(Forbidden):
        await anext(rooms.join(Session(principal_of(1, Role.VIEWER)), here.model.id))
    with pytest.raises(Forbidden):
        await rooms.move(viewer.session, here.model.id, Cursor("name"))


async def test_who_has_left_the_tenant_does_not_join(here: Both) -> None:
    with pytest.raises(Forbidden):
        await anext(here.workers[0].rooms.join(Session(principal_of(77)), here.model.id))


async def test_rooms_of_two_tenants_never_meet(pair: Both) -> None:
    ada = await pair.enter(0, 1)
    other = RoomKey(THEIRS, pair.model.id)
    for worker in pair.workers:
        worker.rooms.ring(THEIRS, pair.model.id, 99)
        worker.rooms._rooms.ring(other, 99)
    await pair.edit(1, WACC, 0.2)
    await ada.sees(lambda who: who.seqs == [2])
    assert set(ada.members) == {ada.id}


# Moves


async def test_over_another_connection_a_member_moves_their_own_participant_and_no_other(
    pair: Both,
) -> None:
    ada, bob = await pair.enter(0, 1), await pair.enter(0, 2)
    for worker in pair.workers:  # one that has the room open, and one that has not
        rooms, request = worker.rooms, Session(principal_of(1))
        path = f"name{worker is pair.workers[0]}"
        assert await rooms.move(request, pair.model.id, Cursor(path), ada.id)
        await bob.sees(lambda who, path=path: who.cursors.get(ada.id) == Cursor(path))
        assert await rooms.select(request, pair.model.id, [path], ada.id)
        await bob.sees(lambda who, path=path: who.selections.get(ada.id) == (path,))
        for id_ in (bob.id, "nobody", ""):
            with pytest.raises(NotFound):
                await rooms.move(request, pair.model.id, Cursor("unit"), id_)
        with pytest.raises(NotFound):
            await rooms.move(request, pair.model.id, Cursor("unit"))
    assert bob.id not in ada.cursors


async def test_moves_beyond_thirty_a_second_are_dropped_and_said_to_be(here: Both) -> None:
    ada = await here.enter(0, 1)
    rooms = here.workers[0].rooms

    async def taken(session: Session, participant: str | None = None) -> int:
        return sum(
            [
                await rooms.move(session, here.model.id, Cursor("name"), participant)
                for _ in range(100)
            ]
        )

    assert await taken(ada.session) == 30
    assert await taken(Session(principal_of(1)), ada.id) == 0  # the same participant
    elsewhere = here.workers[1].rooms
    assert (
        30
        <= sum(
            [
                await elsewhere.move(
                    Session(principal_of(1)), here.model.id, Cursor("name"), ada.id
                )
                for _ in range(100)
            ]
        )
        <= 35
    )


async def test_a_place_that_is_none_is_refused(here: Both) -> None:
    ada = await here.enter(0, 1)
    rooms, session, model_id = here.workers[0].rooms, ada.session, here.model.id
    paths = ["", ".name", "a b", "x" * 201, "operations[", "name\n", "<script>", "operations..wacc"]
    for path in paths:
        with pytest.raises(QueryInvalid):
            await rooms.move(session, model_id, Cursor(path))
        with pytest.raises(QueryInvalid):
            await rooms.select(session, model_id, ["name", path])
    for x in (-0.1, 1.1, 1e308, float("nan"), float("inf")):
        with pytest.raises(QueryInvalid):
            await rooms.move(session, model_id, Cursor("name", x, 0.5))
        with pytest.raises(QueryInvalid):
            await rooms.move(session, model_id, Cursor("name", 0.5, x))
    with pytest.raises(QueryInvalid):
        await rooms.select(session, model_id, [f"a{number}" for number in range(101)])
    assert await rooms.select(session, model_id, [f"a{number}" for number in range(100)])
    assert await rooms.move(session, model_id, Cursor(None))
    assert await rooms.move(session, model_id, Cursor("operations.revenueGrowth.byYear[3]", 0, 1))


# Limits


async def test_a_connection_is_in_ten_rooms_at_most(here: Both) -> None:
    session = Session(principal_of(1))
    people = []
    for _ in range(ROOMS_MOST):
        model = await here.workers[0].make()
        people.append(await enter(here.workers[0], model, session=session))
    with pytest.raises(RateLimited, match="10 rooms at most"):
        await anext(here.workers[0].rooms.join(session, here.model.id))
    assert len(session.participants) == ROOMS_MOST
    await people[0].leave()
    assert len(session.participants) == ROOMS_MOST - 1
    people.append(await enter(here.workers[0], here.model, session=session))
    for person in people:
        await person.leave()
    assert session.participants == {}
    assert here.workers[0].rooms._rooms_of == {}


async def test_a_room_has_two_hundred_members_at_most(pair: Both) -> None:
    people = [await pair.enter(number % 2, 1 + number % 6) for number in range(MEMBERS_MAX)]
    for worker in pair.workers:
        with pytest.raises(RateLimited, match="200 are in it"):
            await anext(worker.rooms.join(Session(principal_of(1)), pair.model.id))
    await people[0].leave()

    async def fits() -> bool:
        joining = pair.workers[1].rooms.join(Session(principal_of(1)), pair.model.id)
        try:
            await anext(joining)
        except RateLimited:
            return False
        finally:
            await joining.aclose()
        return True

    await eventually(fits)
    assert sorted({who.colour for who in people[1].members.values()}) == list(range(6))


# Faults


async def test_a_doorbell_never_hurts_the_edit(here: Both) -> None:
    def broken(key: RoomKey, seq: int) -> None:
        raise OSError(key, seq)

    worker = here.workers[0]
    worker.rooms._doorbells.ring = broken  # type: ignore[method-assign]
    assert await worker.edit(here.model, WACC, 0.2) == 2
    assert "a doorbell was not rung" in worker.said.events


async def test_whoever_closes_says_goodbye(pair: Both) -> None:
    ada, bob = await pair.enter(0, 1), await pair.enter(1, 2)
    await ada.sees(lambda who: bob.id in who.members)
    await pair.workers[1].rooms.close()
    await ada.sees(lambda who: set(who.members) == {ada.id})


async def test_a_killed_and_a_stopped_redis_lose_no_edit_and_nobody(
    sqlite_place: Place, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.connection.TIMEOUT_S", 0.1)
    monkeypatch.setattr("collab.redis_backend.DEAD_AFTER_S", 2.5)
    await own_redis.answering()
    async with opened(sqlite_place.url) as database:
        await settle_team(database)
        async with both_of([database, database], own_redis.url) as both:
            ada, bob = await both.enter(0, 1), await both.enter(1, 2)
            await ada.sees(lambda who: bob.id in who.members)
            seq = 1

            async def edits() -> None:
                nonlocal seq
                for worker in (0, 1):
                    seq = await both.edit(worker, WACC, 0.1 + seq / 1_000)

            for fault in ("kill", "stop", "clients"):
                await edits()
                if fault == "kill":
                    own_redis.kill()
                    await eventually(lambda: not any(w.bus.up for w in both.workers))
                    await edits()
                    own_redis.start()
                elif fault == "stop":
                    own_redis.signal(signal.SIGSTOP)
                    await edits()
                    await eventually(lambda: not any(w.bus.up for w in both.workers))
                    await edits()
                    own_redis.signal(signal.SIGCONT)
                else:
                    for _ in range(5):
                        own_redis.ask(b"CLIENT KILL TYPE pubsub")
                        await edits()
                await eventually(lambda: all(w.bus.up for w in both.workers))
                await edits()
                for person in (ada, bob):
                    await person.sees(lambda who, last=seq: who.seqs == list(range(2, last + 1)))
                cursor = Cursor(f"operations.{fault}")

                async def moves(cursor: Cursor = cursor) -> bool:
                    return await both.workers[0].rooms.move(
                        ada.session, both.model.id, cursor
                    ) and (bob.cursors.get(ada.id) == cursor)

                await eventually(moves)
                for person in (ada, bob):
                    await person.sees(lambda who: set(who.members) == {ada.id, bob.id})
                    await person.sees(
                        lambda who, last=seq: who.worths and who.worths[-1].based_on_seq == last
                    )
            assert not any(batch.left for person in (ada, bob) for batch in person.batches)


async def test_without_a_redis_that_answers_two_workers_still_serve_their_own(
    sqlite_place: Place, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.connection.TIMEOUT_S", 0.1)
    await own_redis.answering()
    async with opened(sqlite_place.url) as database:
        await settle_team(database)
        async with both_of([database, database], own_redis.url) as both:
            own_redis.kill()
            await eventually(lambda: not any(w.bus.up for w in both.workers))
            ada, bob = await both.enter(0, 1), await both.enter(1, 2)
            cleo = await both.enter(0, 3)
            await both.edit(0, WACC, 0.2)
            for person in (ada, cleo, bob):  # bob by the audit
                await person.sees(lambda who: who.seqs == [2])
                await person.sees(lambda who: who.worths and who.worths[-1].based_on_seq == 2)
            assert set(ada.members) == {ada.id, cleo.id}
            own_redis.start()
            for person in (ada, bob, cleo):
                await person.sees(lambda who: set(who.members) == {ada.id, bob.id, cleo.id})
