"""How a connection outward is made: to an address that was looked at, never to a name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Final

import httpcore

_READ: Final = 4_096  # bytes at a time, however much has come: reading them takes the loop's time


async def connect(
    addresses: Iterable[Any],
    named: tuple[str, int],
    context: ssl.SSLContext,
    *,
    each_s: float,
    most: int,
) -> Stream:
    """To the first of the addresses that answers as ``named``: a host and a port. TLS speaks of
    the name, to be let in (SNI) and to check who answers. ``most``: bytes that are read.

    Raises:
        OSError, of which ssl.SSLError and TimeoutError are two: what became of the last one.
    """
    host, port = named
    lost = OSError()
    for address in addresses:
        try:
            async with asyncio.timeout(each_s):
                reader, writer = await asyncio.open_connection(
                    str(address), port, ssl=context, server_hostname=host
                )
        except OSError as no:
            lost = no
        else:
            return Stream(reader, writer, most)
    raise lost


class TooMuch(Exception):
    """More came than is read, whatever it was: headers, or a word at a time, count as well."""


class Stream(httpcore.AsyncNetworkStream):
    """A connection. Whoever made it ends it; deadlines are theirs, too."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int
    ) -> None:
        self._reader, self._writer, self._left = reader, writer, most

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the library's own signature
    ) -> bytes:
        await asyncio.sleep(0)  # what is here already is read without a pause for others
        found = await self._reader.read(min(max_bytes, _READ))
        self._left -= len(found)
        if self._left < 0:
            raise TooMuch
        return found

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the library's own signature
    ) -> None:
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as no:
            raise httpcore.WriteError from no  # an answer may have come before, and is read

    async def aclose(self) -> None:
        self.end()

    def end(self) -> None:
        """At once: a farewell in TLS would wait for the other side's."""
        self._writer.transport.abort()
