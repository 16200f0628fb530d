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
