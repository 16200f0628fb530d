"""Retention by the owner's command: tenant by tenant, by its plan, with the audit's old end."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, update

from api.keys import make_keys, open_keyring
from api.terminals.cli import main
from services.audit import entry
from services.audit_form import hashed
from services.retention import Kept, audit_kept_since, run
from store.audit import AuditNotes
from store.audit_chain import AuditChain
from store.migrate import migrate, owner_engine
from store.owning import owning
from store.retention import Bound, Gone
from store.tables import LegalHoldRow, SubscriptionChangeRow, TenantRow, table_of
from store.valuations import Valuations
from tests.mirror.store.world import NOON, OURS, THEIRS, member, opened, settle, valuation
from tests.own_postgres import OwnPostgres, own_postgres

LATER = datetime(2029, 1, 1, tzinfo=UTC)  # what the world did is past every plan's end
TENANTS = (OURS, THEIRS, UUID(int=99))  # of which the last went since it was listed


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two tenants, each with a valuation that is past its end and an event in its audit."""
    make_keys(tmp_path / "keys")
    asyncio.run(filled(f"sqlite:///{tmp_path}/valor.db", f"sqlite:///{tmp_path}/valor.db"))
    return tmp_path


def test_a_role_that_may_not_remove_is_told_whom_to_name(
    deployed: OwnPostgres, tmp_path: Path
) -> None:
    given = {"VALOR_HOME": str(tmp_path), **deployed.settings}
    given["VALOR_DATABASE_OWNER_URL"] = given["VALOR_DATABASE_URL"]
    done = CliRunner().invoke(main, ["retention", "run"], env=given)
    assert done.exit_code == 1
    assert "Name the one that owns: VALOR_DATABASE_OWNER_URL" in done.output


def test_a_database_without_tenants_says_so(tmp_path: Path) -> None:
    asyncio.run(migrate(f"sqlite:///{tmp_path}/valor.db"))
    given = {"VALOR_HOME": str(tmp_path)}
    assert command(given) == "There are no tenants.\n"
    assert command(given, "--json") == ""


async def filled(url: str, owner_url: str) -> None:
    await migrate(owner_url)
    async with opened(url) as database:
        await settle(database)
        for tenant_id in (OURS, THEIRS):
            await Valuations(database).keep(tenant_id, valuation(keep_until=NOON))
            note = entry(None, "model.read", "model", tenant_id, at=NOON)
            await AuditNotes(database).add(tenant_id, note)
            await AuditChain(database).chain(tenant_id, hashed)


def change(home: Path, statement: Any, tenant_id: UUID = OURS) -> None:
    async def work() -> None:
        engine = owner_engine(f"sqlite:///{home}/valor.db", "valor test")
        async with engine.begin() as connection:
            await connection.run_sync(write)
        await engine.dispose()

    def write(connection: Any) -> None:
        with owning(connection, tenant_id):
            connection.execute(statement)

    asyncio.run(work())


def ran(home: Path, *, signed: bool = True, dry_run: bool = False) -> list[Kept]:
    async def work() -> list[Kept]:
        signer = open_keyring(home / "keys") if signed else None
        url = f"sqlite:///{home}/valor.db"
        found = run(url, TENANTS, signer, dry_run=dry_run, now=LATER)
        return [each async for each in found]

    return asyncio.run(work())


def test_every_tenant_is_told_with_what_went(home: Path) -> None:
    first, second = ran(home)
    assert (first.tenant_id, first.slug, first.gone) == (OURS, "tenant-a", Gone(valuations=1))
    assert (first.audit_events, first.held) == (1, None)
    assert (second.tenant_id, second.gone.valuations, second.audit_events) == (THEIRS, 1, 1)
    assert [each.gone for each in ran(home)] == [Gone(), Gone()]


def test_a_dry_run_counts_and_changes_nothing(home: Path) -> None:
    with closing(sqlite3.connect(home / "valor.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")  # and it waits for nobody who writes
        told = [(each.gone.valuations, each.audit_events) for each in ran(home, dry_run=True)]
    assert told == [(1, 1), (1, 1)]
    assert [(each.gone.valuations, each.audit_events) for each in ran(home)] == told


def test_without_the_keys_of_the_audit_its_events_stay(home: Path) -> None:
    assert [each.audit_events for each in ran(home, signed=False)] == [None, None]


def test_a_plan_without_an_end_keeps_its_audit_and_a_contract_says_how_long(home: Path) -> None:
    tenant = table_of(TenantRow)
    change(home, update(tenant).where(tenant.c.tenant_id == OURS).values(plan="ENTERPRISE"))
    contract = json.dumps({"contract": {"audit_kept": 4_000}})
    theirs = update(tenant).where(tenant.c.tenant_id == THEIRS).values(settings=contract)
    change(home, theirs, THEIRS)
    assert [each.audit_events for each in ran(home)] == [None, 0]


# A year is 365 days. FREE keeps 90 days, PRO 730, ENTERPRISE for good.
@pytest.mark.parametrize(
    ("earlier", "plan", "days"),
    [
        ([], "FREE", 90),
        ([], "PRO", 730),
        ([], "ENTERPRISE", None),
        ([(10, "PRO")], "FREE", 730),  # downgraded ten days ago: two years of PRO stay
        ([(700, "PRO")], "FREE", 730),
        ([(800, "PRO")], "FREE", 90),  # all that was promised is over
        ([(100, "PRO")], "FREE", 730),
        ([(40, "PRO"), (10, "FREE")], "PRO", 730),  # unpaid for a month, and back
        ([(10, "FREE")], "PRO", 730),  # what an upgrade finds there stays longer, too
        ([(400, "FREE"), (200, "PRO")], "FREE", 400),  # FREE's are over, PRO's are not
        ([(10, "ENTERPRISE")], "FREE", 730),
        ([(900, "ENTERPRISE")], "FREE", 90),
        ([(10, "PRO")], "ENTERPRISE", None),
    ],
)
def test_an_event_is_kept_as_the_plan_of_its_day_promised(
    earlier: list[tuple[int, str]], plan: str, days: int | None
) -> None:
    ends = tuple((LATER - timedelta(days=ago), name) for ago, name in earlier)
    bound = Bound(slug="a", plan=plan, earlier=ends, settings="{}", held=False)
    since = audit_kept_since(bound, LATER)
    assert since == (None if days is None else LATER - timedelta(days=days))


def test_a_contract_that_says_how_long_counts_for_all() -> None:
    contract = json.dumps({"contract": {"audit_kept": 30}})
    ends = ((LATER - timedelta(days=10), "ENTERPRISE"),)
    bound = Bound(slug="a", plan="PRO", earlier=ends, settings=contract, held=False)
    assert audit_kept_since(bound, LATER) == LATER - timedelta(days=30)


def test_a_lesser_plan_takes_nothing_away_that_was_promised(home: Path) -> None:
    """Of two events one is PRO's from 500 days ago, the other is older than any plan keeps."""
    tenant = table_of(TenantRow)
    change(home, update(tenant).where(tenant.c.tenant_id == OURS).values(plan="FREE"))
    at = LATER - timedelta(days=20)
    row = {
        "tenant_id": OURS,
        "id": UUID(int=7),
        "at": at,
        "plan_before": "PRO",
        "plan_after": "FREE",
        "proration": "{}",
    }
    change(home, insert(table_of(SubscriptionChangeRow)).values(**row))
    young = note_at(home, LATER - timedelta(days=500))
    assert [each.audit_events for each in ran(home)] == [1, 1]
    assert young in actions(home)


def note_at(home: Path, moment: datetime) -> str:
    """One more event of our tenant's audit; what it says was done."""

    async def work() -> None:
        async with opened(f"sqlite:///{home}/valor.db") as database:
            noted = entry(None, "model.exported", "model", OURS, at=moment)
            await AuditNotes(database).add(OURS, noted)
            await AuditChain(database).chain(OURS, hashed)

    asyncio.run(work())
    return "model.exported"


def actions(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "valor.db")) as connection:
        query = "SELECT action FROM audit_event WHERE tenant_id = ?"
        return [action for (action,) in connection.execute(query, [OURS.hex])]


def test_a_tenant_under_a_hold_keeps_everything_and_the_next_does_not(home: Path) -> None:
    values = {
        "tenant_id": OURS,
        "id": UUID(int=1),
        "subject_kind": "TENANT",
        "subject": str(OURS),
        "reason": "A court asks.",
        "placed_by": member(1).id,
        "placed_at": NOON,
    }
    change(home, insert(table_of(LegalHoldRow)).values(**values))
    first, second = ran(home)
    assert (first.gone, first.audit_events) == (Gone(), 0)
    assert first.held == "the tenant is under a legal hold"
    assert (second.gone.valuations, second.audit_events, second.held) == (1, 1, None)


def test_the_command_says_what_went_of_whom(home: Path) -> None:
    said = command({"VALOR_HOME": str(home)}, "--dry-run")
    assert said.splitlines() == [
        "tenant-a: would remove 1 valuation",
        "tenant-b: would remove 1 valuation",
    ]
    lines = command({"VALOR_HOME": str(home)}, "--json").splitlines()
    told = [json.loads(line) for line in lines]
    assert [each["gone"]["valuations"] for each in told] == [1, 1]
    assert [each["tenant_id"] for each in told] == [str(OURS), str(THEIRS)]
    assert "tenant-a: removed nothing" in command({"VALOR_HOME": str(home)})


@pytest.fixture(scope="module")
def deployed() -> Iterator[OwnPostgres]:
    with own_postgres(durable=False) as server:
        asyncio.run(filled(server.url("valor_app"), server.url("valor_owner")))
        yield server


def test_the_command_finds_every_tenant_of_a_deployment(
    deployed: OwnPostgres, tmp_path: Path
) -> None:
    make_keys(tmp_path / "keys")
    given = {"VALOR_HOME": str(tmp_path), **deployed.settings}
    assert command(given).splitlines() == [
        "tenant-a: removed 1 valuation",
        "tenant-b: removed 1 valuation",
    ]


def test_a_role_that_sees_one_tenant_at_a_time_is_told_whom_to_name(
    deployed: OwnPostgres, tmp_path: Path
) -> None:
    given = {"VALOR_HOME": str(tmp_path), **deployed.settings}
    given["VALOR_DATABASE_BACKUP_URL"] = given["VALOR_DATABASE_OWNER_URL"]
    done = CliRunner().invoke(main, ["retention", "run"], env=given)
    assert done.exit_code == 1
    assert "Name one that sees them all: VALOR_DATABASE_BACKUP_URL" in done.output


def command(given: dict[str, str], *words: str) -> str:
    done = CliRunner().invoke(main, ["retention", "run", *words], env=given)
    assert done.exit_code == 0, done.output
    return done.stdout
