"""A token proves its principal, or nothing; and whatever is sent instead of one is a 401."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from services.authentication import (
    ALGORITHM,
    AUDIENCE,
    LEEWAY_S,
    LIFETIME,
    MAX_TOKEN,
    Authenticator,
    Issuer,
    bearer,
)
from services.credentials import Credential
from services.errors import Unauthenticated
from services.principal import Principal, Role
from services.signing import LOOK_S, Keyring, Keys, kid_at

ISSUER = "valor-ivx"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT, MEMBER = UUID(int=10), UUID(int=20)
KID = kid_at(NOON, "ours")
KEY = OKPKey.generate_key("Ed25519", {"kid": KID})
SOMEBODY_ELSES = OKPKey.generate_key("Ed25519", {"kid": KID})
SEAL = OctKey.generate_key(256, {"kid": KID})
NEXT_KEY = OKPKey.generate_key("Ed25519", {"kid": kid_at(NOON, "other")})
OF_AUDIT = OKPKey.generate_key("Ed25519", {"kid": kid_at(NOON, "audit")})
RING = Keyring(lambda: Keys((KEY,), (OF_AUDIT,), (SEAL,)))
ONE_MESSAGE = "That does not prove who you are here. Sign in again, or ask for a new token."


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


def noon() -> datetime:
    return NOON


def authenticator(clock: Callable[[], datetime] = noon) -> Authenticator:
    return Authenticator(ISSUER, RING, clock)


def issued(clock: Callable[[], datetime] = noon, **given: Any) -> str:
    issuer = Issuer(ISSUER, KEY, clock)
    return issuer.issue(TENANT, MEMBER, given.pop("role", Role.ANALYST), **given)


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; a change to None takes the claim out."""
    now = int(NOON.timestamp())
    plain = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(MEMBER),
        "tid": str(TENANT),
        "role": "ANALYST",
        "sid": "session",
        "jti": "token",
        "iat": now,
        "exp": now + 600,
    } | changes
    return {name: value for name, value in plain.items() if value is not None}


def encoded(part: bytes | dict[str, Any]) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def hand_made(header: dict[str, Any], payload: dict[str, Any], signature: bytes = b"") -> str:
    return f"{encoded(header)}.{encoded(payload)}.{encoded(signature)}"


def signed(payload: bytes | dict[str, Any], key: OKPKey = KEY, **header: Any) -> str:
    """A token that is really signed, whatever it says: no library would write some of these."""
    head = f"{encoded({'alg': ALGORITHM, 'kid': KID, **header})}.{encoded(payload)}"
    private: Any = key.private_key
    return f"{head}.{encoded(private.sign(head.encode()))}"


def hmac_signed(header: dict[str, Any], secret: bytes) -> str:
    head = f"{encoded(header)}.{encoded(claims())}"
    digest = hmac.new(secret, head.encode(), hashlib.sha256).digest()
    return f"{head}.{encoded(digest)}"


def proved(header: str | None, at: Authenticator | None = None) -> Principal:
    """Who a header proves to be."""
    return asyncio.run((at or authenticator()).prove(bearer(header)))


def refused(header: str | None, at: Authenticator | None = None) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as no:
        proved(header, at)
    assert no.value.code == "UNAUTHENTICATED"
    if header:
        assert no.value.message == ONE_MESSAGE
    return no.value


@pytest.mark.parametrize("role", list(Role))
def test_a_token_proves_its_member_tenant_and_role_until_it_expires(role: Role) -> None:
    principal = proved(f"Bearer {issued(role=role)}")
    assert (principal.tenant_id, principal.member_id) == (TENANT, MEMBER)
    assert principal.role is role
    assert principal.expires_at == NOON + LIFETIME
    assert principal.session_id


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}  "])
def test_the_scheme_is_read_in_any_case(header: str) -> None:
    assert proved(header.format(issued())).member_id == MEMBER


def test_two_tokens_of_one_member_are_two_sessions() -> None:
    desk = authenticator()
    one, other = (desk.principal_by(issued()) for _ in range(2))
    assert one.session_id != other.session_id


HEADERS: dict[str, str | None] = {
    "nothing": None,
    "an empty header": "",
    "a space": " ",
    "the scheme alone": "Bearer",
    "the scheme and a space": "Bearer ",
    "the token alone": issued(),
    "another scheme": f"Basic {issued()}",
    "the scheme twice": f"Bearer Bearer {issued()}",
    "two tokens": f"Bearer {issued()} {issued()}",
    "two tokens and a comma": f"Bearer {issued()}, Bearer {issued()}",
    "the scheme joined by a colon": f"Bearer:{issued()}",
    "quotes": f'Bearer "{issued()}"',
    "words": "Bearer open sesame",
    "dots alone": "Bearer ..",
    "two parts": "Bearer " + ".".join(issued().split(".")[:2]),
    "four parts": f"Bearer {issued()}.x",
    "five parts, as of an encrypted one": f"Bearer {issued()}.x.y",
    "no base64": "Bearer ?.?.?",
    "letters beyond ASCII": "Bearer \xff\xfe.\u00e9.\u20ac",
    "a null byte": f"Bearer \0{issued()}",
    "a line break": f"Bearer {issued()}\r\nx: y",
    "a JSON form": "Bearer "
    + json.dumps(
        dict(zip(("protected", "payload", "signature"), issued().split("."), strict=True))
    ),
    "more than a token may have": "Bearer " + "x" * (MAX_TOKEN + 1),
    "a megabyte": "Bearer " + "x" * 1_000_000,
    "a megabyte of dots": "Bearer " + "." * 1_000_000,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_what_is_no_bearer_token_is_unauthenticated(header: str | None) -> None:
    refused(header)


PUBLIC_PEM = KEY.as_pem(private=False)
PUBLIC_RAW = base64.urlsafe_b64decode(f"{KEY.as_dict(private=False)['x']}==")
HS256 = {"alg": "HS256", "typ": "JWT"}

FORGED: dict[str, str] = {
    "alg none": hand_made({"alg": "none"}, claims()),
    "alg NONE": hand_made({"alg": "NONE"}, claims()),
    "no alg": hand_made({"typ": "JWT"}, claims()),
    "alg null": hand_made({"alg": None}, claims()),
    "alg a list": hand_made({"alg": ["Ed25519"]}, claims()),
    "an empty signature": hand_made({"alg": ALGORITHM}, claims()),
    "a signature of zeros": hand_made({"alg": ALGORITHM}, claims(), bytes(64)),
    "a short signature": hand_made({"alg": ALGORITHM}, claims(), b"x"),
    "HS256 with the public key's text": hmac_signed(HS256, PUBLIC_PEM),
    "HS256 with the public key's bytes": hmac_signed(HS256, PUBLIC_RAW),
    "HS256 with an empty secret": hmac_signed(HS256, b""),
    "HS256 under our algorithm's name": hmac_signed({"alg": ALGORITHM}, PUBLIC_RAW),
    "HS256 by a library": jwt.encode(HS256, claims(), OctKey.import_key("x" * 32), ["HS256"]),
    "another key": signed(claims(), SOMEBODY_ELSES),
    "another key, sent along": signed(
        claims(), SOMEBODY_ELSES, jwk=SOMEBODY_ELSES.as_dict(private=False)
    ),
    "another key, by its address": signed(
        claims(), SOMEBODY_ELSES, jku="https://keys.example/jwks.json"
    ),
    "the audit's key under its own name": signed(claims(), OF_AUDIT, kid=str(OF_AUDIT.kid)),
    "our key under a file's name": signed(claims(), kid="../../dev/null"),
    "our key under another's name": signed(claims(), kid=kid_at(NOON, "other")),
    "our key without its name": signed(claims(), kid=None),
    "our key under a number": signed(claims(), kid=1),
    "the deprecated name of the algorithm": signed(claims(), alg="EdDSA"),
    "an unknown algorithm under our key": signed(claims(), alg="Ed448"),
    "an unknown critical header": signed(claims(), crit=["exp2"], exp2=1),
    "a signature of other words": ".".join(
        [*signed(claims(role="VIEWER")).split(".")[:2], signed(claims()).split(".")[2]]
    ),
    "a role put in afterwards": ".".join(
        [
            signed(claims(role="VIEWER")).split(".")[0],
            encoded(claims(role="OWNER")),
            signed(claims(role="VIEWER")).split(".")[2],
        ]
    ),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_proves_nothing(token: str) -> None:
    refused(f"Bearer {token}")


NOW = int(NOON.timestamp())
ODD_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "somebody-else"},
    "our issuer in a list": {"iss": [ISSUER]},
    "another audience": {"aud": "another-service"},
    "an audience beside ours": {"aud": [AUDIENCE, "another-service"]},
    "just expired": {"exp": NOW},
    "long expired": {"iat": NOW - 7_200, "exp": NOW - 3_600},
    "issued in the future": {"iat": NOW + LEEWAY_S + 1, "exp": NOW + 600},
    "not valid before later": {"nbf": NOW + LEEWAY_S + 1},
    "an expiry no calendar has": {"exp": 10**18},
    "an expiry no double has": {"exp": 10**400},
    "an expiry in words": {"exp": "tomorrow"},
    "an expiry of digits in a text": {"exp": str(NOW + 600)},
    "an expiry that is true": {"exp": True},
    "an expiry in a list": {"exp": [NOW + 600]},
    "an expiry that is no number": {"exp": float("nan")},
    "an expiry without end": {"exp": float("inf")},
    "an issue date in words": {"iat": "now"},
    "an issue date that is no number": {"iat": float("nan")},
    "a start that is no number": {"nbf": "now"},
    "a tenant that is no UUID": {"tid": "1 OR 1=1"},
    "a tenant that is a number": {"tid": 1},
    "a tenant in a list": {"tid": [str(TENANT)]},
    "a member that is no UUID": {"sub": "ada"},
    "a member that is a map": {"sub": {"$ne": None}},
    "a role that nobody has": {"role": "SUPERUSER"},
    "a role in small letters": {"role": "owner"},
    "two roles": {"role": ["OWNER", "VIEWER"]},
}


@pytest.mark.parametrize("change", ODD_CLAIMS.values(), ids=ODD_CLAIMS.keys())
def test_a_signed_token_with_odd_claims_proves_nothing(change: dict[str, Any]) -> None:
    refused(f"Bearer {signed(claims(**change))}")


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "tid", "role", "sid", "iat", "exp"])
def test_a_signed_token_without_a_claim_proves_nothing(name: str) -> None:
    lacking = claims(**{name: None})
    refused(f"Bearer {signed(lacking)}")
    refused(f"Bearer {signed({**lacking, name: None})}")


ODD_PAYLOADS = {
    "nothing": b"",
    "a number": b"5",
    "null": b"null",
    "a list": json.dumps([claims()]).encode(),
    "a text": b'"claims"',
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe{}",
    "nested a thousand times": b'{"x":' + b"[" * 1_000 + b"]" * 1_000 + b"}",
    "nested as deep as fits": b'{"x":' + b"[" * 1_400 + b"]" * 1_400 + b"}",
}


@pytest.mark.parametrize("payload", ODD_PAYLOADS.values(), ids=ODD_PAYLOADS.keys())
def test_a_signed_payload_that_is_no_map_of_claims_proves_nothing(payload: bytes) -> None:
    refused(f"Bearer {signed(payload)}")


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    token = signed(claims(iat=NOW + LEEWAY_S, nbf=NOW + LEEWAY_S))
    assert proved(f"Bearer {token}").member_id == MEMBER


def test_a_token_by_itself_proves_the_same_as_in_a_header() -> None:
    token = issued()
    desk = authenticator()
    assert desk.principal_by(token) is proved(f"Bearer {token}", desk)
    for bad in ("", "x.y.z", f"Bearer {token}", token + "x" * MAX_TOKEN):
        with pytest.raises(Unauthenticated) as no:
            desk.principal_by(bad)
        assert no.value.message == ONE_MESSAGE


def test_a_remembered_token_ends_when_it_says() -> None:
    clock = Clock()
    desk, header = authenticator(clock), f"Bearer {issued(clock)}"
    proved(header, desk)
    clock.advance(LIFETIME - timedelta(seconds=1))
    assert proved(header, desk).expires_at == NOON + LIFETIME
    clock.advance(timedelta(seconds=1))
    for _ in range(3):
        refused(header, desk)


def test_a_remembered_token_ends_with_the_key_that_signed_it() -> None:
    keys, timer = [Keys((KEY,), (OF_AUDIT,), (SEAL,))], [0.0]
    desk = Authenticator(ISSUER, Keyring(lambda: keys[0], noon, lambda: timer[0]), noon)
    # Whoever stole the key chose when its token ends.
    stolen = f"Bearer {signed(claims(exp=NOW + 10**8))}"
    assert proved(stolen, desk).member_id == MEMBER
    keys[0] = Keys((NEXT_KEY,), (OF_AUDIT,), (SEAL,))
    timer[0] += LOOK_S
    refused(stolen, desk)


def test_a_token_refused_once_is_not_remembered_as_good() -> None:
    desk = authenticator()
    header = f"Bearer {signed(claims(), SOMEBODY_ELSES)}"
    for _ in range(3):
        refused(header, desk)


def test_a_token_of_ours_that_is_too_long_is_not_even_looked_at() -> None:
    token = signed(claims(note="x" * MAX_TOKEN))
    assert len(token) > MAX_TOKEN
    refused(f"Bearer {token}")
    short = signed(claims(note="x" * 100))
    assert proved(f"Bearer {short}").member_id == MEMBER


def test_what_is_remembered_has_an_end() -> None:
    desk = authenticator()
    first = issued()
    desk.principal_by(first)
    for _ in range(1_100):
        desk.principal_by(issued())
    assert len(desk._proved) <= 1_024
    assert desk.principal_by(first).member_id == MEMBER  # proved again


@pytest.mark.parametrize("header", [None, "Bearer x", f"Bearer {FORGED['alg none']}"])
def test_a_refusal_says_nothing_of_the_token_or_of_the_check(header: str | None) -> None:
    message = refused(header).message
    assert not any(word in message.lower() for word in ("signature", "alg", "json", "key", "error"))
    assert message.endswith(".")


def test_a_caller_without_a_token_is_told_where_one_comes_from() -> None:
    assert "Authorization: Bearer" in refused(None).message
    assert "valor token" in refused(None).message


def test_a_cookie_holds_an_access_token_and_no_api_key() -> None:
    cookie = Credential(issued(), "cookie")
    assert asyncio.run(authenticator().prove(cookie)).member_id == MEMBER
    with pytest.raises(Unauthenticated):
        asyncio.run(authenticator().prove(Credential("vk_live_x", "cookie")))


def test_a_token_of_an_operators_grant_says_by_which() -> None:
    grant = UUID(int=30)
    token = Issuer(ISSUER, KEY, noon).issue(TENANT, MEMBER, Role.VIEWER, grant_id=grant)
    assert authenticator().principal_by(token).grant_id == grant
    assert authenticator().principal_by(issued()).grant_id is None


def test_a_refused_credential_is_counted_by_its_kind() -> None:
    class Counter:
        kinds: ClassVar[list[str]] = []

        def refused_credential(self, kind: str) -> None:
            self.kinds.append(kind)

    desk = Authenticator(ISSUER, RING, noon, refusals=Counter())
    for header in ("Bearer x", "Bearer vk_live_x", f"Bearer {issued()}"):
        with suppress(Unauthenticated):
            proved(header, desk)
    assert Counter.kinds == ["token", "key"]
