"""Reverse solving: every root, the nearest first; and what can be reached where there is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq

from engine.dcf import DcfInputs, DcfOutput, ExitMultiple, Gordon, dcf_question
from engine.errors import Infeasible, InvalidInput
from engine.paths import Names, replaced, value_at
from engine.schedules import Schedule
from engine.solving import Reversed, reverse
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, firm, firms, fuller
from tests.mirror.engine.plots import LEAST, MOST, plot_question
from tests.mirror.engine.test_scenarios import BUILT

WACC, GROWTH = "capital.wacc", "terminal.gordon.growth"


def inputs_found(found: Reversed) -> list[float]:
    return [root.input for root in found.roots]


@LAW
@given(st.data(), firms() | fuller(firms()), st.sampled_from(DcfOutput))
def test_solving_back_returns_the_input_that_was_hidden(
    data: st.DataObject, inputs: DcfInputs, output: DcfOutput
) -> None:
    question = dcf_question(inputs, output)
    table = Names(question.inputs)
    path = data.draw(st.sampled_from(list(table)))
    own = value_at(table, path)
    moved = data.draw(st.floats(-0.3, 0.3))
    hidden = 0.1 * moved if isinstance(table[path], Schedule) else own * (1.0 + moved)
    assume(not question.refused([{path: hidden}])[0])

    def value(at: float) -> float:
        return float(question.worth(replaced(question.inputs, {path: at})))

    target = value(hidden)
    found = reverse(question, path, target)
    per = 1.0 if output is not DcfOutput.VALUE_PER_SHARE else float(inputs.shares.diluted)
    size = float(exact_dcf(inputs).gross) / per + abs(target)
    for root in found.roots:
        assert root.value == value(root.input)
        assert abs(root.value - target) <= 1e-9 * size
        assert found.low <= root.input <= found.high
    nearest = min(found.roots, key=lambda root: abs(root.input - hidden))
    # As near as the value can tell: where it hardly moves, another input gives it as well.
    step = 1e-7 * max(abs(hidden), 1e-3)
    slope = abs(value(hidden + step) - value(hidden - step)) / (2.0 * step)
    assert abs(nearest.input - hidden) * slope <= 1e-7 * size


@pytest.mark.parametrize(
    ("path", "low", "high"),
    [(WACC, 0.16, 0.9), ("operations.revenue_growth", -0.5, 2.0), ("operations.revenue", 1.0, 1e5)],
)
def test_it_finds_what_brent_finds(path: str, low: float, high: float) -> None:
    question = dcf_question(firm(), DcfOutput.VALUE_PER_SHARE)

    def gap(at: float) -> float:
        return float(question.worth(replaced(question.inputs, {path: at}))) - 20.0

    (root,) = inputs_found(reverse(question, path, 20.0))
    assert root == pytest.approx(brentq(gap, low, high, xtol=1e-15, rtol=1e-14), rel=1e-12)


def test_a_flat_firm_is_worth_twice_as_much_at_half_the_wacc() -> None:
    # 1,000 a year at a margin of 20 % and a tax of 25 % is 150 for ever: 1,500 at 10 %.
    flat = firm(
        revenue_growth=0.0, wacc=0.10, terminal=Gordon(growth=0.0), capital_expenditure=0.05
    )
    question = dcf_question(flat, DcfOutput.ENTERPRISE_VALUE)
    found = reverse(question, WACC, 3_000.0)
    assert inputs_found(found) == [pytest.approx(0.05, rel=1e-14)]
    assert (found.own, found.own_value) == (0.10, pytest.approx(1_500.0))
    assert (found.low, found.high) == (pytest.approx(0.001), 1.0)
    multiple = dcf_question(
        firm(terminal=ExitMultiple(ev_to_ebitda=8.0)), DcfOutput.ENTERPRISE_VALUE
    )
    # EBITDA of year 2 is 302.50; two years at 25 % take 36 % off.
    more = float(multiple.worth(multiple.inputs)) + 302.50 * 0.64
    (root,) = inputs_found(reverse(multiple, "terminal.exit_multiple.ev_to_ebitda", more))
    assert root == pytest.approx(9.0, rel=1e-14)


@pytest.mark.parametrize("target", range(2, 30))
def test_of_two_neighbouring_doubles_the_better_one_is_the_root(target: int) -> None:
    (root,) = reverse(plot_question(law=lambda width: width**3), "width", float(target)).roots
    for neighbour in (math.nextafter(root.input, 0.0), math.nextafter(root.input, 10.0)):
        assert abs(root.value - target) <= abs(float(np.float64(neighbour) ** 3) - target)


def test_a_wacc_that_was_built_is_solved_for_as_a_whole() -> None:
    built, plain = (
        dcf_question(one, DcfOutput.ENTERPRISE_VALUE)
        for one in (firm(capital=BUILT), firm(wacc=float(BUILT.wacc)))
    )
    target = 1.2 * float(built.worth(built.inputs))
    assert reverse(built, WACC, target) == reverse(plain, WACC, target)


def test_every_root_is_found_and_the_nearest_is_first() -> None:
    for own, order in ((1.0, [2.0, -2.0]), (-1.0, [-2.0, 2.0])):
        found = reverse(plot_question(width=own), "width", 4.0)
        assert inputs_found(found) == order
        assert (found.low, found.high) == (-MOST, MOST)
    waves = plot_question(law=np.sin, width=3.0)
    zeros = inputs_found(reverse(waves, "width", 0.0))
    expected = sorted(
        (k * math.pi for k in range(-3, 4) if k), key=lambda zero: (abs(zero - 3.0), zero)
    )
    assert zeros == pytest.approx(expected, rel=1e-14)


def test_only_roots_within_the_given_range_are_named() -> None:
    question = plot_question()
    assert inputs_found(reverse(question, "width", 4.0, low=0.0)) == [2.0]
    assert inputs_found(reverse(question, "width", 4.0, high=0.0)) == [-2.0]
    assert inputs_found(reverse(question, "width", 4.0, low=-2.0, high=2.0)) == [2.0, -2.0]
    found = reverse(question, "width", 4.0, low=1.5, high=3.0)
    assert (found.low, found.high, inputs_found(found)) == (1.5, 3.0, [2.0])


def test_what_the_door_shuts_out_is_neither_a_root_nor_in_the_way_of_one() -> None:
    # 1 / width passes through every number, and through 0 only where it is not allowed to go.
    question = plot_question(law=lambda width: 1.0 / width, width=2.0)
    assert inputs_found(reverse(question, "width", -1.0)) == [-1.0]
    assert inputs_found(reverse(question, "width", 1.0 / LEAST)) == [LEAST]
    with pytest.raises(Infeasible) as no:
        reverse(question, "width", 0.0)
    assert "goes from -2 (at -0.5) to 2 (at 0.5), but jumps past it" in no.value.message
    with pytest.raises(Infeasible, match=r"goes from -2 \(at -0.5\) to 2 \(at 0.5\)\."):
        reverse(question, "width", 3.0)


def test_what_lies_just_before_the_edge_of_the_door_is_found_too() -> None:
    # Two roots beyond all that was looked at on the way from 1 to the edge at 10.
    far = plot_question(law=lambda width: (width - 9.3) * (width - 9.7))
    assert inputs_found(reverse(far, "width", 0.0)) == pytest.approx([9.3, 9.7], rel=1e-12)
    # And one before a wall that is no door's: above pi there is no finite value.
    walled = plot_question(law=lambda width: np.where(width > math.pi, np.inf, width))
    found = reverse(walled, "width", math.pi - 1e-9)
    assert (found.high, inputs_found(found)) == (math.pi, [math.pi - 1e-9])


def test_what_lies_just_before_a_gap_in_the_middle_is_found_too() -> None:
    # A gap that is seen only by the finer search: no step away from 1 falls between 7 and 7.1.
    gap = plot_question(law=lambda width: np.where((width > 7.0) & (width < 7.1), np.nan, width))
    for root in (7.0 - 1e-6, 7.1 + 1e-6):
        assert inputs_found(reverse(gap, "width", root)) == [root]
    with pytest.raises(Infeasible, match="but jumps past it"):
        reverse(gap, "width", 7.05)


def test_a_value_that_hardly_answers_is_solved_as_far_as_its_rounding_lets_it() -> None:
    # Sixteen doubles at a step, as a long formula's own rounding may be, and never the target.
    coarse = plot_question(law=lambda width: np.round((1.0 + 1e-13 * width) * 2.0**48) * 2.0**-48)
    target = 1.0 + 85.0 * 2.0**-48 + 2.0**-52
    found = reverse(coarse, "width", target)
    assert found.roots
    for root in found.roots:
        assert root.value == pytest.approx(target, rel=4e-15)
        assert root.input == pytest.approx((target - 1.0) * 1e13, abs=0.04)


def test_a_jump_past_the_target_is_no_root() -> None:
    step = plot_question(law=lambda width: np.where(width > 3.0, 1.0, -1.0))
    with pytest.raises(Infeasible, match="but jumps past it"):
        reverse(step, "width", 0.0)
    # Of a level stretch the nearest point: there is one on each side of what is not allowed.
    assert inputs_found(reverse(step, "width", -1.0)) == [1.0, -LEAST]


def test_an_input_without_effect_gives_what_is_there_and_nothing_else() -> None:
    question = dcf_question(firm(), DcfOutput.ENTERPRISE_VALUE)
    there = float(question.worth(question.inputs))
    assert inputs_found(reverse(question, "shares.diluted", there)) == [50.0]
    with pytest.raises(Infeasible, match=r"it stays at 634\.4\.$") as no:
        reverse(question, "shares.diluted", 700.0)
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("target", "OUT_OF_RANGE")


def test_a_target_out_of_reach_is_infeasible_and_says_what_is_reached_and_where() -> None:
    question = dcf_question(firm(), DcfOutput.ENTERPRISE_VALUE)
    with pytest.raises(Infeasible) as no:
        reverse(question, "terminal.gordon.growth", 100.0)
    # Two years are worth 183.488; the perpetuity shrinks by half a year at the least: 122 x 0.8
    # + 134.20 x 0.64 x (1 + 0.5 / 0.75).
    assert "No value of terminal.gordon.growth from -0.5 to 0.249 gives 100" in no.value.message
    assert f"goes from {97.6 + 85.888 * (1.0 + 0.5 / 0.75):.6g} (at -0.5)" in no.value.message


def test_a_range_in_which_nothing_is_allowed_is_infeasible() -> None:
    with pytest.raises(Infeasible) as no:
        reverse(plot_question(), "width", 4.0, low=20.0, high=30.0)
    assert [problem.path for problem in no.value.problems] == ["low"]
    assert inputs_found(reverse(plot_question(), "width", 4.0, low=2.0, high=2.0)) == [2.0]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e300])
def test_all_that_is_wrong_is_said_at_once(number: float) -> None:
    with pytest.raises(InvalidInput) as no:
        reverse(plot_question(), "depth", number, number, number)
    assert [problem.path for problem in no.value.problems] == ["path", "target", "low", "high"]


def test_a_range_goes_upwards() -> None:
    with pytest.raises(InvalidInput) as no:
        reverse(plot_question(), "width", 4.0, low=3.0, high=1.0)
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("high", "CONTRADICTION")
    ]


def test_no_more_than_twenty_roots_are_named_and_those_are_the_nearest() -> None:
    fast: Any = plot_question(law=lambda width: np.sin(10.0 * width), width=1.0)
    found = reverse(fast, "width", 0.0)
    assert len(found.roots) == 20
    far = max(abs(root.input - 1.0) for root in found.roots)
    zeros = [k * math.pi / 10.0 for k in range(-31, 32)]
    assert sum(abs(zero) >= LEAST and abs(zero - 1.0) < far for zero in zeros) <= 20
