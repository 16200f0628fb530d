"""Signing in by a tenant's identity provider: a browser there and back, and tokens for tokens.

What a browser has to bring back is in a sealed cookie of its own, so nobody can finish in one
browser what was begun in another. It is sent on to a path of our own and nowhere else.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.operations.request import NotWellFormed
from api.transports.auth import Auth, Given, address_of, answer
from api.transports.cookies import Browsers, cookie, credential_of, set_cookie
from api.transports.protocol import object_of
from services.authentication import Authenticator
from services.errors import Unauthenticated
from services.federation import SCOPES, Departure, Federation
from services.id_tokens import MAX_TOKEN
from services.sealing import NotSealed, Sealer
from services.standing import Standings

START: Final = "/auth/oidc/start"
CALLBACK: Final = "/auth/oidc/callback"
EXCHANGE: Final = "/auth/oidc/exchange"
CSRF: Final = "/auth/csrf"
PATHS: Final = (START, CALLBACK, EXCHANGE, CSRF)
FLOW: Final = "__Host-valor-oidc"
FLOW_FOR: Final = timedelta(minutes=10)
_PURPOSE: Final = "oidc-flow"
_LONGEST: Final = 2_048  # characters of a code, a state or an error
# A path of ours: browsers read // and /\ as another host, and drop tabs and line ends first.
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,500}")


class _Flow(NamedTuple):
    """What one browser has to bring back."""

    tenant_id: UUID
    provider_id: UUID
    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    back: str  # a path
    until: datetime


class OidcRoutes:
    """What is served under ``/auth/oidc``, and the word of a session."""

    def __init__(
        self,
        auth: Auth,
        federation: Federation,
        browsers: Browsers,
        authenticator: Authenticator,
        standings: Standings,
        sealer: Sealer,
        public_url: str | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``public_url``: where callers find this service; None: where they say that they do."""
        self._auth, self._federation, self._browsers = auth, federation, browsers
        self._authenticator, self._standings = authenticator, standings
        self._sealer, self._public_url, self._clock = sealer, public_url, clock

    def routes(self) -> list[Route]:
        return [
            Route(START, self._auth.told(self.start), methods=["GET"]),
            Route(CALLBACK, self._auth.told(self.callback), methods=["GET"]),
            Route(EXCHANGE, self._auth.told(self.exchange), methods=["POST"]),
            Route(CSRF, self._auth.told(self.csrf), methods=["GET"]),
        ]

    async def start(self, request: Request) -> Response:
        """Send a browser to its tenant's provider: ``?tenant=slug``, ``issuer``, ``return``."""
        slug, issuer = _given(request, "tenant"), _given(request, "issuer")
        back = _given(request, "return") or "/"
        if slug is None or not _PATH.fullmatch(back):
            raise NotWellFormed(400, "Give `tenant`, and as `return` a path such as /models.")
        there = await self._federation.depart(slug, issuer)
        redirect_uri = self._origin(request) + CALLBACK
        flow = _Flow(
            there.tenant_id,
            there.provider_id,
            there.state,
            there.nonce,
            there.verifier,
            redirect_uri,
            back,
            self._clock() + FLOW_FOR,
        )
        sealed = self._sealer.seal(_PURPOSE, orjson.dumps(flow._asdict()).decode())
        sent = _redirect(_address(there, redirect_uri))
        sent.raw_headers.append(_flow_cookie(sealed, int(FLOW_FOR.total_seconds())))
        return sent

    async def callback(self, request: Request) -> Response:
        """Whoever comes back from a provider: signed in, with cookies, and sent on."""
        flow = self._flow(cookie(request, FLOW))
        state, code = _given(request, "state"), _given(request, "code")
        if state is None or code is None:
            raise Unauthenticated
        if not hmac.compare_digest(state.encode(), flow.state.encode()):
            raise Unauthenticated
        arriving = self._federation.arrive(
            flow.tenant_id,
            flow.provider_id,
            code=code,
            verifier=flow.verifier,
            nonce=flow.nonce,
            redirect_uri=flow.redirect_uri,
            named=_given(request, "iss"),
            address=address_of(request),
            agent=request.headers.get("user-agent"),
        )
        tokens = await self._auth.counted("oidc", arriving)
        sent = _redirect(flow.back)
        self._browsers.as_cookies(sent, tokens)
        sent.raw_headers.append(_flow_cookie("", 0))
        return sent

    async def exchange(self, request: Request) -> Response:
        """A session for a token of a tenant's provider: ``{token, accessToken?, cookies?}``."""
        await self._browsers.check_stranger(request)
        given = Given(await object_of(request))
        token = given.text("token", MAX_TOKEN)
        access_token = given.text("accessToken", MAX_TOKEN, needed=False) or None
        cookies = given.flag("cookies")
        given.close()
        exchanging = self._federation.exchange(
            token,
            access_token,
            address=address_of(request),
            agent=request.headers.get("user-agent"),
        )
        tokens = await self._auth.counted("oidc", exchanging)
        return await self._auth.handed_over(request, tokens, cookies=cookies)

    async def csrf(self, request: Request) -> Response:
        """The word of the session that the cookies are of, for a page that was loaded anew."""
        credential = credential_of(request)
        principal = await self._authenticator.prove(credential)
        await self._browsers.check(request, credential, principal)
        standing = await self._standings.of(principal)
        token = self._browsers.csrf.of(standing.principal.session_id)
        return answer({"csrfToken": token, "expiresAt": principal.expires_at})

    def _flow(self, sealed: str | None) -> _Flow:
        """
        Raises:
            Unauthenticated: if this browser began nothing, or too long ago.
        """
        try:
            found: dict[str, Any] = orjson.loads(self._sealer.open(_PURPOSE, sealed or ""))
        except NotSealed:
            raise Unauthenticated from None
        flow = _Flow(
            **found
            | {
                "tenant_id": UUID(found["tenant_id"]),
                "provider_id": UUID(found["provider_id"]),
                "until": datetime.fromisoformat(found["until"]),
            }
        )
        if flow.until <= self._clock():
            raise Unauthenticated
        return flow

    def _origin(self, request: Request) -> str:
        """Ours, as the browser knows it. What it is, the provider compares with its own list."""
        if self._public_url is not None:
            return self._public_url
        return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _address(there: Departure, redirect_uri: str) -> str:
    place = there.metadata.authorization_endpoint
    asked = urlencode(
        {
            "response_type": "code",
            "client_id": there.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": there.state,
            "nonce": there.nonce,
            "code_challenge": there.challenge,
            "code_challenge_method": "S256",
        }
    )
    return f"{place}{'&' if '?' in place else '?'}{asked}"


def _redirect(to: str) -> Response:
    headers = {"location": to, "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return Response(None, 303, headers)


def _flow_cookie(value: str, max_age_s: int) -> tuple[bytes, bytes]:
    # Lax: whoever comes back comes from another site.
    return set_cookie(FLOW, value, path="/", max_age_s=max_age_s, same_site="Lax")


def _given(request: Request, name: str) -> str | None:
    """
    Raises:
        NotWellFormed: 400, for a parameter that is too long, or there twice: which would count?
    """
    found = request.query_params.getlist(name)
    if len(found) > 1 or any(len(each) > _LONGEST for each in found):
        message = f"Give `{name}` once, with at most {_LONGEST:,} characters."
        raise NotWellFormed(400, message)
    return found[0] if found else None
