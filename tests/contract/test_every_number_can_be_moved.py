"""Every number of every kind's inputs can be moved by an analysis, and its slope is the right one.

Of each example: so a new example, or a new kind, is held to it by its file alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.door import FloatArray
from engine.paths import Names, numbers, replaced, value_at
from engine.questions import Question, batches
from engine.scenarios import default_swings, gradient, tornado
from engine.schedules import Schedule
from services.kinds import Output
from tests.example_inputs import example_inputs

EXAMPLES = example_inputs()
STEP = 1e-6  # of the number; a rate or an amount of zero is moved by a thousandth of that


def asked(name: str, output: Output | None = None) -> Question[Any]:
    kind, document = EXAMPLES[name]
    return kind.question(kind.inputs_of(document), output or kind.outputs[0], None)


def moved(question: Question[Any]) -> dict[str, float]:
    """Path to own value of every number, every schedule and every year of one."""
    table = Names(question.inputs)
    found = {}
    for path in table:
        found[path] = value_at(table, path)
        each = table[path]
        if isinstance(each, Schedule):
            found |= {f"{path}[{year}]": float(at) for year, at in enumerate(each.years())}
    return found


def worths(question: Question[Any], values: dict[str, float]) -> FloatArray:
    """(n,) what the kernel says with each path, one at a time, at its value; past the door too."""
    scenarios = [{path: value} for path, value in values.items()]
    found = np.empty(len(scenarios))
    for rows, changes in batches(Names(question.inputs), scenarios, np.float64):
        with np.errstate(all="ignore"):
            found[rows] = question.worth(replaced(question.inputs, changes))
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_number_that_is_put_where_it_stands_changes_no_bit(name: str) -> None:
    question = asked(name)
    kind, document = EXAMPLES[name]
    kept = kind.result_document(kind.value(kind.inputs_of(document)))
    own = moved(question)
    found = question.of_each([{path: at} for path, at in own.items()])
    for output in kind.outputs:
        value = kind.kept(output, kept)
        assert [path for path, at in zip(own, found[output], strict=True) if at != value] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_slope_is_the_difference_on_one_side_or_the_other(name: str) -> None:
    """At a corner, such as a tax that begins, the sides differ, and the slope is one of them."""
    for output in EXAMPLES[name][0].outputs:
        question = asked(name, output)
        base, own = float(question.worth(question.inputs)), moved(question)
        step = {path: STEP * max(abs(at), 1e-3) for path, at in own.items()}
        below = worths(question, {path: at - step[path] for path, at in own.items()})
        above = worths(question, {path: at + step[path] for path, at in own.items()})
        slopes: dict[str, float] = {}
        for at in range(0, len(own), 200):
            slopes |= gradient(question, list(own)[at : at + 200])
        for row, (path, slope) in enumerate(slopes.items()):
            sides = ((base - below[row]) / step[path], (above[row] - base) / step[path])
            noise = 1e-10 * max(abs(base), 1.0) / step[path]
            assert any(slope == pytest.approx(side, rel=1e-3, abs=noise) for side in sides), (
                f"{output} by {path}: {slope} beside {sides}"
            )


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_tornado_has_a_bar_for_every_number_but_zeros(name: str) -> None:
    question = asked(name)
    bars = tornado(question, default_swings(question, 0.1))
    assert {bar.swing.path for bar in bars} == {
        path
        for path, at in numbers(question.inputs).items()
        if (sum(map(float, at.years())) if isinstance(at, Schedule) else at) != 0.0
    }
