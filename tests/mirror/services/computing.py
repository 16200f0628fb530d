"""Jobs for worker processes, and pools of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import psutil

from engine.dcf import DcfOutput
from engine.simulation import Normal, Sampling, Shock, SimulationSpec, simulate
from observability.logs import Logs
from services.cluster import ClusterPlace
from services.frames import Frame
from services.simulations import question_of, simulation_document, spec_document
from services.workers import Worker, WorkerPool
from tests.dcf_documents import firm

SHOCKS = (
    Shock("operations.revenue_growth", Normal(0.02), every_year=True),
    Shock("operations.ebit_margin", Normal(0.015), every_year=True),
)
LONG = 100_000_000  # trials of a run that does not end during a test
QUIET = Logs("CRITICAL").get("test")


def spec(trials: int, shocks: tuple[Shock, ...] = SHOCKS, seed: int = 1) -> SimulationSpec:
    return SimulationSpec(trials=trials, seed=seed, shocks=shocks)


def job(trials: int, **changes: Any) -> Frame:
    """A simulation of the firm, as a worker is told of it."""
    plain: Frame = {
        "kind": "DCF",
        "inputs": firm(),
        "output": "VALUE_PER_SHARE",
        "spec": spec_document(spec(trials)),
        "price": 10.0,
    }
    return plain | changes


@cache
def expected(trials: int, sampling: Sampling = Sampling.PLAIN) -> Frame:
    """What must come out of it, computed here and by one thread."""
    asked = replace(spec(trials), sampling=sampling)
    question = question_of("DCF", firm(), DcfOutput.VALUE_PER_SHARE)
    return simulation_document(simulate(question, asked, 10.0))


class WatchedPool(WorkerPool):
    """A pool that tells which workers it has."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.begun: list[Worker] = []

    async def _begin(self) -> Worker:
        worker = await super()._begin()
        self.begun.append(worker)
        return worker

    def alive(self) -> list[int]:
        return [worker.pid for worker in self.begun if worker.alive]


@asynccontextmanager
async def pool_of(
    processes: int = 1,
    threads: int = 2,
    memory_mb: int = 2_048,
    cluster: ClusterPlace | None = None,
) -> AsyncIterator[WatchedPool]:
    pool = WatchedPool(processes, threads, memory_mb, QUIET, cluster)
    try:
        yield pool
    finally:
        await pool.close()


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - another process' end is no event of ours
            await asyncio.sleep(0.005)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; what nobody has buried yet has ended too."""
    try:
        status: str = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return True
    return status == psutil.STATUS_ZOMBIE
