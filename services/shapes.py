"""What may stand where in a document: shapes, as plain data, and the places in them.

A kind's shape is read off its input type, see ``resolvers/shapes.py``, so nothing is said twice.
Whether a value fits is ``services/fitting.py``'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, TypeAlias
from unicodedata import bidirectional, category

PATH_MOST: Final = 200  # characters
_STEP: Final = re.compile(r"\.?([A-Za-z][A-Za-z0-9-]*)|\[(0|[1-9][0-9]{0,3})\]")
_UNPRINTED: Final = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})

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


def is_printed(text: str) -> bool:
    """Whether a text is one line that can be shown among others.

    A control character has no meaning in one, and what turns the direction of writing around would
    turn that of the words beside it as well.
    """
    return not any(category(sign) in _UNPRINTED or bidirectional(sign) in _TURNING for sign in text)


def is_readable(line: str, most: int) -> bool:
    """Whether it is one line of 1 to ``most`` characters that can be shown, some of them seen."""
    return (
        len(line) <= most
        and is_printed(line)
        and any(category(sign) not in ("Cf", "Zs") for sign in line)
    )


# Places


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
