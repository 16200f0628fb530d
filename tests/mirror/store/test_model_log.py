from __future__ import annotations

from datetime import timedelta

import pytest

from store.database import Database
from store.financial_models import FinancialModels
from store.model_log import ModelLog
from tests.mirror.store.world import LATER, NOON, OURS, THEIRS, decided, model, operation

pytestmark = pytest.mark.anyio

MODEL = model().id


@pytest.fixture
async def log(database: Database) -> ModelLog:
    """A model with ten operations, an hour apart; another with one; another tenant's."""
    models = FinancialModels(database)
    await models.create(OURS, model(), operation())
    for number in range(2, 11):
        new = operation(number, at=NOON + timedelta(hours=number))
        await models.append(OURS, MODEL, new, lambda model, _: decided(model))
    await models.create(OURS, model(2), operation("second"))
    await models.create(THEIRS, model(), operation())
    return models


@pytest.mark.parametrize(
    ("after", "until", "limit", "seqs"),
    [
        (None, None, 99, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (0, None, 3, [1, 2, 3]),
        (7, None, 99, [8, 9, 10]),
        (7, 9, 99, [8, 9]),
        (7, 9, 1, [8]),
        (None, 2, 99, [1, 2]),
        (7, 7, 99, []),
        (10, None, 99, []),
        (2**62, 2**62, 99, []),
        (0, 5, 0, []),
    ],
)
async def test_a_stretch_runs_from_after_to_until(
    log: ModelLog, after: int | None, until: int | None, limit: int, seqs: list[int]
) -> None:
    found = await log.operations(OURS, MODEL, after=after, until=until, limit=limit)
    assert [each.seq for each in found] == seqs
    assert {each.model_id for each in found} <= {MODEL}


@pytest.mark.parametrize(
    ("after", "until", "limit", "seqs"),
    [
        (None, None, 3, [10, 9, 8]),
        (8, None, 3, [7, 6, 5]),
        (8, 6, 99, [7, 6]),
        (1, None, 99, []),
        (None, 9, 99, [10, 9]),
    ],
)
async def test_a_stretch_that_descends_begins_before_after(
    log: ModelLog, after: int | None, until: int | None, limit: int, seqs: list[int]
) -> None:
    found = await log.operations(
        OURS, MODEL, after=after, until=until, limit=limit, descending=True
    )
    assert [each.seq for each in found] == seqs


async def test_an_operation_is_found_by_the_id_its_caller_gave(log: ModelLog) -> None:
    found = await log.operation_of(OURS, "operation-7")
    assert found is not None
    assert (found.model_id, found.seq) == (MODEL, 7)
    assert found.at == NOON + timedelta(hours=7)
    assert await log.operation_of(OURS, "operation-") is None
    assert await log.operation_of(THEIRS, "operation-7") is None


async def test_the_outbox_tells_what_is_left_the_oldest_first(log: ModelLog) -> None:
    left = await log.left_in_outbox(OURS, NOON + timedelta(hours=4), 99)
    assert left == [(MODEL, 1), (model(2).id, 1), (MODEL, 2), (MODEL, 3)]
    assert await log.left_in_outbox(OURS, NOON + timedelta(hours=4), 2) == left[:2]
    assert await log.left_in_outbox(OURS, NOON, 99) == []


async def test_what_the_world_was_told_leaves_the_outbox_and_nothing_else_does(
    log: ModelLog,
) -> None:
    gone = [(MODEL, 1), (MODEL, 3), (MODEL, 99), (model(3).id, 1)]
    await log.clear_outbox(OURS, gone)
    await log.clear_outbox(OURS, gone)
    await log.clear_outbox(OURS, [])
    left = await log.left_in_outbox(OURS, NOON + timedelta(days=9), 99)
    assert left == [(model(2).id, 1), *((MODEL, seq) for seq in (2, 4, 5, 6, 7, 8, 9, 10))]
    assert await log.left_in_outbox(THEIRS, LATER, 99) == [(MODEL, 1)]
    assert len(await log.operations(OURS, MODEL, limit=99)) == 10
