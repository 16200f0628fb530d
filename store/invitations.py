"""Invitations: who may become a member. The secret is not here, only its hash."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import InvitationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRecord:
    """Somebody who may become a member, until it expires, is revoked or accepted."""

    id: UUID
    email: str  # casefolded
    name: str | None
    role: str
    secret_hash: str  # SHA-256 in hex
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    member_id: UUID | None = None  # who came of it
    revoked_at: datetime | None = None

    def open_at(self, now: datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at


_COLUMNS = tuple(field.name for field in fields(InvitationRecord))
_OF_ID = scope.equals(InvitationRow, "id", "invitation")
_OPEN = (
    scope.column(InvitationRow, "accepted_at").is_(None),
    scope.column(InvitationRow, "revoked_at").is_(None),
    scope.column(InvitationRow, "expires_at") > scope.given(InvitationRow, "expires_at", "now"),
)
_FIND = scope.select(InvitationRow, *_COLUMNS).where(_OF_ID)
_ALL_OPEN = scope.select(InvitationRow, *_COLUMNS).where(*_OPEN).order_by("created_at", "id")
_COUNT_OPEN = scope.count(InvitationRow).where(*_OPEN)
_REVOKE = scope.update(InvitationRow, "revoked_at").where(_OF_ID, *_OPEN)
_REVOKE_EARLIER = scope.update(InvitationRow, "revoked_at").where(
    scope.equals(InvitationRow, "email", "of_email"), *_OPEN
)
_ACCEPT = scope.update(InvitationRow, "accepted_at", "member_id").where(_OF_ID, *_OPEN)


class Invitations:
    """The invitations of all tenants, each tenant's apart. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, tenant_id: UUID, now: datetime) -> list[InvitationRecord]:
        """Those that can be accepted, the oldest first."""
        rows = await self._database.all(tenant_id, _ALL_OPEN, now=now)
        return [InvitationRecord(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    async def find(self, tenant_id: UUID, invitation_id: UUID) -> InvitationRecord | None:
        row = await self._database.first(tenant_id, _FIND, invitation=invitation_id)
        return None if row is None else InvitationRecord(**dict(zip(_COLUMNS, row, strict=True)))


async def find(session: ReadSession, invitation_id: UUID) -> InvitationRecord | None:
    row = await session.first(_FIND, invitation=invitation_id)
    return None if row is None else InvitationRecord(**row)


async def count_open(session: ReadSession, now: datetime) -> int:
    row = await session.first(_COUNT_OPEN, now=now)
    return 0 if row is None else int(row["count"])


async def add(session: WriteSession, invitation: InvitationRecord) -> bool:
    """False: there is one of that id already."""
    return await session.add_if_absent(InvitationRow, **asdict(invitation))


async def revoke(session: WriteSession, invitation_id: UUID, now: datetime) -> bool:
    """False: it could not be accepted any longer anyway."""
    return await session.execute(_REVOKE, invitation=invitation_id, now=now, revoked_at=now) == 1


async def revoke_earlier(session: WriteSession, email: str, now: datetime) -> int:
    """Only the newest invitation of an address is good. How many were ended."""
    return await session.execute(_REVOKE_EARLIER, of_email=email, now=now, revoked_at=now)


async def accept(
    session: WriteSession, invitation_id: UUID, member_id: UUID, now: datetime
) -> bool:
    """False: somebody was faster, or it cannot be accepted any longer."""
    done = await session.execute(
        _ACCEPT, invitation=invitation_id, now=now, accepted_at=now, member_id=member_id
    )
    return done == 1
