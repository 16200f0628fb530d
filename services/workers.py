"""A pool of worker processes, for what would hold up everybody else on a thread.

A thread cannot be killed, and a computation that runs away on one takes the server with it. A
process can: each has a limit of memory, and whoever is past its deadline, or does not stop when it
is told to, is killed. Another is begun in its place.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import Refused
from observability.logs import Log
from services.cluster import ClusterPlace
from services.errors import Overloaded
from services.frames import Frame, FrameBroken, next_frame, packed
from services.refusals import DeadlineMissed, Unsupported, refused_of

QUEUE: Final = 64  # jobs that wait for a worker
READY_S: Final = 60.0  # for a worker to import what it needs, on a machine that is busy
STOP_S: Final = 0.1  # for a worker to stop by itself
BACKOFF_S: Final = (
    0.05,
    0.2,
    1.0,
    5.0,
)  # after a worker's first, second … death without a job done
ROOT: Final = str(Path(__file__).resolve().parent.parent)
# One thread of BLAS in each: the worker's own threads use the processors. Two arenas, since each
# takes 64 MB of the address space that is limited. No other variable goes in but these names: a
# worker needs no secret.
SURROUNDINGS: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")


class WorkerDied(Exception):
    """The process ended in mid-work: killed from outside, or broken. Another can do the work."""


class ClusterAway(WorkerDied):
    """The cluster that computes was lost, or does not answer. The message says which."""


class WorkFailed(Exception):
    """The work has a fault of ours. Another worker would have it too."""


class Worker:
    """A process that is ready, and lent to one at a time."""

    def __init__(self, process: Process, memory_mb: int, log: Log) -> None:
        self._process, self._memory_mb, self._log = process, memory_mb, log
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())
        self._number = 0
        self._doomed = False
        self.useful = False  # whether it ever finished a job

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be lent, as far as is known."""
        return not (self._doomed or self._reading.done())

    async def ready(self) -> bool:
        """Wait until it can work; whether its memory is limited. Raises WorkerDied."""
        try:
            async with asyncio.timeout(READY_S):
                limited: bool = (await self._next())["ready"]["memoryLimited"]
        except TimeoutError:
            self.kill()
            raise WorkerDied("It was not ready in time.") from None
        return limited

    async def do(
        self, task: str, job: Frame, deadline_s: float, tell: Callable[[Frame], None]
    ) -> Frame:
        """Have a job done; ``tell`` hears of its progress. Cancelled, the work is stopped first.

        Raises:
            Refused: what the work refuses. DeadlineMissed: the worker was killed.
            Unsupported: it needs more memory than a worker has. WorkerDied, ClusterAway,
            WorkFailed.
        """
        self._number += 1
        try:
            async with asyncio.timeout(deadline_s):
                await self._send({"work": self._number, "task": task, "job": job})
                while True:
                    frame = await self._next()
                    if "progress" not in frame:
                        break
                    tell(frame["progress"])
        except TimeoutError:
            self.kill()
            raise DeadlineMissed(
                f"It took longer than the {deadline_s:g} s that it may. Ask for fewer trials."
            ) from None
        except asyncio.CancelledError:
            await self._stop()
            raise
        self.useful = True
        return self._answer(frame)

    def kill(self) -> None:
        """At once, whatever it is doing."""
        self._doomed = True
        with suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> int:
        """Wait for its end; how it ended, below 0 by a signal."""
        code = await self._process.wait()
        await self._reading
        return code

    def _answer(self, frame: Frame) -> Frame:
        if "done" in frame:
            done: Frame = frame["done"]
            return done
        if "refused" in frame:
            raise refused_of(frame["refused"])
        if frame.get("failed") == "MEMORY":
            self._doomed = True  # it is about to end
            raise Unsupported(
                f"It needs more memory than the {self._memory_mb:,} MB that a worker has here. "
                "Ask for fewer trials or fewer shocks."
            )
        if frame.get("failed") == "CLUSTER":
            raise ClusterAway(frame["reason"])
        self._log.error("a worker's task failed", traceback=frame.get("traceback"))
        raise WorkFailed("The work failed.")

    async def _stop(self) -> None:
        """Tell it to stop, and kill it where it does not."""
        try:
            async with asyncio.timeout(STOP_S):
                await self._send({"stop": self._number})
                while "progress" in await self._next():
                    pass
        except (TimeoutError, WorkerDied, asyncio.CancelledError):
            self.kill()

    async def _send(self, frame: Frame) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was begun with a pipe
        try:
            self._process.stdin.write(packed(frame))
            await self._process.stdin.drain()
        except ConnectionError:
            raise WorkerDied("It ended.") from None

    async def _next(self) -> Frame:
        frame = await self._frames.get()
        if frame is None:
            self._frames.put_nowait(None)
            raise WorkerDied("It ended.")
        return frame

    async def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was begun with a pipe
        try:
            while (frame := await next_frame(self._process.stdout)) is not None:
                self._frames.put_nowait(frame)
        except FrameBroken as broken:
            self._log.error("a worker sent nonsense", reason=str(broken))
            self.kill()
        finally:
            self._frames.put_nowait(None)


@dataclass(slots=True)
class ClusterNews:
    """What is known of the cluster, from the last look at it or from the work that it did since."""

    workers: int = 0
    threads: int = 0
    problem: Exception | None = None  # why it does not compute; None: it did when it was last seen


class WorkerPool:
    """Workers that are begun in the background and lent to whoever waits, in order."""

    def __init__(
        self,
        processes: int,
        threads: int,
        memory_mb: int,
        log: Log,
        cluster: ClusterPlace | None = None,
    ) -> None:
        self._processes, self._threads, self._memory_mb = processes, threads, memory_mb
        self._log, self._cluster = log, cluster
        self._free: deque[Worker] = deque()
        self._waiting: deque[asyncio.Future[Worker]] = deque()
        self._tending: list[asyncio.Task[None]] = []
        self._closed = False
        self.cluster_news = ClusterNews()

    @property
    def idle(self) -> bool:
        """Whether a worker has nothing to do now."""
        return any(worker.alive for worker in self._free)

    @property
    def full(self) -> bool:
        """Whether so many wait that another would be refused."""
        return self._closed or len(self._waiting) >= QUEUE

    def start(self) -> None:
        """Begin the workers, in the background. Once is enough; whoever asks first does it too."""
        if not self._tending and not self._closed:
            self._tending = [
                asyncio.create_task(self._tend(), name=f"worker {slot}")
                for slot in range(self._processes)
            ]

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Worker]:
        """A worker for one job, when it is this caller's turn.

        Raises:
            Overloaded: when too many wait already.
        """
        if self.full:
            raise Overloaded("Too many computations are waiting. Try again in a minute.", 60.0)
        self.start()
        turn: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._hand_out()
        try:
            worker = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._take_back(turn.result())
            raise
        try:
            yield worker
        except ClusterAway as away:
            self.cluster_news = ClusterNews(problem=away)
            raise
        finally:
            self._take_back(worker)

    async def done(self, task: str, job: Frame, deadline_s: float) -> Frame:
        """A short job that somebody waits for; begun again if its worker dies.

        Raises:
            Refused: what the work refuses, or DeadlineMissed, Unsupported.
            Overloaded: too many wait already. WorkerDied: twice. WorkFailed.
        """
        if self.full:
            raise Overloaded("Too many computations are waiting. Try again in a second.", 1.0)
        try:
            async with self.lent() as worker:
                return await worker.do(task, job, deadline_s, _unheard)
        except WorkerDied:
            async with self.lent() as worker:
                return await worker.do(task, job, deadline_s, _unheard)

    async def look_at_cluster(self) -> Frame:
        """How many `workers` and `threads` the cluster has; `cluster_news` says so from then on.

        Raises:
            Refused: if it would compute other numbers. ClusterAway, WorkerDied.
        """
        try:
            async with asyncio.timeout(READY_S), self.lent() as worker:
                found = await worker.do("CLUSTER", {}, READY_S, lambda _: None)
        except TimeoutError:
            raise WorkerDied("Nobody could look at the cluster in time.") from None
        except Refused as unfit:
            self.cluster_news = ClusterNews(problem=unfit)
            raise
        self.cluster_news = ClusterNews(**found)
        return found

    async def close(self) -> None:
        """Kill the workers. What they were doing is somebody else's now."""
        self._closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(WorkerDied("The pool was closed."))
        for task in self._tending:
            task.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)

    def _hand_out(self) -> None:
        while self._free and self._waiting:
            turn = self._waiting.popleft()
            if turn.done():  # whoever waited has left
                continue
            worker = self._free.popleft()
            if worker.alive:
                turn.set_result(worker)
            else:
                self._waiting.appendleft(turn)

    def _take_back(self, worker: Worker) -> None:
        if worker.alive:
            self._free.append(worker)
            self._hand_out()

    async def _tend(self) -> None:
        """See to it that there is a worker in this place, for as long as the pool lasts."""
        useless = 0
        while True:
            useless = 0 if await self._one_life() else useless + 1
            await asyncio.sleep(BACKOFF_S[min(useless, len(BACKOFF_S) - 1)])

    async def _one_life(self) -> bool:
        """From a worker's beginning to its end; whether it was of use."""
        try:
            worker = await self._begin()
        except OSError as no:
            self._log.error("a worker could not be begun", reason=str(no))
            return False
        try:
            if not await worker.ready():
                self._log.warning(
                    "this platform cannot limit a worker's memory", limit_mb=self._memory_mb
                )
            self._take_back(worker)
            self._log.warning("a worker ended", pid=worker.pid, code=await worker.ended())
        except WorkerDied as died:
            self._log.error("a worker could not be begun", reason=str(died))
        finally:
            worker.kill()
            await asyncio.shield(worker.ended())
            if worker in self._free:
                self._free.remove(worker)
        return worker.useful

    async def _begin(self) -> Worker:
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a folder that the server happens to be started in holds no code of ours
            "-m",
            "services.worker",
            str(self._memory_mb),
            str(self._threads),
            *([json.dumps(self._cluster.document())] if self._cluster else []),
            stdin=PIPE,
            stdout=PIPE,
            env={**kept, **SURROUNDINGS, "PYTHONPATH": ROOT},
            # A signal to the server's group, such as Ctrl-C, is for the server: a worker that is
            # still importing would die of it before it can say that it does not listen.
            start_new_session=True,
        )
        return Worker(process, self._memory_mb, self._log)


def _unheard(_known: Frame) -> None:
    """Nobody asks how far it is."""
