"""Whether the cluster is there and would compute: for `/health` and the metrics of a server.

A server goes on without its cluster: valuations and the analyses of a request are its own affair,
and runs are begun anew when the cluster is back. So it warns, and stays ready.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from engine.errors import Refused
from observability.health import Finding, State
from observability.logs import Log
from services.errors import Overloaded
from services.workers import ClusterAway, ClusterNews, WorkerDied, WorkerPool, WorkFailed

LOOK_S: Final = 15.0  # between two looks

_UNFIT: Final = "It would compute other numbers than this server, or none: runs are refused."
_AWAY: Final = "It does not answer: runs wait for it, and fail after three attempts."
_EMPTY: Final = "It has no worker: runs wait for one, and fail after three attempts."


class ClusterGauges(Protocol):
    """Where numbers are shown. None: nothing is known yet."""

    cluster_workers: int | None
    cluster_threads: int | None


def finding(news: ClusterNews) -> Finding:
    """What `/health` says of a cluster, without asking it: a check has no time to connect. Without
    addresses."""
    if isinstance(news.problem, ClusterAway):
        return Finding(State.WARN, _AWAY)
    if news.problem is not None:
        return Finding(State.WARN, _UNFIT)
    if not news.workers:
        return Finding(State.WARN, _EMPTY)
    return Finding(State.PASS, f"workers: {news.workers}, threads: {news.threads}")


class ClusterWatch:
    """Looks at the cluster now and then, by a worker that has nothing else to do.

    While all of them compute on it, their work says whether it is there.
    """

    def __init__(
        self, pool: WorkerPool, gauges: ClusterGauges, log: Log, look_s: float = LOOK_S
    ) -> None:
        self._pool, self._gauges, self._log, self._look_s = pool, gauges, log, look_s
        self._looking: asyncio.Task[None] | None = None
        self._said = State.PASS  # to the log, last

    def start(self) -> None:
        """Look from now on."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_again(), name="cluster")

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def look(self) -> None:
        """Look now, and tell the gauges; the log hears of what has changed."""
        if self._pool.idle:
            # The pool remembers what it was told, and why it was told nothing.
            with suppress(Refused, Overloaded, WorkerDied, WorkFailed):
                await self._pool.look_at_cluster()
        news = self._pool.cluster_news
        self._gauges.cluster_workers = news.workers
        self._gauges.cluster_threads = news.threads
        state = finding(news).state
        if state is not self._said:
            self._said = state
            if state is State.PASS:
                self._log.info("the cluster is back", workers=news.workers, threads=news.threads)
            else:
                self._log.warning("the cluster cannot compute", reason=str(news.problem or _EMPTY))

    async def _look_again(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._look_s)
