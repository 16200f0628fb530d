"""What may stand where in a document: plain data, and the one judge of JSON by it.

A kind's shape is read off its input type, see ``resolvers/shapes.py``, so nothing is said twice. A
value that fits comes out as the input's own coercion would have made it: defaults written out,
numbers as doubles, days as ``2024-09-27``, and no nulls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from unicodedata import bidirectional, category, normalize

from engine.errors import Problem, ProblemCode

PATH_MOST: Final = 200  # characters
_STEP: Final = re.compile(r"\.?([A-Za-z][A-Za-z0-9-]*)|\[(0|[1-9][0-9]{0,3})\]")
_INT_32: Final = 2**31

Step: TypeAlias = str | int
Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A double; ``whole``: a count, within 32 bits."""

    whole: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Any text. What it may say, the kind's door knows."""


@dataclass(frozen=True, slots=True)
class Line:
    """A name: one line, trimmed, of 1 to ``most`` characters."""

    most: int


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Day:
    """A date."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few names."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Many:
    """A list, all of one shape."""

    of: Shape


@dataclass(frozen=True, slots=True)
class Table:
    """Objects under keys that people choose; each is judged by whoever knows what it means."""


@dataclass(frozen=True, slots=True)
class Member:
    """What stands under a name; ``default``: None where there is none."""

    shape: Shape
    required: bool
    default: Any = None  # JSON
    by_path: bool = True  # False: nobody edits it so


@dataclass(frozen=True, slots=True)
class Group:
    """An object; with ``one_of``, a choice between its members."""

    name: str  # of the input type
    members: Mapping[str, Member]
    one_of: bool = False

    def by_year(self) -> str | None:
        """The member that an index on the group itself means: its one list of numbers."""
        lists = [
            name
            for name, member in self.members.items()
            if isinstance(member.shape, Many) and isinstance(member.shape.of, Number)
        ]
        return lists[0] if self.one_of and len(lists) == 1 else None


Shape: TypeAlias = Number | Text | Line | Flag | Day | Choice | Many | Table | Group


# Paths


def steps_of(path: str) -> Steps | None:
    """``operations.taxRate.byYear[3]`` as its steps; None for what is no path."""
    if not 0 < len(path) <= PATH_MOST or path[0] in ".[":
        return None
    steps: list[Step] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        steps.append(match[1] if match[2] is None else int(match[2]))
        at = match.end()
    return tuple(steps)


def path_of(steps: Sequence[Step]) -> str:
    """The steps as a path."""
    spelled = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(spelled).removeprefix(".")


def overlap(one: Sequence[Step], other: Sequence[Step]) -> bool:
    """Whether one of them is the other, or a part of it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def canonical_steps(shape: Shape, steps: Steps) -> Steps | None:
    """The same place in its one spelling; None where the shape has no such place.

    ``operations.taxRate[3]`` is short for ``operations.taxRate.byYear[3]``.
    """
    found: list[Step] = []
    for step in steps:
        if isinstance(step, int) and isinstance(shape, Group):
            name = shape.by_year()
            if name is None:
                return None
            found.append(name)
            shape = shape.members[name].shape
        if isinstance(shape, Group) and step in shape.members:
            shape = shape.members[str(step)].shape
        elif isinstance(shape, Many) and isinstance(step, int):
            shape = shape.of
        elif isinstance(shape, Table) and isinstance(step, str) and len(found) + 1 == len(steps):
            pass  # an entry of a table is edited as a whole
        else:
            return None
        found.append(step)
    return tuple(found)


def member_at(shape: Shape, steps: Steps) -> Member:
    """What the shape says of a place. ``steps`` are canonical."""
    found = Member(shape, required=True)
    for step in steps:
        if isinstance(found.shape, Group):
            found = found.shape.members[str(step)]
        elif isinstance(found.shape, Many):
            found = Member(found.shape.of, required=True)
        else:
            found = Member(found.shape, required=False)
    return found


def value_at(document: Any, steps: Steps) -> Any:
    """What stands at a place of a document; None where nothing does."""
    for step in steps:
        if isinstance(document, list) and isinstance(step, int):
            document = document[step] if step < len(document) else None
        elif isinstance(document, dict):
            document = document.get(step)
        else:
            return None
    return document


def known_paths(shape: Shape, before: str = "") -> Iterator[str]:
    """Every path to edit, without an index, with branches of a choice, in the shape's order."""
    if isinstance(shape, Group):
        for name, member in shape.members.items():
            if not member.by_path:
                continue
            path = f"{before}.{name}" if before else name
            yield path
            yield from known_paths(member.shape, path)


def meant(shape: Group, path: str) -> str:
    """What the caller of an unknown path could have meant, as a suggestion."""
    asked = re.sub(r"\[\d*\]", "", path[:PATH_MOST])
    known = list(known_paths(shape))
    last = asked.rsplit(".", 1)[-1]
    likely = [name for name in known if last and name.rsplit(".", 1)[-1] == last]
    near = get_close_matches(asked, known, 2, 0.85) or get_close_matches(asked, known, 2, 0.6)
    likely += [name for name in near if name not in likely]
    if likely:
        return f"Did you mean {' or '.join(likely[:3])}?"
    begins = (name for name, member in shape.members.items() if member.by_path)
    return f"A path begins with one of: {', '.join(begins)}."


# Values


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
    seen = any(category(sign) != "Cf" for sign in line)
    if not seen or len(line) > shape.most or not is_printed(line):
        _say(
            problems,
            steps,
            "WRONG_LENGTH",
            f"A name is one line of 1 to {shape.most} characters.",
            "Give a shorter name." if len(line) > shape.most else "Give a name that can be read.",
        )
    return line


def is_printed(text: str) -> bool:
    """Whether a text is one line that can be shown among others.

    A control character has no meaning in one, and what turns the direction of writing around would
    turn that of the words beside it as well.
    """
    return not any(category(sign) in _UNPRINTED or bidirectional(sign) in _TURNING for sign in text)


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
_UNPRINTED: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
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
