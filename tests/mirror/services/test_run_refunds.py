"""What a run did not use comes back once: whoever says so, dies, or asks again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from collab.scripts import RedisAway
from engine.shocks import StopWhen
from services import run_work, workers
from services.compute import Compute
from services.errors import QuotaExceeded
from services.metering import Budget, Price
from services.plans import LIMITS, Limits, Plan
from services.run import Run, RunState
from services.run_refunds import LEFT_AFTER, RETURNED, UNTOLD, unused
from services.workers import WorkerDied
from store.database import Database
from store.errors import DatabaseAway
from store.runs import Runs
from store.usage import Usage
from tests.mirror.services.computing import QUIET, spec, until
from tests.mirror.services.conftest import principal
from tests.mirror.services.processes import Clock, Process, asked, process
from tests.mirror.store.test_runs import run as row
from tests.mirror.store.world import OURS

pytestmark = pytest.mark.anyio

PAID = 1_000
LIMITED: Limits = LIMITS[Plan.PRO]
# Points that nobody gets back while a test lasts: a bucket fills in a minute.
EMPTY = Price(LIMITED.points_per_minute)


class Paying:
    """The bill of somebody who has paid so much."""

    def __init__(self, points: int = PAID) -> None:
        self.points, self.told = points, list[tuple[str, int] | None]()

    def begin(self, kind: str, years: int) -> int:
        self.told.append((kind, years))
        return self.points

    def nothing(self) -> None:
        self.told.append(None)


class Counting(Budget):
    """A budget that keeps what came back; by hand, it may be out of reach."""

    def __init__(self) -> None:
        super().__init__(QUIET)
        self.back: list[tuple[int, str]] = []
        self.away = False

    async def give_back(self, tenant_id: UUID, limits: Limits, points: int, name: str) -> int:
        if self.away:
            raise RedisAway
        self.back.append((points, name))
        return await super().give_back(tenant_id, limits, points, name)


@pytest.fixture
def budget() -> Counting:
    return Counting()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def here(
    database: Database, compute: Compute, budget: Counting, clock: Clock
) -> AsyncIterator[Process]:
    async with process(database, compute, clock, budget=budget) as here:
        yield here


async def begun(here: Process, trials: int = 5_000_000, paying: Paying | None = None) -> Run:
    return await here.service.start(principal(), asked(trials), None, paying or Paying())


async def settled(here: Process, run: Run) -> int:
    """What came back, once that is on record."""
    found = await here.kept(run)
    while found.points_back is None:
        await asyncio.gather(*here.work._settling)
        found = await here.kept(run)
        await asyncio.sleep(0)
    return found.points_back


async def returned(database: Database) -> int:
    found = await Usage(database).between(OURS, "2000", "3000")
    return sum(used.amount for used in found if used.metric == RETURNED)


# How much


@pytest.mark.parametrize(
    ("changes", "back"),
    [
        ({"state": "DONE", "trials_done": 1_000}, 0),
        ({"state": "DONE", "trials_done": 250}, 750),
        ({"state": "CANCELLED", "trials_done": 0, "started_at": None}, PAID),
        ({"state": "CANCELLED", "trials_done": 0}, PAID - UNTOLD),
        ({"state": "CANCELLED", "trials_done": 400}, PAID - 500 - UNTOLD),
        ({"state": "CANCELLED", "trials_done": 900}, 0),
        ({"state": "FAILED", "trials_done": 400, "refusal": '{"code":"CANCELLED"}'}, PAID),
        (
            {"state": "FAILED", "trials_done": 400, "refusal": '{"code":"DEADLINE_EXCEEDED"}'},
            PAID - 500 - UNTOLD,
        ),
    ],
)
def test_what_was_not_used_is_told_by_the_trials(changes: Mapping[str, Any], back: int) -> None:
    started: dict[str, Any] = {"started_at": Clock().now, "ended_at": Clock().now}
    found = row(points=PAID, points_back=None, **{**started, **changes})
    assert unused(found) == back


def test_who_worked_on_a_run_may_know_of_more_trials_than_its_row() -> None:
    found = row(points=PAID, state="CANCELLED", started_at=Clock().now)
    assert unused(found, 400) == PAID - 500 - UNTOLD


# Which end


async def test_all_trials_done_give_nothing_back(here: Process, database: Database) -> None:
    run = await here.ended(await begun(here, 100_000))
    assert await settled(here, run) == 0
    assert await returned(database) == 0


async def test_a_run_that_knows_enough_early_gives_the_other_trials_back(
    here: Process, database: Database, budget: Counting
) -> None:
    early = replace(spec(5_000_000), stop_when=StopWhen(standard_error_share=0.01))
    run = await here.service.start(principal(), asked(given=early), None, Paying())
    ended = await here.ended(run)
    assert ended.state is RunState.DONE
    assert ended.known is not None
    back = await settled(here, run)
    assert back == int(PAID * (1 - ended.known.trials_done / 5_000_000)) > 900
    assert budget.back == [(back, f"run:{run.id}")]
    assert await returned(database) == back


async def test_a_run_that_is_cancelled_while_it_waits_gives_all_back_at_once(
    here: Process, database: Database
) -> None:
    busy = await begun(here)
    waits = await begun(here)
    cancelled = await here.service.cancel(principal(), waits.id)
    assert cancelled.started_at is None
    assert (await here.kept(waits)).points_back == PAID
    await here.service.cancel(principal(), waits.id)
    assert await returned(database) == PAID
    await here.service.cancel(principal(), busy.id)


async def test_a_run_that_is_cancelled_at_work_keeps_what_it_may_have_done(
    here: Process, database: Database
) -> None:
    run = await begun(here, paying=Paying(100_000))
    await here.worker_of(run)
    await here.service.cancel(principal(), run.id)
    back = await settled(here, run)
    assert 0 < back < 100_000 - UNTOLD
    assert await returned(database) == back


async def test_a_fault_of_ours_gives_all_back(
    here: Process, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise WorkerDied("by the test")

    monkeypatch.setattr(workers.Worker, "do", dies)
    run = await here.ended(await begun(here))
    assert run.state is RunState.FAILED
    assert await settled(here, run) == PAID
    assert await returned(database) == PAID


# Once


async def test_another_process_cancels_and_the_one_at_work_says_how_far_it_came(
    here: Process, database: Database, compute: Compute, budget: Counting, clock: Clock
) -> None:
    run = await begun(here, paying=Paying(100_000))
    await here.worker_of(run)
    known = here.work.progress(run.id)
    assert known is not None
    async with process(database, compute, clock, here.bus, budget=budget) as there:
        await there.service.cancel(principal(), run.id)
        back = await settled(here, run)
    done = known["trialsDone"] / 5_000_000
    assert back <= 100_000 * (1 - done) - UNTOLD
    assert await returned(database) == back


async def test_what_a_dead_process_left_the_next_start_settles(
    database: Database,
    compute: Compute,
    budget: Counting,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_work, "RENEW_S", 600.0)
    async with process(database, compute, clock, budget=budget) as dead:
        run = await begun(dead)
        await dead.worker_of(run)
        await dead.die()
    async with process(database, compute, clock, budget=budget) as there:
        await there.service.cancel(principal(), run.id)
        assert (await there.kept(run)).points_back is None
        clock.move(LEFT_AFTER.total_seconds() + 1.0)
        await there.ended(await begun(there, 10_000, Paying(0)))
        assert (await there.kept(run)).points_back == PAID - UNTOLD
    assert [name for _, name in budget.back] == [f"run:{run.id}"]


async def test_a_budget_that_gave_back_and_a_row_that_did_not_hear_of_it_agree_in_the_end(
    here: Process,
    database: Database,
    budget: Counting,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Runs.settle

    async def dies(*_: object, **__: object) -> bool:
        raise DatabaseAway("by the test")

    monkeypatch.setattr(Runs, "settle", dies)
    await budget.charge(OURS, Plan.PRO, LIMITED, EMPTY)
    run = await begun(here)
    await here.worker_of(run)
    await here.service.cancel(principal(), run.id)
    await until(lambda: bool(budget.back))
    monkeypatch.setattr(Runs, "settle", whole)
    left = (await budget.look(OURS, LIMITED)).points_left
    clock.move(LEFT_AFTER.total_seconds() + 1.0)
    await here.service.find(principal(), run.id)
    ((first, _), (_, _)) = budget.back
    assert (await here.kept(run)).points_back == first == await returned(database)
    again = (await budget.look(OURS, LIMITED)).points_left
    assert again - left < first / 2  # it has filled a little meanwhile, and no second time


async def test_while_the_budget_is_away_nothing_is_settled_and_later_it_is(
    here: Process, budget: Counting, clock: Clock
) -> None:
    budget.away = True
    run = await begun(here)
    await here.worker_of(run)
    await here.service.cancel(principal(), run.id)
    await until(lambda: not here.work._held)
    await asyncio.gather(*here.work._settling)
    assert (await here.kept(run)).points_back is None
    budget.away = False
    clock.move(LEFT_AFTER.total_seconds() + 1.0)
    await here.service.find(principal(), run.id)
    assert (await here.kept(run)).points_back is not None


# What is paid


async def test_a_start_tells_what_it_begins_and_a_repeat_nothing(here: Process) -> None:
    paying = Paying()
    first = await here.service.start(principal(), asked(), "once", paying)
    assert paying.told == [("DCF", 3)]
    again = await here.service.start(principal(), asked(), "once", paying)
    assert (again.id, len(paying.told)) == (first.id, 1)
    await here.ended(first)


async def test_who_starts_equal_runs_at_one_moment_pays_for_one(here: Process) -> None:
    bills = [Paying() for _ in range(4)]
    started = await asyncio.gather(
        *(here.service.start(principal(), asked(), "one", paying) for paying in bills)
    )
    assert len({run.id for run in started}) == 1
    assert sum(bool(paying.told) and paying.told[-1] is not None for paying in bills) == 1
    await here.ended(started[0])


async def test_what_the_plan_has_no_room_for_is_not_paid(here: Process) -> None:
    active = [await begun(here) for _ in range(LIMITED.runs)]
    paying = Paying()
    with pytest.raises(QuotaExceeded):
        await begun(here, paying=paying)
    assert paying.told[-1] is None
    for run in active:
        await here.service.cancel(principal(), run.id)


async def test_a_run_that_nobody_pays_for_gives_nothing_back(here: Process) -> None:
    run = await here.start(asked(10_000), uuid4().hex)
    await here.ended(run)
    assert (await here.kept(run)).points_back == 0
