"""What administers tenants, without a server: for commands on the database of one."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.settings import Settings
from collab.bus import BroadcastBus, MemoryBackend
from collab.redis_backend import RedisBackend
from observability.logs import Logs
from resolvers.ids import global_id
from services.administration import Administration
from services.invitations import InvitationService
from services.kinds import KINDS
from services.members import TERMINAL
from services.payments import Payments
from services.prices import PriceList
from services.principal import Principal, Role
from services.standing import Standings
from services.tenancy import Tenancy
from services.tenants import TenantService
from services.webhook_events import Bodies
from store.changes import Changes
from store.database import Database
from store.directory import SYSTEM, Directory
from store.invitations import Invitations
from store.standing import Standings as StandingStore
from store.tenants import Tenants


class CannotAdminister(Exception):
    """Why not, and the command that mends it."""


@dataclass(frozen=True, slots=True)
class Administered:
    """A database whose tenants can be administered, and in whose name."""

    tenancy: Tenancy
    tenants: TenantService
    directory: Directory
    payments: Payments
    principal: Principal  # an operator
    owner: Principal  # of the system's tenant: who says who is an operator


@asynccontextmanager
async def administered(settings: Settings) -> AsyncIterator[Administered]:
    """The tenants of the settings' database; servers hear over Redis of what is changed.

    Raises:
        CannotAdminister: for a schema that is behind.
        DangerousRole: for a role that could see every tenant's rows. DatabaseAway.
    """
    log = Logs("ERROR").get("administration")
    database = Database.open(settings.database_url)
    backend = RedisBackend(settings.redis_url, log) if settings.redis_url else MemoryBackend()
    bus = BroadcastBus(backend, log)
    try:
        if await database.behind():  # also where there is none yet
            raise CannotAdminister(
                "The database's schema is behind this version. Run: valor migrate"
            )
        await database.ping()
        await bus.start()
        directory = Directory(database)
        await directory.ready()
        standings = Standings(StandingStore(database), bus)
        administration = Administration(Changes(database), standings)
        payments = Payments.build(
            database=database,
            directory=directory,
            standings=standings,
            bodies=Bodies(global_id, settings.public_url),
            prices=PriceList.read(settings.billing_prices)
            if settings.billing_prices
            else PriceList(),
            secrets=settings.billing_secrets,
            clock=administration.clock,
            log=log,
        )
        yield Administered(
            payments=payments,
            tenancy=Tenancy.build(
                database=database,
                directory=directory,
                standings=standings,
                administration=administration,
                invitations=InvitationService(Invitations(database), administration),
                bus=bus,
                log=log,
                issuer=lambda: None,
                operations=tuple,
                kinds=KINDS,
                prorate=payments.subscriptions.prorate,
            ),
            tenants=TenantService(Tenants(database), standings),
            directory=directory,
            principal=_at_the_terminal(Role.OPERATOR),
            owner=_at_the_terminal(Role.OWNER),
        )
    finally:
        await bus.close()
        await database.close()


def _at_the_terminal(role: Role) -> Principal:
    """Whoever may use the database itself; the audit has the name of their account here."""
    return Principal(
        tenant_id=SYSTEM,
        member_id=TERMINAL,
        role=role,
        session_id=f"terminal:{getpass.getuser()}"[:64],
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
