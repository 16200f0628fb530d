"""Documents by their hash, over HTTP, over sockets and in event streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.served import Caller, Served, served
from tests.sockets import talking

pytestmark = pytest.mark.anyio

KNOWN = "query Who { viewer { role } }"
CHANGE = 'mutation Renew { renewSession(token: "x") { ... on Refusal { code } } }'
FREE = "{ viewer { role } }"
BROKEN = "{ viewer { nothing } }"
ROLE = {"viewer": {"role": "ANALYST"}}


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module", params=["any", "trusted"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp(request.param)
    file = folder / "documents.json"
    file.write_text(json.dumps({hash_of(text): text for text in (KNOWN, CHANGE, BROKEN)}))
    with served(folder, VALOR_TRUSTED_DOCUMENTS=str(file), VALOR_DOCUMENTS=request.param) as server:
        yield server


@pytest.fixture
def caller(server: Served) -> Iterator[Caller]:
    with server.caller() as caller:
        yield caller


def only_trusted(server: Served) -> bool:
    return server.parts.settings.only_trusted


def by_hash(hash_: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}}


BY_ID = [
    {"documentId": f"sha256:{hash_of(KNOWN)}"},
    {"documentId": hash_of(KNOWN)},
    by_hash(hash_of(KNOWN)),
    {"query": None, **by_hash(hash_of(KNOWN))},
    {"query": "", "documentId": f"sha256:{hash_of(KNOWN)}"},
    {"query": KNOWN, **by_hash(hash_of(KNOWN))},
    {"documentId": f"sha256:{hash_of(KNOWN)}", "operationName": "Who", "variables": None},
]


@pytest.mark.parametrize("body", BY_ID, ids=repr)
async def test_a_trusted_document_is_asked_for_by_its_hash(
    server: Served, caller: Caller, body: dict[str, Any]
) -> None:
    assert caller.http.post("/graphql", json=body).json()["data"] == ROLE
    headers = {"accept": "text/event-stream"}
    streamed = caller.http.post("/graphql", json=body, headers=headers).text
    assert '"role":"ANALYST"' in streamed
    async with talking(server.origin, server.token()) as talk:
        await talk.say("subscribe", id="1", payload=body)
        assert (await talk.hear())["payload"]["data"] == ROLE


@pytest.mark.parametrize(
    "parameters",
    [
        {"documentId": f"sha256:{hash_of(KNOWN)}"},
        {"documentId": f"sha256:{hash_of(KNOWN)}", "query": ""},
        {"extensions": json.dumps(by_hash(hash_of(KNOWN))["extensions"])},
    ],
    ids=repr,
)
def test_a_trusted_query_is_asked_for_in_a_url(caller: Caller, parameters: dict[str, str]) -> None:
    answer = caller.http.get("/graphql?" + urlencode(parameters))
    assert answer.json()["data"] == ROLE


def test_a_trusted_change_is_no_get(caller: Caller) -> None:
    parameters = urlencode({"documentId": f"sha256:{hash_of(CHANGE)}"})
    assert caller.http.get("/graphql?" + parameters).status_code == 405
    body = {"documentId": f"sha256:{hash_of(CHANGE)}"}
    answer = caller.http.post("/graphql", json=body).json()
    assert answer["data"] == {"renewSession": {"code": "UNSUPPORTED"}}


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": "sha256:" + "0" * 64},
        {"documentId": ""},
        {"documentId": "getViewer"},
        {"documentId": "sha512:" + hash_of(KNOWN)},
        by_hash("0" * 64),
        by_hash(""),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    ("media", "status"), [("application/json", 200), ("application/graphql-response+json", 400)]
)
async def test_an_unknown_one_is_not_trusted(
    server: Served, caller: Caller, body: dict[str, Any], media: str, status: int
) -> None:
    response = caller.http.post("/graphql", json=body, headers={"accept": media})
    assert response.status_code == status
    answer = response.json()
    assert "data" not in answer
    assert [e["extensions"]["code"] for e in answer["errors"]] == ["DOCUMENT_NOT_TRUSTED"]
    async with talking(server.origin, server.token()) as talk:
        await talk.say("subscribe", id="1", payload=body)
        error = await talk.hear()
        assert error["type"] == "error"
        assert error["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        assert "data" in await talk.ask("2", KNOWN) or only_trusted(server)


async def test_a_free_document_runs_only_where_any_does(server: Served, caller: Caller) -> None:
    async with talking(server.origin, server.token()) as talk:
        over_socket = await talk.ask("1", FREE)
    answer = caller.ask(FREE)
    # A document that is in the manifest is free as well while it comes as a text.
    same = caller.ask(KNOWN)
    if only_trusted(server):
        for each in (answer, same, {"errors": over_socket}):
            codes = [error["extensions"]["code"] for error in each["errors"]]
            assert codes == ["DOCUMENT_NOT_TRUSTED"]
    else:
        assert answer["data"] == same["data"] == over_socket["data"] == ROLE


def test_an_unknown_document_that_comes_with_its_text_runs_where_any_does(
    server: Served, caller: Caller
) -> None:
    answer = caller.http.post("/graphql", json={"query": FREE, **by_hash(hash_of(FREE))}).json()
    assert ("data" in answer) is not only_trusted(server)


@pytest.mark.parametrize(
    "body",
    [
        {"query": FREE, "documentId": f"sha256:{hash_of(KNOWN)}"},
        {"query": FREE, **by_hash(hash_of(KNOWN))},
        {"documentId": 5},
        {"documentId": None, "query": None},
        {"extensions": {"persistedQuery": 5}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": {"persistedQuery": {"sha256Hash": None}}},
    ],
    ids=repr,
)
def test_an_id_that_is_none_is_not_well_formed(caller: Caller, body: dict[str, Any]) -> None:
    response = caller.http.post("/graphql", json=body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "QUERY_INVALID"


def test_a_trusted_document_is_validated_all_the_same(caller: Caller) -> None:
    body = {"documentId": f"sha256:{hash_of(BROKEN)}"}
    answer = caller.http.post("/graphql", json=body).json()
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_INVALID"
