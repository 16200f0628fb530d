"""Runs on both databases: one holder at a time, and nobody writes to what is another's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from store.database import Database
from store.errors import NotKept
from store.runs import NEWEST, RunRecord, Runs
from store.tables import RUN_STATES
from store.usage import Usage
from tests.mirror.store.world import LATER, NOON, OURS, THEIRS, content_id

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=15)
HERE, THERE = "here", "there"


def run(number: int = 1, **changes: Any) -> RunRecord:
    """A run that was just asked for, held here."""
    plain: dict[str, Any] = {
        "id": UUID(int=number),
        "kind": "SIMULATION",
        "operation_id": f"operation-{number}",
        "fingerprint": content_id("asked"),
        "valuation_id": content_id("apple"),
        "spec": "{}",
        "state": "QUEUED",
        "owner": HERE,
        "lease_until": NOON + LEASE,
        "attempts": 0,
        "trials": 1_000,
        "trials_done": 0,
        "progress": None,
        "result": None,
        "refusal": None,
        "created_by": UUID(int=1),
        "created_at": NOON,
        "started_at": None,
        "ended_at": None,
    }
    return RunRecord(**(plain | changes))


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database)


async def added(runs: Runs, *records: RunRecord) -> None:
    for record in records:
        found = await runs.add(OURS, record, at_most=100)
        assert found is not None
        assert found.fresh


async def finished(runs: Runs, record: RunRecord, owner: str = HERE, **changes: Any) -> bool:
    word: dict[str, Any] = {
        "state": "DONE",
        "trials_done": record.trials,
        "progress": '{"trialsDone": 1000}',
        "result": '{"mean": 1.5}',
        "refusal": None,
    }
    return await runs.finish(OURS, record.id, owner, LATER, **(word | changes))


async def test_a_run_is_found_as_it_was_added_by_its_tenant_alone(runs: Runs) -> None:
    first = run()
    await added(runs, first)
    assert await runs.find(OURS, first.id) == first
    assert await runs.of_operation(OURS, "operation-1") == first
    assert await runs.find(THEIRS, first.id) is None
    assert await runs.of_operation(THEIRS, "operation-1") is None
    assert await runs.find(OURS, UUID(int=2)) is None


async def test_a_repeated_operation_finds_the_first_run(runs: Runs) -> None:
    first = run()
    await added(runs, first)
    again = await runs.add(OURS, run(2, operation_id=first.operation_id), at_most=0)
    assert again is not None
    assert (again.run, again.fresh) == (first, False)


async def test_another_tenants_operation_of_that_name_is_another(runs: Runs) -> None:
    await added(runs, run())
    found = await runs.add(THEIRS, run(), at_most=1)
    assert found is not None
    assert found.fresh


async def test_no_more_are_active_than_may_be_and_what_has_ended_does_not_count(
    runs: Runs,
) -> None:
    await added(runs, run(1), run(2))
    assert await runs.add(OURS, run(3), at_most=2) is None
    assert await runs.find(OURS, UUID(int=3)) is None
    assert await finished(runs, run(1))
    assert await runs.add(OURS, run(3), at_most=2) is not None
    assert await runs.add(THEIRS, run(4), at_most=1) is not None


async def test_of_many_starts_at_one_moment_only_as_many_win_as_may(runs: Runs) -> None:
    answers = await asyncio.gather(
        *(runs.add(OURS, run(number), at_most=3) for number in range(1, 11))
    )
    assert sum(answer is not None for answer in answers) == 3


async def test_of_equal_operations_at_one_moment_one_is_fresh(runs: Runs) -> None:
    same = [run(number, operation_id="same") for number in range(1, 9)]
    answers = await asyncio.gather(*(runs.add(OURS, one, at_most=100) for one in same))
    assert sum(answer is not None and answer.fresh for answer in answers) == 1
    assert len({answer.run.id for answer in answers if answer is not None}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "PAUSED"},
        {"operation_id": ""},
        {"fingerprint": "short"},
        {"trials_done": 1_001},
        {"attempts": -1},
    ],
)
async def test_a_row_that_breaks_a_rule_is_not_kept(runs: Runs, changes: dict[str, Any]) -> None:
    with pytest.raises(NotKept):
        await runs.add(OURS, run(**changes), at_most=1)


async def test_beginning_counts_the_attempt_and_keeps_the_first_start(runs: Runs) -> None:
    first = run(trials_done=5, progress="{}")
    await added(runs, first)
    assert await runs.begin(OURS, first.id, HERE, NOON)
    assert await runs.begin(OURS, first.id, HERE, LATER)
    begun = await runs.find(OURS, first.id)
    assert begun == replace(
        first, state="RUNNING", attempts=2, started_at=NOON, trials_done=0, progress=None
    )
    assert not await runs.begin(OURS, first.id, THERE, LATER)
    assert not await runs.begin(THEIRS, first.id, HERE, LATER)


async def test_renewing_holds_on_to_all_of_ones_own_and_nothing_else(runs: Runs) -> None:
    await added(runs, run(1), run(2), run(3, owner=THERE), run(4))
    await finished(runs, run(4))
    assert await runs.renew(OURS, HERE, LATER) == 2
    assert await runs.mine(OURS, HERE) == {UUID(int=1), UUID(int=2)}
    leases = [await runs.find(OURS, UUID(int=number)) for number in (1, 2, 3, 4)]
    until = [found.lease_until for found in leases if found is not None]
    assert until == [LATER, LATER, NOON + LEASE, None]
    assert await runs.renew(THEIRS, HERE, LATER) == 0


async def test_progress_is_noted_by_the_holder_alone(runs: Runs) -> None:
    await added(runs, run())
    assert await runs.note(OURS, UUID(int=1), HERE, 100, '{"mean": 1}')
    assert not await runs.note(OURS, UUID(int=1), THERE, 200, '{"mean": 2}')
    found = await runs.find(OURS, UUID(int=1))
    assert found is not None
    assert (found.trials_done, found.progress) == (100, '{"mean": 1}')


async def test_a_lease_is_taken_when_it_has_lapsed_and_by_one(runs: Runs) -> None:
    await added(runs, run())
    until, late = NOON + LEASE, NOON + LEASE + timedelta(microseconds=1)
    assert await runs.lapsed(OURS, until) == []
    assert not await runs.take(OURS, UUID(int=1), THERE, until, LATER)
    assert [found.id for found in await runs.lapsed(OURS, late)] == [UUID(int=1)]
    assert await runs.lapsed(THEIRS, late) == []
    takers = [f"process-{number}" for number in range(6)]
    won = await asyncio.gather(
        *(runs.take(OURS, UUID(int=1), taker, late, LATER) for taker in takers)
    )
    assert sum(won) == 1
    found = await runs.find(OURS, UUID(int=1))
    assert found is not None
    assert (found.owner, found.lease_until, found.state) == (
        takers[won.index(True)],
        LATER,
        "QUEUED",
    )
    assert not await finished(runs, run())  # the one before is too late


async def test_what_was_let_go_is_anybodys_at_once_and_the_attempt_does_not_count(
    runs: Runs,
) -> None:
    await added(runs, run(1), run(2), run(3, owner=THERE))
    await runs.begin(OURS, UUID(int=1), HERE, NOON)
    await runs.release(OURS, HERE)
    assert {found.id for found in await runs.lapsed(OURS, NOON)} == {UUID(int=1), UUID(int=2)}
    for number in (1, 2):
        found = await runs.find(OURS, UUID(int=number))
        assert found is not None
        assert (found.state, found.owner, found.attempts) == ("QUEUED", None, 0)
    assert await runs.take(OURS, UUID(int=1), THERE, NOON, LATER)


async def test_an_end_is_written_once_by_the_holder(runs: Runs) -> None:
    await added(runs, run())
    assert not await finished(runs, run(), THERE)
    assert await finished(runs, run())
    assert not await finished(runs, run(), state="FAILED")
    found = await runs.find(OURS, UUID(int=1))
    assert found is not None
    assert not found.active
    assert found == replace(
        run(),
        state="DONE",
        trials_done=1_000,
        progress='{"trialsDone": 1000}',
        result='{"mean": 1.5}',
        owner=None,
        lease_until=None,
        ended_at=LATER,
    )


async def test_whoever_cancels_is_heard_whoever_holds_it_and_only_before_the_end(
    runs: Runs,
) -> None:
    await added(runs, run(1), run(2))
    assert not await runs.cancel(THEIRS, UUID(int=1), LATER, "{}")
    assert await runs.cancel(OURS, UUID(int=1), LATER, '{"code": "CANCELLED"}')
    assert not await runs.cancel(OURS, UUID(int=1), LATER, "{}")
    assert not await runs.begin(OURS, UUID(int=1), HERE, LATER)
    assert not await finished(runs, run(1))
    assert not await runs.take(OURS, UUID(int=1), THERE, LATER, LATER)
    found = await runs.find(OURS, UUID(int=1))
    assert found is not None
    assert (found.state, found.owner, found.refusal, found.ended_at) == (
        "CANCELLED",
        None,
        '{"code": "CANCELLED"}',
        LATER,
    )
    await finished(runs, run(2))
    assert not await runs.cancel(OURS, UUID(int=2), LATER, "{}")


async def test_what_is_cancelled_keeps_what_was_known(runs: Runs) -> None:
    await added(runs, run(1), run(2))
    for number in (1, 2):
        await runs.note(OURS, UUID(int=number), HERE, 100, '{"trialsDone": 100}')
    await runs.cancel(OURS, UUID(int=1), LATER, "{}")
    more = '{"trialsDone": 200}'
    await runs.cancel(OURS, UUID(int=2), LATER, "{}", trials_done=200, progress=more)
    kept = [await runs.find(OURS, UUID(int=number)) for number in (1, 2)]
    assert [(found.trials_done, found.progress) for found in kept if found] == [
        (100, '{"trialsDone": 100}'),
        (200, more),
    ]


async def test_only_what_nobody_holds_is_given_up(runs: Runs) -> None:
    await added(runs, run())
    assert not await runs.abandon(OURS, UUID(int=1), NOON, "{}")
    assert await runs.abandon(OURS, UUID(int=1), LATER, "{}")
    assert not await runs.abandon(OURS, UUID(int=1), LATER, "{}")
    found = await runs.find(OURS, UUID(int=1))
    assert found is not None
    assert found.state == "FAILED"


def test_a_run_waits_for_a_process_when_its_lease_has_lapsed_and_not_after_its_end() -> None:
    late = NOON + LEASE + timedelta(microseconds=1)
    assert not run().lapsed(NOON + LEASE)
    assert run().lapsed(late)
    assert run(owner=None, lease_until=None).lapsed(NOON)
    assert {state for state in RUN_STATES if run(state=state).lapsed(late)} == {
        "QUEUED",
        "RUNNING",
    }


async def test_those_that_are_done_come_a_page_at_a_time_the_newest_first(runs: Runs) -> None:
    for number in range(1, 6):
        state = "FAILED" if number == 3 else "DONE"
        ended = {"owner": None, "lease_until": None, "ended_at": NOON}
        assert await runs.add(OURS, run(number, state=state, **ended), 9)
    assert await runs.add(OURS, run(6), 9)  # still waits
    assert await runs.add(THEIRS, run(7, state="DONE", owner=None, lease_until=None), 9)
    first = await runs.done_page(OURS, NEWEST, 3)
    assert [each.id.int for each in first] == [5, 4, 2]
    assert [each.id.int for each in await runs.done_page(OURS, first[-1].id, 3)] == [1]
    assert first[0] == await runs.find(OURS, first[0].id)


async def test_an_ended_run_is_settled_once_together_with_usage(
    runs: Runs, database: Database
) -> None:
    paid = run(points=50, points_back=None)
    await added(runs, paid, run(2), run(3, points=9, points_back=None))
    assert not await runs.settle(OURS, paid.id, 20, "2026-11-23", {"points.returned": 20})
    assert await finished(runs, paid)
    assert await runs.unsettled(OURS, LATER, 10) == []
    (found,) = await runs.unsettled(OURS, LATER + LEASE, 10)
    assert (found.id, found.points) == (paid.id, 50)
    assert await runs.unsettled(THEIRS, LATER + LEASE, 10) == []
    assert not await runs.settle(THEIRS, paid.id, 20, "2026-11-23", {"points.returned": 20})
    assert await runs.settle(OURS, paid.id, 20, "2026-11-23", {"points.returned": 20})
    assert not await runs.settle(OURS, paid.id, 30, "2026-11-23", {"points.returned": 30})
    assert await runs.unsettled(OURS, LATER + LEASE, 10) == []
    assert await Usage(database).between(OURS, "2026", "2027") == [
        ("2026-11-23", "points.returned", 20)
    ]
