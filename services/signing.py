"""Keys: which one signs now, which ones prove, and what of them everybody may see.

A key is named by the moment at which it was made, so names sort by time. A new one signs only once
it has been seen for a while: until then some process, or somebody's copy of the public keys, may
not know it. All of them prove until they are taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, Literal, TypeVar

from joserfc.jwk import OctKey, OKPKey

CURVE: Final = "Ed25519"
SEEN_FOR: Final = timedelta(minutes=10)  # before a new key is used; longer than any copy is kept
LOOK_S: Final = 10.0  # how often it is looked whether there are others
_LOOK_FOR_S: Final = 1.0  # the same, when a key is asked for that is not known
_KID: Final = "%Y%m%dT%H%M%SZ"

Purpose = Literal["tokens", "audit"]  # what a published key proves, and nothing else
PURPOSE: Final = "purpose"  # the member of a JSON Web Key that says so

Clock = Callable[[], datetime]
K = TypeVar("K", OKPKey, OctKey)


@dataclass(frozen=True, slots=True)
class Keys:
    """All that there are, each kind by name: the oldest first."""

    signing: tuple[OKPKey, ...]  # private: access tokens
    auditing: tuple[OKPKey, ...]  # heads of the audit; private, or public where it only proves
    sealing: tuple[OctKey, ...]  # 256 bits: secrets that are read again


def kid_at(moment: datetime, distinct: str) -> str:
    """The name of a key made at a moment, UTC."""
    return f"{moment.astimezone(UTC):{_KID}}-{distinct}"


def made_at(kid: str) -> datetime:
    """When a key was made, by its name.

    Raises:
        ValueError: if it is no key's name.
    """
    return datetime.strptime(kid.partition("-")[0], _KID).replace(tzinfo=UTC)


def in_use(keys: Sequence[K], now: datetime) -> K:
    """The newest that has been seen for long enough; where none has, the oldest.

    Raises:
        IndexError: if there are none.
    """
    seen = [key for key in keys if made_at(str(key.kid)) + SEEN_FOR <= now]
    return seen[-1] if seen else keys[0]


class Keyring:
    """The keys of this deployment, looked at again now and then."""

    def __init__(
        self,
        load: Callable[[], Keys],
        clock: Clock = lambda: datetime.now(UTC),
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """``load`` reads them all; what it raises at first is raised here, and never later."""
        self._load, self._clock, self._timer = load, clock, timer
        self.failed: Callable[[Exception], None] = lambda _: None  # told why none were read
        self._take(load())
        self._looked_s = timer()

    def signing(self) -> OKPKey:
        """The private key that signs access tokens now."""
        return in_use(self._now().signing, self._clock())

    def proving(self, kid: str) -> OKPKey | None:
        """The public key of an access token that names it."""
        self._look(LOOK_S)
        if kid not in self._proving:
            self._look(_LOOK_FOR_S)
        return self._proving.get(kid)

    def auditing(self) -> OKPKey:
        """The private key that signs heads of the audit now."""
        able = [key for key in self._now().auditing if key.is_private]
        return in_use(able, self._clock())

    def proving_audit(self, kid: str) -> OKPKey | None:
        """The public key of a head that names it."""
        return next((key for key in self._now().auditing if key.kid == kid), None)

    def sealing(self) -> OctKey:
        """The key that seals now."""
        return in_use(self._now().sealing, self._clock())

    def opening(self, kid: str) -> OctKey | None:
        """The key of something sealed that names it."""
        return next((key for key in self._now().sealing if key.kid == kid), None)

    def every_sealing(self) -> tuple[OctKey, ...]:
        """All keys that seal, or did."""
        return self._now().sealing

    def jwks(self, purpose: Purpose) -> dict[str, Any]:
        """What everybody may see of the keys of one purpose: a JSON Web Key Set, RFC 7517.

        Never of both: whoever checks a token by its kid must not find a key of the audit.
        """
        keys = self._now()
        told = {PURPOSE: purpose, "use": "sig", "alg": CURVE}
        return {
            "keys": [
                {**key.as_dict(private=False), **told, "kid": key.kid}
                for key in (keys.signing if purpose == "tokens" else keys.auditing)
            ]
        }

    def _now(self) -> Keys:
        self._look(LOOK_S)
        return self._keys

    def _look(self, every_s: float) -> None:
        now_s = self._timer()
        if now_s - self._looked_s < every_s:
            return
        self._looked_s = now_s
        try:
            self._take(self._load())
        except Exception as no:  # whatever it is: what was good a moment ago still is
            self.failed(no)

    def _take(self, keys: Keys) -> None:
        self._keys = keys
        self._proving = {
            str(key.kid): OKPKey.import_key(key.as_dict(private=False)) for key in keys.signing
        }
