"""Access tokens: Ed25519 JWTs that live for minutes, and the principal that one proves.

A token names its tenant and role; nothing else in a request does. API keys are proved beside them.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import GuestProtocol, OKPKey

from services.credentials import Credential
from services.errors import Unauthenticated
from services.principal import Principal, Role
from services.signing import Clock, Keyring

ALGORITHM: Final = "Ed25519"  # RFC 9864: the name says the curve; EdDSA alone is deprecated
AUDIENCE: Final = "valor-ivx"
LIFETIME: Final = timedelta(minutes=10)
LEEWAY_S: Final = 5  # between the clocks of the machine that signs and the one that checks
MAX_TOKEN: Final = 4_096  # characters
API_KEY: Final = "vk_"  # how each of them begins
_REMEMBERED: Final = 1_024  # proved tokens; a signature costs more than the rest of a small request
_NOTHING: Final = (
    "This needs a token. Send the header “Authorization: Bearer <token>”; in development, "
    "`valor token` prints one."
)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs tokens with one private key, which has a name, for one issuer."""

    name: str
    key: OKPKey
    clock: Clock = lambda: datetime.now(UTC)

    def issue(
        self,
        tenant_id: UUID,
        member_id: UUID,
        role: Role,
        lifetime: timedelta = LIFETIME,
        *,
        session_id: str | None = None,
        grant_id: UUID | None = None,
    ) -> str:
        """A compact JWT. Whoever holds it is the member until it expires.

        ``session_id``: who signed in; None: nobody, as in development. ``grant_id``: by which an
        operator is in the tenant.
        """
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.name,
            "aud": AUDIENCE,
            "sub": str(member_id),
            "tid": str(tenant_id),
            "role": role.value,
            "sid": session_id or secrets.token_urlsafe(12),
            "jti": secrets.token_urlsafe(12),
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
        }
        if grant_id is not None:
            claims["grant"] = str(grant_id)
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": str(self.key.kid)}
        return jwt.encode(header, claims, self.key, [ALGORITHM])


class KeyProver(Protocol):
    """Proves API keys."""

    async def principal_by(self, text: str) -> Principal:
        """Raises Unauthenticated."""


class Refusals(Protocol):
    """Who counts credentials that proved nothing."""

    def refused_credential(self, kind: str) -> None:
        """One more of a kind: token, key, password, code, refresh, invitation, reset."""


class Stands(Protocol):
    """Who knows whether somebody is still who their token says."""

    async def of(self, principal: Principal) -> object:
        """Raises Unauthenticated, Forbidden."""


def bearer(authorization: str | None) -> Credential | None:
    """The credential in an ``Authorization`` header; None if there is no header.

    Raises:
        Unauthenticated: if it is another header than “Bearer <token>”.
    """
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN:
        raise Unauthenticated
    return Credential(token)


class _Proved(NamedTuple):
    principal: Principal
    kid: str  # of the key that proved it


class Authenticator:
    """Proves tokens of one issuer by its public keys: one algorithm, compact, no exceptions."""

    def __init__(
        self,
        issuer: str,
        keyring: Keyring,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        keys: KeyProver | None = None,
        standings: Stands | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        """``keys`` proves API keys, ``standings`` those who renew; None: there are none."""
        self._issuer, self._keyring, self._clock = issuer, keyring, clock
        self._keys, self._standings, self._refusals = keys, standings, refusals
        self._proved: OrderedDict[str, _Proved] = OrderedDict()

    async def prove(self, credential: Credential | None) -> Principal:
        """The principal of whatever a request came with: an access token, or an API key.

        Raises:
            Unauthenticated: for anything that is not one of ours, and valid now.
            DatabaseAway, DatabaseBusy, Overloaded: if a key cannot be looked up.
        """
        if credential is None:
            raise Unauthenticated(_NOTHING)
        is_key = credential.text.startswith(API_KEY) and credential.by == "header"
        try:
            if is_key and self._keys is not None:
                return await self._keys.principal_by(credential.text)
            return self.principal_by(credential.text)
        except Unauthenticated:
            if self._refusals is not None:
                self._refusals.refused_credential("key" if is_key else "token")
            raise

    async def admitted(self, credential: Credential | None) -> Principal:
        """The same, of whoever is still who it says: for a connection that lasts.

        Raises:
            Unauthenticated: also if the session or the member is no more.
            Forbidden: if the tenant is suspended.
            DatabaseAway, DatabaseBusy, Overloaded: nobody can say.
        """
        principal = await self.prove(credential)
        if self._standings is not None:
            await self._standings.of(principal)
        return principal

    async def renewed(self, token: str) -> Principal:
        """The principal of an access token with which an open connection goes on.

        Raises: as `admitted`. An API key is no access token: it does not run out.
        """
        if token.startswith(API_KEY):
            raise Unauthenticated
        return await self.admitted(Credential(token))

    def principal_by(self, token: str) -> Principal:
        """The principal of an access token by itself.

        Raises:
            Unauthenticated: for anything but a token of ours that is valid now.
        """
        known = self._proved.get(token)
        if known is None:
            known = self._proved[token] = self._prove(token)
            if len(self._proved) > _REMEMBERED:
                self._proved.popitem(last=False)
        elif (
            known.principal.expires_at <= self._clock()
            # A key that somebody else knows is taken away: what it signed must not stay behind.
            or self._keyring.proving(known.kid) is None
        ):
            del self._proved[token]
            raise Unauthenticated
        return known.principal

    def _prove(self, token: str) -> _Proved:
        if len(token) > MAX_TOKEN:
            raise Unauthenticated
        try:
            proved = jwt.decode(token, self._key, [ALGORITHM])
            claims = proved.claims
            expires = self._checked(claims)
            principal = Principal(
                tenant_id=UUID(claims["tid"]),
                member_id=UUID(claims["sub"]),
                role=Role(claims["role"]),
                session_id=_text(claims, "sid")[:64],
                expires_at=expires,
                grant_id=UUID(claims["grant"]) if "grant" in claims else None,
            )
            return _Proved(principal, _text(proved.header, "kid"))
        except Exception as flaw:
            # Every flaw is a 401: a signed but absurdly nested payload raises RecursionError, and
            # which check failed is nobody's business but ours.
            raise Unauthenticated from flaw

    def _key(self, token: GuestProtocol) -> OKPKey:
        headers = token.headers()
        if "crit" in headers or "b64" in headers:  # RFC 7797 section 7: not in a JWT
            raise Unauthenticated
        key = self._keyring.proving(_text(headers, "kid"))
        if key is None:
            raise Unauthenticated
        return key

    def _checked(self, claims: dict[str, Any]) -> datetime:
        now = self._clock().timestamp()
        expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
        begins = _moment(claims, "nbf") if "nbf" in claims else issued
        ours = claims["iss"] == self._issuer and claims["aud"] == AUDIENCE
        if not ours or expires <= now or max(issued, begins) > now + LEEWAY_S:
            raise Unauthenticated
        return datetime.fromtimestamp(expires, UTC)


def _moment(claims: dict[str, Any], name: str) -> int:
    """Seconds since the epoch: a number, and neither a text of digits nor true."""
    value = claims[name]
    if type(value) not in (int, float):
        raise TypeError(name)
    return int(value)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value
