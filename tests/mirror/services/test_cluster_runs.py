"""Runs on a cluster end as they do without one, or say that it was lost."""

from __future__ import annotations

from typing import Any

import pytest

from engine.provenance import ENGINE_VERSION
from services.cluster import ClusterPlace
from services.compute import Compute
from services.refusals import Unsupported
from services.run import RunState
from services.workers import ClusterAway, Worker
from store.database import Database
from tests.local_cluster import local_cluster
from tests.mirror.services.computing import expected, pool_of
from tests.mirror.services.processes import asked, process, result_of
from tests.mirror.services.test_cluster import free_port, other_world

pytest.importorskip("distributed", reason="the extra `cluster` is not installed; in CI it is")
pytestmark = pytest.mark.anyio

TRIALS = 300_000
LONG = 5_000_000


def place(port: int) -> ClusterPlace:
    return ClusterPlace(address=f"tcp://127.0.0.1:{port}")


async def test_a_run_on_a_cluster_has_the_numbers_of_one_without(
    database: Database, compute: Compute
) -> None:
    port = free_port()
    with local_cluster(port=port):
        async with process(database, compute, cluster=place(port)) as here:
            assert await here.pool.look_at_cluster() == {"workers": 2, "threads": 2}
            run = await here.start(asked(TRIALS))
            ended = await here.ended(run)
    assert (ended.state, ended.attempts) == (RunState.DONE, 1)
    assert result_of(ended) == expected(TRIALS)


async def test_a_run_whose_cluster_dies_is_begun_anew_when_that_is_back(
    database: Database, compute: Compute
) -> None:
    port = free_port()
    async with process(database, compute, cluster=place(port)) as here:
        with local_cluster(port=port) as local:
            run = await here.start(asked(LONG))
            await here.worker_of(run)  # something is known already
            local.kill()
        with local_cluster(port=port):
            ended = await here.ended(run)
    assert (ended.state, ended.attempts) == (RunState.DONE, 2)
    assert result_of(ended) == expected(LONG)


async def test_a_run_whose_cluster_is_lost_again_and_again_fails_and_says_so(
    database: Database, compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do(*_: Any) -> None:
        raise ClusterAway("The cluster at tcp://10.0.0.1:8786 was lost: its scheduler is gone")

    monkeypatch.setattr(Worker, "do", do)
    async with process(database, compute) as here:
        ended = await here.ended(await here.start(asked(TRIALS)))
    assert (ended.state, ended.attempts, ended.result) == (RunState.FAILED, 3, None)
    assert ended.refusal is not None
    assert ended.refusal.code == "CANCELLED"
    assert ended.refusal.message.startswith(
        "The cluster at tcp://10.0.0.1:8786 was lost: its scheduler is gone. It was begun 3 times."
    )


async def test_a_run_on_a_cluster_that_would_compute_other_numbers_is_refused_at_once(
    database: Database, compute: Compute, tmp_path: Any
) -> None:
    port = free_port()
    code = "import engine.provenance\nengine.provenance.ENGINE_VERSION = '0.9.0'\n"
    with local_cluster(workers=1, port=port, path=other_world(tmp_path, code)):
        async with process(database, compute, cluster=place(port)) as here:
            ended = await here.ended(await here.start(asked(TRIALS)))
    assert (ended.state, ended.attempts, ended.result) == (RunState.FAILED, 1, None)
    assert ended.refusal is not None
    assert ended.refusal.code == "UNSUPPORTED"
    assert f"it has engine 0.9.0 instead of {ENGINE_VERSION}" in ended.refusal.message


async def test_a_pool_says_what_is_wrong_with_its_cluster(tmp_path: Any) -> None:
    nothing = str(tmp_path / "none.pem")
    unfit = ClusterPlace(
        address="tls://127.0.0.1:1", ca_file=nothing, cert_file=nothing, key_file=nothing
    )
    async with pool_of(cluster=unfit) as pool:
        with pytest.raises(Unsupported, match="certificates of the cluster cannot be used"):
            await pool.look_at_cluster()
