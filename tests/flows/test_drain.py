"""A server that is told to stop: who is there is served, who comes is served a while, then it ends.

Real processes and real signals; `VALOR_DRAIN_S` is the while.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.embedded import ANALYST
from api.settings import Settings
from api.terminals.tokens import DevelopmentTokens
from tests import waiting
from tests.served import http, in_time
from tests.terminals import Terminal, running

DEADLINE_S = 60.0
wait_until = partial(waiting.wait_until, deadline_s=DEADLINE_S)
BODY = b'{"query": "{ viewer { role } }"}'


@dataclass(frozen=True)
class Serving:
    """`valor serve --dev` in a process of its own."""

    terminal: Terminal
    port: int
    token: str

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self, how: signal.Signals) -> None:
        self.terminal.process.send_signal(how)

    def ready(self) -> int:
        with http() as client:
            return client.get(f"{self.origin}/health/ready").status_code

    def begun(self) -> socket.socket:
        """A request of which the server has the head and half of the body."""
        before = self._begun()
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)
        connection.sendall(self._head() + BODY[:5])
        wait_until("a request is under way", lambda: self._begun() == before + 1)
        return connection

    def _head(self) -> bytes:
        return (
            "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {self.token}\r\ncontent-length: {len(BODY)}\r\n\r\n"
        ).encode()

    def _begun(self) -> int:
        with http() as client:
            metrics = client.get(f"{self.origin}/metrics").text
        name = "valor_http_requests_in_flight "
        return int(float(metrics.split(f"\n{name}")[1].split()[0]))

    def steps(self) -> list[dict[str, Any]]:
        self.terminal.whole("err")
        return self.terminal.events("stopping")


@contextmanager
def serving(home: Path, **given: str) -> Iterator[Serving]:
    with running(home, "serve", "--dev", "--port", "0", **given) as terminal:
        port: int = terminal.event("serving")["port"]
        settings = Settings.read({"VALOR_HOME": str(home)}, dev=True)
        yield Serving(terminal, port, DevelopmentTokens(settings, ANALYST).token())


class TooLateError(Exception):
    """The drain was over before this machine had done its part."""


def drained(home: Path, part: Callable[[Serving], object]) -> None:
    """Do something with a server that is told to drain for so long that there is time for it.

    How fast a machine is, is not known before, and a long drain would keep everybody waiting.
    """
    for seconds in (1, 4, 16):
        (home / str(seconds)).mkdir()
        given = {"VALOR_DRAIN_S": str(seconds)}
        with suppress(TooLateError), serving(home / str(seconds), **given) as server:
            part(server)
            return
    raise AssertionError("nobody was served within 16 s")


@contextmanager
def in_the_drain() -> Iterator[None]:
    """What is done here needs a server that still serves."""
    try:
        yield
    except (httpx.TransportError, ConnectionClosed) as gone:
        raise TooLateError from gone


def rest_of(connection: socket.socket) -> tuple[bytes, dict[str, Any]]:
    """The head of the answer, and its body, once the connection is closed."""
    with connection:
        connection.sendall(BODY[5:])
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, json.loads(body)


def test_who_is_there_and_who_comes_while_it_drains_are_answered_and_then_nobody(
    tmp_path: Path,
) -> None:
    def part(server: Serving) -> None:
        under_way = server.begun()
        wait_until("ready", lambda: server.ready() == 200)
        server.tell(signal.SIGTERM)
        with in_the_drain(), http() as client:
            wait_until("not ready", lambda: server.ready() == 503)
            late = client.post(
                f"{server.origin}/graphql",
                content=BODY,
                headers={
                    "authorization": f"Bearer {server.token}",
                    "content-type": "application/json",
                },
            )
            in_time(client, f"{server.origin}/health/live")
        assert late.json()["data"] == {"viewer": {"role": "OWNER"}}
        assert late.headers["connection"] == "close"  # so its next one goes elsewhere
        wait_until("it accepts no more", lambda: waiting.refused(server.port))
        assert server.terminal.process.poll() is None  # it waits for the one that it has begun
        head, answer = rest_of(under_way)
        assert head.startswith(b"HTTP/1.1 200")
        assert answer["data"] == {"viewer": {"role": "OWNER"}}
        assert server.terminal.process.wait(DEADLINE_S) == 0

    drained(tmp_path, part)


def test_each_step_is_told_once_in_its_order(tmp_path: Path) -> None:
    with serving(tmp_path, VALOR_DRAIN_S="0.1") as server:
        assert server.terminal.end(signal.SIGTERM) == 0
        steps = [line["step"] for line in server.steps()]
    assert set(Counter(steps).values()) == {1}
    order = ["not ready", "requests", "cancelled requests", "watch", "engine", "database", "parts"]
    assert [step for step in steps if step in order] == order
    assert all("overdue" not in line for line in server.steps())


def test_without_a_drain_a_stop_begins_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.terminal.end(signal.SIGTERM) == 0
        assert "not ready" not in [line["step"] for line in server.steps()]


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"]
)
def test_a_second_signal_skips_the_drain(tmp_path: Path, how: signal.Signals, code: int) -> None:
    with serving(tmp_path, VALOR_DRAIN_S="600") as server:
        server.tell(how)
        wait_until("not ready", lambda: server.ready() == 503)
        assert server.terminal.end(how) == code
        assert [line["step"] for line in server.steps()].count("database") == 1


def test_a_second_signal_leaves_a_request_without_an_answer_and_the_exit_code_says_so(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server, server.begun() as connection:
        server.tell(signal.SIGTERM)
        wait_until("it accepts no more", lambda: waiting.refused(server.port))
        began = time.monotonic()
        assert server.terminal.end(signal.SIGTERM) == 1
        assert time.monotonic() - began < 15.0  # of 20 s that a request would have had
        assert connection.recv(1) == b""
        (requests,) = [line for line in server.steps() if line["step"] == "requests"]
        assert requests["skipped"] is True


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"]
)
def test_a_signal_to_all_its_processes_at_once_is_an_ordinary_stop(
    tmp_path: Path, how: signal.Signals, code: int
) -> None:
    """As a service manager sends it, or a terminal."""
    with serving(tmp_path, VALOR_DRAIN_S="0.5") as server:
        workers = psutil.Process(server.terminal.process.pid).children(recursive=True)
        wait_until("its workers listen", lambda: all(map(deaf_to_signals, workers)))
        for worker in workers:
            worker.send_signal(how)
        server.tell(how)
        assert server.terminal.process.wait(DEADLINE_S) == code
        assert server.terminal.whole("err").count("Traceback") == 0
        loud = [line for line in lines_of(server.terminal) if line["level"] != "info"]
    assert len(workers) >= 2
    assert not loud
    assert not any(worker.is_running() for worker in workers)


def test_a_signal_to_its_group_does_not_reach_its_workers(tmp_path: Path) -> None:
    """Ctrl-C in a terminal is such a signal, also while they are still importing."""
    with serving(tmp_path) as server:
        workers = psutil.Process(server.terminal.process.pid).children(recursive=True)
        assert workers
        assert os.getpgid(server.terminal.process.pid) not in {
            os.getpgid(worker.pid) for worker in workers
        }


def deaf_to_signals(process: psutil.Process) -> bool:
    """Whether it lets SIGINT and SIGTERM pass, as a worker does that is ready."""
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    (ignored,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    both = 1 << (signal.SIGINT - 1) | 1 << (signal.SIGTERM - 1)
    return int(ignored, 16) & both == both


def lines_of(terminal: Terminal) -> list[dict[str, Any]]:
    """Everything in its log."""
    said = terminal.whole("err").splitlines()
    return [json.loads(line) for line in said if line.startswith("{")]


def test_a_connection_that_says_nothing_does_not_hold_a_stop(tmp_path: Path) -> None:
    with (
        serving(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port)) as silent,
    ):
        began = time.monotonic()
        assert server.terminal.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 15.0  # of 20 s that a request would have had
        assert silent.recv(1) == b""


@contextmanager
def introduced(server: Serving) -> Iterator[ClientConnection]:
    """A socket of graphql-transport-ws that was let in."""
    with connect(
        f"ws://127.0.0.1:{server.port}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        proxy=None,
        open_timeout=DEADLINE_S,
        ping_interval=None,
    ) as client:
        payload = {"authorization": f"Bearer {server.token}"}
        client.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert heard(client) == {"type": "connection_ack"}
        yield client


def heard(client: ClientConnection) -> dict[str, Any]:
    """The next message that is no ping."""
    while True:
        message: dict[str, Any] = json.loads(client.recv(DEADLINE_S))
        if message["type"] != "ping":
            return message
        client.send('{"type":"pong"}')


def close_code(client: ClientConnection) -> int:
    """How the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        heard(client)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_a_socket_is_told_to_connect_again(tmp_path: Path) -> None:
    with serving(tmp_path) as server, introduced(server) as client:
        server.tell(signal.SIGTERM)
        assert close_code(client) == 1012
        assert server.terminal.process.wait(DEADLINE_S) == 0


def test_sockets_are_told_one_after_the_other_and_none_holds_the_stop(tmp_path: Path) -> None:
    with serving(tmp_path) as server, ExitStack() as crowd:
        threads = crowd.enter_context(ThreadPoolExecutor(20))  # each answers what it is asked
        clients = [crowd.enter_context(introduced(server)) for _ in range(20)]
        ends = [threads.submit(close_code, client) for client in clients]
        began = time.monotonic()
        server.tell(signal.SIGTERM)
        assert {end.result(DEADLINE_S) for end in ends} == {1012}
        assert time.monotonic() - began > 2.0  # all of them: a herd that comes back is thinned out
        assert server.terminal.process.wait(DEADLINE_S) == 0


def test_a_socket_that_works_during_the_drain_works_until_it_is_told(tmp_path: Path) -> None:
    def part(server: Serving) -> None:
        with introduced(server) as client:
            server.tell(signal.SIGTERM)
            with in_the_drain():
                wait_until("not ready", lambda: server.ready() == 503)
                query = {"query": "{ viewer { role } }"}
                client.send(json.dumps({"id": "1", "type": "subscribe", "payload": query}))
                answer = heard(client)
            assert answer["payload"]["data"] == {"viewer": {"role": "OWNER"}}
            assert server.terminal.process.wait(DEADLINE_S) == 0

    drained(tmp_path, part)
