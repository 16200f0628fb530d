"""The caller's tenant: who pays, who belongs, and who belonged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Final
from uuid import UUID

from services.errors import Forbidden, Unauthenticated
from services.principal import Action, Principal
from services.standing import Standings, Terms
from store.tenants import MemberRecord, TenantRecord, Tenants

_MEMBERS_FRESH_S: Final = 60.0  # a new name is seen within a minute
_STRANGER_FRESH_S: Final = 2.0  # somebody who has joined just now, within two seconds
_TENANTS_REMEMBERED: Final = 1_000


__all__ = ["MemberRecord", "TenantRecord", "TenantService"]


class TenantService:
    """What a member may know about the tenant."""

    def __init__(
        self, tenants: Tenants, standings: Standings, clock: Callable[[], float] = monotonic
    ) -> None:
        self._tenants, self._standings, self._clock = tenants, standings, clock
        self._people: dict[UUID, tuple[float, Mapping[UUID, MemberRecord]]] = {}
        standings.on_change(self._forget)

    async def terms(self, tenant_id: UUID) -> Terms:
        """What the tenant has now.

        Raises:
            Unauthenticated: if the token's tenant does not exist here.
        """
        return await self._standings.terms(tenant_id)

    async def tenant(self, principal: Principal) -> TenantRecord:
        principal.require(Action.READ_TENANT)
        tenant = await self._tenants.find(principal.tenant_id)
        if tenant is None:
            raise Unauthenticated
        return tenant

    async def members(self, principal: Principal, tenant_id: UUID) -> list[MemberRecord]:
        """Those who are members now, by name.

        Raises:
            Forbidden: of another tenant's members nobody learns anything.
        """
        principal.require(Action.READ_TENANT)
        require_own(principal, tenant_id)
        found = await self._tenants.members(tenant_id)
        return [member for member in found if member.state == "ACTIVE"]

    async def member(self, principal: Principal) -> MemberRecord | None:
        """The caller; None if the token's member has left, or is an operator with a grant."""
        principal.require(Action.READ_TENANT)
        found = await self._tenants.member(principal.tenant_id, principal.member_id)
        return found if found is not None and found.state == "ACTIVE" else None

    async def people(self, tenant_id: UUID, wanted: Iterable[UUID]) -> Mapping[UUID, MemberRecord]:
        """Everybody who is or was a member, or came as an operator; read anew now and then."""
        read_at, known = self._people.get(tenant_id, (float("-inf"), {}))
        fresh_s = _MEMBERS_FRESH_S if known.keys() >= set(wanted) else _STRANGER_FRESH_S
        now = self._clock()
        if now - read_at < fresh_s:
            return known
        if known:  # whoever asks while this is read makes do with what is known
            self._people[tenant_id] = (now, known)
        members = await self._tenants.members(tenant_id)
        known = {each.id: each for each in await self._tenants.visitors(tenant_id)}
        known |= {member.id: member for member in members}
        if len(self._people) >= _TENANTS_REMEMBERED:
            self._people.clear()
        self._people[tenant_id] = (now, known)
        return known

    def _forget(self, tenant_id: UUID) -> None:
        self._people.pop(tenant_id, None)


def require_own(principal: Principal, tenant_id: UUID) -> None:
    """
    Raises:
        Forbidden: for another tenant than the caller's.
    """
    if principal.tenant_id != tenant_id:
        raise Forbidden(
            "This is the tenant's own. An operator sees it with a grant: openOperatorGrant, then "
            "enterTenant."
        )
