"""Messages between a server and its worker processes: a length, then that much JSON."""

from __future__ import annotations

import asyncio
from typing import Any, BinaryIO, Final, TypeAlias

import orjson

Frame: TypeAlias = dict[str, Any]

_LENGTH: Final = 4  # bytes, big-endian
LONGEST: Final = 16 * 2**20  # a longer one is no message of ours


class FrameBroken(Exception):
    """What came is no message: the other side is not ours, or has lost its place."""


def packed(frame: Frame) -> bytes:
    """The bytes of a message."""
    body = orjson.dumps(frame)
    return len(body).to_bytes(_LENGTH, "big") + body


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next message; None at the end of the stream, also where it ends in a message.

    Raises:
        FrameBroken: for what is no message.
    """
    length = _length(stream.read(_LENGTH))
    if length is None:
        return None
    body = stream.read(length)
    return _document(body) if len(body) == length else None


async def next_frame(stream: asyncio.StreamReader) -> Frame | None:
    """The same, without keeping the event loop."""
    try:
        length = _length(await stream.readexactly(_LENGTH))
        return None if length is None else _document(await stream.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _length(head: bytes) -> int | None:
    if len(head) < _LENGTH:
        return None
    length = int.from_bytes(head, "big")
    if length > LONGEST:
        raise FrameBroken(f"A message of {length} bytes is not believed.")
    return length


def _document(body: bytes) -> Frame:
    try:
        frame = orjson.loads(body)
    except orjson.JSONDecodeError:
        frame = None
    if not isinstance(frame, dict):
        raise FrameBroken("A message is a JSON object.")
    return frame
