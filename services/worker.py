"""One worker process: ``python -m services.worker MEMORY_MB THREADS [CLUSTER]``.

It reads jobs from its standard input and answers on its standard output, in frames. It ends when
its parent does: then its input ends. It holds no secret, opens no file and no connection, unless
it is told of a cluster (JSON of a `ClusterPlace`): then it has its key for that, and no other.

To the worker:   {"work": 3, "task": "SIMULATION", "job": {…}} · {"stop": 3}
From the worker: {"ready": {"memoryLimited": true}} · {"work": 3, "progress": {…}}, and as the end
                 of a job one of {"work": 3, "done": {…}}, "refused", "stopped", "failed".
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, Final, TypeAlias

from engine.chunks import Stopped
from engine.errors import Refused
from engine.memory import keep_scratch
from engine.sampling import prepare
from services.cluster import Cluster, ClusterLost, ClusterPlace
from services.frames import Frame, packed, read_frame
from services.refusals import refusal_document
from services.simulations import simulate
from services.workbook.export import write

Task: TypeAlias = Callable[
    [Frame, Executor, Callable[[], bool], Callable[[Frame], None]], dict[str, Any]
]
TASKS: Final[dict[str, Task]] = {"SIMULATION": simulate, "WORKBOOK": write}
LOOK_AT_CLUSTER: Final = "CLUSTER"  # what there is of it, and whether it would do

OUT_OF_MEMORY: Final = "MEMORY"  # the limit was reached; the process ends after it has said so
FAULT: Final = "FAULT"  # a fault of ours
IDLE_S: Final = 0.2  # without a job; then there is time for what takes long to import
CLUSTER_LOST: Final = "CLUSTER"  # the work can be tried again


class Worker:
    """Does one job at a time, and hears meanwhile whether it is still wanted."""

    def __init__(self, answers: BinaryIO, threads: int, cluster: Cluster | None = None) -> None:
        self._answers, self._cluster = answers, cluster
        self._writing = threading.Lock()
        self._crew = ThreadPoolExecutor(threads, thread_name_prefix="chunks")
        # Every thread now: one that is begun when memory is short may not come about.
        barrier = threading.Barrier(threads)
        list(self._crew.map(lambda _: barrier.wait(), range(threads)))
        self._jobs: SimpleQueue[tuple[Frame, threading.Event]] = SimpleQueue()
        self._stops: dict[int, threading.Event] = {}
        # A daemon: nothing waits for it when the parent is gone.
        threading.Thread(target=self._work, daemon=True).start()

    def hear(self, frame: Frame) -> None:
        """Take a job, or stop one."""
        if "stop" in frame:
            stop = self._stops.get(frame["stop"])
            if stop is not None:
                stop.set()
            return
        stop = self._stops[frame["work"]] = threading.Event()
        self._jobs.put((frame, stop))

    def say(self, frame: Frame) -> None:
        with self._writing:
            self._answers.write(packed(frame))
            self._answers.flush()

    def _work(self) -> None:
        idle_s: float | None = IDLE_S
        while True:
            try:
                job = self._jobs.get(timeout=idle_s)
            except Empty:
                prepare()  # what a job would otherwise wait for
                idle_s = None
            else:
                self._do(*job)

    def _do(self, frame: Frame, stop: threading.Event) -> None:
        number = frame["work"]
        try:
            end: Frame = {"done": self._done(frame, stop.is_set)}
        except Stopped:
            end = {"stopped": True}
        except Refused as no:
            end = {"refused": refusal_document(no)}
        except ClusterLost as lost:
            end = {"failed": CLUSTER_LOST, "reason": str(lost)}
        except MemoryError:
            end = {"failed": OUT_OF_MEMORY}
        except Exception:
            end = {"failed": FAULT, "traceback": traceback.format_exc()}
        del self._stops[number]
        try:
            self.say({"work": number, **end})
        except OSError:  # the parent is gone
            os._exit(1)
        if end.get("failed") == OUT_OF_MEMORY:
            os._exit(1)  # what could not be had by one thread may have broken another

    def _done(self, frame: Frame, stopped: Callable[[], bool]) -> Frame:
        """What comes of a job."""
        if frame["task"] == LOOK_AT_CLUSTER:
            workers, threads = (0, 0) if self._cluster is None else self._cluster.threads()
            return {"workers": workers, "threads": threads}
        with self._crew_for(stopped) as (crew, still_stopped):
            return TASKS[frame["task"]](
                frame["job"],
                crew,
                still_stopped,
                lambda known: self.say({"work": frame["work"], "progress": known}),
            )

    @contextmanager
    def _crew_for(
        self, stopped: Callable[[], bool]
    ) -> Iterator[tuple[Executor, Callable[[], bool]]]:
        """Who computes: our own threads, or the cluster."""
        if self._cluster is None:
            yield self._crew, stopped
        else:
            with self._cluster.crew(stopped) as found:
                yield found


def limit_memory(megabytes: int) -> bool:
    """Let this process have no more address space; whether the platform can do that."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return False
    limit = megabytes * 2**20
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (OSError, ValueError):  # macOS knows the name and does not do it
        return False
    return True


def main() -> None:
    memory_mb, threads = map(int, sys.argv[1:3])
    places = [ClusterPlace(**json.loads(each)) for each in sys.argv[3:]]
    # What stops a server is often told to every process that it has: by Ctrl-C in a terminal, by a
    # service manager. It is for the server, which then hands our work on, and ends us.
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    # The answers keep the pipe for themselves: whatever else is printed goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    keep_scratch()
    limited = limit_memory(memory_mb)
    worker = Worker(answers, threads, Cluster(places[0]) if places else None)
    worker.say({"ready": {"memoryLimited": limited}})
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        worker.hear(frame)
    os._exit(0)  # at once: nobody is left who wants an answer


if __name__ == "__main__":
    main()
