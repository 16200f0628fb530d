"""The wire to PostgreSQL, which a test can listen to and cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from sqlalchemy import make_url

# A message of a client that it waits for an answer to: a simple query, and the end of others.
_ASKS = (b"Q", b"S")
_VERSION_3 = b"\x00\x03\x00\x00"  # after a question whether the wire can be encrypted


class Wire:
    """Passes on what client and server say, and counts how often the client waits."""

    def __init__(self, server: str) -> None:
        self.url = ""  # to open, where one listens
        self._server = make_url(server)
        self.round_trips = 0
        self._cut: tuple[int, Literal["before", "after"]] | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._under_way: set[asyncio.Task[None] | None] = set()

    def count(self) -> None:
        """Count from here."""
        self.round_trips = 0

    def cut(self, round_trip: int, when: Literal["before", "after"]) -> None:
        """Cut all connections at a round trip from now: before it is asked, or once it is answered.

        What is answered is not passed on.
        """
        self.count()
        self._cut = (round_trip, when)

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._under_way.add(asyncio.current_task())
        server = await asyncio.open_connection(self._server.host, self._server.port)
        self._ends |= {writer, server[1]}
        back = asyncio.ensure_future(self._back(server[0], writer))
        try:
            await self._forth(reader, server[1])
        finally:
            ends = (server[1], writer)
            for end in ends:
                end.close()
            closed = (end.wait_closed() for end in ends)
            await asyncio.gather(back, *closed, return_exceptions=True)
            self._ends -= {writer, server[1]}

    async def _forth(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            greeting = b""
            while greeting[:4] != _VERSION_3:  # until then a message has no kind
                length = await reader.readexactly(4)
                greeting = await reader.readexactly(int.from_bytes(length) - 4)
                server.write(length + greeting)
            while True:
                kind, length = await reader.readexactly(1), await reader.readexactly(4)
                message = kind + length + await reader.readexactly(int.from_bytes(length) - 4)
                if kind in _ASKS:
                    self.round_trips += 1
                    if self._cut == (self.round_trips, "before"):
                        self.hang_up()
                        return
                server.write(message)

    async def _back(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while heard := await reader.read(65536):
                if self._cut == (self.round_trips, "after"):
                    # The server is done when it says that it is ready for the next: Z, idle.
                    while not heard.endswith(b"Z\x00\x00\x00\x05I"):
                        heard += await reader.read(65536)
                    self.hang_up()
                    return
                client.write(heard)
        client.close()

    async def ended(self) -> None:
        """Cut all connections, and wait until nothing is left of them."""
        self.hang_up()
        await asyncio.wait_for(asyncio.gather(*filter(None, self._under_way)), 60.0)

    def hang_up(self) -> None:
        """Cut all connections."""
        self._cut = None
        for end in self._ends:
            end.transport.abort()


@asynccontextmanager
async def listened(url: str) -> AsyncIterator[Wire]:
    """A wire to the server of a URL; its own ``url`` is the one to open."""
    wire = Wire(url)
    listener = await asyncio.start_server(wire.client, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    wire.url = make_url(url).set(host=host, port=port).render_as_string(hide_password=False)
    try:
        yield wire
    finally:
        listener.close()
        await wire.ended()
        await listener.wait_closed()
