"""The official clients of graphql-transport-ws and GraphQL over SSE come back as they should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from services.principal import Role
from tests.flows.wire import Wire
from tests.official_clients import WITHIN_S, Clients, clients_of, folder
from tests.served import LATE_S, PATIENT, THEIRS, Served, served
from tests.sockets import until, with_streams

__all__ = ["folder"]

pytestmark = pytest.mark.anyio

RETRIES: Final = 5  # of the official client, unless it is told otherwise
BEATS: Final = {"query": "subscription { beats { number } }"}
RENEW: Final = (
    "mutation ($token: String!) { renewSession(token: $token) { "
    "__typename ... on Session { expiresAt } ... on Refusal { code } } }"
)


def numbers(clients: Clients, client: str, id_: str) -> list[int]:
    values = clients.told(client, "next", id=id_)
    return [each["value"]["data"]["beats"]["number"] for each in values]


@pytest.fixture
async def clients(folder: Path, server: Served) -> AsyncIterator[Clients]:
    async with clients_of(folder, server.graphql) as clients:
        yield clients


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = replace(PATIENT, ping_every_s=0.2, clients_of_tenant=3)
    with with_streams(), served(tmp_path_factory.mktemp("official"), limits=limits) as server:
        yield server


def drain(server: Served) -> None:
    lasting = server.parts.lasting
    loop = lasting._tasks[0].get_loop()
    asyncio.run_coroutine_threadsafe(lasting.drain(0.5), loop).result(WITHIN_S)


async def test_two_clients_ask_follow_and_stop(server: Served, clients: Clients) -> None:
    clients.do("open", "ada", token=server.token(Role.ANALYST))
    clients.do("open", "bob", token=server.token(Role.VIEWER, THEIRS))
    answer = await clients.answer("ada", "a", "{ viewer { role } }")
    assert answer["data"] == {"viewer": {"role": "ANALYST"}}
    answer = await clients.answer("bob", "a", "{ viewer { role } }")
    assert answer["data"] == {"viewer": {"role": "VIEWER"}}
    for client in ("ada", "bob"):
        clients.do("follow", client, id="beats", request=BEATS)
        await clients.wait(client, "next", 3, id="beats")
    few = {"query": "subscription { beats(until: 2) { number } }"}
    clients.do("follow", "ada", id="few", request=few)
    await clients.wait("ada", "complete", id="few")
    assert numbers(clients, "ada", "few") == [0, 1]
    clients.do("stop", "ada", id="beats")
    await clients.wait("ada", "complete", id="beats")
    count = len(numbers(clients, "bob", "beats"))
    await clients.wait("bob", "next", count + 5, id="beats")
    assert numbers(clients, "bob", "beats") == list(range(len(numbers(clients, "bob", "beats"))))


async def test_a_fault_is_told_to_its_own_operation_and_nobody_reconnects(
    server: Served, clients: Clients
) -> None:
    clients.do("open", "ada", token=server.token())
    clients.do("follow", "ada", id="good", request=BEATS)
    bad = {
        "QUERY_INVALID": {"query": "subscription { beats {"},
        "QUERY_TOO_COMPLEX": {"query": "{ " + "a { " * 20 + "b" + " }" * 21},
        "FORBIDDEN": {"query": 'subscription { breaks(how: "forbidden") }'},
        "INTERNAL": {"query": 'subscription { breaks(how: "fault") }'},
        "DOCUMENT_NOT_TRUSTED": {"query": "", "documentId": "sha256:" + "0" * 64},
    }
    for code, request in bad.items():
        clients.do("follow", "ada", id=code, request=request)
        (error,) = await clients.wait("ada", "error", id=code)
        assert [each["extensions"]["code"] for each in error["errors"]] == [code]
    count = len(numbers(clients, "ada", "good"))
    await clients.wait("ada", "next", count + 3, id="good")
    assert len(clients.told("ada", "connected")) == 1
    assert not clients.told("ada", "closed")


async def test_who_answers_heartbeats_stays(server: Served, clients: Clients) -> None:
    clients.do("open", "ada", token=server.token(), options={"lazy": False})
    for number in range(3):  # longer than silence is borne
        await clients.wait("ada", "ping", 2 * (number + 1))  # and the first of two was answered
        server.age(0.6 * LATE_S)
    await clients.wait("ada", "ping", 8)
    assert not clients.told("ada", "closed")


async def test_a_client_comes_back_to_the_next_server_by_itself(
    folder: Path, restarted: Callable[[], tuple[Served, Served, Wire]]
) -> None:
    first, second, wire = restarted()
    async with clients_of(folder, f"http://127.0.0.1:{wire.port}/graphql") as clients:
        clients.do("open", "ada", token=first.token())
        clients.do("follow", "ada", id="beats", request=BEATS)
        await clients.wait("ada", "next", 3, id="beats")
        clients.do("token", "ada", token=second.token())
        wire.lead("127.0.0.1", int(second.origin.rpartition(":")[2]))
        await asyncio.to_thread(drain, first)
        (closed,) = await clients.wait("ada", "closed")
        assert closed["code"] == 1012
        await clients.wait("ada", "connected", 2)
        # It asks again with the variables that it had: the numbers begin anew.
        await until(lambda: numbers(clients, "ada", "beats").count(0) == 2)
        assert not clients.told("ada", "error")


async def test_an_expired_token_brings_it_back_with_a_new_one(
    server: Served, clients: Clients
) -> None:
    clients.do("open", "ada", token=server.short_token())
    clients.do("follow", "ada", id="beats", request=BEATS)
    await clients.wait("ada", "next", id="beats")
    clients.do("token", "ada", token=server.token())
    server.later()
    (closed,) = await clients.wait("ada", "closed")
    assert closed["code"] == 4403
    await clients.wait("ada", "connected", 2)
    await until(lambda: numbers(clients, "ada", "beats").count(0) == 2)
    assert len(clients.told("ada", "connecting")) == 2


async def test_a_token_that_stays_wrong_is_tried_a_few_times_and_no_more(
    server: Served, clients: Clients
) -> None:
    clients.do("open", "ada", token="x.y.z")
    clients.do("follow", "ada", id="beats", request=BEATS)
    (error,) = await clients.wait("ada", "error", id="beats")
    assert error["code"] == 4403
    assert len(clients.told("ada", "connecting")) == RETRIES + 1
    assert {each["code"] for each in clients.told("ada", "closed")} == {4403}


async def test_a_session_is_renewed_over_the_socket(server: Served, clients: Clients) -> None:
    clients.do("open", "ada", token=server.short_token())
    clients.do("open", "bob", token=server.short_token())
    for client in ("ada", "bob"):
        clients.do("follow", client, id="beats", request=BEATS)
        await clients.wait(client, "next", id="beats")
    answer = await clients.answer("ada", "renew", RENEW, token=server.token())
    assert answer["data"]["renewSession"]["__typename"] == "Session"
    clients.do("token", "bob", token=server.token())
    server.later()
    await clients.wait("bob", "closed", code=4403)
    count = len(numbers(clients, "ada", "beats"))
    await clients.wait("ada", "next", count + 3, id="beats")
    assert not clients.told("ada", "closed")


async def test_where_it_is_full_it_tries_again_later(server: Served, clients: Clients) -> None:
    for number in range(3):
        clients.do("open", f"guest {number}", token=server.token(), options={"lazy": False})
        await clients.wait(f"guest {number}", "connected")
    patient = {"retryAttempts": 1_000}
    clients.do("open", "ada", token=server.token(), options=patient)
    clients.do("follow", "ada", id="beats", request=BEATS)
    await clients.wait("ada", "closed", 2, code=1013)
    clients.do("dispose", "guest 0")
    await clients.wait("ada", "next", id="beats")
    assert not clients.told("ada", "error")


async def test_what_a_retry_would_not_mend_is_not_retried(server: Served, clients: Clients) -> None:
    clients.do("open", "ada", token=server.token())
    large = {"query": "{ __typename }", "extensions": {"x": "y" * 300_000}}
    clients.do("follow", "ada", id="large", request=large)
    (error,) = await clients.wait("ada", "error", id="large")
    assert error["code"] == 1009
    assert len(clients.told("ada", "connecting")) == 1


# Events over HTTP


async def test_the_client_of_event_streams_follows_and_completes(
    server: Served, clients: Clients
) -> None:
    clients.do("open", "ada", token=server.token(), kind="sse")
    few = {"query": "subscription { beats(until: 3) { number } }"}
    clients.do("follow", "ada", id="few", request=few)
    await clients.wait("ada", "complete", id="few")
    assert numbers(clients, "ada", "few") == [0, 1, 2]
    answer = await clients.answer("ada", "ask", "{ viewer { role } }")
    assert answer["data"] == {"viewer": {"role": "ANALYST"}}
    clients.do("follow", "ada", id="beats", request=BEATS)
    await clients.wait("ada", "next", 3, id="beats")
    clients.do("stop", "ada", id="beats")
    await clients.wait("ada", "complete", id="beats")
    await until(lambda: not server.parts.watch.meter.streams)


async def test_the_client_of_event_streams_comes_back_with_a_new_token(
    server: Served, clients: Clients
) -> None:
    clients.do("open", "ada", token=server.short_token(), kind="sse")
    clients.do("follow", "ada", id="beats", request=BEATS)
    await clients.wait("ada", "next", id="beats")
    clients.do("token", "ada", token=server.token())
    server.later()
    await until(lambda: numbers(clients, "ada", "beats").count(0) == 2)
    assert not clients.told("ada", "error")


async def test_the_client_of_event_streams_reads_an_error_as_an_answer(
    server: Served, clients: Clients
) -> None:
    clients.do("open", "ada", token=server.token(), kind="sse")
    clients.do("follow", "ada", id="bad", request={"query": "subscription { nothing }"})
    await clients.wait("ada", "complete", id="bad")
    (answer,) = clients.told("ada", "next", id="bad")
    assert answer["value"]["errors"][0]["extensions"]["code"] == "QUERY_INVALID"


@pytest.fixture
def restarted(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], tuple[Served, Served, Wire]]]:
    """A server, the one that takes over, and a wire that leads to the first."""
    with (
        with_streams(),
        served(tmp_path_factory.mktemp("first")) as first,
        served(tmp_path_factory.mktemp("second")) as second,
        Wire("127.0.0.1", int(first.origin.rpartition(":")[2])) as wire,
    ):
        yield lambda: (first, second, wire)
