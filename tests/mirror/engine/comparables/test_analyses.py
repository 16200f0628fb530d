"""Every analysis works on a comparison: the same batch axis, and no formulas of its own."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.attribution import attribution
from engine.comparables import (
    ComparablesInputs,
    ComparablesOutput,
    comparables_question,
    value_comparables,
)
from engine.comparison import Case, Change, compare
from engine.door import Scalar
from engine.errors import Infeasible, InvalidInput
from engine.paths import numbers, replaced
from engine.questions import Question
from engine.scenarios import Axis, default_swings, gradient, one_way, sensitivity, tornado
from engine.simulation import Normal, Shock, SimulationSpec, simulate
from engine.solving import reverse
from tests.mirror.engine.comparables.firms import comparison, comparisons, peer, stated, subject
from tests.mirror.engine.firms import LAW

OUTPUTS = st.sampled_from(ComparablesOutput)
Q = Question[ComparablesInputs]


def asked(inputs: ComparablesInputs, output: ComparablesOutput | None = None) -> Q:
    return comparables_question(inputs, output or ComparablesOutput.VALUE_PER_SHARE)


def alone(question: Q, changes: dict[str, float]) -> float | None:
    """One scenario through the public verb; None where it has no value."""
    try:
        answer = value_comparables(replaced(question.inputs, changes)).valuation
    except (InvalidInput, Infeasible):
        return None
    return float(getattr(answer, question.output.lower()))


def valued(inputs: ComparablesInputs) -> ComparablesInputs:
    """Only where the first multiple says something."""
    try:
        value_comparables(inputs)
    except Infeasible:
        assume(False)
    return inputs


@LAW
@given(st.data(), comparisons(), OUTPUTS)
def test_a_scenario_of_a_batch_is_a_valuation_to_the_last_bit(
    data: st.DataObject, inputs: ComparablesInputs, output: ComparablesOutput
) -> None:
    question = asked(valued(inputs), output)
    table = numbers(inputs)
    paths = data.draw(st.lists(st.sampled_from(list(table)), min_size=1, max_size=5, unique=True))
    moves = data.draw(st.lists(st.floats(-1.5, 1.5), min_size=6, max_size=6))
    changes: dict[str, Scalar] = {
        path: np.array([table[path] * (1.0 + by * (-1) ** k) for by in moves])
        for k, path in enumerate(paths)
    }
    changed = replaced(inputs, changes)
    with np.errstate(all="ignore"):
        found = np.broadcast_to(np.asarray(question.worth(changed)), (6,))
        broken = question.outside(changed)
    for row in range(6):
        one = alone(question, {path: float(column[row]) for path, column in changes.items()})
        lost = np.isnan(found[row]) or (broken is not None and bool(broken[row]))
        assert (one is None) == lost
        assert lost or found[row] == one


@LAW
@given(comparisons(), OUTPUTS)
def test_the_gradient_is_the_slope_of_the_value_along_every_number(
    inputs: ComparablesInputs, output: ComparablesOutput
) -> None:
    """Piecewise linear or smooth: where both sides have the slope, it is the gradient."""
    question = asked(valued(inputs), output)
    slopes = gradient(question)
    table = numbers(inputs)
    assert set(slopes) == set(table)
    value = float(question.worth(inputs))
    for path, slope in slopes.items():
        at = float(table[path])
        step = 1e-6 * max(abs(at), 1.0)
        with np.errstate(all="ignore"):
            near = question.worth(replaced(inputs, {path: np.array([at - step, at, at + step])}))
        left, middle, right = np.broadcast_to(near, (3,)).tolist()
        before, after = (middle - left) / step, (right - middle) / step
        slack = 1e-4 * max(abs(before), abs(after)) + 1e-9 * (abs(value) + 1e3) / step
        if abs(before - after) <= slack:  # no kink here
            assert slope == pytest.approx(0.5 * (before + after), abs=2.0 * slack)


def test_the_gradient_of_a_median_goes_through_the_peers_in_the_middle() -> None:
    """EV/EBITDA of 8, 9, 11, 14: half of 9 and half of 11. A share is EV / 10 - 5."""
    peers = [peer(f"Peer {times}", 20.0 * times) for times in (11, 8, 14, 9)]
    slopes = gradient(asked(comparison(*peers)))
    # 20 (x / 20) / 2 / 10 a share, by x; and - 20 (x / 20^2) / 2 / 10 by the peer's EBITDA.
    expected = {
        "peers[0]": (0.05, -0.55),
        "peers[1]": (0, 0),
        "peers[2]": (0, 0),
        "peers[3]": (0.05, -0.45),
    }
    for place, (by_value, by_ebitda) in expected.items():
        assert slopes[f"{place}.enterprise_value"] == pytest.approx(by_value, abs=1e-15)
        assert slopes[f"{place}.metrics.stated.ltm.ebitda"] == pytest.approx(by_ebitda, abs=1e-15)
    assert slopes["subject.metrics.stated.ltm.ebitda"] == pytest.approx(1.0, rel=1e-15)
    assert slopes["subject.bridge.debt"] == pytest.approx(-0.1, rel=1e-15)
    assert slopes["subject.bridge.cash"] == pytest.approx(0.1, rel=1e-15)
    assert slopes["subject.metrics.stated.ntm.ebitda"] == 0.0


def four() -> ComparablesInputs:
    peers = [peer(f"Peer {times}", 20.0 * times) for times in (11, 8, 14, 9)]
    return comparison(*peers, market_price=12.0)


def test_a_grid_over_the_firms_figure_and_a_peers_value() -> None:
    rows = Axis("subject.metrics.stated.ltm.ebitda", np.array([10.0, 20.0, 30.0]))
    columns = Axis("peers[3].enterprise_value", np.array([100.0, 180.0, 400.0]))
    grid = sensitivity(asked(four()), rows, columns)
    # The middle two are 8 and 11, 9 and 11, 11 and 14.
    medians = [9.5, 10.0, 12.5]
    expected = [[(ebitda * x - 50.0) / 10.0 for x in medians] for ebitda in (10.0, 20.0, 30.0)]
    assert np.allclose(grid, expected, rtol=1e-14, atol=0.0)


def test_one_input_at_a_time() -> None:
    found = one_way(asked(four()), Axis("subject.bridge.debt", np.array([0.0, 60.0, 110.0])))
    assert found["VALUE_PER_SHARE"].tolist() == [21.0, 15.0, 10.0]
    assert found["ENTERPRISE_VALUE"].tolist() == [200.0, 200.0, 200.0]


def test_a_tornado_has_a_bar_for_every_number_and_the_firms_own_figure_is_the_widest() -> None:
    question = asked(four())
    bars = tornado(question, default_swings(question, 0.1))
    assert bars[0].swing.path == "subject.metrics.stated.ltm.ebitda"
    assert (bars[0].at_low, bars[0].at_high) == pytest.approx((13.0, 17.0))
    assert [bar.width for bar in bars] == sorted((bar.width for bar in bars), reverse=True)


def test_scenarios_side_by_side() -> None:
    cases = [
        Case(
            name="Rerating",
            changes=tuple(
                Change(f"peers[{k}].enterprise_value", v) for k, v in ((0, 264.0), (3, 216.0))
            ),
            probability=0.25,
        ),
        Case(
            name="Weak year",
            changes=(Change("subject.metrics.stated.ltm.ebitda", 15.0),),
            probability=0.75,
        ),
    ]
    found = compare(asked(four()), cases)
    assert found.base["VALUE_PER_SHARE"] == 15.0
    assert [case["VALUE_PER_SHARE"] for case in found.cases] == pytest.approx([19.0, 10.0])
    assert found.expected is not None
    assert found.expected["VALUE_PER_SHARE"] == pytest.approx(12.25)


def test_which_figure_would_give_the_market_price() -> None:
    found = reverse(asked(four()), "subject.metrics.stated.ltm.ebitda", 12.0)
    assert [root.input for root in found.roots] == pytest.approx([17.0])


def test_a_simulation_counts_the_trials_in_which_the_firm_makes_a_loss() -> None:
    shock = Shock("subject.metrics.stated.ltm.ebitda", Normal(15.0))
    spec = SimulationSpec(trials=16_384, seed=5, shocks=(shock,))
    found = simulate(asked(four()), spec, 12.0)
    # EBITDA 20 with a deviation of 15 is below zero in 9.1 % of trials (normal, -4/3).
    assert found.infeasible / found.trials == pytest.approx(0.0912, abs=0.005)
    assert found.minimum >= -5.0  # nothing but the debt is left of a value just above zero


def test_why_a_value_differs_from_last_years() -> None:
    old = four()
    peers = [
        dataclasses.replace(each, enterprise_value=each.enterprise_value * 1.1)
        for each in old.peers
    ]
    new = dataclasses.replace(old, peers=tuple(peers), subject=subject(metrics=stated(ebitda=22.0)))
    found = attribution(asked(old), asked(new))
    assert (found.before, found.after) == pytest.approx((15.0, 19.2))
    parts = {each.paths[0]: each.amount for each in found.contributions}
    assert sum(parts.values()) == pytest.approx(4.2)
    assert parts["subject.metrics.stated.ltm.ebitda"] == pytest.approx(2.1)


def test_what_no_batch_can_mix_is_attributed_as_well() -> None:
    """The day of the comparison, a choice, and a list of another length."""
    old = four()
    new = dataclasses.replace(old, peers=old.peers[:3], as_of=old.as_of.replace(day=30))
    found = attribution(asked(old), asked(new))
    assert found.after == pytest.approx(17.0)
    assert sum(each.amount for each in found.contributions) == pytest.approx(2.0)


def test_a_question_can_be_sent_to_another_process() -> None:
    question = asked(four())
    again: Any = pickle.loads(pickle.dumps(question))  # noqa: S301 - our own
    assert again.worth(again.inputs) == 15.0
