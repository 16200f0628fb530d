"""Two official clients go through a model's room, on one server and on two workers over Redis."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from benchmarks.faults.sabotage import sabotaged
from services.principal import Role
from tests.dcf_documents import firm
from tests.flows.guests import EDIT, FOLLOW, GROWTH, Guest, having, opened
from tests.flows.meeting_places import MeetingPlace, on_postgresql, one_server, two_servers
from tests.mirror.store.conftest import postgres_roles
from tests.official_clients import Clients, clients_of, folder
from tests.terminals import Terminal, running

__all__ = ["folder", "postgres_roles"]

pytestmark = pytest.mark.anyio

TRIALS: Final = 5_000_000  # as many as the plan allows
CREATE: Final = """mutation ($input: CreateModelInput!) {
  createModel(input: $input) { ... on FinancialModel { id revision } } }"""
MOVE: Final = """mutation ($modelId: ID!, $cursor: CursorInput!) {
  moveCursor(modelId: $modelId, cursor: $cursor) }"""
SELECT: Final = """mutation ($modelId: ID!, $paths: [String!]!) {
  select(modelId: $modelId, paths: $paths) }"""
RENEW: Final = """mutation ($token: String!) {
  renewSession(token: $token) { __typename ... on Session { expiresAt } } }"""
START: Final = """mutation ($input: StartSimulationInput!) {
  startSimulation(input: $input) { ... on Run { id } ... on Refusal { code message } } }"""
PROGRESS: Final = """subscription ($id: ID!) { runProgress(id: $id) {
  state trialsDone trials percentiles { level low high } result { mean } refusal { code } } }"""
APART: Final = pytest.mark.parametrize(  # for what takes seconds
    "place", ["memory, SQLite", "Redis, PostgreSQL"], indirect=True
)
FORGETFUL: Final = "memory, SQLite, no-idempotency"  # a server with that sabotage
BY_ID: Final = {f"sha256:{sha256(text.encode()).hexdigest()}": text for text in (FOLLOW, EDIT)}


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The setting of a server that knows two documents by their hashes."""
    file = tmp_path_factory.mktemp("trusted") / "documents.json"
    file.write_text(json.dumps(BY_ID), "utf-8")
    return {"VALOR_TRUSTED_DOCUMENTS": str(file)}


@pytest.fixture(
    scope="module",
    params=["memory, SQLite", "Redis, SQLite", "Redis, PostgreSQL"],
)
def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    trusting: dict[str, str],
) -> Iterator[MeetingPlace]:
    home = tmp_path_factory.mktemp("meeting")
    if request.param.startswith("memory"):
        sabotage = "no-idempotency" if request.param == FORGETFUL else None
        with one_server(home, **trusting, **sabotaged(sabotage)) as place:
            yield place
        return
    redis_url = request.getfixturevalue("redis_url")
    with ExitStack() as stack:
        database = {}
        if request.param.endswith("PostgreSQL"):
            request.getfixturevalue("postgres_roles")
            database = stack.enter_context(on_postgresql(request.getfixturevalue("postgres_url")))
        yield stack.enter_context(two_servers(home, redis_url, **trusting, **database))


@pytest.fixture
async def clients(folder: Path, place: MeetingPlace) -> AsyncIterator[Clients]:
    await place.whole()
    async with clients_of(folder, f"{place.shared}/graphql") as clients:
        yield clients


async def model(place: MeetingPlace, clients: Clients) -> str:
    """The id of a new one."""
    maker = opened(clients, "maker", place.origins[0], place.token(Role.OWNER))
    made = await maker.ask(CREATE, input={"name": "Orchard", "inputs": {"dcf": firm()}})
    assert made["revision"] == 1
    id_: str = made["id"]
    return id_


@pytest.fixture
async def pair(place: MeetingPlace, clients: Clients) -> tuple[Guest, Guest]:
    """Two members at two workers, where there are two; nobody is in the room yet."""
    id_ = await model(place, clients)
    ada, bob = (
        opened(clients, name, origin, place.token(role), id_)
        for name, origin, role in zip(
            ("ada", "bob"), place.origins, (Role.ANALYST, Role.OWNER), strict=True
        )
    )
    return ada, bob


async def test_each_sees_the_other_come_point_select_edit_and_leave(
    pair: tuple[Guest, Guest],
) -> None:
    ada, bob = pair
    ada.come()
    first = await ada.me()
    bob.come()
    second = await bob.me()
    begin = bob.batches()[0]
    assert (begin["seq"], begin["resync"], begin["model"]) == (1, False, {"revision": 1})
    assert {each["id"] for each in begin["members"]} == {first, second}
    came = await ada.sees(lambda batch: batch["joined"])
    assert came["joined"] == [{"id": second, "member": {"name": "Owner"}}]

    for mover, watcher, id_ in ((ada, bob, first), (bob, ada, second)):
        cursor = {"path": GROWTH, "x": 0.25, "y": 0.5}
        assert await mover.ask(MOVE, modelId=mover.model_id, cursor=cursor) is True
        await watcher.sees(having("cursors", {"participant": id_, **cursor}))
        assert await mover.ask(SELECT, modelId=mover.model_id, paths=[GROWTH, "bridge"]) is True
        await watcher.sees(having("selections", {"participant": id_, "paths": [GROWTH, "bridge"]}))

    edited = await ada.edit(0.01, "first")
    assert edited["model"] == {"revision": 2}
    worth = []
    for guest in pair:
        batch = await guest.sees(lambda batch: batch["edits"])
        assert batch["seq"] == 2
        assert batch["edits"] == [
            {
                "revision": 2,
                "operationId": "first",
                "author": {"name": "Analyst"},
                "changes": [{"path": GROWTH, "from": 0.0, "to": 0.01}],
            }
        ]
        valued = await guest.sees(lambda batch: batch["valuation"])
        assert valued["valuation"]["basedOnSeq"] == 2
        worth.append(valued["valuation"]["valuation"])
    assert worth[0] == worth[1]
    assert worth[0]["valuePerShare"] > 11.0  # what it was worth without growth

    room, gone = "room", second
    for attempt in range(1, 6):
        began = time.monotonic()
        bob.clients.do("stop", "bob", id=room)
        batch = await ada.sees(having("left", gone))
        took_s = time.monotonic() - began
        assert batch["left"] == [gone]
        if took_s < 1.0:  # as docs/rooms.md promises
            break
        room = f"room {attempt}"  # unless the machine stood still meanwhile
        bob.come(room)
        gone = (await bob.sees(lambda batch: batch["me"], room))["me"]["id"]
    assert took_s < 1.0


async def test_a_stale_base_is_refused_and_a_repeat_of_what_was_done_is_not(
    pair: tuple[Guest, Guest],
) -> None:
    ada, bob = pair
    first = await ada.edit(0.01, "mine", baseRevision=1)
    stale = await bob.edit(0.02, "late", baseRevision=1)
    assert stale == {
        "code": "CONFLICT",
        "conflicts": [{"path": GROWTH, "value": 0.01, "revision": 2}],
    }
    assert (await bob.edit(0.03, "later", baseRevision=2))["model"] == {"revision": 3}
    assert await ada.edit(0.01, "mine", baseRevision=1) == first  # though that is stale by now


async def repeats_do_nothing(place: MeetingPlace, pair: tuple[Guest, Guest]) -> None:
    """Check that an operation's id stands for one thing, done once, at whichever worker."""
    ada, bob = pair
    for guest in pair:
        guest.come()
        await guest.me()
    token = place.token(Role.ANALYST)
    elsewhere = opened(ada.clients, "ada elsewhere", place.origins[1], token, ada.model_id)
    # No edit names its base: nothing but its id stands in the way of doing it again.
    first = await ada.edit(0.01, "once")
    await bob.edit(0.02, "between")
    repeat = await elsewhere.edit(0.01, "once")
    reuse = await elsewhere.edit(0.03, "once")
    await ada.edit(0.04, "last")
    for guest in pair:
        await guest.sees(lambda batch: "last" in [edit["operationId"] for edit in batch["edits"]])
    came = {
        "first answer": repeat == first,
        "other content": reuse.get("code"),
        "done": [guest.changes() for guest in pair],
    }
    done = [(2, 0, 0.01), (3, 0.01, 0.02), (4, 0.02, 0.04)]
    once = {
        "first answer": True,
        "other content": "IDEMPOTENCY_KEY_REUSED",
        "done": [done, done],
    }
    assert came == once, f"an operation was repeated, and {came}"


async def test_a_repeat_is_not_done_twice_and_gets_its_first_answer_at_any_worker(
    place: MeetingPlace, pair: tuple[Guest, Guest]
) -> None:
    await repeats_do_nothing(place, pair)


@pytest.mark.parametrize("place", [FORGETFUL], indirect=True)
async def test_a_server_that_forgets_operation_ids_does_not_pass_the_check_of_repeats(
    place: MeetingPlace, pair: tuple[Guest, Guest]
) -> None:
    repeated = [(4, 0.02, 0.01), (5, 0.01, 0.03)]
    done = [(2, 0, 0.01), (3, 0.01, 0.02), *repeated, (6, 0.03, 0.04)]
    came = {"first answer": False, "other content": None, "done": [done, done]}
    with pytest.raises(AssertionError, match=re.escape(f"an operation was repeated, and {came}")):
        await repeats_do_nothing(place, pair)


async def test_a_run_that_was_started_at_one_is_followed_to_its_end_at_the_other(
    pair: tuple[Guest, Guest],
) -> None:
    ada, bob = pair
    normal = {"normal": {"standardDeviation": 0.02}}
    # So many that it still goes on when it is followed, however busy this machine is.
    spec = {"trials": TRIALS, "seed": 1, "shocks": [{"path": GROWTH, "distribution": normal}]}
    source = {"model": {"model": bob.model_id}}
    run = await bob.ask(START, input={"source": source, "spec": spec})
    request = {"query": PROGRESS, "variables": run}
    ada.clients.do("follow", "ada", id="run", request=request)
    await ada.clients.wait("ada", "complete", id="run")
    told = ada.clients.told("ada", "next", id="run")
    steps = [each["value"]["data"]["runProgress"] for each in told]
    assert steps[-1]["state"] == "DONE", steps[-1]
    assert steps[-1]["trialsDone"] == TRIALS
    assert steps[-1]["result"]["mean"] > 0
    known = [step for step in steps if step["percentiles"]]
    widths = [step["percentiles"][0]["high"] - step["percentiles"][0]["low"] for step in known]
    assert widths[-1] < widths[0]


async def test_documents_that_are_trusted_are_followed_and_asked_by_their_ids(
    pair: tuple[Guest, Guest],
) -> None:
    ada, _ = pair
    follow, edit = BY_ID
    # The official client sends nothing without a `query`, so it has an empty one.
    request = {"query": "", "documentId": follow, "variables": {"modelId": ada.model_id}}
    ada.clients.do("follow", "ada", id="room", request=request)
    await ada.me()
    edits = [{"path": GROWTH, "value": {"number": 0.01}}]
    given = {"id": ada.model_id, "operationId": "by-id", "edits": edits}
    request = {"query": "", "documentId": edit, "variables": given}
    ada.clients.do("follow", "ada", id="edit", request=request)
    (answer,) = await ada.clients.wait("ada", "next", id="edit")
    assert answer["value"]["data"]["editModel"]["model"] == {"revision": 2}
    await ada.sees(lambda batch: batch["edits"])


@APART
async def test_a_session_that_was_renewed_stays_in_the_room(
    place: MeetingPlace, clients: Clients
) -> None:
    id_ = await model(place, clients)
    ada, lifetime = await renewed_in_time(place, clients, id_)
    # It is of the same length and begins later, so when it has ended Ada's first one has long ago.
    bob = opened(clients, "bob", place.origins[1], place.token(Role.ANALYST, lifetime), id_)
    bob.come()
    await clients.wait("bob", "closed", code=4403)
    before = len([batch for batch in bob.batches() if batch["me"]])
    clients.do("token", "bob", token=place.token(Role.ANALYST))
    await bob.sees(lambda _: len([batch for batch in bob.batches() if batch["me"]]) > before)
    await bob.edit(0.01, "again")
    await ada.sees(lambda batch: batch["edits"])
    assert not clients.told(ada.name, "closed")


async def renewed_in_time(
    place: MeetingPlace, clients: Clients, id_: str
) -> tuple[Guest, timedelta]:
    """A guest who renewed its first token before that ended, and how long that was.

    How long a machine takes to let somebody in is not known before, and a token of an hour would
    keep everybody waiting: whoever was too late comes again, with one of twice the length.
    """
    for seconds in (2, 4, 8, 16):
        lifetime = timedelta(seconds=seconds)
        token = place.token(Role.ANALYST, lifetime)
        ada = opened(clients, f"ada {seconds}", place.origins[0], token, id_)
        ada.come()
        came = asyncio.create_task(_renewed(ada, place))
        late = asyncio.create_task(clients.wait(ada.name, "closed"))
        await asyncio.wait({came, late}, return_when=asyncio.FIRST_COMPLETED)
        in_time = came.done() and not clients.told(ada.name, "closed")
        for task in (came, late):
            task.cancel()
        await asyncio.gather(came, late, return_exceptions=True)
        if in_time:
            came.result()
            return ada, lifetime
        clients.do("dispose", ada.name)
    raise AssertionError("nobody was let in within 16 s")


async def _renewed(guest: Guest, place: MeetingPlace) -> None:
    await guest.me()
    renewed = await guest.ask(RENEW, token=place.token(Role.ANALYST))
    assert renewed["__typename"] == "Session"


async def test_who_is_told_that_the_server_stops_comes_back_and_misses_nothing(
    place: MeetingPlace, clients: Clients
) -> None:
    id_ = await model(place, clients)
    ada = opened(clients, "ada", place.shared, place.token(Role.ANALYST), id_)
    ada.come(keep=True)
    await ada.me()
    bob = opened(clients, "bob", await place.beside(), place.token(Role.OWNER), id_)
    bob.come(keep=True)
    await bob.me()
    await bob.edit(0.01, "before")
    await ada.sees(lambda batch: batch["seq"] == 2)
    await asyncio.to_thread(place.stop)
    (closed, *_) = await clients.wait("ada", "closed")
    assert closed["code"] == 1012
    await place.whole()
    clients.do("token", "ada", token=place.token(Role.ANALYST))
    clients.do("token", "bob", token=place.token(Role.OWNER))
    await clients.wait("ada", "connected", 2)
    await bob.edit(0.02, "after")
    for guest in (ada, bob):
        await guest.sees(lambda batch: batch["seq"] == 3)
        assert guest.edits() == [2, 3]


async def test_who_is_cut_off_comes_back_by_itself_and_nothing_is_lost_or_doubled(
    place: MeetingPlace, clients: Clients
) -> None:
    id_ = await model(place, clients)
    ada = opened(clients, "ada", place.shared, place.token(Role.ANALYST), id_)
    ada.come("kept", keep=True)
    ada.come("plain", after=1)
    await ada.sees(lambda batch: batch["me"], "kept")
    await ada.sees(lambda batch: batch["me"], "plain")
    bob = opened(clients, "bob", await place.beside(), place.token(Role.OWNER), id_)
    bob.come()
    await bob.me()
    for revision in (2, 3):
        await bob.edit(revision / 1000, f"{revision}")
    for how in ("kept", "plain"):
        await ada.sees(lambda batch: batch["seq"] == 3, how)
    clients.do("hold", "ada")
    place.cut()
    await clients.wait("ada", "closed")
    for revision in (4, 5, 6):  # while nobody tells her
        await bob.edit(revision / 1000, f"{revision}")
    clients.do("token", "ada", token=place.token(Role.ANALYST))
    await bob.edit(0.007, "7")
    for how in ("kept", "plain"):
        await ada.sees(lambda batch: batch["seq"] == 7, how)
    assert ada.edits("kept") == [2, 3, 4, 5, 6, 7]
    assert ada.edits("plain") == [2, 3, 2, 3, 4, 5, 6, 7]  # it asked again for all after 1
    assert not [batch for batch in ada.batches("kept") if batch["resync"]]
    answer = await ada.edit(0.008, "8")
    assert answer["model"] == {"revision": 8}
    await bob.sees(lambda batch: batch["seq"] == 8)
    assert bob.edits() == [2, 3, 4, 5, 6, 7, 8]


@APART
async def test_a_terminal_that_is_cut_off_comes_back_by_itself_and_tells_each_edit_once(
    place: MeetingPlace, clients: Clients, tmp_path: Path
) -> None:
    id_ = await model(place, clients)
    with joined(tmp_path, id_, place.shared, place.token(Role.ANALYST)) as ada:
        beside = await place.beside()
        with joined(tmp_path, id_, beside, place.token(Role.OWNER)) as bob:
            ada.until("out", "Owner came")
            bob.type(f"move {GROWTH}")
            ada.until("out", f"Owner points at {GROWTH}")
            bob.type(f"set {GROWTH} 1%")
            ada.until("out", "(revision 2)")
            place.cut()
            ada.until("out", "I try again")
            bob.type(f"set {GROWTH} 2%")
            ada.until("out", "(revision 3)")
            ada.type(f"set {GROWTH} 3%")
            for guest in (ada, bob):
                told = guest.until("out", "(revision 4)")
                assert [told.count(f"(revision {number})") for number in (2, 3, 4)] == [1, 1, 1]
            assert "Here again" in ada.printed["out"]
            bob.type("quit")
            ada.until("out", "Owner left")
            assert ada.printed["err"] == bob.printed["err"] == ""


@contextmanager
def joined(home: Path, model_id: str, origin: str, token: str) -> Iterator[Terminal]:
    with running(home, "join", model_id, "--url", origin, "--token", token) as guest:
        guest.until("out", "With you: ")
        yield guest
