"""Worker processes: they can be killed, they are replaced, and none outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.simulation import Normal, Shock
from services import workers as module
from services.errors import InvalidInput, Overloaded
from services.frames import Frame
from services.refusals import DeadlineMissed, Unsupported
from services.simulations import spec_document
from services.workers import ROOT, Worker, WorkerDied, WorkerPool, WorkFailed
from tests.mirror.services.computing import LONG, expected, is_gone, job, pool_of, spec, until

pytestmark = pytest.mark.anyio

needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")


def ignored(_known: Frame) -> None:
    """Nobody looks at progress."""


async def do(worker: Worker, trials: int, deadline_s: float = 60.0, **changes: Any) -> Frame:
    return await worker.do("SIMULATION", job(trials, **changes), deadline_s, ignored)


def of_process(pid: int, what: str) -> str:
    """What the kernel tells about a process."""
    return Path(f"/proc/{pid}/{what}").read_bytes().decode()


async def begun(pool: WorkerPool, trials: int = LONG) -> tuple[int, asyncio.Task[Frame]]:
    """The worker's pid, and work that is under way on it."""
    told: asyncio.Queue[int] = asyncio.Queue()

    async def work() -> Frame:
        async with pool.lent() as worker:
            return await worker.do(
                "SIMULATION", job(trials), 600.0, lambda _: told.put_nowait(worker.pid)
            )

    task = asyncio.create_task(work())
    return await told.get(), task


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with pool_of() as pool:
        yield pool


@pytest.mark.parametrize(("processes", "threads"), [(1, 1), (1, 2), (2, 3), (1, 5)])
async def test_a_worker_computes_the_same_bits_whatever_its_threads(
    processes: int, threads: int
) -> None:
    async with pool_of(processes, threads) as pool:

        async def one() -> Frame:
            async with pool.lent() as worker:
                return await do(worker, 200_000)

        found = await asyncio.gather(*(one() for _ in range(2 * processes)))
    assert found == [expected(200_000)] * (2 * processes)


async def test_progress_is_told_in_order_from_the_first_chunks_to_the_last(
    pool: WorkerPool,
) -> None:
    told: list[Frame] = []
    async with pool.lent() as worker:
        await worker.do("SIMULATION", job(3_000_000), 60.0, told.append)
    done = [known["trialsDone"] for known in told]
    assert done == sorted(set(done))
    assert done[0] <= 3_000_000 / 8
    assert done[-1] == 3_000_000
    assert [each["level"] for each in told[0]["percentiles"]][4] == 0.5
    for known in told:
        assert all(each["low"] <= each["value"] <= each["high"] for each in known["percentiles"])


async def test_what_the_engine_refuses_is_refused_with_every_problem(pool: WorkerPool) -> None:
    wrong = spec_document(spec(10, (Shock("nowhere", Normal(0.1)),)))
    async with pool.lent() as worker:
        with pytest.raises(InvalidInput) as no:
            await do(worker, 0, spec=wrong)
        assert [problem.path for problem in no.value.problems] == [
            "spec.trials",
            "spec.shocks[0].path",
        ]
        assert await do(worker, 1_000) == expected(1_000)  # and it works on


async def test_a_fault_of_ours_fails_the_work_and_not_the_worker(pool: WorkerPool) -> None:
    async with pool.lent() as worker:
        with pytest.raises(WorkFailed):
            await do(worker, 1_000, kind="NONE")
        assert await do(worker, 1_000) == expected(1_000)


async def test_a_worker_that_is_killed_in_mid_work_is_replaced(pool: WorkerPool) -> None:
    pid, task = await begun(pool)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDied):
        await task
    async with pool.lent() as worker:
        assert worker.pid != pid
        assert await do(worker, 50_000) == expected(50_000)


async def test_a_worker_that_is_killed_while_it_waits_is_replaced(pool: WorkerPool) -> None:
    async with pool.lent() as worker:
        pid = worker.pid
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not pool._free)  # the pool has noticed
    async with pool.lent() as worker:
        assert worker.pid != pid
        assert await do(worker, 1_000) == expected(1_000)


async def test_a_limit_of_memory_refuses_the_work_and_the_pool_lives() -> None:
    async with pool_of(memory_mb=400) as pool:
        async with pool.lent() as worker:
            pid = worker.pid
            with pytest.raises(Unsupported, match="400 MB") as no:
                await do(worker, LONG)
            assert no.value.code == "UNSUPPORTED"
        async with pool.lent() as worker:
            assert worker.pid != pid  # what ran out of memory is not trusted again
            assert await do(worker, 50_000) == expected(50_000)


async def test_a_deadline_kills(pool: WorkerPool) -> None:
    async with pool.lent() as worker:
        with pytest.raises(DeadlineMissed, match=r"0\.2 s") as no:
            await do(worker, LONG, deadline_s=0.2)
        assert no.value.code == "DEADLINE_EXCEEDED"
        assert await worker.ended() == -signal.SIGKILL
    async with pool.lent() as worker:
        assert await do(worker, 1_000) == expected(1_000)


async def test_a_deadline_kills_a_worker_that_no_longer_answers(pool: WorkerPool) -> None:
    async with pool.lent() as worker:
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(DeadlineMissed):
            await do(worker, 1_000, deadline_s=0.2)
        assert await worker.ended() == -signal.SIGKILL


async def test_work_that_is_cancelled_stops_and_its_worker_takes_the_next(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_S", 30.0)  # other tests may keep the machine busy
    pid, task = await begun(pool)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with pool.lent() as worker:
        assert worker.pid == pid
        assert await do(worker, 50_000) == expected(50_000)


async def test_a_worker_that_does_not_stop_is_killed(pool: WorkerPool) -> None:
    pid, task = await begun(pool)
    os.kill(pid, signal.SIGSTOP)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: is_gone(pid))
    async with pool.lent() as worker:
        assert await do(worker, 1_000) == expected(1_000)


async def test_who_waits_is_served_in_order_and_who_leaves_gives_up_the_place(
    pool: WorkerPool,
) -> None:
    served: list[int] = []

    async def one(number: int) -> None:
        async with pool.lent():
            served.append(number)

    async with pool.lent():
        waiting = [asyncio.create_task(one(number)) for number in range(4)]
        await asyncio.sleep(0)
        waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert served == [0, 2, 3]


async def test_who_leaves_at_the_moment_of_their_turn_gives_the_worker_back(
    pool: WorkerPool,
) -> None:
    async with pool.lent():
        waiting = asyncio.create_task(anext(aiter_of(pool)))
        await asyncio.sleep(0)
    waiting.cancel()  # it was given the worker, and has not yet heard of it
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(60.0), pool.lent():
        pass


async def test_too_many_that_wait_are_refused_at_once(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE", 2)
    async with pool.lent():
        assert not pool.full
        waiting = [asyncio.create_task(anext(aiter_of(pool))) for _ in range(2)]
        await asyncio.sleep(0)
        assert pool.full
        with pytest.raises(Overloaded) as no:
            async with pool.lent():
                pass
        assert no.value.retry_after_s == 60.0
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def aiter_of(pool: WorkerPool) -> AsyncIterator[Worker]:
    async with pool.lent() as worker:
        yield worker


async def test_a_closed_pool_has_no_process_left_and_lends_nothing() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}  # other tests'
    async with pool_of(processes=2) as pool:
        pid, task = await begun(pool)
        children = psutil.Process().children(recursive=True)
        ours = [child.pid for child in children if child.pid not in before]
        assert pid in ours
    assert all(map(is_gone, ours))
    with pytest.raises(WorkerDied):
        await task
    with pytest.raises(Overloaded):
        async with pool.lent():
            pass


async def test_workers_are_begun_before_anybody_asks(pool: WorkerPool) -> None:
    pool.start()
    pool.start()  # once
    await until(lambda: len(pool._free) == 1)


async def test_code_in_the_folder_where_a_server_is_started_is_not_run(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trap in ("services.py", "numpy.py", "orjson.py"):
        (tmp_path / trap).write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(tmp_path)
    async with asyncio.timeout(60.0), pool.lent() as worker:
        assert await do(worker, 1_000) == expected(1_000)


@needs_proc
async def test_a_worker_is_told_no_secret(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALOR_DATABASE_URL", "postgresql://valor:secret@db/valor")
    async with pool.lent() as worker:
        told = of_process(worker.pid, "environ")
    assert "OPENBLAS_NUM_THREADS=1" in told
    assert "secret" not in told
    assert "VALOR" not in told


@needs_proc
async def test_a_worker_has_a_limit_of_memory_and_never_more_threads_than_it_was_given(
    pool: WorkerPool,
) -> None:
    async with pool.lent() as worker:
        await do(worker, 500_000)
        limits = of_process(worker.pid, "limits")
        threads = psutil.Process(worker.pid).num_threads()
    space = next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert str(2_048 * 2**20) in space
    assert threads == 4  # one that listens, one that puts together, two that compute


@contextmanager
def parent_of_a_worker(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process with a pool, and the pid of its worker, which is in mid-work."""
    program = (
        "import asyncio\n"
        "from tests.mirror.services.computing import LONG, job, pool_of\n"
        "async def main():\n"
        "    async with pool_of() as pool, pool.lent() as worker:\n"
        "        def tell(_): print(worker.pid, flush=True)\n"
        "        await worker.do('SIMULATION', job(LONG), 600.0, tell)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ROOT},
    ) as parent:
        assert parent.stdout is not None
        try:
            yield parent, int(parent.stdout.readline())
        finally:
            parent.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_worker_ends_with_its_parent_however_that_ends(
    tmp_path: Path, how: signal.Signals
) -> None:
    with parent_of_a_worker(tmp_path) as (parent, worker):
        assert not is_gone(worker)
        parent.send_signal(how)
        await until(lambda: is_gone(worker))


class Told:
    """A log that is read by a test."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def __getattr__(self, _level: str) -> Any:
        return lambda event, **_: self.events.append(event)


async def test_where_memory_cannot_be_limited_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unlimited(_self: Worker) -> bool:
        return False

    monkeypatch.setattr(Worker, "ready", unlimited)
    log = Told()
    pool = WorkerPool(1, 1, 2_048, log)
    async with pool.lent():
        assert log.events == ["this platform cannot limit a worker's memory"]
    await pool.close()


async def test_a_worker_that_cannot_be_begun_is_tried_again_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = Told()
    monkeypatch.setattr(module, "BACKOFF_S", (0.0,))
    monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    pool = WorkerPool(1, 1, 2_048, log)
    waiting = asyncio.create_task(anext(aiter_of(pool)))
    await until(lambda: log.events.count("a worker could not be begun") >= 2)
    monkeypatch.undo()
    worker = await waiting
    assert worker.pid
    await pool.close()
