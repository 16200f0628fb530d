"""What a tenant need not keep goes, in steps; the rest stays, and so does what is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

import store.retention
from store import scope
from store.changes import Asked, Changes
from store.changes import hold as administered
from store.database import Database
from store.errors import AccessRefused
from store.migrate import owner_engine
from store.owning import owning
from store.retention import Cut, Gone, bound_of, remove
from store.runs import Runs
from store.tables import (
    DeliveryRow,
    DoneOnceRow,
    InvitationRow,
    LegalHoldRow,
    Row,
    SessionRow,
    ValuationRow,
    WebhookRow,
    table_of,
)
from store.valuations import Valuations
from tests.mirror.store.test_runs import run
from tests.mirror.store.world import (
    NOON,
    OURS,
    THEIRS,
    Place,
    content_id,
    member,
    model,
    valuation,
)

pytestmark = pytest.mark.anyio

LONG_AGO = NOON - timedelta(days=100)
CUT = Cut(now=NOON, ended=NOON - timedelta(days=90))


@pytest.fixture
async def owner(place: Place, database: Database) -> AsyncIterator[AsyncEngine]:
    """Of the role that owns the tables, with two tenants in them."""
    engine = owner_engine(place.owner_url, "valor test")
    yield engine
    await engine.dispose()


async def put(owner: AsyncEngine, row: type[Row], tenant_id: UUID = OURS, **values: Any) -> None:
    def write(connection: Any) -> None:
        with owning(connection, tenant_id):
            connection.execute(insert(table_of(row)).values(tenant_id=tenant_id, **values))

    async with owner.begin() as connection:
        await connection.run_sync(write)


async def count(owner: AsyncEngine, row: type[Row], tenant_id: UUID = OURS) -> int:
    def look(connection: Any) -> int:
        table = table_of(row)
        with owning(connection, tenant_id):
            found: int = connection.scalar(
                select(func.count()).where(table.c.tenant_id == tenant_id)
            )
            return found

    async with owner.begin() as connection:
        return await connection.run_sync(look)


async def hold(owner: AsyncEngine, kind: str, subject: UUID, **changes: Any) -> None:
    await put(owner, LegalHoldRow, **(a_hold(subject, kind) | changes))


def a_hold(subject: UUID, kind: str = "TENANT") -> dict[str, Any]:
    return {
        "id": UUID(int=77),
        "subject_kind": kind,
        "subject": str(subject),
        "reason": "A court asks.",
        "placed_by": member(1).id,
        "placed_at": LONG_AGO,
        "released_by": None,
        "released_at": None,
    }


async def delivered(
    owner: AsyncEngine,
    number: int,
    at: datetime | None,
    stream: str,
    state: str = "DELIVERED",
    *,
    webhook: int = 5,
    webhook_is: str = "",
) -> None:
    """``webhook_is``: the state of the webhook, where it is made first."""
    if webhook_is:
        await put(
            owner,
            WebhookRow,
            id=UUID(int=webhook),
            url="https://hooks.example",
            events="[]",
            secret="sealed",
            state=webhook_is,
            created_by=member(1).id,
            created_at=LONG_AGO,
            updated_at=LONG_AGO,
        )
    await put(
        owner,
        DeliveryRow,
        id=UUID(int=number),
        webhook_id=UUID(int=webhook),
        stream=stream,
        seq=number,
        event="model.edited",
        payload="{}",
        state="WAITING" if at is None else state,
        attempts=1,
        since=LONG_AGO,
        due_at=LONG_AGO,
        created_at=LONG_AGO,
        ended_at=at,
    )


async def signed_in(owner: AsyncEngine, number: int, **changes: Any) -> None:
    plain: dict[str, Any] = {
        "id": UUID(int=number),
        "member_id": member(1).id,
        "method": "PASSWORD",
        "family_hash": content_id("family"),
        "refresh_hash": content_id(number),
        "refreshes": 0,
        "created_at": LONG_AGO,
        "used_at": LONG_AGO,
        "expires_at": NOON,
        "ended_at": None,
    }
    await put(owner, SessionRow, **(plain | changes))


async def answered(owner: AsyncEngine, operation_id: str, at: datetime) -> None:
    fingerprint = content_id(operation_id)
    given = {"operation_id": operation_id, "fingerprint": fingerprint, "answer": "{}", "at": at}
    await put(owner, DoneOnceRow, **given)


async def invited(owner: AsyncEngine, number: int, **changes: Any) -> None:
    plain: dict[str, Any] = {
        "id": UUID(int=number),
        "email": "someone@example.com",
        "role": "VIEWER",
        "secret_hash": content_id(number),
        "created_by": member(1).id,
        "created_at": LONG_AGO,
        "expires_at": NOON,
        "accepted_at": None,
        "member_id": None,
        "revoked_at": None,
    }
    await put(owner, InvitationRow, **(plain | changes))


async def test_a_valuation_goes_when_its_end_has_come_unless_a_run_was_made_from_it(
    owner: AsyncEngine, database: Database
) -> None:
    valuations = Valuations(database)
    old = NOON - timedelta(seconds=1)
    await valuations.keep(OURS, valuation("gone", keep_until=old))
    await valuations.keep(OURS, valuation("a run's", keep_until=old))
    await valuations.keep(OURS, valuation("not yet", keep_until=NOON))
    await valuations.keep(OURS, valuation("for good", keep_until=None))
    await valuations.keep(THEIRS, valuation("gone", keep_until=old))
    await Runs(database).add(OURS, run(valuation_id=content_id("a run's")), at_most=9)
    assert await remove(owner, OURS, CUT, dry_run=True) == Gone(valuations=1)
    assert await count(owner, ValuationRow) == 4
    assert await remove(owner, OURS, CUT, dry_run=False) == Gone(valuations=1)
    for of, is_there in (("gone", False), ("a run's", True), ("not yet", True), ("for good", True)):
        assert (await valuations.find(OURS, content_id(of)) is not None) == is_there, of
    assert await count(owner, ValuationRow, THEIRS) == 1


async def test_what_ended_ninety_days_ago_goes_and_nothing_that_did_not(
    owner: AsyncEngine,
) -> None:
    await delivered(owner, 1, LONG_AGO, "model", webhook_is="PAUSED")
    await delivered(owner, 2, LONG_AGO, "model", "DEAD")
    await delivered(owner, 3, NOON, "model")
    await delivered(owner, 4, NOON, "model", "DEAD")
    await delivered(owner, 5, None, "model")  # and waits, for as long as nobody resumes it
    await delivered(owner, 6, None, "model", webhook=6, webhook_is="REMOVED")
    await answered(owner, "long ago", LONG_AGO)
    await answered(owner, "today", NOON)
    await signed_in(owner, 1, ended_at=LONG_AGO)
    await signed_in(owner, 2, expires_at=LONG_AGO)
    await signed_in(owner, 3)
    await signed_in(owner, 4, ended_at=NOON, expires_at=LONG_AGO)
    await invited(owner, 1, accepted_at=LONG_AGO)
    await invited(owner, 2, revoked_at=LONG_AGO)
    await invited(owner, 3, expires_at=LONG_AGO)
    await invited(owner, 4)
    gone = Gone(deliveries=3, sessions=2, invitations=3, answers=1)
    assert await remove(owner, OURS, CUT, dry_run=True) == gone
    assert await remove(owner, OURS, CUT, dry_run=False) == gone
    assert await remove(owner, OURS, CUT, dry_run=False) == Gone()
    rows = (DeliveryRow, SessionRow, InvitationRow, DoneOnceRow)
    assert [await count(owner, row) for row in rows] == [3, 2, 1, 1]


async def test_a_change_is_made_once_until_its_answer_goes(
    owner: AsyncEngine, database: Database
) -> None:
    made: list[datetime] = []

    async def ask(at: datetime) -> bool:
        async def work(_: Any) -> str:
            made.append(at)
            return "{}"

        asked = Asked(operation_id="invite", fingerprint=content_id("invite"), at=at)
        return (await Changes(database).make(OURS, asked, work))[1]

    first, last = CUT.ended, CUT.ended + timedelta(days=90)
    assert [await ask(first), await ask(last)] == [True, False]
    assert await remove(owner, OURS, CUT, dry_run=False) == Gone()
    assert await ask(last) is False
    later = Cut(now=last, ended=first + timedelta(microseconds=1))
    assert await remove(owner, OURS, later, dry_run=False) == Gone(answers=1)
    assert await ask(last) is True
    assert made == [first, last]


@pytest.mark.parametrize(
    ("kind", "subject", "gone"),
    [
        ("MODEL", model(1).id, Gone(sessions=1, invitations=1)),
        ("MODEL", model(2).id, Gone(deliveries=1, sessions=1, invitations=1)),
        ("MEMBER", member(1).id, Gone(deliveries=1)),
        ("MEMBER", member(9).id, Gone(deliveries=1, sessions=1, invitations=1)),
    ],
)
async def test_what_is_held_stays_and_every_valuation_while_anything_is(
    kind: str, subject: UUID, gone: Gone, owner: AsyncEngine, database: Database
) -> None:
    await Valuations(database).keep(OURS, valuation(keep_until=LONG_AGO))
    await delivered(owner, 1, LONG_AGO, f"model:{model(1).id}", webhook_is="ACTIVE")
    await signed_in(owner, 1, ended_at=LONG_AGO)
    await invited(owner, 1, accepted_at=LONG_AGO)
    await hold(owner, kind, subject)
    assert await remove(owner, OURS, CUT, dry_run=False) == gone


@pytest.mark.parametrize("kind", ["TENANT", "MODEL"])
async def test_a_hold_that_is_being_placed_is_waited_for(
    kind: str, postgres_place: Place, postgres: Database, postgres_url: str
) -> None:
    await Valuations(postgres).keep(OURS, valuation(keep_until=LONG_AGO))
    owner = owner_engine(postgres_place.owner_url, "valor test")
    async with postgres.writing(OURS) as session:
        await administered(session)
        await session.add_if_absent(LegalHoldRow, **a_hold(OURS, kind))
        removing = asyncio.ensure_future(remove(owner, OURS, CUT, dry_run=False))
        await until_somebody_waits(postgres_url, postgres_place.owner_url)
        assert not removing.done()
    assert await removing == Gone()
    await owner.dispose()


async def until_somebody_waits(postgres_url: str, owner_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(30):
        while not await connection.fetchval(waiting, owner_url.rsplit("/", 1)[1]):
            pass
    await connection.close()


async def test_a_hold_that_is_placed_meanwhile_stops_what_is_left(
    owner: AsyncEngine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.retention, "AT_ONCE", 1)
    for number in (1, 2, 3):
        await signed_in(owner, number, ended_at=LONG_AGO)
    steps = store.retention._delete

    def then_held(connection: Any, *asked: Any) -> int:
        gone = steps(connection, *asked)
        if gone:
            with owning(connection, OURS):
                connection.execute(
                    insert(table_of(LegalHoldRow)).values(tenant_id=OURS, **a_hold(OURS))
                )
        return gone

    monkeypatch.setattr(store.retention, "_delete", then_held)
    assert await remove(owner, OURS, CUT, dry_run=False) == Gone(sessions=1)


async def test_a_hold_that_was_released_holds_nothing(
    owner: AsyncEngine, database: Database
) -> None:
    await Valuations(database).keep(OURS, valuation(keep_until=LONG_AGO))
    await hold(owner, "TENANT", OURS, released_by=member(1).id, released_at=NOON)
    bound = await bound_of(owner, OURS)
    assert bound is not None
    assert not bound.held
    assert (await remove(owner, OURS, CUT, dry_run=False)).valuations == 1


async def test_a_tenant_is_told_with_its_plan_and_whether_it_is_held(owner: AsyncEngine) -> None:
    await hold(owner, "TENANT", OURS)
    ours, theirs = await bound_of(owner, OURS), await bound_of(owner, THEIRS)
    assert ours is not None
    assert theirs is not None
    assert (ours.plan, ours.held, theirs.held) == ("PRO", True, False)
    assert await bound_of(owner, UUID(int=99)) is None


async def test_many_rows_go_in_steps_that_others_fit_between(
    owner: AsyncEngine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.retention, "AT_ONCE", 3)
    for number in range(7):
        await Valuations(database).keep(OURS, valuation(number, keep_until=LONG_AGO))
    steps: list[object] = []
    event.listen(owner.sync_engine, "commit", steps.append)
    gone = await remove(owner, OURS, CUT, dry_run=False)
    assert gone == Gone(valuations=7)
    assert len(steps) == 3 + 4  # of seven valuations, and one look at each of the others


async def test_afterwards_the_role_that_serves_can_remove_as_little_as_before(
    owner: AsyncEngine, database: Database, place: Place
) -> None:
    await Valuations(database).keep(OURS, valuation(keep_until=LONG_AGO))
    await remove(owner, OURS, CUT, dry_run=False)
    await Valuations(database).keep(OURS, valuation("another"))
    with pytest.raises(AccessRefused):
        async with database.writing(OURS) as session:
            await session.execute(
                scope.delete(ValuationRow).where(scope.equals(ValuationRow, "id")),
                id=content_id("another"),
            )
    assert await count(owner, ValuationRow) == 1
