"""Sharing a model: whom with, for what, and whether the whole tenant sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from engine.errors import InvalidInput, Problem
from services.audit import entry
from services.financial_models import ModelService
from services.model import Model
from services.model_rights import Access, Right, check
from services.principal import Action, Principal
from services.standing import Standings
from services.tenants import MemberRecord, TenantService
from store.model_grants import GrantRecord, ModelGrants, Shared

_SHARE: Final = Action.SHARE_MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelGrant:
    """What somebody may do with a model."""

    member: MemberRecord
    right: Right
    granted_by: MemberRecord | None  # None: an operator
    granted_at: datetime


class SharingService:
    """Who may what with a model, and who says so."""

    def __init__(
        self,
        grants: ModelGrants,
        models: ModelService,
        tenants: TenantService,
        standings: Standings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._grants, self._models, self._tenants = grants, models, tenants
        self._standings, self._clock = standings, clock

    async def grants(self, principal: Principal, model_id: UUID) -> Sequence[ModelGrant]:
        """Whom the model was shared with.

        Raises:
            NotFound, Forbidden.
        """
        await self._models.right(principal, model_id)
        found = await self._grants.of_model(principal.tenant_id, model_id)
        wanted = {each.member_id for each in found} | {each.granted_by for each in found}
        people = await self._tenants.people(principal.tenant_id, wanted)
        return [
            ModelGrant(
                member=people[each.member_id],
                right=Right(each.role),
                granted_by=people.get(each.granted_by),
                granted_at=each.granted_at,
            )
            for each in found
            if each.member_id in people
        ]

    async def share(
        self, principal: Principal, model_id: UUID, member_id: UUID, right: Right
    ) -> Model:
        """Let a member do so much with a model, and no more, whatever their role would.

        Sharing it again for the same changes nothing.

        Raises:
            NotFound, Forbidden; InvalidInput: for somebody who does not belong to the tenant.
        """
        now = self._clock()
        grant = GrantRecord(
            model_id=model_id,
            member_id=member_id,
            role=right.value,
            granted_by=principal.member_id,
            granted_at=now,
        )
        noted = entry(
            principal, "model.shared", "model", model_id, at=now, member=member_id, right=right
        )

        def allowed(shared: Shared | None) -> None:
            check(principal, _SHARE, shared, shared.granted if shared else None)
            if shared is not None and not shared.known:
                raise InvalidInput.of(
                    [
                        Problem(
                            "memberId",
                            "UNKNOWN",
                            "Nobody in the tenant has this id.",
                            "Give the id of one of `tenant { members { id } }`.",
                        )
                    ]
                )

        await self._grants.give(principal.tenant_id, grant, principal.member_id, allowed, noted)
        return await self._told(principal, model_id)

    async def unshare(self, principal: Principal, model_id: UUID, member_id: UUID) -> Model:
        """Share it with a member no more: what their role allows is theirs again.

        Raises:
            NotFound, Forbidden.
        """
        noted = entry(principal, "model.unshared", "model", model_id, member=member_id)
        await self._grants.take(
            principal.tenant_id,
            model_id,
            member_id,
            principal.member_id,
            self._allowed(principal),
            noted,
        )
        return await self._told(principal, model_id)

    async def open(self, principal: Principal, model_id: UUID, access: Access) -> Model:
        """Have the whole tenant see it by their roles, or only whom it is shared with.

        Raises:
            NotFound, Forbidden.
        """
        noted = entry(principal, "model.opened", "model", model_id, access=access)
        await self._grants.open(
            principal.tenant_id,
            model_id,
            access.value,
            principal.member_id,
            self._allowed(principal),
            noted,
        )
        return await self._told(principal, model_id)

    def _allowed(self, principal: Principal) -> Callable[[Shared | None], None]:
        def allowed(shared: Shared | None) -> None:
            check(principal, _SHARE, shared, shared.granted if shared else None)

        return allowed

    async def _told(self, principal: Principal, model_id: UUID) -> Model:
        """The model, once everybody was told that their rights may be others now."""
        self._standings.changed(principal.tenant_id)
        return await self._models.left(principal, model_id)
