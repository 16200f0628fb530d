"""What is told of a person, taken out of every table that tells it. What they did stays theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import or_

from store import scope
from store.session import WriteSession
from store.tables import (
    AccountRow,
    ApiKeyRow,
    InvitationRow,
    MemberRow,
    SessionRow,
)

ERASED: Final = "Erased member"  # the name of whoever was erased
_NO_ADDRESS: Final = "erased"
_KEY: Final = "Key of an erased member"

_MEMBER = scope.update(MemberRow, "name", "subject", "email", "state", "changed_at").where(
    scope.equals(MemberRow, "id", "member")
)
_ACCOUNT = scope.delete(AccountRow).where(scope.equals(AccountRow, "member_id", "member"))
_SESSIONS = scope.update(SessionRow, "agent").where(scope.equals(SessionRow, "member_id", "member"))
_KEYS = scope.update(ApiKeyRow, "name").where(scope.equals(ApiKeyRow, "member_id", "member"))
_INVITATIONS = scope.update(InvitationRow, "email", "name").where(
    or_(
        scope.equals(InvitationRow, "member_id", "member"),
        scope.equals(InvitationRow, "email", "address"),
    )
)


async def erase(session: WriteSession, member_id: UUID, email: str | None, at: datetime) -> None:
    """Replace or remove name, subject, address, account, agents and invitations.

    The member's row and id stay: models, operations and the audit name it. Their access is ended
    before (``store.members.end_access``), and so are their links to providers
    (``store.identity_providers.cover``).
    """
    await session.execute(
        _MEMBER,
        member=member_id,
        name=ERASED,
        subject=f"erased-{member_id}",
        email=None,
        state="ERASED",
        changed_at=at,
    )
    await session.execute(_ACCOUNT, member=member_id)
    await session.execute(_SESSIONS, member=member_id, agent=None)
    await session.execute(_KEYS, member=member_id, name=_KEY)
    await session.execute(
        _INVITATIONS, member=member_id, address=email, email=_NO_ADDRESS, name=None
    )
