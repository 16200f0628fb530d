"""What a row says of a run is read as it was meant, or left alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any, Final

import orjson
import pytest

from engine.correlation import Correlation
from engine.distributions import DISTRIBUTIONS, Outcome
from engine.simulation import Shock, SimulationSpec, StopWhen
from services.compute import Compute
from services.kinds import Output
from services.run import SPEC_VERSION, RunState, understood
from services.simulations import work_document
from store.database import Database
from tests.mirror.services.computing import expected
from tests.mirror.services.conftest import principal
from tests.mirror.services.processes import Clock, asked, process

pytestmark = pytest.mark.anyio

# SHA-256 of everything that a spec can say, by the version of its form.
FORMS: Final = {1: "9941499dd787c5314faccdddfbf1e8625140e0432b08ce1e20a885b9a9034ff3"}


def form() -> str:
    """Of what a spec can say in this version of the program."""
    said: dict[str, Any] = {
        each.__name__: sorted(field.name for field in fields(each))
        for each in (SimulationSpec, Shock, StopWhen, Correlation, Outcome, *DISTRIBUTIONS)
    }
    asking = asked().row(Output.VALUE_PER_SHARE, None)
    said["row"] = sorted(orjson.loads(asking))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def test_who_lets_a_spec_say_more_raises_the_version_of_its_form() -> None:
    """Red after an addition: raise `SPEC_VERSION`, and add its hash to the list."""
    assert list(FORMS)[-1] == SPEC_VERSION
    assert form() == FORMS[SPEC_VERSION]


async def test_a_process_leaves_a_run_alone_that_a_newer_version_started(
    database: Database, compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    async with (
        process(database, compute, clock) as newer,
        process(database, compute, clock) as older,
    ):
        async with newer.pool.lent():
            with monkeypatch.context() as upgraded:
                upgraded.setattr("services.run.SPEC_VERSION", SPEC_VERSION + 1)
                run = await newer.start(asked())
            await newer.die()
        clock.move(16)
        record = await older.kept(run)
        assert not understood(record)
        assert (await older.service.find(principal(), run.id)).state is RunState.QUEUED
        assert await older.kept(run) == record  # not taken, and no attempt
        assert older.pool.begun == []
        async with process(database, compute, clock) as other:
            monkeypatch.setattr("services.run.SPEC_VERSION", SPEC_VERSION + 1)
            ended = await other.ended(run)
    assert ended.result == expected(100_000)


def test_a_row_without_a_version_is_of_the_first() -> None:
    output = Output.VALUE_PER_SHARE
    spec = orjson.loads(asked().row(output, 10.0))
    assert spec.pop("version") == SPEC_VERSION
    assert spec == work_document(output, asked().spec, 10.0)


def test_the_version_of_the_form_is_no_part_of_what_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A repeat after an upgrade is still a repeat."""
    before = asked().fingerprint
    monkeypatch.setattr("services.run.SPEC_VERSION", SPEC_VERSION + 1)
    assert asked().fingerprint == before
