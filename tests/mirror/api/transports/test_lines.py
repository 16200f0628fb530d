"""The line below a socket, when the other end is gone."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

import pytest
import uvicorn
from uvicorn.server import ServerState

from api.transports.lines import Line


def handshake(port: int) -> bytes:
    return (
        f"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nupgrade: websocket\r\n"
        "connection: upgrade\r\nsec-websocket-version: 13\r\n"
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def factories() -> list[Callable[[], asyncio.AbstractEventLoop]]:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return [asyncio.new_event_loop]
    return [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.mark.parametrize("factory", factories(), ids=lambda factory: factory.__module__)
def test_what_is_said_after_the_connection_was_lost_goes_into_the_void(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Who looks after it may ping it before its own task has heard of the loss."""
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(lost())


async def lost() -> None:
    lines: list[Line] = []
    gone = asyncio.Event()
    accepted = asyncio.Event()

    async def app(_scope: object, receive: object, send: object) -> None:
        await receive()  # type: ignore[operator] # of ASGI
        await send({"type": "websocket.accept"})  # type: ignore[operator] # of ASGI
        accepted.set()
        await gone.wait()

    config = uvicorn.Config(app, ws=Line, log_config=None, lifespan="off")
    config.load()

    class Known(Line):
        def __init__(self) -> None:
            super().__init__(config, ServerState(), {})

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type] # of TCP
            lines.append(self)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            gone.set()

    server = await asyncio.get_running_loop().create_server(Known, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(handshake(port))
    await accepted.wait()
    # Closed without a word: a reset, as when a machine is gone.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    await gone.wait()
    try:
        lines[0].say(b"{}")
        lines[0].abort()
    finally:
        server.close()
