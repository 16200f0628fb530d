"""Cross-checks: what one method's terminal value says in the words of the others."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.dcf import (
    Bridge,
    DcfInputs,
    DcfOutput,
    ExitMultiple,
    FlowTiming,
    Gordon,
    Terminal,
    TerminalDiscounting,
    ValueDriver,
    dcf_question,
    value_dcf,
)
from engine.errors import InvalidInput
from engine.schedules import Schedule
from tests.mirror.engine.firms import LAW, any_firms, firm, firms, numbers

PUT_BACK = 1e-9  # relative; an implied number is a quotient of differences


@LAW
@given(firms(sound=True))
def test_the_implied_multiple_put_back_as_an_exit_gives_the_same_value(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    multiple = result.cross_checks.implied_exit_multiple
    assume(multiple is not None)
    assume(0.0 <= multiple <= 1_000.0)
    again = value_dcf(dataclasses.replace(inputs, terminal=ExitMultiple(ev_to_ebitda=multiple)))
    assert again.worth.value_of_terminal == pytest.approx(
        float(result.worth.value_of_terminal), rel=PUT_BACK
    )


@LAW
@given(firms(sound=True))
def test_the_implied_growth_put_back_as_a_perpetuity_gives_the_same_value(
    inputs: DcfInputs,
) -> None:
    result = value_dcf(inputs)
    growth = result.cross_checks.implied_growth
    assume(growth is not None)
    assert growth <= result.worth.wacc  # equal where the flow is a rounding away from nothing
    assume(-0.5 <= growth <= min(0.5, float(result.worth.wacc) - 0.001))
    # A perpetuity is discounted as it was; one that stands in for an exit, like its flows.
    how = getattr(inputs.terminal, "discounting", TerminalDiscounting.LAST_FLOW)
    # And a normalised year after the forecast stays one.
    normal = getattr(inputs.terminal, "normalised", None)
    terminal = Gordon(growth=growth, normalised=normal, discounting=how)
    again = value_dcf(dataclasses.replace(inputs, terminal=terminal))
    assert again.worth.value_of_terminal == pytest.approx(
        float(result.worth.value_of_terminal), rel=PUT_BACK
    )


@LAW
@given(
    st.sampled_from(FlowTiming),
    st.sampled_from(TerminalDiscounting),
    numbers(0.06, 0.20),
    numbers(0.001, 0.05),
    numbers(0.08, 0.12),
    numbers(8.0, 20.0),
    st.sampled_from([Gordon, ValueDriver, ExitMultiple]),
)
def test_the_implied_return_put_into_the_value_driver_gives_the_same_value(
    flows: FlowTiming,
    how: TerminalDiscounting,
    wacc: float,
    growth: float,
    capex: float,
    multiple: float,
    kind: type,
) -> None:
    terminal: Terminal = Gordon(growth=growth, discounting=how)
    if kind is ValueDriver:
        terminal = ValueDriver(growth=growth, return_on_new_capital=0.15, discounting=how)
    if kind is ExitMultiple:
        terminal, how = ExitMultiple(ev_to_ebitda=multiple), TerminalDiscounting.LAST_FLOW
    inputs = firm(
        years=5,
        flows=flows,
        wacc=wacc,
        terminal=terminal,
        revenue_growth=0.05,
        capital_expenditure=capex,
    )
    result = value_dcf(inputs)
    checks = result.cross_checks
    assert checks.implied_growth is not None
    assert checks.implied_return_on_new_capital is not None
    assume(0.001 < checks.implied_growth < wacc - 0.001)
    driver = ValueDriver(
        growth=checks.implied_growth,
        return_on_new_capital=checks.implied_return_on_new_capital,
        discounting=how,
    )
    again = value_dcf(dataclasses.replace(inputs, terminal=driver))
    assert again.worth.value_of_terminal == pytest.approx(
        float(result.worth.value_of_terminal), rel=PUT_BACK
    )


@LAW
@given(any_firms())
def test_every_ratio_is_finite_or_not_there(inputs: DcfInputs) -> None:
    checks = value_dcf(inputs).cross_checks
    for name in checks.__slots__:
        value = getattr(checks, name)
        assert value is None or math.isfinite(value), name


def test_the_cross_checks_by_hand() -> None:
    # The firm of test_kernel: FCF 134.20, NOPAT 181.50, EBITDA 302.50, TV 704.55, EV 634.40.
    checks = value_dcf(firm(bridge=Bridge(debt=234.40, cash=0.0), market_price=6.40)).cross_checks
    assert checks.terminal_share == pytest.approx(450.912 / 634.40)
    assert checks.implied_exit_multiple == pytest.approx(704.55 / 302.50)
    assert checks.implied_growth == pytest.approx(0.05)
    # 1 - 134.20 / 181.50 of profit is reinvested for 5 % of growth.
    assert checks.implied_return_on_new_capital == pytest.approx(0.05 / (47.30 / 181.50))
    assert checks.ev_to_revenue == pytest.approx(0.63440)
    assert checks.ev_to_ebitda == pytest.approx(634.40 / 275.0)
    assert checks.upside == pytest.approx(0.25)
    assert value_dcf(firm()).cross_checks.upside is None


def test_a_multiple_paid_at_year_end_is_compared_with_flows_of_mid_year_by_half_a_year() -> None:
    # WACC 56.25 %, whose half year is 1.25. TV 5 x 302.50 against F = 134.20 x 1.25 = 167.75:
    # (1,512.50 x 0.5625 - 167.75) / (1,512.50 + 167.75)
    mid = {"flows": FlowTiming.MID_YEAR, "wacc": 0.5625}
    exits = value_dcf(firm(**mid, terminal=ExitMultiple(ev_to_ebitda=5.0))).cross_checks
    assert exits.implied_exit_multiple == 5.0
    assert exits.implied_growth == pytest.approx((1_512.50 * 0.5625 - 167.75) / 1_680.25)
    # TV 285.175: x 1.25 where it is discounted like the last flow, as it is at the year's end.
    last_flow = value_dcf(firm(**mid, terminal=Gordon(growth=0.0625))).cross_checks
    assert last_flow.implied_exit_multiple == pytest.approx(285.175 * 1.25 / 302.50)
    assert last_flow.implied_growth == pytest.approx(0.0625)
    year_end = Gordon(growth=0.0625, discounting=TerminalDiscounting.YEAR_END)
    at_end = value_dcf(firm(**mid, terminal=year_end)).cross_checks
    assert at_end.implied_exit_multiple == pytest.approx(285.175 / 302.50)
    assert at_end.implied_growth == pytest.approx(0.0625)


def test_no_growth_is_implied_where_the_last_flow_is_not_one_that_could_go_on() -> None:
    # Capex of 60 % leaves a flow below zero; a buyer still pays 12 times EBITDA. Solved for growth,
    # that would be 17 %, above the WACC of 8.5 %.
    burning = firm(wacc=0.085, capital_expenditure=0.60, terminal=ExitMultiple(ev_to_ebitda=12.0))
    checks = value_dcf(burning).cross_checks
    assert checks.implied_growth is None
    assert checks.implied_return_on_new_capital is None
    assert checks.implied_exit_multiple == 12.0


def test_ratios_of_a_loss_are_not_there() -> None:
    checks = value_dcf(firm(ebit_margin=-0.30)).cross_checks
    assert checks.terminal_share is None
    assert checks.implied_exit_multiple is None
    assert checks.implied_growth is None
    assert checks.ev_to_ebitda is None
    assert checks.ev_to_revenue < 0.0


def test_a_question_is_asked_only_of_inputs_that_pass_the_door() -> None:
    with pytest.raises(InvalidInput, match="above the most"):
        dcf_question(firm(tax_rate=21.0), DcfOutput.EQUITY_VALUE)


@pytest.mark.parametrize("output", DcfOutput)
def test_a_question_answers_with_the_number_that_was_asked_for(output: DcfOutput) -> None:
    inputs = firm(bridge=Bridge(debt=300.0, cash=65.60))
    question = dcf_question(inputs, output)
    expected = {"VALUE_PER_SHARE": 8.0, "EQUITY_VALUE": 400.0, "ENTERPRISE_VALUE": 634.40}
    assert question.worth(question.inputs) == pytest.approx(expected[output.value])


def test_the_inputs_of_a_result_are_as_admitted() -> None:
    result = value_dcf(firm(years=3, revenue_growth=Schedule.constant(0.1)))
    assert result.inputs.operations.revenue_growth.years() == (0.1, 0.1, 0.1)
    assert np.isfinite(result.worth.value_per_share)
