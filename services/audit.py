"""What is put on record: who did what to what, in words that are no names and no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from services.contents import canonical_text
from services.ids import new_id
from services.principal import Principal, Role
from services.standing import KEY_SESSION
from store.audit import Entry

HOUSE: Final = UUID(int=0)  # who works for a room: nobody in it


def entry(
    principal: Principal | None,
    action: str,
    subject_kind: str,
    subject: UUID | str,
    *,
    operation_id: str | None = None,
    at: datetime | None = None,
    **details: Any,
) -> Entry:
    """What a principal did; None: what the system did by itself.

    ``details`` are put into canonical JSON: ids, roles, numbers, never a secret or a person's name.
    The grant by which an operator is in the tenant is added to them.
    """
    if principal is not None and principal.member_id == HOUSE:
        principal = None
    return Entry(
        id=new_id(),
        at=at or datetime.now(UTC),
        actor_kind=_kind(principal),
        actor=None if principal is None else principal.member_id,
        action=action,
        subject_kind=subject_kind,
        subject=str(subject),
        operation_id=operation_id,
        session=None if principal is None else principal.session_id[:64],
        details=canonical_text(_plain(details | {"grant": principal and principal.grant_id})),
    )


def _kind(principal: Principal | None) -> str:
    if principal is None:
        return "SYSTEM"
    if principal.grant_id is not None or principal.role is Role.OPERATOR:
        return "OPERATOR"
    return "SERVICE" if principal.session_id.startswith(KEY_SESSION) else "MEMBER"


def _plain(details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, (UUID, datetime)) else value
        for name, value in details.items()
        if value is not None
    }
