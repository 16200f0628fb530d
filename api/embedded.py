"""The service without a server: what `valor query`, `valor value` and the demo run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLSchema

from api.keys import keys_at_hand
from api.operations.answers import refused_answer
from api.operations.documents import RequestError
from api.operations.entrance import NOS
from api.operations.request import Parameters
from api.parts import Parts
from api.settings import Settings
from api.wiring import build
from observability.logs import Logs
from services.plans import Plan
from services.principal import Principal, Role
from services.sessions import Session
from store.migrate import migrate
from store.tenants import MemberRecord, TenantRecord

# The one tenant of a development database. Its ids never change, so that a valuation is found
# again after a restart.
DEMO_TENANT: Final = UUID("019300aa-0000-7000-8000-000000000001")


@dataclass(frozen=True, slots=True)
class DemoMember:
    """Somebody who belongs to the demonstration."""

    id: UUID
    subject: str
    name: str
    role: Role


# Two, so that they can meet in a model's room.
ANALYST: Final = DemoMember(
    UUID("019300aa-0000-7000-8000-000000000002"), "analyst@demo", "Demo Analyst", Role.OWNER
)
PARTNER: Final = DemoMember(
    UUID("019300aa-0000-7000-8000-000000000003"), "partner@demo", "Demo Partner", Role.ANALYST
)
DEMO_MEMBERS: Final = {"analyst": ANALYST, "partner": PARTNER}  # as commands name them


class QueryFailed(Exception):
    """What the service answered instead of data, as a person reads it."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """An application in this process, and the member that it runs for."""

    parts: Parts
    principal: Principal

    @property
    def schema(self) -> GraphQLSchema:
        """What a document is written against, and a file's inputs are told apart by."""
        return self.parts.schema._schema  # noqa: SLF001 - Strawberry offers no other way

    async def ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole answer: ``data`` and ``errors``."""
        asked = Parameters(query, None, variables or {})
        try:
            answered = await self.parts.executor.run(asked, Session(self.principal), "embedded")
        except (RequestError, *NOS) as no:
            answer = refused_answer(no)
        else:
            answer = answered.answer
        answer.pop("extensions", None)  # what it cost is for callers from outside
        return answer

    async def data(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's data.

        Raises:
            QueryFailed: if there are errors.
        """
        answer = await self.ask(query, variables)
        if answer.get("errors"):
            raise QueryFailed("\n".join(error["message"] for error in answer["errors"]))
        found: dict[str, Any] = answer["data"]
        return found


async def prepare(settings: Settings, parts: Parts) -> None:
    """Bring the database up to date where it is ours to do, and see to the demo's tenant."""
    if await parts.database.behind():
        await migrate(settings.database_owner_url)
    await parts.directory.ready()
    await parts.directory.put("SLUG", "demo", DEMO_TENANT)
    await parts.tenants.ensure(
        TenantRecord(
            tenant_id=DEMO_TENANT,
            slug="demo",
            name="Demonstration",
            plan=Plan.PRO.value,
            created_at=datetime.now(UTC),
        ),
        [
            MemberRecord(id=each.id, subject=each.subject, name=each.name, role=each.role.value)
            for each in DEMO_MEMBERS.values()
        ],
    )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Embedded]:
    """The embedded application. Logs are for errors only: the terminal belongs to the answer."""
    # A person at a terminal asks whatever they like: only transports know strangers.
    settings = replace(settings, only_trusted=False)
    parts = build(settings, keys_at_hand(settings.keys), Logs("ERROR"))
    try:
        await prepare(settings, parts)
        yield Embedded(parts, owner())
    finally:
        await parts.close()


def owner() -> Principal:
    """The demo's owner, for work inside this process."""
    return Principal(
        tenant_id=DEMO_TENANT,
        member_id=ANALYST.id,
        role=ANALYST.role,
        session_id="embedded",
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )
