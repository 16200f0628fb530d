"""Tokens of other issuers: which prove somebody, and the many that do not."""

from __future__ import annotations

import hashlib
import hmac
import json
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from services.errors import Unauthenticated
from services.id_tokens import (
    ALGORITHMS,
    Expected,
    IssuerKey,
    choose,
    header_of,
    issuer_and_audiences,
    keys_of,
    prove,
)

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW_S: Final = int(NOW.timestamp())
ISSUER: Final = "https://login.example"
EXPECTED: Final = Expected(issuer=ISSUER, client_id="valor", nonce="n-1")
PRIVATE: Final[dict[str, RSAKey | ECKey | OKPKey]] = {
    "RSA": RSAKey.generate_key(2_048, {"kid": "rsa"}),
    "EC": ECKey.generate_key("P-256", {"kid": "ec"}),
    "OKP": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
}
ONE_MESSAGE: Final = Unauthenticated().message


def published(*more: dict[str, Any]) -> dict[str, Any]:
    """The issuer's public keys, as it lists them."""
    return {"keys": [*(key.as_dict(private=False) for key in PRIVATE.values()), *more]}


def claims(**changes: Any) -> dict[str, Any]:
    """What an honest ID token says; None takes a claim away."""
    plain = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": "valor",
        "exp": NOW_S + 300,
        "iat": NOW_S,
        "nonce": "n-1",
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def raw(part: object) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(payload: object, algorithm: str = "ES256", header: dict[str, Any] | None = None) -> str:
    """A token with the issuer's own signature, whatever it says."""
    key = PRIVATE[ALGORITHMS[algorithm]]
    able = jws.JWSRegistry(algorithms=["Ed25519" if algorithm == "EdDSA" else algorithm])
    head = {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | (header or {})
    parts = f"{raw({k: v for k, v in head.items() if v is not None})}.{raw(payload)}"
    alg = able.get_alg("Ed25519" if algorithm == "EdDSA" else algorithm)
    return f"{parts}.{raw(alg.sign(parts.encode(), key))}"


def proved(token: str, expected: Expected = EXPECTED, now: datetime = NOW) -> dict[str, Any]:
    key = choose(keys_of(published()), header_of(token))
    if key is None:
        raise Unauthenticated
    return prove(token, key, expected, now)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_honest_token_proves_its_subject(algorithm: str) -> None:
    assert proved(signed(claims(), algorithm))["sub"] == "ada"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://login.example/"},
        {"iss": "https://other.example"},
        {"iss": None},
        {"iss": ["https://login.example"]},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": {"valor": True}},
        {"aud": ["valor", "another"]},
        {"aud": ["valor", "another"], "azp": "another"},
        {"aud": [1, "valor"]},
        {"azp": "another"},
        {"client_id": "another"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a" * 256},
        {"sub": "a\u0000b"},
        {"exp": None},
        {"exp": NOW_S - 31},
        {"exp": str(NOW_S + 300)},
        {"exp": True},
        {"exp": [NOW_S + 300]},
        {"iat": None},
        {"iat": NOW_S + 31},
        {"nbf": NOW_S + 31},
        {"nbf": "soon"},
        {"nonce": None},
        {"nonce": "n-2"},
        {"nonce": ["n-1"]},
        {"nonce": "ñ"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    ],
    ids=str,
)
def test_a_token_with_the_issuers_own_signature_that_says_something_else_proves_nothing(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(Unauthenticated) as no:
        proved(signed(claims(**changes)))
    assert no.value.message == ONE_MESSAGE


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 1},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"b64": False},
        {"kid": "nobody"},
        {"kid": 7},
        {"kid": ["ec"]},
        {"kid": "rsa"},
        {"alg": "none"},
        {"alg": "RS256"},
        {"alg": "PS256"},
        {"alg": "ES384"},
        {"alg": "HS256"},
        {"alg": ["ES256"]},
        {"alg": None},
        {"enc": "A256GCM", "alg": "dir"},
    ],
    ids=str,
)
def test_a_header_that_says_something_else_than_the_signature_proves_nothing(
    header: dict[str, Any],
) -> None:
    with pytest.raises(Unauthenticated):
        proved(signed(claims(), "ES256", header))


def _hmac_with_the_public_key() -> str:
    """Algorithm confusion: the public key's text as the secret of an HMAC."""
    secret = PRIVATE["RSA"].as_pem(private=False)
    parts = f"{raw({'alg': 'HS256', 'kid': 'rsa'})}.{raw(claims())}"
    return f"{parts}.{raw(hmac.digest(secret, parts.encode(), 'sha256'))}"


def _own_key(**header: Any) -> str:
    """Signed by a key that the token itself brings."""
    mine = ECKey.generate_key("P-256", {"kid": "ec"})
    head = {"alg": "ES256", "kid": "ec", "jwk": mine.as_dict(private=False)} | header
    alg = jws.JWSRegistry(algorithms=["ES256"]).get_alg("ES256")
    parts = f"{raw(head)}.{raw(claims())}"
    return f"{parts}.{raw(alg.sign(parts.encode(), mine))}"


def _changed() -> str:
    head, _, signature = signed(claims()).split(".")
    return f"{head}.{raw(claims(sub='eve'))}.{signature}"


FORGED: Final[dict[str, Callable[[], str]]] = {
    "nothing": lambda: "",
    "dots": lambda: "..",
    "a word": lambda: "token",
    "two parts": lambda: signed(claims()).rpartition(".")[0],
    "four parts": lambda: signed(claims()) + ".x",
    "five parts": lambda: "a.b.c.d.e",
    "no signature": lambda: signed(claims()).rpartition(".")[0] + ".",
    "zeros for a signature": lambda: signed(claims()).rpartition(".")[0] + "." + raw(bytes(64)),
    "alg none": lambda: f"{raw({'alg': 'none'})}.{raw(claims())}.x",
    "alg None": lambda: f"{raw({'alg': 'nOnE'})}.{raw(claims())}.",
    "another payload": _changed,
    "a key of its own": _own_key,
    "a key from elsewhere": lambda: _own_key(jku="https://evil.example/jwks", jwk=None),
    "an HMAC with the public key": _hmac_with_the_public_key,
    "JSON form": lambda: json.dumps({"payload": raw(claims()), "signatures": []}),
    "too long": lambda: signed(claims(more="x" * 20_000)),
    "not ASCII": lambda: signed(claims()) + "é",
    "a list for a header": lambda: f"{raw([])}.{raw(claims())}.x",
    "a header that is no JSON": lambda: f"{raw(b'{')}.{raw(claims())}.x",
    "a list for claims": lambda: signed([]),
    "a text for claims": lambda: signed("ada"),
    "claims that never end": lambda: signed(b"[" * 5_000 + b"]" * 5_000),
    "no number for an end": lambda: signed(
        json.dumps(claims()).encode().replace(str(NOW_S + 300).encode(), b"NaN")
    ),
    "an infinite end": lambda: signed(
        json.dumps(claims()).encode().replace(str(NOW_S + 300).encode(), b"1e999")
    ),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_proves_nothing_and_all_hear_the_same(forge: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated) as no:
        proved(forge())
    assert no.value.message == ONE_MESSAGE


def test_the_clocks_may_differ_a_little() -> None:
    assert proved(signed(claims(exp=NOW_S - 20, iat=NOW_S + 20)))["sub"] == "ada"


def test_an_access_token_proves_somebody_only_where_one_is_expected() -> None:
    token = signed(claims(nonce=None, client_id="valor"), header={"typ": "at+jwt"})
    expected = Expected(issuer=ISSUER, client_id="valor", access_tokens_too=True)
    assert proved(token, expected)["sub"] == "ada"
    with pytest.raises(Unauthenticated):
        proved(token, Expected(issuer=ISSUER, client_id="valor"))


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("ES256", hashlib.sha256), ("EdDSA", hashlib.sha512)]
)
def test_an_access_token_that_came_beside_it_is_the_one_it_speaks_of(
    algorithm: str, digest: Callable[[bytes], Any]
) -> None:
    whole = digest(b"access").digest()
    token = signed(claims(at_hash=raw(whole[: len(whole) // 2])), algorithm)
    beside = Expected(issuer=ISSUER, client_id="valor", nonce="n-1", access_token="access")
    assert proved(token, beside)["sub"] == "ada"
    swapped = Expected(issuer=ISSUER, client_id="valor", nonce="n-1", access_token="another")
    with pytest.raises(Unauthenticated):
        proved(token, swapped)


def _listed(key: Any, **changes: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **changes}


@pytest.mark.parametrize(
    "given",
    [
        _listed(PRIVATE["EC"], use="enc"),
        _listed(PRIVATE["EC"], alg="ES384"),
        _listed(PRIVATE["EC"], kid=7),
        _listed(PRIVATE["EC"], x="AA"),
        _listed(ECKey.generate_key("P-384")),
        _listed(ECKey.generate_key("P-256"), crv="P-384"),
        dict(PRIVATE["EC"].as_dict(private=True)),
        dict(OctKey.generate_key(256).as_dict(private=True)),
        _listed(OKPKey.generate_key("X25519")),
        _listed(OKPKey.generate_key("Ed448")),
        _listed(PRIVATE["RSA"], n="AQAB"),
        {"kty": "RSA"},
        {"kty": ["EC"]},
        "key",
        None,
    ],
    ids=[  # keys are drawn anew in each process, and their ids must not be
        "to encrypt",
        "another algorithm",
        "a number for a name",
        "no point",
        "another curve",
        "not the curve it says",
        "a private one",
        "a secret one",
        "X25519",
        "Ed448",
        "too short",
        "nothing in it",
        "a list for a type",
        "a text",
        "null",
    ],
)
def test_a_key_that_is_not_for_this_is_left_out(given: Any) -> None:
    assert keys_of({"keys": [given]}) == ()


def test_an_rsa_key_that_is_too_short_or_absurdly_long_is_left_out() -> None:
    for bits in (1_024, 2_040, 8_208):  # a number like any modulus
        number = ((1 << bits) - 105).to_bytes(bits // 8)
        short = {"kty": "RSA", "e": "AQAB", "n": raw(number)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library only warns
            assert keys_of({"keys": [short]}) == ()


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": [{}] * 65}])
def test_a_list_of_keys_that_is_none_has_none(document: object) -> None:
    assert keys_of(document) == ()


def test_a_token_without_a_kid_is_proved_where_only_one_key_can_be_meant() -> None:
    token = signed(claims(), header={"kid": None})
    assert proved(token)["sub"] == "ada"
    second = ECKey.generate_key("P-256").as_dict(private=False)
    assert choose(keys_of(published(dict(second))), header_of(token)) is None


def test_a_key_for_one_algorithm_proves_no_other() -> None:
    only = keys_of({"keys": [_listed(PRIVATE["RSA"], alg="RS256")]})
    assert choose(only, header_of(signed(claims(), "RS256"))) is not None
    assert choose(only, header_of(signed(claims(), "PS256"))) is None
    key = IssuerKey(PRIVATE["RSA"], "rsa", frozenset({"RS256"}))
    with pytest.raises(Unauthenticated):
        prove(signed(claims(), "PS256"), key, EXPECTED, NOW)


def test_where_to_look_is_read_from_a_token_without_believing_it() -> None:
    token = signed(claims(aud=["a", "b"]))
    assert issuer_and_audiences(token) == (ISSUER, ("a", "b"))
    with pytest.raises(Unauthenticated):
        issuer_and_audiences(signed(claims(iss=None)))
