"""A tenant has never more models than it may, however many make one at the same moment."""

from __future__ import annotations

import asyncio

import pytest

from store.database import Database
from store.financial_models import FinancialModels
from tests.mirror.store.world import OURS, THEIRS, decided, model, operation

pytestmark = pytest.mark.anyio

MOST = 20


class Full(Exception):
    """There is no room."""


def room(taken: int) -> None:
    if taken >= MOST:
        raise Full


async def test_of_forty_at_once_as_many_are_made_as_there_is_room_for(database: Database) -> None:
    models = FinancialModels(database)
    made = await asyncio.gather(
        *(
            models.create(OURS, model(number), operation(f"make-{number}"), room)
            for number in range(40)
        ),
        return_exceptions=True,
    )
    assert [type(each) for each in made if isinstance(each, BaseException)] == [Full] * 20
    assert await models.count(OURS, archived=False) == MOST


async def test_out_of_the_archive_come_as_many_as_there_is_room_for(database: Database) -> None:
    models = FinancialModels(database)
    for number in range(6):
        archived = model(number, archived=number < 3)
        await models.create(OURS, archived, operation(f"make-{number}"))

    def at_most_four(taken: int) -> None:
        if taken >= 4:
            raise Full

    async def take_out(number: int) -> object:
        return await models.append(
            OURS,
            model(number).id,
            operation(f"out-{number}"),
            lambda before, _: decided(before, archived=False),
            room=at_most_four,
        )

    done = await asyncio.gather(*map(take_out, range(3)), return_exceptions=True)
    assert [type(each) for each in done if isinstance(each, BaseException)] == [Full] * 2
    assert await models.count(OURS, archived=False) == 4


async def test_what_is_repeated_needs_no_room(database: Database) -> None:
    models = FinancialModels(database)

    def none(_taken: int) -> None:
        raise Full

    first = await models.create(OURS, model(), operation())
    again = await models.create(OURS, model(2), operation(), none)
    assert (again.fresh, again.operation) == (False, first.operation)
    with pytest.raises(Full):
        await models.create(THEIRS, model(3), operation("theirs"), none)
