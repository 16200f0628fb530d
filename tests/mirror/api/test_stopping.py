"""A stop goes step by step: none keeps the next from its turn, and a hurry shortens them all."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from api import stopping
from api.stopping import Stopping
from observability.logs import Logs

pytestmark = pytest.mark.anyio


class Told:
    """A stop, and what it logged."""

    def __init__(self) -> None:
        self._stream = io.BytesIO()
        self.stop = Stopping(Logs("INFO", stream=self._stream).get("api"))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def told() -> Told:
    return Told()


async def never() -> None:
    await asyncio.Event().wait()


async def stubborn() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


async def broken() -> None:
    raise RuntimeError("broken on purpose")


async def at_once() -> None:
    return None


async def test_a_step_that_is_done_in_time_is_told_once(told: Told) -> None:
    assert await told.stop.step("database", at_once(), 5.0)
    (line,) = told.lines()
    assert (line["event"], line["step"], line["level"]) == ("stopping", "database", "info")
    assert told.stop.overdue == []


@pytest.mark.parametrize("work", [never, stubborn], ids=["gives way", "does not"])
async def test_a_step_whose_time_is_over_is_given_up_and_the_next_has_its_turn(
    told: Told, work: Callable[[], Any]
) -> None:
    assert not await told.stop.step("rooms", work(), 0.01)
    assert await told.stop.step("database", at_once(), 5.0)
    assert [(line["step"], line["level"]) for line in told.lines()] == [
        ("rooms", "warning"),
        ("database", "info"),
    ]
    assert told.stop.overdue == ["rooms"]


async def test_a_step_that_fails_is_on_record_and_the_next_has_its_turn(told: Told) -> None:
    assert not await told.stop.step("rooms", broken(), 5.0)
    assert await told.stop.step("database", at_once(), 5.0)
    assert told.lines()[0]["level"] == "error"
    assert "RuntimeError" in json.dumps(told.lines()[0])
    assert told.stop.overdue == ["rooms"]


async def test_a_hurry_ends_at_once_what_can_be_skipped(told: Told) -> None:
    asyncio.get_running_loop().call_soon(told.stop.hurry)
    assert not await told.stop.step("requests", never(), 600.0, can_be_skipped=True)
    (line,) = told.lines()
    assert (line["skipped"], line["level"]) == (True, "info")
    assert told.stop.overdue == ["requests"]


async def test_a_hurry_leaves_a_little_time_for_all_the_rest_together(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "HURRIED_S", 0.05)
    monkeypatch.setattr(stopping, "MOMENT_S", 0.05)
    told.stop.hurry()
    assert await told.stop.step("quick", asyncio.sleep(0), 600.0)
    assert not await told.stop.step("rooms", never(), 600.0)
    assert not await told.stop.step("runs", never(), 600.0)
    assert await told.stop.step("database", at_once(), 600.0)  # what needs no waiting is done
    assert told.stop.overdue == ["rooms", "runs"]


async def test_a_pause_ends_with_its_time_or_with_a_hurry(told: Told) -> None:
    await told.stop.pause("not ready", 0.01)
    assert not told.stop.hurried
    asyncio.get_running_loop().call_soon(told.stop.hurry)
    await told.stop.pause("not ready", 600.0)
    assert told.stop.hurried
