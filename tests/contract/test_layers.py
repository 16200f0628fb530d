"""Each layer of protection can still be taken away, as `dev.py bench layers` does it in a copy.

The bench itself takes minutes: it runs the tests of every layer without that layer. Here it is seen
that its list is still about the code that there is.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from benchmarks.layers.copies import FAILED, PASSED, Verdict
from benchmarks.layers.layers import Layer, NotApplicable, layers

ROOT: Final = Path(__file__).parents[2]
LAYERS: Final = layers()
NAMES: Final = [layer.name for layer in LAYERS]


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_a_layer_can_be_taken_away(layer: Layer) -> None:
    without = layer.removed(ROOT)
    assert without != (ROOT / layer.file).read_text("utf-8")


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_the_tests_that_stand_for_a_layer_are_there(layer: Layer) -> None:
    for test in layer.tests:
        file, _, name = test.partition("::")
        path = ROOT / file
        assert path.exists(), test
        if name:
            tree = ast.parse(path.read_text("utf-8"))
            assert name.partition("[")[0] in {getattr(node, "name", None) for node in tree.body}, (
                test
            )


def test_no_layer_is_listed_twice() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 60


def test_a_layer_that_is_not_there_any_more_is_a_failure() -> None:
    with pytest.raises(NotApplicable, match="has 0 times"):
        replace(LAYERS[0], find="nobody ever wrote this").removed(ROOT)
    with pytest.raises(NotApplicable, match="there is no"):
        replace(LAYERS[0], file="store/nowhere.py").removed(ROOT)


@pytest.mark.parametrize(
    ("verdict", "missed"),
    [
        (Verdict(PASSED, (), "3 passed"), ""),
        (Verdict(FAILED, ("tests/test_it.py::test_x",), "1 failed"), "tests/test_it.py::test_x"),
        (
            Verdict(2, (), "E   store.scope.Unscoped: No."),
            "nothing starts: store.scope.Unscoped: No.",
        ),
        # A change that is no code at all takes nothing away, and neither does running out of time.
        (Verdict(FAILED, ("tests/test_it.py",), "E   NameError: name 'x' is not defined"), ""),
        (Verdict(-1, (), "not through in 300 s"), ""),
        (Verdict(4, (), "no such test"), ""),
    ],
)
def test_only_a_test_that_went_red_misses_a_layer(verdict: Verdict, missed: str) -> None:
    assert verdict.missed == missed
