"""The audit on a database of a test's own: who asks, what was done, and a clock that is set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from api.keys import temporary_keys
from observability.logs import Logs
from services.administration import Administration
from services.audit import entry
from services.audit_chainer import AuditChainer, Sink
from services.audit_export import AuditExport
from services.audit_log import AuditLog
from services.audit_reading import AuditService
from services.audit_report import AuditReports
from services.audit_verification import Finding, Verification
from services.holds import HoldService
from services.principal import Principal, Role
from services.sealing import Sealer
from store import scope
from store.audit import AuditNotes, Entry
from store.audit_chain import AuditChain
from store.audit_events import AuditEvents
from store.changes import Changes
from store.database import Database
from store.financial_models import FinancialModels
from store.holds import Holds
from store.tables import Row, TenantRow, table_of
from store.tenants import Tenants
from tests.mirror.services.audited import KEY, OURS, Key
from tests.mirror.services.tenants_at_work import standings_of, tenant_service
from tests.mirror.store.world import member

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAST: dict[str, Any] = {
    "int": 0,
    "str": "",
    "object": NOON,  # a moment
    "bool": True,
    "UUID": UUID(int=1),
}


def somebody(number: int = 1, role: Role = Role.OWNER, **changes: Any) -> Principal:
    """A member of ours who is signed in."""
    plain = Principal(
        tenant_id=OURS,
        member_id=member(number).id,
        role=role,
        session_id=f"session-{number}",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    return replace(plain, **changes)


@dataclass
class House:
    """Everything about the audit, on one database."""

    database: Database
    timer: list[float] = field(default_factory=lambda: [0.0])
    at: list[datetime] = field(default_factory=lambda: [NOON])
    key: Key | None = KEY
    sink: Sink | None = None

    def __post_init__(self) -> None:
        database = self.database
        self.notes = AuditNotes(database)
        self.chain, self.found = AuditChain(database), AuditEvents(database)
        self.looks = AuditLog(self.notes, lambda: self.timer[0])
        self.chainer = AuditChainer(
            self.chain,
            Logs("CRITICAL").get("audit"),
            self.key,
            sink=self.sink,
            clock=lambda: self.at[0],
        )
        self.export = AuditExport(self.chain, self.found)
        self.tenants, self.models = Tenants(database), FinancialModels(database)
        self.reading = AuditService(
            self.found,
            self.export,
            self.chainer,
            self.looks,
            self.notes,
            tenant_service(database),
            self.models,
        )
        self.reports = AuditReports(
            self.reading, self.found, self.chain, self.tenants, self.models, lambda: self.at[0]
        )
        self.holds = HoldService(
            Holds(database),
            self.tenants,
            self.models,
            Administration(Changes(database), standings_of(database), lambda: self.at[0]),
            Sealer(temporary_keys()),
        )

    async def people(self, *roles: Role) -> None:
        """Members of ours beside the first, numbered from 2 on."""
        for number, role in enumerate(roles, 2):
            await self.tenants.join(OURS, member(number, role=role.value, name=f"Member {number}"))

    async def plan(self, plan: str) -> None:
        async with self.database.writing(OURS) as session:
            await session.execute(scope.update(TenantRow, "plan"), plan=plan)

    async def note(self, *entries: Entry) -> None:
        await self.notes.add_all(OURS, entries)

    async def did(self, who: Principal | None, *actions: str, subject: str = "x") -> None:
        """Somebody did these, a second after each other."""
        for action in actions:
            self.at[0] += timedelta(seconds=1)
            kind = action.partition(".")[0]
            await self.note(entry(who, action, kind, subject, at=self.at[0]))

    async def actions(self, tenant_id: UUID = OURS) -> list[str]:
        """What is in the chain, chained to its end."""
        await self.chainer.drain(tenant_id)
        links = await self.found.page(tenant_id, self.everything, limit=10_000)
        return [link.action for link in links]

    @property
    def everything(self) -> Any:
        from services.audit_export import EVERYTHING

        return EVERYTHING

    async def verified(self, *heads: str, tenant_id: UUID = OURS) -> Finding:
        """What a verifier finds of the database's own export."""
        verification = Verification(None if self.key is None else self.key.public, heads)
        async for page in self.export.pages(tenant_id):
            for line in page:
                verification.take(line)
        return verification.close()


def whole(row: type[Row], given: dict[str, Any]) -> dict[str, Any]:
    """A value for each column: what is not given is nothing, or the least there is of it."""
    found = {}
    for column in table_of(row).columns:
        if column.name != "tenant_id":
            least: Any = None
            if not column.nullable:
                least = LEAST[column.type.python_type.__name__]
            found[column.name] = given.get(column.name, least)
    return found
