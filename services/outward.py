"""Every request that leaves the house: to addresses that tenants named, so nothing is believed.

Only ``https``, no redirects, an end to size and time. A name is resolved once, every address that
it has is looked at, and the connection is made to one of these very addresses; so a name that leads
elsewhere a moment later leads nowhere. Certificates are checked against the name. A connection is
for one request and ends with it, whatever becomes of it: nothing is kept that strangers could hold.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    import httpcore

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_BYTES: Final = 65_536  # of an answer
WITHIN_S: Final = 2.0  # from the name to the answer's last byte
MAX_URL: Final = 2_048  # characters
AGENT: Final = "valor-ivx"

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]+\]")
_TARGET: Final = re.compile(r"[!-~]*")  # printable ASCII: nothing that ends a line
# What Python's own tables call global, and is not somebody else's machine on the open network:
# servers of metadata with public addresses, and IPv4 addresses in the clothes of IPv6.
_NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_AROUND: Final = 65_536  # bytes of an answer's headers and framing
_CONNECTIONS: Final = 64
_TRIED: Final = 4  # of the addresses that a name has
_RESOLVERS: Final = 16  # threads: slow names keep nothing else of the process waiting


class OutwardError(Exception):
    """A request that was not made, or got no answer. The message names no address of ours."""


class NotAllowed(OutwardError):
    """Such an address is never asked. ``str`` says what is wrong with it, in a whole sentence."""


class NoAnswer(OutwardError):
    """Nobody answered in time, or with too much, or without a certificate for this name."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status; a redirect is not followed."""

    status: int
    headers: Mapping[str, str]  # names in lower case; of several the last
    body: bytes  # as it was sent: no compression is asked for


def check_url(url: str) -> SplitResult:
    """The parts of an address that may be asked; whom its name leads to is seen when it is asked.

    Raises:
        NotAllowed: for anything but https, a host, perhaps a port, a path and a query.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAllowed("That is not an address: write https://host/path.") from None
    flaw = None
    if len(url) > MAX_URL or not _TARGET.fullmatch(url) or "\\" in url:
        flaw = f"An address is at most {MAX_URL:,} printable ASCII characters."
    elif parts.scheme != "https":
        flaw = "An address begins with https://."
    elif "#" in url:
        flaw = "An address has no fragment (#)."
    elif not _HOST.fullmatch(parts.netloc.rpartition(":")[0] if port is not None else parts.netloc):
        flaw = "An address names a host in lower case, and nobody at it: https://host/path."
    elif port == 0:
        flaw = "Port 0 is nobody's."
    if flaw is not None:
        raise NotAllowed(flaw)
    return parts


class Outward:
    """A client, for whoever asks the same kind of strangers."""

    def __init__(
        self,
        private: Iterable[Network] = (),
        ca_file: Path | None = None,
        *,
        resolve: Resolve | None = None,
    ) -> None:
        """
        ``private``: networks that may be asked although they are not public, for tests alone.
        ``ca_file``: certificates (PEM) that are trusted beside the public ones.
        """
        self._private = tuple(private)
        self._ca_file = ca_file
        self._resolve = resolve or self._look_up
        self._threads: ThreadPoolExecutor | None = None
        self._context: ssl.SSLContext | None = None
        self._places = asyncio.Semaphore(_CONNECTIONS)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        max_bytes: int = MAX_BYTES,
        within_s: float = WITHIN_S,
    ) -> Reply:
        """
        Raises:
            NotAllowed, NoAnswer.
        """
        return await self.request(
            "GET", url, headers=headers, max_bytes=max_bytes, within_s=within_s
        )

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        max_bytes: int = MAX_BYTES,
        within_s: float = WITHIN_S,
        cut: bool = False,
    ) -> Reply:
        """``cut``: of an answer that is too long the beginning is kept, and it is no failure.

        Raises:
            NotAllowed, NoAnswer.
        """
        return await self.request(
            "POST", url, body, headers=headers, max_bytes=max_bytes, within_s=within_s, cut=cut
        )

    async def request(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        max_bytes: int = MAX_BYTES,
        within_s: float = WITHIN_S,
        cut: bool = False,
    ) -> Reply:
        """
        Raises:
            NotAllowed, NoAnswer.
        """
        parts = check_url(url)
        if self._context is None:
            # Certificates and their library are heavy, and most servers ask nobody. Several may do
            # this at one moment, and then one context is as good as another.
            self._context = await asyncio.to_thread(_trusting, self._ca_file)
        import httpcore

        from services.outward_connection import TooMuch, connect

        host, port = str(parts.hostname), parts.port or 443
        # Put together from the parts that were looked at: a second reader of the text could
        # find another host in it.
        target = httpcore.URL(
            scheme=b"https",
            host=host.encode(),
            port=port,
            target=((parts.path or "/") + (f"?{parts.query}" if parts.query else "")).encode(),
        )
        named = f"[{host}]" if ":" in host else host
        sent = {
            "host": named if port == 443 else f"{named}:{port}",
            "user-agent": AGENT,
            "accept-encoding": "identity",
            "connection": "close",
            **({} if body is None else {"content-length": str(len(body))}),
            **{name.lower(): value for name, value in headers.items()},
        }
        asked = httpcore.Request(
            method,
            target,
            headers=[(name.encode(), value.encode()) for name, value in sent.items()],
            content=body,
        )
        try:
            async with asyncio.timeout(within_s), self._places:
                found = (await self.addresses(host, port))[:_TRIED]
                try:
                    stream = await connect(
                        found,
                        (host, port),
                        self._context,
                        each_s=within_s / len(found),
                        most=max_bytes + _AROUND,
                    )
                except TimeoutError:
                    raise
                except OSError:
                    raise NoAnswer(
                        f"{host} did not answer over TLS with a certificate for its name."
                    ) from None
                try:
                    spoken = httpcore.AsyncHTTP11Connection(target.origin, stream)
                    response = await spoken.handle_async_request(asked)
                    kept = await _read(response, max_bytes, cut=cut)
                finally:
                    stream.end()
        except TimeoutError:
            raise NoAnswer(f"{host} did not answer within {within_s:g} s.") from None
        except TooMuch:
            raise _too_long(max_bytes) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
            raise NoAnswer(f"{host} gave no whole answer in HTTP/1.1.") from None
        told = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        return Reply(response.status, MappingProxyType(told), kept)

    async def close(self) -> None:
        """Look up nothing more. Connections end with their requests."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Where a name leads, all of it allowed.

        Raises:
            NotAllowed: if it leads to an address, if only among others, that is never asked.
            NoAnswer: if it leads nowhere.
        """
        try:
            found = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        except (OSError, ValueError):
            found = []
        # One sentence for both: which names there are inside is nobody's business outside.
        if not found:
            raise NoAnswer(f"There is no host {host} on the open network.")
        if not all(map(self.allows, found)):
            raise NotAllowed(f"There is no host {host} on the open network.")
        return found

    def allows(self, address: Address) -> bool:
        """Whether it is somebody's on the open network, or was allowed by name."""
        if any(address in network for network in self._private):
            return True
        return (
            address.is_global
            and not (address.is_multicast or address.is_reserved or address.is_unspecified)
            and not any(address in network for network in _NEVER)
        )

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_RESOLVERS, "resolver")
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(address[0]) for *_, address in found]


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Who is believed to say whose a name is: the public authorities, and those in ``ca_file``."""
    import httpcore

    context = httpcore.default_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


async def _read(response: httpcore.Response, max_bytes: int, *, cut: bool) -> bytes:
    kept = bytearray()
    async for chunk in response.aiter_stream():
        kept += chunk
        if len(kept) > max_bytes:
            if cut:
                return bytes(kept[:max_bytes])
            raise _too_long(max_bytes)
    return bytes(kept)


def _too_long(max_bytes: int) -> NoAnswer:
    return NoAnswer(f"The answer is longer than {max_bytes:,} bytes.")
