"""How tenants administer themselves and operators administer all: its parts, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from collab.bus import Bus
from observability.logs import Log
from services.administration import Administration
from services.branding import BrandingService
from services.invitations import InvitationService
from services.members import MemberService
from services.operator_grants import GrantService, Issues
from services.operators import OperatorService, Prorates
from services.standing import Standings
from services.switches import Switches, SwitchService
from services.tenant_settings import TenantSettings
from services.usage import UsageService
from store.branding import Brandings
from store.database import Database
from store.directory import Directory
from store.operators import OperatorGrants
from store.quotas import Quotas
from store.switches import KillSwitches
from store.tenants import Tenants
from store.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """Built once, by wiring."""

    members: MemberService
    invitations: InvitationService
    settings: TenantSettings
    branding: BrandingService
    usage: UsageService
    operators: OperatorService
    grants: GrantService
    stopped: Switches
    switches: SwitchService
    standings: Standings

    async def may_begin(self, tenant_id: UUID, kind: str) -> bool:
        """Whether work of a tenant's on a kind of valuation may begin now: the tenant is neither
        suspended nor stopped, and the kind is not stopped.

        Raises:
            DatabaseAway, DatabaseBusy.
        """
        suspended = (await self.standings.terms(tenant_id)).suspended
        stopped = self.stopped.stopped(tenant_id, ["run"]) or self.stopped.stopped_kind(kind)
        return suspended is None and stopped is None

    @classmethod
    def build(
        cls,
        *,
        database: Database,
        directory: Directory,
        standings: Standings,
        administration: Administration,
        invitations: InvitationService,
        bus: Bus,
        log: Log,
        issuer: Callable[[], Issues | None],
        operations: Callable[[], Collection[str]],
        kinds: Collection[str],
        prorate: Prorates | None = None,
    ) -> Tenancy:
        """``issuer``: who signs access tokens now. ``operations`` and ``kinds``: what there is to
        stop. ``prorate`` writes down what a change of plan costs."""
        tenants, thrown = Tenants(database), KillSwitches(database)
        stopped = Switches(thrown, bus, log)
        return cls(
            members=MemberService(tenants, administration),
            invitations=invitations,
            settings=TenantSettings(tenants, directory, administration, standings),
            branding=BrandingService(Brandings(database), directory, administration, standings),
            usage=UsageService(Usage(database), Quotas(database), standings, administration.clock),
            operators=OperatorService(tenants, directory, administration, prorate),
            grants=GrantService(OperatorGrants(database), tenants, administration, issuer),
            stopped=stopped,
            switches=SwitchService(thrown, stopped, administration, operations, kinds, tenants),
            standings=standings,
        )
