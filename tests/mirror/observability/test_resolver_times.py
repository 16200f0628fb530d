from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLSchema

from observability.counts import Counts
from observability.metrics import Meter
from observability.objectives import edges_ns
from observability.operations import OperationWatch
from observability.outcomes import Outcome
from observability.resolver_times import time_resolvers

pytestmark = pytest.mark.anyio


@strawberry.type
class Refusal:
    code: str


@strawberry.type
class Valuation:
    worth: float

    @strawberry.field
    def sensitivity(self) -> float:
        return self.worth

    @strawberry.field
    async def simulation(self) -> float:
        await asyncio.sleep(0)
        return self.worth

    @strawberry.field
    def broken(self) -> float | None:
        raise KeyError("ours")


DcfOutcome = Annotated[Valuation | Refusal, strawberry.union("DcfOutcome")]


@strawberry.type
class Query:
    @strawberry.field
    def valuations(self) -> list[Valuation]:
        return [Valuation(worth=float(n)) for n in range(3)]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def value_dcf(self, good: bool) -> DcfOutcome:
        await asyncio.sleep(0)
        return Valuation(worth=1.0) if good else Refusal(code="INFEASIBLE")

    @strawberry.mutation
    def value_now(self, good: bool) -> DcfOutcome:
        return Valuation(worth=1.0) if good else Refusal(code="DEADLINE_EXCEEDED")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


def schema() -> strawberry.Schema:
    return strawberry.Schema(Query, Mutation, Subscription)


def recognise(thing: object) -> str | None:
    return thing.code if isinstance(thing, Refusal) else None


@dataclass
class Spans:
    """A tracer that remembers names in the order in which spans ended."""

    share: bool = True

    def __post_init__(self) -> None:
        self.ended: list[str] = []
        self.failed: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def sampled(self) -> bool:
        return self.share

    @contextmanager
    def span(self, name: str, began_ns: int | None = None) -> Iterator[Any]:
        span = SimpleNamespace(name=name, began_ns=began_ns)
        span.update_name = lambda name: setattr(span, "name", name)
        span.set_attribute = lambda key, value: self.attributes.append((key, value))
        try:
            yield span
        except BaseException:
            self.failed.append(name)
            raise
        finally:
            self.ended.append(span.name)


class Bench:
    """One application on a schema."""

    def __init__(self, graph: GraphQLSchema, tracer: Spans | None = None) -> None:
        self.meter = Meter(edges_ns=edges_ns(()), build={})
        self.watch = OperationWatch(
            objectives=(), counts=Counts(), meter=self.meter, recognise=recognise, tracer=tracer
        )
        self.watch.know(graph)
        time_resolvers(graph)

    @property
    def observed(self) -> dict[str, int]:
        return {name: timer.count for name, timer in self.meter.resolver_seconds.items()}


async def run(bench: Bench, on: strawberry.Schema, document: str) -> tuple[Any, Outcome | None]:
    with bench.watch.operation() as operation:
        result = await on.execute(document)
        operation.errors = result.errors
    return result.data, operation.outcome


def test_only_fields_that_do_work_are_timed() -> None:
    on = schema()
    graph = on._schema
    plain = graph.type_map["Valuation"].fields["worth"].resolve
    assert set(time_resolvers(graph)) == {
        "Query.valuations",
        "Mutation.valueDcf",
        "Mutation.valueNow",
        "Valuation.sensitivity",
        "Valuation.simulation",
        "Valuation.broken",
    }
    assert graph.type_map["Valuation"].fields["worth"].resolve is plain


async def test_every_call_is_counted_once_sync_async_or_failed() -> None:
    on = schema()
    bench = Bench(on._schema)
    data, outcome = await run(
        bench, on, "{ valuations { worth sensitivity simulation again: sensitivity broken } }"
    )
    assert data["valuations"][2] == {
        "worth": 2.0,
        "sensitivity": 2.0,
        "simulation": 2.0,
        "again": 2.0,
        "broken": None,
    }
    assert outcome is Outcome.BAD
    assert bench.observed == {
        "Query.valuations": 1,
        "Valuation.sensitivity": 6,
        "Valuation.simulation": 3,
        "Valuation.broken": 3,
    }


def test_a_synchronous_resolver_stays_synchronous() -> None:
    on = schema()
    bench = Bench(on._schema)
    field = on._schema.type_map["Query"].fields["valuations"]
    assert not inspect.iscoroutinefunction(field.resolve)
    with bench.watch.operation():
        result = on.execute_sync("{ valuations { sensitivity } }")
    assert result.errors is None


async def test_an_awaitable_is_timed_until_its_result_is_there() -> None:
    on = schema()
    bench = Bench(on._schema)
    gate: asyncio.Event = asyncio.Event()

    async def slow(source: Any, info: Any) -> list[Valuation]:
        await gate.wait()
        return []

    field = on._schema.type_map["Query"].fields["valuations"]
    field.resolve = slow
    time_resolvers(on._schema)
    with bench.watch.operation():
        task = asyncio.ensure_future(field.resolve(None, None))
        await asyncio.sleep(0)
        assert bench.observed == {}
        gate.set()
        assert await task == []
    assert bench.observed == {"Query.valuations": 1}


async def test_two_applications_on_one_schema_count_their_own() -> None:
    on = schema()
    one, other = Bench(on._schema), Bench(on._schema)
    await run(one, on, "{ valuations { sensitivity } }")
    assert one.observed == {"Query.valuations": 1, "Valuation.sensitivity": 3}
    assert other.observed == {}


async def test_outside_of_an_operation_nothing_is_counted() -> None:
    on = schema()
    bench = Bench(on._schema)
    assert (await on.execute("{ valuations { sensitivity } }")).errors is None
    assert bench.observed == {}


@pytest.mark.parametrize(
    ("mutation", "outcome"),
    [
        ("valueDcf(good: true)", Outcome.GOOD),
        ("valueDcf(good: false)", Outcome.EXCLUDED),
        ("valueNow(good: true)", Outcome.GOOD),
        ("valueNow(good: false)", Outcome.BAD),
    ],
)
async def test_a_refusal_that_a_resolver_returns_decides_the_outcome(
    mutation: str, outcome: Outcome
) -> None:
    on = schema()
    data, found = await run(Bench(on._schema), on, f"mutation {{ {mutation} {{ __typename }} }}")
    assert data is not None
    assert found is outcome


@pytest.mark.parametrize("sampled", [True, False])
async def test_a_sampled_operation_has_one_span_per_real_resolver(sampled: bool) -> None:
    on = schema()
    spans = Spans(share=sampled)
    bench = Bench(on._schema, spans)
    with bench.watch.operation() as operation:
        operation.named("query", ("valuations",))
        await on.execute("{ valuations { worth sensitivity simulation broken } }")

    assert bench.observed["Valuation.simulation"] == 3
    if sampled:
        assert sorted(spans.ended) == sorted(
            ["Query.valuations"]
            + ["Valuation.sensitivity", "Valuation.simulation", "Valuation.broken"] * 3
            + ["Query.valuations"]  # the operation, called by its root field
        )
        assert spans.failed == ["Valuation.broken"] * 3
        assert spans.attributes == [("valor.outcome", "good")]
    else:
        assert spans.ended == []
