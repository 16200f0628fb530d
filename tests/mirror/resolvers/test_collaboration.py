"""A batch in the schema's words, whole, and the noes of rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest

from services.principal import Role
from tests.dcf_documents import firm
from tests.served import MEMBERS, THEIRS, Served, served
from tests.sockets import WITHIN_S, Talk, talking

pytestmark = pytest.mark.anyio

EVERYTHING: Final = """subscription ($model: ID!, $after: Int) {
  collaboration(modelId: $model, after: $after) {
    me { ...who } seq resync
    model { id name revision inputs }
    members { ...who } joined { ...who } left
    cursors { participant path x y }
    selections { participant paths }
    edits { revision operationId verb author { name } at changes { path label from to text } }
    valuation {
      basedOnSeq
      valuation { __typename id resultHash ... on DcfValuation { valuePerShare } }
      refusal { code message issues { path } }
    }
  }
}
fragment who on Participant { id colour member { id name role } }"""
MOVE: Final = """mutation ($model: ID!, $cursor: CursorInput!, $who: ID) {
  moveCursor(modelId: $model, cursor: $cursor, participant: $who)
}"""
SELECT: Final = """mutation ($model: ID!, $paths: [String!]!, $who: ID) {
  select(modelId: $model, paths: $paths, participant: $who)
}"""
EDIT: Final = """mutation ($model: ID!, $op: ID!, $to: Float!) {
  editModel(id: $model, operationId: $op, edits: [{path: "capital.wacc", value: {number: $to}}]) {
    __typename
  }
}"""
CREATE: Final = """mutation ($input: CreateModelInput!) {
  createModel(input: $input) { ... on FinancialModel { id } ... on Refusal { message } }
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("rooms")) as server:
        yield server


@pytest.fixture
def model(server: Served) -> str:
    with server.caller() as caller:
        made = caller.data(CREATE, {"input": {"name": "Firm", "inputs": {"dcf": firm()}}})
    id_: str = made["createModel"]["id"]
    return id_


async def batch_with(talk: Talk, id_: str, *fields: str) -> dict[str, Any]:
    """The next batch in which all of these stand."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            message = await talk.hear_of(id_)
            assert message["type"] == "next", message
            assert "errors" not in message["payload"], message
            batch: dict[str, Any] = message["payload"]["data"]["collaboration"]
            if all(batch[field] for field in fields):
                return batch


def code_of(payload: Any) -> str:
    (error,) = payload if isinstance(payload, list) else payload["errors"]
    code: str = error["extensions"]["code"]
    return code


async def test_a_whole_room_in_the_schemas_words(server: Served, model: str) -> None:
    async with (
        talking(server.origin, server.token(Role.ANALYST)) as ada,
        talking(server.origin, server.token(Role.VIEWER)) as eve,
    ):
        await ada.subscribe("room", EVERYTHING, model=model)
        first = await batch_with(ada, "room", "me")
        me = first["me"]
        assert (me["colour"], me["member"]["name"], me["member"]["role"]) == (
            0,
            "Analyst",
            "ANALYST",
        )
        assert first["members"] == [me]
        assert first["model"] == {
            "id": model,
            "name": "Firm",
            "revision": 1,
            "inputs": first["model"]["inputs"],
        }
        assert first["model"]["inputs"]["capital"]["wacc"] == firm()["capital"]["wacc"]
        assert (first["seq"], first["resync"], first["left"], first["joined"]) == (1, False, [], [])
        assert (first["cursors"], first["selections"], first["edits"]) == ([], [], [])
        assert first["valuation"] is None

        await eve.subscribe("room", EVERYTHING, model=model)
        (seen,) = (await batch_with(ada, "room", "joined"))["joined"]
        assert (seen["colour"], seen["member"]["role"]) == (1, "VIEWER")
        moved = await eve.ask(
            "move", MOVE, model=model, cursor={"path": "capital.wacc", "x": 0.5, "y": 1}
        )
        assert moved == {"data": {"moveCursor": True}}
        assert (await batch_with(ada, "room", "cursors"))["cursors"] == [
            {"participant": seen["id"], "path": "capital.wacc", "x": 0.5, "y": 1.0}
        ]
        chosen = await eve.ask("select", SELECT, model=model, paths=["capital.wacc", "name"])
        assert chosen == {"data": {"select": True}}
        assert (await batch_with(ada, "room", "selections"))["selections"] == [
            {"participant": seen["id"], "paths": ["capital.wacc", "name"]}
        ]

        await ada.subscribe("edit", EDIT, model=model, op="1", to=0.2)
        batch = await batch_with(eve, "room", "edits")
        (edit,) = batch["edits"]
        assert (edit["revision"], edit["operationId"], edit["verb"]) == (2, "1", "EDIT")
        assert edit["author"] == {"name": "Analyst"}
        (change,) = edit["changes"]
        assert (change["path"], change["label"], change["to"]) == ("capital.wacc", "WACC", 0.2)
        if batch["valuation"] is None:  # it may come with the edit, or after it
            batch = await batch_with(eve, "room", "valuation")
        worth = batch["valuation"]
        assert (worth["basedOnSeq"], worth["refusal"]) == (2, None)
        assert worth["valuation"]["__typename"] == "DcfValuation"
        assert worth["valuation"]["valuePerShare"] > 0
        with server.caller() as caller:
            asked = "mutation ($id: ID!) { valueModel(id: $id) { ... on DcfValuation { id } } }"
            same = caller.data(asked, {"id": model})["valueModel"]
        assert same["id"] == worth["valuation"]["id"]

        await eve.say("complete", id="room")
        assert (await batch_with(ada, "room", "left"))["left"] == [seen["id"]]


async def test_over_http_one_says_who_one_is(server: Served, model: str) -> None:
    async with talking(server.origin, server.token(Role.ANALYST)) as ada:
        await ada.subscribe("room", EVERYTHING, model=model)
        me = (await batch_with(ada, "room", "me"))["me"]["id"]
        move = {"model": model, "cursor": {"path": "name"}}
        with server.caller(Role.ANALYST) as same, server.caller(Role.OWNER) as other:
            assert same.data(MOVE, move | {"who": me}) == {"moveCursor": True}
            for caller, given in ((same, {}), (same, {"who": "me"}), (other, {"who": me})):
                assert code_of(caller.ask(MOVE, move | given)) == "NOT_FOUND"
        with server.caller(Role.ANALYST, THEIRS) as foreign:
            assert code_of(foreign.ask(MOVE, move | {"who": me})) == "NOT_FOUND"
        assert (await batch_with(ada, "room", "cursors"))["cursors"] == [
            {"participant": me, "path": "name", "x": None, "y": None}
        ]


async def test_what_cannot_be_is_said_in_codes_of_the_schema(server: Served, model: str) -> None:
    async with talking(server.origin, server.token()) as talk:
        await talk.subscribe("room", EVERYTHING, model=model)
        await batch_with(talk, "room", "me")
        wrong: list[tuple[str, dict[str, Any]]] = [
            (MOVE, {"cursor": {"path": "a b"}}),
            (MOVE, {"cursor": {"path": "x" * 201}}),
            (MOVE, {"cursor": {"x": 2.0}}),
            (SELECT, {"paths": ["name", ""]}),
            (SELECT, {"paths": ["name"] * 101}),
        ]
        for number, (document, given) in enumerate(wrong):
            assert code_of(await talk.ask(f"{number}", document, model=model, **given)) == (
                "QUERY_INVALID"
            )
        for after in (-1, -(2**31)):
            answer = await talk.ask(f"after {after}", EVERYTHING, model=model, after=after)
            assert code_of(answer) == "QUERY_INVALID"
        for no_model in ("", "x", model[:-2], MEMBERS[Role.OWNER].hex):
            answer = await talk.ask(f"no {no_model}", EVERYTHING, model=no_model)
            assert code_of(answer) == "NOT_FOUND"
        # Nothing of it has ended the room.
        await talk.ask("move", MOVE, model=model, cursor={"path": "name"})
        assert (await batch_with(talk, "room", "cursors"))["cursors"]


async def test_a_model_that_is_another_tenants_has_no_room(server: Served, model: str) -> None:
    async with talking(server.origin, server.token(tenant_id=THEIRS)) as stranger:
        assert code_of(await stranger.ask("room", EVERYTHING, model=model)) == "NOT_FOUND"
        moved = await stranger.ask("move", MOVE, model=model, cursor={"path": "name"})
        assert code_of(moved) == "NOT_FOUND"


async def test_presence_is_counted_apart_from_the_api(server: Served, model: str) -> None:
    def counted() -> dict[str, int]:
        watch = server.parts.watch
        return {status.objective.name: status.live.valid for status in watch.slo_status()}

    async with talking(server.origin, server.token()) as talk:
        await talk.subscribe("room", EVERYTHING, model=model)
        await batch_with(talk, "room", "me")
        before = counted()
        for number in range(5):
            await talk.ask(f"m{number}", MOVE, model=model, cursor={"path": "name"})
            await talk.ask(f"s{number}", SELECT, model=model, paths=["name"])
        after = counted()
    assert after["move-cursor-fast"] == before["move-cursor-fast"] + 5
    assert after["api-availability"] == before["api-availability"]
    assert after["api-latency"] == before["api-latency"]
