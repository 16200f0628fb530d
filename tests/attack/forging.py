"""Tokens that were never issued, or not so, as a data file describes them.

``header`` and ``claims`` are laid over those of a good token; null takes a member away, and a claim
``{now: 60}`` is a moment, in seconds from now. ``sign`` says with what, ``form`` how it is written.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe
from joserfc.jwk import OctKey, OKPKey

from services.authentication import ALGORITHM, AUDIENCE
from services.principal import Role
from tests.attack.parts import filled
from tests.attack.world import World
from tests.served import MEMBERS, OURS

READS: Final = {"header", "claims", "sign", "form", "payload", "depth"}


def forged(world: World, given: Mapping[str, Any]) -> str:
    """The token that an entry describes."""
    now = int(time.time())
    known = {"alg": ALGORITHM, "typ": "JWT", "kid": str(world.key.kid)}
    header = _over(known, given.get("header", {}), now)
    good = {
        "iss": world.issuer.name,
        "aud": AUDIENCE,
        "sub": str(MEMBERS[Role.ANALYST]),
        "tid": str(OURS),
        "role": Role.ANALYST.value,
        "sid": secrets.token_urlsafe(12),
        "jti": secrets.token_urlsafe(12),
        "iat": now,
        "exp": now + 600,
    }
    claims = _over(good, given.get("claims", {}), now)
    payload = json.dumps(claims).encode()
    if "payload" in given:  # anything at all, signed well
        payload = filled(given["payload"]).encode("utf-8", "surrogatepass")
    if "depth" in given:  # a member that is nested so deep
        depth = int(given["depth"])
        payload = payload[:-1] + b',"x":' + b"[" * depth + b"]" * depth + b"}"
    form = given.get("form", "compact")
    if form == "jwe":
        key = OctKey.import_key(hashlib.sha256(_public(world)).digest())
        protected = {"alg": "dir", "enc": "A256GCM"}
        return str(jwe.encrypt_compact(protected, payload, key))
    if form == "nested":
        header["cty"] = "JWT"
        payload = forged(world, {}).encode()
    signed = f"{_b64(json.dumps(header).encode())}.{_b64(payload)}"
    if header.get("b64") is False:
        signed = f"{_b64(json.dumps(header).encode())}.{payload.decode()}"
    signature = _signature(world, given.get("sign", "right"), signed.encode())
    return _written(form, signed, signature)


def _over(good: dict[str, Any], given: Mapping[str, Any], now: int) -> dict[str, Any]:
    laid = dict(good)
    for name, value in given.items():
        if value is None:
            laid.pop(name, None)
        elif isinstance(value, dict) and value.keys() == {"now"}:
            laid[name] = now + value["now"]
        else:
            laid[name] = filled(value)
    return laid


def _signature(world: World, how: str, signed: bytes) -> bytes:
    if how == "right":
        return _private(world.key).sign(signed)
    if how == "another":
        return Ed25519PrivateKey.generate().sign(signed)
    if how == "es256":
        return generate_private_key(SECP256R1()).sign(signed, ECDSA(SHA256()))
    secret = {
        "hs256-pem": _public(world),
        "hs256-raw": _private(world.key).public_key().public_bytes_raw(),
        "hs256-empty": b"",
        "hs256-jwk": json.dumps(world.key.as_dict(private=False)).encode(),
        "hs256-weak": b"secret",
    }.get(how)
    if secret is not None:
        return hmac.new(secret, signed, hashlib.sha256).digest()
    return {"none": b"", "zeros": bytes(64), "short": bytes(10), "long": bytes(4_000)}[how]


def _written(form: str, signed: str, signature: bytes) -> str:
    head, payload = signed.split(".", 1)
    last = _b64(signature)
    return {
        "compact": f"{signed}.{last}",
        "nested": f"{signed}.{last}",
        "two parts": signed,
        "four parts": f"{signed}.{last}.{last}",
        "five parts": f"{signed}.{last}.{last}.{last}",
        "padded": f"{head}==.{payload}==.{last}==",
        "spaces": f"{head} .{payload} .{last}",
        "trailing dot": f"{signed}.{last}.",
        "swapped": f"{payload}.{head}.{last}",
        "lower case": f"{signed}.{last}".lower(),
        "flattened": json.dumps({"protected": head, "payload": payload, "signature": last}),
        "general": json.dumps(
            {"payload": payload, "signatures": [{"protected": head, "signature": last}]}
        ),
        "detached": f"{head}..{last}",
        "cut": f"{signed}.{last}"[:-1],
        "one bit": f"{signed}.{'B' if last[:1] == 'A' else 'A'}{last[1:]}",
    }[form]


def _private(key: OKPKey) -> Ed25519PrivateKey:
    private = key.private_key
    assert isinstance(private, Ed25519PrivateKey)
    return private


def _public(world: World) -> bytes:
    public = _private(world.key).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
