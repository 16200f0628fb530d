"""Stock compensation, working capital by days, and a tax rate that fades."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import (
    DcfInputs,
    DcfOutput,
    Gordon,
    StockCompensation,
    ValueDriver,
    WorkingCapitalDays,
    dcf_question,
    value_dcf,
)
from engine.errors import InvalidInput
from engine.scenarios import gradient
from engine.schedules import Schedule, Stage
from tests.mirror.engine.exact import exact_dcf, exact_slope
from tests.mirror.engine.firms import DAYS, LAW, firm, firms, fuller, level, numbers

ADD_BACK = StockCompensation.ADD_BACK
SAME = 1e-12


def with_operations(inputs: DcfInputs, **changes: Any) -> DcfInputs:
    return dataclasses.replace(inputs, operations=dataclasses.replace(inputs.operations, **changes))


def days(**changes: Any) -> WorkingCapitalDays:
    plain = {"receivables": 73.0, "inventories": 36.5, "payables": 146.0, "cost_of_sales": 0.5}
    given = {
        name: level(value) if isinstance(value, float | int) else value
        for name, value in (plain | changes).items()
    }
    return WorkingCapitalDays(**given)


def by_days(inputs: DcfInputs, given: WorkingCapitalDays) -> DcfInputs:
    return with_operations(inputs, working_capital=None, working_capital_days=given)


# Stock compensation


@LAW
@given(firms(), numbers(0.0, 0.2))
def test_an_expense_that_ebit_holds_already_changes_nothing_and_is_shown(
    inputs: DcfInputs, share: float
) -> None:
    plain = value_dcf(inputs)
    paid = value_dcf(with_operations(inputs, stock_compensation=level(share)))
    assert paid.worth.value_per_share == plain.worth.value_per_share
    assert paid.forecast.free_cash_flow == plain.forecast.free_cash_flow
    assert paid.forecast.stock_compensation == [r * share for r in plain.forecast.revenue]
    assert plain.forecast.stock_compensation == []


@LAW
@given(firms(), numbers(0.0, 0.2))
def test_what_is_added_back_is_worth_what_so_much_margin_is_without_tax(
    inputs: DcfInputs, share: float
) -> None:
    inputs = dataclasses.replace(inputs, terminal=Gordon(growth=0.0))
    added = value_dcf(
        with_operations(
            inputs, stock_compensation=level(share), stock_compensation_treatment=ADD_BACK
        )
    )
    # Less capital expenditure by the same share frees the same cash.
    capex = value_dcf(inputs).inputs.operations.capital_expenditure.shifted(-share)
    twin = value_dcf(with_operations(inputs, capital_expenditure=capex))
    close = SAME * float(exact_dcf(inputs).gross)
    assert added.worth.enterprise_value == pytest.approx(
        float(twin.worth.enterprise_value), rel=1e-11, abs=close
    )
    assert added.forecast.nopat == twin.forecast.nopat


def test_stock_compensation_by_hand() -> None:
    # 2 % of 1,100 and 1,210: 22 and 24.20 more cash, and 24.20 x 1.05 / 0.20 more at the end.
    paid = {"stock_compensation": level(0.02)}
    inputs = with_operations(firm(), **paid, stock_compensation_treatment=ADD_BACK)
    result = value_dcf(inputs)
    assert result.forecast.stock_compensation == pytest.approx([22.0, 24.20])
    assert result.forecast.free_cash_flow == pytest.approx([144.0, 158.40])
    assert result.worth.enterprise_value == pytest.approx(
        634.40 + 22.0 * 0.8 + 24.20 * 0.64 + 24.20 * 1.05 / 0.20 * 0.64
    )
    (remark,) = (r for r in result.remarks if r.code == "STOCK_COMPENSATION_ADDED_BACK")
    assert remark.path == "operations.stock_compensation_treatment"
    assert not [r for r in value_dcf(with_operations(firm(), **paid)).remarks if "STOCK" in r.code]


def test_a_profit_is_after_stock_compensation_however_it_counts() -> None:
    driver = firm(terminal=ValueDriver(growth=0.05, return_on_new_capital=0.2))
    added = with_operations(
        driver, stock_compensation=level(0.02), stock_compensation_treatment=ADD_BACK
    )
    assert value_dcf(added).worth.terminal_value == value_dcf(driver).worth.terminal_value


def test_nothing_can_be_added_back_where_nothing_is_given() -> None:
    with pytest.raises(InvalidInput) as no:
        value_dcf(with_operations(firm(), stock_compensation_treatment=ADD_BACK))
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("operations.stock_compensation", "MISSING")


# Working capital by days


@LAW
@given(fuller(firms()).filter(lambda firm: firm.operations.working_capital_days is not None))
def test_days_are_worth_what_the_share_is_that_they_come_to(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    lines = result.forecast
    shares = [
        (lines.receivables[t] + lines.inventories[t] - lines.payables[t]) / lines.revenue[t]
        for t in range(inputs.timing.years)
    ]
    twin = with_operations(
        inputs, working_capital=Schedule.explicit(shares), working_capital_days=None
    )
    close = SAME * float(exact_dcf(inputs).gross)
    same = value_dcf(twin)
    assert same.worth.equity_value == pytest.approx(float(result.worth.equity_value), abs=close)
    assert same.forecast.free_cash_flow == pytest.approx(lines.free_cash_flow, rel=1e-9, abs=close)
    assert same.forecast.receivables == []


@LAW
@given(firms(), st.sampled_from(["receivables", "inventories", "payables"]), numbers(0.0, 60.0))
def test_to_wait_longer_for_money_costs_a_growing_firm_and_to_owe_it_longer_helps(
    inputs: DcfInputs, name: str, longer: float
) -> None:
    steady = with_operations(inputs, revenue_growth=level(0.03), opening_working_capital=0.0)
    steady = dataclasses.replace(steady, terminal=Gordon(growth=0.03))
    before, after = (
        float(value_dcf(by_days(steady, days(**{name: wait}))).worth.enterprise_value)
        for wait in (30.0, 30.0 + longer)
    )
    gained = after - before if name == "payables" else before - after
    assert gained >= -1e-12 * float(exact_dcf(steady).gross)


def test_working_capital_by_days_by_hand() -> None:
    # 73 days are a fifth of a year, 36.5 a tenth, 146 two fifths; the cost of sales is half of
    # revenue: 0.2 + 0.5 x (0.1 - 0.4) = 5 % of revenue: 55 and 60.50, from 50.
    result = value_dcf(by_days(firm(), days()))
    assert result.forecast.receivables == pytest.approx([220.0, 242.0])
    assert result.forecast.inventories == pytest.approx([55.0, 60.50])
    assert result.forecast.payables == pytest.approx([220.0, 242.0])
    assert result.forecast.working_capital == pytest.approx([55.0, 60.50])
    assert result.forecast.increase_in_working_capital == pytest.approx([5.0, 5.50])
    given = value_dcf(with_operations(by_days(firm(), days()), opening_working_capital=100.0))
    assert given.forecast.increase_in_working_capital == pytest.approx([-45.0, 5.50])


def test_a_dictionarys_example_of_days_leads_back_to_its_balance_sheet() -> None:
    """Farlex Financial Dictionary, “days' sales outstanding”: revenue 12,000, cost of sales 4,000.

    Average receivables of 660 are 20.1 days, inventories of 2,050 187.1, payables of 1,200 109.5.
    """
    given = days(
        receivables=20.1, inventories=187.1, payables=109.5, cost_of_sales=4_000.0 / 12_000.0
    )
    result = value_dcf(by_days(firm(revenue=12_000.0, revenue_growth=0.0), given))
    assert result.forecast.receivables[0] == pytest.approx(660.0, abs=2.0)
    assert result.forecast.inventories[0] == pytest.approx(2_050.0, abs=2.0)
    assert result.forecast.payables[0] == pytest.approx(1_200.0, abs=2.0)


@pytest.mark.parametrize("given", ["neither", "both"])
def test_working_capital_is_given_in_exactly_one_way(given: str) -> None:
    inputs = (
        with_operations(firm(), working_capital=None)
        if given == "neither"
        else with_operations(firm(), working_capital_days=days())
    )
    with pytest.raises(InvalidInput) as no:
        value_dcf(inputs)
    (problem,) = no.value.problems
    assert problem.path == "operations.working_capital"
    assert problem.code == ("MISSING" if given == "neither" else "CONTRADICTION")


BOUNDS = {f"working_capital_days.{name}": bounds for name, bounds in DAYS.items()} | {
    "stock_compensation": (0.0, 1.0)
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_driver_at_its_bound_comes_in_and_one_step_beyond_does_not(name: str) -> None:
    low, high = BOUNDS[name]

    def typed(value: float) -> DcfInputs:
        if name == "stock_compensation":
            return with_operations(firm(), stock_compensation=level(value))
        return by_days(firm(), days(**{name.rpartition(".")[2]: value}))

    for inside in (low, high):
        value_dcf(typed(inside))
    for beyond in (math.nextafter(low, -1.0), math.nextafter(high, math.inf), math.nan):
        with pytest.raises(InvalidInput) as no:
            value_dcf(typed(beyond))
        (problem,) = no.value.problems
        assert problem.path == f"operations.{name}.level"


# A tax rate that fades


def test_a_tax_rate_fades_from_effective_to_marginal_by_a_ramp() -> None:
    # 20 % for two years, then in equal steps to 40 % in the sixth.
    fade = Schedule.staged(Stage(years=2, value=0.20), Stage(years=4, value=0.40, ramp=True))
    result = value_dcf(firm(years=6, tax_rate=fade))
    rates = [
        tax / ebit for tax, ebit in zip(result.forecast.tax, result.forecast.ebit, strict=True)
    ]
    assert rates == pytest.approx([0.20, 0.20, 0.25, 0.30, 0.35, 0.40])


def convoy(tax_rate: float | Schedule) -> float:
    """150 million of operating income and 30 million reinvested, both growing by 10 % for five
    years and by 5 % after that; the cost of capital is 9 %.
    """
    inputs = firm(
        years=6,
        wacc=0.09,
        terminal=Gordon(growth=0.05),
        revenue=150.0,
        revenue_growth=Schedule.explicit([0.10] * 5 + [0.05]),
        ebit_margin=1.0,
        tax_rate=tax_rate,
        depreciation=0.0,
        capital_expenditure=0.20,
        working_capital=0.0,
    )
    return float(value_dcf(inputs).worth.enterprise_value)


def test_convoy_is_worth_what_the_book_says_at_its_marginal_rate_and_more_while_taxes_fade() -> (
    None
):
    """Damodaran, Damodaran on Valuation, 2nd ed., illustration 3.4.

    The effective rate is 20 %, the marginal one 40 %. At 40 % at once, less 200 million of deferred
    taxes that are paid in four equal yearly parts, the firm is worth 1,794.96 million.
    """
    deferred = math.fsum(50.0 * 1.09**-year for year in range(1, 5))
    assert convoy(0.40) - deferred == pytest.approx(1_794.96, abs=0.01)
    step = Schedule.explicit([0.20] * 5 + [0.40])
    fade = Schedule.staged(Stage(years=1, value=0.20), Stage(years=5, value=0.40, ramp=True))
    assert convoy(0.40) < convoy(fade) < convoy(step) < convoy(0.20)


# What the analyses ask


@LAW
@given(fuller(firms(sound=True)))
def test_the_gradient_through_every_new_input_is_that_of_forty_digits(inputs: DcfInputs) -> None:
    inputs = with_operations(inputs, losses=None)  # at a limit's corner there is no one slope
    question = dcf_question(inputs, DcfOutput.ENTERPRISE_VALUE)
    new = ("working_capital", "stock_compensation", "revenue_growth", "capital.wacc")
    paths = [path for path in gradient(question) if any(word in path for word in new)]
    gross = float(exact_dcf(inputs).gross)
    for path, slope in gradient(question, paths).items():
        exact = float(exact_slope(inputs, path, DcfOutput.ENTERPRISE_VALUE))
        assert slope == pytest.approx(exact, rel=1e-10, abs=1e-10 * gross), path
