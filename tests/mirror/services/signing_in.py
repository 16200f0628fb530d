"""Everything that proves who somebody is, on a real database, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from argon2 import PasswordHasher

from api.keys import temporary_keys
from collab.buckets import MemoryBuckets
from collab.bus import BroadcastBus, MemoryBackend
from observability.logs import Logs
from services.accounts import SignIn
from services.administration import Administration
from services.identity import Identity
from services.invitations import InvitationService
from services.principal import Principal, Role
from services.signed_in import Tokens
from services.standing import Standings
from store import scope
from store.changes import Changes
from store.database import Database
from store.directory import Directory
from store.invitations import Invitations
from store.standing import Standings as StandingStore
from store.tables import AuditPendingRow
from store.tenants import MemberRecord, Tenants
from tests.mirror.store.world import OURS, THEIRS

PASSWORD: Final = "four quiet otters in a boat"
ADA: Final = UUID(int=1_001)
OWNER: Final = UUID(int=1_002)
ROBOT: Final = UUID(int=1_003)
HOME: Final = "192.0.2.1"
ELSEWHERE: Final = "198.51.100.7"
_ENTRIES = scope.select(AuditPendingRow, "action", "actor", "subject").order_by("id")


class Clock:
    """A clock that a test moves, near the real one: what other parts write is near it, too."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def timer(self) -> float:
        return self.now.timestamp()

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class Counted:
    """What the metrics would count."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def refused_credential(self, kind: str) -> None:
        self.kinds.append(kind)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where people sign in."""

    database: Database
    identity: Identity
    standings: Standings
    administration: Administration
    clock: Clock
    tries: MemoryBuckets

    async def sign_in(self, **changes: Any) -> Tokens:
        plain: dict[str, Any] = {
            "tenant": "ours",
            "subject": "ada",
            "password": PASSWORD,
            "code": None,
            "address": HOME,
            "agent": "test",
        }
        return await self.identity.accounts.sign_in(SignIn(**(plain | changes)))

    async def audit(self, tenant_id: UUID = OURS) -> list[str]:
        """What is on record, in order."""
        async with self.database.reading(tenant_id) as session:
            return [row["action"] for row in await session.all(_ENTRIES)]


def somebody(
    member_id: UUID = ADA, role: Role = Role.ANALYST, session_id: str = "test", **more: Any
) -> Principal:
    return Principal(
        tenant_id=OURS,
        member_id=member_id,
        role=role,
        session_id=session_id,
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        **more,
    )


@asynccontextmanager
async def desk(database: Database) -> AsyncIterator[Desk]:
    """With Ada, an analyst who has a password; an owner; and a service account."""
    clock, log = Clock(), Logs("CRITICAL").get("identity")
    bus = BroadcastBus(MemoryBackend(), log)
    await bus.start()
    standings = Standings(StandingStore(database), bus, clock, clock.timer)
    tries = MemoryBuckets(clock.timer)
    administration = Administration(Changes(database), standings, clock)
    identity = Identity.build(
        database=database,
        directory=Directory(database),
        standings=standings,
        administration=administration,
        invitations=InvitationService(Invitations(database), administration),
        keyring=temporary_keys(),
        issuer="test",
        environment="dev",
        buckets=tries,
        refusals=Counted(),
        log=log,
        clock=clock,
    )
    # What a check costs in production is another test's: here it would be most of the time.
    identity.accounts._passwords._known = PasswordHasher(1, 8, 1)
    await Directory(database).ready()
    await Directory(database).put("SLUG", "ours", OURS)
    await Directory(database).put("SLUG", "theirs", THEIRS)
    for id_, subject, role, kind in (
        (ADA, "ada", "ANALYST", "PERSON"),
        (OWNER, "olga", "OWNER", "PERSON"),
        (ROBOT, "robot", "ANALYST", "SERVICE"),
    ):
        record = MemberRecord(id=id_, subject=subject, name=subject.title(), role=role, kind=kind)
        await Tenants(database).join(OURS, record)
    made = Desk(database, identity, standings, administration, clock, tries)
    secret, _ = await identity.accounts.offer_reset(somebody(OWNER, Role.OWNER), ADA, None)
    await identity.accounts.reset(str(secret), PASSWORD, HOME)
    try:
        yield made
    finally:
        await identity.close()
        await bus.close()
