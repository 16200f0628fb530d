"""Runs end, whoever ends before them: with the same bits, once, and only for their tenant."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from collab.keys import run_channel
from engine.sampling import Sampling
from engine.simulation import Normal, Shock
from services import run_work, workers
from services.analyses import AnalysisService
from services.compute import Compute
from services.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    Overloaded,
    QuotaExceeded,
)
from services.kinds import DCF, Output
from services.plans import LIMITS, Plan
from services.principal import Role
from services.run import OfInputs, OfValuation, Run, RunState, SoFar
from services.workers import WorkerDied
from store.database import Database
from store.errors import DatabaseAway
from store.runs import Runs
from tests.dcf_documents import firm
from tests.mirror.services.computing import LONG, expected, is_gone, spec, until
from tests.mirror.services.conftest import principal
from tests.mirror.services.processes import Clock, Process, asked, process, result_of
from tests.mirror.store.world import NOBODYS, OURS, THEIRS

pytestmark = pytest.mark.anyio

MIDDLING = 8_000_000  # trials of a run that is under way for a second
FEW = 5_000_000  # the most that our tenant's plan has


@pytest.fixture
async def here(database: Database, compute: Compute) -> AsyncIterator[Process]:
    async with process(database, compute) as here:
        yield here


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker may take its time to stop, on a machine that is busy with other tests."""
    monkeypatch.setattr(workers, "STOP_S", 30.0)


@pytest.fixture
def unrenewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lease is renewed but by a test's own word."""
    monkeypatch.setattr(run_work, "RENEW_S", 600.0)


@pytest.fixture
async def enterprise(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours may run anything, sixteen at a time."""
    monkeypatch.setitem(LIMITS, Plan.PRO, LIMITS[Plan.ENTERPRISE])


# What comes out


@pytest.mark.parametrize("sampling", Sampling)
@pytest.mark.parametrize("threads", [1, 3])
async def test_a_run_gives_to_the_last_bit_what_the_analysis_gives(
    database: Database, compute: Compute, threads: int, sampling: Sampling
) -> None:
    async with process(database, compute, threads=threads) as here:
        asked_for = replace(spec(100_000), sampling=sampling)
        run = await here.ended(await here.start(asked(given=asked_for)))
        recorded = await here.valuations.value(principal(), DCF, firm())
        analyses = AnalysisService(compute, here.valuations, here.pool, deadline_s=60.0)
        analysis = await analyses.simulation(
            principal(), recorded, Output.VALUE_PER_SHARE, asked_for, 10.0
        )
    assert run.state is RunState.DONE
    assert run.valuation_id == recorded.id
    assert run.result == analysis
    assert sampling is Sampling.SOBOL or analysis == expected(100_000)
    assert run.known is not None
    assert run.known.trials_done == run.trials == 100_000
    assert [each.value for each in run.known.percentiles] == [
        each["value"] for each in analysis["percentiles"]
    ]


async def test_a_run_is_a_row_from_its_start_to_its_end(here: Process) -> None:
    started = await here.start(asked())
    assert (started.state, started.attempts, started.result) == (RunState.QUEUED, 0, None)
    ended = await here.ended(started)
    row = await here.kept(started)
    assert (row.state, row.owner, row.lease_until, row.attempts) == ("DONE", None, None, 1)
    assert row.created_by == principal().member_id
    assert row.created_at == row.started_at == row.ended_at == here.clock.now
    assert await here.service.find(principal(), started.id) == ended


async def test_a_run_of_a_kept_valuation_is_about_its_inputs_and_its_price(
    here: Process,
) -> None:
    kept = await here.valuations.value(principal(), DCF, firm(marketPrice=10.0))
    run = await here.ended(await here.start(asked(source=OfValuation(kept.id), price=None)))
    assert run.valuation_id == kept.id
    assert result_of(run) == expected(100_000)
    other = await here.ended(await here.start(asked(source=OfValuation(kept.id), price=11.5)))
    assert result_of(other)["probabilityAbove"] < result_of(run)["probabilityAbove"]


async def test_what_cannot_be_computed_has_failed_with_the_engines_reason(
    here: Process,
) -> None:
    wide = spec(100_000, (Shock("capital.wacc", Normal(2.0)),))
    run = await here.ended(await here.start(asked(given=wide)))
    assert run.state is RunState.FAILED
    assert run.refusal is not None
    assert run.refusal.code == "INFEASIBLE"
    assert "of 100,000 trials have no finite value" in run.refusal.message


# What is refused


async def test_what_is_wrong_is_said_at_once_and_makes_no_run(here: Process) -> None:
    wrong = spec(50, (Shock("nowhere", Normal(0.1)), Shock("capital.wacc", Normal(-1.0))))
    with pytest.raises(InvalidInput) as no:
        await here.start(asked(given=wrong), "operation")
    assert [problem.path for problem in no.value.problems] == [
        "spec.trials",
        "spec.shocks[0].path",
        "spec.shocks[1].distribution.normal.standard_deviation",
    ]
    assert await here.runs.of_operation(OURS, "operation") is None
    with pytest.raises(InvalidInput):
        await here.start(asked(source=OfInputs(DCF, firm(**{"capital.wacc": 9.0}))))
    with pytest.raises(NotFound):
        await here.start(asked(source=OfValuation("0" * 64)))
    for bad in ("", "x" * 65, "two words"):
        with pytest.raises(InvalidInput) as name:
            await here.start(asked(), bad)
        assert [problem.path for problem in name.value.problems] == ["operationId"]


async def test_a_plan_has_so_many_trials(here: Process) -> None:
    with pytest.raises(QuotaExceeded, match="at most 5,000,000 trials"):
        await here.start(asked(FEW + 1))


@pytest.mark.parametrize("plan", list(Plan))
async def test_too_few_trials_are_answered_with_what_the_plan_has(
    here: Process, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    monkeypatch.setitem(LIMITS, Plan.PRO, LIMITS[plan])
    with pytest.raises(InvalidInput) as no:
        await here.start(asked(99))
    assert [(problem.path, problem.suggestion) for problem in no.value.problems] == [
        ("spec.trials", f"Give a number from 100 to {LIMITS[plan].trials:,}.")
    ]


async def test_a_plan_has_so_many_runs_at_one_time(here: Process) -> None:
    async with here.pool.lent():  # so that none of them ends
        first = await here.start(asked())
        for _ in range(3):
            await here.start(asked())
        with pytest.raises(QuotaExceeded, match="at most 4 runs"):
            await here.start(asked())
        await here.service.cancel(principal(), first.id)
        await here.start(asked())


async def test_when_too_many_wait_a_start_is_refused_for_now(
    here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "QUEUE", 1)
    async with here.pool.lent():
        await here.start(asked())
        await until(lambda: here.pool.full)
        with pytest.raises(Overloaded) as no:
            await here.start(asked(), "operation")
        assert no.value.retry_after_s == 60.0
    assert await here.runs.of_operation(OURS, "operation") is None


async def test_a_viewer_follows_runs_and_starts_and_cancels_none(here: Process) -> None:
    viewer = principal(Role.VIEWER)
    with pytest.raises(Forbidden):
        await here.service.start(viewer, asked())
    run = await here.ended(await here.start(asked()))
    assert await here.service.find(viewer, run.id) == run
    async with aclosing(here.service.follow(viewer, run.id)) as steps:
        assert [step async for step in steps] == [run]
    with pytest.raises(Forbidden):
        await here.service.cancel(viewer, run.id)


async def test_another_tenants_run_and_one_that_never_was_look_the_same(here: Process) -> None:
    run = await here.start(asked())
    stranger = principal(tenant_id=THEIRS)
    for who, which in ((stranger, run.id), (principal(), NOBODYS)):
        with pytest.raises(NotFound, match="There is no such run"):
            await here.service.find(who, which)
        with pytest.raises(NotFound, match="There is no such run"):
            await here.service.cancel(who, which)
        with pytest.raises(NotFound, match="There is no such run"):
            await anext(here.service.follow(who, which))
    assert (await here.ended(run)).state is RunState.DONE


# Once


async def test_a_repeat_has_the_same_run_and_computes_nothing(here: Process) -> None:
    first = await here.ended(await here.start(asked(), "operation"))
    assert await here.start(asked(), "operation") == first
    assert (await here.kept(first)).attempts == 1


async def test_an_operations_id_for_something_else_is_refused(here: Process) -> None:
    await here.start(asked(), "operation")
    for other in (
        asked(50_000),
        asked(price=11.0),
        asked(given=spec(100_000, seed=2)),
        asked(source=OfInputs(DCF, firm(**{"capital.wacc": 0.11}))),
    ):
        with pytest.raises(IdempotencyKeyReused):
            await here.start(other, "operation")


async def test_equal_operations_at_one_moment_start_one_run(here: Process) -> None:
    started = await asyncio.gather(*(here.start(asked(), "operation") for _ in range(6)))
    assert len({run.id for run in started}) == 1
    assert (await here.ended(started[0])).attempts == 1


# Followed


async def some_known(follower: Process, run: Run) -> list[SoFar]:
    """What three steps of a run tell, each of more trials than the one before."""
    known: list[SoFar] = []
    async with aclosing(follower.service.follow(principal(), run.id)) as steps:
        async for step in steps:
            if step.known is not None:
                assert not known or step.known.trials_done >= known[-1].trials_done
                if not known or step.known.trials_done > known[-1].trials_done:
                    known.append(step.known)
            if len(known) == 3:
                break
    return known


async def test_percentiles_close_in(here: Process, enterprise: None) -> None:
    run = await here.start(asked(LONG))
    known = await some_known(here, run)
    assert len(known) == 3
    await here.service.cancel(principal(), run.id)
    for earlier, later in pairwise(known):
        assert later.trials_done >= earlier.trials_done
        for wide, narrow in zip(earlier.percentiles, later.percentiles, strict=True):
            assert wide.low is not None
            assert wide.high is not None
            assert narrow.low is not None
            assert narrow.high is not None
            if later.trials_done > 2 * earlier.trials_done:
                assert narrow.high - narrow.low < wide.high - wide.low


async def test_the_end_alone_has_the_result(here: Process) -> None:
    run = await here.start(asked(3_000_000))
    steps = [step async for step in here.service.follow(principal(), run.id)]
    assert steps[-1].state is RunState.DONE
    assert result_of(steps[-1])["trials"] == 3_000_000
    assert all(step.result is None for step in steps[:-1])


async def test_whoever_comes_after_the_end_sees_the_end(here: Process) -> None:
    run = await here.ended(await here.start(asked()))
    assert [step async for step in here.service.follow(principal(), run.id)] == [run]


async def test_a_run_goes_on_when_its_follower_leaves(here: Process) -> None:
    run = await here.start(asked(3_000_000))
    async with aclosing(here.service.follow(principal(), run.id)) as steps:
        await anext(steps)
    assert (await here.ended(run)).state is RunState.DONE


async def test_a_slow_follower_misses_steps_and_not_the_end(here: Process) -> None:
    async with here.pool.lent():  # so that it does not begin before somebody follows
        run = await here.start(asked(3_000_000))
        following = here.service.follow(principal(), run.id)
        first = await anext(following)
    await here.ended(run)
    rest = [step async for step in following]
    assert first.known is None
    assert rest[-1].state is RunState.DONE
    assert len(rest) <= 2


async def test_what_one_process_computes_another_follows_over_the_bus(
    database: Database, compute: Compute, enterprise: None
) -> None:
    async with (
        process(database, compute) as here,
        process(database, compute, bus=here.bus, audit_s=600.0) as there,
    ):
        run = await here.start(asked(LONG))
        assert len(await some_known(there, run)) == 3
        await here.service.cancel(principal(), run.id)
        async with here.pool.lent():  # so that it does not end before somebody follows
            run = await here.start(asked())
            following = there.service.follow(principal(), run.id)
            await anext(following)
        async with asyncio.timeout(60.0):
            steps = [step async for step in following]
        assert steps[-1].state is RunState.DONE
        assert there.pool.begun == []


async def test_without_a_word_on_the_bus_the_end_is_found_by_looking(
    database: Database, compute: Compute
) -> None:
    async with (
        process(database, compute) as here,
        process(database, compute, audit_s=0.01) as deaf,
    ):
        run = await here.start(asked())
        assert (await deaf.ended(run)).result == expected(100_000)
        assert deaf.pool.begun == []


async def test_nonsense_on_the_bus_is_not_believed(here: Process) -> None:
    async with here.pool.lent():
        run = await here.start(asked())
        following = here.service.follow(principal(), run.id)
        await anext(following)
        waiting = asyncio.ensure_future(anext(following))
        channel = run_channel(OURS, run.id)
        for message in (b"", b"[]", b"nonsense", b'{"progress":{}}', b'{"progress":[1]}'):
            here.bus.publish(channel, message)
        assert not waiting.done()
    assert (await waiting).id == run.id
    await following.aclose()


# Cancelled


async def test_a_run_that_is_cancelled_stops_and_its_worker_takes_the_next(
    here: Process, enterprise: None, patient: None
) -> None:
    run = await here.start(asked(LONG))
    pid = await here.worker_of(run)
    cancelled = await here.service.cancel(principal(), run.id)
    assert cancelled.state is RunState.CANCELLED
    assert cancelled.refusal is not None
    assert cancelled.refusal.code == "CANCELLED"
    assert cancelled.known is not None  # what was known is kept
    assert await here.service.cancel(principal(), run.id) == cancelled
    next_one = await here.ended(await here.start(asked()))
    assert next_one.result == expected(100_000)
    assert here.pool.alive() == [pid]
    assert (await here.service.find(principal(), run.id)).state is RunState.CANCELLED


async def test_a_run_that_waits_is_cancelled_and_never_begun(here: Process) -> None:
    async with here.pool.lent():
        run = await here.start(asked())
        await here.service.cancel(principal(), run.id)
    await here.ended(await here.start(asked()))
    assert (await here.kept(run)).attempts == 0


async def test_who_follows_a_run_that_is_cancelled_hears_of_it(here: Process) -> None:
    async with here.pool.lent():
        run = await here.start(asked())
        following = asyncio.ensure_future(here.ended(run))
        await asyncio.sleep(0)
        await here.service.cancel(principal(), run.id)
        assert (await following).state is RunState.CANCELLED


async def test_what_has_ended_is_not_cancelled(here: Process) -> None:
    run = await here.ended(await here.start(asked()))
    with pytest.raises(Conflict, match="DONE"):
        await here.service.cancel(principal(), run.id)
    assert await here.service.find(principal(), run.id) == run


@pytest.mark.parametrize("one_bus", [True, False])
async def test_another_process_cancels_a_run_by_a_word_or_else_by_the_next_renewal(
    database: Database, compute: Compute, enterprise: None, patient: None, one_bus: bool
) -> None:
    async with (
        process(database, compute) as here,
        process(database, compute, bus=here.bus if one_bus else None) as there,
    ):
        run = await here.start(asked(LONG))
        pid = await here.worker_of(run)
        await there.service.cancel(principal(), run.id)
        if not one_bus:
            await here.work.renew()
        await until(lambda: not here.work._held)
        assert (await here.ended(await here.start(asked()))).result == expected(100_000)
        assert here.pool.alive() == [pid]


# Workers that die, that want too much, and that are too slow


async def test_a_run_whose_worker_is_killed_still_ends_with_the_same_bits(
    here: Process, enterprise: None
) -> None:
    run = await here.start(asked(MIDDLING))
    os.kill(await here.worker_of(run), signal.SIGKILL)
    ended = await here.ended(run)
    assert (ended.state, ended.attempts) == (RunState.DONE, 2)
    assert ended.result == expected(MIDDLING)


async def test_a_run_whose_workers_all_die_has_failed_after_three(
    here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise WorkerDied

    monkeypatch.setattr(workers.Worker, "do", dies)
    run = await here.ended(await here.start(asked()))
    assert (run.state, run.attempts) == (RunState.FAILED, 3)
    assert run.refusal is not None
    assert run.refusal.code == "CANCELLED"
    assert "begun 3 times" in run.refusal.message


async def test_a_run_that_needs_too_much_memory_has_failed_and_the_pool_lives(
    database: Database, compute: Compute, enterprise: None
) -> None:
    async with process(database, compute, memory_mb=400) as here:
        run = await here.ended(await here.start(asked(LONG)))
        assert (run.state, run.attempts) == (RunState.FAILED, 1)
        assert run.refusal is not None
        assert (run.refusal.code, "400 MB" in run.refusal.message) == ("UNSUPPORTED", True)
        assert (await here.ended(await here.start(asked()))).result == expected(100_000)


async def test_a_run_that_is_too_slow_is_killed_and_has_failed(
    database: Database, compute: Compute, enterprise: None
) -> None:
    async with process(database, compute, deadline_s=0.5) as here:
        ended = await here.ended(await here.start(asked(LONG)))
        assert (ended.state, ended.attempts) == (RunState.FAILED, 1)
        assert ended.refusal is not None
        assert ended.refusal.code == "DEADLINE_EXCEEDED"
        await until(lambda: is_gone(here.pool.begun[0].pid))


async def test_a_fault_of_ours_fails_the_run_and_tells_nothing_of_it(
    here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def job(*_: object) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(here.work, "_job", job)
    run = await here.ended(await here.start(asked()))
    assert run.state is RunState.FAILED
    assert run.refusal is not None
    assert run.refusal.message == run_work._FAULT


# Processes that die


async def test_a_dead_process_run_is_taken_over_by_whoever_looks_with_the_same_bits(
    database: Database, compute: Compute, enterprise: None
) -> None:
    clock = Clock()
    async with (
        process(database, compute, clock) as here,
        process(database, compute, clock) as there,
    ):
        run = await here.start(asked(MIDDLING))
        await here.worker_of(run)
        await here.die()
        clock.move(14.9)
        assert (await there.service.find(principal(), run.id)).state is RunState.RUNNING
        assert there.pool.begun == []
        clock.move(0.2)
        seen = await there.service.find(principal(), run.id)
        assert seen.state is RunState.QUEUED
        ended = await there.ended(run)
    assert (ended.state, ended.attempts) == (RunState.DONE, 2)
    assert ended.result == expected(MIDDLING)


async def test_of_many_who_look_one_takes_a_run_over(
    database: Database, compute: Compute, enterprise: None
) -> None:
    clock = Clock()
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(process(database, compute, clock))
        others = [
            await stack.enter_async_context(process(database, compute, clock)) for _ in range(3)
        ]
        run = await here.start(asked(LONG))
        await here.worker_of(run)
        await here.die()
        clock.move(16)
        await asyncio.gather(
            *(other.service.find(principal(), run.id) for other in others for _ in range(3))
        )
        owner = (await here.kept(run)).owner
        assert [other.work.name for other in others if other.work._held] == [owner]
        await others[0].service.cancel(principal(), run.id)
        for other in others:
            await other.work.renew()


async def test_a_follower_takes_a_dead_process_run_over(
    database: Database, compute: Compute
) -> None:
    clock = Clock()
    async with (
        process(database, compute, clock) as here,
        process(database, compute, clock, audit_s=0.01) as there,
    ):
        async with here.pool.lent():
            run = await here.start(asked())
            following = asyncio.ensure_future(there.ended(run))
            await here.die()
        clock.move(16)
        assert (await following).result == expected(100_000)


async def test_a_start_that_counts_the_runs_takes_a_dead_process_runs_over(
    database: Database, compute: Compute
) -> None:
    clock = Clock()
    async with (
        process(database, compute, clock) as here,
        process(database, compute, clock) as there,
    ):
        async with here.pool.lent():
            left = [await here.start(asked()) for _ in range(4)]
            await here.die()
        clock.move(16)
        with pytest.raises(QuotaExceeded):  # they are active, and now somebody works on them
            await there.start(asked())
        await until(lambda: not there.work._held)  # they are done, and nobody else has looked
        for run in left:
            assert (await there.kept(run)).attempts == 1
            assert (await there.ended(run)).result == expected(100_000)
        await there.start(asked())


async def test_a_run_that_three_processes_died_of_has_failed(
    database: Database, compute: Compute, enterprise: None
) -> None:
    clock = Clock()
    async with process(database, compute, clock) as first:
        run = await first.start(asked(LONG))
        await first.worker_of(run)
        await first.die()
    for _ in range(2):
        clock.move(16)
        async with process(database, compute, clock) as next_one:
            await next_one.service.find(principal(), run.id)
            await next_one.worker_of(run)
            await next_one.die()
    clock.move(16)
    async with process(database, compute, clock) as last:
        found = await last.service.find(principal(), run.id)
        assert last.pool.begun == []
    assert (found.state, found.attempts) == (RunState.FAILED, 3)
    assert found.refusal is not None
    assert "begun 3 times" in found.refusal.message


async def test_who_finds_the_lease_lost_kills_the_work_and_says_nothing_of_it(
    database: Database, compute: Compute, enterprise: None, unrenewed: None
) -> None:
    clock = Clock()
    async with (
        process(database, compute, clock) as here,
        process(database, compute, clock) as there,
    ):
        run = await here.start(asked(LONG))
        await here.worker_of(run)
        clock.move(16)  # and nothing was renewed
        await there.service.find(principal(), run.id)
        assert (await here.kept(run)).owner == there.work.name
        await here.work.renew()
        await until(lambda: not here.work._held)
        await there.service.cancel(principal(), run.id)


async def test_a_lease_that_is_renewed_is_nobody_elses(
    database: Database, compute: Compute, enterprise: None
) -> None:
    clock = Clock()
    async with (
        process(database, compute, clock) as here,
        process(database, compute, clock) as there,
    ):
        run = await here.start(asked(LONG))
        await here.worker_of(run)
        for _ in range(4):
            clock.move(10)
            await here.work.renew()
            found = await there.service.find(principal(), run.id)
            assert found.state is RunState.RUNNING
        assert there.pool.begun == []
        assert found.known is not None  # what is known is noted with the lease
        row = await here.kept(run)
        assert row.lease_until == clock.now + timedelta(seconds=15)
        await here.service.cancel(principal(), run.id)


async def test_renewing_is_one_statement_for_a_tenants_runs(
    here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed: list[UUID] = []
    renew = Runs.renew

    async def counted(self: Runs, tenant_id: UUID, owner: str, until: Any) -> int:
        renewed.append(tenant_id)
        return await renew(self, tenant_id, owner, until)

    monkeypatch.setattr(Runs, "renew", counted)
    async with here.pool.lent():
        for _ in range(3):
            await here.start(asked())
        await here.service.start(principal(tenant_id=THEIRS), asked())
        await here.work.renew()
        assert sorted(renewed) == [OURS, THEIRS]


async def test_ones_own_lapsed_run_is_renewed_and_not_begun_twice(
    here: Process, enterprise: None
) -> None:
    run = await here.start(asked(LONG))
    await here.worker_of(run)
    here.clock.move(60)  # the database was away for a minute, say
    found = await here.service.find(principal(), run.id)
    assert (found.state, found.attempts) == (RunState.RUNNING, 1)
    await here.work.renew()
    assert len(here.work._held) == 1
    await here.service.cancel(principal(), run.id)


async def test_a_process_that_stops_hands_its_runs_on_at_once(
    database: Database, compute: Compute, enterprise: None
) -> None:
    clock = Clock()
    async with process(database, compute, clock) as there:
        async with process(database, compute, clock) as here:
            run = await here.start(asked(MIDDLING))
            await here.worker_of(run)
        row = await there.kept(run)
        assert (row.state, row.owner, row.attempts) == ("QUEUED", None, 0)
        ended = await there.ended(run)
    assert (ended.state, ended.attempts) == (RunState.DONE, 1)
    assert ended.result == expected(MIDDLING)


async def test_an_end_waits_for_a_database_that_is_away(
    here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, tries = Runs.finish, 0

    async def away(self: Runs, *given: Any, **more: Any) -> bool:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise DatabaseAway
        return await finish(self, *given, **more)

    monkeypatch.setattr(Runs, "finish", away)
    monkeypatch.setattr(run_work, "AGAIN_S", 0.0)
    assert (await here.ended(await here.start(asked()))).state is RunState.DONE
    assert tries == 4


async def test_a_run_whose_row_cannot_be_read_is_let_go_and_taken_again(
    here: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Runs.begin

    async def away(*_: Any) -> bool:
        raise DatabaseAway

    monkeypatch.setattr(Runs, "begin", away)
    run = await here.start(asked())
    await until(lambda: not here.work._held)
    monkeypatch.setattr(Runs, "begin", begin)
    here.clock.move(16)
    assert (await here.ended(run)).state is RunState.DONE


async def test_leases_are_renewed_again_after_a_database_that_was_away(
    here: Process, enterprise: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals: asyncio.Queue[bool] = asyncio.Queue()
    outcomes = iter([DatabaseAway(), ZeroDivisionError(), None])

    async def renew() -> None:
        outcome = next(outcomes, None)
        renewals.put_nowait(outcome is None)
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(run_work, "RENEW_S", 0.0)
    monkeypatch.setattr(here.work, "renew", renew)
    run = await here.start(asked(LONG))
    assert [await renewals.get() for _ in range(4)] == [False, False, True, True]
    await here.service.cancel(principal(), run.id)


async def test_closing_is_done_when_nothing_is_held(here: Process) -> None:
    await here.ended(await here.start(asked()))
    await here.work.close()
