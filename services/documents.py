"""A kind's documents, read off its dataclasses: one reader and one writer for all kinds.

A document is JSON in the schema's names. The engine's inputs have the same names with underscores,
so nothing has to be said of them a second time: a group is a dataclass, a list a tuple, a choice
the class whose ``BRANCH`` is the one name in it. What a document leaves out has the default of the
dataclass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from services.words import camel, for_callers

T = TypeVar("T")
Read: TypeAlias = Callable[[Any], Any]


def reader(group: type[T]) -> Callable[[Mapping[str, Any]], T]:
    """How documents of the shape of ``group`` become one. Their types are the schema's already.

    Raises:
        TypeError: for a field of a type that no document can hold; when the reader is made.
    """
    plan = [
        (field.name, camel(field.name), _read_as(hints[field.name]))
        for hints in (get_type_hints(group),)
        for field in dataclasses.fields(group)  # type: ignore[arg-type] # T is a dataclass
    ]

    def read(document: Mapping[str, Any]) -> T:
        given = {}
        for name, key, convert in plan:
            value = document.get(key)
            if value is not None:
                given[name] = value if convert is None else convert(value)
        return group(**given)

    return read


def document_of(result: Any) -> Any:
    """A dataclass as a document: groups, tuples and words; numbers and arrays as they are."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {
            camel(field.name): document_of(getattr(result, field.name))
            for field in dataclasses.fields(result)
        }
    if isinstance(result, Enum):
        return result.value
    if isinstance(result, date):
        return result.isoformat()
    if isinstance(result, tuple | list):
        return [document_of(each) for each in result]
    return result


def answer_document(answer: Any) -> dict[str, Any]:
    """An answer that has the shape of its document, with its remarks in the callers' words.

    The inputs that it may hold are kept by themselves.
    """
    document: dict[str, Any] = {
        camel(field.name): document_of(getattr(answer, field.name))
        for field in dataclasses.fields(answer)
        if field.name != "inputs"
    }
    document["remarks"] = [
        {
            "code": remark["code"],
            "path": camel(remark["path"]),
            "message": for_callers(remark["message"]),
        }
        for remark in document["remarks"]
    ]
    return document


def _read_as(hint: Any) -> Read | None:
    """How a value of a document becomes one of this type; None: it is one."""
    if get_origin(hint) in (Union, UnionType):
        return _choice([each for each in get_args(hint) if each is not NoneType])
    if get_origin(hint) is tuple:
        each = _read_as(get_args(hint)[0])
        return tuple if each is None else lambda given: tuple(map(each, given))
    if isinstance(hint, type):
        if dataclasses.is_dataclass(hint):
            return reader(hint)
        if issubclass(hint, Enum):
            return hint
        if issubclass(hint, date):
            return hint.fromisoformat
        if issubclass(hint, bool | int | float | str):
            return None
    raise TypeError(f"no document holds a {hint}")


def _choice(options: list[Any]) -> Read | None:
    groups: list[Any] = [option for option in options if dataclasses.is_dataclass(option)]
    if not groups:  # a number alone or in a batch; a document has it alone
        return _read_as(options[0])
    if len(groups) == 1:
        return reader(groups[0])
    branches = {camel(group.BRANCH): reader(group) for group in groups if group.BRANCH}
    plain = next((reader(group) for group in groups if not group.BRANCH), None)

    def read(given: Mapping[str, Any]) -> Any:
        for name, branch in branches.items():
            within = given.get(name)
            if within is not None:
                return branch(within)
        if plain is None:
            raise KeyError(f"one of {', '.join(branches)}")
        return plain(given)

    return read
