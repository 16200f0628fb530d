"""How long each real resolver took.

The schema is walked once and its resolvers are wrapped in place. It may be shared by several
applications (tests build many on one schema), so a wrapper belongs to none of them: it reports
to the operation that is under way in its context, and does nothing outside of one.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any, TypeVar

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_union_type

from observability.operations import Operation, under_way

_Value = TypeVar("_Value")
_Resolver = Callable[..., Any]
_MARK = "valor_timed"


def time_resolvers(schema: GraphQLSchema) -> tuple[str, ...]:
    """Wrap every resolver that does work, once; (``Type.field``, …) of those.

    A plain attribute keeps its own resolver and costs nothing. Subscriptions are left alone:
    what they do happens in ``subscribe``. May be called again on the same schema.
    """
    timed = []
    for type_name, kind in schema.type_map.items():
        if type_name.startswith("__") or not isinstance(kind, GraphQLObjectType):
            continue
        if kind is schema.subscription_type:
            continue
        for field_name, field in kind.fields.items():
            resolve = field.resolve
            # Strawberry gives every field a resolver, and says which ones read an attribute.
            if resolve is None or getattr(resolve, "_is_default", False):
                continue
            coordinate = f"{type_name}.{field_name}"
            timed.append(coordinate)
            if not hasattr(resolve, _MARK):
                answers = is_union_type(get_named_type(field.type))
                field.resolve = _timed(coordinate, resolve, answers)
    return tuple(timed)


def _timed(coordinate: str, resolve: _Resolver, answers: bool) -> _Resolver:
    """Time ``resolve``; with ``answers``, also look whether it returned a refusal.

    Not async: a coroutine for each synchronous resolver would double the time of a list.
    """

    @functools.wraps(resolve)
    def timed(source: Any, info: Any, /, **arguments: Any) -> Any:
        operation = under_way.get()
        if operation is None:
            return resolve(source, info, **arguments)
        began_ns = perf_counter_ns()
        try:
            result = resolve(source, info, **arguments)
        except BaseException:
            operation.timers[coordinate].observe(perf_counter_ns() - began_ns)
            if operation.sampled:
                with operation.tracer.span(coordinate, began_ns):
                    raise
            raise
        if hasattr(result, "__await__"):
            return _awaited(operation, coordinate, result, answers, began_ns)
        operation.timers[coordinate].observe(perf_counter_ns() - began_ns)
        if operation.sampled:
            # Told afterwards: only now is it known that nothing is left to await.
            with operation.tracer.span(coordinate, began_ns):
                pass
        if answers:
            _note(operation, result)
        return result

    setattr(timed, _MARK, coordinate)
    return timed


async def _awaited(
    operation: Operation,
    coordinate: str,
    result: Awaitable[_Value],
    answers: bool,
    began_ns: int,
) -> _Value:
    try:
        if operation.sampled:
            with operation.tracer.span(coordinate, began_ns):
                value = await result
        else:
            value = await result
    finally:
        operation.timers[coordinate].observe(perf_counter_ns() - began_ns)
    if answers:
        _note(operation, value)
    return value


def _note(operation: Operation, result: object) -> None:
    code = operation.recognise(result)
    if code is not None:
        operation.answers.append(code)
