"""Whom tenants trust to say who somebody is, and who their subjects are here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from store import scope
from store.database import Database
from store.session import ReadSession, WriteSession
from store.tables import FederatedIdentityRow, IdentityProviderRow, MemberRow, SessionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRecord:
    """Whom a tenant trusts."""

    id: UUID
    issuer: str
    client_id: str
    client_secret: str | None  # sealed
    role_claim: str | None
    roles: str  # JSON: value of the claim -> role
    default_role: str | None  # None: strangers stay out
    enabled: bool
    created_by: UUID
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRecord:
    """Who a provider's subject is here."""

    provider_id: UUID
    subject: str
    member_id: UUID
    linked_at: datetime


_PROVIDER = tuple(field.name for field in fields(ProviderRecord))
_IDENTITY = tuple(field.name for field in fields(IdentityRecord))
_BY_ID = scope.equals(IdentityProviderRow, "id", called="provider")
_FIND = scope.select(IdentityProviderRow, *_PROVIDER).where(_BY_ID)
_FIND_ISSUER = scope.select(IdentityProviderRow, *_PROVIDER).where(
    scope.equals(IdentityProviderRow, "issuer")
)
_ALL = scope.select(IdentityProviderRow, *_PROVIDER).order_by("created_at", "id")
_CHANGE = scope.update(
    IdentityProviderRow,
    "client_id",
    "client_secret",
    "role_claim",
    "roles",
    "default_role",
    "enabled",
    "updated_at",
).where(_BY_ID)
_REMOVE = scope.delete(IdentityProviderRow).where(_BY_ID)

_OF_PROVIDER = scope.equals(FederatedIdentityRow, "provider_id", called="provider")
_FIND_IDENTITY = scope.select(FederatedIdentityRow, *_IDENTITY).where(
    _OF_PROVIDER, scope.equals(FederatedIdentityRow, "subject", called="of_subject")
)
_IDENTITIES = (
    scope.select(FederatedIdentityRow, *_IDENTITY)
    .where(_OF_PROVIDER)
    .order_by("linked_at", "subject")
)
_UNLINK = scope.delete(FederatedIdentityRow).where(
    _OF_PROVIDER, scope.equals(FederatedIdentityRow, "subject", called="of_subject")
)
_UNLINK_ALL = scope.delete(FederatedIdentityRow).where(_OF_PROVIDER)
_OF_MEMBER = scope.equals(FederatedIdentityRow, "member_id", called="of_member")
_LINKS_OF = scope.select(FederatedIdentityRow, *_IDENTITY).where(_OF_MEMBER)
_GONE = scope.select(MemberRow, "id").where(scope.equals(MemberRow, "state"))
_LINKS_OF_THESE = scope.select(FederatedIdentityRow, "subject").where(
    scope.among(FederatedIdentityRow, ["member_id"], called="of_members")
)
_UNLINK_MEMBER = scope.delete(FederatedIdentityRow).where(_OF_MEMBER)
_END = scope.update(SessionRow, "ended_at", "ended_why").where(
    scope.among(SessionRow, ["member_id"], called="of_members"),
    scope.equals(SessionRow, "method", called="by_method"),
    scope.column(SessionRow, "ended_at").is_(None),
)


class IdentityProviders:
    """Each tenant's. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, tenant_id: UUID) -> list[ProviderRecord]:
        """The oldest first."""
        rows = await self._database.all(tenant_id, _ALL)
        return [ProviderRecord(**dict(zip(_PROVIDER, row, strict=True))) for row in rows]

    async def of_issuer(self, tenant_id: UUID, issuer: str) -> ProviderRecord | None:
        row = await self._database.first(tenant_id, _FIND_ISSUER, issuer=issuer)
        return None if row is None else ProviderRecord(**dict(zip(_PROVIDER, row, strict=True)))

    async def identities(self, tenant_id: UUID, provider_id: UUID) -> list[IdentityRecord]:
        """Who a provider's subjects are, the oldest link first."""
        rows = await self._database.all(tenant_id, _IDENTITIES, provider=provider_id)
        return [IdentityRecord(**dict(zip(_IDENTITY, row, strict=True))) for row in rows]


async def find(session: ReadSession, provider_id: UUID) -> ProviderRecord | None:
    row = await session.first(_FIND, provider=provider_id)
    return None if row is None else ProviderRecord(**row)


async def find_issuer(session: ReadSession, issuer: str) -> ProviderRecord | None:
    row = await session.first(_FIND_ISSUER, issuer=issuer)
    return None if row is None else ProviderRecord(**row)


async def add(session: WriteSession, provider: ProviderRecord) -> None:
    await session.add_if_absent(IdentityProviderRow, **asdict(provider))


async def change(session: WriteSession, provider: ProviderRecord) -> None:
    """Have it be as the record says. Its id and its issuer stay."""
    values = asdict(provider)
    for name in ("id", "issuer", "created_by", "created_at"):
        del values[name]
    await session.execute(_CHANGE, provider=provider.id, **values)


async def remove(session: WriteSession, provider_id: UUID) -> None:
    """Forget it, and who its subjects are."""
    await session.execute(_UNLINK_ALL, provider=provider_id)
    await session.execute(_REMOVE, provider=provider_id)


async def identity(session: ReadSession, provider_id: UUID, subject: str) -> IdentityRecord | None:
    """Who the subject of a provider is here."""
    row = await session.first(_FIND_IDENTITY, provider=provider_id, of_subject=subject)
    return None if row is None else IdentityRecord(**row)


async def link(session: WriteSession, identity: IdentityRecord) -> bool:
    """False: the subject is somebody already."""
    return await session.add_if_absent(FederatedIdentityRow, **asdict(identity))


async def unlink(session: WriteSession, provider_id: UUID, subject: str) -> bool:
    """Whether there was such a link."""
    return await session.execute(_UNLINK, provider=provider_id, of_subject=subject) == 1


async def cover(
    session: WriteSession, member_id: UUID, covered: Callable[[IdentityRecord], str]
) -> None:
    """Have nothing of a member's subjects be kept but what is made of each by ``covered``."""
    links = [IdentityRecord(**row) for row in await session.all(_LINKS_OF, of_member=member_id)]
    await session.execute(_UNLINK_MEMBER, of_member=member_id)
    for each in links:
        await link(session, replace(each, subject=covered(each)))


async def covered(database: Database, tenant_id: UUID) -> list[str]:
    """What is kept in place of the subjects of members who were erased.

    Raises:
        DatabaseAway, DatabaseBusy.
    """
    async with database.reading(tenant_id) as session:
        gone = [row["id"] for row in await session.all(_GONE, state="ERASED")]
        rows = await session.all(_LINKS_OF_THESE, of_members=gone)
    return [row["subject"] for row in rows]


async def end_sessions(
    session: WriteSession, member_ids: Sequence[UUID], *, why: str, at: datetime
) -> int:
    """End the sessions of members that a provider began; how many."""
    return await session.execute(
        _END, of_members=member_ids, by_method="OIDC", ended_at=at, ended_why=why
    )


async def end_sessions_of(
    session: WriteSession, provider_id: UUID, *, why: str, at: datetime
) -> int:
    """The same, of everybody whom a provider knows."""
    links = await session.all(_IDENTITIES, provider=provider_id)
    return await end_sessions(session, [row["member_id"] for row in links], why=why, at=at)
