"""``/auth/*``: signing in and out as plain JSON over HTTP, and the public keys.

Every wrong credential is answered alike: 401, one message. What a page of another origin may do
here, and how tokens travel in cookies, is `api.transports.cookies`' business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.operations.request import NotWellFormed
from api.transports.cookies import Browsers, refresh_of, signed_out
from api.transports.protocol import JSON, object_of
from engine.errors import Refused
from observability.logs import Log
from resolvers.ids import global_id
from resolvers.refusal import Refusal
from services.accounts import SecondFactorWanted, SignIn
from services.credentials import Secret
from services.errors import InvalidInput, Problem, Unauthenticated, no_of
from services.identity import Identity
from services.signed_in import REFRESH, Tokens
from services.signing import Purpose
from services.standing import Standings

PATHS: Final = (
    "/auth/login",
    "/auth/refresh",
    "/auth/logout",
    "/auth/accept",
    "/auth/reset",
    "/.well-known/jwks.json",
    "/.well-known/audit-jwks.json",
)
JWKS_FRESH_S: Final = 300  # for which anybody may keep a copy; a new key signs later than that
_STATUS: Final = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "QUOTA_EXCEEDED": 409,
    "RATE_LIMITED": 429,
    "OVERLOADED": 503,
}
_PRIVATE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Handler = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")


class Auth:
    """The handlers, each for one path."""

    def __init__(
        self, identity: Identity, standings: Standings, browsers: Browsers, log: Log
    ) -> None:
        self._identity, self._standings = identity, standings
        self._browsers, self._log = browsers, log

    def routes(self) -> list[Route]:
        """All of them."""
        handlers: dict[str, Handler] = {
            "/auth/login": self._login,
            "/auth/refresh": self._refresh,
            "/auth/logout": self._logout,
            "/auth/accept": self._accept,
            "/auth/reset": self._reset,
        }
        return [
            *(Route(path, self.told(each), methods=["POST"]) for path, each in handlers.items()),
            Route("/.well-known/jwks.json", self._public("tokens"), methods=["GET"]),
            Route("/.well-known/audit-jwks.json", self._public("audit"), methods=["GET"]),
        ]

    async def handed_over(self, request: Request, tokens: Tokens, *, cookies: bool) -> Response:
        """The answer to who signed in: tokens in it, or in cookies.

        Raises:
            Forbidden: to a page of an origin that the tenant does not list.
        """
        standing = await self._standings.of(tokens.principal)
        self._browsers.admit(request, standing.origins)
        now = datetime.now(UTC)
        body: dict[str, Any] = {
            "tokenType": "Bearer",
            "expiresAt": _written(tokens.expires_at),
            "expiresIn": max(0, int((tokens.expires_at - now).total_seconds())),  # seconds
            "refreshUntil": _written(tokens.refresh_until),
            "session": global_id("SignIn", tokens.session_id),
            "tenant": global_id("Tenant", str(tokens.principal.tenant_id)),
            "member": global_id("Member", str(tokens.principal.member_id)),
            "role": tokens.principal.role.value,
            "secondFactorRequired": standing.principal.enrols,  # and nothing else may be done yet
        }
        if not cookies:
            body |= {"accessToken": tokens.access, "refreshToken": tokens.refresh}
            return answer(body)
        response = answer({})
        body["csrfToken"] = self._browsers.as_cookies(response, tokens)
        response.body = orjson.dumps(body)
        response.headers["content-length"] = str(len(response.body))
        return response

    async def _login(self, request: Request) -> Response:
        await self._browsers.check_stranger(request)
        given = Given(await object_of(request))
        asked = SignIn(
            tenant=given.text("tenant", 63).strip().lower(),
            subject=_as_kept(given.text("subject", 255)),
            password=given.text("password", 1_024),
            code=given.text("code", 64, needed=False) or None,
            address=address_of(request),
            agent=request.headers.get("user-agent"),
        )
        cookies = given.flag("cookies")
        given.close()
        tokens = await self.counted("password", self._identity.accounts.sign_in(asked))
        return await self.handed_over(request, tokens, cookies=cookies)

    async def _refresh(self, request: Request) -> Response:
        await self._browsers.check_stranger(request)
        given = Given(await object_of(request))
        text = given.text("refreshToken", 512, needed=False)
        cookies = given.flag("cookies")
        given.close()
        if not text:
            text, cookies = await self._in_cookie(request), True
        tokens = await self.counted("refresh", self._identity.signed_in.refresh(text))
        return await self.handed_over(request, tokens, cookies=cookies)

    async def _logout(self, request: Request) -> Response:
        await self._browsers.check_stranger(request)
        given = Given(await object_of(request))
        text = given.text("refreshToken", 512, needed=False)
        given.close()
        response = Response(status_code=204, headers=_PRIVATE)
        if not text:
            text = await self._in_cookie(request)
            response.raw_headers += signed_out()
        await self._identity.signed_in.leave(text)
        return response

    async def _accept(self, request: Request) -> Response:
        await self._browsers.check_stranger(request)
        given = Given(await object_of(request))
        invitation = given.text("invitation", 512)
        password = given.text("password", 1_024)
        name = given.text("name", 255, needed=False) or None
        cookies = given.flag("cookies")
        given.close()
        accepted = self._identity.accounts.accept(
            invitation, password, name, address_of(request), request.headers.get("user-agent")
        )
        tokens = await self.counted("invitation", accepted)
        return await self.handed_over(request, tokens, cookies=cookies)

    async def _reset(self, request: Request) -> Response:
        await self._browsers.check_stranger(request)
        given = Given(await object_of(request))
        token, password = given.text("token", 512), given.text("password", 1_024)
        given.close()
        done = self._identity.accounts.reset(token, password, address_of(request))
        await self.counted("reset", done)
        return Response(status_code=204, headers=_PRIVATE)

    def _public(self, purpose: Purpose) -> Handler:
        """Who tells the public keys of one purpose."""

        async def jwks(_request: Request) -> Response:
            body = orjson.dumps(self._identity.keyring.jwks(purpose))
            headers = {
                "cache-control": f"public, max-age={JWKS_FRESH_S}",
                "x-content-type-options": "nosniff",
                "access-control-allow-origin": "*",  # they are public
            }
            return Response(body, headers=headers, media_type="application/jwk-set+json")

        return jwks

    async def _in_cookie(self, request: Request) -> str:
        """The refresh token in a cookie, of a page that may send it.

        Raises:
            Unauthenticated: if there is none. Forbidden: for another page's.
        """
        text = refresh_of(request)
        given = Secret.read(REFRESH, text) if text else None
        if text is None or given is None:
            raise Unauthenticated
        # Asked before anything is done: a page that may not even renew must not spend a token.
        terms = await self._standings.terms(given.tenant_id)
        self._browsers.admit(request, terms.origins)
        self._browsers.check_site(request)
        return text

    async def counted(self, kind: str, work: Awaitable[T]) -> T:
        try:
            return await work
        except Unauthenticated:
            self._identity.refusals.refused_credential(kind)
            raise

    def told(self, handler: Handler) -> Handler:
        """The handler, with every no in one form."""

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except NotWellFormed as no:
                body = {"error": {"code": "QUERY_INVALID", "message": no.message}}
                return answer(body, no.status, no.headers)
            except Exception as no:
                told = refused(no)
                if told is None:
                    self._log.exception("request failed")
                    request_id: str = request.scope["state"]["request_id"]
                    fault = "Something went wrong here. It is on record."
                    error = {"code": "INTERNAL", "message": fault, "requestId": request_id}
                    return answer({"error": error}, 500)
                return told

        return handle


class Given:
    """What came in a body: read field by field, and refused all together."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body, self._problems = body, list[Problem]()

    def text(self, name: str, longest: int, *, needed: bool = True) -> str:
        """A text of at most so many characters; without it, nothing."""
        value = self._body.get(name)
        if value is None and not needed:
            return ""
        if value is None:
            self._wrong(name, "MISSING", f"is missing: a text of 1 to {longest} characters")
        elif not isinstance(value, str):
            self._wrong(name, "WRONG_TYPE", "is a text")
        elif len(value) > longest or (needed and not value.strip()):
            self._wrong(name, "WRONG_LENGTH", f"has 1 to {longest} characters")
        else:
            return value
        return ""

    def flag(self, name: str) -> bool:
        """Whether it is true; left out, it is not."""
        value = self._body.get(name, False)
        if not isinstance(value, bool):
            self._wrong(name, "WRONG_TYPE", "is true or false")
        return value is True

    def close(self) -> None:
        """
        Raises:
            InvalidInput: with everything that was wrong.
        """
        if self._problems:
            raise InvalidInput.of(self._problems)

    def _wrong(self, name: str, code: Any, what: str) -> None:
        self._problems.append(Problem(name, code, f"“{name}” {what}.", f"Send “{name}” so."))


def refused(no: Exception) -> Response | None:
    """The answer to what may not be done; None: the fault is ours."""
    told = no_of(no)
    if told is None:
        return None
    code, message, wait_s = told
    status = _STATUS.get(code, 400)
    error: dict[str, Any] = {"code": code, "message": message}
    headers = {}
    if isinstance(no, Refused) and no.problems:
        error["issues"] = [
            {
                "path": each.path,
                "code": each.code,
                "message": each.message,
                "suggestion": each.suggestion,
            }
            for each in Refusal.of(no).issues
        ]
    if isinstance(no, SecondFactorWanted):
        error["secondFactor"] = True
    if wait_s is not None:
        error["retryAfter"] = wait_s
        headers["retry-after"] = str(ceil(wait_s))
    if isinstance(no, Unauthenticated):
        headers["www-authenticate"] = no.challenge
    return answer({"error": error}, status, headers)


def answer(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON that nobody keeps."""
    told = {**_PRIVATE, **(headers or {})}
    return Response(orjson.dumps(body), status, told, media_type=JSON)


def address_of(request: Request) -> str:
    """Where a request comes from, as the server below us knows it; behind a proxy, by its word."""
    return request.client.host if request.client else ""


def _as_kept(subject: str) -> str:
    """A name to sign in by: addresses are kept in small letters."""
    plain = subject.strip()
    return plain.lower() if "@" in plain else plain


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
