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
from services.words import camel, snake
from services.workbook.book import Book, years_of
from services.workbook.sheet import Columns, Hand, Limit
from services.workbook.years import fiscal_years

AS_GIVEN: Final = "as given"
DEFAULT: Final = "default"
_COMPARED: Final = frozenset(map(camel, COMPARED))
_UNIT: Final = 2  # the column of units
_SAID: Final = ("source", "asOf", "author", "note")


@dataclasses.dataclass(frozen=True, slots=True)
class Leaf:
    """An input that holds a value: a number, a number for each year, a word, a day, a choice."""

    steps: Steps
    value: Any
    live: bool  # a number: formulas follow it. What is not live, they were written for.
    default: bool = False  # what is taken where a document says nothing

    @property
    def path(self) -> str:
        return path_of(self.steps)


def leaves(inputs: Any) -> Iterator[Leaf]:
    """Every input that is there, in its order, in the document's names.

    Live is what an analysis can move: a number, and no count of years.
    """
    live = {camel(path) for path in numbers(inputs)}
    for steps, value, default in _walk(inputs, ()):
        yield Leaf(steps, value, path_of(steps) in live or steps[-1] in _COMPARED, default)


def name_of(path: str) -> str:
    """The workbook's name of an input: ``in_shares_options_0_strike`` for the first tranche's."""
    return "in" + "".join(f"_{step}" for step in steps_of(path) or ())


def add_inputs(
    book: Book,
    inputs: Any,
    document: Mapping[str, Any],
    labels: Labels,
    bounds: Mapping[str, tuple[float, float]],
) -> None:
    """The sheet “Inputs”. A line's key is the path of its input, such as `terminal.gordon.growth`.

    ``inputs`` are those that the engine let in, ``document`` is what was given; ``bounds`` are
    those of the engine's door, by the engine's paths.
    """
    sheet = book.sheet("Inputs", columns=Columns(single=4, first=4))
    sheet.widths = {}
    sheet.frozen = (1, 1)
    every = list(leaves(inputs))
    sheet.heading("Input", ["Value"], beside=("Path", "Unit", "Source"))
    sheet.years(years_of(max(_years(leaf) for leaf in every if _own(inputs, leaf) is None)))
    group = ""
    for each in sorted(every, key=lambda leaf: len(leaf.steps) == 1):  # those of no group last
        part = _part_of(each)
        within = _words_of(labels, part) if part else "Of the valuation"
        if within != group:
            group, own = within, [leaf for leaf in every if _part_of(leaf) == part]
            end = _own(inputs, own[0])
            sheet.heading(group, () if end is None else fiscal_years(end, max(map(_years, own))))
        form = form_of(labels, each.steps) if each.live else Form.CHOICE
        unit = _unit_of(form, book.currency) if each.live else ""
        label = label_of(labels, each.steps)
        if each.live:
            book.names[name_of(each.path)] = each.path
            if (limits := _bounds_of(bounds, each.path)) is not None:
                book.limits.append(Limit(label, each.path, sheet.row, *limits, form))
        sheet.given(
            each.path,
            (label, each.path, unit, source_of(document, each)),
            each.value,
            form,
            Hand.INPUT if each.live else Hand.FIXED,
        )


def _part_of(leaf: Leaf) -> Steps:
    """Of which part of the document it is; of none, what stands at its root."""
    return leaf.steps[:1] if len(leaf.steps) > 1 else ()


def _years(leaf: Leaf) -> int:
    return len(leaf.value) if isinstance(leaf.value, tuple) else 0


def _own(inputs: Any, leaf: Leaf) -> date | None:
    """When the first year of a party ends that has fiscal years of its own."""
    timing = getattr(inputs, "timing", None)
    return getattr(timing, f"{leaf.steps[0]}_fiscal_year_end", None)


def add_bounds(book: Book) -> None:
    """The sheet “Bounds”: what the service would let in, and whether each input is within it."""
    if not book.limits:
        return
    sheet = book.sheet("Bounds", columns=Columns(single=2, first=3))
    sheet.widths = {}
    sheet.frozen = (1, 1)
    sheet.heading("Input", ("Least", "Most"), opening="Within", beside=("Path",))
    for number, limit in enumerate(book.limits):
        sheet.bounded(f"bounds.{number}", limit)
    last = len(book.limits) - 1
    words = "Every input is within what the service would let in"
    book.check(words, f"=AND({{bounds.0:bounds.{last}}})")


def say_units(book: Book) -> None:
    """Beside each amount what its cell shows, which hangs on the largest of all sheets."""
    inputs, amounts = next(each for each in book.sheets if each.name == "Inputs"), book.amounts()
    says = {_unit_of(Form.MONEY, book.currency): f"{book.currency}{amounts.title}"}
    if amounts.scaled:
        says["Value"] = "Value, typed in whole units"
    for number, one in enumerate(inputs.cells):
        said = says.get(str(one.value)) if one.column in (_UNIT, inputs.columns.single) else None
        if said is not None and one.hand is Hand.WORDS:
            inputs.cells[number] = dataclasses.replace(one, value=said)


def _bounds_of(bounds: Mapping[str, tuple[float, float]], path: str) -> tuple[float, float] | None:
    """By the path, or by its end: a group that several have, such as shares, has its own."""
    while path:
        found = bounds.get(snake(path))
        if found is not None:
            return found
        path = path.partition(".")[2]
    return None


def _unit_of(form: Form, currency: str) -> str:
    """What a cell shows; of money, unless it is scaled."""
    return {
        Form.RATE: "fraction, as %",
        Form.MONEY: f"{currency}, whole units",
        Form.PRICE: f"{currency}",
        Form.MULTIPLE: "times",
    }.get(form, "")


def _words_of(labels: Labels, steps: Steps) -> str:
    """What a group is called; one without a label by its name in the document."""
    words = label_of(labels, steps)
    if words != path_of(steps):
        return words
    return re.sub(r"([A-Z])", lambda capital: f" {capital[1].lower()}", words).capitalize()


def source_of(document: Mapping[str, Any], leaf: Leaf) -> str:
    """Where an input comes from: as the nearest assumption says, or that it was just given.

    A document that was kept has its defaults written out, so what has the value of its default may
    have been given, too.
    """
    said: dict[Steps, Mapping[str, Any]] = {
        steps_of(each["path"]) or (): each for each in document.get("assumptions", ())
    }
    own = len(leaf.steps)
    of_parts = [
        f"{path_of(steps[own:])}: {_words_said(each)}"
        for steps, each in said.items()
        if len(steps) > own and steps[:own] == leaf.steps
    ]
    for length in range(own, 0, -1):
        if leaf.steps[:length] in said:
            return "; ".join([_words_said(said[leaf.steps[:length]]), *of_parts])
    return "; ".join(of_parts) or (DEFAULT if leaf.default else AS_GIVEN)


def _words_said(assumption: Mapping[str, Any]) -> str:
    return "; ".join(str(assumption[name]) for name in _SAID if assumption.get(name))


def _walk(group: Any, steps: Steps) -> Iterator[tuple[Steps, Any, bool]]:
    for field in dataclasses.fields(group):
        value = getattr(group, field.name)
        if value is not None:
            default = not isinstance(value, tuple) and value == field.default
            yield from _within(value, (*steps, camel(field.name)), default=default)


def _within(value: Any, steps: Steps, *, default: bool) -> Iterator[tuple[Steps, Any, bool]]:
    if isinstance(value, Schedule):
        yield steps, tuple(map(float, value.years())), default
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        branch = getattr(value, "BRANCH", None)
        yield from _walk(value, (*steps, camel(branch)) if branch else steps)
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _within(each, (*steps, number), default=default)
    elif isinstance(value, Enum):
        yield steps, str(value.value), default
    elif isinstance(value, bool):
        yield steps, "yes" if value else "no", default
    elif isinstance(value, str | date):
        yield steps, value, default
    else:
        yield steps, float(value), default
