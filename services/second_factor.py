"""The second factor of a local account: codes of an authenticator app (RFC 6238), and ten spares.

A code is good for its half minute and its neighbours, and once. The app's secret and the hashes of
the spare codes are sealed: who reads the database can make no code.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

import orjson

from services.sealing import NotSealed, Sealer

STEP_S: Final = 30
WINDOW: Final = 1  # steps before and after, for clocks that are a little off
SPARES: Final = 10
PRODUCT: Final = "Valor IVX"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app is told, once."""

    secret: str  # base 32
    uri: str  # otpauth://totp/…, as a QR code has it
    sealed: str  # as it is stored


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor as it is stored, and whose."""

    tenant_id: UUID
    member_id: UUID
    totp: str | None  # sealed
    step: int | None  # the newest that was used
    recovery: str  # sealed; "[]" where there is none


def enrol(sealer: Sealer, tenant_id: UUID, member_id: UUID, subject: str) -> Enrolment:
    """A new secret."""
    from pyotp import TOTP, random_base32

    secret = random_base32()
    uri = TOTP(secret).provisioning_uri(name=subject, issuer_name=PRODUCT)
    return Enrolment(secret, uri, sealer.seal(_purpose("totp", tenant_id, member_id), secret))


def step_of(sealer: Sealer, factor: Factor, code: str, now: datetime) -> int | None:
    """The step that a code is of, unless it or a later one was used; None: it is not right."""
    from pyotp import TOTP

    if factor.totp is None:
        return None
    try:
        secret = sealer.open(_purpose("totp", factor.tenant_id, factor.member_id), factor.totp)
    except NotSealed:  # its key was lost: no code is right until it is set up again
        return None
    current, right = int(now.timestamp()) // STEP_S, None
    for step in range(current - WINDOW, current + WINDOW + 1):
        same = hmac.compare_digest(TOTP(secret).generate_otp(step).encode(), code.encode())
        if same and step > (-1 if factor.step is None else factor.step):
            right = step
    return right


def spare_codes(sealer: Sealer, tenant_id: UUID, member_id: UUID) -> tuple[list[str], str]:
    """Ten codes for when the app is lost, shown once; and what is stored of them."""
    codes = []
    for _ in range(SPARES):
        letters = b32encode(secrets.token_bytes(10)).decode().lower()
        codes.append("-".join(letters[at : at + 4] for at in range(0, 16, 4)))
    return codes, _sealed(sealer, tenant_id, member_id, [_hash(code) for code in codes])


def without(sealer: Sealer, factor: Factor, code: str) -> str | None:
    """What is stored once a spare code is used; None: it is none of them."""
    hashes, given = _spares(sealer, factor), _hash(code)
    left = [each for each in hashes if not hmac.compare_digest(each, given)]
    if len(left) == len(hashes):
        return None
    return _sealed(sealer, factor.tenant_id, factor.member_id, left)


def spares_left(sealer: Sealer, factor: Factor) -> int:
    """How many spare codes were not used."""
    return len(_spares(sealer, factor))


def _spares(sealer: Sealer, factor: Factor) -> list[str]:
    """Hashes of the codes that were not used."""
    if factor.recovery == "[]":
        return []
    purpose = _purpose("recovery", factor.tenant_id, factor.member_id)
    try:
        hashes: list[str] = orjson.loads(sealer.open(purpose, factor.recovery))
    except NotSealed:
        return []
    return hashes


def _sealed(sealer: Sealer, tenant_id: UUID, member_id: UUID, hashes: list[str]) -> str:
    purpose = _purpose("recovery", tenant_id, member_id)
    return sealer.seal(purpose, orjson.dumps(hashes).decode())


def _hash(code: str) -> str:
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _purpose(what: str, tenant_id: UUID, member_id: UUID) -> str:
    return f"{what}:{tenant_id}:{member_id}"
