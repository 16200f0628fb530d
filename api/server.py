"""A listening socket, and the server behind it with a limit on everything that waits."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from api.app import create_app
from api.wiring import Parts

BACKLOG: Final = 512  # connections that wait to be accepted


class PortTaken(Exception):
    """Another program listens there, or nobody may."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that is ours before anything slow is done.

    Raises:
        PortTaken: with what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Until it listens another program may bind the port as well. Early clients wait in line.
        listener.listen(BACKLOG)
    except OSError as no:
        listener.close()
        mend = (
            "Stop what runs there, or choose another port: --port 8001 (--port 0: any free one)."
            if no.errno in (errno.EADDRINUSE, errno.EACCES)
            else "Choose an address of this machine: --host 127.0.0.1"
        )
        raise PortTaken(f"{host}:{port} cannot be listened on ({no.strerror}). {mend}") from None
    return listener


class Server(uvicorn.Server):
    """Uvicorn's, that says when it has started, and before all else that it will stop."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._drain = drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Not ready first: what is still open must not be sent more work.
        self._drain()
        await super().shutdown(sockets)


def server_of(parts: Parts) -> Server:
    """A server of the application, with limits on everything that waits."""
    config = uvicorn.Config(
        create_app(parts),
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
        limit_concurrency=1_000,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return Server(config, parts.watch.health.drain)
