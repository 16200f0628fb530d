"""What it costs to let somebody in, price, charge and count: `python3 dev.py bench limits`.

In process: CPU time of this process for one request, the best of five rounds. Against Redis: a PING
and the script that empties both buckets, by turns over one connection, wall-clock time. Then the
points of a few analyses beside the milliseconds that they take. Targets are printed for
information: nothing here fails.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, cast
from uuid import UUID

import numpy as np
from graphql import OperationDefinitionNode, parse

from api.operations.documents import Documents
from api.transports.budget_headers import budget_headers
from benchmarks.lifted import CONTRACT
from benchmarks.measures import best, show
from collab.buckets import RedisBuckets, Take
from collab.bus import BroadcastBus, MemoryBackend
from collab.connection import RedisConnection
from engine.distributions import Normal
from engine.paths import Names, value_at
from engine.scenarios import Axis, default_swings, gradient, sensitivity, tornado
from engine.shocks import Shock, SimulationSpec
from engine.simulation import simulate
from observability.logs import Logs
from resolvers.schema import build_schema
from resolvers.tariffs import whole
from services.admission import Admission
from services.metering import Budget
from services.principal import Action, Principal, Role
from services.standing import Standings
from services.usage_counts import UsageCounts
from services.work import GRADIENT, TORNADO, base_ms, batch_ms, years_of
from store.standing import MemberStanding, TenantStanding
from tests.example_inputs import example_inputs
from tests.golden import ANALYSED
from tests.servers import running

TENANT: Final = UUID(int=1)
ROUNDS: Final = 2_000
VALUE: Final = """mutation ($input: DcfInput!) { valueDcf(input: $input) {
  ... on DcfValuation { id enterpriseValue } } }"""
GRID: Final = """mutation ($input: DcfInput!, $rows: AxisInput!, $columns: AxisInput!) {
  valueDcf(input: $input) { ... on DcfValuation {
    sensitivity(rows: $rows, columns: $columns) { ... on Sensitivity { values } } } } }"""
LOG: Final = Logs("CRITICAL").get("bench")


class Rows:
    """A database that knows everybody."""

    async def tenant(self, _tenant_id: UUID) -> TenantStanding:
        return TenantStanding(
            plan="ENTERPRISE", state="ACTIVE", state_reason=None, settings=CONTRACT
        )

    async def member(self, _tenant_id: UUID, _member_id: UUID) -> MemberStanding:
        return MemberStanding(role="ANALYST", state="ACTIVE", kind="PERSON")


class Nowhere:
    """Sums that nobody keeps."""

    async def add(self, tenant_id: UUID, day: str, amounts: Mapping[str, int]) -> None:
        """Nothing."""


def asking() -> Principal:
    return Principal(
        tenant_id=TENANT,
        member_id=UUID(int=2),
        role=Role.ANALYST,
        session_id="session",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


def in_process() -> None:
    documents = Documents(build_schema())
    admission = Admission(
        Standings(cast("Any", Rows()), BroadcastBus(MemoryBackend(), LOG)),
        Budget(LOG),
        UsageCounts(Nowhere(), LOG),
    )
    document = example_inputs()["apple.json"][1]
    axes = {
        name: {"path": path, "values": [0.1] * 25}
        for name, path in (("rows", "capital.wacc"), ("columns", "bridge.debt"))
    }
    principal = asking()

    def one(text: str, variables: dict[str, Any]) -> Callable[[], None]:
        async def admitted() -> None:
            for _ in range(ROUNDS):
                who = await admission.let_in(principal)
                price = documents.read(text).asked(None).priced.of(variables)
                charge = await admission.charge(who, price)
                who.standing.principal.require(Action.VALUE)
                admission.settle(charge, whole(price.parts[0].points), {"valuation": 0.2})
                charge.document()
                budget_headers(charge)

        return lambda: asyncio.run(admitted())

    cases = {
        "value": one(VALUE, {"input": document}),
        "grid": one(GRID, {"input": document, **axes}),
    }
    cpu = best(**{name: (task, 1) for name, task in cases.items()})
    print("\nto let in (token proved before), price, charge, settle, count and tell; CPU\n")
    show(
        tuple(
            (words, f"{cpu[name] / ROUNDS * 1e6:.1f} µs", "≤ 60 µs")
            for name, words in (("value", "valueDcf"), ("grid", "valueDcf with a grid"))
        )
    )
    parsed = parse(GRID)
    (node,) = (each for each in parsed.definitions if isinstance(each, OperationDefinitionNode))
    compiled = best(compile=(lambda: documents._pricer.priced(parsed, node), 50))["compile"]  # noqa: SLF001 - a step that is done once
    show((("a price compiled, once for each document", f"{compiled * 1e6:.0f} µs", ""),))


async def against_redis(url: str) -> None:
    redis = RedisConnection(url)
    buckets = RedisBuckets(redis)
    both = (Take("requests", 10**9, 60.0, 1), Take("points", 10**12, 60.0, 12))
    one = both[:1]
    tasks: dict[str, Callable[[], Awaitable[object]]] = {
        "ping": redis.ping,
        "one": partial(buckets.take, TENANT, one),
        "both": partial(buckets.take, TENANT, both),
    }
    took: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            began = time.perf_counter()
            await task()
            took[name].append(time.perf_counter() - began)
    await redis.close()
    middle = {name: statistics.median(times) * 1e6 for name, times in took.items()}
    print("\nwith Redis, by turns; wall-clock, median\n")
    show(
        (
            ("PING", f"{middle['ping']:.0f} µs", ""),
            ("one bucket", f"{middle['one']:.0f} µs", ""),
            ("both buckets", f"{middle['both']:.0f} µs", ""),
            ("both buckets / PING", f"{middle['both'] / middle['ping']:.2f} ×", "≤ 2 ×"),
        )
    )


def points_beside_milliseconds() -> None:
    print("\npoints beside milliseconds: what is charged, and what an example took (CPU)\n")
    for name, (file, *paths) in ANALYSED.items():
        kind, document = example_inputs()[file]
        inputs = kind.inputs_of(document)
        question = kind.question(inputs, kind.outputs[0], None)
        years = years_of(document)
        own = [value_at(Names(question.inputs), path) for path in paths]
        axes = [
            Axis(path, value * np.linspace(0.95, 1.05, 100))
            for path, value in zip(paths, own, strict=True)
        ]
        shocks = tuple(
            Shock(path, Normal(0.01 * abs(value))) for path, value in zip(paths, own, strict=True)
        )
        spec = SimulationSpec(trials=16_384, seed=1, shocks=shocks)
        tasks: dict[str, tuple[Callable[[], object], float]] = {
            "a valuation": (
                lambda kind=kind, document=document: kind.value(kind.inputs_of(document)),
                base_ms(name, years),
            ),
            "100 × 100 cells": (
                lambda question=question, axes=axes: sensitivity(question, *axes),
                batch_ms(name, 10_000, 2, years),
            ),
            "16,384 trials": (
                lambda question=question, spec=spec: simulate(question, spec, None),
                batch_ms(name, 16_384, len(shocks), years),
            ),
            "tornado": (
                lambda question=question: tornado(question, default_swings(question, 0.1)),
                TORNADO * base_ms(name, years),
            ),
            "gradient": (
                lambda question=question: gradient(question),
                GRADIENT * base_ms(name, years),
            ),
        }
        cpu = best(**{task: (work, 1) for task, (work, _) in tasks.items()})
        for task, (_, guessed) in tasks.items():
            took = cpu[task] * 1e3
            print(
                f"{name:<13}{task:<18}{guessed:>9.2f} points{took:>9.2f} ms{guessed / took:>7.1f} ×"
            )


def main() -> None:
    in_process()
    with running("redis") as server:
        asyncio.run(against_redis(server.url))
    points_beside_milliseconds()


if __name__ == "__main__":
    main()
