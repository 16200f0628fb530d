"""Proof that a page knows what only its own origin could read: a word bound to the session.

A browser adds cookies to whatever request a page makes, whoever wrote the page. What it does not
add is this word, so a change that comes with cookies comes with the word beside it.
"""

from __future__ import annotations

import hmac
from typing import Final, Protocol

from joserfc.jwk import OctKey

_PURPOSE: Final = b"valor-ivx csrf 1"  # a key of its own, made from the one that seals
_LONGEST: Final = 200


class SealingKeys(Protocol):
    """What is wanted of the keyring."""

    def sealing(self) -> OctKey:
        """The key in use now."""
        ...

    def opening(self, kid: str) -> OctKey | None:
        """A key that is, or was, in use."""
        ...


class CsrfTokens:
    """Makes them and knows them again. Nothing is stored; they end with the session."""

    def __init__(self, keys: SealingKeys) -> None:
        self._keys = keys
        self._own: dict[str, bytes] = {}  # by the name of the key that each was made from

    def of(self, session_id: str) -> str:
        """The word of a session."""
        key = self._keys.sealing()
        return f"{key.kid}.{self._word(key, session_id)}"

    def matches(self, session_id: str, token: str) -> bool:
        """Whether it is the word of this session, in a time that says nothing."""
        kid, _, word = token[:_LONGEST].rpartition(".")
        key = self._keys.opening(kid)
        return key is not None and hmac.compare_digest(
            self._word(key, session_id).encode(), word.encode()
        )

    def _word(self, key: OctKey, session_id: str) -> str:
        own = self._own.get(str(key.kid))
        if own is None:
            own = self._own[str(key.kid)] = hmac.digest(key.raw_value, _PURPOSE, "sha256")
        return hmac.digest(own, session_id.encode(), "sha256").hex()
