"""Edits: how long until one is acknowledged, over HTTP, on SQLite and on PostgreSQL.

    python3 dev.py bench edits [--edits N] [--rounds N]

One client, one edit at a time: the operation, the model at its next revision and the event are on
the disk when the answer comes. Both databases are durable. Beside each stands its floor, taken in
the same rounds: a request that asks nothing of the database, plus one row committed by the bare
driver. Wall-clock milliseconds; the targets are printed for information.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx

from benchmarks.api import ROOT, free_port, started
from tests.servers import running

TARGETS: Final = {"SQLite": 5.0, "PostgreSQL": 8.0}  # ms, p50
CREATE: Final = (
    "mutation ($input: CreateModelInput!) { createModel(input: $input) { __typename "
    "... on FinancialModel { id } ... on Refusal { message issues { path message } } } }"
)
EDIT: Final = (
    "mutation ($id: ID!, $operation: ID!, $edits: [ModelEdit!]!) { "
    "editModel(id: $id, operationId: $operation, edits: $edits) { __typename "
    "... on EditedModel { revision { revision } } ... on Refusal { message } } }"
)
# `valor serve` on a development key, on a database that was migrated beforehand.
SERVE: Final = "from api.terminals.cli import main; main()"


@dataclass
class Case:
    """One database, and every time that was taken on it, in ms."""

    name: str
    edit: Callable[[int], Awaitable[None]]
    nothing: Callable[[], Awaitable[None]]
    commit: Callable[[int], Awaitable[None]]
    edits: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)


async def timed(work: Awaitable[None], into: list[float]) -> None:
    began = time.perf_counter()
    await work
    into.append((time.perf_counter() - began) * 1e3)


def valor(home: Path, *arguments: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", SERVE, *arguments],
        cwd=ROOT,
        env={**os.environ, "VALOR_HOME": str(home), **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@asynccontextmanager
async def case(
    name: str, home: Path, commit: Callable[[int], Awaitable[None]], **environment: str
) -> AsyncIterator[Case]:
    port = free_port()
    command = [sys.executable, "-c", SERVE, "serve", "--dev", "--port", str(port)]
    with started(name, command, port, VALOR_HOME=str(home), **environment):
        token = ""
        while not token:  # the key is made after the port is bound
            try:
                token = valor(home, "token", **environment)
            except subprocess.CalledProcessError:
                await asyncio.sleep(0.1)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
        ) as client:

            async def ask(query: str, **variables: Any) -> dict[str, Any]:
                body = {"query": query, "variables": variables}
                answer: dict[str, Any] = (await client.post("/graphql", json=body)).json()
                return answer

            apple = json.loads((ROOT / "examples" / "apple.json").read_text("utf-8"))
            made = await ask(CREATE, input={"name": "Bench", "inputs": {"dcf": apple}})
            model = made["data"]["createModel"]["id"]

            async def edit(number: int) -> None:
                edits = [{"path": "bridge.debt", "value": {"number": 1e9 + number}}]
                answer = await ask(EDIT, id=model, operation=str(uuid4()), edits=edits)
                outcome = answer["data"]["editModel"]
                if outcome["__typename"] != "EditedModel":
                    raise SystemExit(f"{name}: {answer}")

            async def nothing() -> None:
                await ask("{ __typename }")

            yield Case(name, edit, nothing, commit)


@asynccontextmanager
async def sqlite(home: Path) -> AsyncIterator[Case]:
    bare = sqlite3.connect(home / "bare.db", isolation_level=None)
    try:
        bare.execute("PRAGMA journal_mode = WAL")
        bare.execute("PRAGMA synchronous = FULL")
        bare.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, content TEXT)")

        async def commit(number: int) -> None:
            bare.execute("INSERT INTO row VALUES (?, ?)", (number, "x" * 3_000))

        async with case("SQLite", home, commit) as made:
            yield made
    finally:
        bare.close()


@asynccontextmanager
async def postgres(home: Path, admin: str) -> AsyncIterator[Case]:
    bare = await asyncpg.connect(admin)
    try:
        for role in ("valor_owner", "valor_app"):
            await bare.execute(f"CREATE ROLE {role} LOGIN")
        await bare.execute("CREATE DATABASE bench OWNER valor_owner")
        await bare.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, content TEXT)")

        async def commit(number: int) -> None:
            await bare.execute("INSERT INTO row VALUES ($1, $2)", number, "x" * 3_000)

        address = admin.split("@")[1].rsplit("/", 1)[0]
        async with case(
            "PostgreSQL",
            home,
            commit,
            VALOR_DATABASE_URL=f"postgresql://valor_app@{address}/bench",
            VALOR_DATABASE_OWNER_URL=f"postgresql://valor_owner@{address}/bench",
        ) as made:
            yield made
    finally:
        await bare.close()


async def measure(cases: list[Case], edits: int, rounds: int, pause_s: float) -> None:
    """Rounds alternate, so that a busy machine is busy for all of them."""
    number = 0
    for _ in range(rounds):
        for each in cases:
            for _ in range(edits):
                number += 1
                await timed(each.edit(number), each.edits)
                await timed(each.nothing(), each.requests)
                await timed(each.commit(number), each.commits)
                # Within what a member may edit in a second.
                await asyncio.sleep(pause_s)


def report(cases: list[Case]) -> None:
    print(f"{'':<12}{'p50 ms':>8}{'p99 ms':>8}{'target':>8}{'floor':>8}{'× floor':>9}")
    for each in cases:
        median = statistics.median(each.edits)
        worst = statistics.quantiles(each.edits, n=100)[98]
        floor = statistics.median(each.requests) + statistics.median(each.commits)
        print(
            f"{each.name:<12}{median:>8.2f}{worst:>8.2f}{TARGETS[each.name]:>8.0f}"
            f"{floor:>8.2f}{median / floor:>9.2f}"
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--edits", type=int, default=50, help="in a round, of each database")
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running("postgres", durable=True) as server:
        homes = [Path(folder) / name for name in ("sqlite", "postgres")]
        for home in homes:
            home.mkdir()
        async with sqlite(homes[0]) as first, postgres(homes[1], server.url) as second:
            await measure([first, second], given.edits, given.rounds, 0.055)
            report([first, second])


if __name__ == "__main__":
    asyncio.run(main())
