"""GraphQL over server-sent events, as bytes on the wire."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from api.transports import streams
from tests.dcf_documents import firm
from tests.served import NO_TLS, PATIENT, Served, served
from tests.sockets import ENDED, WITHIN_S, until, with_streams

pytestmark = pytest.mark.anyio

EVENTS = "text/event-stream"
FEW = "subscription { beats(until: 2, every: 0) { number who } }"
BEATS = "subscription { beats { number } }"
LIMITS = replace(PATIENT, clients=4, clients_of_tenant=3, ping_every_s=0.2, member_every_s=0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with with_streams(), served(tmp_path_factory.mktemp("streams"), limits=LIMITS) as server:
        yield server


def client(server: Served, token: str | None = None) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token or server.token()}", "accept": EVENTS}
    return httpx.AsyncClient(
        base_url=server.origin, headers=headers, verify=NO_TLS, timeout=WITHIN_S
    )


async def answered(server: Served, query: str, **options: Any) -> httpx.Response:
    async with client(server) as http:
        return await http.post("/graphql", json={"query": query}, **options)


@asynccontextmanager
async def streaming(
    server: Served, query: str, token: str | None = None
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a stream, as they come."""
    async with (
        client(server, token) as http,
        http.stream("POST", "/graphql", json={"query": query}) as response,
        aclosing(response.aiter_lines()) as lines,
    ):
        assert response.status_code == 200, await response.aread()
        yield lines


def events(text: str) -> list[tuple[str, Any]]:
    """(name, data) of each event; comments are none."""
    found = []
    for block in text.strip().split("\n\n"):
        if block != ":":
            name, data = block.split("\n")
            text_of = data.removeprefix("data:").strip()
            value = json.loads(text_of) if text_of else None
            if value is not None:
                value.pop("extensions", None)  # what it cost
            found.append((name.removeprefix("event: "), value))
    return found


async def test_a_subscription_is_a_stream_of_events_that_completes(server: Served) -> None:
    response = await answered(server, FEW)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{EVENTS}; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-request-id"]
    assert events(response.text) == [
        ("next", {"data": {"beats": {"number": 0, "who": "ANALYST"}}}),
        ("next", {"data": {"beats": {"number": 1, "who": "ANALYST"}}}),
        ("complete", None),
    ]


async def test_the_bytes_are_those_of_the_protocol(server: Served) -> None:
    response = await answered(server, "subscription { beats(until: 1) { number } }")
    plain = re.sub(rb"(?m)^:\n\n", b"", response.content)  # signs of life left out
    assert re.sub(rb',"extensions":{"cost":{[^}]*}}', b"", plain) == (
        b'event: next\ndata: {"data":{"beats":{"number":0}}}\n\nevent: complete\ndata:\n\n'
    )


async def test_queries_and_changes_are_answered_in_one_event(server: Served) -> None:
    response = await answered(server, "{ viewer { role } }")
    assert events(response.text) == [
        ("next", {"data": {"viewer": {"role": "ANALYST"}}}),
        ("complete", None),
    ]
    value = (
        "mutation ($input: DcfInput!) { valueDcf(input: $input) { ... on DcfValuation { id } } }"
    )
    async with client(server) as http:
        response = await http.post(
            "/graphql", json={"query": value, "variables": {"input": firm()}}
        )
    (_, answer), _ = events(response.text)
    assert answer["data"]["valueDcf"]["id"]


async def test_a_query_by_get_is_served_and_a_change_is_not(server: Served) -> None:
    async with client(server) as http:
        response = await http.get("/graphql?" + urlencode({"query": FEW}))
        assert [name for name, _ in events(response.text)] == ["next", "next", "complete"]
        change = 'mutation { renewSession(token: "x") { __typename } }'
        response = await http.get("/graphql?" + urlencode({"query": change}))
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("accept", "query", "streamed"),
    [
        (EVENTS, "{ __typename }", True),
        (EVENTS, FEW, True),
        ("Text/Event-Stream", "{ __typename }", True),
        (f"{EVENTS}; charset=utf-8", FEW, True),
        (f"application/json, {EVENTS}", "{ __typename }", False),
        (f"application/json, {EVENTS}", FEW, True),
        (f"application/graphql-response+json, application/json, {EVENTS}", FEW, True),
        (f"{EVENTS}, application/json;q=0.5", "{ __typename }", True),
        (f"{EVENTS}, */*;q=0.1", "{ __typename }", True),
        (f"{EVENTS};q=0.5, application/json", "{ __typename }", False),
        (f"{EVENTS};q=0, */*", "{ __typename }", False),
        (f"{EVENTS};q=0, */*", FEW, False),
        ("*/*", FEW, False),
        ("application/json", FEW, False),
    ],
)
async def test_who_may_read_either_gets_a_stream_where_there_are_many_answers(
    server: Served, accept: str, query: str, streamed: bool
) -> None:
    response = await answered(server, query, headers={"accept": accept})
    assert response.status_code in (200, 400)
    assert response.headers["content-type"].startswith(EVENTS) is streamed
    if not streamed and query == FEW:
        assert "text/event-stream" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "QUERY_INVALID"),
        ("subscription { nothing }", "QUERY_INVALID"),
        ("{ " + "a { " * 20 + "b" + " }" * 21, "QUERY_TOO_COMPLEX"),
        ('subscription { breaks(how: "forbidden") }', "FORBIDDEN"),
        ('subscription { breaks(how: "fault") }', "INTERNAL"),
    ],
)
async def test_what_goes_wrong_is_an_event_as_well(server: Served, query: str, code: str) -> None:
    response = await answered(server, query)
    assert response.status_code == 200
    *_, (_, answer), last = events(response.text)
    assert last == ("complete", None)
    assert "data" not in answer
    assert [each["extensions"]["code"] for each in answer["errors"]] == [code]
    assert "secret" not in response.text
    if code == "INTERNAL":
        request_id = response.headers["x-request-id"]
        assert answer["errors"][0]["extensions"]["requestId"] == request_id


@pytest.mark.parametrize("token", [None, "", "x.y.z"])
async def test_without_a_token_there_is_no_stream(server: Served, token: str | None) -> None:
    headers = {"accept": EVENTS} | ({"authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(verify=NO_TLS, timeout=WITHIN_S) as http:
        response = await http.post(server.graphql, json={"query": FEW}, headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'{"query":5}'])
async def test_what_is_no_request_is_no_stream(server: Served, body: bytes) -> None:
    async with client(server) as http:
        headers = {"content-type": "application/json"}
        response = await http.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400


async def test_a_quiet_stream_says_that_it_lives(server: Served) -> None:
    query = "subscription { beats(every: 1000) { number } }"
    async with streaming(server, query) as lines:
        told, signs = [], 0
        while len(told) < 2 or signs < 4:  # one may come before the event
            line = await anext(lines)
            signs += line == ":"
            told += [line] if line not in (":", "") else []
    assert told[0] == "event: next"
    assert told[1].startswith('data: {"data":{"beats":{"number":0}},"extensions":{"cost":{')


async def test_a_client_that_leaves_ends_the_subscription(server: Served) -> None:
    ENDED.clear()
    async with streaming(server, BEATS) as lines:
        await anext(lines)
        assert server.parts.watch.meter.streams == 1
    await until(lambda: ENDED and not server.parts.watch.meter.streams)
    assert len(server.parts.lasting) == 0
    assert server.parts.watch.meter.subscriptions == 0


async def test_a_change_that_has_begun_is_finished_without_its_client(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    free = threading.Event()
    run, left = server.parts.executor.run, streams._left

    async def slow(asked: Any, *given: Any, **named: Any) -> Any:
        ended.append("begun")
        try:
            while not free.is_set():  # noqa: ASYNC110 - it is set in another thread
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            ended.append(f"no {asked.query[:5]}")
            raise
        answer = await run(asked, *given, **named)
        ended.append(asked.query[:5])
        return answer

    async def noticed(receive: Any) -> None:
        await left(receive)
        ended.append("left")

    monkeypatch.setattr(server.parts.executor, "run", slow)
    monkeypatch.setattr(streams, "_left", noticed)
    for query, seen in (
        ("query { viewer { role } }", 3),
        ('mutation { renewSession(token: "") { __typename } }', 5),
    ):
        async with client(server) as http:
            asking = asyncio.create_task(http.post("/graphql", json={"query": query}))
            count = len(ended)
            await until(lambda: len(ended) > count)  # noqa: B023 - it is awaited here
            asking.cancel()
            await asyncio.wait({asking})
        await until(lambda: len(ended) == seen)  # noqa: B023 - it is awaited here
    free.set()
    await until(lambda: ended[-1] == "mutat")
    assert ended == ["begun", "left", "no query", "begun", "left", "mutat"]
    await until(lambda: len(server.parts.lasting) == 0)


async def test_a_stream_ends_with_its_token_and_is_not_complete(server: Served) -> None:
    async with streaming(server, BEATS, server.short_token()) as lines:
        while await anext(lines) != "event: next":
            pass  # a sign of life
        server.later()
        heard = [line async for line in lines]
    assert "event: complete" not in heard


async def test_a_stream_ends_when_the_member_has_left(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def still(_principal: Any) -> bool:
        return False

    async with streaming(server, BEATS) as lines:
        await anext(lines)
        monkeypatch.setattr(server.parts.lasting, "_still", still)
        heard = [line async for line in lines]
    assert "event: complete" not in heard


async def test_a_stream_that_ends_in_an_overload_says_when_to_come_back(server: Served) -> None:
    response = await answered(server, 'subscription { breaks(how: "overloaded") }')
    assert response.status_code == 200  # it had begun
    first, last, complete = events(response.text)
    assert (first, complete) == (("next", {"data": {"breaks": 1}}), ("complete", None))
    assert last[1]["errors"][0]["extensions"] == {"code": "OVERLOADED", "retryAfter": 1.0}


async def test_there_are_so_many_streams(server: Served) -> None:
    async with streaming(server, BEATS) as one, streaming(server, BEATS), streaming(server, BEATS):
        await anext(one)
        response = await answered(server, BEATS)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "OVERLOADED", "retryAfter": 1.0}
    await until(lambda: len(server.parts.lasting) == 0)


async def test_a_session_over_http_is_not_renewed(server: Served) -> None:
    ask = f'renewSession(token: "{server.token()}") {{ ... on Refusal {{ code }} }}'
    (_, answer), _ = events((await answered(server, f"mutation {{ {ask} }}")).text)
    assert answer["data"] == {"renewSession": {"code": "UNSUPPORTED"}}


@pytest.fixture
def stopping(tmp_path: Path) -> Iterator[Served]:
    with with_streams(), served(tmp_path) as server:
        yield server


async def test_a_server_that_stops_ends_streams_without_complete(stopping: Served) -> None:
    async with streaming(stopping, BEATS) as lines:
        await anext(lines)
        lasting = stopping.parts.lasting
        draining = asyncio.run_coroutine_threadsafe(
            lasting.drain(1.0), lasting._tasks[0].get_loop()
        )
        heard = [line async for line in lines]
    await asyncio.wrap_future(draining)
    assert "event: complete" not in heard
    assert (await answered(stopping, BEATS)).status_code == 503
