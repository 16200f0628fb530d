"""Secrets that are handed out: API keys, refresh tokens, invitations, ways to a new password.

``vk_live_<where>_<secret><check>``: a prefix that scanners of leaked secrets find; then which row
of which tenant it is, so that it is looked for in one tenant alone; 256 random bits; and a CRC of
all before it, so that what was mistyped or cut is known without asking the database. Stored is
only a SHA-256 of the secret: it cannot be guessed, so nothing slower is needed.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID
from zlib import crc32

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGIT: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_WHERE: Final = 43  # letters for 256 bits
_SECRET: Final = 43
_CHECK: Final = 6  # letters for 32 bits
LONGEST: Final = 160  # characters of any of them, with room


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request came with to say who asks."""

    text: str
    by: Literal["header", "cookie"] = "header"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, and the row that knows its hash."""

    prefix: str  # vk_live, vr, …
    tenant_id: UUID
    id: UUID
    bits: bytes  # 32

    @classmethod
    def new(cls, prefix: str, tenant_id: UUID, id_: UUID) -> Secret:
        return cls(prefix, tenant_id, id_, secrets.token_bytes(32))

    @classmethod
    def read(cls, prefix: str, text: str) -> Secret | None:
        """The secret in a text; None: it was never one."""
        begins = f"{prefix}_"
        if len(text) > LONGEST or not text.startswith(begins) or not text.isascii():
            return None
        where, _, rest = text[len(begins) :].partition("_")
        if len(where) != _WHERE or len(rest) != _SECRET + _CHECK:
            return None
        place, bits = _bytes_of(where), _bytes_of(rest[:_SECRET])
        if place is None or bits is None or _check(text[:-_CHECK]) != rest[_SECRET:]:
            return None
        return cls(prefix, UUID(bytes=place[:16]), UUID(bytes=place[16:]), bits)

    @property
    def text(self) -> str:
        """As it is handed out, once."""
        where = _letters(self.tenant_id.bytes + self.id.bytes, _WHERE)
        body = f"{self.prefix}_{where}_{_letters(self.bits, _SECRET)}"
        return body + _check(body)

    @property
    def hash(self) -> str:
        """As it is stored: SHA-256 in hex."""
        return hash_of(self.bits)

    def matches(self, stored: str | None) -> bool:
        """Whether it is the one whose hash was stored, in a time that says nothing."""
        return hmac.compare_digest(self.hash, stored or "0" * 64) and stored is not None


def hash_of(bits: bytes) -> str:
    """SHA-256 in hex."""
    return sha256(bits).hexdigest()


def _letters(raw: bytes, length: int) -> str:
    number = int.from_bytes(raw)
    written = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        written.append(_ALPHABET[digit])
    return "".join(reversed(written))


def _bytes_of(letters: str) -> bytes | None:
    number = 0
    for letter in letters:
        digit = _DIGIT.get(letter)
        if digit is None:
            return None
        number = number * 62 + digit
    return number.to_bytes(32) if number < 1 << 256 else None


def _check(body: str) -> str:
    return _letters(crc32(body.encode()).to_bytes(4), _CHECK)
