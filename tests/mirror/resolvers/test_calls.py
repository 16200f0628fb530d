"""Which forms of resolvers are called directly, and which are refused at the start."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import strawberry

from resolvers.calls import call_directly


@strawberry.type
class Query:
    one: int = 1


@strawberry.type
class Streams:
    @strawberry.subscription
    async def numbers(self, until: int) -> AsyncGenerator[int, None]:
        for number in range(until):
            yield number


async def _numbers(until: int) -> AsyncGenerator[int, None]:
    yield until


@strawberry.type
class ReturnsOne:
    @strawberry.subscription
    async def numbers(self, until: int) -> AsyncGenerator[int, None]:
        return _numbers(until)


@strawberry.type
class WithoutSelf:
    numbers: int = strawberry.subscription(resolver=_numbers)


def test_a_subscription_is_an_async_generator() -> None:
    schema = strawberry.Schema(Query, subscription=Streams)
    call_directly(schema)
    root = schema._schema.subscription_type
    assert root is not None
    subscribe = root.fields["numbers"].subscribe
    assert subscribe is not None
    assert hasattr(subscribe(None, None, until=2), "__aiter__")


@pytest.mark.parametrize("root", [ReturnsOne, WithoutSelf])
def test_another_form_of_subscription_is_refused(root: type) -> None:
    with pytest.raises(TypeError, match="numbers"):
        call_directly(strawberry.Schema(Query, subscription=root))


@strawberry.input
class Crate:
    weight: float
    within: list[Crate | None] = strawberry.field(default_factory=list)
    beside: Crate | None = None


def weighed(crate: Crate) -> float:
    inner = [crate.beside, *crate.within]
    return crate.weight + sum(weighed(each) for each in inner if each is not None)


@strawberry.type
class Scales:
    @strawberry.field
    def weight(self, crate: Crate) -> float:
        return weighed(crate)

    @strawberry.field
    def from_where(self, source: str, info: str) -> str:
        return f"{source} {info}"

    @strawberry.field
    async def awaited(self, source: str) -> str:
        return source


@strawberry.type
class Sources:
    @strawberry.subscription
    async def lines(self, source: str) -> AsyncGenerator[str, None]:
        yield source


@pytest.mark.anyio
async def test_an_input_type_may_contain_itself() -> None:
    schema = strawberry.Schema(Scales)
    call_directly(schema)
    crate = "{weight: 1, within: [{weight: 2, beside: {weight: 4}}, null], beside: {weight: 8}}"
    found = await schema.execute(f"{{ weight(crate: {crate}) }}")
    assert found.errors is None
    assert found.data == {"weight": 15.0}


@pytest.mark.anyio
async def test_an_argument_may_have_the_name_of_what_every_resolver_is_given() -> None:
    schema = strawberry.Schema(Scales, subscription=Sources)
    call_directly(schema)
    asked = '{ fromWhere(source: "10-K", info: "note") awaited(source: "price") }'
    found = await schema.execute(asked)
    assert found.errors is None
    assert found.data == {"fromWhere": "10-K note", "awaited": "price"}
    root = schema._schema.subscription_type
    assert root is not None
    subscribe = root.fields["lines"].subscribe
    assert subscribe is not None
    assert [line async for line in subscribe(None, None, source="filing")] == ["filing"]


YEARS = [1, 2]


@strawberry.type
class Growing:
    @strawberry.field
    def grown(self, years: list[int] = YEARS) -> list[int]:
        years.append(3)
        return years


@pytest.mark.anyio
async def test_a_list_that_is_a_default_is_every_calls_own() -> None:
    schema = strawberry.Schema(Growing)
    call_directly(schema)
    for _ in range(2):
        found = await schema.execute("{ grown }")
        assert found.data == {"grown": [1, 2, 3]}
    assert YEARS == [1, 2]
