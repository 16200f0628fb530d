"""The caller's tenant: who pays, who belongs, and what was bought."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Final
from uuid import UUID

from services.errors import Unauthenticated
from services.plans import Plan
from services.principal import Action, Principal, Role
from store.tenants import MemberRecord, TenantRecord, Tenants

_PLAN_FRESH_S: Final = 60.0  # a change of plan is felt within a minute
_PLANS_REMEMBERED: Final = 10_000
_MEMBERS_FRESH_S: Final = 60.0  # a new name is seen within a minute
_STRANGER_FRESH_S: Final = 2.0  # somebody who has joined just now, within two seconds
_TENANTS_REMEMBERED: Final = 1_000


__all__ = ["MemberRecord", "TenantRecord", "TenantService"]


class TenantService:
    """What a member may know about the tenant."""

    def __init__(self, tenants: Tenants, clock: Callable[[], float] = monotonic) -> None:
        self._tenants, self._clock = tenants, clock
        self._plans: dict[UUID, tuple[float, Plan]] = {}
        self._people: dict[UUID, tuple[float, Mapping[UUID, MemberRecord]]] = {}

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

    async def people(self, tenant_id: UUID, wanted: Iterable[UUID]) -> Mapping[UUID, MemberRecord]:
        """The tenant's members by their ids, read anew now and then. Who is not in it has left."""
        read_at, known = self._people.get(tenant_id, (float("-inf"), {}))
        fresh_s = _MEMBERS_FRESH_S if known.keys() >= set(wanted) else _STRANGER_FRESH_S
        now = self._clock()
        if now - read_at < fresh_s:
            return known
        if known:  # whoever asks while this is read makes do with what is known
            self._people[tenant_id] = (now, known)
        members = await self._tenants.members(tenant_id)
        known = {member.id: member for member in members}
        if len(self._people) >= _TENANTS_REMEMBERED:
            self._people.clear()
        self._people[tenant_id] = (now, known)
        return known

    async def belongs(self, principal: Principal) -> bool:
        """Whether the member is there still, and may do at least what the token says."""
        member = await self._tenants.member(principal.tenant_id, principal.member_id)
        if member is None:
            return False
        roles = list(Role)  # the mightiest first
        return roles.index(Role(member.role)) <= roles.index(principal.role)

    async def _existing(self, tenant_id: UUID) -> TenantRecord:
        tenant = await self._tenants.find(tenant_id)
        if tenant is None:
            raise Unauthenticated("The token's tenant does not exist here. Ask for a new token.")
        return tenant
