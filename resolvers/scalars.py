"""Leaves of the schema that are more than one number."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, date, datetime
from json import dumps
from math import isfinite
from typing import Any, Final, NewType

import numpy as np
import strawberry
from graphql import GraphQLError
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.scalar import ScalarDefinition

from engine.door import FloatArray
from services.figures import shortened

FloatSeries = NewType("FloatSeries", object)
FloatGrid = NewType("FloatGrid", object)
InputDocument = NewType("InputDocument", object)
InputValue = NewType("InputValue", object)
KeptValue = NewType("KeptValue", object)
Base64 = NewType("Base64", bytes)
Variables = NewType("Variables", dict[str, Any])


def series(numbers: object) -> FloatSeries:
    return FloatSeries(numbers)


def grid(numbers: FloatArray) -> FloatGrid:
    return FloatGrid(numbers)


def _finite(dimensions: int) -> Any:
    def serialize(numbers: Any) -> Any:
        if dimensions == 1 and type(numbers) is list and all(map(isfinite, numbers)):
            return numbers  # a few numbers: quicker than a trip through an array
        array = np.asarray(numbers, dtype=np.float64)
        if array.ndim != dimensions or not np.isfinite(array).all():
            raise GraphQLError("A number left the range of a double.")
        return numbers if isinstance(numbers, list) else np.ascontiguousarray(array)

    return serialize


def _output_only(_value: Any) -> Any:
    raise GraphQLError("This type is only ever an output.")


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise GraphQLError("Variables are an object, with a value for each name.")
    return value


_QUOTED: Final = 80  # characters of what is no date


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        said = dumps(text, ensure_ascii=False, default=str)
        shown = shortened(said, _QUOTED)
        mend = "Write year, month and day as 2026-03-31 has them."
        raise GraphQLError(f"{shown} is no date. {mend}") from None


def _moment(text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:  # without a zone it is another moment at each place
            return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    shown = shortened(dumps(text, ensure_ascii=False, default=str), _QUOTED)
    mend = "Write it as 2026-11-23T12:00:00Z."
    raise GraphQLError(f"{shown} is no moment with a zone. {mend}")


SCALARS: Final[dict[object, ScalarDefinition]] = {
    date: replace(
        DEFAULT_SCALAR_REGISTRY[date],
        description="A day, such as 2024-09-27.",
        parse_value=_day,
    ),
    datetime: replace(
        DEFAULT_SCALAR_REGISTRY[datetime],
        description="A moment, RFC 3339, such as 2024-09-27T20:00:00+00:00.",
        parse_value=_moment,
    ),
    Base64: strawberry.scalar(
        name="Base64",
        description="The bytes of a file, in base64 with padding (RFC 4648, section 4).",
        serialize=lambda content: b64encode(content).decode(),
        parse_value=_output_only,
    ),
    FloatSeries: strawberry.scalar(
        name="FloatSeries",
        description="A JSON array of finite doubles.",
        serialize=_finite(1),
        parse_value=_output_only,
    ),
    FloatGrid: strawberry.scalar(
        name="FloatGrid",
        description="A JSON array of rows, each an array of finite doubles of the same length.",
        serialize=_finite(2),
        parse_value=_output_only,
    ),
    InputDocument: strawberry.scalar(
        name="InputDocument",
        description=(
            "A JSON object with the fields of a valuation's input type, defaults applied. Sent "
            "back as that input, it gives the same valuation id."
        ),
        parse_value=_output_only,
    ),
    InputValue: strawberry.scalar(
        name="InputValue",
        description=(
            "The value of one input as JSON: a number, a text, true or false, a list of numbers, "
            "or an object with the fields of its input type, such as `ScheduleInput`."
        ),
        parse_value=_output_only,
    ),
    Variables: strawberry.scalar(
        name="Variables",
        description="A JSON object with the values of an operation's variables.",
        parse_value=_object,
    ),
    KeptValue: strawberry.scalar(
        name="KeptValue",
        description=(
            "Something that stands in a kept result, as JSON: nearly always a number, in the "
            "number's own unit; else a text, true or false, a list or an object."
        ),
        parse_value=_output_only,
    ),
}
