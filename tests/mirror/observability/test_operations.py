from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import strawberry
from graphql import parse

from observability.counts import Counts
from observability.metrics import Meter
from observability.objectives import ObjectivesInvalid, edges_ns, load
from observability.operations import OperationWatch, root_coordinates, root_fields
from observability.outcomes import Outcome
from observability.slo import Count
from tests.promises import PROMISED, Mutation, Queries

pytestmark = pytest.mark.anyio

UP, FAST, DCF = range(3)  # of the shipped catalogue
HOUR = 3_600


@strawberry.type
class Query(Queries):
    @strawberry.field
    def viewer(self) -> str:
        return "me"

    @strawberry.field
    def broken(self) -> str | None:
        raise KeyError("ours")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


SCHEMA = strawberry.Schema(Query, Mutation)


class Bench:
    """A watch with its counts and its meter."""

    def __init__(self) -> None:
        self.catalogue = load()
        self.counts = Counts()
        self.meter = Meter(edges_ns=edges_ns(self.catalogue), build={})
        self.watch = OperationWatch(objectives=self.catalogue, counts=self.counts, meter=self.meter)
        self.watch.know(SCHEMA._schema)

    def count(self, objective: int, tenant: str | None = None) -> Count:
        return self.counts.window(objective, HOUR, tenant)

    @property
    def operations(self) -> dict[tuple[str, Outcome], int]:
        return self.meter._operations


def interrupted(bench: Bench, kind: str, field: str, error: BaseException) -> None:
    """An operation that an exception goes through."""
    with bench.watch.operation() as operation:
        operation.named(kind, (field,))
        raise error


def test_an_operation_that_went_well_keeps_every_promise_it_falls_under() -> None:
    bench = Bench()
    with bench.watch.operation() as operation:
        operation.named("mutation", ("valueDcf",))
        operation.tenant = "t"
    assert operation.outcome is Outcome.GOOD
    assert bench.operations == {("Mutation.valueDcf", Outcome.GOOD): 1}
    for owner in (None, "t"):
        assert [bench.count(n, owner) for n in (UP, FAST, DCF)] == [Count(1, 1)] * 3
    assert bench.meter.operation_seconds["Mutation.valueDcf"].count == 1


def test_an_exception_that_leaves_it_is_bad_and_goes_on() -> None:
    bench = Bench()
    with pytest.raises(KeyError, match="ours"):
        interrupted(bench, "query", "viewer", KeyError("ours"))
    assert bench.operations == {("Query.viewer", Outcome.BAD): 1}
    assert bench.count(UP) == Count(0, 1)
    assert bench.count(FAST) == Count(0, 0)


def test_a_failure_before_the_document_was_read_is_counted_too() -> None:
    bench = Bench()
    with pytest.raises(OSError, match="socket"), bench.watch.operation():
        raise OSError("socket")
    assert bench.operations == {("unknown", Outcome.BAD): 1}
    assert bench.count(UP) == Count(0, 1)


def test_a_client_that_left_at_once_is_not_counted() -> None:
    bench = Bench()
    with pytest.raises(asyncio.CancelledError):
        interrupted(bench, "query", "viewer", asyncio.CancelledError())
    assert bench.operations == {("Query.viewer", Outcome.CANCELLED): 1}
    assert bench.count(UP) == bench.count(FAST) == Count(0, 0)


def test_a_client_that_left_after_the_promised_time_counts_as_not_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    began = time.perf_counter_ns()
    times = iter([began, began + 201_000_000])
    monkeypatch.setattr("observability.operations.perf_counter_ns", lambda: next(times))
    with pytest.raises(asyncio.CancelledError):
        interrupted(bench, "mutation", "valueDcf", asyncio.CancelledError())
    assert [bench.count(n) for n in (UP, FAST, DCF)] == [Count(0, 0), Count(0, 1), Count(0, 0)]


def test_introspection_is_excluded_and_typename_beside_a_field_is_not() -> None:
    bench = Bench()
    for fields in (("__schema", "__typename"), ("viewer", "__typename")):
        with bench.watch.operation() as operation:
            operation.named("query", fields)
    assert bench.operations == {
        ("Query (introspection)", Outcome.EXCLUDED): 1,
        ("Query.viewer", Outcome.GOOD): 1,
    }
    assert bench.count(UP) == Count(1, 1)


def test_several_root_fields_are_one_operation_under_the_promises_of_each() -> None:
    bench = Bench()
    with bench.watch.operation() as operation:
        operation.named("query", ("viewer", "broken"))
    assert bench.operations == {("Query (several)", Outcome.GOOD): 1}
    assert bench.count(UP) == Count(1, 1)


def test_a_name_that_is_not_of_the_schema_never_becomes_a_label() -> None:
    bench = Bench()
    for kind, fields in (
        ("query", ("x" * 50,)),
        ("mutation", ("viewer",)),
        ("nonsense", ("viewer",)),
    ):
        with bench.watch.operation() as operation:
            operation.named(kind, fields)
    assert set(bench.operations) == {("unknown", Outcome.GOOD)}


def test_a_subscription_is_no_part_of_availability_and_latency() -> None:
    schema = strawberry.Schema(Query, Mutation, Subscription)
    bench = Bench()
    bench.watch.know(schema._schema)
    with bench.watch.operation() as operation:
        operation.named("subscription", ("ticks",))
    assert bench.operations == {("Subscription.ticks", Outcome.GOOD): 1}
    assert bench.count(UP) == bench.count(FAST) == Count(0, 0)


def test_combinations_of_fields_do_not_fill_the_memory() -> None:
    bench = Bench()
    for number in range(1_500):
        bench.watch.shape("query", ["viewer"] * (number + 1))
    assert len(bench.watch._shapes) <= 1_000


def test_a_catalogue_with_a_promise_for_a_missing_field_does_not_start() -> None:
    with pytest.raises(ObjectivesInvalid, match=r"Mutation\.\w+ is not a root field"):
        Bench().watch.know(strawberry.Schema(Query)._schema)


def test_root_coordinates_are_those_of_the_schema() -> None:
    assert root_coordinates(SCHEMA._schema) == {
        "Query.viewer",
        "Query.broken",
        *PROMISED,
    }


@pytest.mark.parametrize(
    ("document", "name", "found"),
    [
        ("{ a b a }", None, ("query", ("a", "b"))),
        ("{ alias: a }", None, ("query", ("a",))),
        ("query One { a } mutation Two { b }", "Two", ("mutation", ("b",))),
        ("query One { a } mutation Two { b }", None, ("query", ("a",))),
        ("query One { a }", "Three", ("", ())),
        ("{ ... on Query { a } ...F } fragment F on Query { b ...F }", None, None),
        ("subscription { ticks }", None, ("subscription", ("ticks",))),
        ("fragment F on Query { b }", None, ("", ())),
    ],
)
def test_root_fields_are_found_through_aliases_and_fragments(
    document: str, name: str | None, found: tuple[str, tuple[str, ...]] | None
) -> None:
    kind, fields = root_fields(parse(document), name)
    if found is None:
        assert (kind, set(fields)) == ("query", {"a", "b"})
    else:
        assert (kind, fields) == found


def test_a_bomb_of_fragments_is_walked_once() -> None:
    depth = 200
    bomb = "{ ...F0 } " + " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(depth)
    )
    document = parse(bomb + f" fragment F{depth} on Query {{ viewer }}")
    assert root_fields(document) == ("query", ("viewer",))
