"""Secrets that have to be read again: sealed before they are stored, each for one purpose.

JWE in its compact form, with the key used directly (``dir``, A256GCM). The purpose stands in the
protected header, so what was sealed for one row opens as nothing else.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode
from typing import Final

import orjson
from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import GuestProtocol, OctKey

from services.signing import Keyring

_ALGORITHMS: Final = ["dir", "A256GCM"]
_PURPOSE: Final = "purpose"
_REGISTRY: Final = JWERegistry(algorithms=_ALGORITHMS, strict_check_header=False)


class NotSealed(Exception):
    """It was not sealed here, or for something else, or its key is gone."""


class Sealer:
    """Seals under the newest key, and opens under each that is still there."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, purpose: str, secret: str) -> str:
        """``purpose``: what it is and whose, such as ``totp:TENANT:MEMBER``."""
        key = self._keyring.sealing()
        header = {"alg": "dir", "enc": "A256GCM", "kid": key.kid, _PURPOSE: purpose}
        return jwe.encrypt_compact(header, secret.encode(), key, registry=_REGISTRY)

    def open(self, purpose: str, sealed: str) -> str:
        """
        Raises:
            NotSealed.
        """
        sealed_for, secret = self._opened(sealed)
        if sealed_for != purpose:
            raise NotSealed("It was sealed for something else.")
        return secret

    def renewed(self, sealed: str) -> str | None:
        """The same under the key in use, for the same purpose; None: it is under that one.

        Raises:
            NotSealed: if it does not open.
        """
        purpose, secret = self._opened(sealed)
        if kid_of(sealed) == self._keyring.sealing().kid:
            return None
        return self.seal(purpose, secret)

    def _opened(self, sealed: str) -> tuple[str, str]:
        """What it was sealed for, and the secret."""
        try:
            found = jwe.decrypt_compact(sealed, self._key, registry=_REGISTRY)
            return str(found.headers()[_PURPOSE]), (found.plaintext or b"").decode()
        except Exception as flaw:
            raise NotSealed("It does not open.") from flaw

    def mark(self, purpose: str, text: str) -> str:
        """What tells that the same text is there again, and without our keys not which it is."""
        return _mark(self._keyring.sealing(), purpose, text)

    def marks(self, purpose: str, text: str) -> list[str]:
        """Each that `mark` may have made of a text, under whichever key."""
        return [_mark(key, purpose, text) for key in self._keyring.every_sealing()]

    def _key(self, sealed: GuestProtocol) -> OctKey:
        key = self._keyring.opening(str(sealed.headers().get("kid")))
        if key is None:
            raise NotSealed("Its key is gone.")
        return key


def kid_of(sealed: str) -> str:
    """The name of the key that something says it is sealed under; "" if it says none."""
    try:
        header = orjson.loads(urlsafe_b64decode(sealed.partition(".")[0] + "=="))
        return str(header["kid"])
    except (ValueError, LookupError, TypeError):
        return ""


def kid_of_mark(mark: str) -> str:
    """The name of the key by which a mark was made."""
    return mark.partition(":")[0]


def _mark(key: OctKey, purpose: str, text: str) -> str:
    # Two steps: the key itself is for sealing alone.
    own = hmac.digest(key.raw_value, f"valor-ivx mark 1 {purpose}".encode(), "sha256")
    return f"{key.kid}:{hmac.digest(own, text.encode(), 'sha256').hex()}"
