"""What it costs that the database itself keeps tenants apart, on SQLite and on PostgreSQL.

    python3 dev.py bench isolation [--calls N] [--rounds N]

The store's own calls, on tables as they are migrated and on twins of them without protection:
no row-level security, no views, no authorizer, no triggers. The statements are the same, the
tenant's criterion among them. Rounds alternate between the twins, so that a busy machine is busy
for both; quote the ratios of the best rounds. SQLite commits durably; PostgreSQL, which would wait
as long for the disk either way, does not, so that its own work is seen.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import asyncpg

from store.audit import Entry
from store.database import Bounds, Database
from store.financial_models import (
    Decision,
    FinancialModels,
    ModelPage,
    ModelRecord,
    NewOperation,
)
from store.migrate import migrate
from store.scope import insert
from store.statement import Prepared
from store.tables import TENANT_TABLES, FinancialModelRow, TenantRow, ValuationRow
from store.tenants import TenantRecord
from store.valuations import KeptValuation, Valuations
from tests.servers import running

TENANTS = 20
ROWS = 500  # of each tenant in each table
WORST = 1.3  # what was promised
TURN = 20  # calls in a row
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCUMENT = '{"operations":{"revenue":391035000000}}' * 20  # some 800 bytes, as a DCF's inputs


@dataclass
class Twin:
    """A database with or without its protection, and the best time of each call in µs."""

    name: str
    database: Database
    best_us: dict[str, float] = field(default_factory=dict)
    made: int = 0

    @property
    def valuations(self) -> Valuations:
        return Valuations(self.database)

    @property
    def models(self) -> FinancialModels:
        return FinancialModels(self.database)


def tenant_id(number: int) -> UUID:
    return UUID(int=(1 << 64) | number)


def model_id(number: int) -> UUID:
    return UUID(int=(2 << 64) | number)


def hashed(*of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()


def tenant(number: int) -> TenantRecord:
    return TenantRecord(
        tenant_id=tenant_id(number),
        slug=f"tenant-{number}",
        name=f"Tenant {number}",
        plan="PRO",
        created_at=NOON,
    )


def valuation(of: object) -> KeptValuation:
    return KeptValuation(
        id=hashed(of),
        kind="DCF",
        input_version=1,
        inputs=DOCUMENT,
        result=DOCUMENT,
        result_hash=hashed(of),
        engine_version="0.1.0",
        stream_version="1",
        numpy_version="2.4.0",
        seed=None,
        computed_at=NOON,
        duration_ms=0.25,
    )


def model(number: int) -> ModelRecord:
    return ModelRecord(
        id=model_id(number),
        kind="DCF",
        input_version=1,
        name=f"Model {number}",
        unit="MILLIONS",
        inputs=DOCUMENT,
        scenarios="{}",
        touched="{}",
        revision=1,
        archived=False,
        created_at=NOON,
        created_by=tenant_id(0),
        updated_at=NOON + timedelta(minutes=number),
        updated_by=tenant_id(0),
    )


async def find_valuation(twin: Twin, number: int) -> None:
    found = await twin.valuations.find(tenant_id(number % TENANTS), hashed(number % ROWS))
    assert found is not None  # noqa: S101 - a call that finds nothing measures nothing


async def find_model(twin: Twin, number: int) -> None:
    found = await twin.models.find(tenant_id(number % TENANTS), model_id(number % ROWS))
    assert found is not None  # noqa: S101


async def page_of_models(twin: Twin, number: int) -> None:
    after = (NOON + timedelta(minutes=ROWS - number % 200), model_id(0))
    found = await twin.models.page(tenant_id(number % TENANTS), ModelPage(after=after, limit=50))
    assert len(found) == 50  # noqa: S101


async def keep_valuation(twin: Twin, number: int) -> None:
    twin.made += 1
    await twin.valuations.keep(tenant_id(number % TENANTS), valuation(("new", twin.made)))


async def append_operation(twin: Twin, number: int) -> None:
    twin.made += 1
    new = NewOperation(
        operation_id=f"operation-{twin.made}",
        fingerprint=hashed(twin.made),
        verb="EDIT",
        author=tenant_id(0),
        at=NOON,
        noted=noted,
    )
    done = await twin.models.append(tenant_id(number % TENANTS), model_id(1), new, decided)
    assert done is not None  # noqa: S101


def noted(model: UUID, seq: int) -> Entry:
    return Entry(
        id=uuid4(),
        at=NOON,
        actor_kind="SYSTEM",
        actor=None,
        action="model.edited",
        subject_kind="model",
        subject=str(model),
        details=f'{{"seq":{seq}}}',
    )


def decided(before: ModelRecord, _granted: str | None) -> Decision:
    names = ("name", "unit", "archived", "input_version", "inputs", "scenarios", "touched")
    return Decision(**{name: getattr(before, name) for name in names}, changes="[]")


CALLS: dict[str, Callable[[Twin, int], Awaitable[None]]] = {
    "find a valuation": find_valuation,
    "find a model": find_model,
    "a page of 50 models": page_of_models,
    "keep a valuation": keep_valuation,
    "append an operation": append_operation,
}


def rows(dialect: Any) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Statements that fill a database, whom others point to first."""

    def of(row: Any, values: Callable[[int], list[dict[str, Any]]]) -> tuple[str, list[Any]]:
        prepared = Prepared(insert(row), dialect)
        return prepared.text, [
            prepared.parameters({**each, "scope_tenant": tenant_id(number)})
            for number in range(TENANTS)
            for each in values(number)
        ]

    kept = [asdict(valuation(number)) for number in range(ROWS)]
    models = [asdict(model(number)) | {"name_key": f"model {number}"} for number in range(ROWS)]
    return [
        of(TenantRow, lambda number: [asdict(tenant(number))]),
        of(ValuationRow, lambda _: kept),
        of(FinancialModelRow, lambda _: models),
    ]


def fill_sqlite(path: Path, dialect: Any) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        serving = [""]
        connection.create_function("valor_tenant", 0, lambda: serving[0])
        connection.execute("BEGIN")
        for statement, several in rows(dialect):
            for parameters in several:
                serving[0] = parameters[0]
                connection.execute(statement, parameters)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")


@asynccontextmanager
async def on_sqlite(folder: Path) -> AsyncIterator[list[Twin]]:
    twins = []
    for name in ("protected", "open"):
        url = f"sqlite:///{folder}/{name}.db"
        await migrate(url)
        database = Database.open(url, bounds=Bounds(read_connections=1))
        fill_sqlite(folder / f"{name}.db", database.dialect)
        twins.append(Twin(name, database))
    with closing(sqlite3.connect(folder / "open.db")) as connection:
        for table in TENANT_TABLES:
            for verb in ("insert", "update", "delete"):
                connection.execute(f"DROP TRIGGER {table}_{verb}_tenant")
    nothing = "store.sqlite_connection.{}".format
    with patch(nothing("guard_reader")), patch(nothing("guard_writer")):
        await warmed(twins[1])
    await warmed(twins[0])
    yield twins
    for twin in twins:
        await twin.database.close()


@asynccontextmanager
async def on_postgresql(superuser_url: str) -> AsyncIterator[list[Twin]]:
    address = superuser_url.split("@")[1].rsplit("/", 1)[0]
    administrator = await asyncpg.connect(superuser_url)
    for role in ("valor_owner", "valor_app"):
        await administrator.execute(f"CREATE ROLE {role} LOGIN")
    twins = []
    for name in ("protected", "open"):
        await administrator.execute(f"CREATE DATABASE {name} OWNER valor_owner")
        await migrate(f"postgresql://valor_owner@{address}/{name}")
        bounds = Bounds(read_connections=1, write_connections=1)
        database = Database.open(f"postgresql://valor_app@{address}/{name}", bounds=bounds)
        inside = await asyncpg.connect(f"{superuser_url.rsplit('/', 1)[0]}/{name}")
        for statement, several in rows(database.dialect):
            await inside.executemany(statement, several)
        if name == "open":
            for table in TENANT_TABLES:
                await inside.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        await inside.execute("VACUUM ANALYZE")
        await inside.close()
        twins.append(Twin(name, database))
    await administrator.close()
    with patch("store.postgresql._DANGER", "SELECT NULL"):
        await warmed(twins[1])
    await warmed(twins[0])
    yield twins
    for twin in twins:
        await twin.database.close()


async def warmed(twin: Twin) -> None:
    """Open its connections and make its statements ready."""
    for call in CALLS.values():
        for number in range(20):
            await call(twin, number)


async def rows_for_nobody(twin: Twin) -> int:
    """How many valuations a connection sees that was told of no tenant."""
    counted = "SELECT count(*) FROM valuation"
    database = twin.database
    async with database._driver(database._read) as reader:  # noqa: SLF001 - past the store's door
        if database.dialect.name == "postgresql":
            return int(await reader.fetchval(counted))
        return int(await reader.run(lambda c: c.execute(counted).fetchone()[0]))


async def measure(twins: list[Twin], calls: int, rounds: int) -> None:
    """The twins take turns within a round, too: what slows one for a moment slows the other."""
    protected, unprotected = [await rows_for_nobody(twin) for twin in twins]
    if protected or unprotected < TENANTS * ROWS:
        raise RuntimeError(f"{protected} rows and {unprotected} are no protected and open twins")
    for _ in range(rounds):
        for name, call in CALLS.items():
            spent_s = [0.0] * len(twins)
            for begin in range(0, calls, TURN):
                for place, twin in enumerate(twins):
                    begun = time.perf_counter()
                    for number in range(begin, begin + TURN):
                        await call(twin, number)
                    spent_s[place] += time.perf_counter() - begun
            turns = -(-calls // TURN)
            for twin, spent in zip(twins, spent_s, strict=True):
                spent_us = spent / (turns * TURN) * 1e6
                twin.best_us[name] = min(spent_us, twin.best_us.get(name, spent_us))


def tell(kind: str, twins: list[Twin]) -> bool:
    """Print the table; whether every ratio is within the promise."""
    protected, unprotected = (twin.best_us for twin in twins)
    print(f"\n{kind}{'protected, µs':>32}{'open, µs':>12}{'ratio':>8}")
    for name in CALLS:
        ratio = protected[name] / unprotected[name]
        print(f"  {name:<24}{protected[name]:>17,.0f}{unprotected[name]:>12,.0f}{ratio:>8.2f}")
    return all(protected[name] <= WORST * unprotected[name] for name in CALLS)


async def run(calls: int, rounds: int) -> bool:
    within = []
    with tempfile.TemporaryDirectory() as folder:
        async with on_sqlite(Path(folder)) as twins:
            await measure(twins, calls, rounds)
            within.append(tell("SQLite    ", twins))
    with running("postgres") as server:
        async with on_postgresql(server.url) as twins:
            await measure(twins, calls, rounds)
            within.append(tell("PostgreSQL", twins))
    return all(within)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="of each kind in each round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    within = asyncio.run(run(options.calls, options.rounds))
    print(f"\nEvery ratio is within {WORST}." if within else f"\nA ratio is above {WORST}.")


if __name__ == "__main__":
    main()
