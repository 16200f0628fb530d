"""What is hashed and what is signed of the audit, byte for byte. docs/audit.md has it for others.

An event's form is JSON with sorted keys and no white space (RFC 8785 for texts, whole numbers and
null, which is all there is), behind a line that says what it is and of which version: a hash of
anything else is never taken for one of an event.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from store.audit_chain import NOTHING, Checkpoint, Link

__all__ = ["NOTHING", "Checkpoint", "Link"]

FORM: Final = 1
_DOMAIN: Final = b"valor.audit.event.v1\n"


def moment(at: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond: `2026-11-23T15:40:12.000345Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def form_of(tenant_id: UUID, link: Link) -> dict[str, Any]:
    """Every field of an event by its name outside, without its hash."""
    return {
        "tenant": str(tenant_id),
        "seq": link.seq,
        "id": str(link.id),
        "at": moment(link.at),
        "actorKind": link.actor_kind,
        "actor": None if link.actor is None else str(link.actor),
        "action": link.action,
        "subjectKind": link.subject_kind,
        "subject": link.subject,
        "operationId": link.operation_id,
        "session": link.session,
        "details": link.details,
        "previous": link.previous,
    }


FIELDS: Final = frozenset(
    form_of(
        UUID(int=0),
        Link(
            seq=1,
            id=UUID(int=0),
            at=datetime.fromtimestamp(0, UTC),
            actor_kind="",
            actor=None,
            action="",
            subject_kind="",
            subject="",
            operation_id=None,
            session=None,
            details="",
            previous="",
            hash="",
        ),
    )
)


def hash_of(form: dict[str, Any]) -> str:
    """SHA-256 of an event's form, in hex."""
    text = orjson.dumps(form, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(_DOMAIN + text).hexdigest()


def hashed(tenant_id: UUID, link: Link) -> str:
    """The hash of a link."""
    return hash_of(form_of(tenant_id, link))


def claims_of(tenant_id: UUID, kind: str, seq: int, hash_: str, at: datetime) -> bytes:
    """What a checkpoint's signature is over."""
    claims = {
        "form": FORM,
        "kind": kind,
        "tenant": str(tenant_id),
        "seq": seq,
        "hash": hash_,
        "at": moment(at),
    }
    return orjson.dumps(claims, option=orjson.OPT_SORT_KEYS)
