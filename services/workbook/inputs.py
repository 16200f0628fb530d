"""The sheet of inputs: every number that a valuation was made of, its name and its source.

It is read off the inputs as the engine let them in, so what a document leaves out stands there with
the default that was taken for it, and a schedule year by year.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any, Final

from engine.paths import COMPARED, numbers
from engine.schedules import Schedule
from services.labels import Form, Labels, form_of, label_of
from services.shapes import Steps, path_of, steps_of
from services.words import camel
from services.workbook.book import Book
from services.workbook.sheet import Columns, Hand

AS_GIVEN: Final = "as given"
DEFAULT: Final = "default"
_COMPARED: Final = frozenset(map(camel, COMPARED))
_SAID: Final = ("source", "asOf", "author", "note")


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """An input that holds a value: a number, a number for each year, a word, a day, a choice."""

    steps: Steps
    value: Any
    live: bool  # a number: formulas follow it. What is not live, they were written for.

    @property
    def path(self) -> str:
        return path_of(self.steps)


def leaves(inputs: Any) -> Iterator[Leaf]:
    """Every input that is there, in its order, in the document's names.

    Live is what an analysis can move: a number, and no count of years.
    """
    live = {camel(path) for path in numbers(inputs)}
    for steps, value in _walk(inputs, ()):
        yield Leaf(steps, value, path_of(steps) in live or steps[-1] in _COMPARED)


def name_of(path: str) -> str:
    """The workbook's name of an input: ``in_shares_options_1_strike`` for the first tranche's."""
    return "in" + "".join(
        f"_{step + 1}" if isinstance(step, int) else f"_{step}" for step in steps_of(path) or ()
    )


def add_inputs(book: Book, inputs: Any, document: Mapping[str, Any], labels: Labels) -> None:
    """The sheet “Inputs”. A line's key is the path of its input, such as `terminal.gordon.growth`.

    ``inputs`` are those that the engine let in, ``document`` is what was given.
    """
    sheet = book.sheet("Inputs", columns=Columns(single=3, first=3))
    sheet.widths = {0: 40.0, 1: 44.0, 2: 34.0}
    sheet.frozen = (1, 1)
    every = list(leaves(inputs))
    most = max((len(each.value) for each in every if isinstance(each.value, tuple)), default=1)
    titles = ["Value"] if most == 1 else ["Value, year 1", *map(str, range(2, most + 1))]
    sheet.heading("Input", titles, beside=("Path", "Source"))
    group = ""
    for each in sorted(every, key=lambda leaf: len(leaf.steps) == 1):  # those of no group last
        within = _words_of(labels, each.steps[:1]) if len(each.steps) > 1 else "Of the valuation"
        if within != group:
            sheet.heading(group := within)
        form = form_of(labels, each.steps) if each.live else Form.CHOICE
        source = source_of(document, each.steps)
        sheet.given(
            each.path,
            (label_of(labels, each.steps), each.path, source),
            each.value,
            form,
            Hand.INPUT if each.live else Hand.FIXED,
        )
        if each.live:
            book.names[name_of(each.path)] = each.path


def _words_of(labels: Labels, steps: Steps) -> str:
    """What a group is called; one without a label by its name in the document."""
    words = label_of(labels, steps)
    if words != path_of(steps):
        return words
    return re.sub(r"([A-Z])", lambda capital: f" {capital[1].lower()}", words).capitalize()


def source_of(document: Mapping[str, Any], steps: Steps) -> str:
    """Where an input comes from: as the nearest assumption says, or that it was just given."""
    said: dict[Steps, Mapping[str, Any]] = {
        steps_of(each["path"]) or (): each for each in document.get("assumptions", ())
    }
    for length in range(len(steps), 0, -1):
        if steps[:length] in said:
            found = said[steps[:length]]
            return "; ".join(str(found[name]) for name in _SAID if found.get(name))
    within: Any = document
    for step in steps:
        there = within.get(step) if isinstance(within, Mapping) else within[int(step)]
        if there is None:
            return DEFAULT
        within = there
    return AS_GIVEN


def _walk(group: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    for field in dataclasses.fields(group):
        value = getattr(group, field.name)
        if value is not None:
            yield from _within(value, (*steps, camel(field.name)))


def _within(value: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    if isinstance(value, Schedule):
        yield steps, tuple(map(float, value.years()))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        branch = getattr(value, "BRANCH", None)
        yield from _walk(value, (*steps, camel(branch)) if branch else steps)
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _within(each, (*steps, number))
    elif isinstance(value, Enum):
        yield steps, str(value.value)
    elif isinstance(value, bool):
        yield steps, "yes" if value else "no"
    elif isinstance(value, str | date):
        yield steps, value
    else:
        yield steps, float(value)
