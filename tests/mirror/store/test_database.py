from __future__ import annotations

import asyncio
from dataclasses import asdict
from uuid import UUID

import pytest
from sqlalchemy import select

from store import scope
from store.database import Database, head
from store.errors import DatabaseAway, NotKept
from store.scope import Unscoped
from store.session import ReadSession, WriteSession
from store.tables import DirectoryRow, MemberRow, TenantRow, table_of
from store.tenants import Tenants
from store.valuations import Valuations
from tests.mirror.store.world import (
    NOON,
    OURS,
    THEIRS,
    Place,
    member,
    opened,
    tenant,
    valuation,
)

pytestmark = pytest.mark.anyio

MEMBERS = scope.select(MemberRow, "id", "name")


async def names(session: ReadSession) -> list[str]:
    return sorted(row["name"] for row in await session.all(MEMBERS))


async def test_what_is_written_is_there_when_its_block_has_ended(database: Database) -> None:
    async with database.writing(OURS) as session:
        assert await session.add_if_absent(MemberRow, **asdict(member(3)))
        assert await names(session) == ["Member 1", "Member 3"]
        async with database.reading(OURS) as other:
            assert await names(other) == ["Member 1"]
    async with database.reading(OURS) as session:
        assert await names(session) == ["Member 1", "Member 3"]


async def test_what_goes_wrong_in_a_block_undoes_it_and_comes_out_as_it_is(
    database: Database,
) -> None:
    class MindChanged(Exception):
        pass

    async def write(wrong: type[BaseException]) -> None:
        async with database.writing(OURS) as session:
            await session.add_if_absent(MemberRow, **asdict(member(3)))
            raise wrong

    async def read(wrong: type[BaseException]) -> None:
        async with database.reading(OURS):
            raise wrong

    for wrong in (MindChanged, ValueError, asyncio.CancelledError):
        with pytest.raises(wrong):
            await write(wrong)
        with pytest.raises(wrong):
            await read(wrong)
    async with database.reading(OURS) as session:
        assert await names(session) == ["Member 1"]


async def test_a_rule_that_is_broken_in_a_block_is_told_in_the_stores_words(
    database: Database,
) -> None:
    with pytest.raises(NotKept):
        async with database.writing(OURS) as session:
            await session.add_if_absent(MemberRow, **asdict(member(3, role="KING")))


async def test_a_session_that_reads_sees_one_moment(database: Database) -> None:
    async with database.reading(OURS) as session:
        before = await names(session)
        await Tenants(database).ensure(tenant(OURS), [member(3)])
        assert await names(session) == before
    async with database.reading(OURS) as session:
        assert await names(session) != before


async def test_writers_at_once_take_turns(database: Database) -> None:
    async def add(number: int) -> None:
        async with database.writing(OURS) as session:
            await session.add_if_absent(MemberRow, **asdict(member(number)))

    await asyncio.gather(
        *(add(number) for number in range(10, 30)),
        *(Valuations(database).keep(OURS, valuation(number)) for number in range(20)),
    )
    async with database.reading(OURS) as session:
        assert len(await names(session)) == 21


async def test_sessions_at_once_serve_their_own_tenant(database: Database) -> None:
    async def look(tenant_id: UUID) -> list[str]:
        async with database.reading(tenant_id) as session:
            await asyncio.sleep(0)
            return await names(session)

    told = await asyncio.gather(*(look(OURS if n % 2 else THEIRS) for n in range(40)))
    assert told == [["Member 1"] if n % 2 else ["CANARY"] for n in range(40)]


async def test_a_session_that_is_cancelled_leaves_the_next_alone(database: Database) -> None:
    async def write() -> None:
        async with database.writing(THEIRS) as session:
            for number in range(50):
                await session.add_if_absent(MemberRow, **asdict(member(100 + number)))

    for turns in range(0, 40, 3):
        task = asyncio.ensure_future(write())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with database.writing(OURS) as session:
            assert await names(session) == ["Member 1"]
    async with database.reading(THEIRS) as session:
        assert await names(session) == ["CANARY"]


async def test_a_statement_from_elsewhere_is_refused(database: Database) -> None:
    members = table_of(MemberRow)
    async with database.writing(OURS) as session:
        with pytest.raises(Unscoped):
            await session.all(select(members))
        with pytest.raises(Unscoped):
            await session.execute(members.delete())


RENAME = scope.update(MemberRow, "name").where(scope.equals(MemberRow, "id", "member_id"))
REMOVE = scope.delete(DirectoryRow).where(scope.among(DirectoryRow, ("name",), "names"))


async def test_a_change_touches_the_tenants_own_rows_and_says_how_many(
    database: Database,
) -> None:
    ours, theirs = member(1).id, member(2).id
    async with database.writing(OURS) as session:
        assert await session.execute(RENAME, name="Renamed", member_id=ours) == 1
        assert await session.execute(RENAME, name="Renamed", member_id=theirs) == 0
        assert await names(session) == ["Renamed"]
    for tenant_id, names_there in ((OURS, ["a", "b"]), (THEIRS, ["b", "c"])):
        async with database.writing(tenant_id) as session:
            for name in names_there:
                await session.add_if_absent(
                    DirectoryRow, kind="SLUG", name=name, leads_to=tenant_id, at=NOON
                )
    async with database.writing(OURS) as session:
        assert await session.execute(REMOVE, names=["a", "b", "c"]) == 2
        assert await session.execute(REMOVE, names=["a", "b", "c"]) == 0
        assert await session.execute(REMOVE, names=[]) == 0
    async with database.reading(THEIRS) as session:
        left = await session.all(scope.select(DirectoryRow, "name").order_by("name"))
        assert [row["name"] for row in left] == ["b", "c"]
    assert await Tenants(database).members(THEIRS) == [member(2, name="CANARY")]


def test_a_session_that_reads_cannot_write() -> None:
    assert not hasattr(ReadSession, "execute")
    assert not hasattr(ReadSession, "add_if_absent")
    assert issubclass(WriteSession, ReadSession)


async def test_a_database_that_is_closed_is_away(place: Place) -> None:
    async with opened(place.url) as database:
        await database.ping()
    with pytest.raises(DatabaseAway):
        await database.ping()
    with pytest.raises(DatabaseAway):
        await Valuations(database).keep(OURS, valuation())
    with pytest.raises(DatabaseAway):
        async with database.writing(OURS):
            pass


async def test_what_was_asked_before_the_close_is_kept(place: Place) -> None:
    async with opened(place.url) as database:
        await Tenants(database).ensure(tenant(OURS), [])
        tasks = [
            asyncio.ensure_future(Valuations(database).keep(OURS, valuation(number)))
            for number in range(30)
        ]
        await asyncio.sleep(0)
        told = await asyncio.gather(*tasks)
    assert len(told) == 30


async def test_a_database_that_was_migrated_is_not_behind(database: Database) -> None:
    assert not await database.behind()
    assert await database.schema_version() == head()


async def test_a_database_ahead_of_this_code_is_not_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.database.head", lambda: "0000")
    assert not await database.behind()
    monkeypatch.setattr("store.database.head", lambda: "9999")
    assert await database.behind()


async def test_the_tenant_row_is_scoped_by_its_own_key(database: Database) -> None:
    async with database.reading(OURS) as session:
        rows = await session.all(scope.select(TenantRow))
    assert [row["tenant_id"] for row in rows] == [OURS]
