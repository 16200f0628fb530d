"""Inputs in a file: valued where they can be, and what is wrong with them said of the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from api.embedded import Embedded, QueryFailed
from api.terminals.explain import refusal
from api.terminals.selections import NoInputs, kind_of
from api.terminals.selections import valued as valuing

_ID: Final = """... on Valuation { id }
  ... on Refusal { code message issues { path message suggestion } }"""
_VARIABLE: Final = re.compile(r"(?s)Variable '\$input' has invalid value(?: at \.?(\S+))?: (.*)")
_NO_NUMBER: Final = re.compile(r"(?s)(?:Float|Int) cannot represent non[- ]\w+ value: '(.*)'")
_NULL: Final = re.compile(r"Expected value of non-null type '.*' not to be None\.")
_ONE_OF: Final = "Within OneOf Input Object type"
# A number as people write it: thousands in groups, a share in percent. What may be read in two
# ways, as 0,25 and 1,250, is not here.
_WRITTEN: Final = re.compile(
    r"(-?[1-9]\d{0,2}(?:(?:,\d{3}){2,}(?:\.\d+)?|,\d{3}\.\d+)|-?\d+(?:\.\d+)?(?P<percent> ?%)?)"
)


class NotValued(Exception):
    """Why the inputs in a file have no value, as a person reads it."""


async def valued(embedded: Embedded, document: Mapping[str, Any], file: object) -> str:
    """Value a document of any kind, and keep it: its valuation's id.

    Raises:
        NotValued.
    """
    try:
        kind = kind_of(embedded.schema, document, file)
        outcome = (await embedded.data(valuing(_ID, kind), {"input": document}))["valued"]
    except NoInputs as no:
        raise NotValued(str(no)) from None
    except QueryFailed as no:
        raise NotValued("\n".join(of_file(each, file) for each in str(no).split("\n"))) from None
    if "id" not in outcome:
        raise NotValued(f"{file} cannot be valued.\n{refusal(outcome)}")
    found: str = outcome["id"]
    return found


async def id_of(embedded: Embedded, source: str | Mapping[str, Any], file: object) -> str:
    """As it was given; of a document, the id of its valuation.

    Raises:
        NotValued.
    """
    return source if isinstance(source, str) else await valued(embedded, source, file)


def of_file(message: str, file: object) -> str:
    """What is said of the variable that a file's inputs are sent as, said of the file."""
    match = _VARIABLE.fullmatch(message)
    if match is None:
        return message
    at, said = match.groups()
    return f"{file} at {at}: {_in_words(said)}" if at else f"{file}: {_in_words(said)}"


def _in_words(said: str) -> str:
    if _NULL.fullmatch(said):
        return "This is null. Give a value."
    if said.startswith(_ONE_OF):
        return "Give exactly one of its fields, with a value that is not null."
    text = _NO_NUMBER.fullmatch(said)
    if text is None:
        return said
    written, whole = _WRITTEN.fullmatch(text[1]), said.startswith("Int")
    such = ""
    if written:
        digits = written[1].rstrip("% ").replace(",", "")
        number = float(f"{digits}e-2" if written["percent"] else digits)
        such = "" if whole and not number.is_integer() else f": {number:.15g}"
    kind = "a whole number" if whole else "a number"
    return f"{said}\n  → Write {kind} without quotes, % or separators{such}."
