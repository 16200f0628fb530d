"""What the page on rooms shows takes place as it is shown."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from websockets.exceptions import ConnectionClosed

from collab.directory import LEASE_S, MEMBERS_MAX
from collab.mailbox import BATCH, BEHIND_MAX
from collab.pace import PER_SECOND
from collab.room import RENEW_S, TICK_S
from services.collaboration import PATHS_MOST, ROOMS_MOST
from services.doorbells import AUDIT_S
from services.principal import Role
from services.recalculation import LONGEST_S, PAUSE_S
from services.shapes import PATH_MOST
from store.database import Database
from store.tenants import MemberRecord, Tenants
from tests.node import installed, node
from tests.pages import DOCS, EXAMPLES, FENCE, blocks, table, text_of
from tests.served import OURS, Served, served
from tests.sockets import WITHIN_S, Talk, talking, until

pytestmark = pytest.mark.anyio

PAGE: Final = DOCS / "rooms.md"
SOURCES: Final = Path(__file__).parent / "graphql_ws"
PEOPLE: Final = {"Ada": UUID(int=101), "Bob": UUID(int=102)}
LINE: Final = re.compile(r"(?P<who>\w+) (?P<way>→|←|leaves) ?(?P<name>[A-Z]\w*)? ?(?P<json>.*)")
QUIET: Final = (None, [], False)

CREATE: Final = """mutation ($input: CreateModelInput!) {
  createModel(input: $input) { ... on FinancialModel { id } ... on Refusal { code message } }
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("rooms")) as server:
        asyncio.run(settle(server))
        yield server


async def settle(server: Served) -> None:
    """Ada and Bob, analysts of ours."""
    database = Database.open(server.parts.settings.database_url)
    try:
        ours = await Tenants(database).find(OURS)
        assert ours is not None
        people = [
            MemberRecord(id=id_, subject=name.lower(), name=name, role=Role.ANALYST)
            for name, id_ in PEOPLE.items()
        ]
        await Tenants(database).ensure(ours, people)
    finally:
        await database.close()


@pytest.fixture(scope="module")
def model(server: Served) -> str:
    """The id of the model that the page is about."""
    inputs = json.loads((EXAMPLES / "apple.json").read_text("utf-8"))
    with server.caller() as caller:
        made = caller.data(CREATE, {"input": {"name": "Apple", "inputs": {"dcf": inputs}}})
    id_: str = made["createModel"]["id"]
    return id_


def token(server: Served, name: str) -> str:
    return server.issuer.issue(OURS, PEOPLE[name], Role.ANALYST, timedelta(hours=1))


class Person:
    """One socket, whose messages are kept apart by their operations."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._heard: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self.following = self.asking = ""

    async def listen(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                message = json.loads(await self._talk.socket.recv())
                if message["type"] == "ping":
                    await self._talk.say("pong")
                else:
                    await self._heard[message["id"]].put(message)

    async def ask(self, query: str, variables: dict[str, Any]) -> None:
        id_ = str(len(self._heard))
        self._heard[id_] = asyncio.Queue()
        if query.startswith("subscription"):
            self.following = id_
        else:
            self.asking = id_
        await self._talk.subscribe(id_, query, **variables)
        if id_ == self.following:  # in the room from the first batch on
            await until(lambda: not self._heard[id_].empty())

    async def answer(self) -> Any:
        """Of the mutation that was asked, or the next batch in which something stands."""
        id_, self.asking = self.asking or self.following, ""
        while True:
            async with asyncio.timeout(WITHIN_S):
                message = await self._heard[id_].get()
            payload = message["payload"]
            assert "errors" not in payload, payload
            assert message["type"] == "next", message
            (answer,) = payload["data"].values()
            if id_ != self.following or any(
                value not in QUIET for name, value in answer.items() if name != "seq"
            ):
                return answer


def documents() -> dict[str, str]:
    """The documents of the page, by the names of their operations."""
    return {body.split()[1].partition("(")[0]: body for body in blocks(PAGE, "graphql")}


def scenes() -> list[list[str]]:
    """The lines that are said in each section."""
    found = []
    for section in text_of(PAGE).split("\n## ")[1:]:
        talks = [body for language, body in FENCE.findall(section) if language == "talk"]
        if talks:
            found.append("".join(talks).strip().splitlines())
    return found


def as_shown(shown: Any, heard: Any) -> Any:
    """What was heard, with “…” wherever the page shows that for something."""
    if shown == "…":
        return shown if heard else heard
    if isinstance(shown, dict) and isinstance(heard, dict):
        return {key: as_shown(shown.get(key), value) for key, value in heard.items()}
    if isinstance(shown, list) and isinstance(heard, list) and len(shown) == len(heard):
        return [as_shown(*pair) for pair in zip(shown, heard, strict=True)]
    return heard


def valued_at(batch: Any) -> float:
    """The revision whose value it brings; none: later than any."""
    valuation = batch.get("valuation") if isinstance(batch, dict) else None
    return valuation["basedOnSeq"] if valuation else inf


@asynccontextmanager
async def connected(server: Served, name: str) -> AsyncIterator[Person]:
    async with talking(server.origin, token(server, name)) as talk:
        person = Person(talk)
        listening = asyncio.create_task(person.listen())
        try:
            yield person
        finally:
            listening.cancel()


async def test_every_talk_takes_place_in_the_order_of_the_page(server: Served, model: str) -> None:
    known = documents()
    assert len(scenes()) == 5
    for lines in scenes():
        async with AsyncExitStack() as stack:
            people: dict[str, Person] = {}
            leaving: dict[str, AsyncExitStack] = {}
            for line in lines:
                found = LINE.fullmatch(line)
                assert found is not None, line
                who = found["who"]
                if who not in people:
                    leaving[who] = await stack.enter_async_context(AsyncExitStack())
                    people[who] = await leaving[who].enter_async_context(connected(server, who))
                if found["way"] == "→":
                    given = json.loads(found["json"] or "{}")
                    await people[who].ask(known[found["name"]], {"modelId": model, **given})
                elif found["way"] == "←":
                    shown = json.loads(found["json"])
                    heard = await people[who].answer()
                    while valued_at(heard) < valued_at(shown):  # an edit of the scene before
                        heard = await people[who].answer()
                    assert as_shown(shown, heard) == shown, line
                else:
                    await leaving[who].aclose()
                    del people[who]


def test_the_program_that_is_shown_misses_nothing_when_its_connection_breaks(
    server: Served, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = ("package.json", "package-lock.json", "client.mjs")
    folder = installed(SOURCES, files, pytestconfig, tmp_path_factory)
    inputs = json.loads((EXAMPLES / "apple.json").read_text("utf-8"))
    with server.caller() as caller:
        made = caller.data(CREATE, {"input": {"name": "Again", "inputs": {"dcf": inputs}}})
    (program,) = blocks(PAGE, "js")
    program = program.replace("127.0.0.1:8000", server.origin.removeprefix("http://"))
    # The tab's own: it edits three times, and its connection breaks after the first.
    program = (
        f"""
        let edits = 0;
        const token = () => {token(server, "Ada")!r};
        const modelId = () => {made["createModel"]["id"]!r};
        const edit = async () => {{
          const query = `mutation ($id: ID!, $op: ID!, $to: Float!) {{ editModel(id: $id,
            operationId: $op, edits: [{{path: "terminal.gordon.growth", value: {{number: $to}}}}]
          ) {{ __typename }} }}`;
          const variables = {{ id: modelId(), op: `again-${{++edits}}`, to: 0.02 + edits / 1000 }};
          const response = await fetch("{server.graphql}", {{
            method: "POST",
            headers: {{ authorization: `Bearer ${{token()}}`, "content-type": "application/json" }},
            body: JSON.stringify({{ query, variables }}),
          }});
          const answer = await response.json();
          if (!answer.data) throw new Error(JSON.stringify(answer));
        }};
        const begin = (model) => {{ console.log("model", model.revision); edit(); }};
        const apply = async (edit_) => {{
          console.log("edit", edit_.revision);
          if (edit_.revision === 2) {{ client.terminate(); await edit(); await edit(); }}
          if (edit_.revision === 4) client.dispose();
        }};
        """
        + program
    )
    done = subprocess.run(
        [node(), "--input-type=module", "-"],
        cwd=folder,
        input=program,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["model 1", "edit 2", "edit 3", "edit 4"]


def test_limits_are_told_as_they_are() -> None:
    told = {row[0]: row[1] for row in table(PAGE, "what | how much | then")}
    assert told["participants of a room"] == f"{MEMBERS_MAX}"
    assert told["rooms of a connection"] == f"{ROOMS_MOST}"
    assert told["`moveCursor` of a participant"] == f"{PER_SECOND} in any second"
    assert told["`select` of a participant"] == f"{PER_SECOND} in any second"
    assert told["paths of a selection"] == f"{PATHS_MOST}"
    assert told["characters of a path"] == f"{PATH_MOST}"
    assert told["edits of a batch"] == f"{BATCH}"
    assert told["revisions that are caught up with"] == f"{BEHIND_MAX:,}"
    page = text_of(PAGE)
    assert f"nobody has edited for {PAUSE_S * 1_000:g} ms" in page
    assert f"every {LONGEST_S * 1_000:g} ms while" in page
    assert f"last {LEASE_S:g} s and are renewed every {RENEW_S:g} s" in page
    assert round(1 / TICK_S) == 30
    assert "thirty batches a second" in page
    assert AUDIT_S == 2.0
    assert "within about two seconds" in page
