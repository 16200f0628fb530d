"""How far a value goes while its inputs swing together."""

from __future__ import annotations

from itertools import product

import pytest

from engine.dcf import DcfOutput, dcf_question
from engine.errors import InvalidInput
from engine.paths import replaced
from engine.scenarios import MAX_TOGETHER, Swing, span
from tests.mirror.engine.firms import firm
from tests.mirror.engine.plots import plot_question

WIDE, LONG = Swing("width", 2.0, 4.0), Swing("length", 1.0, 5.0)


def test_a_plot_goes_from_its_smallest_to_its_largest_by_hand() -> None:
    found = span(plot_question("AREA", width=3.0, length=2.0), [WIDE, LONG])
    assert (found.low, found.own, found.high) == (2.0, 6.0, 20.0)


def test_an_input_that_stays_as_it_is_while_another_swings_is_one_of_the_combinations() -> None:
    """(width - 1)^2 is least at a width of 1, which is the plot's own and no end of a swing."""
    found = span(plot_question(law=lambda width: (width - 1.0) ** 2), [Swing("width", -2.0, 2.0)])
    assert (found.low, found.own, found.high) == (0.0, 0.0, 9.0)


def test_ends_may_be_given_the_other_way_round_and_on_one_side_of_the_value() -> None:
    found = span(plot_question("AREA", width=5.0), [Swing("width", 4.0, 2.0)])
    assert (found.low, found.own, found.high) == (2.0, 5.0, 5.0)


def test_a_firm_goes_as_far_as_its_valuations_one_by_one() -> None:
    """A schedule is moved in all its years, a number stands where the swing says."""
    swings = [
        Swing("operations.tax_rate", -0.02, 0.05),
        Swing("capital.wacc", 0.11, 0.14),
        Swing("terminal.gordon.growth", -0.01, 0.02),
    ]
    question = dcf_question(firm(), DcfOutput.VALUE_PER_SHARE)
    found = span(question, swings)
    alone = [
        float(
            question.worth(
                replaced(
                    question.inputs,
                    {
                        swing.path: end
                        for swing, end in zip(swings, ends, strict=True)
                        if end is not None
                    },
                )
            )
        )
        for ends in product(*((None, swing.low, swing.high) for swing in swings))
    ]
    assert (found.low, found.own, found.high) == (min(alone), alone[0], max(alone))


def test_swings_are_refused_with_all_their_faults() -> None:
    question = plot_question("AREA")
    with pytest.raises(InvalidInput) as no:
        span(question, [WIDE, Swing("depth", 0.0, 1.0), WIDE])
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("swings[1].path", "UNKNOWN"),
        ("swings[2].path", "CONTRADICTION"),
    ]
    for swings in ([], [WIDE] * (MAX_TOGETHER + 1)):
        with pytest.raises(InvalidInput) as many:
            span(question, swings)
        assert many.value.problems[0].code == "WRONG_LENGTH"
    with pytest.raises(InvalidInput) as past:
        span(question, [Swing("width", 0.1, 2.0)])
    assert past.value.problems[0].path == "width"
