"""Two tenants and what they keep, for the tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from store.database import Bounds, Database
from store.tenants import MemberRecord, TenantRecord, Tenants
from store.valuations import KeptValuation

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)

OURS = UUID("01900000-0000-7000-8000-00000000000a")
THEIRS = UUID("01900000-0000-7000-8000-00000000000b")
NOBODYS = UUID("01900000-0000-7000-8000-00000000000c")

CANARY = "CANARY"  # stands in every row of the other tenant


@dataclass(frozen=True, slots=True)
class Place:
    """A migrated database of a test's own."""

    kind: str  # sqlite, postgresql
    url: str  # to serve with
    owner_url: str  # to migrate with


def content_id(of: object) -> str:
    return hashlib.sha256(str(of).encode()).hexdigest()


def valuation(of: object = "apple", **changes: Any) -> KeptValuation:
    """A valuation of something; its id follows from what it is of."""
    plain: dict[str, Any] = {
        "id": content_id(of),
        "kind": "DCF",
        "input_version": 1,
        "inputs": '{"wacc":0.1}',
        "result": '{"enterpriseValue":1000.0}',
        "result_hash": content_id("result"),
        "engine_version": "0.1.0",
        "stream_version": "1",
        "numpy_version": "2.4.0",
        "seed": None,
        "computed_at": NOON,
        "duration_ms": 0.25,
    }
    return KeptValuation(**(plain | changes))


def tenant(tenant_id: UUID, **changes: Any) -> TenantRecord:
    plain: dict[str, Any] = {
        "tenant_id": tenant_id,
        "slug": f"tenant-{tenant_id.hex[-1]}",
        "name": CANARY if tenant_id == THEIRS else "Ours",
        "plan": "PRO",
        "created_at": NOON,
    }
    return TenantRecord(**(plain | changes))


def member(number: int, **changes: Any) -> MemberRecord:
    plain: dict[str, Any] = {
        "id": UUID(int=number),
        "subject": f"subject-{number}",
        "name": f"Member {number}",
        "role": "ANALYST",
    }
    return MemberRecord(**(plain | changes))


@asynccontextmanager
async def opened(url: str, **bounds: Any) -> AsyncIterator[Database]:
    """A database for the time of a block. It waits long, unless a test is about waiting."""
    waits = {"pool_wait_s": 30.0, "lock_wait_s": 30.0}
    database = Database.open(url, bounds=Bounds(**(waits | bounds)))
    try:
        yield database
    finally:
        await database.close()


async def settle(database: Database) -> None:
    """Two tenants, one member each."""
    tenants = Tenants(database)
    await tenants.ensure(tenant(OURS), [member(1)])
    await tenants.ensure(tenant(THEIRS), [member(2, name=CANARY)])
