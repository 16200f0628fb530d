"""Whether somebody is who they were when their token was made: looked up again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from store import scope
from store.database import Database
from store.tables import AccountRow, ApiKeyRow, MemberRow, OperatorGrantRow, SessionRow, TenantRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantStanding:
    """What a tenant is, as far as each request has to know."""

    plan: str
    state: str
    state_reason: str | None
    settings: str  # JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStanding:
    """What a member is now."""

    role: str
    state: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantStanding:
    """An operator's way into a tenant."""

    operator_id: UUID
    role: str
    needs_approval: bool
    approved_at: datetime | None
    ends_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessStanding:
    """A session, or an API key."""

    member_id: UUID
    expires_at: datetime | None
    ended_at: datetime | None
    method: str | None = None  # by which a session began


_TENANT = scope.select(TenantRow, "plan", "state", "state_reason", "settings")
_MEMBER = scope.select(MemberRow, "role", "state", "kind").where(scope.equals(MemberRow, "id"))
_SESSION = scope.select(SessionRow, "member_id", "expires_at", "ended_at", "method").where(
    scope.equals(SessionRow, "id")
)
_FACTOR = scope.select(AccountRow, "totp_since").where(scope.equals(AccountRow, "member_id"))
_KEY = scope.select(ApiKeyRow, "member_id", "expires_at", "ended_at").where(
    scope.equals(ApiKeyRow, "id")
)
_GRANT = scope.select(
    OperatorGrantRow,
    "operator_id",
    "role",
    "needs_approval",
    "approved_at",
    "ends_at",
    "ended_at",
).where(scope.equals(OperatorGrantRow, "id"))


class Standings:
    """The newest word on tenants, members and their ways in. DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tenant(self, tenant_id: UUID) -> TenantStanding | None:
        row = await self._database.first(tenant_id, _TENANT)
        if row is None:
            return None
        plan, state, reason, settings = row
        return TenantStanding(plan=plan, state=state, state_reason=reason, settings=settings)

    async def member(self, tenant_id: UUID, member_id: UUID) -> MemberStanding | None:
        row = await self._database.first(tenant_id, _MEMBER, id=member_id)
        return None if row is None else MemberStanding(role=row[0], state=row[1], kind=row[2])

    async def session(self, tenant_id: UUID, session_id: UUID) -> AccessStanding | None:
        row = await self._database.first(tenant_id, _SESSION, id=session_id)
        return None if row is None else _access(row)

    async def key(self, tenant_id: UUID, key_id: UUID) -> AccessStanding | None:
        row = await self._database.first(tenant_id, _KEY, id=key_id)
        return None if row is None else _access(row)

    async def has_factor(self, tenant_id: UUID, member_id: UUID) -> bool:
        """Whether a member's own account has a second factor that was confirmed."""
        row = await self._database.first(tenant_id, _FACTOR, member_id=member_id)
        return row is not None and row[0] is not None

    async def grant(self, tenant_id: UUID, grant_id: UUID) -> GrantStanding | None:
        row = await self._database.first(tenant_id, _GRANT, id=grant_id)
        if row is None:
            return None
        operator, role, needs, approved, ends, ended = row
        return GrantStanding(
            operator_id=operator,
            role=role,
            needs_approval=needs,
            approved_at=approved,
            ends_at=ends,
            ended_at=ended,
        )


def _access(row: Sequence[Any]) -> AccessStanding:
    member_id, expires_at, ended_at, *method = row
    return AccessStanding(
        member_id=member_id,
        expires_at=expires_at,
        ended_at=ended_at,
        method=method[0] if method else None,
    )
