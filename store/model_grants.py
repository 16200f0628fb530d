"""Whom a model was shared with, and who sees it without that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from store import scope
from store.audit import Entry, note
from store.database import Database
from store.session import WriteSession
from store.tables import FinancialModelRow, MemberRow, ModelGrantRow


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRecord:
    """What a member may do with a model."""

    model_id: UUID
    member_id: UUID
    role: str  # OWNER, EDITOR, VIEWER
    granted_by: UUID
    granted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A model, as far as sharing it is concerned."""

    access: str
    created_by: UUID
    granted: str | None  # to whoever asks
    has: str | None  # what the member that it is about was granted
    known: bool  # whether the member that it is about belongs to the tenant


_COLUMNS = ("model_id", "member_id", "role", "granted_by", "granted_at")
_OF_MODEL = scope.equals(ModelGrantRow, "model_id")
_OF_MEMBER = scope.equals(ModelGrantRow, "member_id")
_GRANTS = scope.select(ModelGrantRow, *_COLUMNS).where(_OF_MODEL).order_by("granted_at")
_GRANT = scope.select(ModelGrantRow, "role").where(_OF_MODEL, _OF_MEMBER)
_MODEL = scope.select(FinancialModelRow, "access", "created_by").where(
    scope.equals(FinancialModelRow, "id")
)
_MEMBER = scope.select(MemberRow, "state").where(scope.equals(MemberRow, "id"))
_CHANGE = scope.update(ModelGrantRow, "role", "granted_by", "granted_at").where(
    scope.equals(ModelGrantRow, "model_id", "of_model"),
    scope.equals(ModelGrantRow, "member_id", "of_member"),
)
_TAKE = scope.delete(ModelGrantRow).where(_OF_MODEL, _OF_MEMBER)
_OPEN = scope.update(FinancialModelRow, "access").where(
    scope.equals(FinancialModelRow, "id", "model_id")
)

Allowed = Callable[[Shared | None], None]


class ModelGrants:
    """The grants of all tenants, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_model(self, tenant_id: UUID, model_id: UUID) -> list[GrantRecord]:
        """Everybody whom the model was shared with, the first one first."""
        rows = await self._database.all(tenant_id, _GRANTS, model_id=model_id)
        return [GrantRecord(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    async def give(
        self, tenant_id: UUID, grant: GrantRecord, asking: UUID, allowed: Allowed, entry: Entry
    ) -> None:
        """Share a model with a member, or change what it was shared for; the same changes nothing.

        ``allowed`` is told how the model stands in the same transaction; what it raises comes out
        and nothing is done.
        """
        async with self._database.writing(tenant_id) as session:
            shared = await _shared(session, grant.model_id, asking, grant.member_id)
            allowed(shared)
            if shared is not None and shared.has == grant.role:
                return
            if not await session.add_if_absent(ModelGrantRow, **asdict(grant)):
                await session.execute(
                    _CHANGE,
                    role=grant.role,
                    granted_by=grant.granted_by,
                    granted_at=grant.granted_at,
                    of_model=grant.model_id,
                    of_member=grant.member_id,
                )
            await note(session, entry)

    async def take(
        self,
        tenant_id: UUID,
        model_id: UUID,
        member_id: UUID,
        asking: UUID,
        allowed: Allowed,
        entry: Entry,
    ) -> None:
        """Share it with a member no more; ``allowed`` as in `give`."""
        async with self._database.writing(tenant_id) as session:
            allowed(await _shared(session, model_id, asking, member_id))
            if await session.execute(_TAKE, model_id=model_id, member_id=member_id):
                await note(session, entry)

    async def open(
        self,
        tenant_id: UUID,
        model_id: UUID,
        access: str,
        asking: UUID,
        allowed: Allowed,
        entry: Entry,
    ) -> None:
        """Have all see it, or only whom it is shared with; ``allowed`` as in `give`."""
        async with self._database.writing(tenant_id) as session:
            shared = await _shared(session, model_id, asking, asking)
            allowed(shared)
            if shared is not None and shared.access == access:
                return
            await session.execute(_OPEN, access=access, model_id=model_id)
            await note(session, entry)


async def _shared(
    session: WriteSession, model_id: UUID, asking: UUID, member_id: UUID
) -> Shared | None:
    model = await session.first(_MODEL, id=model_id)
    if model is None:
        return None
    granted = await session.first(_GRANT, model_id=model_id, member_id=asking)
    has = await session.first(_GRANT, model_id=model_id, member_id=member_id)
    member = await session.first(_MEMBER, id=member_id)
    return Shared(
        access=model["access"],
        created_by=model["created_by"],
        granted=None if granted is None else granted["role"],
        has=None if has is None else has["role"],
        known=member is not None and member["state"] == "ACTIVE",
    )
