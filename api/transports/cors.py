"""Pages of other origins: which may ask here, and which answers their browsers let them read.

An origin may ask for a tenant that lists it, or for every tenant if the server's settings list it.
So a preflight, which says nothing of who will ask, is answered for whatever some tenant lists; and
the request itself only once it is known whose it is. There is one list, for HTTP and for sockets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Literal, Protocol, TypeAlias
from uuid import UUID

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.errors import DatabaseAway, DatabaseBusy, Forbidden

Asked: TypeAlias = Mapping[str, Any]  # an ASGI scope, or Starlette's Request

PATHS: Final = ("/graphql", "/auth/", "/audit/")
MAX_AGE_S: Final = 600  # for which a browser remembers a preflight
_FRESH_S: Final = 10.0  # for which we remember whether some tenant lists an origin
_REMEMBERED: Final = 1_000
_LONGEST: Final = 300  # characters of an origin
_STATE: Final = "visit"  # its place in the request's state
# Answers that were made before anybody knew who asks: nothing of a tenant is in them.
_BEFORE_ALL: Final = frozenset({401, 413, 503})
_HEADERS: Final = "accept, authorization, content-type, x-csrf-token, x-deadline-ms, x-request-id"
_EXPOSED: Final = (
    "ratelimit, ratelimit-policy, retry-after, x-ratelimit-limit, x-ratelimit-remaining, "
    "x-ratelimit-reset, x-ratelimit-resource, x-request-id"
)
_VARY: Final = (b"vary", b"origin, access-control-request-method, access-control-request-headers")
NOT_LISTED: Final = (
    "Pages of this origin may not ask here. Have an administrator add it to the tenant's origins."
)


class Leads(Protocol):
    """What is wanted of the directory of tenants."""

    async def page(
        self, kind: Literal["ORIGIN"], *, after: str = "", until: str = "", limit: int
    ) -> list[tuple[str, UUID]]:
        """(name, tenant) by name, between ``after`` and ``until``."""
        ...


@dataclass(slots=True)
class Visit:
    """A request that a page of another origin made."""

    origin: str
    known: bool = False  # some tenant lists it: it may read a no, which is of no tenant
    admitted: bool = False  # the tenant that is asked for lists it: it may read the answer


class Origins:
    """Which origins may ask."""

    def __init__(
        self,
        directory: Leads,
        everywhere: Collection[str] = (),
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """``everywhere``: origins that may ask for every tenant."""
        self._directory, self._timer = directory, timer
        self._everywhere = frozenset(everywhere)
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    def listed(self, origin: str, of_tenant: Collection[str]) -> bool:
        """Whether it may ask for a tenant that lists these."""
        return origin in self._everywhere or origin in of_tenant

    async def known(self, origin: str) -> bool:
        """Whether it may ask for some tenant. DatabaseAway, DatabaseBusy."""
        if origin in self._everywhere:
            return True
        # “null” is a file, a sandbox, a redirect: it could be anybody.
        if len(origin) > _LONGEST or " " in origin or origin == "null":
            return False
        now = self._timer()
        at_s, found = self._known.get(origin, (float("-inf"), False))
        if now - at_s < _FRESH_S:
            return found
        rows = await self._directory.page(
            "ORIGIN", after=f"{origin} ", until=f"{origin} \U0010ffff", limit=1
        )
        self._known[origin] = (now, bool(rows))
        self._known.move_to_end(origin)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return bool(rows)


def header(asked: Asked, name: bytes) -> str | None:
    """A header's value; of several the first."""
    for each, value in asked["headers"]:
        if each == name:
            return str(value.decode("latin-1"))
    return None


def foreign_origin(asked: Asked) -> str | None:
    """The origin of the page that asks, in lower case, if it is not our own; None: it is, or no
    browser asks."""
    origin = header(asked, b"origin")
    if origin is None:
        return None
    written = origin.lower()
    # A proxy that ends TLS hides the scheme, so host and port are compared; where the browser says
    # itself that the page is another's, it is believed.
    same = written.partition("://")[2] == (header(asked, b"host") or "").lower()
    site = header(asked, b"sec-fetch-site")
    return None if same and site in (None, "same-origin") else written


def admit(asked: Asked, origins: Origins, of_tenant: Collection[str]) -> None:
    """Let a page of another origin ask for a tenant, and read the answer.

    Raises:
        Forbidden: if neither the tenant nor the settings list it.
    """
    visit = visit_of(asked)
    if visit is None:
        return
    if not origins.listed(visit.origin, of_tenant):
        raise Forbidden(NOT_LISTED)
    visit.admitted = True


def visit_of(asked: Asked) -> Visit | None:
    """None: no page of another origin asks."""
    found = asked["state"].get(_STATE)
    if isinstance(found, Visit):
        return found
    # On a path that the layer does not know, a page of another origin is let in by nobody.
    origin = foreign_origin(asked)
    return None if origin is None else Visit(origin)


class Cors:
    """An ASGI layer before what pages of other origins may ask."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = foreign_origin(scope) if scope.get("path", "").startswith(PATHS) else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        asked = header(scope, b"access-control-request-method")
        if scope["method"] == "OPTIONS" and asked is not None:
            await self._preflight(origin, send)
        else:
            await self._serve(Visit(origin), scope, receive, send)

    async def _serve(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][_STATE] = visit

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if visit.admitted or await self._may_read(visit, message["status"]):
                    message["headers"] = [*message.get("headers", ()), *_granted(visit.origin)]
                else:
                    message["headers"] = [*message.get("headers", ()), _VARY]
            await send(message)

        await self._app(scope, receive, answer)

    async def _preflight(self, origin: str, send: Send) -> None:
        try:
            known = await self._origins.known(origin)
        except (DatabaseAway, DatabaseBusy):
            await _answer(send, 503, [(b"retry-after", b"1")])
            return
        if not known:
            await _answer(send, 403)
            return
        told = [
            *_granted(origin),
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", _HEADERS.encode()),
            (b"access-control-max-age", b"%d" % MAX_AGE_S),
        ]
        await _answer(send, 204, told)

    async def _may_read(self, visit: Visit, status: int) -> bool:
        """Whether a page may read an answer that is of no tenant."""
        if visit.known:
            return status != 200
        if status not in _BEFORE_ALL:
            return False
        try:
            return await self._origins.known(visit.origin)
        except (DatabaseAway, DatabaseBusy):
            return False


def _granted(origin: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", _EXPOSED.encode()),
        _VARY,
    ]


async def _answer(send: Send, status: int, told: Iterable[tuple[bytes, bytes]] = ()) -> None:
    body = b""
    headers = [(b"cache-control", b"no-store"), *told]
    if status >= 400:
        message = NOT_LISTED if status == 403 else "The database cannot answer now."
        code = "FORBIDDEN" if status == 403 else "OVERLOADED"
        body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
        headers += [(b"content-type", b"application/json"), _VARY]
        headers.append((b"x-content-type-options", b"nosniff"))
    if status != 204:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
