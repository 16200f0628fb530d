"""The audit: what an edit, a valuation and a look cost with their entry, beside without.

    python3 dev.py bench audit [--rounds N]

In one process, on SQLite and on PostgreSQL, both durable, alternating each time, so that a busy
machine is busy for both. Medians in milliseconds; then how many events a second are chained,
exported and verified.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import asyncpg

from observability.logs import Logs
from services.audit import entry
from services.audit_chainer import AuditChainer
from services.audit_export import AuditExport
from services.audit_log import AuditLog
from services.audit_verification import Verification
from services.principal import Principal, Role
from store import financial_models, scope
from store.audit import AuditNotes
from store.audit_chain import AuditChain
from store.audit_events import AuditEvents
from store.database import Database
from store.financial_models import FinancialModels
from store.migrate import migrate
from store.tables import OperationRow, OutboxRow
from store.valuations import Valuations
from tests.mirror.store.world import OURS, decided, member, model, operation, settle, valuation
from tests.servers import running

ME = Principal(
    tenant_id=OURS,
    member_id=member(1).id,
    role=Role.ANALYST,
    session_id="bench",
    expires_at=datetime(2100, 1, 1, tzinfo=UTC),
)
UNNOTED = scope.Change(financial_models._NEXT, along=(OperationRow, OutboxRow))  # noqa: SLF001 - what edits were before they had an entry
EVENTS = 5_000
_numbers = count()


@dataclass
class Bench:
    """One database, and what is done on it."""

    database: Database

    def __post_init__(self) -> None:
        self.models, self.valuations = FinancialModels(self.database), Valuations(self.database)
        self.looks = AuditLog(AuditNotes(self.database))

    async def edit(self, *, noted: bool) -> None:
        new = operation(next(_numbers))
        new = replace(
            new,
            noted=lambda model_id, seq: entry(
                ME, "model.edited", "model", model_id, operation_id=new.operation_id, seq=seq
            ),
        )
        changes = financial_models._APPEND if noted else UNNOTED  # noqa: SLF001 - as above
        with (
            patch.object(financial_models, "_APPEND", changes),
            patch.object(financial_models, "SNAPSHOT_EVERY", 1 << 60),
        ):
            await self.models.append(OURS, model().id, new, lambda m, _: decided(m))

    async def keep(self, *, noted: bool) -> None:
        kept = valuation(("bench", next(_numbers)))
        made = entry(ME, "valuation.made", "valuation", kept.id) if noted else None
        await self.valuations.keep(OURS, kept, made)

    async def read(self, *, noted: bool) -> None:
        found = await self.models.find(OURS, model().id)
        assert found is not None  # noqa: S101 - it was made a moment ago
        if noted:
            await self.looks.saw(ME, "model.read", "model", UUID(int=next(_numbers)))

    async def read_again(self, *, noted: bool) -> None:
        found = await self.models.find(OURS, model().id)
        assert found is not None  # noqa: S101 - it was made a moment ago
        if noted:
            await self.looks.saw(ME, "model.read", "model", model().id)


async def beside(work: Callable[..., Awaitable[None]], rounds: int) -> tuple[float, float]:
    """Median ms without the entry, and with it."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds + 10):
        for noted in (False, True) if number % 2 else (True, False):
            began = time.perf_counter()
            await work(noted=noted)
            if number >= 10:
                times[noted].append((time.perf_counter() - began) * 1e3)
    return statistics.median(times[False]), statistics.median(times[True])


async def rates(database: Database) -> list[tuple[str, float]]:
    """Events a second: chained, exported and verified."""
    chain = AuditChain(database)
    chainer = AuditChainer(chain, Logs("CRITICAL").get("audit"))
    await chainer.drain(OURS)
    notes = AuditNotes(database)
    for _ in range(EVENTS // 500):
        await notes.add_all(OURS, [entry(ME, "model.read", "model", "m") for _ in range(500)])
    found = []
    began = time.perf_counter()
    await chainer.drain(OURS)
    found.append(("chained", EVENTS / (time.perf_counter() - began)))
    began = time.perf_counter()
    pages = [page async for page in AuditExport(chain, AuditEvents(database)).pages(OURS)]
    lines = [line for page in pages for line in page]
    found.append(("exported", len(lines) / (time.perf_counter() - began)))
    verification = Verification(None)
    began = time.perf_counter()
    for line in lines:
        verification.take(line)
    verification.close()
    found.append(("verified", len(lines) / (time.perf_counter() - began)))
    return found


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{folder / 'bench.db'}"
    await migrate(url)
    database = Database.open(url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def postgres(admin: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(admin)
    for role in ("valor_owner", "valor_app"):
        await connection.execute(f"CREATE ROLE {role} LOGIN")
    await connection.execute("CREATE DATABASE bench OWNER valor_owner")
    await connection.close()
    address = admin.split("@")[1].rsplit("/", 1)[0]
    await migrate(f"postgresql://valor_owner@{address}/bench")
    database = Database.open(f"postgresql://valor_app@{address}/bench")
    try:
        yield database
    finally:
        await database.close()


async def measure(name: str, database: Database, rounds: int) -> None:
    await settle(database)
    bench = Bench(database)
    await bench.models.create(OURS, model(), operation())
    print(f"{name:<12}{'without':>10}{'with':>10}{'':>6}")
    for what, work in (
        ("an edit", bench.edit),
        ("a valuation", bench.keep),
        ("a first look", bench.read),
        ("a look again", bench.read_again),
    ):
        without, with_ = await beside(work, rounds)
        print(f"  {what:<12}{without:>8.3f}{with_:>10.3f}  × {with_ / without:.2f}")
    told = ", ".join(f"{what} {rate:,.0f}" for what, rate in await rates(database))
    print(f"  events a second: {told}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running("postgres", durable=True) as server:
        async with sqlite(Path(folder)) as database:
            await measure("SQLite", database, given.rounds)
        async with postgres(server.url) as database:
            await measure("PostgreSQL", database, given.rounds)


if __name__ == "__main__":
    asyncio.run(main())
