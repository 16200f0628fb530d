"""What comes over a connection is parsed a little at a time, so that others have their turns.

One read of 256 kB may hold forty thousand empty frames, or fourteen thousand small requests: parsed
at once, they keep everybody else waiting for 0.4 s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

PART: Final = 2 * 1024  # bytes that are parsed without a look at the clock
TURN_S: Final = 0.002


class Turns:
    """Between a transport and what parses its bytes, for which it also stops and starts reading."""

    __slots__ = ("_held", "_left", "_loop", "_next", "_parse", "_transport")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        parse: Callable[[bytes], None],
        held: Callable[[], bool],
    ) -> None:
        """``held``: whether no more is wanted now; `resume_reading` says that it may be."""
        self._loop, self._transport = loop, transport
        self._parse, self._held = parse, held
        self._left = bytearray()
        self._next: asyncio.Handle | None = None

    def __len__(self) -> int:
        """Bytes that came and were not parsed yet."""
        return len(self._left)

    def came(self, data: bytes) -> None:
        """Parse as much of it as a turn has time for, and the rest in turns to come."""
        if not self._left and len(data) <= PART:
            self._parse(data)
            return
        self._left += data
        if self._next is None:
            self._turn()

    def pause_reading(self) -> None:
        """Nothing more is wanted."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """First what is left, then what comes."""
        if self._left:
            if self._next is None:
                self._next = self._loop.call_soon(self._turn)
        elif not self._held():
            self._transport.resume_reading()

    def stop(self) -> None:
        """Let go of what is left."""
        self._left.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _turn(self) -> None:
        self._next = None
        ends_s = perf_counter() + TURN_S
        while self._left and not (self._held() or self._transport.is_closing()):
            part = bytes(self._left[:PART])
            del self._left[:PART]
            self._parse(part)
            if perf_counter() >= ends_s:
                break
        if self._transport.is_closing():
            self._left.clear()
            return
        if self._left:
            self._transport.pause_reading()
        if not self._held():
            self.resume_reading()
