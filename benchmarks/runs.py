"""Runs: how soon the first percentiles come, how soon a cancelled run stops, and how fast it is.

    python3 dev.py bench runs [--rounds N] [--trials N]

The case is `dcf-lean` with 30 draws a trial. Once in this process, through the schema and without
a socket, and once through a socket of a server process. A cancelled run has stopped when its
worker computes for the next one. Wall-clock milliseconds; the targets are printed for information.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect

from api.embedded import Embedded, opened
from api.operations.request import Parameters
from api.settings import Settings
from benchmarks.api import ROOT, free_port, started
from benchmarks.lifted import lifted
from services.sessions import Session

INPUT: Final[dict[str, Any]] = {
    "timing": {"valuationDate": "2024-09-27", "years": 10},
    "operations": {
        "revenue": 391_035e6,
        "revenueGrowth": {"level": 0.05},
        "ebitMargin": {"level": 0.315},
        "taxRate": {"level": 0.16},
        "depreciation": {"level": 0.029},
        "capitalExpenditure": {"level": 0.028},
        "workingCapital": {"level": -0.02},
    },
    "capital": {"wacc": 0.085},
    "terminal": {"gordon": {"growth": 0.025}},
    "bridge": {"debt": 106_629e6, "cash": 156_650e6},
    "shares": {"diluted": 15_408_095e3},
}
SHOCKS: Final = [
    {
        "path": f"operations.{name}",
        "distribution": {"normal": {"standardDeviation": deviation}},
        "everyYear": True,
    }
    for name, deviation in (
        ("revenueGrowth", 0.02),
        ("ebitMargin", 0.015),
        ("capitalExpenditure", 0.004),
    )
]
START: Final = (
    "mutation ($input: StartSimulationInput!) { startSimulation(input: $input) { "
    "... on Run { id } ... on Refusal { message } } }"
)
CANCEL: Final = "mutation ($id: ID!) { cancelRun(id: $id) { __typename } }"
FOLLOW: Final = (
    "subscription ($id: ID!) { runProgress(id: $id) { state trialsDone percentiles { level value "
    "low high } } }"
)


class Client(Protocol):
    """Asks, and follows."""

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]: ...

    def follow(self, query: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]: ...


class InProcess:
    """Through the schema, without a socket."""

    def __init__(self, embedded: Embedded) -> None:
        self._embedded = embedded

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        return await self._embedded.data(query, variables)

    async def follow(self, query: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        executor, principal = self._embedded.parts.executor, self._embedded.principal
        asked = Parameters(query, None, variables)
        async with aclosing(executor.subscribe(asked, Session(principal), "bench")) as answers:
            async for answer in answers:
                yield answer["data"]


class OverSocket:
    """Over graphql-transport-ws."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        async with aclosing(self.follow(query, **variables)) as answers:
            return await anext(answers)

    async def follow(self, query: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        self._number += 1
        number = str(self._number)
        payload = {"query": query, "variables": variables}
        await self.say(type="subscribe", id=number, payload=payload)
        try:
            while True:
                message = json.loads(await self._socket.recv())
                if message["type"] == "ping":
                    await self.say(type="pong")
                elif message.get("id") == number:
                    if message["type"] != "next":
                        return
                    yield message["payload"]["data"]
        finally:
            await self.say(type="complete", id=number)

    async def say(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))


async def begun(client: Client, trials: int) -> tuple[str, float]:
    """A run, and the milliseconds from asking for it to its first percentiles."""
    start = time.perf_counter()
    spec = {"shocks": SHOCKS, "trials": trials}
    answer = await client.ask(START, input={"source": {"dcf": INPUT}, "spec": spec})
    run = answer["startSimulation"]["id"]
    async with aclosing(client.follow(FOLLOW, id=run)) as steps:
        async for step in steps:
            if step["runProgress"]["percentiles"]:
                break
    return run, (time.perf_counter() - start) * 1e3


async def measured(client: Client, rounds: int, trials: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"first": [], "stop": [], "rate": []}
    for _ in range(rounds):
        run, first = await begun(client, trials)
        found["first"].append(first)
        start = time.perf_counter()
        await client.ask(CANCEL, id=run)
        # Its worker has stopped, at the latest, when it has computed something for the next run.
        run, _ = await begun(client, trials)
        found["stop"].append((time.perf_counter() - start) * 1e3)
        start = time.perf_counter()
        async with aclosing(client.follow(FOLLOW, id=run)) as steps:
            known = [step["runProgress"]["trialsDone"] async for step in steps]
        found["rate"].append((trials - known[0]) / (time.perf_counter() - start) / 1e6)
    return found


@asynccontextmanager
async def in_process(home: Path) -> AsyncIterator[Client]:
    settings = Settings.read({"VALOR_HOME": str(home), "VALOR_TRACE_SAMPLE": "0"}, dev=True)
    async with opened(settings) as embedded:
        await lifted(settings.database_url)
        await embedded.parts.start()
        yield InProcess(embedded)


def token_of(valor: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [*valor, "token"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@asynccontextmanager
async def over_socket(home: Path) -> AsyncIterator[Client]:
    valor = [sys.executable, "-c", "from api.terminals.cli import main; main()"]
    environment = {"VALOR_HOME": str(home), "VALOR_LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}
    port = free_port()
    command = [*valor, "serve", "--dev", "--port", str(port)]
    with started("Valor IVX", command, port, **environment):
        token = token_of(valor, environment)
        protocol = Subprotocol("graphql-transport-ws")
        url = f"ws://127.0.0.1:{port}/graphql"
        async with connect(url, subprotocols=[protocol], proxy=None, max_size=None) as socket:
            client = OverSocket(socket)
            payload = {"authorization": f"Bearer {token}"}
            await client.say(type="connection_init", payload=payload)
            await socket.recv()
            yield client


async def report(words: str, place: Callable[[Path], Any], rounds: int, trials: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with place(Path(folder)) as client:
            cold = (await begun(client, 1_000))[1]
            found = await measured(client, rounds, trials)
    print(f"\n{words}: {trials:,} trials, {rounds} rounds")
    print(f"  first percentiles, right after the start {cold:>8.0f} ms")
    for name, line, target in (
        ("first", "first percentiles", "≤ 300 ms"),
        ("stop", "cancelled, and the next run's percentiles", "≤ 200 ms, and those of the next"),
    ):
        times = found[name]
        print(
            f"  {line:<42}{statistics.median(times):>6.0f} ms median, {max(times):.0f} at most"
            f"   {target}"
        )
    print(f"  {'trials a second':<42}{max(found['rate']):>6.1f} million at best")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=5_000_000)
    options = parser.parse_args()
    await report("in process", in_process, options.rounds, options.trials)
    await report("over a socket", over_socket, options.rounds, options.trials)


if __name__ == "__main__":
    asyncio.run(main())
