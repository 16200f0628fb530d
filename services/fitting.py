"""Whether a value fits a shape: the one judge of JSON, which says all that is wrong at once.

A value that fits comes out as the input's own coercion would have made it: defaults written out,
numbers as doubles, days as ``2024-09-27``, and no nulls.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from math import isfinite
from types import MappingProxyType
from typing import Any, Final
from unicodedata import normalize

from engine.errors import Problem, ProblemCode
from services.shapes import (
    Choice,
    Day,
    Flag,
    Group,
    Line,
    Many,
    Number,
    Shape,
    Steps,
    Table,
    Text,
    is_readable,
    path_of,
)

_INT_32: Final = 2**31


def fit(shape: Shape, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    """The value as the document has it. What does not fit is said in ``problems``, by its path.

    What comes back is only of use where nothing was said.
    """
    judge = _JUDGES[type(shape)]
    return judge(shape, value, steps, problems)


def _say(
    problems: list[Problem], steps: Steps, code: ProblemCode, message: str, suggestion: str
) -> None:
    problems.append(Problem(path_of(steps), code, message, suggestion))


def _group(shape: Group, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    if not isinstance(value, dict):
        _say(
            problems,
            steps,
            "WRONG_TYPE",
            "This is a group of inputs, not one value.",
            # What is chosen from can be given as a whole; other groups are edited in their parts.
            (f"Give a {shape.name}, or one" if shape.one_of else "Give each")
            + f" of its inputs by a path of its own: {', '.join(shape.members)}.",
        )
        return None
    for name in value:
        if name not in shape.members:
            _say(
                problems,
                (*steps, name),
                "UNKNOWN",
                "There is no such input here.",
                f"Those that belong here are: {', '.join(shape.members)}.",
            )
    if shape.one_of:
        given = [name for name in shape.members if value.get(name) is not None]
        if len(given) != 1:
            names = ", ".join(shape.members)
            _say(
                problems,
                steps,
                "CONTRADICTION" if given else "MISSING",
                f"Exactly one of these has to be given: {names}.",
                "Give one, and leave the others out.",
            )
            return None
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        inner = value.get(name)
        if inner is not None:
            found[name] = fit(member.shape, inner, (*steps, name), problems)
        elif member.default is not None:
            found[name] = deepcopy(member.default)
        elif member.required:
            _say(
                problems,
                (*steps, name),
                "MISSING",
                "This input cannot be left out.",
                f"Give {words_of(member.shape)}.",
            )
    return found


def _many(shape: Many, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    if not isinstance(value, list):
        return _wrong(shape, value, steps, problems)
    return [fit(shape.of, item, (*steps, i), problems) for i, item in enumerate(value)]


def _number(shape: Number, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong(shape, value, steps, problems)
    if not shape.whole:
        try:
            double = float(value)
        except OverflowError:
            double = float("inf")
        if isfinite(double):
            return double
        _say(problems, steps, "NOT_FINITE", "This is not a finite number.", "Give a finite number.")
        return None
    if not (isfinite(value) and value == int(value)):
        return _wrong(shape, value, steps, problems)
    if not -_INT_32 <= value < _INT_32:
        message = "This is beyond what a count here can be."
        _say(problems, steps, "OUT_OF_RANGE", message, "Give a whole number within 32 bits.")
    return int(value)


def _text(shape: Text, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    return value if isinstance(value, str) else _wrong(shape, value, steps, problems)


def _line(shape: Line, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    if not isinstance(value, str):
        return _wrong(shape, value, steps, problems)
    line = normalize("NFC", value.strip())
    if not is_readable(line, shape.most):
        _say(
            problems,
            steps,
            "WRONG_LENGTH",
            f"A name is one line of 1 to {shape.most} characters.",
            "Give a shorter name." if len(line) > shape.most else "Give a name that can be read.",
        )
    return line


def _flag(shape: Flag, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    return value if isinstance(value, bool) else _wrong(shape, value, steps, problems)


def _day(shape: Day, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        return _wrong(shape, value, steps, problems)


def _choice(shape: Choice, value: Any, steps: Steps, problems: list[Problem]) -> Any:
    if not isinstance(value, str):
        return _wrong(shape, value, steps, problems)
    if value in shape.names:
        return value
    message = "This is none of the names that are known here."
    _say(problems, steps, "UNKNOWN", message, f"Give {words_of(shape)}.")
    return None


def _table(_shape: Table, value: Any, _steps: Steps, _problems: list[Problem]) -> Any:
    return value


def _wrong(shape: Shape, value: Any, steps: Steps, problems: list[Problem]) -> None:
    wanted = words_of(shape)
    _say(problems, steps, "WRONG_TYPE", misplaced(wanted, value), f"Give {wanted}.")


_GIVEN: Final[Mapping[type, str]] = MappingProxyType(
    dict.fromkeys((int, float), "a number")  # what JSON has, for a person
    | {bool: "true or false", str: "a text", list: "a list", dict: "an object"}
)
_JUDGES: Final[Mapping[type, Any]] = MappingProxyType(
    {
        Group: _group,
        Many: _many,
        Number: _number,
        Text: _text,
        Line: _line,
        Flag: _flag,
        Day: _day,
        Choice: _choice,
        Table: _table,
    }
)


def misplaced(wanted: str, value: Any) -> str:
    """What a place takes, and what was given instead, as a sentence."""
    given = "nothing" if value is None else _GIVEN[type(value)]
    noun = given.rsplit(" ", 1)[-1]
    if noun in wanted.partition(",")[0].split():  # a number, and no whole one
        given = f"another {noun}"
    return f"This takes {wanted}, and {given} was given."


def words_of(shape: Shape) -> str:
    """What has to be given, for a person."""
    match shape:
        case Number(whole=True):
            return "a whole number"
        case Number():
            return "a number"
        case Text() | Line():
            return "a text"
        case Flag():
            return "true or false"
        case Day():
            return "a day as a text, such as 2024-09-27"
        case Choice():
            return f"one of the texts {', '.join(shape.names)}"
        case Many():
            return "a list of numbers" if isinstance(shape.of, Number) else "a list"
        case Group(one_of=True):
            return f"exactly one of {', '.join(shape.members)}"
        case Group():
            return f"an object with {', '.join(shape.members)}"
        case Table():
            return "an object"
