"""What a webhook's bodies are signed with, in the form of Standard Webhooks.

A secret is ``whsec_`` and base64 of 32 random bytes; a signature is ``v1,`` and base64 of
HMAC-SHA256 over ``id.timestamp.body``. After a rotation both secrets sign for a day, so that
receivers change theirs when it suits them. https://www.standardwebhooks.com
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import orjson

OVERLAP: Final = timedelta(hours=24)  # after a rotation: both sign
SECRETS_MOST: Final = 5  # that sign at one time: a header has room for no more
_PREFIX: Final = "whsec_"
_BYTES: Final = 32


class Seals(Protocol):
    """Keeps secrets that have to be read again."""

    def seal(self, purpose: str, secret: str) -> str: ...

    def open(self, purpose: str, sealed: str) -> str: ...


class Secret(NamedTuple):
    """A secret, and when it signs no more; None: it is the newest."""

    text: str
    until: datetime | None


class WebhookSecrets:
    """Makes, keeps and uses the secrets of webhooks."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def new(self, tenant_id: UUID, webhook_id: UUID) -> tuple[str, str]:
        """A new secret, to be shown once, and how it is kept."""
        made = Secret(_made(), None)
        return made.text, self._kept(tenant_id, webhook_id, [made])

    def rotated(
        self, tenant_id: UUID, webhook_id: UUID, sealed: str, now: datetime
    ) -> tuple[str, str]:
        """The next secret, and how it is kept, beside the one that it replaces and those before
        it whose day is not over: each was promised one."""
        newest, *older = self._of(tenant_id, webhook_id, sealed)
        made, before = Secret(_made(), None), Secret(newest.text, now + OVERLAP)
        sign_still = [each for each in older if each.until is not None and each.until > now]
        kept = [made, before, *sign_still][:SECRETS_MOST]
        return made.text, self._kept(tenant_id, webhook_id, kept)

    def headers(
        self,
        tenant_id: UUID,
        webhook_id: UUID,
        sealed: str,
        event_id: str,
        body: bytes,
        at: datetime,
    ) -> dict[str, str]:
        """What is sent with a body: its id, when it is sent, and a signature by each secret.

        Raises whatever ``open`` raises where the secrets cannot be read.
        """
        stamp = str(int(at.timestamp()))
        signatures = [
            signature(secret.text, event_id, stamp, body)
            for secret in self._of(tenant_id, webhook_id, sealed)
            if secret.until is None or secret.until > at
        ]
        return {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(signatures),
        }

    def _of(self, tenant_id: UUID, webhook_id: UUID, sealed: str) -> list[Secret]:
        kept = orjson.loads(self._seals.open(_purpose(tenant_id, webhook_id), sealed))
        return [
            Secret(text, None if until is None else datetime.fromisoformat(until))
            for text, until in kept
        ]

    def _kept(self, tenant_id: UUID, webhook_id: UUID, made: list[Secret]) -> str:
        text = orjson.dumps([[each.text, each.until] for each in made]).decode()
        return self._seals.seal(_purpose(tenant_id, webhook_id), text)


def signature(secret: str, event_id: str, stamp: str, body: bytes) -> str:
    """``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    key = b64decode(secret.removeprefix(_PREFIX))
    signed = hmac.new(key, f"{event_id}.{stamp}.".encode() + body, hashlib.sha256)
    return f"v1,{b64encode(signed.digest()).decode()}"


def _made() -> str:
    return _PREFIX + b64encode(secrets.token_bytes(_BYTES)).decode()


def _purpose(tenant_id: UUID, webhook_id: UUID) -> str:
    return f"webhook:{tenant_id}:{webhook_id}"
