"""Runs among real server processes with a real Redis: followed, cancelled and inherited."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.sampling import Sampling
from tests.dcf_documents import firm
from tests.mirror.services.computing import expected, is_gone, until
from tests.sockets import Talk, talking
from tests.two_workers import TwoWorkers, serving_two

pytestmark = pytest.mark.anyio

TRIALS = 5_000_000
START = (
    "mutation ($input: StartSimulationInput!) { startSimulation(input: $input) { "
    "... on Run { id } ... on Refusal { message } } }"
)
CANCEL = "mutation ($id: ID!) { cancelRun(id: $id) { ... on Run { state } } }"
FOLLOW = (
    "subscription ($id: ID!) { runProgress(id: $id) { state trialsDone percentiles { level } "
    "result { mean standardDeviation percentiles { level value low high } } } }"
)
ATTEMPTS = "query ($id: ID!) { run(id: $id) { attempts } }"
SHOCKS = [
    {
        "path": f"operations.{name}",
        "distribution": {"normal": {"standardDeviation": deviation}},
        "everyYear": True,
    }
    for name, deviation in (("revenueGrowth", 0.02), ("ebitMargin", 0.015))
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[TwoWorkers]:
    with serving_two(tmp_path_factory.mktemp("runs"), redis_url) as both:
        yield both


def started(both: TwoWorkers, trials: int = TRIALS) -> str:
    """A run that the first process works on."""
    spec = {"shocks": SHOCKS, "trials": trials, "price": 10.0}
    with both.caller(0) as caller:
        answer = caller.data(START, {"input": {"source": {"dcf": firm()}, "spec": spec}})
    run: str = answer["startSimulation"]["id"]
    return run


def computing(server: int) -> list[int]:
    """The pids of a server process' workers."""
    children = psutil.Process(server).children(recursive=True)
    return [child.pid for child in children if "services.worker" in child.cmdline()]


async def step(talk: Talk) -> dict[str, Any]:
    """The next that is told of the run."""
    while (message := await talk.hear_of("run"))["type"] != "next":
        raise AssertionError(message)
    found: dict[str, Any] = message["payload"]["data"]["runProgress"]
    return found


async def followed(talk: Talk, run: str, end: str) -> list[dict[str, Any]]:
    """What the other process tells, until the run has percentiles, or is in a state."""
    await talk.subscribe("run", FOLLOW, id=run)
    found = [await step(talk)]
    while found[-1]["state"] != end and not (end == "KNOWN" and found[-1]["percentiles"]):
        found.append(await step(talk))
    return found


async def test_what_one_process_computes_another_one_tells(both: TwoWorkers) -> None:
    run = started(both)
    async with talking(both.workers[1], both.token()) as talk:
        steps = await followed(talk, run, "DONE")
    assert len([each for each in steps if each["percentiles"]]) >= 2
    whole = expected(TRIALS, Sampling.SOBOL)
    assert steps[-1]["result"] == {
        name: whole[name] for name in ("mean", "standardDeviation", "percentiles")
    }


async def test_a_run_is_cancelled_at_another_process_and_its_worker_is_free_again(
    both: TwoWorkers,
) -> None:
    run = started(both)
    async with talking(both.workers[1], both.token()) as talk:
        await followed(talk, run, "KNOWN")
        with both.caller(1) as caller:
            answer = await asyncio.to_thread(caller.data, CANCEL, {"id": run})
        assert answer["cancelRun"]["state"] == "CANCELLED"
        while (await step(talk))["state"] != "CANCELLED":
            pass
    another = await asyncio.to_thread(started, both, 1_000)
    async with talking(both.workers[1], both.token()) as talk:
        await followed(talk, another, "DONE")


@pytest.fixture
def mortal(tmp_path: Path, redis_url: str) -> Iterator[TwoWorkers]:
    """Two of which one is about to die."""
    with serving_two(tmp_path, redis_url) as both:
        yield both


async def test_a_killed_process_run_is_taken_over_by_the_one_where_it_is_followed(
    mortal: TwoWorkers,
) -> None:
    run = started(mortal)
    server = mortal.pid(0)
    async with talking(mortal.workers[1], mortal.token()) as talk:
        await followed(talk, run, "KNOWN")
        workers = computing(server)
        os.kill(server, signal.SIGKILL)
        await until(lambda: bool(workers) and all(map(is_gone, workers)))
        # Nothing is told until the lease has lapsed, 15 s after its last renewal. The follower
        # looks each 2 s, and then its own process begins the run anew.
        while (last := await step(talk))["state"] != "DONE":
            pass
    assert last["result"]["mean"] == expected(TRIALS, Sampling.SOBOL)["mean"]
    with mortal.caller(1) as caller:
        assert caller.data(ATTEMPTS, {"id": run})["run"]["attempts"] == 2
