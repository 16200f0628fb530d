"""Tokens: Ed25519 JWTs that live for minutes, and the principal that one proves.

A token names its tenant and role; nothing else in a request does.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import OKPKey

from services.errors import Unauthenticated
from services.principal import Principal, Role

ALGORITHM: Final = "Ed25519"  # RFC 9864: the name says the curve; EdDSA alone is deprecated
AUDIENCE: Final = "valor-ivx"
LIFETIME: Final = timedelta(minutes=10)
LEEWAY_S: Final = 5  # between the clocks of the machine that signs and the one that checks
MAX_TOKEN: Final = 4_096  # characters
_REMEMBERED: Final = 1_024  # proved tokens; a signature costs more than the rest of a small request
_NOT_VALID: Final = "The token is not valid here. Ask for a new one."

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs tokens with one private key, for one issuer name."""

    name: str
    key: OKPKey
    clock: Clock = lambda: datetime.now(UTC)

    def issue(
        self, tenant_id: UUID, member_id: UUID, role: Role, lifetime: timedelta = LIFETIME
    ) -> str:
        """A compact JWT. Whoever holds it is the member until it expires."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.name,
            "aud": AUDIENCE,
            "sub": str(member_id),
            "tid": str(tenant_id),
            "role": role.value,
            "sid": secrets.token_urlsafe(12),
            "jti": secrets.token_urlsafe(12),
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT"}, claims, self.key, [ALGORITHM])


class Authenticator:
    """Proves tokens of one issuer by its public key. One algorithm, compact form, no exceptions."""

    def __init__(self, issuer: str, key: OKPKey, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._issuer, self._key, self._clock = issuer, key, clock
        self._proved: OrderedDict[str, Principal] = OrderedDict()

    def principal_of(self, authorization: str | None) -> Principal:
        """The principal of an ``Authorization`` header.

        Raises:
            Unauthenticated: for anything but a bearer token of ours that is valid now.
        """
        if not authorization:
            raise Unauthenticated(
                "This needs a token. Send the header “Authorization: Bearer <token>”; in "
                "development, `valor token` prints one."
            )
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN:
            raise Unauthenticated("The Authorization header is not “Bearer <token>”.")
        return self.principal_by(token)

    def principal_by(self, token: str) -> Principal:
        """The principal of a token by itself.

        Raises:
            Unauthenticated: for anything but a token of ours that is valid now.
        """
        if len(token) > MAX_TOKEN:
            raise Unauthenticated(_NOT_VALID)
        principal = self._proved.get(token)
        if principal is None:
            principal = self._prove(token)
            self._proved[token] = principal
            if len(self._proved) > _REMEMBERED:
                self._proved.popitem(last=False)
        elif principal.expires_at <= self._clock():
            del self._proved[token]
            raise Unauthenticated("The token has expired. Ask for a new one.")
        return principal

    def _prove(self, token: str) -> Principal:
        try:
            claims = jwt.decode(token, self._key, [ALGORITHM]).claims
            expires = self._checked(claims)
            return Principal(
                tenant_id=UUID(claims["tid"]),
                member_id=UUID(claims["sub"]),
                role=Role(claims["role"]),
                session_id=_text(claims, "sid")[:64],
                expires_at=expires,
            )
        except Unauthenticated:
            raise
        except Exception as flaw:
            # Every flaw is a 401: a signed but absurdly nested payload raises RecursionError, and
            # which check failed is nobody's business but ours.
            raise Unauthenticated(_NOT_VALID) from flaw

    def _checked(self, claims: dict[str, Any]) -> datetime:
        now = self._clock().timestamp()
        if claims["iss"] != self._issuer or claims["aud"] != AUDIENCE:
            raise Unauthenticated("The token was issued by or for somebody else.")
        expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
        begins = _moment(claims, "nbf") if "nbf" in claims else issued
        if expires <= now:
            raise Unauthenticated("The token has expired. Ask for a new one.")
        if max(issued, begins) > now + LEEWAY_S:
            raise Unauthenticated("The token is not valid yet. Check this machine's clock.")
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
