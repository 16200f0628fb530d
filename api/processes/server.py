"""The server behind a listening socket: a limit on everything that waits, and a stop in order."""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType
from typing import Final

import uvicorn

from api.app import create_app
from api.parts import Parts
from api.processes.listening import BACKLOG, PortTaken, listen
from api.transports.connections import QUIET_S, Connection, Open
from api.transports.lines import MESSAGE_MAX, Line

SOCKETS_WITHIN_S: Final = 5.0  # to tell every socket to connect again, one after the other
REQUESTS_WITHIN_S: Final = 20.0
CANCELLED_WITHIN_S: Final = 2.0
PARTS_WITHIN_S: Final = 60.0  # each part has a time of its own within this
_LOOK_S: Final = 0.02

__all__ = ["PortTaken", "Server", "listen", "server_of"]


class Server(uvicorn.Server):
    """Uvicorn's, that says when it has started, and stops step by step."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.server_state: Open = Open()
        self._parts = parts
        self._drain_s = parts.settings.drain_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told_by: int | None = None  # the signal

    @property
    def exit_code(self) -> int:
        """0 for a stop in order, 130 after Ctrl-C, 1 where something was cut short."""
        if self._told_by == signal.SIGINT:
            return 130
        return 1 if self._parts.stopping.overdue else 0

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """The first signal asks for a stop; the next ones say that there is a hurry."""
        self._told_by = self._told_by or sig
        if self.should_exit and self._loop is not None:
            # Here, between any two lines of whatever runs, only the loop itself may be told.
            self._loop.call_soon_threadsafe(self._parts.stopping.hurry)
        self.should_exit = True

    def orphaned(self) -> None:
        """Stop, and wait for nobody to notice: whoever started this process is gone."""
        self._drain_s = 0.0
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        stop, state = self._parts.stopping, self.server_state
        # Not ready first: what is still open must not be sent more work.
        self._parts.watch.health.drain()
        state.draining = True
        if self._drain_s:
            await stop.pause("not ready", self._drain_s)
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        requests = [each for each in state.connections if isinstance(each, Connection)]
        for connection in requests:
            connection.shutdown()  # at once where it is quiet, else after its answer
        lasting = self._parts.lasting.drain(SOCKETS_WITHIN_S)
        await stop.step("connections that last", lasting, 2 * SOCKETS_WITHIN_S, can_be_skipped=True)
        for other in state.connections.difference(requests):
            other.shutdown()
        await stop.step("requests", self._ended(), REQUESTS_WITHIN_S, can_be_skipped=True)
        for task in state.tasks:
            task.cancel()
        for left in state.connections:
            left.transport.abort()
        await stop.step("cancelled requests", self._ended(), CANCELLED_WITHIN_S)
        await stop.step("parts", self.lifespan.shutdown(), PARTS_WITHIN_S)

    async def _ended(self) -> None:
        """Until no request is under way and no connection is open."""
        state = self.server_state
        while state.connections or state.tasks:  # noqa: ASYNC110 - sets that tell nobody
            await asyncio.sleep(_LOOK_S)


def server_of(parts: Parts) -> Server:
    """A server of the application, with limits on everything that waits."""
    config = uvicorn.Config(
        create_app(parts),
        http=Connection,
        ws=Line,
        ws_max_size=MESSAGE_MAX,
        ws_ping_interval=None,  # `api/transports/lasting.py` pings, and aborts who does not answer
        ws_per_message_deflate=False,  # it trebles the memory of a socket
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=QUIET_S,
        backlog=BACKLOG,
    )
    return Server(config, parts)
