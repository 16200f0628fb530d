"""The door of a credit valuation, and every analysis through it."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.attribution import attribution
from engine.comparison import Case, Change, compare
from engine.credit import CreditInputs, CreditOutput, credit_question, value_credit
from engine.credit.inputs import BOUNDS, admit, outside
from engine.errors import InvalidInput
from engine.paths import numbers, replaced
from engine.scenarios import Axis, default_swings, gradient, one_way, sensitivity, tornado
from engine.simulation import Normal, Shock, SimulationSpec, simulate
from engine.solving import reverse
from tests.mirror.engine.credit.firms import firm, firms
from tests.mirror.engine.firms import LAW

OUTPUTS = st.sampled_from(CreditOutput)


def refused(inputs: CreditInputs) -> dict[str, str]:
    with pytest.raises(InvalidInput) as no:
        value_credit(inputs)
    assert all(problem.suggestion for problem in no.value.problems)
    return {problem.path: problem.code for problem in no.value.problems}


def alone(inputs: CreditInputs, output: CreditOutput) -> float:
    return float(getattr(value_credit(inputs).valuation, output.value.lower()))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_at_its_bound_comes_in_and_one_step_beyond_does_not(name: str) -> None:
    low, high = BOUNDS[name]
    for inside in (low, high):
        admit(firm(**{name: inside}))
    for beyond in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        assert refused(firm(**{name: beyond})) == {name: "OUT_OF_RANGE"}
    for no in (math.nan, math.inf, -math.inf):
        assert refused(firm(**{name: no})) == {name: "NOT_FINITE"}


def test_every_problem_is_said_at_once() -> None:
    wrong = firm(equity_value=-1.0, equity_volatility=80.0, debt=math.nan, currency="usd")
    assert refused(wrong) == {
        "equity_value": "OUT_OF_RANGE",
        "equity_volatility": "OUT_OF_RANGE",
        "debt": "NOT_FINITE",
        "currency": "UNKNOWN",
    }


def test_an_equity_value_that_is_left_out_is_missed_beside_all_else() -> None:
    assert refused(firm(equity_value=None, debt=0.0)) == {
        "equity_value": "MISSING",
        "debt": "OUT_OF_RANGE",
    }


def test_a_volatility_typed_in_percent_is_told_so() -> None:
    with pytest.raises(InvalidInput) as no:
        value_credit(firm(equity_volatility=80.0))
    assert "0.8" in no.value.problems[0].suggestion


@LAW
@given(st.lists(firms(), min_size=1, max_size=9), OUTPUTS)
def test_a_scenario_of_a_batch_is_a_valuation_to_the_last_bit(
    rows: list[CreditInputs], output: CreditOutput
) -> None:
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in BOUNDS}
    question = credit_question(rows[0], output)
    found = question.over(dict(columns), (len(rows),), "")
    assert found[output.value].tolist() == [alone(row, output) for row in rows]


@LAW
@given(firms(), st.lists(firms(), min_size=2, max_size=4), OUTPUTS)
def test_a_cell_of_a_grid_is_a_valuation_to_the_last_bit(
    inputs: CreditInputs, others: list[CreditInputs], output: CreditOutput
) -> None:
    debts, rates = [o.debt for o in others], [o.equity_volatility for o in others]
    grid = sensitivity(
        credit_question(inputs, output),
        Axis("debt", np.array(debts)),
        Axis("equity_volatility", np.array(rates)),
    )
    cells = [
        [alone(dataclasses.replace(inputs, debt=d, equity_volatility=v), output) for v in rates]
        for d in debts
    ]
    assert grid.tolist() == cells


@LAW
@given(firms(), OUTPUTS)
def test_the_gradient_is_the_slope_of_the_value_along_every_number(
    inputs: CreditInputs, output: CreditOutput
) -> None:
    question = credit_question(inputs, output)
    slopes = gradient(question)
    assert list(slopes) == list(BOUNDS)
    for name, slope in slopes.items():
        at = getattr(inputs, name)
        step = 1e-4 * max(abs(at), 0.1)
        # Five points: the error goes with the fourth power of the step.
        points = np.array([at + k * step for k in (-2, -1, 1, 2)])
        two_left, left, right, two_right = question.worth(replaced(inputs, {name: points})).tolist()
        expected = (two_left - 8.0 * left + 8.0 * right - two_right) / (12.0 * step)
        size = max(abs(two_left), abs(two_right), 1e-6)
        assert slope == pytest.approx(expected, rel=1e-5, abs=1e-9 * size / step)


def test_the_gradient_of_the_published_firm_by_the_formula_of_a_call() -> None:
    """With V and its volatility fixed, PD = N(-d2): the two equations give both as functions of the
    inputs. In money of another size nothing changes: E dPD/dE + F dPD/dF = 0."""
    inputs = firm()
    for output in CreditOutput:
        slopes = gradient(credit_question(inputs, output))
        assert 3.0 * slopes["equity_value"] + 10.0 * slopes["debt"] == pytest.approx(0.0, abs=1e-14)
        # What is owed later at the same rate is less: F exp(-rT) is all that rate and face do to
        # the assets, so r dy/dr = -T F dy/dF for both that know of no time besides.
        if output is not CreditOutput.SPREAD:
            assert slopes["risk_free_rate"] == pytest.approx(-10.0 * slopes["debt"], rel=1e-12)


@LAW
@given(firms())
def test_a_drawn_scenario_is_sorted_out_where_the_door_would_refuse_it(
    inputs: CreditInputs,
) -> None:
    for name, (low, high) in BOUNDS.items():
        drawn = np.array([getattr(inputs, name), low, high, 2.0 * high, math.nan, low - 1.0])
        broken = outside(replaced(inputs, {name: drawn}), inputs)
        assert broken is not None
        assert broken.tolist() == [False, False, False, True, True, True]
    assert outside(inputs, inputs) is None


def test_every_analysis_works_on_it() -> None:
    inputs = firm()
    question = credit_question(inputs, CreditOutput.DEFAULT_PROBABILITY)
    base = alone(inputs, CreditOutput.DEFAULT_PROBABILITY)
    line = one_way(question, Axis("equity_value", np.array([1.0, 3.0, 9.0])))
    assert line["DEFAULT_PROBABILITY"][1] == base
    assert line["SPREAD"][1] == alone(inputs, CreditOutput.SPREAD)
    bars = tornado(question, default_swings(question, 0.1))
    assert {bar.swing.path for bar in bars} == set(BOUNDS)
    assert bars[0].swing.path == "equity_volatility"
    cases = [Case(name="Less debt", changes=(Change("debt", 5.0),))]
    assert compare(question, cases).cases[0]["DEFAULT_PROBABILITY"] < base
    (root,) = reverse(question, "debt", 0.05, 0.1, 50.0).roots
    again = dataclasses.replace(inputs, debt=root.input)
    assert alone(again, CreditOutput.DEFAULT_PROBABILITY) == pytest.approx(0.05, rel=1e-12)
    shocks = (Shock("equity_value", Normal(0.3)),)
    drawn = simulate(question, SimulationSpec(trials=8_192, seed=3, shocks=shocks))
    assert drawn.infeasible == 0
    assert drawn.minimum < base < drawn.maximum
    why = attribution(question, credit_question(again, CreditOutput.DEFAULT_PROBABILITY))
    assert [each.paths for each in why.contributions] == [("debt",)]
    assert list(numbers(inputs)) == list(BOUNDS)


def test_a_question_can_be_sent_to_another_process() -> None:
    question = credit_question(firm(), CreditOutput.SPREAD)
    again: Any = pickle.loads(pickle.dumps(question))  # noqa: S301 - our own
    assert again.worth(again.inputs) == question.worth(question.inputs)


def test_the_import_of_the_engine_does_not_import_scipy() -> None:
    import subprocess
    import sys

    code = "import sys, engine.credit; sys.exit(any(n.startswith('scipy') for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
