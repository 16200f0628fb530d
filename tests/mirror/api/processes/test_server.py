"""A socket that is ours before anything slow is done, and a server that stops in order."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from api.keys import temporary_keys
from api.parts import Parts
from api.processes.server import PortTaken, Server, listen, server_of
from api.settings import Settings
from api.wiring import build
from observability.logs import Logs
from services.authentication import Issuer
from services.principal import Role
from tests import waiting
from tests.served import MEMBERS, OURS, Served, http
from tests.served import prepare as fill

DEADLINE_S = 60.0
wait_until = partial(waiting.wait_until, deadline_s=DEADLINE_S)


@dataclass
class Running:
    """A server in a thread that a test stops by itself."""

    server: Server
    parts: Parts
    port: int
    token: str
    thread: threading.Thread


@contextmanager
def running(home: Path) -> Iterator[Running]:
    settings = Settings.read({"VALOR_HOME": str(home), "VALOR_TRACE_SAMPLE": "0"}, dev=True)
    asyncio.run(fill(settings))
    keyring = temporary_keys()
    parts = build(settings, keyring, Logs("CRITICAL"))
    server = server_of(parts)
    listener = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_until("the server is up", server.up.is_set)
    try:
        token = Issuer(settings.issuer, keyring.signing()).issue(
            OURS, MEMBERS[Role.OWNER], Role.OWNER
        )
        yield Running(server, parts, listener.getsockname()[1], token, thread)
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)
        listener.close()
        assert not thread.is_alive()


def half_a_request(running: Running, body: bytes) -> socket.socket:
    """A connection whose request the server has begun to read."""
    connection = socket.create_connection(("127.0.0.1", running.port), timeout=DEADLINE_S)
    head = (
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {running.token}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body[:5])
    wait_until("the request is under way", lambda: running.parts.watch.meter.in_flight == 1)
    return connection


def rest_of_it(connection: socket.socket, body: bytes) -> tuple[int, dict[str, object]]:
    connection.sendall(body[5:])
    answer = b""
    while part := connection.recv(65_536):
        answer += part
    head, _, said = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(said)


def test_a_free_port_is_taken_at_once() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=rf":{port} cannot be listened on.*--port 8001"):
            listen("127.0.0.1", port)


def test_a_port_is_free_again_as_soon_as_its_server_is_gone() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        listener.accept()[0].close()  # a connection that lingers
        client.close()
    with listen("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port


def test_an_address_of_another_machine_is_a_no_that_names_one_of_ours() -> None:
    with pytest.raises(PortTaken, match=r"--host 127\.0\.0\.1"):
        listen("192.0.2.1", 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_with_colons_is_ipv6() -> None:
    try:
        listener = listen("::1", 0)
    except PortTaken as no:
        pytest.skip(f"no IPv6 on this machine: {no}")
    with listener:
        assert listener.family is socket.AF_INET6


def test_an_answer_does_not_say_which_server_gave_it(server: Served) -> None:
    with http() as client:
        assert "server" not in client.get(f"{server.origin}/health/live").headers


def test_a_request_that_is_under_way_is_answered_though_the_server_was_told_to_stop(
    tmp_path: Path,
) -> None:
    body = b'{"query": "{ viewer { role } }"}'
    with running(tmp_path) as live:
        connection = half_a_request(live, body)
        assert not live.parts.watch.health.draining
        live.server.should_exit = True
        wait_until("it drains", lambda: live.parts.watch.health.draining)
        assert live.thread.is_alive()  # it waits for the request
        wait_until("nobody is let in", lambda: waiting.refused(live.port))
        status, answer = rest_of_it(connection, body)
        connection.close()
        assert status == 200
        assert answer["data"] == {"viewer": {"role": "OWNER"}}
        live.thread.join(DEADLINE_S)
        assert not live.thread.is_alive()


def test_a_server_whose_database_is_away_does_not_start(tmp_path: Path) -> None:
    settings = Settings.read({"VALOR_HOME": str(tmp_path / "nothing")}, dev=True)
    parts = build(settings, temporary_keys(), Logs("CRITICAL"))
    with listen("127.0.0.1", 0) as listener, pytest.raises(SystemExit):
        server_of(parts).run(sockets=[listener])
