"""What a payment provider says, signed as it documents it; and who hears it."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from collab.bus import BroadcastBus, MemoryBackend
from services.billing import Taken
from services.payments import Payments
from services.prices import PriceList
from services.standing import Standings
from services.webhook_events import Bodies
from store.database import Database
from store.directory import Directory
from store.standing import Standings as StandingStore
from store.subscriptions import SubscriptionRecord, Subscriptions
from store.tenants import TenantRecord, Tenants
from tests.mirror.collab.by_hand import Said
from tests.mirror.store.world import OURS
from tests.webhooks_at_work import global_id

ROOT: Final = Path(__file__).parents[1]
EVENTS: Final = ROOT / "tests" / "data" / "billing"
PRICES: Final = ROOT / "examples" / "billing" / "prices.json"
SECRET: Final = "whsec_of_the_endpoint_now"
OLD: Final = "whsec_of_the_endpoint_before"
APRIL: Final = datetime(2026, 4, 1, tzinfo=UTC)


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    """A recorded event; ``changes`` are fields of the event itself."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found | changes


def signed(body: bytes, at: datetime, *secrets: str) -> str:
    """As the provider documents it."""
    stamp = int(at.timestamp())
    signatures = [
        hmac.digest(secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
        for secret in secrets or (SECRET,)
    ]
    return ",".join([f"t={stamp}", *(f"v1={each}" for each in signatures), "v0=00"])


@dataclass
class Provider:
    """Both sides: who says it, and who hears it."""

    database: Database
    at: datetime = APRIL
    said: Said = field(default_factory=Said)
    changed: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        bus = BroadcastBus(MemoryBackend(), self.said)
        self.standings = Standings(StandingStore(self.database), bus)
        self.standings.on_change(self.changed.append)
        self.directory = Directory(self.database)
        self.kept = Subscriptions(self.database)
        self.payments = Payments.build(
            database=self.database,
            directory=self.directory,
            standings=self.standings,
            bodies=Bodies(global_id),
            prices=PriceList.read(PRICES),
            secrets=(SECRET, OLD),
            clock=lambda: self.at,
            log=self.said,
        )

    async def says(self, event: str | dict[str, Any]) -> Taken:
        given = recorded(event) if isinstance(event, str) else event
        self.at = max(self.at, datetime.fromtimestamp(given["created"], UTC))
        body = json.dumps(given).encode()
        return await self.payments.billing.hear(body, signed(body, self.at))

    async def tenant(self, tenant_id: UUID = OURS) -> TenantRecord:
        found = await Tenants(self.database).find(tenant_id)
        assert found is not None
        return found

    async def subscription(self, tenant_id: UUID = OURS) -> SubscriptionRecord:
        found = await self.kept.find(tenant_id)
        assert found is not None
        return found

    async def state(self, tenant_id: UUID = OURS) -> tuple[str, str, str]:
        """The tenant's plan, the plan that is paid for, and whether it is."""
        paid = await self.subscription(tenant_id)
        return (await self.tenant(tenant_id)).plan, paid.plan, paid.state


@pytest.fixture
async def provider(database: Database) -> Provider:
    it = Provider(database)
    await it.directory.ready()
    async with database.writing(OURS) as session:  # it was given PRO, and paid for nothing
        from store import tenants

        found = await tenants.find(session)
        assert found is not None
        await tenants.change(session, found, plan="FREE")
    return it
