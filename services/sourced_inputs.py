"""Where inputs come from: what a document says of its own inputs, which changes no number.

A document of any kind may hold ``assumptions``, each of an input's path, with a source, a day, an
author and a note. They are part of the document, so they are kept with the valuation and are part
of its id; the result's hash is that of the numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from engine.errors import InvalidInput, Problem
from services.labels import Labels
from services.shapes import Steps, is_printed, overlap, steps_of

I = TypeVar("I")  # noqa: E741 - the inputs of a kind

NAME: Final = "assumptions"
MOST: Final = 200  # of one document
LENGTHS: Final = {"source": 2_000, "author": 200, "note": 4_000}  # characters
_SAID: Final = ("source", "asOf", "author", "note")
# Parts of an input that have no name of their own.
_PARTS: Final = frozenset({"level", "byYear", "stages", "years", "value", "ramp"})


def with_sources_checked(
    inputs_of: Callable[[Mapping[str, Any]], I], admit: Callable[[I], object], labels: Labels
) -> Callable[[Mapping[str, Any]], I]:
    """A kind's way from document to inputs, which looks at what is said of their sources, too.

    It raises InvalidInput with every problem of both.
    """

    known = known_paths(labels)

    def read(document: Mapping[str, Any]) -> I:
        inputs = inputs_of(document)
        said = document.get(NAME)
        if said is None:
            return inputs
        problems = problems_of(said, known)
        if problems:
            try:
                admit(inputs)
            except InvalidInput as no:
                problems = [*no.problems, *problems]
            raise InvalidInput.of(problems)
        return inputs

    return read


def known_paths(labels: Labels) -> frozenset[str]:
    """Every input that has a name, and every group of them, without indices."""
    found: set[str] = set()
    for path in labels:
        names = path.replace("[]", "").split(".")
        if names[0] != NAME:
            found |= {".".join(names[:length]) for length in range(1, len(names) + 1)}
    return frozenset(found)


def problems_of(said: list[Mapping[str, Any]], known: frozenset[str]) -> list[Problem]:
    """Everything that is wrong with a document's assumptions; ``known`` are the paths there are."""
    if len(said) > MOST:
        message = f"{len(said)} assumptions are given, and {MOST} fit one document."
        return [Problem(NAME, "TOO_LARGE", message, "Put those of one group of inputs together.")]
    problems: list[Problem] = []
    seen: set[str] = set()
    for number, each in enumerate(said):
        at, path = f"{NAME}[{number}]", each["path"]
        steps = steps_of(path)
        if steps is None or not _is_known(steps, known):
            near = get_close_matches(path[:200], sorted(known), 1, 0.5)
            rule = f"Did you mean {near[0]}?" if near else "Paths look like operations.ebitMargin."
            problems.append(Problem(f"{at}.path", "UNKNOWN", "There is no such input.", rule))
        elif path in seen:
            message = f"{path} has an assumption already."
            rule = "Put both into one: the sources beside each other."
            problems.append(Problem(f"{at}.path", "CONTRADICTION", message, rule))
        seen.add(path)
        if not any(each.get(name) for name in _SAID):
            message = "This says nothing of where the input comes from."
            rule = "Give a source, a day, an author or a note."
            problems.append(Problem(at, "MISSING", message, rule))
        for name, most in LENGTHS.items():
            text = each.get(name) or ""
            if len(text) > most:
                message = f"This has {len(text):,} characters, and {most:,} fit here."
                problems.append(Problem(f"{at}.{name}", "TOO_LARGE", message, "Shorten it."))
            elif not is_printed("".join(set(text))):  # a sign counts once
                message = "This has signs that cannot be shown on one line."
                rule = "Give one line of plain text."
                problems.append(Problem(f"{at}.{name}", "WRONG_TYPE", message, rule))
    return problems


def forget(document: dict[str, Any], changed: Iterable[Steps]) -> None:
    """Take away what is said of inputs that were changed: it was said of another value.

    Whoever changes the assumptions themselves has the last word on all of them.
    """
    places = list(changed)
    said = document.get(NAME)
    if not said or any(place[:1] == (NAME,) for place in places):
        return
    left = [each for each in said if not _is_about(each["path"], places)]
    if left:
        document[NAME] = left
    else:
        del document[NAME]


def _is_about(path: str, places: Iterable[Steps]) -> bool:
    steps = steps_of(path) or ()
    return any(overlap(steps, place) for place in places)


def _is_known(steps: Steps, known: frozenset[str]) -> bool:
    """Whether it is an input, a part of one, or a group of them."""
    names = [step for step in steps if isinstance(step, str)]
    while names and ".".join(names) not in known and names[-1] in _PARTS:
        names.pop()
    return ".".join(names) in known
