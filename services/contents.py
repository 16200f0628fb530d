"""All that a model says, as one document: the kind's inputs, and beside them the model's own words.

What changed between two documents is a list of places, each as deep as can be: a place is never
inside another, and what it stands in is there before and after. So changes can be played back, and
a path that is not among them has not changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from services.shapes import (
    Choice,
    Flag,
    Group,
    Line,
    Many,
    Member,
    Shape,
    Steps,
    Table,
    path_of,
    steps_of,
)

Document = dict[str, Any]

NAME_MOST: Final = 200
_SCENARIOS_TOUCHED: Final = 100  # paths of scenarios, deleted ones included


class Unit(StrEnum):
    """How a person sees amounts of money. Inputs are in whole units whatever stands here."""

    ONES = "ONES"
    THOUSANDS = "THOUSANDS"
    MILLIONS = "MILLIONS"
    BILLIONS = "BILLIONS"


OWN: Final[Mapping[str, Member]] = {
    "name": Member(Line(NAME_MOST), required=True),
    "unit": Member(Choice(tuple(Unit)), required=True),
    "archived": Member(Flag(), required=True, by_path=False),
    "scenarios": Member(Table(), required=True),
}


def model_shape(inputs: Group) -> Group:
    """A kind's shape with the model's own words before it.

    Raises:
        ValueError: if an input of the kind has a name of the model's.
    """
    if clash := OWN.keys() & inputs.members.keys():
        raise ValueError(f"{inputs.name}: {', '.join(sorted(clash))} would have two meanings")
    return Group(inputs.name, {**OWN, **inputs.members})


def joined(own: Mapping[str, Any], inputs: Document) -> Document:
    """One document of the model's own words and its inputs."""
    return {name: own[name] for name in OWN} | inputs


def inputs_in(document: Document) -> Document:
    """The inputs of a model's document."""
    return {name: value for name, value in document.items() if name not in OWN}


def canonical_text(value: Any) -> str:
    """JSON with sorted keys and shortest numbers."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def copied(document: Any) -> Any:
    """JSON that may be changed without changing the other."""
    return orjson.loads(orjson.dumps(document))


class Change(NamedTuple):
    """A place where two documents differ; None: nothing stands there."""

    steps: Steps
    old: Any
    new: Any


def differences(shape: Shape, before: Any, after: Any, steps: Steps = ()) -> Iterator[Change]:
    """Every change from one document to another, in the shape's order."""
    # Compared as JSON, since 0.0 and -0.0 are equal and are two documents.
    if canonical_text(before) == canonical_text(after):
        return
    both = isinstance(before, dict) and isinstance(after, dict)
    if isinstance(shape, Group) and both and (not shape.one_of or before.keys() == after.keys()):
        for name, member in shape.members.items():
            inner = (before.get(name), after.get(name))
            yield from differences(member.shape, *inner, (*steps, name))
    elif isinstance(shape, Table) and both:
        for key in sorted(before.keys() | after.keys()):
            old, new = before.get(key), after.get(key)
            if canonical_text(old) != canonical_text(new):
                yield Change((*steps, key), old, new)
    elif isinstance(shape, Many) and _same_length(before, after):
        for number, inner in enumerate(zip(before, after, strict=True)):
            yield from differences(shape.of, *inner, (*steps, number))
    else:
        yield Change(steps, before, after)


def _same_length(before: Any, after: Any) -> bool:
    return isinstance(before, list) and isinstance(after, list) and len(before) == len(after)


def play(document: Document, changes: Iterable[Change]) -> None:
    """Make the changes in the document itself."""
    for steps, _, new in changes:
        *parents, last = steps
        node: Any = document
        for step in parents:
            node = node[step]
        if new is None:
            node.pop(last, None)
        else:
            node[last] = new


def changes_text(changes: Iterable[Change]) -> str:
    """Changes as the log keeps them."""
    return canonical_text(
        [{"path": path_of(steps), "old": old, "new": new} for steps, old, new in changes]
    )


def changes_of(text: str) -> list[Change]:
    """Changes as the log has kept them."""
    return [
        Change(steps_of(each["path"]) or (), each["old"], each["new"])
        for each in orjson.loads(text)
    ]


# Who changed a path last


def touched_after(
    touched: Mapping[str, int], changes: Iterable[Change], revision: int
) -> dict[str, int]:
    """Path to the revision that changed it last, with a revision's changes added."""
    paths = [path_of(change.steps) for change in changes]
    # What is inside a place that changed as a whole has no history of its own any more.
    parts = tuple(f"{path}{sign}" for path in paths for sign in ".[")
    kept = {path: seen for path, seen in touched.items() if not path.startswith(parts)}
    kept |= dict.fromkeys(paths, revision)
    scenarios = [path for path in kept if path.startswith("scenarios.")]
    if len(scenarios) > _SCENARIOS_TOUCHED:  # keys are people's: made and deleted without end
        newest = max(kept.pop(path) for path in scenarios)
        kept["scenarios"] = max(newest, kept.get("scenarios", 0))
    return kept
