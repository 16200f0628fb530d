"""How a connection outward is made: to an address that was looked at, never to a name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

Addresses = Callable[[str, int], Awaitable[Sequence[Any]]]


def backend(addresses: Addresses) -> httpcore.AsyncNetworkBackend:
    """``addresses`` resolves a name, or raises."""
    return _Checked(addresses)


class _Checked(httpcore.AsyncNetworkBackend):
    """TLS above it goes on to speak of the name: to be let in (SNI), and to check who answers."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses, self._under = addresses, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await self._addresses(host, port)
        each = None if timeout is None else timeout / len(found)
        lost: Exception | None = None
        for address in found:
            try:
                return await self._under.connect_tcp(
                    str(address), port, each, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as no:
                lost = no
        raise lost or httpcore.ConnectError(host)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the library's own signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - httpcore gives it
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError(path)

    async def sleep(self, seconds: float) -> None:
        await self._under.sleep(seconds)
