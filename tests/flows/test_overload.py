"""Everything that waits has an end: who is too many or too slow hears so, and hurts nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager
from math import ceil
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from api.terminals.caller import calling, socket_address
from api.terminals.demo import CREATE
from api.terminals.join import MOVE, ROOM
from api.transports import connections, overload, protocol
from services import compute, workers
from services.principal import Role
from store.database import Bounds
from tests.dcf_documents import firm
from tests.flows.wire import Wire
from tests.mirror.store.conftest import OWNER, SERVING, administer, postgres_roles, role_url
from tests.served import OURS, Served, in_time, served
from tests.waiting import wait_until

__all__ = ["postgres_roles"]

DEADLINE_S: Final = 60.0
VALUE: Final = "mutation ($input: DcfInput!) { valueDcf(input: $input) { __typename } }"
SIMULATE: Final = """mutation ($input: DcfInput!, $spec: SimulationInput!) {
  valueDcf(input: $input) { ... on DcfValuation { simulation(spec: $spec) { __typename } } } }"""
SHOCK: Final = {"path": "capital.wacc", "distribution": {"normal": {"standardDeviation": 0.001}}}
SIMULATION: Final[tuple[str, dict[str, Any]]] = (
    SIMULATE,
    {"input": firm(), "spec": {"shocks": [SHOCK], "trials": 100_000}},
)
GRID: Final[tuple[str, dict[str, Any]]] = (
    """mutation ($input: DcfInput!, $rows: AxisInput!, $columns: AxisInput!) {
  valueDcf(input: $input) { ... on DcfValuation {
    sensitivity(rows: $rows, columns: $columns) { __typename } } } }""",
    {
        "input": firm(),
        "rows": {"path": "capital.wacc", "values": [0.1 + n / 10_000 for n in range(200)]},
        "columns": {"path": "bridge.debt", "values": [float(n) for n in range(200)]},
    },
)
KEEP: Final = """mutation ($input: DcfInput!) { valueDcf(input: $input) {
  ... on DcfValuation { id } } }"""
FIND: Final = "query ($id: ID!) { valuation(id: $id) { id } }"


def overloaded(answer: httpx.Response) -> str:
    """The message of an answer that says to come back."""
    assert answer.status_code == 503, answer.text
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "OVERLOADED"
    wait_s = error["extensions"]["retryAfter"]
    assert wait_s > 0
    assert int(answer.headers["retry-after"]) == ceil(wait_s)
    message: str = error["message"]
    return message


@contextmanager
def connected(server: Served, first: bytes) -> Iterator[socket.socket]:
    """A connection over which something was sent."""
    address = urlsplit(server.origin)
    place = (str(address.hostname), int(address.port or 0))
    with socket.create_connection(place, DEADLINE_S) as client:
        client.sendall(first)
        yield client


def head_of(server: Served, length: int) -> bytes:
    return (
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {server.token()}\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def all_of(client: socket.socket) -> bytes:
    """What comes until the server closes."""
    answer = b""
    try:
        while part := client.recv(65_536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


# Too many


def test_one_request_more_than_can_be_served_is_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overload.Limited.__init__, "__defaults__", (2,))
    monkeypatch.setattr(protocol, "BODY_WITHIN_S", DEADLINE_S)
    with served(tmp_path) as server, server.caller() as caller, ExitStack() as slow:
        for _ in range(2):
            slow.enter_context(connected(server, head_of(server, 100)))
        wait_until("both are under way", lambda: server.parts.watch.meter.in_flight == 2)
        answer = caller.post("{ viewer { role } }")
        assert "more to do than it can" in overloaded(answer)
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        typed = caller.http.post(
            "/graphql", json={"query": "{__typename}"}, headers={"accept": protocol.GRAPHQL}
        )
        assert typed.headers["content-type"].startswith(protocol.GRAPHQL)
        overloaded(typed)
        # Whoever looks after the process is answered still, and sees what happened.
        assert caller.http.get("/health/live").status_code == 200
        shed = 'outcome="bad"'
        counted = caller.http.get("/metrics").text
        assert any(shed in line and 'unknown"' in line for line in counted.splitlines())
        slow.close()
        wait_until("they left", lambda: caller.post("{ viewer { role } }").status_code == 200)


def test_a_request_that_is_refused_leaves_its_connection_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overload.Limited.__init__, "__defaults__", (0,))
    with served(tmp_path) as server, server.caller() as caller:
        for _ in range(3):
            overloaded(caller.post(VALUE, {"input": firm()}))
            assert caller.http.get("/health/live").status_code == 200


def test_a_queue_for_the_engine_that_is_full_is_an_overload_until_it_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "QUEUE", 1)
    with served(tmp_path) as server, server.caller() as caller:
        free = threading.Event()
        engine: Any = server.parts.compute
        held = [engine._threads.submit(free.wait, DEADLINE_S) for _ in range(compute.THREADS)]
        try:
            with ThreadPoolExecutor(1) as crowd:
                first = crowd.submit(answered, server, GRID)
                wait_until("one waits", lambda: engine._waiting == 1)
                answer = caller.post(*GRID)
                assert "waiting" in overloaded(answer)
                assert caller.post(VALUE, {"input": firm()}).status_code == 200  # needs no thread
                free.set()
                assert first.result(DEADLINE_S).status_code == 200
        finally:
            free.set()
        assert all(each.result(DEADLINE_S) for each in held)
        assert caller.post(*GRID).status_code == 200


def test_a_queue_for_simulations_that_is_full_is_an_overload_until_it_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "QUEUE", 1)
    with served(tmp_path) as server, server.caller() as caller:
        pool = server.parts.simulators
        assert caller.post(*SIMULATION).status_code == 200
        with ThreadPoolExecutor(1) as crowd:
            with every_simulator_held(server):
                first = crowd.submit(answered, server, SIMULATION)
                wait_until("one waits", lambda: pool.full)
                answer = caller.post(*SIMULATION)
                assert "waiting" in overloaded(answer)
                assert answer.json()["errors"][0]["extensions"]["retryAfter"] == 1.0
                assert caller.post(VALUE, {"input": firm()}).status_code == 200  # needs no worker
                assert caller.post(*GRID).status_code == 200  # nor does this
                assert not first.done()
            assert first.result(DEADLINE_S).status_code == 200
        assert caller.post(*SIMULATION).status_code == 200


@contextmanager
def every_simulator_held(server: Served) -> Iterator[None]:
    """The worker for simulations is in the hands of somebody who takes his time."""
    beating = server.parts.watch._beating
    assert beating is not None
    loop, free, taken = beating.get_loop(), asyncio.Event(), threading.Event()

    async def hold() -> None:
        async with server.parts.simulators.lent():
            taken.set()
            await free.wait()

    held = asyncio.run_coroutine_threadsafe(hold(), loop)
    try:
        assert taken.wait(DEADLINE_S)
        yield
    finally:
        loop.call_soon_threadsafe(free.set)
        held.result(DEADLINE_S)


def answered(server: Served, asked: tuple[str, dict[str, Any]]) -> httpx.Response:
    with server.caller() as caller:
        return caller.post(*asked)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a connection to the database for two seconds here."""
    bounds = {**Bounds.__init__.__kwdefaults__, "pool_wait_s": 0.2}
    monkeypatch.setattr(Bounds.__init__, "__kwdefaults__", bounds)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, hasty: None
) -> Iterator[Served]:
    """A server on each kind of database."""
    if request.param == "sqlite":
        with served(tmp_path_factory.mktemp("sqlite")) as server:
            yield server
        return
    request.getfixturevalue("postgres_roles")
    base = request.getfixturevalue("postgres_url")
    name = f"overload_{os.getpid()}"
    asyncio.run(administer(base, f"CREATE DATABASE {name} OWNER {OWNER}"))
    urls: dict[str, Any] = {
        "VALOR_DATABASE_URL": role_url(base, SERVING, name),
        "VALOR_DATABASE_OWNER_URL": role_url(base, OWNER, name),
    }
    with served(tmp_path_factory.mktemp("postgresql"), **urls) as server:
        yield server
    asyncio.run(administer(base, f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def every_connection_held(server: Served, how: str) -> Iterator[None]:
    """All connections that read, or write, are in the hands of somebody who takes his time."""
    database, bounds = server.parts.database, Bounds()
    beating = server.parts.watch._beating
    assert beating is not None
    loop = beating.get_loop()
    free = asyncio.Event()
    taken = threading.Semaphore(0)

    async def hold() -> None:
        async with getattr(database, how)(OURS):
            taken.release()
            await free.wait()

    sqlite = server.parts.settings.database_url.startswith("sqlite")
    most = bounds.read_connections if how == "reading" else bounds.write_connections
    count = 1 if sqlite and how == "writing" else most
    held = [asyncio.run_coroutine_threadsafe(hold(), loop) for _ in range(count)]
    try:
        assert all(taken.acquire(timeout=DEADLINE_S) for _ in held)
        yield
    finally:
        loop.call_soon_threadsafe(free.set)
        for each in held:
            each.result(DEADLINE_S)


@pytest.mark.parametrize("how", ["reading", "writing"])
def test_a_pool_without_a_free_connection_is_an_overload_until_there_is_one(
    place: Served, how: str
) -> None:
    with place.caller() as caller:
        kept = caller.data(KEEP, {"input": firm()})["valueDcf"]["id"]

        def ask() -> httpx.Response:
            if how == "reading":
                return caller.post(FIND, {"id": kept})
            return caller.post(VALUE, {"input": firm(marketPrice=4.0)})

        with every_connection_held(place, how):
            # By its own time: a request that takes longer than it may is told so in other words.
            assert "database" in overloaded(ask())
            assert caller.post("{ viewer { role } }").status_code == 200
            assert caller.http.get("/health/live").status_code == 200
        assert ask().status_code == 200


# Too slow


def test_a_head_that_trickles_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.3)
    with served(tmp_path) as server, connected(server, b"POST /graphql HTTP/1.1\r\n") as slow:
        answer = all_of(slow)
        assert answer.startswith(b"HTTP/1.1 408")
        said = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert said["errors"][0]["extensions"]["code"] == "QUERY_INVALID"


@pytest.mark.parametrize("bytes_", [b"", b"\r\n\r\n"], ids=["nothing", "empty lines"])
def test_a_connection_over_which_no_request_comes_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.3)
    with served(tmp_path) as server, connected(server, bytes_) as silent:
        assert all_of(silent) == b""


def test_the_next_head_over_a_connection_has_its_time_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.3)
    whole = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    with served(tmp_path) as server:
        first = b""
        while not first.startswith(b"HTTP/1.1 200"):  # a busy machine may be late with the first
            with connected(server, whole) as client:
                first = client.recv(65_536)
                client.sendall(b"GET /health/live HTTP/1.1\r\nhos")
                answer = all_of(client)
        assert b"HTTP/1.1 408" in answer


def test_a_body_that_trickles_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_WITHIN_S", 0.3)
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.3)
    with served(tmp_path) as server, connected(server, head_of(server, 1_000)) as slow:
        stopped = threading.Event()

        def trickle() -> None:
            try:
                while not stopped.wait(0.02):
                    slow.sendall(b" ")
            except OSError:
                stopped.set()

        trickling = threading.Thread(target=trickle)
        trickling.start()
        answer = all_of(slow)
        stopped.set()
        trickling.join(DEADLINE_S)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"QUERY_INVALID"' in answer


def test_who_does_not_read_an_answer_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "READ_WITHIN_S", 0.3)
    schema = json.dumps({"query": "{ __schema { types { name description fields { name } } } }"})
    with served(tmp_path) as server:
        requests = (head_of(server, len(schema)) + schema.encode()) * 500
        address = urlsplit(server.origin)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((address.hostname, address.port))
            deaf.setblocking(False)  # not all of them fit into what the system holds for us
            deaf.send(requests)
            # Bytes that we have not read keep a connection half open, but for a reset.
            wait_until("reset", lambda: bool(deaf.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
        with server.caller() as caller:
            assert caller.post("{ viewer { role } }").status_code == 200


# Away


def test_a_server_starts_without_redis_and_becomes_whole_when_redis_comes(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("OPEN_WITHIN_S", "QUIET_S"):
        monkeypatch.setattr(f"api.terminals.caller.{bound}", DEADLINE_S)
    address = urlsplit(redis_url)
    with Wire(str(address.hostname), int(address.port or 0)) as wire:
        wire.cut()
        given: dict[str, Any] = {"VALOR_REDIS_URL": f"redis://127.0.0.1:{wire.port}/0"}
        with served(tmp_path, **given) as server, server.caller() as caller:

            def redis() -> str:
                checks = caller.http.get("/health").json()["checks"]
                return str(next(check["state"] for check in checks if check["name"] == "redis"))

            assert redis() == "WARN"
            in_time(caller.http, "/health/ready")
            assert caller.post(VALUE, {"input": firm()}).status_code == 200
            wire.mend()
            wait_until("Redis is there", lambda: redis() == "PASS")
            given = {"name": "Orchard", "inputs": firm(), "operationId": "redis"}
            model_id = caller.data(CREATE, given)["createModel"]["id"]
            assert asyncio.run(meet(server, model_id)) == "capital.wacc"


async def meet(server: Served, model_id: str) -> str:
    """Where one guest of a room sees another point."""
    address, room = socket_address(server.origin), {"id": model_id, "after": None}
    async with (
        calling(address, server.token(Role.OWNER)) as one,
        calling(address, server.token(Role.ANALYST)) as other,
        aclosing(one.follow(ROOM, room)) as seen,
        aclosing(other.follow(ROOM, room)) as entered,
    ):
        async with asyncio.timeout(DEADLINE_S):
            await anext(seen)
            await anext(entered)
            await other.ask(MOVE, {"id": model_id, "cursor": {"path": "capital.wacc"}})
            async for data in seen:
                for cursor in data["collaboration"]["cursors"]:
                    path: str = cursor["path"]
                    return path
    raise AssertionError("the room was closed")
