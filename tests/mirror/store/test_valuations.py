from __future__ import annotations

import asyncio
import traceback
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from store import scope
from store.database import Database
from store.errors import NotKept
from store.tables import ValuationRow
from store.valuations import Valuations
from tests.mirror.store.world import LATER, NOBODYS, NOON, OURS, THEIRS, content_id, valuation

pytestmark = pytest.mark.anyio

ALL = scope.select(ValuationRow)


async def count_of(database: Database) -> int:
    async with database.reading(OURS) as session:
        return len(await session.all(ALL))


async def test_a_valuation_comes_back_exactly_as_it_was_kept(database: Database) -> None:
    kept = valuation(
        seed=2**63 - 1,
        duration_ms=0.1 + 0.2,
        inputs='{"name":"Ærøskøbing ∑ 株"}',
        result="x" * 100_000,
        keep_until=LATER,
    )
    valuations = Valuations(database)
    assert await valuations.keep(OURS, kept) == NOON
    assert await valuations.find(OURS, kept.id) == kept


async def test_a_moment_is_kept_in_utc_wherever_it_was_taken(database: Database) -> None:
    tokyo = timezone(timedelta(hours=9))
    kept = valuation(computed_at=NOON.astimezone(tokyo))
    valuations = Valuations(database)
    await valuations.keep(OURS, kept)
    found = await valuations.find(OURS, kept.id)
    assert found is not None
    assert found.computed_at.isoformat() == "2026-03-01T12:00:00.123456+00:00"


async def test_whoever_keeps_it_again_learns_when_it_was_first_computed(
    database: Database,
) -> None:
    valuations = Valuations(database)
    await valuations.keep(OURS, valuation())
    again = valuation(computed_at=LATER, result="another")
    assert await valuations.keep(OURS, again) == NOON
    assert await valuations.find(OURS, again.id) == valuation()
    assert await count_of(database) == 1


async def test_two_tenants_keep_the_same_valuation_apart(database: Database) -> None:
    valuations = Valuations(database)
    ours, theirs = valuation(), valuation(computed_at=LATER, result="theirs")
    assert await valuations.keep(OURS, ours) == NOON
    assert await valuations.keep(THEIRS, theirs) == LATER
    assert await valuations.find(OURS, ours.id) == ours
    assert await valuations.find(THEIRS, ours.id) == theirs


async def test_what_another_tenant_keeps_is_not_found(database: Database) -> None:
    valuations = Valuations(database)
    await valuations.keep(THEIRS, valuation())
    assert await valuations.find(OURS, valuation().id) is None
    assert await valuations.find(NOBODYS, valuation().id) is None


async def test_fifty_at_once_are_all_kept(database: Database) -> None:
    valuations = Valuations(database)
    many = [valuation(number, seed=number) for number in range(50)]
    await asyncio.gather(*(valuations.keep(OURS, each) for each in many))
    found = [await valuations.find(OURS, each.id) for each in many]
    assert found == many


async def test_fifty_who_keep_the_same_at_once_are_told_the_same_moment(
    database: Database,
) -> None:
    valuations = Valuations(database)
    many = [valuation(computed_at=NOON + timedelta(seconds=number)) for number in range(50)]
    told = await asyncio.gather(*(valuations.keep(OURS, each) for each in many))
    found = await valuations.find(OURS, valuation().id)
    assert found is not None
    assert set(told) == {found.computed_at}
    assert await count_of(database) == 1


async def test_tenants_who_keep_at_once_stay_apart(database: Database) -> None:
    valuations = Valuations(database)
    await asyncio.gather(
        *(
            valuations.keep(tenant_id, valuation(number, result=str(tenant_id)))
            for number in range(20)
            for tenant_id in (OURS, THEIRS)
        )
    )
    for tenant_id in (OURS, THEIRS):
        async with database.reading(tenant_id) as session:
            rows = await session.all(ALL)
        assert len(rows) == 20
        assert {row["result"] for row in rows} == {str(tenant_id)}


BAD = {
    "an unknown kind": {"kind": "HOROSCOPE"},
    "an id that is no hash": {"id": "short"},
    "an input version of nothing": {"input_version": 0},
    "less than no time": {"duration_ms": -1.0},
    "a seed beyond 64 bits": {"seed": 2**63},
    "a moment without a zone": {"computed_at": NOON.replace(tzinfo=None)},
    "text that is no text": {"inputs": "\ud800"},
    "nothing where something must be": {"result": None},
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD.keys())
async def test_what_breaks_a_rule_is_not_kept_and_says_nothing_of_sql(
    database: Database, wrong: dict[str, object]
) -> None:
    with pytest.raises(NotKept) as refused:
        await Valuations(database).keep(OURS, replace(valuation(), **wrong))  # type: ignore[arg-type]
    told = "".join(traceback.format_exception(refused.value))
    message = f"{refused.value} {refused.value.code}"
    for secret in ("INSERT", "insert", "enterpriseValue", "HOROSCOPE", "valuation ("):
        assert secret not in message
    assert "enterpriseValue" not in told
    assert "INTO valuation" not in told
    assert await count_of(database) == 0


async def test_a_bad_one_among_many_at_once_takes_none_of_them_along(database: Database) -> None:
    valuations = Valuations(database)
    many = [valuation(number, kind="DCF" if number != 7 else "WORSE") for number in range(20)]
    told = await asyncio.gather(
        *(valuations.keep(OURS, each) for each in many), return_exceptions=True
    )
    assert [number for number, each in enumerate(told) if isinstance(each, NotKept)] == [7]
    assert await count_of(database) == 19


async def test_a_tenant_that_is_not_there_keeps_nothing(database: Database) -> None:
    with pytest.raises(NotKept):
        await Valuations(database).keep(NOBODYS, valuation())


async def test_callers_who_leave_in_the_middle_leave_the_writer_usable(
    database: Database,
) -> None:
    valuations = Valuations(database)
    tasks = [
        asyncio.ensure_future(valuations.keep(OURS, valuation(number))) for number in range(40)
    ]
    for turn in range(20):  # each pair leaves a little further on its way
        for task in tasks[2 * turn : 2 * turn + 2]:
            task.cancel()
        await asyncio.sleep(0)
    left = await asyncio.gather(*tasks, return_exceptions=True)
    assert any(isinstance(each, asyncio.CancelledError) for each in left)
    for number, told in enumerate(left):  # whoever was answered has it
        if told == NOON:
            assert await valuations.find(OURS, content_id(number)) is not None
    assert await valuations.keep(OURS, valuation("afterwards")) == NOON
    assert await valuations.find(OURS, content_id("afterwards")) is not None


async def test_callers_who_leave_a_search_leave_the_readers_usable(database: Database) -> None:
    valuations = Valuations(database)
    await valuations.keep(OURS, valuation())
    await valuations.keep(THEIRS, valuation(result="theirs"))
    for turn in range(12):
        task = asyncio.ensure_future(valuations.find(THEIRS, valuation().id))
        for _ in range(turn):
            await asyncio.sleep(0)
        task.cancel()
        assert await valuations.find(OURS, valuation().id) == valuation()
        await asyncio.gather(task, return_exceptions=True)


async def test_pages_have_every_valuation_of_the_tenant_once_in_the_order_of_their_ids(
    database: Database,
) -> None:
    valuations = Valuations(database)
    ids = sorted(content_id(number) for number in range(7))
    for number in range(7):
        await valuations.keep(OURS, valuation(number))
    await valuations.keep(THEIRS, valuation("theirs"))
    first = await valuations.page(OURS, "", 3)
    second = await valuations.page(OURS, first[-1].id, 3)
    third = await valuations.page(OURS, second[-1].id, 3)
    assert [each.id for page in (first, second, third) for each in page] == ids
    assert [len(page) for page in (first, second, third)] == [3, 3, 1]
    assert await valuations.page(OURS, third[-1].id, 3) == []
    assert first[0] == await valuations.find(OURS, ids[0])
