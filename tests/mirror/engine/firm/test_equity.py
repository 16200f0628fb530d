"""From enterprise to equity value: what the claims leave, for whom, and if the firm fails."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    Convertible,
    DcfInputs,
    DcfOutput,
    Failure,
    OptionTranche,
    Shares,
    dcf_question,
    value_dcf,
)
from engine.dcf.inputs import admit, outside
from engine.errors import Infeasible, InvalidInput, Problem
from engine.firm.equity import settle
from engine.paths import numbers as numbers_in
from engine.paths import replaced, value_at
from engine.scenarios import Axis, default_swings, gradient, sensitivity, tornado
from tests.mirror.engine.firms import LAW, any_failures, any_firms, any_shares, firm, numbers

SAME = 1e-12  # relative
NOTHING = Bridge(debt=0.0, cash=0.0)

# 50 basic shares, and of each kind one that takes part at 12.69 a share and one that does not.
DILUTED = Shares(
    basic=50.0,
    restricted_stock=2.0,
    options=(OptionTranche(count=5.0, strike=8.0), OptionTranche(count=5.0, strike=80.0)),
    convertibles=(
        Convertible(face_value=30.0, conversion_price=10.0),
        Convertible(face_value=40.0, conversion_price=100.0),
    ),
)


def shared(shares: Shares, **changes: Any) -> DcfInputs:
    return dataclasses.replace(firm(), shares=shares, **changes)


def problems_of(inputs: DcfInputs) -> list[Problem]:
    with pytest.raises(InvalidInput) as no:
        value_dcf(inputs)
    return list(no.value.problems)


def refused(inputs: DcfInputs) -> dict[str, str]:
    return {problem.path: problem.code for problem in problems_of(inputs)}


# Dilution within a valuation


def test_dilution_by_hand() -> None:
    # EV 634.40, no net debt. Debt of 40 stays; 5 options at 8 and 3 new shares take part:
    # (634.40 - 40 + 40) / (50 + 2 + 5 + 3) = 10.57333.
    result = value_dcf(shared(DILUTED))
    worth, told = result.worth, result.dilution
    assert worth.value_per_share == pytest.approx(634.40 / 60.0)
    assert worth.settled.convertible_debt == 40.0
    assert worth.net_debt == 40.0
    assert worth.equity_value == pytest.approx(594.40)
    # The options' 40 buys 3.78 shares back.
    assert worth.diluted_shares == pytest.approx(60.0 - 40.0 / (634.40 / 60.0))
    assert told is not None
    assert (told.price, told.held) == (worth.value_per_share, 52.0)
    assert [each.exercised for each in told.options] == [True, False]
    assert [each.converted for each in told.convertibles] == [True, False]
    assert [each.shares for each in told.convertibles] == [3.0, 0.0]
    assert [each.debt for each in told.convertibles] == [0.0, 40.0]


def test_basic_shares_that_nothing_dilutes_are_the_diluted_ones() -> None:
    plain, basic = value_dcf(firm()), value_dcf(shared(Shares(basic=50.0)))
    assert basic.worth.value_per_share == plain.worth.value_per_share
    assert basic.worth.equity_value == plain.worth.equity_value
    assert basic.worth.diluted_shares == 50.0
    assert plain.dilution is None
    assert basic.dilution is not None
    assert (basic.dilution.options, basic.dilution.convertibles) == ((), ())


def test_claims_above_the_enterprise_value_are_short_per_share_as_without_dilution() -> None:
    bridge = Bridge(debt=700.0, cash=0.0)
    result = value_dcf(shared(DILUTED, bridge=bridge))
    # 634.40 - 700 - 70 of convertibles, over 52 shares.
    assert result.worth.value_per_share == pytest.approx(-135.60 / 52.0)
    assert result.worth.diluted_shares == 52.0
    assert "EQUITY_BELOW_ZERO" in {remark.code for remark in result.remarks}


@settings(deadline=None, max_examples=80)
@given(any_firms(), any_shares(), st.none() | any_failures())
def test_any_shares_are_valued_in_finite_numbers(
    inputs: DcfInputs, shares: Shares, failure: Failure | None
) -> None:
    try:
        result = value_dcf(dataclasses.replace(inputs, shares=shares, failure=failure))
    except Infeasible:
        return
    settled = result.worth.settled
    futures = [each for each in (settled.going_concern, settled.failed) if each is not None]
    for each in (settled, *futures):
        for name in ("net_debt", "equity_value", "value_per_share", "diluted_shares"):
            assert math.isfinite(getattr(each, name)), name
    assert result.dilution is not None
    for option in result.dilution.options:
        assert option.net_shares >= 0.0
    for output in DcfOutput:
        slopes = gradient(dcf_question(result.inputs, output, result.inputs))
        assert all(map(math.isfinite, slopes.values()))


def test_every_number_of_the_shares_and_the_failure_has_a_path_and_a_slope() -> None:
    inputs = shared(DILUTED, failure=Failure(probability=0.2, recovery=0.5))
    question = dcf_question(inputs, DcfOutput.VALUE_PER_SHARE)
    slopes = gradient(question)
    zero = {path for path in slopes if path.startswith("shares.") and slopes[path] == 0.0}
    assert zero == {"shares.options[1].count", "shares.options[1].strike"} | {
        "shares.convertibles[1].conversion_price"
    }
    assert slopes["shares.options[0].strike"] > 0.0
    assert slopes["shares.restricted_stock"] == slopes["shares.basic"] < 0.0
    assert slopes["failure.probability"] < 0.0 < slopes["failure.recovery"]


@LAW
@given(st.data())
def test_a_cell_over_shares_and_failure_is_a_valuation_to_the_last_bit(data: st.DataObject) -> None:
    inputs = admit(shared(DILUTED, failure=Failure(probability=0.2, recovery=0.5)))
    table = numbers_in(inputs)
    paths = [path for path in table if path.startswith(("shares.", "failure.", "bridge.d"))]
    rows, columns = data.draw(st.lists(st.sampled_from(paths), min_size=2, max_size=2, unique=True))
    output = data.draw(st.sampled_from(DcfOutput))

    def axis(path: str) -> Axis:
        times = data.draw(st.lists(numbers(0.3, 1.9), min_size=1, max_size=4))
        return Axis(path, np.array(times) * (value_at(table, path) or 300.0))

    down, across = axis(rows), axis(columns)
    question = dcf_question(inputs, output)
    grid = sensitivity(question, down, across)
    for i, row in enumerate(down.values):
        for k, column in enumerate(across.values):
            cell = replaced(inputs, {rows: float(row), columns: float(column)})
            assert grid[i, k] == getattr(value_dcf(cell).worth, output.value.lower())
    assert tornado(question, default_swings(question, 0.1))


# What comes in


def test_exactly_one_of_diluted_and_basic_shares_is_given() -> None:
    assert refused(shared(Shares())) == {"shares.diluted": "MISSING"}
    assert refused(shared(Shares(diluted=9.0, basic=9.0))) == {"shares.diluted": "CONTRADICTION"}


@pytest.mark.parametrize("name", ["restricted_stock", "options", "convertibles"])
def test_what_dilutes_stands_beside_basic_shares_alone(name: str) -> None:
    beside = Shares(diluted=50.0, **{name: getattr(DILUTED, name)})
    assert refused(shared(beside)) == {f"shares.{name}": "CONTRADICTION"}
    assert value_dcf(shared(Shares(basic=50.0, **{name: getattr(DILUTED, name)})))


BOUNDS = {
    "shares.basic": (1.0, 1e15),
    "shares.restricted_stock": (0.0, 1e15),
    "shares.options[0].count": (0.0, 1e15),
    "shares.options[1].strike": (0.0, 1e12),
    "shares.convertibles[1].face_value": (0.0, 1e18),
    "shares.convertibles[0].conversion_price": (1e-6, 1e12),
    "failure.probability": (0.0, 1.0),
    "failure.recovery": (0.0, 1.0),
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_number_at_its_bound_comes_in_and_one_step_beyond_does_not(path: str) -> None:
    inputs = shared(DILUTED, failure=Failure(probability=0.2, recovery=0.5))
    low, high = BOUNDS[path]
    for inside in (low, high):
        value_dcf(replaced(inputs, {path: inside}))
    for beyond in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        assert refused(replaced(inputs, {path: beyond})) == {path: "OUT_OF_RANGE"}
    for odd in (math.nan, math.inf):
        assert refused(replaced(inputs, {path: odd})) == {path: "NOT_FINITE"}


def test_a_share_typed_in_percent_is_recognised() -> None:
    (problem,) = problems_of(
        dataclasses.replace(firm(), failure=Failure(probability=25.0, recovery=0.4))
    )
    assert problem.path == "failure.probability"
    assert "25 % is 0.25" in problem.suggestion


def test_every_problem_of_the_shares_is_told_at_once() -> None:
    wrong = Shares(
        diluted=0.5,
        basic=math.nan,
        options=(OptionTranche(count=-1.0, strike=math.inf),),
        convertibles=(Convertible(face_value=-1.0, conversion_price=0.0),),
    )
    failing = Failure(probability=-0.1, recovery=1.1)
    assert list(refused(shared(wrong, failure=failing)).items()) == [
        ("shares.diluted", "OUT_OF_RANGE"),
        ("shares.basic", "NOT_FINITE"),
        ("shares.options[0].count", "OUT_OF_RANGE"),
        ("shares.options[0].strike", "NOT_FINITE"),
        ("shares.convertibles[0].face_value", "OUT_OF_RANGE"),
        ("shares.convertibles[0].conversion_price", "OUT_OF_RANGE"),
        ("failure.probability", "OUT_OF_RANGE"),
        ("failure.recovery", "OUT_OF_RANGE"),
    ]


@pytest.mark.parametrize(("many", "name"), [(21, "options"), (10_000, "convertibles")])
def test_up_to_twenty_tranches_come_in(many: int, name: str) -> None:
    one = getattr(DILUTED, name)[0]
    assert value_dcf(shared(Shares(basic=50.0, **{name: (one,) * 20})))
    assert refused(shared(Shares(basic=50.0, **{name: (one,) * many}))) == {
        f"shares.{name}": "TOO_LARGE"
    }


def test_a_drawn_scenario_is_outside_exactly_where_the_door_would_refuse_it() -> None:
    inputs = admit(shared(DILUTED, failure=Failure(probability=0.2, recovery=0.5)))

    def sorted_out(path: str, *values: float) -> list[bool]:
        broken = outside(replaced(inputs, {path: np.array(values)}), inputs)
        assert broken is not None
        return broken.tolist()

    assert sorted_out("shares.options[0].strike", -1.0, 0.0, 2.0) == [True, False, False]
    assert sorted_out("shares.basic", 0.5, 1.0, 2.0) == [True, False, False]
    assert sorted_out("failure.probability", -0.1, 0.5, 1.1) == [True, False, True]


def test_of_too_many_tranches_the_first_are_looked_at() -> None:
    bad = (OptionTranche(count=-1.0, strike=1.0),) * 10_000
    problems = problems_of(shared(Shares(basic=50.0, options=bad)))
    assert [problem.path for problem in problems] == [
        "shares.options",
        *(f"shares.options[{number}].count" for number in range(20)),
    ]


# Tax savings


@LAW
@given(numbers(-1e6, 1e6), numbers(0.0, 1e6))
def test_what_losses_save_in_tax_belongs_to_the_shareholders(
    enterprise: float, savings: float
) -> None:
    bridge, shares = Bridge(debt=300.0, cash=100.0), Shares(diluted=8.0)
    plain, saved = settle(enterprise, bridge, shares), settle(enterprise, bridge, shares, savings)
    assert saved.equity_value == plain.equity_value + savings
    assert saved.net_debt == plain.net_debt == 200.0
    with_array = settle(np.array([enterprise]), bridge, shares, np.array([savings]))
    assert with_array.equity_value[0] == saved.equity_value
