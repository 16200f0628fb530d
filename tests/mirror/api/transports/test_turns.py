"""Nobody's bytes keep the others waiting: what came is parsed in turns, and in its order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from api.transports import turns
from api.transports.connections import PIPELINED_MAX, Connection, Open
from api.transports.lines import Line
from api.transports.turns import PART, Turns
from tests.attack.raw_socket import PING, frame
from tests.mirror.api.transports.test_lines import handshake

pytestmark = pytest.mark.anyio

MOST = 256 * 1024  # that the loop reads at once


class Transport(asyncio.Transport):
    """One that only knows whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.closed = True, False

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture(autouse=True)
def _every_look_at_the_clock_is_a_turn_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = iter(range(10**9))
    monkeypatch.setattr(turns, "perf_counter", lambda: float(next(now_s)))


class Parser:
    """What was parsed, and whether more is wanted."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.held = False
        self.transport = Transport()
        loop = asyncio.get_running_loop()
        self.turns = Turns(loop, self.transport, self.parts.append, lambda: self.held)


async def test_much_at_once_is_parsed_in_its_order_and_others_have_their_turns() -> None:
    parser, data = Parser(), bytes(range(256)) * 64
    parser.turns.came(data)
    assert len(parser.parts) == 1
    assert not parser.transport.reads  # or it would come faster than it is parsed
    seen = []
    while len(parser.turns):
        seen.append(len(parser.parts))
        await asyncio.sleep(0)
    assert seen == list(range(1, len(data) // PART))
    assert b"".join(parser.parts) == data
    assert parser.transport.reads


async def test_what_comes_meanwhile_waits_for_its_turn() -> None:
    parser = Parser()
    parser.turns.came(b"a" * PART + b"b")
    parser.turns.came(b"c")
    assert len(parser.parts) == 1
    await asyncio.sleep(0)
    assert b"".join(parser.parts) == b"a" * PART + b"bc"


async def test_nothing_is_parsed_or_read_while_no_more_is_wanted() -> None:
    parser = Parser()
    parser.held = True
    parser.turns.came(b"x" * 2 * PART)
    await asyncio.sleep(0)
    assert (parser.parts, parser.transport.reads) == ([], False)
    parser.held = False
    parser.turns.resume_reading()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (len(parser.parts), len(parser.turns), parser.transport.reads) == (2, 0, True)


@pytest.mark.parametrize("how", ["stopped", "closing"])
async def test_what_is_left_of_a_connection_that_ends_is_let_go(how: str) -> None:
    parser = Parser()
    parser.turns.came(b"x" * 8 * PART)
    if how == "stopped":
        parser.turns.stop()
    parser.transport.closed = True
    await asyncio.sleep(0)
    assert (len(parser.parts), len(parser.turns)) == (1, 0)


@asynccontextmanager
async def listening(app: Any, kind: type[Any]) -> AsyncIterator[tuple[int, list[Any]]]:
    """A port at which every connection is of a kind, and those there were."""
    config = uvicorn.Config(app, http=kind, ws=Line, log_config=None, lifespan="off")
    config.load()
    made: list[Any] = []

    def one() -> Any:
        made.append(kind(config, Open() if kind is Connection else ServerState(), {}))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], made
    finally:
        server.close()


async def test_of_requests_in_a_row_few_are_taken_in_and_each_has_its_answer() -> None:
    count, waited = 2_000, []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        waited.append(len(made[0].pipeline))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with listening(app, Connection) as (port, made):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        rows = [b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(count)]
        writer.write(b"".join(rows))
        for _ in range(count):
            assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert len(waited) == count
    assert max(waited) <= PIPELINED_MAX + PART // len(rows[0])


async def test_a_packet_of_frames_is_parsed_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty thousand empty pings in one read kept everybody else waiting for 0.4 s."""
    sizes: list[int] = []
    heard = asyncio.Event()
    parse = Line._parse

    def counted(self: Line, data: bytes) -> None:
        sizes.append(len(data))
        parse(self, data)

    monkeypatch.setattr(Line, "_parse", counted)

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            if message["text"] == "last":
                heard.set()

    async with listening(app, Line) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(handshake(port))
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        draining = asyncio.create_task(reader.read())
        ping = frame(b"", PING)
        writer.write(ping * (MOST // len(ping)) + frame(b"last"))
        await heard.wait()
        writer.close()
        await draining
    assert max(sizes) <= PART
    assert sum(sizes) >= MOST - len(ping)
