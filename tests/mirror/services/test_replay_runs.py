"""What a run came to is computed again after an upgrade, and every number is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest

from engine.changes import REFUSED, Change
from engine.provenance import ENGINE_VERSION, NUMPY_VERSION
from services import replay_runs as module
from services.compute import Compute
from services.replay import How, Replayed, Verdict
from services.replay_runs import KeptRun, replay_run, replay_runs
from services.run import SPEC_VERSION, RunState, result_in, sealed
from store.database import Database
from store.runs import RunRecord
from store.valuations import KeptValuation, Valuations
from tests.mirror.services.computing import expected
from tests.mirror.services.processes import Process, asked, process
from tests.mirror.store.world import OURS, THEIRS

pytestmark = pytest.mark.anyio

TRIALS = 2_000


@pytest.fixture
def crew() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as crew:
        yield crew


async def done(here: Process, trials: int = TRIALS) -> RunRecord:
    """A run that has ended as it should, as it is kept."""
    run = await here.ended(await here.start(asked(trials)))
    assert run.state is RunState.DONE, run.refusal
    return await here.kept(run)


Both = tuple[RunRecord, KeptValuation]


@pytest.fixture
async def both(database: Database, compute: Compute) -> Both:
    """A run and the valuation that it is about."""
    async with process(database, compute) as here:
        record = await done(here)
    valuation = await Valuations(database).find(OURS, record.valuation_id)
    assert valuation is not None
    return record, valuation


def kept_as(record: RunRecord, *, whole: bool = True, **numbers: Any) -> RunRecord:
    """With other numbers, and a hash that fits; not ``whole``: as before there was one."""
    assert record.result is not None
    result = result_in(record.result)[0] | numbers
    text = orjson.dumps(sealed(record, result) if whole else result).decode()
    return replace(record, result=text)


def by_engine(record: RunRecord, engine: str, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    """As an older engine kept it."""
    with monkeypatch.context() as then:
        then.setattr("services.run.ENGINE_VERSION", engine)
        return kept_as(record)


def explaining(*outputs: str) -> dict[str, tuple[Change, ...]]:
    change = Change(title="Why", why="Because.", kinds=("DCF",), outputs=outputs)
    return {"0.9.0": (), "1.0.0": (change,)}


async def test_a_run_says_what_computed_it_and_comes_out_identical(
    both: Both, crew: Executor
) -> None:
    record, valuation = both
    assert record.result is not None
    result, by = result_in(record.result)
    assert result == expected(TRIALS)
    assert by is not None
    assert (by["engine"], by["numpy"]) == (ENGINE_VERSION, NUMPY_VERSION)
    found = await replay_run(record, valuation, crew)
    assert found.verdict is Verdict.IDENTICAL
    assert isinstance(found.kept, KeptRun)
    assert (found.kept.id, found.kept.trials) == (str(record.id), TRIALS)


async def test_a_run_that_was_kept_before_it_said_so_is_replayed_too(
    both: Both, crew: Executor
) -> None:
    record, valuation = both
    found = await replay_run(kept_as(record, whole=False), valuation, crew)
    assert found.verdict is Verdict.IDENTICAL
    assert found.kept.engine_version == valuation.engine_version


async def test_a_number_of_a_run_that_changed_is_told_by_how_much(
    both: Both, crew: Executor
) -> None:
    record, valuation = both
    mean = expected(TRIALS)["mean"]
    found = await replay_run(kept_as(record, mean=mean * 1.25), valuation, crew)
    (line,) = found.lines
    assert found.verdict is Verdict.UNEXPLAINED
    assert (line.path, line.kept, line.now) == ("mean", mean * 1.25, mean)
    assert line.relative == pytest.approx(-0.2, rel=1e-12)


@pytest.mark.parametrize(
    ("outputs", "how"),
    [
        (("value_per_share",), How.EXPLAINED),  # the number that was drawn about
        (("simulation.mean",), How.EXPLAINED),
        (("simulation",), How.EXPLAINED),
        (("simulation.percentiles",), How.UNEXPLAINED),
        (("enterprise_value",), How.UNEXPLAINED),  # another number of the valuation
        (("mean",), How.UNEXPLAINED),  # a number of valuations
    ],
)
async def test_a_runs_number_is_explained_by_what_moves_it_or_what_it_is_drawn_about(
    both: Both,
    crew: Executor,
    outputs: tuple[str, ...],
    how: How,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record, valuation = both
    older = by_engine(kept_as(record, mean=1.0), "0.9.0", monkeypatch)
    found = await replay_run(older, valuation, crew, explaining(*outputs))
    assert [(line.path, line.how) for line in found.lines] == [("mean", how)]


async def test_a_change_that_the_run_was_computed_with_explains_nothing(
    both: Both, crew: Executor
) -> None:
    """Its valuation is older, but the run was not."""
    record, valuation = both
    found = await replay_run(kept_as(record, mean=1.0), valuation, crew, explaining("simulation"))
    assert found.verdict is Verdict.UNEXPLAINED


async def test_a_spec_that_is_refused_now_must_be_explained(
    both: Both, crew: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, valuation = both
    spec = orjson.loads(record.spec)
    spec["spec"]["shocks"][0]["path"] = "operations.unheardOf"
    older = by_engine(replace(record, spec=orjson.dumps(spec).decode()), "0.9.0", monkeypatch)
    for changes, verdict in (
        (explaining("simulation"), Verdict.UNEXPLAINED),
        (explaining(REFUSED), Verdict.EXPLAINED),
    ):
        found = await replay_run(older, valuation, crew, changes)
        assert found.verdict is verdict
        assert [line.path for line in found.lines] == [REFUSED]


async def test_what_was_written_over_is_found(both: Both, crew: Executor) -> None:
    record, valuation = both
    assert record.result is not None
    other = record.result.replace('"trials":', '"trials":1', 1)
    spec = record.spec.replace('"seed":1', '"seed":2')
    assert (other, spec) != (record.result, record.spec)
    for row, of in (
        (replace(record, result=other), valuation),
        (replace(record, spec=spec), valuation),
        (record, replace(valuation, inputs='{"currency":"EUR"}')),
    ):
        found = await replay_run(row, of, crew)
        assert found.verdict is Verdict.UNREADABLE
        assert "does not fit its hash" in str(found.problem)


async def test_what_this_program_cannot_read_is_told(
    both: Both, crew: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, valuation = both
    spec = orjson.dumps({**orjson.loads(record.spec), "version": SPEC_VERSION + 1}).decode()
    newer = kept_as(replace(record, spec=spec))
    assert "newer than this program" in str((await replay_run(newer, valuation, crew)).problem)
    assert "not kept any longer" in str((await replay_run(record, None, crew)).problem)
    monkeypatch.setattr(module, "KINDS", {})
    assert "no valuation of the kind DCF" in str(
        (await replay_run(record, valuation, crew)).problem
    )


async def all_of(database: Database, here: Process, trials: int) -> list[Replayed | None]:
    with ThreadPoolExecutor(2) as crew:
        found = replay_runs(here.runs, Valuations(database), OURS, trials, crew)
        return [each async for each in found]


async def test_the_newest_runs_are_replayed_and_those_beyond_the_limit_are_counted(
    database: Database, compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    async with process(database, compute) as here:
        ids = [str((await done(here, trials)).id) for trials in (1_000, 2_000, 4_000, 3_000)]
        found = await all_of(database, here, 10_000)
        assert [each and each.kept.id for each in found] == ids[::-1]
        assert {each.verdict for each in found if each} == {Verdict.IDENTICAL}
        found = await all_of(database, here, 4_500)
        assert [each and each.kept.id for each in found] == [ids[3], None, None, ids[0]]
        assert await all_of(database, here, 0) == [None] * 4
        with ThreadPoolExecutor(1) as crew:
            theirs = replay_runs(here.runs, Valuations(database), THEIRS, 10_000, crew)
            assert [each async for each in theirs] == []


async def test_a_fault_of_ours_is_told_and_the_others_are_replayed(
    database: Database, compute: Compute
) -> None:
    async with process(database, compute) as here:
        for trials in (1_000, 2_000):
            record = await done(here, trials)
        broken = orjson.dumps({**orjson.loads(record.spec), "spec": {}}).decode()
        await _overwrite(here, replace(record, spec=broken))
        found = [each for each in await all_of(database, here, 10_000) if each is not None]
    assert [each.verdict for each in found] == [Verdict.UNREADABLE, Verdict.IDENTICAL]
    assert found[0].problem == "The engine failed: KeyError: 'trials'"


async def _overwrite(here: Process, record: RunRecord) -> None:
    """Have the run's next reader see another row, with a hash that fits."""
    rows = type(here.runs).done_page
    forged = kept_as(record)

    async def page(*given: Any) -> list[RunRecord]:
        return [forged if row.id == forged.id else row for row in await rows(here.runs, *given)]

    here.runs.done_page = page  # type: ignore[method-assign] # of this one alone
