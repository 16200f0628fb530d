"""Variables to resolver arguments: one function for each type, made once.

It answers exactly what graphql-core's coercion answers, or raises `Unusual`: whatever is not
plainly right is left to the reference, whose words the caller then reads.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
    Undefined,
    is_required_input_field,
)
from graphql.utilities.coerce_input_value import coerce_default_value

Coercer = Callable[[Any], Any]
_EXACT_INTEGERS: Final = 2**53
_INT_32: Final = 2**31


class Unusual(Exception):
    """This value is for the reference to judge. Raised before anything has run."""


class Coercers:
    """The coercers of one schema."""

    def __init__(self) -> None:
        self._objects: dict[str, Coercer] = {}

    def of(self, kind: GraphQLInputType) -> Coercer:
        """The coercer of a type."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type)
        inner = self._present(kind)

        def nullable(value: Any) -> Any:
            return None if value is None else inner(value)

        return nullable

    def _present(self, kind: Any) -> Coercer:
        if isinstance(kind, GraphQLList):
            return self._list(kind)
        if isinstance(kind, GraphQLInputObjectType):
            known = self._objects.get(kind.name)
            if known is None:

                def later(value: Any) -> Any:  # a type may contain itself
                    return self._objects[kind.name](value)

                self._objects[kind.name] = later
                known = self._objects[kind.name] = self._object(kind)
            return known
        if isinstance(kind, GraphQLEnumType):
            return _enum(kind)
        return _SCALARS.get(kind.name) or _custom(kind)

    def _list(self, kind: Any) -> Coercer:
        item = self.of(kind.of_type)
        floats = item is _float

        def items(value: Any) -> list[Any]:
            if type(value) is not list:  # one value stands for a list of one
                raise Unusual
            if floats and all(type(number) is float for number in value):
                return value  # JSON was read strictly: every float in it is finite
            return [item(each) for each in value]

        return items

    def _object(self, kind: GraphQLInputObjectType) -> Coercer:
        fields = [
            (name, field.out_name or name, self.of(field.type), *_absent(field))
            for name, field in kind.fields.items()
        ]
        one_of, out_type = kind.is_one_of, kind.out_type

        def members(value: Any) -> Any:
            if type(value) is not dict:
                raise Unusual
            found: dict[str, Any] = {}
            given = 0
            for name, out_name, coerce, required, default in fields:
                if name in value:
                    given += 1
                    found[out_name] = coerce(value[name])
                elif required:
                    raise Unusual
                elif default is not Undefined:
                    found[out_name] = default
            if given != len(value):  # a name that is no field
                raise Unusual
            if one_of and (given != 1 or len(found) != 1 or None in found.values()):
                raise Unusual
            try:
                return out_type(found)
            except Exception:  # Strawberry checks a choice of one here
                raise Unusual from None

        return members


def _absent(field: GraphQLInputField) -> tuple[bool, Any]:
    """(required, default) of a field that is left out."""
    required = is_required_input_field(field)
    return required, Undefined if required else coerce_default_value(field)


def _enum(kind: GraphQLEnumType) -> Coercer:
    table = {name: kind.coerce_input_value(name) for name in kind.values}

    def member(value: Any) -> Any:
        if type(value) is not str or value not in table:
            raise Unusual
        return table[value]

    return member


def _custom(kind: Any) -> Coercer:
    def scalar(value: Any) -> Any:
        try:
            found = kind.coerce_input_value(value)
        except Exception:
            raise Unusual from None  # the reference says why
        if found is Undefined:
            raise Unusual
        return found

    return scalar


def _float(value: Any) -> float:
    if type(value) is float and isfinite(value):
        return value
    if type(value) is int and -_EXACT_INTEGERS <= value <= _EXACT_INTEGERS:
        return float(value)
    raise Unusual


def _int(value: Any) -> int:
    if type(value) is int and -_INT_32 <= value < _INT_32:
        return value
    raise Unusual


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    raise Unusual


def _bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise Unusual


_SCALARS: Final[dict[str, Coercer]] = {
    GraphQLFloat.name: _float,
    GraphQLInt.name: _int,
    GraphQLString.name: _text,
    GraphQLID.name: _text,
    GraphQLBoolean.name: _bool,
}
