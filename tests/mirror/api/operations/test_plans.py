"""A plan answers what the reference answers, or hands over to it. Nothing in between."""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated, Any

import orjson
import pytest
import strawberry
from graphql import ExecutionResult
from hypothesis import given, settings
from hypothesis import strategies as st

from api.operations.documents import Documents, RequestError
from api.operations.graphql import Executor
from api.operations.plans import Handover
from api.operations.request import Parameters
from observability.logs import Logs
from observability.watch import Watch
from tests.admitted import SERVICES, admission

pytestmark = pytest.mark.anyio


class Fault(Exception):
    """What a resolver of ours might raise."""


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.interface
class Shape:
    name: str


@strawberry.type
class Circle(Shape):
    radius: float
    colour: Colour | None = None

    @strawberry.field
    def area(self, scale: float = 1.0) -> float:
        return scale * self.radius**2

    @strawberry.field
    async def twin(self) -> Circle | None:
        return Circle(name=self.name + "'", radius=self.radius, colour=self.colour)

    @strawberry.field
    async def broken(self) -> float:
        raise Fault("below")

    @strawberry.field
    def broken_softly(self) -> float | None:
        raise Fault("below, softly")


@strawberry.type
class Square(Shape):
    side: int
    corners: list[Circle]
    tags: list[str | None]


Figure = Annotated[Circle | Square, strawberry.union("Figure")]


@strawberry.input
class Point:
    x: float
    y: float = 2.0
    colour: Colour = Colour.GREEN
    inner: Point | None = None


@strawberry.input(one_of=True)
class Either:
    number: int | None = strawberry.UNSET
    point: Point | None = strawberry.UNSET


def circle(radius: float = 1.5, **changes: Any) -> Circle:
    return Circle(**({"name": "c", "radius": radius, "colour": Colour.RED} | changes))


ODD: dict[str, Any] = {
    "fine": circle(),
    "nan": circle(math.nan),
    "infinite": circle(math.inf),
    "whole": circle(2),  # an int where a float is promised
    "text": circle("1.5"),  # type: ignore[arg-type] # what a resolver should not return
    "nameless": circle(name=None),
    "grey": circle(colour="grey"),
    "colourless": circle(colour=None),
    "nothing": None,
    "dict": {"name": "c"},
}


@strawberry.type
class Query:
    @strawberry.field
    def odd(self, which: str) -> Circle:
        return ODD[which]  # type: ignore[no-any-return] # wrong on purpose, some of them

    @strawberry.field
    async def odd_softly(self, which: str) -> Circle | None:
        return ODD[which]  # type: ignore[no-any-return] # wrong on purpose, some of them

    @strawberry.field
    def figures(self, first: int = 2) -> list[Figure]:
        corners = [circle(n + 0.5) for n in range(first)]
        return [circle(), Square(name="s", side=3, corners=corners, tags=["a", None])]

    @strawberry.field
    def shape(self, side: int) -> Shape:
        return Square(name="s", side=side, corners=[], tags=[])

    @strawberry.field
    async def raises(self) -> int:
        raise Fault("at the root")

    @strawberry.field
    def raises_softly(self) -> int | None:
        raise Fault("at the root, softly")

    @strawberry.field
    def sees(self, point: Point, either: Either | None = None, flags: list[bool] = []) -> str:  # noqa: B006 - never written
        return repr((point, either, flags))


CALLS: list[str] = []


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def act(self, name: str) -> Circle:
        CALLS.append(name)
        return circle(math.nan if name == "nan" else 1.0, name=name)

    @strawberry.mutation
    def act_softly(self, name: str) -> Circle | None:
        CALLS.append(name)
        if name == "fault":
            raise Fault(name)
        return circle(name=name)


SCHEMA = strawberry.Schema(Query, Mutation, types=[Circle, Square])
EXECUTOR: Any = Executor(
    SCHEMA,
    SERVICES,
    Watch(version="test", objectives=()).operations,
    Logs("CRITICAL").get("test"),
    5.0,
    admission(),
    Documents(SCHEMA),
)


async def by_reference(query: str, variables: dict[str, Any]) -> Any:
    document = EXECUTOR.documents.read(query)
    document.validated()
    try:
        return shown(await EXECUTOR._refer(document.node, Parameters(query, None, variables), None))
    except RequestError as no:
        return [error.formatted for error in no.errors]


async def by_plan(query: str, variables: dict[str, Any]) -> Any:
    document = EXECUTOR.documents.read(query)
    document.validated()
    plan = document.plan(None)
    assert plan is not None, "this operation has no plan"
    asked = Parameters(query, None, variables)
    try:
        return shown(await EXECUTOR._follow(plan, document.node, asked, None))
    except RequestError as no:
        return [error.formatted for error in no.errors]


def shown(result: ExecutionResult) -> Any:
    """As the caller reads it, keys in order."""
    data = orjson.dumps(result.data)
    errors = [(error.message, error.path) for error in result.errors or ()]
    return data, sorted(errors, key=repr)


QUERIES = [
    "{ odd(which: $w) { name radius colour } }",
    "{ odd(which: $w) { __typename area(scale: 2) n: name } oddSoftly(which: $w) { radius } }",
    "{ oddSoftly(which: $w) { name twin { radius twin { name } } colour } }",
    "{ a: odd(which: $w) { broken } raisesSoftly }",
    "{ odd(which: $w) { brokenSoftly name } raises }",
    (
        "{ __typename figures(first: 3) { __typename ... on Circle { area twin { area } } "
        "... on Square { side tags corners { radius area twin { name } } } ... on Shape { name }} }"
    ),
    (
        "{ odd(which: $w) { ...F ...G } } fragment F on Circle { name twin { name } } "
        "fragment G on Circle { radius twin { radius } }"
    ),
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("which", sorted(ODD))
async def test_data_errors_and_paths_are_the_references(query: str, which: str) -> None:
    text = ("query($w: String!) " if "$w" in query else "") + query
    variables = {"w": which} if "$w" in query else {}
    assert await by_plan(text, variables) == await by_reference(text, variables)


@pytest.mark.parametrize("side", [0, -(2**31), 2**31 - 1, 2**31, True, 1.0])
async def test_an_integer_outside_32_bits_is_the_references_to_refuse(side: Any) -> None:
    query = "query($s: Int!) { shape(side: $s) { name ... on Square { side } } }"
    assert await by_plan(query, {"s": side}) == await by_reference(query, {"s": side})


POINTS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "x": st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=3)),
            "y": st.one_of(st.none(), st.floats(), st.just(10**400)),
            "colour": st.sampled_from(["RED", "GREEN", "red", "BLUE", None, 1]),
            "zzz": st.integers(),
        },
    ),
    lambda inner: st.fixed_dictionaries({"x": st.just(1.0)}, optional={"inner": inner}),
    max_leaves=4,
)
EITHERS = st.one_of(
    st.none(),
    st.fixed_dictionaries({}, optional={"number": st.integers(), "point": POINTS}),
    st.fixed_dictionaries({"number": st.one_of(st.none(), st.integers(-9, 9))}),
    st.text(max_size=2),
)
FLAGS = st.one_of(st.lists(st.one_of(st.booleans(), st.integers(0, 1)), max_size=3), st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional={"p": POINTS, "e": EITHERS, "f": FLAGS, "other": POINTS}))
def test_variables_are_coerced_or_refused_as_the_reference_does(variables: dict[str, Any]) -> None:
    import asyncio

    query = (
        "query($p: Point!, $e: Either, $f: [Boolean!]!) { sees(point: $p, either: $e, flags: $f) }"
    )

    async def both() -> tuple[Any, Any]:
        return await by_plan(query, variables), await by_reference(query, variables)

    ours, theirs = asyncio.run(both())
    assert ours == theirs


@pytest.mark.parametrize("flags", [{}, {"f": [True]}, {"f": None}])
async def test_a_variable_that_is_left_out_is_not_null(flags: dict[str, Any]) -> None:
    query = "query($p: Point!, $e: Either) { sees(point: $p, either: $e) }"
    assert await by_plan(query, {"p": {"x": 1}}) == await by_reference(query, {"p": {"x": 1}})


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ('mutation { a: act(name: "1") { name } b: act(name: "2") { radius } }', ["1", "2"]),
        ('mutation { a: act(name: "nan") { radius } b: act(name: "2") { name } }', ["nan"]),
        ('mutation { a: act(name: "1") { broken } b: act(name: "2") { name } }', ["1"]),
        (
            'mutation { a: actSoftly(name: "fault") { name } b: actSoftly(name: "2") { name } }',
            ["fault", "2"],
        ),
        (
            'mutation { a: actSoftly(name: "1") { broken } b: actSoftly(name: "2") { name } }',
            ["1", "2"],
        ),
    ],
)
async def test_a_mutation_runs_once_and_stops_where_the_reference_stops(
    query: str, calls: list[str]
) -> None:
    CALLS.clear()
    ours = await by_plan(query, {})
    assert calls == CALLS
    CALLS.clear()
    assert ours == await by_reference(query, {})
    assert calls == CALLS


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { queryType { name } } }",
        "query($yes: Boolean!) { raisesSoftly @skip(if: $yes) }",
        "query($s: Int = 3) { shape(side: $s) { name } }",
        "query($x: Float!) { sees(point: {x: $x}, flags: []) }",
    ],
)
def test_what_a_plan_does_not_know_it_does_not_try(query: str) -> None:
    document = Documents(SCHEMA).read(query)
    assert not document.errors
    document.validated()
    assert document.plan(None) is None


async def test_a_plain_answer_never_reaches_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("handed over")

    expected = await by_reference('{ odd(which: "fine") { name radius colour area } }', {})
    monkeypatch.setattr(EXECUTOR, "_refer", never)
    assert await by_plan('{ odd(which: "fine") { name radius colour area } }', {}) == expected


async def test_a_handover_says_so() -> None:
    """The plan itself never answers with what it was not promised."""
    query = '{ odd(which: "nan") { radius } }'
    plan: Any = EXECUTOR.documents.read(query).plan(None)
    with pytest.raises(Handover):
        await plan.run(None, {}, {})
