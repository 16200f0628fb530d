"""Losses carried forward: never more than there are, never faster than the limits allow."""

from __future__ import annotations

import dataclasses
import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import (
    DcfInputs,
    DcfOutput,
    DcfResult,
    FlowTiming,
    Gordon,
    LossesCarriedForward,
    dcf_question,
    value_dcf,
)
from engine.errors import InvalidInput
from engine.scenarios import gradient
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_slope
from tests.mirror.engine.firms import LAW, any_firms, firm, firms, fuller, level, numbers


def carrying(inputs: DcfInputs, **losses: Any) -> DcfInputs:
    operations = dataclasses.replace(inputs.operations, losses=LossesCarriedForward(**losses))
    return dataclasses.replace(inputs, operations=operations)


def without(inputs: DcfInputs) -> DcfInputs:
    operations = dataclasses.replace(inputs.operations, losses=None)
    return dataclasses.replace(inputs, operations=operations)


def worth_of_losses(result: DcfResult) -> float:
    found = result.worth.losses_carried_forward
    assert found is not None
    return float(found)


FULLER = fuller(firms()) | fuller(any_firms(), wide=True)
CARRYING = FULLER.filter(lambda firm: firm.operations.losses is not None)


@LAW
@given(CARRYING)
def test_losses_are_used_within_the_balance_and_the_limits(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    lines, losses = result.forecast, inputs.operations.losses
    assert losses is not None
    share = 1.0 if losses.limit_share is None else losses.limit_share
    most = math.inf if losses.limit_amount is None else losses.limit_amount
    balance = losses.balance
    for year, used in enumerate(lines.losses_used):
        part = inputs.timing.stub if year == 0 else 1.0
        income = lines.ebit[year] * part
        assert 0.0 <= used <= balance
        assert used <= most * part
        assert used <= share * max(income, 0.0) * (1.0 + 1e-12)
        if income < 0.0:
            assert used == 0.0
        # Nothing that could be used is left for later.
        assert used == pytest.approx(min(balance, share * max(income, 0.0), most * part))
        balance = lines.losses_left[year]
        assert balance >= 0.0


@LAW
@given(CARRYING)
def test_no_loss_saves_more_than_the_tax_on_it(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    losses, ebit = inputs.operations.losses, result.forecast.ebit
    assert losses is not None
    new = math.fsum(max(-profit, 0.0) for profit in ebit)
    dearest = max(result.inputs.operations.tax_rate.years())
    soonest = max(result.forecast.discount_factor)
    most = (losses.balance + new) * dearest * soonest
    assert 0.0 <= worth_of_losses(result) <= most * (1.0 + 1e-12)


@LAW
@given(CARRYING)
def test_losses_move_the_equity_and_nothing_before_it(inputs: DcfInputs) -> None:
    plain, result = value_dcf(without(inputs)), value_dcf(inputs)
    assert plain.worth.losses_carried_forward is None
    assert result.forecast.tax == plain.forecast.tax
    assert result.forecast.free_cash_flow == plain.forecast.free_cash_flow
    assert result.worth.enterprise_value == plain.worth.enterprise_value
    assert result.worth.net_debt == plain.worth.net_debt
    assert result.worth.equity_value == plain.worth.equity_value + worth_of_losses(result)


@LAW
@given(firms(sound=True), st.none() | numbers(0.0, 1.0), st.none() | numbers(0.0, 1e9))
def test_no_losses_change_nothing(
    inputs: DcfInputs, share: float | None, amount: float | None
) -> None:
    result = value_dcf(carrying(inputs, balance=0.0, limit_share=share, limit_amount=amount))
    assert worth_of_losses(result) == 0.0
    assert result.worth.value_per_share == value_dcf(inputs).worth.value_per_share
    assert result.remarks == value_dcf(inputs).remarks


@LAW
@given(firms(sound=True), numbers(0.0, 1.0))
def test_losses_that_a_years_income_covers_save_their_tax_in_that_year(
    inputs: DcfInputs, part: float
) -> None:
    plain = value_dcf(inputs)
    balance = part * float(plain.forecast.ebit[0])
    saved = balance * float(plain.inputs.operations.tax_rate.years()[0])
    result = value_dcf(carrying(inputs, balance=balance))
    first = float(plain.forecast.discount_factor[0])
    assert worth_of_losses(result) == pytest.approx(saved * first, rel=1e-12)
    nothing = pytest.approx([0.0] * inputs.timing.years, abs=1e-12 * balance)
    assert result.forecast.losses_left == nothing


@LAW
@given(firms(sound=True), numbers(0.0, 5.0), numbers(0.0, 1.0), numbers(0.0, 1.0))
def test_a_tighter_limit_never_makes_losses_worth_more_where_the_tax_is_level(
    inputs: DcfInputs, times: float, one: float, other: float
) -> None:
    operations = dataclasses.replace(inputs.operations, tax_rate=level(0.25))
    inputs = dataclasses.replace(inputs, operations=operations)
    balance = times * float(value_dcf(inputs).forecast.ebit[0])
    tight, loose = (
        worth_of_losses(value_dcf(carrying(inputs, balance=balance, limit_share=share)))
        for share in sorted((one, other))
    )
    assert tight <= loose * (1.0 + 1e-12)


# By hand: WACC 25 %, so the factors are 0.8, 0.64, 0.512


def test_losses_by_hand() -> None:
    # EBIT 220, 242, 266.20 at 25 % tax. 80 % of each may be covered, of 400 of losses:
    # 176, 193.60, then the 30.40 that are left. Saved: 44, 48.40, 7.60; today 35.20 + 30.976
    # + 3.8912 = 70.0672.
    inputs = firm(years=3)
    result = value_dcf(carrying(inputs, balance=400.0, limit_share=0.8))
    assert result.forecast.losses_used == pytest.approx([176.0, 193.60, 30.40])
    assert result.forecast.losses_left == pytest.approx([224.0, 30.40, 0.0])
    assert result.forecast.tax_saved == pytest.approx([44.0, 48.40, 7.60])
    assert worth_of_losses(result) == pytest.approx(70.0672)
    plain = value_dcf(inputs)
    assert result.forecast.tax == plain.forecast.tax
    assert result.worth.equity_value == pytest.approx(float(plain.worth.equity_value) + 70.0672)


def test_a_yearly_amount_by_hand() -> None:
    # 100 a year at most: 25 saved in each year. 0.8 + 0.64 + 0.512 = 1.952
    result = value_dcf(carrying(firm(years=3), balance=400.0, limit_share=0.8, limit_amount=100.0))
    assert result.forecast.losses_used == [100.0] * 3
    assert result.forecast.losses_left == [300.0, 200.0, 100.0]
    assert worth_of_losses(result) == pytest.approx(25.0 * 1.952)


def test_losses_of_the_forecast_are_carried_forward_too() -> None:
    # EBIT -110, 242, 266.20: 50 of old losses and 110 of new ones are used in year 2, at 25 %.
    inputs = firm(years=3, ebit_margin=Schedule.explicit([-0.1, 0.2, 0.2]))
    result = value_dcf(carrying(inputs, balance=50.0))
    assert result.forecast.losses_used == pytest.approx([0.0, 160.0, 0.0])
    assert result.forecast.losses_left == pytest.approx([160.0, 0.0, 0.0])
    assert worth_of_losses(result) == pytest.approx(40.0 * 0.64)


def test_of_a_stub_only_its_own_income_and_its_part_of_the_yearly_amount_count() -> None:
    # 73 days of year 1 are left, a fifth: EBIT of 44 of its 220; at 100 a year, 20.
    inputs = firm()
    end = inputs.timing.valuation_date + timedelta(days=73)
    timing = dataclasses.replace(inputs.timing, fiscal_year_end=end)
    begun = dataclasses.replace(inputs, timing=timing)
    assert value_dcf(carrying(begun, balance=400.0)).forecast.losses_used == pytest.approx(
        [44.0, 242.0]
    )
    limited = value_dcf(carrying(begun, balance=400.0, limit_amount=100.0))
    assert limited.forecast.losses_used == pytest.approx([20.0, 100.0])


def test_tax_is_saved_when_the_flow_comes_that_it_is_saved_from() -> None:
    # 1 + WACC = 1.02 ^ 10; 73 days are left: flows come after one tenth of a year, and seven.
    inputs = firm(wacc=1.02**10 - 1.0, flows=FlowTiming.MID_YEAR)
    end = inputs.timing.valuation_date + timedelta(days=73)
    timing = dataclasses.replace(inputs.timing, fiscal_year_end=end)
    result = value_dcf(carrying(dataclasses.replace(inputs, timing=timing), balance=400.0))
    assert result.forecast.tax_saved == pytest.approx([11.0, 60.50])
    assert worth_of_losses(result) == pytest.approx(11.0 * 1.02**-1 + 60.50 * 1.02**-7)


# Published


def test_sirius_pays_no_tax_for_eight_years_and_a_reduced_one_in_the_ninth() -> None:
    """Damodaran, Damodaran on Valuation, 2nd ed., illustrations 3.5, 4.11 and 6.5.

    Sirius lost 787 million on revenues of 187 million and had 824 million of losses to carry
    forward. Revenues grow to 9,035 million in ten years, the margin goes half of the way to 20 % in
    each. Losses go on for four years; income of years 5 to 8 is covered, and the 327 million that
    are left then bring the tax of year 9 from 35 % to 28.05 %.
    """
    revenue = 187.46  # what the printed revenues of all years have in common
    growth = [2.0, 1.0, 0.8, 0.6, 0.4, 0.25, 0.2, 0.15, 0.1, 0.05]
    margins, margin = [], -787.0 / revenue
    for _ in growth:
        margin = (margin + 0.20) / 2.0
        margins.append(margin)
    sirius = firm(
        years=10,
        wacc=0.10,
        terminal=Gordon(growth=0.04),
        revenue=revenue,
        revenue_growth=Schedule.explicit(growth),
        ebit_margin=Schedule.explicit(margins),
        tax_rate=0.35,
        depreciation=0.0,
        capital_expenditure=0.0,
        working_capital=0.0,
    )
    result = value_dcf(carrying(sirius, balance=824.0))
    lines = result.forecast
    printed = [2_025, 3_239, 4_535, 5_669, 6_803, 7_823, 8_605, 9_035]
    assert [round(revenue) for revenue in lines.revenue[2:]] == printed
    paid = [tax - saved for tax, saved in zip(lines.tax, lines.tax_saved, strict=True)]
    assert [ebit < 0.0 for ebit in lines.ebit] == [True] * 4 + [False] * 6
    assert paid[:8] == pytest.approx([0.0] * 8, abs=1e-9)
    # The loss is printed to the million: half of one is 3.6 million less or more in year 8.
    assert lines.losses_left[7] == pytest.approx(327.0, abs=3.6)
    assert paid[8] / lines.ebit[8] == pytest.approx(0.2805, abs=0.35 * 3.6 / lines.ebit[8])
    assert paid[9] / lines.ebit[9] == pytest.approx(0.35)


def test_a_billion_of_losses_over_four_years_saves_four_hundred_million() -> None:
    """Damodaran, Damodaran on Valuation, 2nd ed., illustration 15.5.

    A billion of losses against 250 million of income in each of four years, taxed at 40 %: 100
    million saved a year, discounted at the cost of capital of 8.10 %.
    """
    buyer = firm(
        years=5,
        wacc=0.081,
        terminal=Gordon(growth=0.0),
        revenue=250e6,
        revenue_growth=0.0,
        ebit_margin=1.0,
        tax_rate=0.40,
    )
    result = value_dcf(carrying(buyer, balance=1e9))
    assert result.forecast.tax_saved == pytest.approx([100e6] * 4 + [0.0], abs=1e-3)
    annuity = (1.0 - 1.081**-4) / 0.081
    assert worth_of_losses(result) == pytest.approx(100e6 * annuity)


# What the analyses ask


@pytest.mark.parametrize(
    "losses",
    [
        {"balance": 400.0, "limit_share": 0.8},
        {"balance": 400.0, "limit_share": 0.7, "limit_amount": 120.0},
        {"balance": 4_000.0},
    ],
)
def test_the_gradient_is_that_of_forty_digits(losses: dict[str, float]) -> None:
    inputs = firm(years=4, ebit_margin=Schedule.explicit([-0.05, 0.2, 0.2, 0.2]))
    inputs = carrying(inputs, **losses)
    question = dcf_question(inputs, DcfOutput.EQUITY_VALUE)
    slopes = gradient(question)
    assert {f"operations.losses.{name}" for name in losses} <= set(slopes)
    for path, slope in slopes.items():
        exact = float(exact_slope(inputs, path, DcfOutput.EQUITY_VALUE))
        assert slope == pytest.approx(exact, rel=1e-10, abs=1e-10), path


# The door and the margin


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("balance", 0.0, 1e18), ("limit_share", 0.0, 1.0), ("limit_amount", 0.0, 1e18)],
)
def test_what_is_given_of_losses_is_within_its_bounds(name: str, low: float, high: float) -> None:
    for inside in (low, high):
        value_dcf(carrying(firm(), **{"balance": 1.0} | {name: inside}))
    beyond = math.nextafter(low, -1.0), math.nextafter(high, math.inf), math.nan, math.inf
    for outside in beyond:
        with pytest.raises(InvalidInput) as no:
            value_dcf(carrying(firm(), **{"balance": 1.0} | {name: outside}))
        (problem,) = no.value.problems
        assert problem.path == f"operations.losses.{name}"


def told(inputs: DcfInputs) -> dict[str, str]:
    return {r.code: r.message for r in value_dcf(inputs).remarks if r.path == "operations.losses"}


def test_losses_that_find_no_income_are_remarked_on() -> None:
    unused = told(carrying(firm(ebit_margin=-0.1), balance=400.0))
    assert set(unused) == {"LOSSES_UNUSED"}
    assert set(told(carrying(firm(), balance=400.0, limit_share=0.0))) == {"LOSSES_UNUSED"}
    # 220 + 242 of income
    left = told(carrying(firm(), balance=562.0))
    assert set(left) == {"LOSSES_LEFT"}
    assert "Losses of 100 are left after year 2" in left["LOSSES_LEFT"]
    assert told(carrying(firm(), balance=400.0)) == {}


def test_a_loss_that_is_carried_forward_is_not_said_to_earn_no_credit() -> None:
    losing = firm(ebit_margin=Schedule.explicit([-0.1, 0.2]))
    assert "LOSS_WITHOUT_CREDIT" in {r.code for r in value_dcf(losing).remarks}
    kept = value_dcf(carrying(losing, balance=0.0))
    assert "LOSS_WITHOUT_CREDIT" not in {r.code for r in kept.remarks}
