"""Sockets of the real server: what is served, and what each wrong word leads to."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from api.transports import connections
from api.transports.lines import FRAGMENTS_MAX
from api.transports.messages import MESSAGE_MAX
from api.transports.sockets import Socket
from observability.logs import Logs
from services.principal import Role
from tests.dcf_documents import firm
from tests.served import LATE_S, MEMBERS, OURS, PATIENT, THEIRS, Served, served
from tests.sockets import ENDED, SUBPROTOCOL, WITHIN_S, talking, until, with_streams

pytestmark = pytest.mark.anyio

OPERATIONS = 4
SUBSCRIPTIONS = 3
LIMITS = replace(PATIENT, operations=OPERATIONS, subscriptions=SUBSCRIPTIONS)
VIEWER = "{ viewer { role } }"
BEATS = "subscription { beats { number } }"
RENEW = (
    "mutation ($token: String!) { renewSession(token: $token) "
    "{ __typename ... on Session { expiresAt } ... on Refusal { code message } } }"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with with_streams(), served(tmp_path_factory.mktemp("sockets"), limits=LIMITS) as server:
        yield server


# The handshake


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["chat", "superchat"]])
async def test_another_subprotocol_is_not_spoken(server: Served, offered: Any) -> None:
    async with talking(server.origin, subprotocols=offered) as talk:
        assert (await talk.ending())[0] == 4406


async def test_ours_is_chosen_among_many(server: Served) -> None:
    offered = ["graphql-ws", SUBPROTOCOL, "chat"]
    async with talking(server.origin, server.token(), subprotocols=offered) as talk:
        assert talk.socket.subprotocol == SUBPROTOCOL
        assert talk.socket.response is not None
        assert "sec-websocket-extensions" not in talk.socket.response.headers


async def test_messages_are_not_compressed(server: Served) -> None:
    async with talking(server.origin, compression="deflate") as talk:
        assert talk.socket.response is not None
        assert "sec-websocket-extensions" not in talk.socket.response.headers


@pytest.mark.parametrize("path", ["/", "/graphql/", "/graphql/ws", "/metrics"])
async def test_there_is_one_address_for_sockets(server: Served, path: str) -> None:
    with pytest.raises(InvalidStatus) as no:
        async with talking(server.origin, path=path):
            pass
    assert no.value.response.status_code == 404


LISTED = ("https://app.example.com", "http://localhost:5173")


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("listing"), VALOR_ORIGINS=", ".join(LISTED)) as server:
        yield server


async def test_a_handshake_with_a_body_is_not_held_open(server: Served) -> None:
    host, port = server.origin.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"content-length: 5\r\n\r\nhello"
    )
    async with asyncio.timeout(WITHIN_S):
        assert b" 101 " not in await reader.read()
    writer.close()
    await writer.wait_closed()


@pytest.fixture
def chatty(tmp_path: Path) -> Iterator[tuple[Served, BytesIO]]:
    """A server that logs all that it can, libraries' lines as well."""
    log = BytesIO()
    logs = Logs("INFO", stream=log)
    release = logs.adopt()
    with served(tmp_path, logs=logs) as server:
        yield server, log
    release()


async def test_a_page_of_another_origin_opens_no_socket(listing: Served) -> None:
    for origin in (None, listing.origin, *LISTED):
        async with talking(listing.origin, listing.token(), origin=origin):
            pass
    for origin in (
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "http://127.0.0.1:1",
        "http://user@127.0.0.1",
        "http://[",
        " ",
    ):
        with pytest.raises(InvalidStatus) as no:
            async with talking(listing.origin, origin=origin):
                pass
        assert no.value.response.status_code == 403


async def test_a_stranger_writes_nothing_into_the_log(chatty: tuple[Served, BytesIO]) -> None:
    server, log = chatty
    async with talking(server.origin, server.token()):
        before = log.getvalue()  # it has started by now
    for options in ({"path": "/"}, {"origin": "https://evil.example"}, {"subprotocols": None}):
        with suppress(InvalidStatus):
            async with talking(server.origin, **options) as talk:  # type: ignore[arg-type] # each fits
                await talk.ending()
    for frame in (b"", "null", '{"type":"subscribe","id":"1","payload":{"query":"{a}"}}'):
        async with talking(server.origin) as talk:
            await talk.send(frame)
            await talk.ending()
    async with talking(server.origin) as talk:
        await talk.socket.send(b"\xff", text=True)
        await talk.ending()
    async with talking(server.origin, server.token()) as talk:
        await talk.ask("1", VIEWER)
    assert log.getvalue()[len(before) :] == b""


# Who is it


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"authorization": None},
        {"authorization": 5},
        {"authorization": ["Bearer x"]},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer x.y.z"},
        {"authorization": "Basic YTpi"},
        {"token": "x"},
    ],
)
async def test_who_proves_nothing_may_not_stay(server: Served, payload: Any) -> None:
    async with talking(server.origin) as talk:
        await talk.say("connection_init", payload=payload)
        assert (await talk.ending())[0] == 4403


async def test_an_init_without_a_payload_is_no_crash(server: Served) -> None:
    async with talking(server.origin) as talk:
        await talk.say("connection_init")
        assert (await talk.ending())[0] == 4403


async def test_a_token_that_has_ended_opens_nothing(server: Served) -> None:
    token = server.issuer.issue(OURS, MEMBERS[Role.ANALYST], Role.ANALYST, timedelta(seconds=-60))
    async with talking(server.origin) as talk:
        await talk.say("connection_init", payload={"authorization": f"Bearer {token}"})
        assert (await talk.ending())[0] == 4403


@pytest.mark.parametrize("key", ["authorization", "Authorization"])
async def test_the_token_comes_in_the_first_message(server: Served, key: str) -> None:
    async with talking(server.origin) as talk:
        await talk.say("connection_init", payload={key: f"Bearer {server.token(Role.VIEWER)}"})
        assert await talk.hear() == {"type": "connection_ack"}
        assert await talk.ask("1", VIEWER) == {"data": {"viewer": {"role": "VIEWER"}}}


async def test_a_second_init_is_one_too_many(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        await talk.say("connection_init", payload={"authorization": f"Bearer {server.token()}"})
        assert (await talk.ending())[0] == 4429


async def test_nothing_is_answered_to_a_stranger(server: Served) -> None:
    async with talking(server.origin) as talk:
        await talk.subscribe("1", VIEWER)
        assert (await talk.ending())[0] == 4401


# Malformed frames


MALFORMED = [
    "null", "[1]", '"x"', "5", "", " ", "{", "{}", "NaN", b"null", b"\x00\xff", b"",
    '{"type":"ping"', '{"type":"nothing"}', '{"type":"next","id":"1"}', '{"type":5}',
    '{"type":"subscribe","id":5,"payload":{"query":"{a}"}}',
    '{"type":"subscribe","id":"","payload":{"query":"{a}"}}',
    '{"type":"subscribe","payload":{"query":"{a}"}}',
    '{"type":"subscribe","id":"1"}',
    '{"type":"subscribe","id":"1","payload":null}',
    '{"type":"subscribe","id":"1","payload":"{a}"}',
    '{"type":"subscribe","id":"1","payload":{"query":5}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}',
    '{"type":"complete"}', '{"type":"complete","id":1}', '{"type":"ping","payload":1}',
    '{"type":"ping","payload":' + '{"a":' * 100 + "1" + "}" * 101,
    "[" * 30_000, '{"type":"ping","payload":{"a":"' + "x" * MESSAGE_MAX + '"}}',
]  # fmt: skip


@pytest.mark.parametrize("known", [True, False], ids=["member", "stranger"])
@pytest.mark.parametrize("frame", MALFORMED, ids=lambda frame: repr(frame[:40]))
async def test_a_malformed_frame_ends_the_socket_with_4400(
    server: Served, frame: str | bytes, known: bool
) -> None:
    async with talking(server.origin, server.token() if known else None) as talk:
        await talk.send(frame)
        code, reason = await talk.ending()
    # Who may not ask may be told that first.
    asks = isinstance(frame, str) and '"subscribe","id":"1"' in frame
    assert code in ((4400, 4401) if asks and not known else (4400,))
    assert reason


async def test_text_that_is_not_utf_8_ends_the_socket_with_4400(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        await talk.socket.send(b'{"type":"ping"\xff}', text=True)
        assert await talk.ending() == (4400, "The message is not UTF-8.")


async def test_a_message_has_so_many_fragments(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        await talk.socket.send(['{"type":', '"ping"', "}"])
        assert await talk.hear() == {"type": "pong"}
        await talk.socket.send(['{"type":"ping"', *[""] * FRAGMENTS_MAX, "}"])
        assert (await talk.ending())[0] == 4400


FRAGMENT = b"\0\x80\0\0\0\0"  # an empty one, masked with nothing


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param(b"\x01\x80\0\0\0\0" + FRAGMENT * FRAGMENTS_MAX, 4400, id="fragments"),
        pytest.param(b"\x81\xff" + (10**6).to_bytes(8, "big") + b"\0\0\0\0", 1009, id="size"),
        pytest.param(b"\x81\0", 1002, id="unmasked"),
    ],
)
def test_who_is_still_sending_hears_why_it_ends(server: Served, wrong: bytes, code: int) -> None:
    handshake = (
        b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    address = urlsplit(server.origin)
    where = (address.hostname, address.port)
    with socket.create_connection(where, timeout=WITHIN_S) as line, line.makefile("rb") as heard:
        line.sendall(handshake)
        while heard.readline() != b"\r\n":
            pass
        line.sendall(wrong)
        line.recv(1, socket.MSG_PEEK)  # it has begun to say so
        for _ in range(10):  # after a reset the second would raise
            line.sendall(FRAGMENT * 100)
        head, size = heard.read(2)
        assert head == 0x88
        assert int.from_bytes(heard.read(size)[:2], "big") == code
        assert heard.read() == b""


async def test_who_sends_far_too_much_is_not_asked_to_try_again(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        await talk.send('{"type":"ping","payload":{"a":"' + "x" * 300_000 + '"}}')
        assert (await talk.ending())[0] == 1009


async def test_an_id_is_used_once_at_a_time(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        for _ in range(3):
            assert "data" in await talk.ask("same", VIEWER)
        await talk.subscribe("same", BEATS)
        await talk.hear()
        await talk.subscribe("same", BEATS)
        assert (await talk.ending())[0] == 4409
    async with talking(server.origin, server.token()) as talk:
        for _ in range(2):
            await talk.subscribe("🙂" * 100, BEATS)
        code, reason = await talk.ending()
        assert code == 4409
        assert 100 < len(reason.encode()) <= 123


# Operations


async def test_queries_and_mutations_are_served(server: Served) -> None:
    value = (
        "mutation ($input: DcfInput!) { valueDcf(input: $input) { "
        "... on DcfValuation { enterpriseValue } ... on Refusal { code } } }"
    )
    with server.caller() as caller:
        over_http = caller.ask(value, {"input": firm()})
    async with talking(server.origin, server.token()) as talk:
        assert (await talk.ask("1", value, input=firm()))["data"] == over_http["data"]
        no = await talk.ask("2", value, input=firm(capital={"wacc": -1.0}))
        assert no["data"] == {"valueDcf": {"code": "INVALID_INPUT"}}
        named = {"query": f"query A {VIEWER} query B {{ __typename }}", "operationName": "B"}
        await talk.say("subscribe", id="3", payload=named)
        assert (await talk.hear())["payload"]["data"] == {"__typename": "Query"}


async def test_the_answer_is_the_one_over_http(server: Served) -> None:
    query = "{ companies { ticker years { revenue } } sloStatus { name } nothing: __typename }"
    async with talking(server.origin, server.token()) as talk:
        over_socket = await talk.ask("1", query)
    with server.caller() as caller:
        assert caller.ask(query)["data"] == over_socket["data"]


async def test_a_subscription_comes_event_by_event_and_completes(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        await talk.subscribe("1", "subscription { b: beats(until: 3, every: 0) { number who } }")
        heard = [await talk.hear() for _ in range(4)]
    cost = heard[0]["payload"].pop("extensions")["cost"]  # paid for once, at its start
    assert (cost["requested"], cost["actual"]) == (1, 1)
    assert heard[:3] == [
        {
            "type": "next",
            "id": "1",
            "payload": {"data": {"b": {"number": number, "who": "ANALYST"}}},
        }
        for number in range(3)
    ]
    assert heard[3] == {"type": "complete", "id": "1"}


FAULTS = {
    "subscription { beats {": "QUERY_INVALID",
    "subscription { nothing }": "QUERY_INVALID",
    "subscription { beats { number } other: beats { number } }": "QUERY_INVALID",
    "subscription ($n: Int!) { beats(until: $n) { number } }": "QUERY_INVALID",
    "{ a1: __typename " + "".join(f"a{n}: __typename " for n in range(2, 50)) + "}": (
        "QUERY_TOO_COMPLEX"
    ),
    "{ " + "a { " * 20 + "b" + " }" * 21: "QUERY_TOO_COMPLEX",
    "query A { __typename } query B { __typename }": "QUERY_INVALID",
    'subscription { breaks(how: "forbidden") }': "FORBIDDEN",
    'subscription { breaks(how: "overloaded") }': "OVERLOADED",
    'subscription { breaks(how: "fault") }': "INTERNAL",
}


async def test_one_fault_never_ends_another_subscription(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        await talk.subscribe("good", BEATS)
        for number, (query, code) in enumerate(FAULTS.items()):
            await talk.subscribe(f"bad {number}", query)
            while (message := await talk.hear_of(f"bad {number}"))["type"] == "next":
                pass
            assert message["type"] == "error", query
            assert {each["extensions"]["code"] for each in message["payload"]} == {code}, query
            waits = [each["extensions"].get("retryAfter") for each in message["payload"]]
            assert waits == [1.0 if code == "OVERLOADED" else None] * len(waits), query
            assert "secret" not in repr(message)
        large = {"query": VIEWER, "extensions": {"x": "y" * MESSAGE_MAX}}
        await talk.say("subscribe", id="large", payload=large)
        message = await talk.hear_of("large")
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"
        await talk.subscribe("half", "subscription { beats(until: 2) { number broken } }")
        message = await talk.hear_of("half")
        assert message["payload"]["data"] == {"beats": {"number": 0, "broken": None}}
        assert message["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
        number = (await talk.hear_of("good"))["payload"]["data"]["beats"]["number"]
        later = (await talk.hear_of("good"))["payload"]["data"]["beats"]["number"]
    assert later == number + 1


async def test_whoever_completes_hears_no_more(server: Served) -> None:
    ENDED.clear()
    async with talking(server.origin, server.token()) as talk:
        await talk.subscribe("1", BEATS)
        await talk.hear()
        await talk.say("complete", id="1")
        await talk.say("complete", id="1")  # it is gone, and that is all right
        await talk.say("complete", id="never there")
        await until(lambda: ENDED)
        await talk.say("ping")
        while (heard := await talk.hear())["type"] == "next":
            pass  # it was on its way
        assert heard == {"type": "pong"}
        assert "data" in await talk.ask("1", VIEWER)


async def test_a_subscription_that_is_completed_before_it_begins_leaves_nothing(
    server: Served,
) -> None:
    async with talking(server.origin, server.token()) as talk:
        for _ in range(SUBSCRIPTIONS * 5):
            await talk.subscribe("1", BEATS)
            await talk.say("complete", id="1")
        await talk.say("ping")
        while (await talk.hear())["type"] == "next":
            pass  # it was on its way
        await until(lambda: server.parts.watch.meter.subscriptions == 0)
        await talk.subscribe("2", BEATS)
        assert (await talk.hear_of("2"))["type"] == "next"


async def test_a_client_that_leaves_ends_its_subscriptions(server: Served) -> None:
    await until(lambda: server.parts.watch.meter.subscriptions == 0)
    ENDED.clear()
    for how in ("close", "abort"):
        async with talking(server.origin, server.token()) as talk:
            await talk.subscribe("1", BEATS)
            await talk.hear()
            if how == "abort":
                talk.socket.transport.abort()
    await until(lambda: len(ENDED) == 2)
    await until(lambda: server.parts.watch.meter.sockets == 0)
    assert server.parts.watch.meter.subscriptions == 0
    assert len(server.parts.lasting) == 0


@pytest.mark.parametrize("how", ["complete", "close", "abort"])
async def test_a_change_that_has_begun_is_finished_and_a_query_is_not(
    server: Served, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ended: list[str] = []
    free = threading.Event()
    run = server.parts.executor.run

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

    monkeypatch.setattr(server.parts.executor, "run", slow)
    async with talking(server.origin, server.token()) as talk:
        await talk.subscribe("q", "query { viewer { role } }")
        await talk.subscribe("m", 'mutation { renewSession(token: "") { __typename } }')
        await until(lambda: len(ended) == 2)
        if how == "complete":
            await talk.say("complete", id="m")
            await talk.say("complete", id="q")
            await until(lambda: len(ended) == 3)
            free.set()
            await until(lambda: len(ended) == 4)
            await talk.say("ping")
            assert await talk.hear() == {"type": "pong"}
        elif how == "abort":
            talk.socket.transport.abort()
    await until(lambda: len(ended) >= 3)
    free.set()
    await until(lambda: len(server.parts.lasting) == 0)
    await until(lambda: len(ended) == 4)
    assert ended == ["begun", "begun", "no query", "mutat"]


async def test_a_ping_is_answered_with_its_payload_known_or_not(server: Served) -> None:
    async with talking(server.origin) as talk:
        await talk.say("ping")
        assert await talk.hear() == {"type": "pong"}
        await talk.say("ping", payload={"a": [1]})
        assert await talk.hear() == {"type": "pong", "payload": {"a": [1]}}
        await talk.say("pong")
        await talk.say("complete", id="x")
        await talk.introduce(server.token())


# How much


async def test_a_socket_has_so_many_subscriptions(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        for number in range(SUBSCRIPTIONS):
            await talk.subscribe(str(number), BEATS)
        await talk.subscribe("more", BEATS)
        no = await talk.hear_of("more")
        assert no["type"] == "error"
        assert no["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 1.0}
        await talk.say("complete", id="0")
        await talk.subscribe("more", BEATS)
        assert (await talk.hear_of("more"))["type"] == "next"


@pytest.mark.parametrize(
    ("frame", "times", "answers"),
    [
        ('{"type":"subscribe","id":"#","payload":{"query":"{ viewer { role } }"}}', 3_000, 2),
        ('{"type":"subscribe","id":"#","payload":{"query":"{ x# }"}}', 1_000, 1),
        ('{"type":"ping"}', 30_000, 1),
    ],
    ids=["queries", "queries that are wrong", "pings"],
)
async def test_a_flood_is_answered_in_turn_and_keeps_nobody_waiting(
    server: Served, frame: str, times: int, answers: int
) -> None:
    """Reading is paused while enough is under way, and others have their turns."""
    flood = Path(__file__).with_name("flood.py")
    arguments = [server.origin, server.token(), frame, str(times), str(answers)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(flood), *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with talking(server.origin, server.token(Role.VIEWER, THEIRS)) as neighbour:
        assert await process.stdout.readline() == b"begun\n"
        ended = asyncio.create_task(process.stdout.readline())
        waits, start = [], time.perf_counter()
        while not ended.done():
            began = time.perf_counter()
            await neighbour.ask("1", VIEWER)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
    assert await ended == b"answered\n"
    assert await process.wait() == 0
    assert len(waits) > 5
    # Of the flood's own time, which is longer where a machine is slow.
    assert sorted(waits)[len(waits) // 2] < 0.1 * (time.perf_counter() - start)


async def test_a_socket_is_not_read_while_enough_is_under_way(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    free = threading.Event()
    run = server.parts.executor.run

    async def slow(asked: Any, *given: Any, **named: Any) -> Any:
        begun.append(asked.query)
        while not free.is_set():  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(0.01)
        return await run(asked, *given, **named)

    monkeypatch.setattr(server.parts.executor, "run", slow)
    more = OPERATIONS * 3
    async with talking(server.origin, server.token()) as talk:
        for number in range(more):
            await talk.subscribe(str(number), VIEWER)
        await talk.say("ping")
        await until(lambda: len(begun) == OPERATIONS)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(talk.hear(), 0.3)
        assert len(begun) == OPERATIONS
        free.set()
        heard = [await talk.hear() for _ in range(2 * more + 1)]
    assert {"type": "pong"} in heard
    assert len(begun) == more


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Served]:
    limits = replace(PATIENT, clients=4, clients_of_tenant=2, strangers=1)
    with served(tmp_path, limits=limits) as server:
        yield server


async def test_a_process_and_a_tenant_have_so_many_sockets(small: Served) -> None:
    ours, theirs = small.token(), small.token(tenant_id=THEIRS)
    async with talking(small.origin, ours), talking(small.origin, ours):
        async with talking(small.origin) as talk:
            await talk.say("connection_init", payload={"authorization": f"Bearer {ours}"})
            assert (await talk.ending())[0] == 1013
        async with talking(small.origin, theirs) as last:
            async with talking(small.origin):
                with pytest.raises(InvalidStatus) as no:
                    async with talking(small.origin):
                        pass
                assert no.value.response.status_code == 503
                assert no.value.response.headers["retry-after"] == "1"
            assert "data" in await last.ask("1", VIEWER)
    await until(lambda: len(small.parts.lasting) == 0)
    async with talking(small.origin, ours), talking(small.origin, ours):
        pass


# How long


QUICK = replace(PATIENT, ping_every_s=0.2, member_every_s=0.1)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that looks often; how late somebody is, a test says by `age`."""
    with with_streams(), served(tmp_path_factory.mktemp("quick"), limits=QUICK) as server:
        yield server


async def test_who_does_not_say_who_they_are_has_to_go(quick: Served) -> None:
    async with talking(quick.origin) as talk:
        await until(lambda: len(quick.parts.lasting) == 1)
        quick.age(LATE_S)
        assert (await talk.ending())[0] == 4408
    async with talking(quick.origin) as talk:  # whatever else they say
        await talk.say("ping")
        assert await talk.hear() == {"type": "pong"}
        quick.age(LATE_S)
        with suppress(ConnectionClosed):
            while True:
                await talk.say("ping")
                await talk.hear()
        assert (await talk.ending())[0] == 4408


async def test_who_answers_stays_and_who_is_silent_is_let_go(quick: Served) -> None:
    async with (
        talking(quick.origin, quick.token()) as silent,
        talking(quick.origin, quick.token()) as answering,
    ):
        heard: list[str] = []

        async def answer() -> None:
            while True:
                message = json.loads(await answering.socket.recv())
                heard.append(message["type"])
                await answering.say("pong")

        task = asyncio.create_task(answer())
        for _ in range(2):  # after the second the silent one has been so for longer than is borne
            before = len(heard)
            await until(lambda: len(heard) > before + 1)  # noqa: B023 - it is awaited here
            quick.age(0.6 * LATE_S)
        assert (await silent.ending())[0] == 1006
        before = len(heard)
        await until(lambda: len(heard) > before + 1)
        task.cancel()
        await asyncio.wait({task})
        assert set(heard) == {"ping"}
        assert "data" in await answering.ask("1", VIEWER)


async def test_a_socket_outlives_the_time_of_a_request(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.1)
    monkeypatch.setattr(server.parts.executor, "_deadline_s", 0.1)
    async with AsyncExitStack() as stack:
        talk = None
        while talk is None:  # a busy machine may be too late with the head itself
            with suppress(InvalidHandshake, OSError):
                talk = await stack.enter_async_context(talking(server.origin))
        await talk.introduce(server.token())
        await talk.subscribe("1", "subscription { beats(every: 0.05) { number } }")
        for number in range(10):
            assert (await talk.hear())["payload"]["data"]["beats"]["number"] == number


async def test_who_stops_reading_is_let_go_and_costs_little(quick: Served) -> None:
    async with talking(quick.origin, quick.token()) as talk:
        await talk.subscribe("1", "subscription { masses(kilobytes: 60) }")
        await talk.hear()
        talk.socket.transport.pause_reading()
        (client,) = cast("list[Socket]", list(quick.parts.lasting))
        await until(lambda: client._stuck_s is not None)  # it is behind, and was seen to be
        most = 0
        for _ in range(20):  # and is no longer written to
            most = max(most, client._line.transport.get_write_buffer_size())
            await asyncio.sleep(0.01)
        quick.age(LATE_S)
        await until(lambda: len(quick.parts.lasting) == 0)
        assert 60_000 < most < 200_000
        talk.socket.transport.resume_reading()  # and so reads that it is over
    closes = quick.parts.watch.meter._closes
    assert closes["behind",] >= 1


async def test_who_pings_the_line_and_does_not_read_costs_little(quick: Served) -> None:
    async with talking(quick.origin, quick.token()) as talk:
        talk.socket.transport.pause_reading()
        (client,) = cast("list[Socket]", list(quick.parts.lasting))
        ping = b"\x89\xfd\x00\x00\x00\x00" + b"x" * 125  # masked with nothing
        most = more = 0
        async with asyncio.timeout(WITHIN_S):
            while len(quick.parts.lasting):
                if talk.socket.transport.get_write_buffer_size() < 1_000_000:
                    talk.socket.transport.write(ping * 1_000)
                most = max(most, client._line.transport.get_write_buffer_size())
                if client._stuck_s is not None:
                    more += 1
                    if more >= 20:  # it goes on for a while, and costs no more
                        quick.age(LATE_S)
                await asyncio.sleep(0.001)
        assert most < 1_000_000
        talk.socket.transport.resume_reading()


async def test_a_token_that_is_not_renewed_ends_the_socket(quick: Served) -> None:
    short = quick.short_token()
    async with (
        talking(quick.origin, short) as renewed,
        talking(quick.origin, short) as left,
    ):

        async def answer_pings() -> tuple[int, str]:
            try:
                while True:
                    await left.hear()
            except Exception:
                return await left.ending()

        ended = asyncio.create_task(answer_pings())
        answer = await renewed.ask("1", RENEW, token=quick.token())
        assert answer["data"]["renewSession"]["__typename"] == "Session"
        quick.later()
        await renewed.subscribe("2", BEATS)
        while not ended.done():
            await renewed.hear()
        assert ended.result()[0] == 4403
        assert (await renewed.hear_of("2"))["type"] == "next"


async def test_a_session_is_renewed_by_the_same_member_alone(server: Served) -> None:
    async with talking(server.origin, server.token()) as talk:
        for token in (server.token(Role.OWNER), server.token(tenant_id=THEIRS)):
            no = (await talk.ask("1", RENEW, token=token))["data"]["renewSession"]
            assert (no["__typename"], no["code"]) == ("Refusal", "UNSUPPORTED")
        for token in ("", "x.y.z", "Bearer " + server.token()):
            no = await talk.ask("1", RENEW, token=token)
            assert no["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
            assert "header" not in no["errors"][0]["message"]
        less = server.issuer.issue(OURS, MEMBERS[Role.ANALYST], Role.VIEWER, timedelta(minutes=30))
        assert "errors" not in await talk.ask("1", RENEW, token=less)
        assert await talk.ask("2", VIEWER) == {"data": {"viewer": {"role": "VIEWER"}}}


async def test_over_http_there_is_no_session_to_renew(server: Served) -> None:
    with server.caller() as caller:
        no = caller.data(RENEW, {"token": server.token()})["renewSession"]
    assert no["code"] == "UNSUPPORTED"


async def test_who_left_or_may_do_less_has_to_go(
    quick: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: set[Role] = set()

    async def still(principal: Any) -> bool:
        return principal.role not in gone

    monkeypatch.setattr(quick.parts.lasting, "_still", still)
    async with (
        talking(quick.origin, quick.token(Role.ANALYST)) as analyst,
        talking(quick.origin, quick.token(Role.OWNER)) as owner,
    ):
        assert "data" in await analyst.ask("1", VIEWER)
        gone.add(Role.ANALYST)
        assert (await analyst.ending())[0] == 4403
        assert "data" in await owner.ask("1", VIEWER)


async def test_nobody_is_sent_away_because_the_database_is(
    quick: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    async def still(principal: Any) -> bool:
        asked.append(principal)
        raise ConnectionError

    monkeypatch.setattr(quick.parts.lasting, "_still", still)
    async with talking(quick.origin, quick.token()) as talk:
        while len(asked) < 3:
            await talk.ask("1", VIEWER)


# The end


@pytest.fixture
def stopping(tmp_path: Path) -> Iterator[Served]:
    with with_streams(), served(tmp_path) as server:
        yield server


async def test_a_server_that_stops_tells_everybody_to_come_back(stopping: Served) -> None:
    async with AsyncExitStack() as stack:
        tokens = [stopping.token()] * 10 + [None]  # the last one is a stranger
        talks = [
            await stack.enter_async_context(talking(stopping.origin, token)) for token in tokens
        ]
        await talks[0].subscribe("1", BEATS)
        lasting = stopping.parts.lasting
        draining = asyncio.run_coroutine_threadsafe(
            lasting.drain(1.0), lasting._tasks[0].get_loop()
        )
        endings = await asyncio.gather(*(talk.ending() for talk in talks))
        assert {code for code, _ in endings} == {1012}
        await asyncio.wrap_future(draining)
        with pytest.raises(InvalidStatus) as no:
            async with talking(stopping.origin):
                pass
        assert no.value.response.status_code == 503


async def test_how_sockets_ended_is_counted(server: Served) -> None:
    meter = server.parts.watch.meter
    before = dict(meter._closes)
    async with talking(server.origin, server.token()) as talk:
        assert meter.sockets == 1
        await talk.send("null")
        await talk.ending()
    async with talking(server.origin, server.token()):
        pass
    async with talking(server.origin, server.token()) as talk:
        await talk.socket.close(4999)
    await until(lambda: meter.sockets == 0)
    after = {key: count - before.get(key, 0) for key, count in meter._closes.items()}
    assert {key: count for key, count in after.items() if count} == {
        ("4400",): 1,
        ("1000",): 1,
        ("other",): 1,
    }
    text = meter.render()[0].decode()
    assert "valor_sockets_open 0.0" in text
    assert 'valor_socket_closes_total{code="4400"}' in text
