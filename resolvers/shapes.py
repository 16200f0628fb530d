"""What may stand in a kind's document, read off its input type: said once, in the schema."""

from __future__ import annotations

from typing import Any, Final

import orjson
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from services.shapes import Choice, Day, Flag, Group, Many, Member, Number, Shape, Text

INPUTS: Final = "ModelInputs"  # the choice between the kinds' input types
_SCALARS: Final[dict[str, Shape]] = {
    "Float": Number(),
    "Int": Number(whole=True),
    "String": Text(),
    "Boolean": Flag(),
    "Date": Day(),
}


def shapes_of(schema: strawberry.Schema) -> dict[str, Group]:
    """Kind to the shape of its inputs, for every kind that a model can be of."""
    choice = schema._schema.type_map[INPUTS]  # noqa: SLF001 - Strawberry offers no other way
    if not isinstance(choice, GraphQLInputObjectType):
        raise TypeError(f"{INPUTS} is a choice of input types")
    found = {}
    for name, field in choice.fields.items():
        shape = _shape(field.type)
        if not isinstance(shape, Group):
            raise TypeError(f"{INPUTS}.{name} is an object")
        found[kind_of(name)] = shape
    return found


def kind_of(name: str) -> str:
    """``realOption`` of the choice is the kind REAL_OPTION."""
    return "".join(f"_{sign}" if sign.isupper() else sign for sign in name).upper()


def _shape(kind: GraphQLInputType) -> Shape:
    if isinstance(kind, GraphQLNonNull):
        return _shape(kind.of_type)
    if isinstance(kind, GraphQLList):
        return Many(_shape(kind.of_type))
    if isinstance(kind, GraphQLEnumType):
        return Choice(tuple(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        members = {name: _member(field) for name, field in kind.fields.items()}
        return Group(kind.name, members, one_of=kind.is_one_of)
    try:
        return _SCALARS[kind.name]
    except KeyError:
        raise TypeError(f"no shape is known for an input of type {kind.name}") from None


def _member(field: GraphQLInputField) -> Member:
    default: Any = coerce_default_value(field)
    # Through JSON: an enum's default is its word, as it is in a document.
    json = None if default is Undefined else orjson.loads(orjson.dumps(default))
    return Member(_shape(field.type), is_required_input_field(field), json)
