"""A WebSocket written by hand, frame by frame: so that any of them can be wrong."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from contextlib import suppress
from typing import Any, Final

from tests.attack.answers import CLOSED, Answer, answers_in

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
WITHIN_S: Final = 15.0
_HANDSHAKE: Final = (
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-protocol: graphql-transport-ws",
)


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    claimed: int | None = None,
) -> bytes:
    """A client's frame; ``claimed`` is a length that it says and does not have."""
    size = len(payload) if claimed is None else claimed
    first = (0x80 if fin else 0) | (rsv << 4) | opcode
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    if len(payload) > 4_096:  # a mask of zeros is one too, and quick
        return head + bytes(4) + payload
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


class RawSocket:
    """One connection. What the server says is read all the time, unless told not to."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Answer] = asyncio.Queue()
        self.all: list[Answer] = []
        self.refused: Answer | None = None  # the handshake, if it led to no socket
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None] | None = None
        self._may_read = asyncio.Event()
        self._may_read.set()

    async def open(self, address: tuple[str, int], path: str, *lines: str) -> None:
        """Ask for a socket; ``lines`` are in the place of those of the same names."""
        named = {line.partition(":")[0].lower() for line in lines}
        kept = [line for line in _HANDSHAKE if line.partition(":")[0] not in named]
        asked = [f"GET {path} HTTP/1.1", "host: x", *kept, *lines, "", ""]
        self._reader, self._writer = await asyncio.open_connection(*address)
        self._writer.write("\r\n".join(asked).encode("utf-8"))
        head = b""
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.refused = answers_in(head)[0]
            self._note(self.refused)
            self.abort()
            return
        self._reading = asyncio.create_task(self._read())

    def send(self, raw: bytes) -> None:
        if not self._writer.transport.is_closing():
            self._writer.write(raw)

    async def sent(self) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(WITHIN_S):
                await self._writer.drain()

    def say(self, message: Any) -> None:
        self.send(frame(json.dumps(message).encode()))

    def read_no_more(self) -> None:
        self._may_read.clear()
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's

    async def hear(self) -> Answer:
        """The next message that is no ping, or how it ended, or silence."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    answer = await self.heard.get()
                    if answer.body == '{"type":"ping"}':
                        self.say({"type": "pong"})
                    else:
                        return answer
        except TimeoutError:
            return Answer(0, "", "silence")

    async def ended(self) -> Answer:
        """How it ended, whatever came before."""
        if self.refused is not None:
            return self.refused
        while True:
            answer = await self.hear()
            if answer.status or answer.body in (CLOSED, "silence"):
                return answer

    def abort(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._writer.transport.abort()

    def _note(self, answer: Answer) -> None:
        self.all.append(answer)
        self.heard.put_nowait(answer)

    async def _read(self) -> None:
        parts = b""
        try:
            while True:
                await self._may_read.wait()
                first, second = await self._reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack("!H", await self._reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
                payload = await self._reader.readexactly(size)
                opcode = first & 0x0F
                if opcode == CLOSE:
                    code = struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else 1005
                    self._note(Answer(code, "", payload[2:].decode("utf-8", "replace")))
                    return
                if opcode in (0, TEXT, BINARY):
                    parts += payload
                    if first & 0x80:
                        self._note(Answer(0, "", parts.decode("utf-8", "replace")))
                        parts = b""
        except (OSError, asyncio.IncompleteReadError):
            self._note(Answer(0, "", CLOSED))
