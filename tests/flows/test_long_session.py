"""A socket that is open for longer than any token: renewed, asleep, awake, and ended from afar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from services.principal import Role
from tests.accounts import invited, joined
from tests.dcf_documents import firm
from tests.served import LATE_S, PATIENT, Caller, Served, http, served
from tests.sockets import Talk, talking

pytestmark = pytest.mark.anyio

CREATE: Final = """mutation ($input: CreateModelInput!) {
  createModel(input: $input) { ... on FinancialModel { id } } }"""
EDIT: Final = """mutation ($id: ID!, $op: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: $op, edits: $edits) { __typename } }"""
FOLLOW: Final = """subscription ($id: ID!, $after: Int) {
  collaboration(modelId: $id, after: $after) { seq resync edits { revision operationId } } }"""
RENEW: Final = """mutation ($token: String!) { renewSession(token: $token) {
  __typename ... on Refusal { code } } }"""
END: Final = "mutation ($id: ID!) { endSession(id: $id) { ... on EndedSessions { count } } }"
KEY: Final = """mutation { createApiKey(input: {name: "Room", scopes: [READ_MODEL, JOIN_ROOM]}) {
  ... on MadeApiKey { secret key { id } } } }"""
REVOKE: Final = "mutation ($id: ID!) { revokeApiKey(id: $id) { ... on ApiKey { revokedAt } } }"
# Nobody is looked up by the clock: what ends a socket here is a token's end, or word of a change.
LIMITS: Final = replace(PATIENT, ping_every_s=0.2, member_every_s=LATE_S)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("long"), limits=LIMITS) as server:
        yield server


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with http(base_url=server.origin) as client:
        yield client


def somebody(server: Served, client: httpx.Client, name: str) -> dict[str, Any]:
    """What a new analyst gets who has just signed in."""
    email = f"{name}@example.com"
    return joined(client, invited(server, email), name=name.title())


def refreshed(client: httpx.Client, tokens: dict[str, Any]) -> dict[str, Any]:
    response = client.post("/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
    assert response.status_code == 200, response.text
    newer: dict[str, Any] = response.json()
    return newer


def age(server: Served, minutes: float) -> None:
    """For those connected so much time has passed since their tokens were made."""
    for each in server.parts.lasting:
        if (session := each.session) is not None:
            ends = session.principal.expires_at - timedelta(minutes=minutes)
            session.principal = replace(session.principal, expires_at=ends)


def model(owner: Caller) -> str:
    made = owner.data(CREATE, {"input": {"name": "Orchard", "inputs": {"dcf": firm()}}})
    id_: str = made["createModel"]["id"]
    return id_


def edit(owner: Caller, id_: str, op: str, value: float) -> None:
    edits = [{"path": "capital.wacc", "value": {"number": value}}]
    done = owner.data(EDIT, {"id": id_, "op": op, "edits": edits})
    assert done["editModel"]["__typename"] != "Refusal"


async def hear_edits(talk: Talk, until: str, heard: list[tuple[int, str]]) -> int:
    """Follow until an operation has come; the sequence number to go on after."""
    while True:
        message = await talk.hear_of("room")
        batch = message["payload"]["data"]["collaboration"]
        assert not batch["resync"]
        heard += [(each["revision"], each["operationId"]) for each in batch["edits"]]
        if heard and heard[-1][1] == until:
            return int(batch["seq"])


async def test_an_hour_of_short_tokens_with_a_sleep_in_it_misses_no_edit(
    server: Served, client: httpx.Client
) -> None:
    tokens, heard = somebody(server, client, "ada"), list[tuple[int, str]]()
    with server.caller(Role.OWNER) as owner:
        id_ = model(owner)
        async with talking(server.origin, tokens["accessToken"]) as talk:
            await talk.subscribe("room", FOLLOW, id=id_)
            first = await talk.hear_of("room")
            assert first["payload"]["data"]["collaboration"]["seq"] == 1
            for number in range(6):  # 54 minutes
                edit(owner, id_, f"awake-{number}", 0.05 + number / 1_000)
                seq = await hear_edits(talk, f"awake-{number}", heard)
                age(server, 9.0)
                tokens = refreshed(client, tokens)
                renewed = await talk.ask(f"renew-{number}", RENEW, token=tokens["accessToken"])
                assert renewed["data"]["renewSession"]["__typename"] == "Session"
            age(server, 11.0)  # it sleeps
            assert (await talk.ending())[0] == 4403
        for number in range(5):
            edit(owner, id_, f"asleep-{number}", 0.07 + number / 1_000)
        tokens = refreshed(client, tokens)  # it wakes
        async with talking(server.origin, tokens["accessToken"]) as talk:
            await talk.subscribe("room", FOLLOW, id=id_, after=seq)
            await hear_edits(talk, "asleep-4", heard)
            edit(owner, id_, "again", 0.09)
            await hear_edits(talk, "again", heard)
    assert [revision for revision, _ in heard] == list(range(2, 14))
    assert len({operation for _, operation in heard}) == 12


async def test_a_session_that_is_ended_elsewhere_ends_its_sockets_at_once_and_no_others(
    server: Served, client: httpx.Client
) -> None:
    bea = somebody(server, client, "bea")
    other = refreshed(client, somebody(server, client, "cy"))
    async with (
        talking(server.origin, bea["accessToken"]) as ended,
        talking(server.origin, other["accessToken"]) as stays,
    ):
        with server.caller(Role.OWNER) as owner:
            assert owner.data(END, {"id": bea["session"]})["endSession"] == {"count": 1}
        assert (await ended.ending())[0] == 4403
        assert "data" in await stays.ask("1", "{ viewer { role } }")
        # What it had is good for nothing now.
        no = await stays.ask("2", RENEW, token=bea["accessToken"])
        assert no["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    async with talking(server.origin) as late:
        payload = {"authorization": f"Bearer {bea['accessToken']}"}
        await late.say("connection_init", payload=payload)
        assert (await late.ending())[0] == 4403


async def test_a_socket_is_renewed_by_its_own_member_alone(
    server: Served, client: httpx.Client
) -> None:
    dee, eve = somebody(server, client, "dee"), somebody(server, client, "eve")
    async with talking(server.origin, dee["accessToken"]) as talk:
        no = await talk.ask("1", RENEW, token=eve["accessToken"])
        assert no["data"]["renewSession"] == {"__typename": "Refusal", "code": "UNSUPPORTED"}
        newer = refreshed(client, dee)
        yes = await talk.ask("2", RENEW, token=newer["accessToken"])
        assert yes["data"]["renewSession"]["__typename"] == "Session"


async def test_an_api_key_opens_a_socket_that_ends_when_it_is_revoked(server: Served) -> None:
    with server.caller(Role.ANALYST) as analyst:
        made = analyst.data(KEY)["createApiKey"]
        headers = {"authorization": f"Bearer {made['secret']}"}
        with http(base_url=server.origin, headers=headers) as machine:
            answer = machine.post("/graphql", json={"query": "{ viewer { permissions } }"}).json()
            assert set(answer["data"]["viewer"]["permissions"]) == {"READ_MODEL", "JOIN_ROOM"}
        async with talking(server.origin, made["secret"]) as talk:
            no = await talk.ask("1", RENEW, token=made["secret"])
            assert no["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            analyst.data(REVOKE, {"id": made["key"]["id"]})
            assert (await talk.ending())[0] == 4403
