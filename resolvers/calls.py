"""How resolvers are called: what Strawberry works out at each call is worked out once here.

graphql-core has coerced the arguments; what is left is to give them their Python names, and to
turn a `Refused` into an answer where the field has a `Refusal`. This is the one place for that.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import strawberry
from graphql import GraphQLObjectType
from strawberry.types.base import StrawberryList, StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

from engine.errors import Refused
from resolvers.refusal import Refusal
from services.errors import Forbidden

DEFINITION: Final = "strawberry-definition"  # where graphql-core's types keep Strawberry's
Reader = Callable[[Any], Any]


def call_directly(schema: strawberry.Schema) -> None:
    """Give every resolver of a schema its direct call, in place.

    Raises:
        TypeError: for a resolver of a form that is not known here.
    """
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - Strawberry has no other door
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                definition = field.extensions[DEFINITION]
                if definition.is_subscription:
                    field.subscribe = _stream(schema, definition)
                elif definition.base_resolver is not None:
                    field.resolve = _call(schema, definition, f"{kind.name}.{name}")


def _stream(schema: strawberry.Schema, field: StrawberryField) -> Callable[..., Any]:
    """A subscription's resolver yields events; a `Refused` that it raises ends the stream."""
    function, given = _given(schema, field)
    if not inspect.isasyncgenfunction(function):
        raise TypeError(f"{field.python_name}: a subscription is an async generator")

    # Before the slash: an argument of the schema may be called `source` or `info`, too.
    def subscribe(_source: Any, info: Any, /, **coerced: Any) -> Any:
        return function(None, **given(info, coerced))

    return subscribe


def _given(
    schema: strawberry.Schema, field: StrawberryField
) -> tuple[Callable[..., Any], Callable[[Any, Mapping[str, Any]], dict[str, Any]]]:
    """The function behind a resolver, and what makes its arguments of coerced ones."""
    resolver: Any = field.base_resolver
    known = resolver.self_parameter and not (
        field.extensions or resolver.parent_parameter or resolver.root_parameter
    )
    if not known:
        raise TypeError(f"{field.python_name}: a resolver takes self, info and its arguments")
    arguments = {
        schema.config.name_converter.from_argument(argument): (
            argument.python_name,
            _reader(schema, argument.type, {}),
        )
        for argument in field.arguments
    }
    info_name = resolver.info_parameter.name if resolver.info_parameter else None

    def given(info: Any, coerced: Mapping[str, Any]) -> dict[str, Any]:
        found = {} if info_name is None else {info_name: info}
        for name, value in coerced.items():
            python_name, read = arguments[name]
            found[python_name] = value if read is None or value is None else read(value)
        return found

    return resolver.wrapped_func, given


def _call(schema: strawberry.Schema, field: StrawberryField, called: str) -> Callable[..., Any]:
    function, given = _given(schema, field)
    answers = _has_refusal(field.type)

    if not inspect.iscoroutinefunction(function):

        def resolve(source: Any, info: Any, /, **coerced: Any) -> Any:
            try:
                return function(source, **given(info, coerced))
            except Refused as no:
                if not answers:
                    raise
                return Refusal.of(no)

        return resolve

    async def answered(waiting: Awaitable[Any], info: Any) -> Any:
        try:
            return await waiting
        except Refused as no:
            if isinstance(no, Forbidden) and called.startswith("Mutation."):
                # Who tries what they may not do is somebody that the tenant wants to know of.
                await info.context.services.auditing.looks.saw(
                    info.context.principal, "act.refused", "field", called
                )
            return Refusal.of(no)

    def begin(source: Any, info: Any, /, **coerced: Any) -> Any:
        waiting = function(source, **given(info, coerced))
        return answered(waiting, info) if answers else waiting

    return begin


def _reader(schema: strawberry.Schema, kind: Any, begun: dict[Any, Reader]) -> Reader | None:
    """What turns a coerced value that is not null into the argument; None: it is that already.

    ``begun`` has the readers of input types that are being made: a type may contain itself.
    """
    if isinstance(kind, StrawberryOptional):
        return _reader(schema, kind.of_type, begun)
    if isinstance(kind, StrawberryList):
        inner = _reader(schema, kind.of_type, begun)
        if inner is None:
            return list  # a default is shared between requests: each gets its own
        return lambda values: [None if value is None else inner(value) for value in values]
    if not has_object_definition(kind):
        return None
    if kind in begun:
        return begun[kind]
    hook = kind.__strawberry_definition__.from_input
    if hook is not None:
        context: Any = None  # our hooks need none
        return lambda value: hook(kind, value, context)
    fields: dict[str, tuple[str, Reader | None]] = {}

    def members(value: Mapping[str, Any]) -> Any:
        found = {}
        for name, inner_value in value.items():
            python_name, read = fields[name]
            plain = read is None or inner_value is None
            found[python_name] = inner_value if plain else read(inner_value)  # type: ignore[misc] # not plain
        return kind(**found)

    begun[kind] = members
    for field in kind.__strawberry_definition__.fields:
        name = schema.config.name_converter.get_graphql_name(field)
        fields[name] = field.python_name, _reader(schema, field.type, begun)
    return members


def _has_refusal(kind: Any) -> bool:
    while isinstance(kind, StrawberryOptional):
        kind = kind.of_type
    return isinstance(kind, StrawberryUnion) and Refusal in kind.types
