"""HTTP connections, with an end to every wait for a client.

Uvicorn waits for ever for the head of a request, and for whoever does not read an answer. The body
of a request has its time in ``api/transports/protocol.py``; a quiet connection has uvicorn's.
"""

from __future__ import annotations

import asyncio
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import Any, Final

import orjson
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from api.transports.turns import Turns

HEAD_WITHIN_S: Final = (
    10.0  # from a connection's, or a request's, first sign to the end of its head
)
HEAD_MAX: Final = 32 * 1024  # bytes of a request's first line and headers; the parser has no limit
READ_WITHIN_S: Final = 30.0  # to take what was sent, once 64 kB of it wait
PIPELINED_MAX: Final = 16  # requests of one connection that wait for the one that is answered
QUIET_S: Final = 30  # between two requests of one connection

_AT_ONCE: Final = pack("ii", 1, 0)  # what waits to be sent is dropped


def _no(status: str, message: str) -> bytes:
    """An answer that ends a connection."""
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": "QUERY_INVALID"}}]})
    return (
        b"HTTP/1.1 %b\r\ncontent-type: application/json; charset=utf-8\r\n"
        b"cache-control: no-store\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
    ) % (status.encode(), len(body), body)


_TOO_SLOW: Final = _no(
    "408 Request Timeout", f"The head of the request took longer than {HEAD_WITHIN_S:g} s."
)
_TOO_LONG: Final = _no(
    "414 URI Too Long", f"The address of the request is longer than {HEAD_MAX:,} bytes."
)
_TOO_LARGE: Final = _no(
    "431 Request Header Fields Too Large",
    f"The head of the request is larger than {HEAD_MAX:,} bytes.",
)


class Open(ServerState):
    """What is open in a server, and whether it may still become more."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False  # each answer from now on is the last one of its connection


class Connection(HttpToolsProtocol):
    """One connection; a client that takes too long is let go."""

    server_state: Open

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = False
        self._head = 0  # bytes that came since the head began
        self._is_socket = False  # the transport is another protocol's from then on
        self._late: asyncio.TimerHandle | None = None  # for the head of a request
        self._unread: asyncio.TimerHandle | None = None
        self._served: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._turns = Turns(self.loop, transport, self._parse, self._held)
        self.flow = FlowControl(self._turns)  # type: ignore[arg-type] # as far as it asks for one
        self._late = self.loop.call_later(HEAD_WITHIN_S, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._turns.stop()
        super().connection_lost(exc)
        # Uvicorn tells the newest request alone, and others of the same connection come before it.
        if self._served is not None and not self._served.response_complete:
            self._served.disconnected = True
            self._served.message_event.set()

    def data_received(self, data: bytes) -> None:
        self._turns.came(data)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._turns.resume_reading()  # fewer wait

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > HEAD_MAX:
                self.transport.write(_TOO_LARGE if self.headers else _TOO_LONG)
                self.transport.close()
                return
        # Bytes that begin no request, or go on with one that has its answer, end uvicorn's wait for
        # the next request; without this they could come for ever.
        if self._late is None and not self._is_socket and (self._in_head or self._idle()):
            self._late = self.loop.call_later(HEAD_WITHIN_S, self._too_late)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._late is not None:
            self._late.cancel()
            self._late = None
        super().on_headers_complete()
        if self.server_state.draining and self.cycle is not None:
            self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(READ_WITHIN_S, self.reset)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        # Closing waits until what was sent is read: whoever has not read it by now never will.
        if self.transport.get_write_buffer_size():
            self.reset()
        super().timeout_keep_alive_handler()

    def handle_websocket_upgrade(self) -> None:
        self._forget()
        self._turns.stop()
        self._is_socket = True
        super().handle_websocket_upgrade()

    def reset(self) -> None:
        """End it now, and let the system forget what was not read: closing would keep it."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None and not self.transport.is_closing():
            connection.setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def _held(self) -> bool:
        # Uvicorn takes in more after every answer, however many wait.
        return self.flow.read_paused or len(self.pipeline) >= PIPELINED_MAX

    def _idle(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self.timeout_keep_alive_task is None and not self.transport.is_closing()

    def _too_late(self) -> None:
        self._late = None
        if self.transport.is_closing():
            return
        if self._turns:  # it came, and waits for us
            self._late = self.loop.call_later(HEAD_WITHIN_S, self._too_late)
            return
        if self._in_head:
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _forget(self) -> None:
        for timer in (self._late, self._unread):
            if timer is not None:
                timer.cancel()
        self._late = self._unread = None
