"""`valor serve --cluster` with a real cluster of processes on this machine."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from api.keys import read_signing_key
from api.settings import Settings
from services.authentication import Issuer
from services.principal import Role
from tests.dcf_documents import firm
from tests.flows.meeting_places import HOUR
from tests.local_cluster import local_cluster
from tests.mirror.services.computing import expected
from tests.mirror.services.test_cluster import free_port, other_world
from tests.served import MEMBERS, OURS, http, prepare
from tests.sockets import talking
from tests.terminals import ROOT, Terminal, running

pytest.importorskip("distributed", reason="the extra `cluster` is not installed; in CI it is")

TRIALS: Final = 2_000_000
START: Final = (
    "mutation ($input: StartSimulationInput!) { startSimulation(input: $input) { "
    "... on Run { id } ... on Refusal { message } } }"
)
FOLLOW: Final = (
    "subscription ($id: ID!) { runProgress(id: $id) { state trialsDone "
    "result { mean standardDeviation percentiles { level value low high } } refusal { message } } }"
)
SHOCKS: Final = [
    {
        "path": f"operations.{name}",
        "distribution": {"normal": {"standardDeviation": deviation}},
        "everyYear": True,
    }
    for name, deviation in (("revenueGrowth", 0.02), ("ebitMargin", 0.015))
]


async def run(origin: str, token: str) -> dict[str, Any]:
    """Start one and follow it to its end."""
    asked = {"shocks": SHOCKS, "trials": TRIALS, "price": 10.0, "sampling": "PLAIN"}
    given = {"input": {"source": {"dcf": firm()}, "spec": asked}}

    def start() -> httpx.Response:
        with http(headers={"authorization": f"Bearer {token}"}) as client:
            return client.post(f"{origin}/graphql", json={"query": START, "variables": given})

    answer = (await asyncio.to_thread(start)).json()
    async with talking(origin, token) as talk:
        await talk.subscribe("run", FOLLOW, id=answer["data"]["startSimulation"]["id"])
        while True:
            message = await talk.hear_of("run")
            step: dict[str, Any] = message["payload"]["data"]["runProgress"]
            if step["state"] in ("DONE", "FAILED", "CANCELLED"):
                return step


def test_a_run_is_computed_by_the_cluster_and_comes_out_the_same(tmp_path: Path) -> None:
    settings = Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)
    asyncio.run(prepare(settings))
    with (
        local_cluster() as local,
        running(tmp_path, "serve", "--dev", "--port", "0", "--cluster", local.address) as terminal,
    ):
        port = terminal.event("serving")["port"]
        (found,) = terminal.events("cluster")
        assert (found["workers"], found["threads"]) == (2, 2)
        issuer = Issuer(settings.issuer, read_signing_key(settings.keys))
        token = issuer.issue(OURS, MEMBERS[Role.ANALYST], Role.ANALYST, HOUR)
        step = asyncio.run(run(f"http://127.0.0.1:{port}", token))
        with http() as client:
            health = client.get(f"http://127.0.0.1:{port}/health").json()
            metrics = client.get(f"http://127.0.0.1:{port}/metrics").text
    (check,) = [each for each in health["checks"] if each["name"] == "cluster"]
    assert (check["state"], check["critical"]) == ("PASS", False)
    assert check["detail"] == "workers: 2, threads: 2"
    assert {"valor_cluster_workers 2.0", "valor_cluster_threads 2.0"} <= set(metrics.splitlines())
    assert step["state"] == "DONE", step
    whole = expected(TRIALS)
    assert step["result"] == {
        name: whole[name] for name in ("mean", "standardDeviation", "percentiles")
    }


def refused(terminal: Terminal) -> str:
    """Why it did not start."""
    assert terminal.process.wait(60) == 1
    return terminal.whole("err")


HASTY: Final = """
import os
from services import cluster, workers

cluster.CONNECT_S = 0.3
workers.ROOT = os.pathsep.join(({folder!r}, workers.ROOT))
"""


def test_a_server_whose_cluster_does_not_answer_says_so_and_does_not_start(tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    # It waits for ten seconds as a rule, and so would this test.
    folder = str(other_world(tmp_path, HASTY.format(folder=str(tmp_path))))
    given = {"VALOR_CLUSTER": address, "PYTHONPATH": os.pathsep.join((folder, str(ROOT)))}
    with running(tmp_path, "serve", "--dev", "--port", "0", **given) as terminal:
        said = refused(terminal)
    assert f"The cluster at {address} does not answer" in said
    assert "serve without VALOR_CLUSTER" in said
    assert "Traceback" not in said


def test_a_server_whose_cluster_would_compute_other_numbers_does_not_start(tmp_path: Path) -> None:
    code = "import engine.provenance\nengine.provenance.NUMPY_VERSION = '1.26.4'\n"
    with (
        local_cluster(workers=1, path=other_world(tmp_path, code)) as local,
        running(tmp_path, "serve", "--dev", "--port", "0", "--cluster", local.address) as terminal,
    ):
        said = refused(terminal)
    assert "it has numpy 1.26.4 instead of" in said
    assert "Traceback" not in said
