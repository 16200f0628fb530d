"""Standings and tenants on a database of a test's own, without a server between processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from collab.bus import BroadcastBus, MemoryBackend
from observability.logs import Logs
from services.administration import Administration
from services.invitations import InvitationService
from services.principal import Principal, Role
from services.standing import Standings
from services.tenancy import Tenancy
from services.tenants import TenantService
from store.changes import Changes
from store.database import Database
from store.directory import SYSTEM, Directory
from store.invitations import Invitations
from store.standing import Standings as StandingStore
from store.tenants import Tenants
from tests.mirror.store.world import NOON, OURS, member, tenant


def standings_of(database: Database, timer: Callable[[], float] = monotonic) -> Standings:
    """Of one process: nobody else hears it, and it hears nobody."""
    bus = BroadcastBus(MemoryBackend(), Logs("CRITICAL").get("bus"))
    return Standings(StandingStore(database), bus, lambda: NOON, timer)


def tenant_service(database: Database, clock: Callable[[], float] = monotonic) -> TenantService:
    return TenantService(Tenants(database), standings_of(database, clock), clock)


@dataclass
class Desk:
    """What administers tenants, with a clock that a test moves."""

    database: Database
    standings: Standings
    tenancy: Tenancy
    at: list[datetime]

    @classmethod
    def opened(cls, database: Database, timer: Callable[[], float] = monotonic) -> Desk:
        at = [NOON]
        log = Logs("CRITICAL").get("tenants")
        standings = standings_of(database, timer)
        administration = Administration(Changes(database), standings, lambda: at[0])
        bus = BroadcastBus(MemoryBackend(), log)
        tenancy = Tenancy.build(
            database=database,
            directory=Directory(database),
            standings=standings,
            administration=administration,
            invitations=InvitationService(Invitations(database), administration),
            bus=bus,
            log=log,
            issuer=lambda: None,
            operations=lambda: {"Mutation.valueDcf"},
            kinds=("DCF",),
        )
        return cls(database, standings, tenancy, at)

    async def members(self, *roles: Role) -> list[Principal]:
        """New members of ours, one for each role."""
        people = [
            member(100 + number, role=role.value, joined_at=NOON)
            for number, role in enumerate(roles)
        ]
        await Tenants(self.database).ensure(tenant(OURS), people)
        return [
            Principal(
                tenant_id=OURS,
                member_id=each.id,
                role=Role(each.role),
                session_id="session",
                expires_at=datetime(2030, 1, 1, tzinfo=UTC),
            )
            for each in people
        ]

    async def operator(self) -> Principal:
        """An operator of the system's tenant."""
        await Directory(self.database).ready()
        who = member(200, role=Role.OPERATOR.value, name="Op")
        await Tenants(self.database).join(SYSTEM, who)
        return Principal(
            tenant_id=SYSTEM,
            member_id=who.id,
            role=Role.OPERATOR,
            session_id="session",
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        )
