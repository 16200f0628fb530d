"""Whatever numbers stand in an example, of any kind: it is refused in words, or every number of it
is finite, and so is every slope."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from operator import mul
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput, Refused
from engine.paths import Names, replaced, value_at
from engine.questions import Question
from engine.scenarios import gradient
from engine.schedules import Schedule
from services.kinds import KINDS
from tests.example_inputs import example_inputs

EXAMPLES: Final = example_inputs()
ANY: Final = st.floats() | st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-308, 1e-12, 1e12, 1e18, 1e300, 1e308, -1e308, math.inf]
)


@st.composite
def changes(draw: st.DrawFn, question: Question[Any]) -> dict[str, float]:
    """One to three numbers of the inputs, or years of a schedule, and what stands there instead."""
    table = Names(question.inputs)
    found = {}
    for path in draw(st.lists(st.sampled_from(list(table)), min_size=1, max_size=3, unique=True)):
        each, named = table[path], path
        if isinstance(each, Schedule):
            named = f"{path}[{draw(st.integers(0, len(each.years()) - 1))}]"
        own = value_at(table, named)
        found[named] = draw(ANY | st.floats(-2.0, 3.0).map(partial(mul, own)))
    return found


def floats(node: Any) -> Iterator[float]:
    if isinstance(node, dict):
        for each in node.values():
            yield from floats(each)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from floats(each)
    elif isinstance(node, float):
        yield node


def assert_sayable(no: Refused) -> None:
    assert no.problems or not isinstance(no, InvalidInput)
    for words in (no.message, *(each.suggestion for each in no.problems)):
        assert words.endswith(".")
        assert not {"nan", "inf", "-inf"} & set(words.replace(",", " ").rstrip(".").split())


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"DCF"}))  # which has a test of its own
@settings(max_examples=40)
@given(data=st.data())
def test_a_valuation_is_refused_or_finite_in_every_number(kind: str, data: st.DataObject) -> None:
    names = [name for name, (its, _) in EXAMPLES.items() if its.name == kind]
    its, document = EXAMPLES[data.draw(st.sampled_from(names))]
    question = its.question(its.inputs_of(document), its.outputs[0], None)
    try:
        inputs = replaced(question.inputs, data.draw(changes(question)))
        result = its.value(inputs)
        slopes = gradient(its.question(inputs, data.draw(st.sampled_from(its.outputs)), None))
    except Refused as no:
        assert_sayable(no)
    else:
        assert all(map(math.isfinite, floats(its.result_document(result))))
        assert all(map(math.isfinite, slopes.values()))
