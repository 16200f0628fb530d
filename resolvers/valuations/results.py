"""Documents of results as the schema's types: one reader for every kind.

A result's document has the schema's names, so a type is filled by its own fields: a group by a
type, a list of groups by a list of types. What a document lacks is null: it was kept before there
was such a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any, TypeVar

from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryList, StrawberryOptional

from services.words import camel

T = TypeVar("T")


def filled(what: type[T], document: Mapping[str, Any], /, **given: Any) -> T:
    """An object of the type from a document; ``given`` fields are not looked for in it."""
    found = {
        name: value if read is None or value is None else read(value)
        for name, key, read in _plan(what)  # type: ignore[arg-type] # a class can be hashed
        if name not in given
        for value in (document.get(key),)
    }
    return what(**found, **given)


@cache
def _plan(what: Any) -> tuple[tuple[str, str, Callable[[Any], Any] | None], ...]:
    """Each field's name, its name in a document, and how its value there is read."""
    fields = get_object_definition(what, strict=True).fields
    return tuple(
        (field.python_name, camel(field.python_name), _reader(field.type))
        for field in fields
        if field.init and field.base_resolver is None
    )


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    if isinstance(hint, StrawberryOptional):
        return _reader(hint.of_type)
    if isinstance(hint, StrawberryList):
        each = _reader(hint.of_type)
        return None if each is None else lambda given: [each(one) for one in given]
    if get_object_definition(hint) is not None:
        return lambda given: filled(hint, given)
    if hint is date:
        return date.fromisoformat
    return None
