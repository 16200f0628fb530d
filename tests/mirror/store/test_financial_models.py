from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest

from store import scope
from store.database import Database
from store.errors import NotKept
from store.financial_models import Appended, Decision, FinancialModels, ModelPage, ModelRecord
from store.model_log import SNAPSHOT_EVERY
from store.tables import FinancialModelRow, ModelSnapshotRow, OperationRow, OutboxRow, Row
from tests.mirror.store.world import (
    LATER,
    NOBODYS,
    NOON,
    OURS,
    THEIRS,
    Place,
    content_id,
    decided,
    member,
    model,
    opened,
    operation,
)

pytestmark = pytest.mark.anyio

MODEL = model().id
OF_A_MODEL = (FinancialModelRow, OperationRow, OutboxRow, ModelSnapshotRow)


@pytest.fixture
async def models(database: Database) -> FinancialModels:
    """One model, at its first revision, is there."""
    models = FinancialModels(database)
    await models.create(OURS, model(), operation())
    return models


def noted(text: str) -> Any:
    """An edit that adds a line to the inputs, so that they tell the order of the edits."""

    def decide(before: ModelRecord, _granted: str | None) -> Decision:
        lines = [*json.loads(before.inputs).get("lines", []), text]
        return decided(before, inputs=json.dumps({"lines": lines}), changes=json.dumps([text]))

    return decide


async def kept(database: Database, tenant_id: UUID = OURS) -> dict[str, int]:
    """How many rows there are of each table that has to do with models."""

    async def count(row: type[Row]) -> int:
        found = await database.first(tenant_id, scope.count(row))
        assert found is not None
        return int(found[0])

    return {row.__name__: await count(row) for row in OF_A_MODEL}


ONE_MODEL = {
    "FinancialModelRow": 1,
    "OperationRow": 1,
    "OutboxRow": 1,
    "ModelSnapshotRow": 1,
}
NOTHING = dict.fromkeys(ONE_MODEL, 0)


async def test_a_model_comes_back_exactly_as_it_was_made(database: Database) -> None:
    made = model(name="Ærøskøbing ∑ 株", inputs='{"b":"' + "x" * 100_000 + '"}', touched='{"b":1}')
    models = FinancialModels(database)
    told = await models.create(OURS, made, operation())
    assert told.fresh
    assert told.model == made == await models.find(OURS, made.id)
    assert told.operation == await models.operation_of(OURS, operation().operation_id)
    assert (told.operation.seq, told.operation.verb, told.operation.changes) == (1, "CREATE", "[]")
    assert await kept(database) == ONE_MODEL


async def test_an_edit_changes_the_model_and_adds_to_its_log(
    models: FinancialModels, database: Database
) -> None:
    asked = operation("edit", author=member(2).id, at=LATER)
    told = await models.append(
        OURS,
        MODEL,
        asked,
        lambda before, _: decided(
            before,
            name="Renamed",
            unit="ONES",
            archived=True,
            input_version=2,
            inputs="{}",
            scenarios='{"bear":{}}',
            touched='{"name":2}',
            changes='[{"path":"name"}]',
        ),
    )
    assert told is not None
    assert told.fresh
    assert told.model == replace(
        model(),
        name="Renamed",
        unit="ONES",
        archived=True,
        input_version=2,
        inputs="{}",
        scenarios='{"bear":{}}',
        touched='{"name":2}',
        revision=2,
        updated_at=LATER,
        updated_by=member(2).id,
    )
    assert told.model == await models.find(OURS, MODEL)
    assert [told.operation] == await models.operations(OURS, MODEL, after=1, limit=9)
    assert (told.operation.seq, told.operation.author) == (2, member(2).id)
    assert (told.operation.at, told.operation.verb) == (LATER, "EDIT")
    assert (told.operation.input_version, told.operation.changes) == (2, '[{"path":"name"}]')
    assert await kept(database) == ONE_MODEL | {"OperationRow": 2, "OutboxRow": 2}


async def test_a_repeated_operation_gets_the_first_answer_and_changes_nothing(
    models: FinancialModels, database: Database
) -> None:
    first = await models.append(OURS, MODEL, operation("edit"), noted("first"))
    assert first is not None

    def never(_: ModelRecord, _granted: str | None) -> Decision:
        raise AssertionError("what is on record is not decided again")

    before = await kept(database)
    again = operation("edit", fingerprint=content_id("something else"), at=LATER)
    told = await models.append(OURS, MODEL, again, never)
    assert told == Appended(operation=first.operation, model=None, fresh=False)
    assert told.operation.fingerprint != again.fingerprint
    created = await models.create(OURS, model(2), again)
    assert created == told
    assert await models.find(OURS, model(2).id) is None
    assert await kept(database) == before


async def test_an_operation_of_another_model_is_the_first_answer_too(
    models: FinancialModels,
) -> None:
    await models.create(OURS, model(2), operation("other"))
    told = await models.append(OURS, MODEL, operation("other"), noted("x"))
    assert told is not None
    assert (told.fresh, told.operation.model_id) == (False, model(2).id)
    assert (await models.revisions(OURS, [MODEL])) == {MODEL: 1}


async def test_two_tenants_use_the_same_operation_id_and_model_id(
    models: FinancialModels, database: Database
) -> None:
    theirs = await models.create(THEIRS, model(name="Theirs"), operation())
    assert theirs.fresh
    assert await models.find(OURS, MODEL) == model()
    assert await models.find(THEIRS, MODEL) == model(name="Theirs")


async def test_another_tenants_model_is_not_there(
    models: FinancialModels, database: Database
) -> None:
    for tenant_id in (THEIRS, NOBODYS):
        before = await kept(database, tenant_id)
        assert await models.find(tenant_id, MODEL) is None
        assert await models.append(tenant_id, MODEL, operation("x"), noted("x")) is None
        assert await models.count(tenant_id) == 0
        assert await models.count(tenant_id, archived=False) == 0
        assert await models.page(tenant_id, ModelPage(limit=9)) == []
        assert await models.revisions(tenant_id, [MODEL]) == {}
        assert await models.operations(tenant_id, MODEL, limit=9) == []
        assert await models.operation_of(tenant_id, operation().operation_id) is None
        assert await models.snapshot(tenant_id, MODEL, 9) is None
        assert await models.left_in_outbox(tenant_id, LATER, 9) == []
        await models.clear_outbox(tenant_id, [(MODEL, 1)])
        assert await kept(database, tenant_id) == before
    assert await kept(database) == ONE_MODEL
    assert await models.find(OURS, MODEL) == model()


async def test_a_model_that_is_not_there_is_not_appended_to(
    models: FinancialModels, database: Database
) -> None:
    assert await models.append(OURS, model(2).id, operation("x"), noted("x")) is None
    assert await kept(database) == ONE_MODEL


class MindChanged(Exception):
    """Carries more than a message."""

    def __init__(self, stale: list[str]) -> None:
        super().__init__("changed")
        self.stale = stale


async def test_what_a_decision_raises_comes_out_as_it_is_and_nothing_is_written(
    models: FinancialModels, database: Database
) -> None:
    for error in (MindChanged(["wacc"]), ValueError("x"), OSError("x"), KeyError("x")):

        def decide(_: ModelRecord, _granted: str | None, error: Exception = error) -> Decision:
            raise error

        with pytest.raises(type(error)) as raised:
            await models.append(OURS, MODEL, operation("edit"), decide)
        assert raised.value is error
    assert await kept(database) == ONE_MODEL
    assert await models.find(OURS, MODEL) == model()
    told = await models.append(OURS, MODEL, operation("edit"), noted("now"))
    assert told is not None
    assert told.fresh


async def test_who_changes_their_mind_among_many_takes_none_of_them_along(
    models: FinancialModels,
) -> None:
    def decide(number: int) -> Any:
        def refuse(_: ModelRecord, _granted: str | None) -> Decision:
            raise MindChanged([str(number)])

        return refuse if number % 3 == 0 else noted(str(number))

    told = await asyncio.gather(
        *(models.append(OURS, MODEL, operation(n), decide(n)) for n in range(24)),
        return_exceptions=True,
    )
    raised = [n for n, each in enumerate(told) if isinstance(each, MindChanged)]
    assert raised == list(range(0, 24, 3))
    assert await models.revisions(OURS, [MODEL]) == {MODEL: 1 + 16}


WRONG_DECISIONS = {
    "a unit nobody counts in": {"unit": "DOZENS"},
    "no name": {"name": ""},
    "a name without end": {"name": "x" * 201},
    "an input version of nothing": {"input_version": 0},
    "text that is no text": {"inputs": "\ud800"},
    "nothing where something must be": {"changes": None},
}


@pytest.mark.parametrize("wrong", WRONG_DECISIONS.values(), ids=WRONG_DECISIONS.keys())
async def test_a_decision_that_breaks_a_rule_is_not_kept_in_any_part(
    models: FinancialModels, database: Database, wrong: dict[str, Any]
) -> None:
    with pytest.raises(NotKept):
        await models.append(OURS, MODEL, operation("edit"), lambda m, _: decided(m, **wrong))
    assert await kept(database) == ONE_MODEL
    assert await models.find(OURS, MODEL) == model()


WRONG_OPERATIONS = {
    "no id": {"operation_id": ""},
    "an id without end": {"operation_id": "x" * 65},
    "a fingerprint that is no hash": {"fingerprint": "short"},
    "a verb nobody knows": {"verb": "DANCE"},
    "a moment without a zone": {"at": NOON.replace(tzinfo=None)},
}


@pytest.mark.parametrize("wrong", WRONG_OPERATIONS.values(), ids=WRONG_OPERATIONS.keys())
async def test_an_operation_that_breaks_a_rule_leaves_the_model_as_it_was(
    models: FinancialModels, database: Database, wrong: dict[str, Any]
) -> None:
    asked = operation("edit", **wrong)
    with pytest.raises(NotKept):
        await models.append(OURS, MODEL, asked, noted("x"))
    with pytest.raises(NotKept):
        await models.create(OURS, model(2), asked)
    assert await kept(database) == ONE_MODEL
    assert await models.find(OURS, MODEL) == model()


async def test_a_bad_edit_among_many_at_once_takes_none_of_them_along(
    models: FinancialModels, database: Database
) -> None:
    def edit(number: int) -> Any:
        return (lambda m, _: decided(m, unit="DOZENS")) if number == 7 else noted(str(number))

    told = await asyncio.gather(
        *(models.append(OURS, MODEL, operation(n), edit(n)) for n in range(20)),
        return_exceptions=True,
    )
    assert [n for n, each in enumerate(told) if isinstance(each, NotKept)] == [7]
    assert (await kept(database))["OperationRow"] == 20
    assert await models.revisions(OURS, [MODEL]) == {MODEL: 20}


async def test_a_models_id_is_given_once(models: FinancialModels, database: Database) -> None:
    with pytest.raises(NotKept):
        await models.create(OURS, model(name="Another"), operation("other"))
    assert await kept(database) == ONE_MODEL
    assert await models.find(OURS, MODEL) == model()


async def test_a_tenant_that_is_not_there_makes_no_model(database: Database) -> None:
    with pytest.raises(NotKept):
        await FinancialModels(database).create(NOBODYS, model(), operation())
    assert await kept(database, NOBODYS) == NOTHING


async def test_every_model_begins_at_its_first_revision(database: Database) -> None:
    told = await FinancialModels(database).create(OURS, model(revision=7), operation())
    assert told.model == model()


# Many at once


LOG = scope.select(OperationRow).where(scope.equals(OperationRow, "model_id"))
LEFT = scope.select(OutboxRow).where(scope.equals(OutboxRow, "model_id"))
STATE = scope.select(FinancialModelRow).where(scope.equals(FinancialModelRow, "id", "model_id"))


async def in_order(models: FinancialModels, edits: int | None = None) -> None:
    """The log has no gap, and the model is what its operations made of it, one after another.

    All of it at one moment: what was asked by callers who left may still be on its way.
    """
    async with models._database.reading(OURS) as session:
        log = await session.all(LOG.order_by("seq"), model_id=MODEL)
        left = await session.all(LEFT.order_by("seq"), model_id=MODEL)
        found = await session.first(STATE, model_id=MODEL)
    assert found is not None
    assert found["revision"] == len(log)
    assert edits is None or len(log) == edits + 1
    seqs = list(range(1, len(log) + 1))
    assert [each["seq"] for each in log] == [each["seq"] for each in left] == seqs
    lines = json.loads(found["inputs"]).get("lines", [])
    assert lines == [json.loads(each["changes"])[0] for each in log[1:]]
    assert len(set(lines)) == len(lines)


async def test_eight_who_edit_at_once_make_one_order_without_a_gap(
    models: FinancialModels,
) -> None:
    async def edit(writer: int) -> None:
        seen = 1
        for number in range(15):
            name = f"{writer}-{number}"
            told = await models.append(OURS, MODEL, operation(name), noted(name))
            assert told is not None
            assert told.fresh
            assert told.model is not None
            assert told.operation.seq == told.model.revision > seen
            seen = told.operation.seq

    await asyncio.gather(*(edit(writer) for writer in range(8)))
    await in_order(models, 8 * 15)


async def test_two_processes_who_edit_at_once_make_one_order_without_a_gap(
    models: FinancialModels, place: Place
) -> None:
    async with opened(place.url) as other:
        everyone = [models, FinancialModels(other)]

        async def edit(writer: int) -> None:
            for number in range(12):
                name = f"{writer}-{number}"
                told = await everyone[writer % 2].append(OURS, MODEL, operation(name), noted(name))
                assert told is not None
                assert told.fresh

        await asyncio.gather(*(edit(writer) for writer in range(8)))
        await in_order(everyone[1], 8 * 12)


async def test_edits_of_many_models_at_once_do_not_touch_each_other(
    models: FinancialModels,
) -> None:
    several = [model(number) for number in range(2, 8)]
    for each in several:
        await models.create(OURS, each, operation(each.name))

    async def edit(each: ModelRecord, number: int) -> None:
        name = f"{each.name}-{number}"
        await models.append(OURS, each.id, operation(name), noted(name))

    await asyncio.gather(*(edit(each, number) for number in range(6) for each in several))
    for each in several:
        log = await models.operations(OURS, each.id, after=1, limit=99)
        assert sorted(json.loads(entry.changes)[0] for entry in log) == [
            f"{each.name}-{number}" for number in range(6)
        ]


async def test_twins_have_one_effect_and_both_hear_the_first_answer(
    models: FinancialModels, place: Place, database: Database
) -> None:
    async with opened(place.url) as other:
        everyone = [models, FinancialModels(other)] * 4
        for turn in range(6):
            told = await asyncio.gather(
                *(each.append(OURS, MODEL, operation(turn), noted(str(turn))) for each in everyone)
            )
            answers = [each for each in told if each is not None]
            assert len(answers) == 8
            assert [each.fresh for each in answers].count(True) == 1
            assert len({each.operation.seq for each in answers}) == 1
            assert len({each.operation for each in answers}) == 1
        await in_order(models, 6)


async def test_twins_with_another_payload_find_the_fingerprint_of_the_first(
    models: FinancialModels, place: Place
) -> None:
    async with opened(place.url) as other:
        asked = [operation("edit", fingerprint=content_id(n)) for n in range(8)]
        everyone = [models, FinancialModels(other)] * 4
        told = await asyncio.gather(
            *(
                each.append(OURS, MODEL, new, noted(new.fingerprint))
                for each, new in zip(everyone, asked, strict=True)
            )
        )
    fresh = [n for n, each in enumerate(told) if each is not None and each.fresh]
    assert len(fresh) == 1
    for each in told:
        assert each is not None
        assert each.operation.fingerprint == asked[fresh[0]].fingerprint


async def test_twins_who_edit_two_models_change_one_of_them(
    models: FinancialModels, place: Place, database: Database
) -> None:
    await models.create(OURS, model(2), operation("second"))
    ids = [MODEL, model(2).id]
    async with opened(place.url) as other:
        everyone = [models, FinancialModels(other)]
        for turn in range(8):
            before = await models.revisions(OURS, ids)
            told = await asyncio.gather(
                *(
                    each.append(OURS, model_id, operation(turn), noted(str(turn)))
                    for each, model_id in zip(everyone * 2, [*ids, *reversed(ids)], strict=True)
                )
            )
            assert [each.fresh for each in told if each is not None].count(True) == 1
            assert len({each.operation for each in told if each is not None}) == 1
            after = await models.revisions(OURS, ids)
            assert sum(after.values()) == sum(before.values()) + 1
    assert (await kept(database))["OperationRow"] == 2 + 8


async def test_twins_who_create_make_one_model(database: Database, place: Place) -> None:
    models = FinancialModels(database)
    async with opened(place.url) as other:
        everyone = [models, FinancialModels(other)] * 4
        for turn in range(5):
            told = await asyncio.gather(
                *(
                    each.create(OURS, model(100 * turn + number), operation(turn))
                    for number, each in enumerate(everyone)
                )
            )
            assert [each.fresh for each in told].count(True) == 1
            assert len({each.operation for each in told}) == 1
            assert await models.find(OURS, told[0].operation.model_id) is not None
    assert await kept(database) == dict.fromkeys(ONE_MODEL, 5)


async def test_callers_who_leave_in_the_middle_leave_no_half_of_an_edit(
    models: FinancialModels,
) -> None:
    tasks = [
        asyncio.ensure_future(models.append(OURS, MODEL, operation(n), noted(str(n))))
        for n in range(40)
    ]
    for turn in range(20):  # each pair leaves a little further on its way
        for task in tasks[2 * turn : 2 * turn + 2]:
            task.cancel()
        await asyncio.sleep(0.002 if turn % 4 == 0 else 0)
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert any(isinstance(each, asyncio.CancelledError) for each in told)
    await in_order(models)
    on_record = {each.operation_id for each in await models.operations(OURS, MODEL, limit=99)}
    for number, each in enumerate(told):  # whoever was answered has it
        if isinstance(each, Appended):
            assert operation(number).operation_id in on_record
    for number in range(40):  # whoever asks again gets it, once
        assert await models.append(OURS, MODEL, operation(number), noted(str(number)))
    await in_order(models, 40)


# What is written with an operation


async def test_a_snapshot_stands_at_the_first_and_each_five_hundredth_operation(
    models: FinancialModels, database: Database
) -> None:
    for number in range(2, SNAPSHOT_EVERY + 2):
        await models.append(
            OURS, MODEL, operation(number), lambda m, _: decided(m, name=f"Model {m.revision + 1}")
        )
    assert (await kept(database))["ModelSnapshotRow"] == 2
    for at_most, seq in ((1, 1), (499, 1), (500, 500), (501, 500), (10**9, 500)):
        found = await models.snapshot(OURS, MODEL, at_most)
        assert found is not None
        assert found[:2] == (seq, 1)
        assert json.loads(found[2]) == {
            "name": f"Model {seq}",
            "unit": "MILLIONS",
            "archived": False,
            "scenarios": {},
            "inputs": {"wacc": 0.1},
        }
    assert await models.snapshot(OURS, MODEL, 0) is None


async def test_a_snapshot_is_canonical_json_whatever_the_name(database: Database) -> None:
    made = model(name='"quotes" \\ and \n lines, 株', archived=True, scenarios='{"a":{}}')
    await FinancialModels(database).create(OURS, made, operation())
    found = await FinancialModels(database).snapshot(OURS, made.id, 1)
    assert found is not None
    told = json.loads(found[2])
    assert told["name"] == made.name
    assert told["archived"] is True
    canonical = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert found[2] == canonical


# Pages


async def many(models: FinancialModels, count: int = 23) -> list[ModelRecord]:
    """Models whose names, moments and kinds come in no order, and some of them twice."""
    random = Random(7)  # noqa: S311 (the same disorder every time)
    made = []
    for number in range(100, 100 + count):
        each = model(
            number,
            name=random.choice(["alpha", "Alpha", "ALPHABET", "Ærø", "beta", "Straße", "zz"]),
            kind=random.choice(["DCF", "LBO"]),
            created_at=NOON + timedelta(seconds=random.randrange(5)),
            updated_at=NOON + timedelta(seconds=random.randrange(5)),
            archived=random.random() < 0.3,
        )
        await models.create(OURS, each, operation(f"make-{number}"))
        made.append(each)
    await models.create(THEIRS, model(999), operation("theirs"))
    return made


KEYS: dict[str, Any] = {
    "UPDATED": lambda each: each.updated_at,
    "CREATED": lambda each: each.created_at,
    "NAME": lambda each: each.name.casefold(),
}


async def paged(models: FinancialModels, page: ModelPage) -> list[ModelRecord]:
    """All pages, one after another."""
    had: list[ModelRecord] = []
    while True:
        found = await models.page(OURS, page)
        had += found
        if len(found) < page.limit or len(had) > 1_000:  # pages that never end are wrong anyway
            return had
        page = replace(page, after=(KEYS[page.order](found[-1]), found[-1].id))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ["UPDATED", "CREATED", "NAME"])
async def test_pages_hold_every_model_once_and_in_order(
    database: Database, order: Any, descending: bool
) -> None:
    models = FinancialModels(database)
    made = await many(models)
    wanted = sorted(made, key=lambda each: (KEYS[order](each), each.id), reverse=descending)
    for limit in (1, 4, 23, 50):
        page = ModelPage(order=order, descending=descending, limit=limit)
        assert await paged(models, page) == wanted


async def test_pages_hold_what_was_asked_for_and_no_more(database: Database) -> None:
    models = FinancialModels(database)
    made = await many(models)
    for kinds in (None, ("LBO",), ("LBO", "DCF"), ()):
        for archived in (None, True, False):
            for prefix in (None, "", "alpha", "alphab", "ærø", "strasse", "q"):
                wanted = {
                    each.id
                    for each in made
                    if (kinds is None or each.kind in kinds)
                    and (archived is None or each.archived is archived)
                    and each.name.casefold().startswith(prefix or "")
                }
                page = ModelPage(
                    kinds=kinds, archived=archived, name_prefix=prefix, order="NAME", limit=5
                )
                assert {each.id for each in await paged(models, page)} == wanted


async def test_a_name_is_found_by_its_beginning_and_by_nothing_else(database: Database) -> None:
    models = FinancialModels(database)
    names = ["a%", "a_b", "ab", "a\U0010ffffb", "a" * 200, "\U0010ffff" * 200, "b", "\\a"]
    for number, name in enumerate(names, 1):
        await models.create(OURS, model(number, name=name), operation(number))
    for prefix in ("a%", "a_", "a", "%", "_", "\U0010ffff", "\\", "'"):
        found = await models.page(OURS, ModelPage(name_prefix=prefix, limit=99))
        assert {each.name for each in found} == {n for n in names if n.startswith(prefix)}


@pytest.mark.parametrize(
    ("order", "descending"), [("CREATED", False), ("NAME", True), ("UPDATED", True)]
)
async def test_pages_neither_skip_nor_repeat_what_stays_while_other_rows_change(
    database: Database, order: Any, descending: bool
) -> None:
    models = FinancialModels(database)
    made = await many(models)
    random = Random(3)  # noqa: S311 (the same changes every time)
    page = ModelPage(order=order, descending=descending, limit=3)
    had: Counter[UUID] = Counter()
    changed: set[UUID] = set()
    turn = 0
    while found := await models.page(OURS, page):
        had.update(each.id for each in found)
        page = replace(page, after=(KEYS[order](found[-1]), found[-1].id))
        for each in random.sample(made, 2):
            changed.add(each.id)
            new = operation(turn, at=NOON + timedelta(seconds=random.randrange(9)))
            name = random.choice(["aa", "mm", "zzz"])
            await models.append(OURS, each.id, new, lambda m, _, n=name: decided(m, name=n))
            turn += 1
        if turn <= 12:  # or a page that ascends would have a new model for ever
            late = model(1000 + turn, name="aardvark", created_at=LATER)
            await models.create(OURS, late, operation(f"late-{turn}"))
    stayed = {each.id for each in made}
    if order != "CREATED":  # nobody changes when a model was made
        stayed -= changed
    assert stayed
    assert all(had[model_id] == 1 for model_id in stayed)


async def test_models_are_counted_and_their_revisions_told(models: FinancialModels) -> None:
    await models.create(OURS, model(2, archived=True), operation("second"))
    await models.append(OURS, MODEL, operation("edit"), noted("x"))
    assert await models.count(OURS) == 2
    assert await models.count(OURS, archived=True) == 1
    assert await models.count(OURS, archived=False) == 1
    ids = [MODEL, model(2).id, model(3).id]
    assert await models.revisions(OURS, ids) == {MODEL: 2, model(2).id: 1}
    assert await models.revisions(OURS, []) == {}


async def test_the_newest_edit_comes_first(models: FinancialModels) -> None:
    for number, moment in ((2, LATER), (3, LATER + timedelta(hours=1))):
        await models.create(OURS, model(number, updated_at=NOON), operation(f"new {number}"))
        await models.append(
            OURS, model(number).id, operation(number, at=moment), lambda m, _: decided(m)
        )
    found = await models.page(OURS, ModelPage(limit=9))
    assert [each.id for each in found] == [model(3).id, model(2).id, MODEL]
    revisions = [each.updated_at for each in found]
    assert all(newer > older for newer, older in pairwise(revisions))
