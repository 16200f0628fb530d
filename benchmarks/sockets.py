"""Sockets: kB of memory each, and server CPU of one mutation, beside plain Strawberry's handler.

    python3 dev.py bench sockets [--sockets N] [--mutations N] [--rounds N]

Each socket is acknowledged and has one subscription that has said something once and is quiet.
Memory is the resident set of the server with all of them open, less that with a few, by their
number. The mutations come one at a time: `renewSession`, which both have, and of ours `moveCursor`,
in a room that its member follows.
Both servers run in the same rounds, so that a busy machine is busy for both; quote the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.api import ROOT, free_port

WARM = 50  # sockets that are open before anything is measured
MUTATION = (
    "mutation Renew($token: String!) { renewSession(token: $token) "
    "{ __typename ... on Session { expiresAt } ... on Refusal { code } } }"
)
CREATE = (
    "mutation Make($input: CreateModelInput!) { createModel(input: $input) "
    "{ ... on FinancialModel { id } ... on Refusal { message } } }"
)
FOLLOW = (
    "subscription Follow($id: ID!) { collaboration(modelId: $id) "
    "{ seq cursors { x y path } edits { revision } } }"
)
MOVE = (
    "mutation Move($id: ID!, $x: Float!) "
    '{ moveCursor(modelId: $id, cursor: {path: "capital.wacc", x: $x, y: 0.5}) }'
)
HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: {}\r\n"
    "sec-websocket-protocol: graphql-transport-ws\r\n"
    "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
    "accept-language: en-GB,en;q=0.9\r\ncache-control: no-cache\r\npragma: no-cache\r\n\r\n"
)


@dataclass
class Server:
    """One server process."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    token: str
    kilobytes: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    cursor_us: list[float] = field(default_factory=list)

    def resident(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def cpu_s(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


class Socket:
    """A client that costs little itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def opened(cls, server: Server) -> Socket:
        """Acknowledged, with its subscription's first event heard."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**16)
        writer.write(HANDSHAKE.format(base64.b64encode(os.urandom(16)).decode()).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head:
            raise RuntimeError(f"{server.name}: {head!r}")
        socket = cls(reader, writer)
        payload = {"authorization": f"Bearer {server.token}"}
        socket.say({"type": "connection_init", "payload": payload})
        await socket.hear("connection_ack")
        quiet = {"query": "subscription { quiet }"}
        socket.say({"type": "subscribe", "id": "1", "payload": quiet})
        await socket.hear("next")
        return socket

    def say(self, message: dict[str, Any]) -> None:
        text = orjson.dumps(message)
        size = len(text)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else b""
        head = head or struct.pack("!BBH", 0x81, 0xFE, size)
        self._writer.write(head + b"\0\0\0\0" + text)  # masked, with a mask of nothing

    async def hear(self, kind: str, id_: str | None = None) -> dict[str, Any]:
        """The next message of a kind, and of an operation; a ping is answered."""
        while True:
            _, size = await self._reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self._reader.readexactly(2))
            message: dict[str, Any] = orjson.loads(await self._reader.readexactly(size))
            if message["type"] == kind and id_ in (None, message.get("id")):
                return message
            if message["type"] == "ping":
                self.say({"type": "pong"})
            elif message["type"] == "error":
                raise RuntimeError(repr(message))

    async def ask(self, id_: str, query: str, **variables: Any) -> dict[str, Any]:
        payload = {"query": query, "variables": variables}
        self.say({"type": "subscribe", "id": id_, "payload": payload})
        answer = (await self.hear("next", id_))["payload"]
        await self.hear("complete", id_)
        if "errors" in answer:
            raise RuntimeError(repr(answer))
        data: dict[str, Any] = answer["data"]
        return data

    async def renew(self, number: int, token: str) -> None:
        data = await self.ask(f"m{number}", MUTATION, token=token)
        if data["renewSession"]["__typename"] != "Session":
            raise RuntimeError(repr(data))

    async def enter(self) -> str:
        """A model's id, whose room this socket follows from now on."""
        document = orjson.loads((ROOT / "examples" / "apple.json").read_bytes())
        made = await self.ask("make", CREATE, input={"name": "Room", "inputs": {"dcf": document}})
        model: str = made["createModel"]["id"]
        follow = {"query": FOLLOW, "variables": {"id": model}}
        self.say({"type": "subscribe", "id": "room", "payload": follow})
        await self.hear("next", "room")
        return model

    async def move(self, number: int, model: str) -> None:
        await self.ask(f"c{number}", MOVE, id=model, x=number % 1_000 / 1_000)

    def close(self) -> None:
        self._writer.transport.abort()


@contextmanager
def started(name: str, module: str, folder: Path) -> Iterator[Server]:
    port = free_port()
    home = folder / module
    home.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", str(home), str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        token = process.stdout.readline().decode().strip()
        deadline = time.monotonic() + 30
        watched = psutil.Process(process.pid)
        while all(each.status != "LISTEN" for each in watched.net_connections()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start")
            time.sleep(0.05)
        yield Server(name, process, port, token)
    finally:
        process.terminate()
        process.wait(60)


async def measure(servers: list[Server], count: int, mutations: int, rounds: int) -> None:
    for server in servers:
        few = [await Socket.opened(server) for _ in range(WARM)]
        await few[0].renew(0, server.token)
        before = server.resident()
        many = [await Socket.opened(server) for _ in range(count)]
        server.kilobytes.append((server.resident() - before) / count / 1024)
        for socket in (*few, *many):
            socket.close()
    for turn in range(rounds + 1):
        for server in servers:
            socket = await Socket.opened(server)
            before_s = server.cpu_s()
            for number in range(mutations):
                await socket.renew(number, server.token)
            spent_us = (server.cpu_s() - before_s) / mutations * 1e6
            if turn:  # the first one warms
                server.cpu_us.append(spent_us)
            socket.close()
        ours = servers[0]
        socket = await Socket.opened(ours)
        model = await socket.enter()
        before_s = ours.cpu_s()
        for number in range(mutations):
            await socket.move(number, model)
        if turn:
            ours.cursor_us.append((ours.cpu_s() - before_s) / mutations * 1e6)
        socket.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=900)
    parser.add_argument("--mutations", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        started("Valor IVX", "our_sockets", Path(folder)) as ours,
        started("plain Strawberry", "peer_sockets", Path(folder)) as peer,
    ):
        asyncio.run(measure([ours, peer], options.sockets, options.mutations, options.rounds))
        print(f"\n{options.sockets} acknowledged sockets, one quiet subscription each: kB a socket")
        for server in (ours, peer):
            print(f"  {server.name:<18} {server.kilobytes[0]:>7.1f}")
        print(
            f"\nrenewSession over the socket: server CPU, µs ({options.rounds} rounds × "
            f"{options.mutations})"
        )
        for server in (ours, peer):
            ratios = [a / b for a, b in zip(peer.cpu_us, server.cpu_us, strict=True)]
            print(
                f"  {server.name:<18} best {min(server.cpu_us):>7,.0f}   median "
                f"{statistics.median(server.cpu_us):>7,.0f}   plain / this: median "
                f"{statistics.median(ratios):.2f}"
            )
        print(
            f"\nmoveCursor over the socket: server CPU, µs\n  {ours.name:<18} best "
            f"{min(ours.cursor_us):>7,.0f}   median {statistics.median(ours.cursor_us):>7,.0f}"
        )


if __name__ == "__main__":
    main()
