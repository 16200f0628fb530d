"""Tokens of other issuers: JWTs that say who somebody is, proved with the issuer's public key.

Of each issuer a few algorithms are accepted, all of them with public keys; the header of a token
chooses among these and nothing else. Keys come from the issuer's own list, never from a token.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import orjson
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from services.errors import Unauthenticated

PublicKey: TypeAlias = RSAKey | ECKey | OKPKey

# Which kind of key each of them takes. EdDSA is the old name of Ed25519, and still what most say.
ALGORITHMS: Final[Mapping[str, str]] = {
    "RS256": "RSA",
    "PS256": "RSA",
    "ES256": "EC",
    "Ed25519": "OKP",
    "EdDSA": "OKP",
}
MAX_TOKEN: Final = 16_384  # characters
LEEWAY_S: Final = 30  # between the issuer's clock and ours
MAX_KEYS: Final = 64
_CURVES: Final = {"EC": "P-256", "OKP": "Ed25519"}
_RSA_BITS: Final = range(2_048, 8_193)
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ID_TOKEN: Final = frozenset({None, "JWT"})
_ACCESS_TOKEN: Final = frozenset({"at+jwt", "application/at+jwt"})
_SUBJECT_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key of an issuer, and what it may be used with."""

    key: PublicKey
    kid: str | None
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Header:
    """What an unproved token says of its signature: which key to look for."""

    algorithm: str
    kid: str | None
    type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token has to say."""

    issuer: str
    client_id: str
    nonce: str | None = None  # None: the client kept its own
    access_token: str | None = None  # that came beside it
    access_tokens_too: bool = False  # whether it may itself be an access token, RFC 9068


def keys_of(document: object) -> tuple[IssuerKey, ...]:
    """The keys of a JSON Web Key Set that prove signatures here; others are left out."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        return ()
    return tuple(key for each in listed if (key := _key_of(each)) is not None)


def _key_of(given: object) -> IssuerKey | None:
    # A list with private keys in it was published by mistake: they prove nothing any more.
    if not isinstance(given, dict) or given.get("use", "sig") != "sig" or _PRIVATE & given.keys():
        return None
    kind, kid, algorithm = given.get("kty"), given.get("kid"), given.get("alg")
    able = frozenset(name for name, takes in ALGORITHMS.items() if takes == kind)
    if algorithm is not None:
        same = {"EdDSA", "Ed25519"} if algorithm in ("EdDSA", "Ed25519") else {algorithm}
        able &= same
    if not able or not isinstance(kid, str | None) or given.get("crv") != _CURVES.get(str(kind)):
        return None
    try:
        key: PublicKey
        if kind == "RSA":
            key = RSAKey.import_key(given)
            if key.raw_value.key_size not in _RSA_BITS:
                return None
        elif kind == "EC":
            key = ECKey.import_key(given)
        else:
            key = OKPKey.import_key(given)
    except Exception:  # a key that cannot be read proves nothing
        return None
    return IssuerKey(key, kid, able)


def header_of(token: str) -> Header:
    """
    Raises:
        Unauthenticated: if it is no signed token in compact form.
    """
    try:
        head, payload, signature = token.split(".")
        if len(token) > MAX_TOKEN or not (token.isascii() and payload and signature):
            raise ValueError
        header = _decoded(head)
        algorithm, kid, kind = header["alg"], header.get("kid"), header.get("typ")
        known = isinstance(algorithm, str) and algorithm in ALGORITHMS
        if not known or "crit" in header or "b64" in header:
            raise ValueError
        if not isinstance(kid, str | None) or not isinstance(kind, str | None):
            raise TypeError
        return Header(algorithm, kid, kind)
    except Exception as flaw:
        raise Unauthenticated from flaw


def issuer_and_audiences(token: str) -> tuple[str, tuple[str, ...]]:
    """What an unproved token says of whose it is, and for whom: where to look for its keys.

    Raises:
        Unauthenticated: if it does not say so.
    """
    try:
        header_of(token)
        claims = _decoded(token.split(".")[1])
        issuer = claims["iss"]
        if not isinstance(issuer, str):
            raise TypeError
        return issuer, _audiences(claims)
    except Exception as flaw:
        raise Unauthenticated from flaw


def choose(keys: Collection[IssuerKey], header: Header) -> IssuerKey | None:
    """The one key that a token may be signed with; None where there is none, or no telling."""
    able = [
        each
        for each in keys
        if header.algorithm in each.algorithms and (header.kid is None or each.kid == header.kid)
    ]
    return able[0] if len(able) == 1 else None


def prove(token: str, key: IssuerKey, expected: Expected, now: datetime) -> dict[str, Any]:
    """The claims of a token that says what is expected.

    Raises:
        Unauthenticated: for every flaw, and with the same words.
    """
    try:
        header = header_of(token)
        if header.algorithm not in key.algorithms:
            raise ValueError
        found = jws.deserialize_compact(
            token, key.key, registry=_Registry(algorithms=[header.algorithm, "Ed25519"])
        )
        claims = orjson.loads(found.payload or b"")
        _check(claims, header, expected, now.timestamp())
    except Exception as flaw:
        # Whatever it is: a signed but absurdly nested payload raises RecursionError.
        raise Unauthenticated from flaw
    checked: dict[str, Any] = claims
    return checked


def _check(claims: Any, header: Header, expected: Expected, now_s: float) -> None:
    kinds = _ID_TOKEN | _ACCESS_TOKEN if expected.access_tokens_too else _ID_TOKEN
    audiences = _audiences(claims)
    party = claims.get("azp")
    subject = claims["sub"]
    nonce = claims.get("nonce")
    said = (
        header.type in kinds,
        "events" not in claims,  # a word about somebody's session, which is no proof of anybody
        claims["iss"] == expected.issuer,
        expected.client_id in audiences,
        party == expected.client_id if len(audiences) > 1 else party in (None, expected.client_id),
        claims.get("client_id", expected.client_id) == expected.client_id,
        isinstance(subject, str) and 0 < len(subject) <= _SUBJECT_MAX and subject.isprintable(),
        _moment(claims, "exp") > now_s - LEEWAY_S,
        _moment(claims, "iat") <= now_s + LEEWAY_S,
        "nbf" not in claims or _moment(claims, "nbf") <= now_s + LEEWAY_S,
        expected.nonce is None
        or (isinstance(nonce, str) and hmac.compare_digest(nonce, expected.nonce)),
        expected.access_token is None
        or "at_hash" not in claims
        or hmac.compare_digest(
            str(claims["at_hash"]), _half_hash(header.algorithm, expected.access_token)
        ),
    )
    if not all(said):
        raise ValueError


def _audiences(claims: Any) -> tuple[str, ...]:
    said = claims["aud"]
    several = said if isinstance(said, list) else [said]
    if not 0 < len(several) <= 16 or not all(isinstance(each, str) for each in several):
        raise TypeError
    return tuple(several)


def _moment(claims: Any, name: str) -> float:
    """Seconds since the epoch: a number, and neither a text of digits nor true."""
    value = claims[name]
    if type(value) not in (int, float):
        raise TypeError
    return float(value)


def _half_hash(algorithm: str, access_token: str) -> str:
    """OpenID Connect Core, section 3.1.3.6."""
    digest = hashlib.sha512 if ALGORITHMS[algorithm] == "OKP" else hashlib.sha256
    whole = digest(access_token.encode()).digest()
    return urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()


def _decoded(part: str) -> dict[str, Any]:
    found = orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(found, dict):
        raise TypeError
    return found


class _Registry(JWSRegistry):
    """Knows the old name of Ed25519 without a warning: the key's curve is checked in any case."""

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)
