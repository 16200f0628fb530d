"""Signed checkpoints: a compact JWS (Ed25519) by the audit's own key, so that heads can leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from joserfc import jws
from joserfc.jwk import OKPKey

from services.audit_form import claims_of
from store.audit_chain import Checkpoint

ALGORITHM: Final = "Ed25519"  # EdDSA by the name that says the curve, RFC 9864
TYPE: Final = "valor-audit-v1"  # `typ` in the header: no access token has it
SIGNATURE_MOST: Final = 4_096  # characters


class Signer(Protocol):
    """Whoever has the audit's private keys."""

    def auditing(self) -> OKPKey:
        """The key that signs now; its ``kid`` is how its public half is found."""


class BadSignature(ValueError):
    """Why a checkpoint's signature says nothing."""


def signed(
    signer: Signer, tenant_id: UUID, kind: str, seq: int, hash_: str, at: datetime
) -> Checkpoint:
    """A checkpoint of a chain that ends, or was cut, at a hash."""
    key = signer.auditing()
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
    claims = claims_of(tenant_id, kind, seq, hash_, at)
    signature = jws.serialize_compact(header, claims, key, [ALGORITHM])
    return Checkpoint(kind=kind, seq=seq, hash=hash_, at=at, signature=signature)


def claims_in(signature: str, keys: Mapping[str, OKPKey]) -> dict[str, Any]:
    """The claims of a checkpoint that one of these keys signed.

    Raises:
        BadSignature: with what is wrong with it.
    """
    if len(signature) > SIGNATURE_MOST:
        raise BadSignature("it is too long to be one")
    try:
        header = jws.extract_compact(signature.encode("ascii")).headers()
    except Exception as flaw:  # whatever was written there
        raise BadSignature("it is no compact JWS") from flaw
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
        raise BadSignature("it is a signature of something else")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise BadSignature(f"there is no public key {str(kid)[:64]!r} to check it with")
    try:
        claims = orjson.loads(jws.deserialize_compact(signature, key, [ALGORITHM]).payload)
    except Exception as flaw:
        raise BadSignature(f"the key {kid} did not sign it") from flaw
    if not isinstance(claims, dict):
        raise BadSignature("it says nothing of a chain")
    return claims
