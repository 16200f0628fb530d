from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest

from store import scope
from store.database import Database
from store.errors import DatabaseAway, DatabaseBusy
from store.financial_models import (
    _APPEND,
    Decision,
    FinancialModels,
    ModelRecord,
    _values,
)
from store.one_statement import SCOPE_TEXT, apart, do_all, look_at
from store.statement import Prepared
from store.tables import FinancialModelRow, MemberRow, OperationRow, OutboxRow
from store.valuations import Valuations
from tests.mirror.store.test_financial_models import MindChanged, in_order, kept, noted
from tests.mirror.store.wire import Wire, listened
from tests.mirror.store.world import (
    NOON,
    OURS,
    THEIRS,
    Place,
    decided,
    member,
    model,
    opened,
    operation,
    settle,
    valuation,
)

pytestmark = pytest.mark.anyio

MODEL = model().id
ONLY_OURS, ONLY_THEIRS = model(2).id, model(3).id

LOOK = scope.Look(
    selects=(
        scope.select(MemberRow, "id", "name"),
        scope.select(FinancialModelRow, "id", "name", "revision").where(
            scope.equals(FinancialModelRow, "id", "model_id")
        ),
    ),
    changing=1,
)
RENAME = scope.Change(
    scope.update(FinancialModelRow, "name").where(
        scope.equals(FinancialModelRow, "id", "model_id")
    ),
    along=(OperationRow, OutboxRow),
)


@pytest.fixture
async def models(postgres: Database) -> FinancialModels:
    """A model that both tenants have an own one of, and one that only one of them has."""
    models = FinancialModels(postgres)
    for tenant_id, alone in ((OURS, ONLY_OURS), (THEIRS, ONLY_THEIRS)):
        await models.create(tenant_id, model(), operation())
        await models.create(tenant_id, model(id=alone), operation("alone"))
    return models


@pytest.fixture
async def raw(postgres_place: Place) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role that serves, without any code of ours."""
    connection = await asyncpg.connect(postgres_place.url)
    yield connection
    await connection.close()


async def run(raw: asyncpg.Connection, prepared: Prepared, values: Mapping[str, Any]) -> Any:
    found = await raw.fetchrow(prepared.text, *prepared.parameters(values))
    return None if found is None else prepared.row(found)


def renaming(model_id: Any, seq: int) -> dict[str, Any]:
    plain = {name: getattr(operation(seq), name) for name in operation().__slots__}
    return plain | {
        SCOPE_TEXT: str(OURS),
        "model_id": model_id,
        "name": "Renamed",
        "seq": seq,
        "input_version": 1,
        "changes": "[]",
    }


PLANS: dict[str, dict[str, str]] = {
    "as it likes": {},
    "one for all values": {"plan_cache_mode": "force_generic_plan"},
    "no nested loops": {"enable_nestloop": "off"},
    "only nested loops": {"enable_hashjoin": "off", "enable_mergejoin": "off"},
    "no indexes": {
        "enable_indexscan": "off",
        "enable_indexonlyscan": "off",
        "enable_bitmapscan": "off",
    },
    "only indexes": {"enable_seqscan": "off", "enable_sort": "off"},
    "nothing kept": {"enable_material": "off", "enable_memoize": "off"},
    "in the order of the text": {"join_collapse_limit": "1", "from_collapse_limit": "1"},
    "in parallel where it can": {
        "parallel_setup_cost": "0",
        "parallel_tuple_cost": "0",
        "min_parallel_table_scan_size": "0",
    },
    "by search": {"geqo_threshold": "2"},
}


@pytest.mark.parametrize("settings", PLANS.values(), ids=PLANS.keys())
@pytest.mark.parametrize("analysed", [False, True])
async def test_whatever_the_plan_it_finds_and_changes_our_rows_alone(
    models: FinancialModels,
    raw: asyncpg.Connection,
    postgres_place: Place,
    settings: dict[str, str],
    analysed: bool,
) -> None:
    if analysed:
        owner = await asyncpg.connect(postgres_place.owner_url)
        await owner.execute("ANALYZE")
        await owner.close()
    for name, value in settings.items():
        await raw.execute(f"SET {name} = '{value}'")
    dialect = models._database.dialect
    change = Prepared(do_all(RENAME), dialect)
    for locked in (False, True):
        look = Prepared(look_at(LOOK, locked=locked), dialect)
        for model_id, is_there in ((ONLY_OURS, True), (ONLY_THEIRS, False), (MODEL, True)):
            found = await run(raw, look, {SCOPE_TEXT: str(OURS), "model_id": model_id})
            who, what = apart(LOOK, found)
            assert who == (member(1).id, "Member 1")
            assert what is None if not is_there else what is not None and what[0] == model_id
    for seq, (model_id, is_there) in enumerate(
        ((ONLY_OURS, True), (ONLY_THEIRS, False), (MODEL, True)), 2
    ):
        done = await run(raw, change, renaming(model_id, seq))
        assert done == ((OURS,) if is_there else None)
    names = [each.name for each in await found_by(models, THEIRS)]
    assert names == ["Model 1", "Model 1"]
    assert await kept(models._database, THEIRS) == dict.fromkeys(
        await kept(models._database, THEIRS), 2
    )
    assert [each.name for each in await found_by(models, OURS)] == ["Renamed", "Renamed"]
    assert (await kept(models._database))["OperationRow"] == 4


async def found_by(models: FinancialModels, tenant_id: Any) -> list[ModelRecord]:
    ids = (MODEL, ONLY_OURS, ONLY_THEIRS)
    found = [await models.find(tenant_id, each) for each in ids]
    return [each for each in found if each is not None]


async def test_a_statement_that_did_not_set_its_tenant_finds_and_changes_nothing(
    models: FinancialModels, raw: asyncpg.Connection
) -> None:
    before = [await kept(models._database, each) for each in (OURS, THEIRS)]
    for statement in (look_at(LOOK), do_all(RENAME)):
        prepared = Prepared(statement, models._database.dialect)
        setting = "set_config('valor.tenant_id', $"
        assert setting in prepared.text
        start = prepared.text.index(setting)
        end = prepared.text.index("true)", start)
        only_told = prepared.text[start + len(setting) - 1 : end].rstrip(", ")
        prepared.text = prepared.text[:start] + only_told + prepared.text[end + len("true)") :]
        told = await run(raw, prepared, renaming(MODEL, 9))
        assert told is None or set(told) == {None}
    assert [await kept(models._database, each) for each in (OURS, THEIRS)] == before
    assert {each.name for each in await found_by(models, OURS)} == {"Model 1"}


async def test_a_model_is_changed_only_as_it_was_seen(
    models: FinancialModels, raw: asyncpg.Connection
) -> None:
    """The log's key would refuse a second operation of the same seq; here it is another."""
    change = Prepared(do_all(_APPEND), models._database.dialect)
    values = _values(model(revision=9), operation("late"), changes="[]")
    assert await run(raw, change, {**values, SCOPE_TEXT: str(OURS)}) is None
    assert await run(raw, change, {**values, SCOPE_TEXT: str(OURS), "seen": 1}) == (OURS,)


async def test_the_setting_ends_with_the_statement(
    models: FinancialModels, postgres: Database
) -> None:
    await models.append(OURS, MODEL, operation("edit"), noted("x"))
    async with postgres._driver(postgres._write) as connection:
        assert not await connection.fetchval("SELECT current_setting('valor.tenant_id', true)")
        assert await connection.fetchval("SELECT count(*) FROM financial_model") == 0
        assert connection.tenant == ""


# On the wire


@pytest.fixture
async def wire(postgres_place: Place) -> AsyncIterator[Wire]:
    async with listened(postgres_place.url) as wire:
        yield wire


@pytest.fixture
async def near(wire: Wire) -> AsyncIterator[FinancialModels]:
    """On the wire, by one connection, on which each statement was prepared before."""
    async with opened(wire.url, read_connections=1, write_connections=1) as database:
        await settle(database)
        models = FinancialModels(database)
        await models.create(OURS, model(), operation())
        await models.append(OURS, MODEL, operation("first"), noted("first"))
        await Valuations(database).keep(OURS, valuation("first"))
        yield models


async def test_an_edit_is_two_round_trips(near: FinancialModels, wire: Wire) -> None:
    wire.count()
    for number in range(5):
        assert await near.append(OURS, MODEL, operation(number), noted(str(number)))
    assert wire.round_trips == 5 * 2


async def test_a_new_model_is_two_round_trips_and_a_valuation_one(
    near: FinancialModels, wire: Wire
) -> None:
    wire.count()
    await near.create(OURS, model(2), operation("second"))
    assert wire.round_trips == 2
    await Valuations(near._database).keep(OURS, valuation())
    assert wire.round_trips == 3


async def test_an_edit_that_changes_nothing_is_one_round_trip(
    near: FinancialModels, wire: Wire
) -> None:
    def refuse(_: ModelRecord, _granted: str | None) -> Decision:
        raise MindChanged([])

    wire.count()
    await near.append(OURS, MODEL, operation("first"), noted("again"))
    assert wire.round_trips == 1
    assert await near.append(OURS, model(9).id, operation("nowhere"), noted("x")) is None
    assert wire.round_trips == 2
    with pytest.raises(MindChanged):
        await near.append(OURS, MODEL, operation("refused"), refuse)
    assert wire.round_trips == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("round_trip", [1, 2])
async def test_a_connection_that_is_lost_on_the_way_leaves_no_half_of_an_edit(
    near: FinancialModels, wire: Wire, round_trip: int, when: Any
) -> None:
    wire.cut(round_trip, when)
    with pytest.raises(DatabaseAway):
        await near.append(OURS, MODEL, operation("edit"), noted("edit"))
    told = await answered(near, operation("edit"), "edit")
    assert told.fresh == ((round_trip, when) != (2, "after"))  # it was done, and nobody told
    assert told.operation.seq == 3
    await in_order(near, 2)
    assert await kept(near._database) == {
        "FinancialModelRow": 1,
        "OperationRow": 3,
        "OutboxRow": 3,
        "ModelSnapshotRow": 1,
    }


async def answered(models: FinancialModels, new: Any, text: str) -> Any:
    """What is told as soon as the database is there again."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await models.append(OURS, MODEL, new, noted(text))
            except DatabaseAway:  # until the loop has read that the socket was closed
                await asyncio.sleep(0)


# One writer after another


def at_once(coroutine: Any) -> None:
    """Run it on another thread, to its end, while this one stands still."""
    thread = threading.Thread(target=lambda: asyncio.run(coroutine))
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


async def edited_elsewhere(place: Place, name: str) -> None:
    async with opened(place.url) as other:
        await FinancialModels(other).append(OURS, MODEL, operation(name), noted(name))


async def test_who_is_overtaken_decides_again_on_what_is_there_then(
    models: FinancialModels, postgres_place: Place
) -> None:
    seen: list[int] = []

    def decide(before: ModelRecord, _granted: str | None) -> Decision:
        seen.append(before.revision)
        if len(seen) == 1:
            at_once(edited_elsewhere(postgres_place, "faster"))
        made: Decision = noted("slower")(before, None)
        return made

    told = await models.append(OURS, MODEL, operation("slower"), decide)
    assert told is not None
    assert seen == [1, 2]
    assert (told.fresh, told.operation.seq) == (True, 3)
    await in_order(models, 2)


async def test_who_is_overtaken_by_a_twin_hears_the_first_answer(
    models: FinancialModels, postgres_place: Place
) -> None:
    def decide(before: ModelRecord, _granted: str | None) -> Decision:
        at_once(edited_elsewhere(postgres_place, "twin"))
        return decided(before)

    told = await models.append(OURS, MODEL, operation("twin"), decide)
    assert told is not None
    assert (told.fresh, told.operation.seq) == (False, 2)
    await in_order(models, 1)


async def test_who_is_overtaken_holds_the_row_the_second_time(
    models: FinancialModels, postgres_place: Place, raw: asyncpg.Connection
) -> None:
    locks: list[str] = []

    async def look_for_locks() -> None:
        connection = await asyncpg.connect(postgres_place.url)
        found = await connection.fetch(
            "SELECT mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
            "WHERE relname = 'financial_model' AND granted"
        )
        locks.extend(row["mode"] for row in found)
        await connection.close()

    turns: list[int] = []

    def decide(before: ModelRecord, _granted: str | None) -> Decision:
        turns.append(before.revision)
        if len(turns) == 1:
            at_once(edited_elsewhere(postgres_place, "faster"))
        else:
            at_once(look_for_locks())
        return decided(before)

    await models.append(OURS, MODEL, operation("slower"), decide)
    assert turns == [1, 2]
    assert "RowShareLock" in locks


async def test_a_row_that_somebody_holds_for_too_long_is_busy(postgres_place: Place) -> None:
    async with opened(postgres_place.url, lock_wait_s=0.05) as database:
        await settle(database)
        models = FinancialModels(database)
        await models.create(OURS, model(), operation())
        hold = scope.update(FinancialModelRow, "name").where(
            scope.equals(FinancialModelRow, "id", "model_id")
        )
        async with database.writing(OURS) as session:
            assert await session.execute(hold, name="Held", model_id=MODEL) == 1
            with pytest.raises(DatabaseBusy) as busy:
                await models.append(OURS, MODEL, operation("edit"), noted("x"))
            assert busy.value.retry_after_s > 0
            assert await models.create(OURS, model(2), operation("another"))
        told = await models.append(OURS, MODEL, operation("edit"), noted("x"))
        assert told is not None
        assert told.model is not None
        assert (told.operation.seq, told.model.name) == (2, "Held")
        assert told.operation.at == NOON
