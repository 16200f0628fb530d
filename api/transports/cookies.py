"""Sessions in cookies, for pages: which they are, and why no other page can use them.

The access token is in a cookie that no script reads, that no other host can set (``__Host-``) and
that browsers add only to requests of pages of our own site (``SameSite=Strict``). Sites are coarse:
a neighbour's sub-domain is of the same one. So whatever is more than reading has a word beside it
(`services.csrf`), and whatever a browser sends says where it comes from.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from starlette.responses import Response

from api.operations.request import NotWellFormed
from api.transports.cors import NOT_LISTED, Asked, Origins, admit, foreign_origin, header, visit_of
from services.authentication import bearer
from services.credentials import Credential
from services.csrf import CsrfTokens
from services.errors import Forbidden
from services.principal import Principal
from services.signed_in import Tokens
from services.standing import Terms

ACCESS: Final = "__Host-valor-access"
REFRESH: Final = "__Secure-valor-refresh"  # not __Host-: that one goes to every path
REFRESH_PATH: Final = "/auth"
CSRF_HEADER: Final = b"x-csrf-token"
_MOST: Final = 16_384  # characters of all cookies together

NO_WORD: Final = (
    "A change that comes with cookies needs the header X-CSRF-Token with this session's token: "
    "signing in answers with it, and GET /auth/csrf."
)
NO_ORIGIN: Final = (
    "A request with cookies says which page makes it. Use a browser, or send a token as a header."
)

SetCookie = tuple[bytes, bytes]


def credential_of(asked: Asked) -> Credential | None:
    """What a request came with: its header, and only without one the cookie.

    A header is put there on purpose by whoever wrote the page, while a browser adds a cookie by
    itself: so the header counts, and a cookie beside it is not even read.

    Raises:
        Unauthenticated: if the header is another than “Bearer <token>”.
        NotWellFormed: 400, if there is more than one.
    """
    check_once(asked)
    authorization = header(asked, b"authorization")
    if authorization is not None:
        return bearer(authorization)
    token = cookie(asked, ACCESS)
    return Credential(token, "cookie") if token else None


def check_once(asked: Asked) -> None:
    """See that nobody is named twice: who is between might have read the other name.

    Raises:
        NotWellFormed: 400, as RFC 6750 has it (section 3.1).
    """
    if sum(name == b"authorization" for name, _ in asked["headers"]) > 1:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_request"'}
        raise NotWellFormed(400, "The header Authorization came twice. Send it once.", **challenge)


def refresh_of(asked: Asked) -> str | None:
    """The refresh token in the request's cookies."""
    return cookie(asked, REFRESH) or None


def cookie(asked: Asked, name: str) -> str | None:
    """A cookie's value; None also where there are two of one name: somebody put one there."""
    found: set[str] = set()
    for each, value in asked["headers"]:
        if each == b"cookie" and len(value) <= _MOST:
            for pair in value.decode("latin-1").split(";"):
                key, _, text = pair.strip().partition("=")
                if key == name:
                    found.add(text)
    return found.pop() if len(found) == 1 else None


def signed_out() -> list[SetCookie]:
    """The headers that make a browser forget a session."""
    return [
        set_cookie(ACCESS, "", path="/", max_age_s=0),
        set_cookie(REFRESH, "", path=REFRESH_PATH, max_age_s=0),
    ]


def set_cookie(
    name: str,
    value: str,
    *,
    path: str,
    max_age_s: int,
    same_site: Literal["Strict", "Lax"] = "Strict",
) -> SetCookie:
    """One ``Set-Cookie``; never readable by scripts, never without TLS."""
    written = (
        f"{name}={value}; Path={path}; Max-Age={max_age_s}; Secure; HttpOnly; SameSite={same_site}"
    )
    return b"set-cookie", written.encode("latin-1")


@dataclass(frozen=True, slots=True)
class Handshake:
    """What is left of a socket's first request."""

    origin: str | None  # of a page that is not ours
    cookie: Credential | None  # for whoever gives no token


NO_PAGE: Final = Handshake(None, None)


class Stands(Protocol):
    """Who knows what the tenant of somebody who asks has."""

    async def of(self, principal: Principal) -> Terms:
        """Raises Unauthenticated, Forbidden, DatabaseAway, DatabaseBusy."""
        ...


class Browsers:
    """What is asked of requests that browsers make, once it is known who asks."""

    def __init__(self, origins: Origins, csrf: CsrfTokens, standings: Stands) -> None:
        self.origins, self.csrf, self._standings = origins, csrf, standings

    def as_cookies(self, response: Response, tokens: Tokens) -> str:
        """Put a session's tokens into the browser; the word that its changes come with."""
        now = datetime.now(UTC)
        left_s = int((tokens.expires_at - now).total_seconds())
        until_s = int((tokens.refresh_until - now).total_seconds())
        response.raw_headers += [
            set_cookie(ACCESS, tokens.access, path="/", max_age_s=max(1, left_s)),
            set_cookie(REFRESH, tokens.refresh, path=REFRESH_PATH, max_age_s=max(1, until_s)),
        ]
        return self.csrf.of(tokens.session_id)

    async def check_stranger(self, asked: Asked) -> None:
        """Before somebody signs in or renews: let through no page that no tenant lists.

        Which tenant it is must not be told to a stranger; afterwards `admit` asks its own list.

        Raises:
            Forbidden. DatabaseAway, DatabaseBusy.
        """
        visit = visit_of(asked)
        if visit is None:
            self.check_site(asked, cookies=False)
            return
        visit.known = await self.origins.known(visit.origin)
        if not visit.known:
            raise Forbidden(NOT_LISTED)

    def admit(self, asked: Asked, of_tenant: Collection[str]) -> None:
        """Let a page of another origin read the answer, if the tenant lists it.

        Raises:
            Forbidden.
        """
        admit(asked, self.origins, of_tenant)

    async def check(self, asked: Asked, credential: Credential | None, who: Principal) -> None:
        """Let a request over HTTP through, whatever its method, before anything of it runs.

        Raises:
            Forbidden: for a page of an origin that the tenant does not list; for a cookie where
                nothing says that the page is ours or a listed one's, or without the session's word.
            Unauthenticated, DatabaseAway, DatabaseBusy.
        """
        if visit_of(asked) is not None:
            admit(asked, self.origins, (await self._standings.of(who)).origins)
        if credential is None or credential.by == "header":
            return
        self.check_site(asked)
        if asked["method"] == "GET":
            return  # a query, or a stream of events, neither of which changes anything
        token = header(asked, CSRF_HEADER) or ""
        if not self.csrf.matches(who.session_id, token):
            raise Forbidden(NO_WORD)

    def check_site(self, asked: Asked, *, cookies: bool = True) -> None:
        """Let through what a page of ours or an admitted one made; without ``cookies`` also what
        no browser made.

        Raises:
            Forbidden.
        """
        visit = visit_of(asked)
        if visit is not None:
            if visit.admitted:
                return
            raise Forbidden(NO_ORIGIN)
        site = header(asked, b"sec-fetch-site")
        if asked["method"] == "GET":  # browsers send no Origin to where a page itself is from
            ours = site in (None, "same-origin", "none")
        elif site is None:  # an older browser, whose Origin is then our own; or none at all
            ours = header(asked, b"origin") is not None or not cookies
        else:
            ours = site == "same-origin"
        if not ours:
            raise Forbidden(NO_ORIGIN)

    async def handshake(self, asked: Asked) -> Handshake:
        """What a socket's handshake says, as far as it counts later.

        Raises:
            Forbidden: for a page that no tenant lists. DatabaseAway, DatabaseBusy.
            NotWellFormed: 400, for more than one header Authorization.
        """
        check_once(asked)
        origin = foreign_origin(asked)
        if origin is not None and not await self.origins.known(origin):
            raise Forbidden(NOT_LISTED)
        # No preflight protects a socket: a cookie counts only beside the browser's word.
        token = cookie(asked, ACCESS) if header(asked, b"origin") is not None else None
        if origin is None and not token:
            return NO_PAGE
        return Handshake(origin, Credential(token, "cookie") if token else None)

    async def check_socket(self, handshake: Handshake, who: Principal) -> None:
        """Let a socket be the member's, once it has said who it is.

        Raises:
            Forbidden: for a page that the tenant does not list.
            Unauthenticated, DatabaseAway, DatabaseBusy.
        """
        if handshake.origin is None:
            return
        standing = await self._standings.of(who)
        if not self.origins.listed(handshake.origin, standing.origins):
            raise Forbidden(NOT_LISTED)
