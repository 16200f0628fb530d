"""The line below a socket: uvicorn's, with its transport in reach and a bound on what it holds."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from api.transports.turns import Turns

MESSAGE_MAX: Final = 256 * 1024  # bytes of a message that is read at all; then 1009
FRAGMENTS_MAX: Final = 64  # of one message; empty ones would never reach the limit in bytes
LINGERS_S: Final = 2.0  # what still comes is let fall, for a client that has not read why
_MALFORMED: Final = 4400
_LOGGER: Final = logging.getLogger("uvicorn.sockets")
_LOGGER.setLevel(logging.WARNING)


class Line(WebSocketsSansIOProtocol):
    """One connection. ``scope["state"]["line"]`` is it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # At INFO each socket would be a line or two, when a herd comes back a thousand.
        self.logger = self.conn.logger = _LOGGER

    @property
    def behind(self) -> bool:
        """Whether the client has left more than 64 kB unread."""
        return not self.writable.is_set()

    def say(self, text: bytes) -> None:
        """Send one message of text now; into the void, where nobody is there any more."""
        # Its protocol is not told that a connection was lost, and uvloop's transports raise then.
        if self.conn.state is State.OPEN and not (self.close_sent or self.transport.is_closing()):
            self.conn.send_text(text)
            self.transport.write(b"".join(self.conn.data_to_send()))

    async def drained(self) -> None:
        """Until the client has read most of it, or is gone."""
        await self.writable.wait()

    def abort(self) -> None:
        """End it now: closing would wait for a client that does not read."""
        self.transport.abort()

    def refused(self) -> None:
        """The handshake is over, with an answer over HTTP; uvicorn would log that as an error."""
        self.handshake_complete = True

    def forget_handshake(self) -> None:
        """Let go of what nothing reads after it: 4 of the 29 kB of a quiet socket."""
        del self.request, self.response
        self.scope["headers"] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._turns = Turns(self.loop, self.transport, self._parse, lambda: self.read_paused)

    def connection_lost(self, exc: Exception | None) -> None:
        self._turns.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._turns.came(data)

    async def receive(self) -> Any:
        # As uvicorn's, which would read on while there is still something left.
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._turns.resume_reading()
        return message

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.close_sent:  # the client's word for it may be among what is left
            self._turns.resume_reading()

    async def run_asgi(self) -> None:
        self.scope["state"]["line"] = self
        await super().run_asgi()

    def handle_ping(self) -> None:
        # An answer that the client does not read is not worth its memory.
        pong = b"".join(self.conn.data_to_send())
        if not self.behind:
            self.transport.write(pong)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS_MAX:
            self._refuse(f"A message has at most {FRAGMENTS_MAX} fragments.")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._refuse("The message is not UTF-8.")
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Say why it ends, and wait for the other end to hear it.

        Closed at once, as uvicorn does it, a client that is still sending is told of a reset, and
        may never read the reason.
        """
        closing = self.conn.close_sent
        if closing is None or self.close_sent:
            return
        end = {"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason}
        self.queue.put_nowait(end)  # type: ignore[arg-type] # a TypedDict of uvicorn's
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.close_sent = True
        self.close_timer = self.loop.call_later(LINGERS_S, self.transport.close)
        if self.read_paused:
            self.read_paused = False
            self._turns.resume_reading()

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None:  # a body, say: uvicorn would wait for more for ever
            self.transport.close()

    def _refuse(self, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.send_close(_MALFORMED, reason)
            self.handle_parser_exception()
