"""A subscription by plan streams what the reference streams, event by event."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import strawberry
from graphql import ExecutionResult, subscribe

from api.operations.answers import request_error
from api.operations.documents import Documents
from api.operations.graphql import Executor
from api.operations.request import Parameters
from observability.logs import Logs
from observability.outcomes import Outcome
from observability.watch import Watch
from resolvers.calls import call_directly
from services.errors import Forbidden, Overloaded, RateLimited
from tests.admitted import SERVICES, admission
from tests.mirror.api.operations.test_plans import ODD, Circle, circle

pytestmark = pytest.mark.anyio

CLOSED: list[str] = []
SESSION: Any = SimpleNamespace(principal=SimpleNamespace(tenant_id="t"))


@strawberry.type
class Query:
    @strawberry.field
    def odd(self, which: str) -> Circle:
        return ODD[which]  # type: ignore[no-any-return] # wrong on purpose, some of them


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def odd(self, which: list[str]) -> AsyncGenerator[Circle, None]:
        try:
            for name in which:
                yield ODD[name]
        finally:
            CLOSED.append("odd")

    @strawberry.subscription
    async def odd_softly(self, which: str) -> AsyncGenerator[Circle | None, None]:
        yield ODD[which]
        yield circle()

    @strawberry.subscription
    async def numbers(self, until: int = 3) -> AsyncGenerator[int, None]:
        for number in range(until):
            yield number

    @strawberry.subscription
    async def breaks(self, how: str) -> AsyncGenerator[int, None]:
        yield 1
        if how == "forbidden":
            raise Forbidden("Not you.")
        if how == "overloaded":
            raise Overloaded("Not now.")
        if how == "limited":
            raise RateLimited("Too often.", 2.5)
        if how == "late":
            raise TimeoutError("a secret")
        raise RuntimeError("a secret")

    @strawberry.subscription
    async def slow(self) -> AsyncGenerator[Circle, None]:
        yield circle()

    @strawberry.subscription
    async def endless(self) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.get_running_loop().create_future()
        finally:
            CLOSED.append("endless")


def executor(deadline_s: float = 5.0) -> Any:
    schema = strawberry.Schema(Query, subscription=Subscription, types=[Circle])
    call_directly(schema)
    watch = Watch(version="test", objectives=())
    watch.attach(schema._schema)
    return Executor(
        schema,
        SERVICES,
        watch.operations,
        Logs("CRITICAL").get("test"),
        deadline_s,
        admission(),
        Documents(schema),
    )


EXECUTOR = executor()


async def streamed(query: str, variables: dict[str, Any] | None = None) -> list[Any]:
    """Every answer, as the caller reads it."""
    asked = Parameters(query, None, variables or {})
    async with aclosing(EXECUTOR.subscribe(asked, SESSION, "r1")) as answers:
        return [without_cost(orjson.loads(orjson.dumps(answer))) async for answer in answers]


def without_cost(answer: dict[str, Any]) -> dict[str, Any]:
    """What is told of the cost has tests of its own."""
    answer.pop("extensions", None)
    return answer


async def by_reference(query: str, variables: dict[str, Any]) -> list[Any]:
    """The same by graphql-core alone, with our words for its errors."""
    document = EXECUTOR.documents.read(query)
    document.validated()
    stream: Any = subscribe(
        EXECUTOR.documents.schema, document.node, variable_values=variables, context_value=None
    )
    if not hasattr(stream, "__aiter__"):
        return [{"errors": [request_error(error) for error in stream.errors]}]
    return [shown(result) async for result in stream]


def shown(result: ExecutionResult) -> Any:
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [EXECUTOR._formatted(error, "r1") for error in result.errors]
    return orjson.loads(orjson.dumps(answer))


QUERIES = [
    "subscription($w: [String!]!) { odd(which: $w) { name radius colour } }",
    "subscription($w: [String!]!) { n: odd(which: $w) { __typename area(scale: 2) c: colour } }",
    "subscription($w: [String!]!) { odd(which: $w) { ...F } } fragment F on Circle { name }",
    "subscription($w: [String!]!) { odd(which: $w) { broken name } }",
    "subscription($w: [String!]!) { odd(which: $w) { brokenSoftly name twin { broken } } }",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("which", sorted(ODD))
async def test_every_event_is_the_references(query: str, which: str) -> None:
    plan = EXECUTOR.documents.read(query).plan(None)
    assert plan is not None, "this subscription has no plan"
    variables = {"w": ["fine", which, "fine"]}
    ours = await streamed(query, variables)
    assert len(ours) == 3
    assert ours == await by_reference(query, variables)


@pytest.mark.parametrize("which", sorted(ODD))
async def test_an_event_may_be_null_where_the_schema_says_so(which: str) -> None:
    query = "subscription($w: String!) { oddSoftly(which: $w) { radius twin { name } } }"
    assert await streamed(query, {"w": which}) == await by_reference(query, {"w": which})


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("subscription { numbers }", {}),
        ("subscription { numbers(until: 0) }", {}),
        ("subscription { numbers(until: 2) }", {}),
        ("subscription($n: Int) { numbers(until: $n) }", {}),
        ("subscription($n: Int!) { numbers(until: $n) }", {"n": 2}),
        ("subscription($n: Int!) { numbers(until: $n) }", {"n": "2"}),
        ("subscription($n: Int!) { numbers(until: $n) }", {"n": 2**31}),
        ("subscription($n: Int!) { numbers(until: $n) }", {}),
        ("subscription($n: Int = 2) { numbers(until: $n) }", {}),
        ("subscription($n: Int = 2) { numbers(until: $n) }", {"n": None}),
        ("subscription($w: [String!]!) { odd(which: $w) { name } }", {"w": "fine"}),
        ("subscription($y: Boolean!) { odd(which: []) { name @skip(if: $y) } }", {"y": True}),
    ],
)
async def test_variables_and_defaults_are_the_references(
    query: str, variables: dict[str, Any]
) -> None:
    assert await streamed(query, variables) == await by_reference(query, variables)


async def test_a_plain_event_never_reaches_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("handed over")

    monkeypatch.setattr(EXECUTOR, "_reference", never)
    query = "subscription { odd(which: [fine, fine]) { name area twin { radius } } }"
    answers = await streamed(query.replace("fine", '"fine"'))
    assert [answer["data"]["odd"]["area"] for answer in answers] == [2.25, 2.25]


@pytest.mark.parametrize(
    ("how", "code", "retry_after"),
    [
        ("forbidden", "FORBIDDEN", None),
        ("limited", "RATE_LIMITED", 2.5),
        ("overloaded", "OVERLOADED", 1.0),
        ("late", "INTERNAL", None),
        ("fault", "INTERNAL", None),
    ],
)
@pytest.mark.parametrize("more", ["", "@skip(if: false)"])
async def test_a_no_in_the_source_ends_the_stream_in_an_answer_without_data(
    how: str, code: str, retry_after: float | None, more: str
) -> None:
    query = f'subscription {{ n: breaks(how: "{how}") }}'
    if more:  # no plan
        query = "subscription($h: String = null) { n: breaks(how: $h) }"
        query = query.replace("String = null", f'String! = "{how}"')
    first, last = await streamed(query)
    assert first == {"data": {"n": 1}}
    assert "data" not in last
    (error,) = last["errors"]
    assert error["extensions"]["code"] == code
    assert error["extensions"].get("retryAfter") == retry_after
    assert "secret" not in repr(last)


@pytest.mark.parametrize(
    "query",
    [
        "subscription {",
        "subscription { nothing }",
        "subscription { numbers a: numbers }",
        "subscription($y: Boolean!) { numbers @skip(if: $y) }",
        "subscription { __typename }",
    ],
)
async def test_what_may_not_run_is_one_answer_of_errors(query: str) -> None:
    (answer,) = await streamed(query, {"y": True})
    assert set(answer) == {"errors"}


async def test_a_query_over_a_connection_that_lasts_has_one_answer() -> None:
    (answer,) = await streamed('{ odd(which: "fine") { name } }')
    assert answer == {"data": {"odd": {"name": "c"}}}


@pytest.mark.parametrize("query", ["subscription { endless }", "subscription { __typename }"])
async def test_run_has_no_answer_for_a_subscription(query: str) -> None:
    from api.operations.documents import RequestError

    with pytest.raises(RequestError):
        await EXECUTOR.run(Parameters(query), SESSION, "r1")


@pytest.mark.parametrize("query", ["subscription { endless }", "subscription @x { endless }"])
async def test_whoever_closes_the_answers_closes_the_source(query: str) -> None:
    CLOSED.clear()
    answers = EXECUTOR.subscribe(Parameters("subscription { endless }"), SESSION, "r1")
    assert without_cost(await anext(answers)) == {"data": {"endless": 1}}
    waiting = asyncio.ensure_future(anext(answers))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert CLOSED == ["endless"]


async def test_an_event_that_takes_too_long_is_an_error_and_the_next_one_comes() -> None:
    hasty = executor(0.01)
    asked = Parameters("subscription { slow { twin { name } } }")
    plan = hasty.documents.read(asked.query).plan(None)

    async def never(*_: object) -> Any:
        await asyncio.get_running_loop().create_future()

    object.__setattr__(plan.calls[0], "complete", never)
    (answer,) = [answer async for answer in hasty.subscribe(asked, SESSION, "r1")]
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "OVERLOADED", "retryAfter": 5.0}


async def test_a_subscription_is_one_operation_under_no_promise() -> None:
    fresh = executor()
    counted: list[tuple[str, Outcome]] = []
    fresh._watch._meter.operation = lambda label, outcome, _: counted.append((label, outcome))
    for query in ("subscription { numbers }", 'subscription { breaks(how: "fault") }'):
        async for _ in fresh.subscribe(Parameters(query), SESSION, "r1"):
            assert len(counted) < 2
    assert counted == [
        ("Subscription.numbers", Outcome.GOOD),
        ("Subscription.breaks", Outcome.BAD),
    ]
    assert fresh._watch.shape("subscription", ["numbers"]).promises is None


async def test_nan_leaves_no_stream() -> None:
    query = 'subscription { odd(which: ["nan"]) { radius } }'
    (answer,) = await streamed(query)
    assert answer["data"] is None
    assert not math.isnan(orjson.loads(orjson.dumps(answer)).get("radius", 0.0))
