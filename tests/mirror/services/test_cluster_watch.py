"""A server says of its cluster whether runs can be computed, and goes on without it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import Infeasible
from observability.health import State
from services import workers
from services.cluster import ClusterPlace
from services.cluster_watch import ClusterWatch, finding
from services.workers import ClusterAway, ClusterNews, WorkerDied, WorkerPool
from tests.local_cluster import local_cluster
from tests.mirror.services.computing import QUIET, pool_of, until
from tests.mirror.services.test_cluster import free_port, other_world

pytestmark = pytest.mark.anyio

HASTY = """
import pathlib
from services import cluster

connected = cluster.Cluster._connected

def in_time(self):
    cluster.CONNECT_S = 60.0 if pathlib.Path({there!r}).exists() else 0.3
    return connected(self)

cluster.Cluster._connected = in_time
"""


class Told:
    """A log that is read by a test."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **_: self.events.append(f"{level}: {event}")


def gauges() -> Any:
    return SimpleNamespace(cluster_workers=None, cluster_threads=None)


def test_what_health_says_has_no_address_and_tells_the_reasons_apart() -> None:
    lost = ClusterAway("The cluster at tcp://10.0.0.1:8786 was lost: its scheduler is gone")
    unfit = Infeasible("The cluster's worker tcp://10.0.0.2:1 would compute other numbers")
    said = [
        finding(news)
        for news in (
            ClusterNews(workers=2, threads=8),
            ClusterNews(),
            ClusterNews(problem=lost),
            ClusterNews(problem=unfit),
        )
    ]
    assert [each.state for each in said] == [State.PASS, State.WARN, State.WARN, State.WARN]
    assert said[0].detail == "workers: 2, threads: 8"
    assert len({each.detail for each in said}) == 4
    assert not any("10.0.0" in str(each.detail) for each in said)


async def test_a_cluster_that_is_lost_is_told_and_so_is_its_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed; in CI it is")
    port = free_port()
    # Nobody answers twice here: a worker that waits for as long as it takes while there is one,
    # and not ten seconds each time when there is none.
    there = tmp_path / "there"
    hasty = other_world(tmp_path, HASTY.format(there=str(there)))
    monkeypatch.setattr(workers, "ROOT", os.pathsep.join((str(hasty), workers.ROOT)))
    shown, log = gauges(), Told()
    async with pool_of(cluster=ClusterPlace(address=f"tcp://127.0.0.1:{port}")) as pool:
        watch = ClusterWatch(pool, shown, log)  # type: ignore[arg-type] # a log
        with local_cluster(port=port):
            there.touch()
            await pool.look_at_cluster()
            await watch.look()
            assert (shown.cluster_workers, shown.cluster_threads) == (2, 2)
            assert finding(pool.cluster_news).state is State.PASS
            assert log.events == []
            there.unlink()
        for _ in range(2):
            await watch.look()
        assert (shown.cluster_workers, shown.cluster_threads) == (0, 0)
        assert finding(pool.cluster_news).state is State.WARN
        assert log.events == ["warning: the cluster cannot compute"]  # once
        with local_cluster(workers=1, port=port):
            there.touch()
            await watch.look()
        assert (shown.cluster_workers, shown.cluster_threads) == (1, 1)
        assert log.events[1:] == ["info: the cluster is back"]


async def test_a_run_that_loses_the_cluster_says_so_before_anybody_looks() -> None:
    async with pool_of() as pool:
        pool.cluster_news = ClusterNews(workers=2, threads=2)
        with pytest.raises(ClusterAway):
            async with pool.lent():
                raise ClusterAway("lost")
        assert finding(pool.cluster_news).state is State.WARN


async def test_nobody_is_kept_waiting_for_a_look_while_all_workers_compute() -> None:
    shown = gauges()
    async with pool_of() as pool:
        pool.cluster_news = ClusterNews(workers=3, threads=6)
        async with pool.lent():
            assert not pool.idle
            await ClusterWatch(pool, shown, QUIET).look()  # returns, though nobody is free
        assert pool.idle
    assert (shown.cluster_workers, shown.cluster_threads) == (3, 6)


@pytest.mark.parametrize("fault", [WorkerDied("It ended."), Infeasible("no")])
async def test_a_look_that_fails_does_not_end_the_watch(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []

    async def look(_pool: WorkerPool) -> None:
        looks.append(None)
        raise fault

    monkeypatch.setattr(WorkerPool, "look_at_cluster", look)
    monkeypatch.setattr(WorkerPool, "idle", True)
    watch = ClusterWatch(WorkerPool(1, 1, 2_048, QUIET), gauges(), QUIET, look_s=0.0)
    watch.start()
    watch.start()
    await until(lambda: len(looks) > 2)
    await watch.close()
    seen = len(looks)
    await until(lambda: True)
    assert len(looks) == seen
