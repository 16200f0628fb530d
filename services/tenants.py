"""The caller's tenant: who pays, who belongs, and what was bought."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final
from uuid import UUID

from services.errors import Unauthenticated
from services.plans import Plan
from services.principal import Action, Principal
from store.tenants import MemberRecord, TenantRecord, Tenants

_PLAN_FRESH_S: Final = 60.0  # a change of plan is felt within a minute
_PLANS_REMEMBERED: Final = 10_000


__all__ = ["MemberRecord", "TenantRecord", "TenantService"]


class TenantService:
    """What a member may know about the tenant."""

    def __init__(self, tenants: Tenants, clock: Callable[[], float] = monotonic) -> None:
        self._tenants, self._clock = tenants, clock
        self._plans: dict[UUID, tuple[float, Plan]] = {}

    async def plan_of(self, tenant_id: UUID) -> Plan:
        """
        Raises:
            Unauthenticated: if the token's tenant does not exist here.
        """
        known = self._plans.get(tenant_id)
        now = self._clock()
        if known is not None and now - known[0] < _PLAN_FRESH_S:
            return known[1]
        plan = Plan((await self._existing(tenant_id)).plan)
        if len(self._plans) >= _PLANS_REMEMBERED:
            self._plans.clear()
        self._plans[tenant_id] = (now, plan)
        return plan

    async def tenant(self, principal: Principal) -> TenantRecord:
        principal.require(Action.READ_TENANT)
        return await self._existing(principal.tenant_id)

    async def members(self, principal: Principal) -> list[MemberRecord]:
        principal.require(Action.READ_TENANT)
        return list(await self._tenants.members(principal.tenant_id))

    async def member(self, principal: Principal) -> MemberRecord | None:
        """The caller; None if the token's member has left."""
        principal.require(Action.READ_TENANT)
        return await self._tenants.member(principal.tenant_id, principal.member_id)

    async def _existing(self, tenant_id: UUID) -> TenantRecord:
        tenant = await self._tenants.find(tenant_id)
        if tenant is None:
            raise Unauthenticated("The token's tenant does not exist here. Ask for a new token.")
        return tenant
