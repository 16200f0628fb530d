"""Two tenants and what they keep, for the tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from store.audit import Entry
from store.database import Bounds, Database
from store.financial_models import Decision, ModelRecord
from store.model_log import NewOperation
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


def model(number: int = 1, **changes: Any) -> ModelRecord:
    plain: dict[str, Any] = {
        "id": UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + number),
        "kind": "DCF",
        "input_version": 1,
        "name": f"Model {number}",
        "unit": "MILLIONS",
        "inputs": '{"wacc":0.1}',
        "scenarios": "{}",
        "touched": "{}",
        "revision": 1,
        "archived": False,
        "created_at": NOON,
        "created_by": member(1).id,
        "updated_at": NOON,
        "updated_by": member(1).id,
    }
    return ModelRecord(**(plain | changes))


def noted(model_id: UUID, seq: int) -> Entry:
    """What the audit has of an operation."""
    return Entry(
        id=uuid4(),
        at=NOON,
        actor_kind="MEMBER",
        actor=member(1).id,
        action="model.edited",
        subject_kind="model",
        subject=str(model_id),
        details=f'{{"seq":{seq}}}',
    )


def operation(of: object = "create", **changes: Any) -> NewOperation:
    """An operation that somebody asks for; its id and fingerprint follow from what it is."""
    plain: dict[str, Any] = {
        "operation_id": f"operation-{of}",
        "fingerprint": content_id(of),
        "verb": "CREATE" if of == "create" else "EDIT",
        "author": member(1).id,
        "at": NOON,
        "noted": noted,
    }
    return NewOperation(**(plain | changes))


def decided(before: ModelRecord, **changes: Any) -> Decision:
    """The model as it is, but for some changes."""
    names = ("name", "unit", "archived", "input_version", "inputs", "scenarios", "touched")
    plain = {name: getattr(before, name) for name in names} | {"changes": "[]"}
    return Decision(**(plain | changes))


@asynccontextmanager
async def opened(url: str, **bounds: Any) -> AsyncIterator[Database]:
    """A database for the time of a block. It waits long, unless a test is about waiting."""
    waits = {"pool_wait_s": 30.0, "lock_wait_s": 30.0, "statement_s": 60.0, "connect_s": 60.0}
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
