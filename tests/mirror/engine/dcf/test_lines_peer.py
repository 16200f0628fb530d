"""Every line of a forecast by itself, from what was typed: an error in one cannot hide in a sum."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta
from typing import Any

import numpy_financial
import pytest
import pyxirr
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

from engine.dcf import (
    DcfInputs,
    FlowTiming,
    Gordon,
    StockCompensation,
    WorkingCapitalDays,
    value_dcf,
)
from engine.firm.operations import Operations
from engine.schedules import Schedule
from tests.mirror.engine.exact import DIGITS, exact_dcf, in_full
from tests.mirror.engine.firms import LAW, firm, firms, fuller, level, numbers

SAME = 1e-12  # relative: the roundings of a dozen operations a year


def changed(inputs: DcfInputs, **drivers: Any) -> DcfInputs:
    return dataclasses.replace(inputs, operations=dataclasses.replace(inputs.business, **drivers))


def near(lines: list[float], exact: list[mpf], sizes: list[float]) -> None:
    assert len(lines) == len(exact)
    for line, number, size in zip(lines, exact, sizes, strict=True):
        assert line == pytest.approx(float(number), rel=0, abs=SAME * size)


def tied_up(operations: Operations, years: int) -> dict[str, list[mpf]]:
    """Of a year's revenue: net working capital, and what it is made of, where that is said."""
    if operations.working_capital is not None:
        return {"working_capital": in_full(operations.working_capital, years)}
    days = operations.working_capital_days
    assert days is not None
    waits = {name: in_full(getattr(days, name), years) for name in days.__slots__}
    found = {
        "receivables": [wait / 365 for wait in waits["receivables"]],
        **{
            name: [
                wait * cost / 365
                for wait, cost in zip(waits[name], waits["cost_of_sales"], strict=True)
            ]
            for name in ("inventories", "payables")
        },
    }
    parts = zip(*found.values(), strict=True)
    return found | {"working_capital": [got + held - owed for got, held, owed in parts]}


@LAW
@given(firms() | fuller(firms()))
def test_every_line_of_every_year_is_that_of_forty_digits(inputs: DcfInputs) -> None:
    operations, years = inputs.business, inputs.timing.years
    lines = value_dcf(inputs).forecast
    with mp.workdps(DIGITS):
        sales, revenue = mpf(operations.revenue), []
        for growth in in_full(operations.revenue_growth, years):
            sales += sales * growth
            revenue.append(sales)

        def of_sales(schedule: Schedule) -> list[mpf]:
            shares = in_full(schedule, years)
            return [share * sold for share, sold in zip(shares, revenue, strict=True)]

        depreciation = of_sales(operations.depreciation)
        capex = of_sales(operations.capital_expenditure)
        if operations.ebit_margin is not None:
            ebit = of_sales(operations.ebit_margin)
            ebitda = [profit + used for profit, used in zip(ebit, depreciation, strict=True)]
        else:
            assert operations.ebitda_margin is not None
            ebitda = of_sales(operations.ebitda_margin)
            ebit = [profit - used for profit, used in zip(ebitda, depreciation, strict=True)]
        rates = in_full(operations.tax_rate, years)
        tax = [
            profit * rate if profit > 0 else mpf(0)
            for profit, rate in zip(ebit, rates, strict=True)
        ]
        shares = tied_up(operations, years)
        money = {
            name: [share * sold for share, sold in zip(each, revenue, strict=True)]
            for name, each in shares.items()
        }
        opening = operations.opening_working_capital
        if opening is None:
            opening = shares["working_capital"][0] * operations.revenue
        needed = money["working_capital"]
        increase = [now - before for before, now in zip([opening, *needed], needed, strict=False)]
        paid = [mpf(0)] * years
        if operations.stock_compensation is not None:
            money["stock_compensation"] = of_sales(operations.stock_compensation)
            if operations.stock_compensation_treatment is StockCompensation.ADD_BACK:
                paid = money["stock_compensation"]
        exact = money | {
            "revenue": revenue,
            "ebitda": ebitda,
            "depreciation": depreciation,
            "ebit": ebit,
            "tax": tax,
            "nopat": [profit - due for profit, due in zip(ebit, tax, strict=True)],
            "capital_expenditure": capex,
            "increase_in_working_capital": increase,
            "free_cash_flow": [
                ebit[t] - tax[t] + depreciation[t] + paid[t] - capex[t] - increase[t]
                for t in range(years)
            ],
        }
        # What a line is the difference of, and the tax at the edge of a loss.
        sizes = [
            float(sold * (2 + sum(abs(each[t]) for each in shares.values())) + abs(opening))
            for t, sold in enumerate(revenue)
        ]
    for name, numbers_ in exact.items():
        near(getattr(lines, name), numbers_, sizes)


# Laws of the drivers, by what was typed


@LAW
@given(firms())
def test_revenue_grows_in_every_year_by_what_was_typed_for_it(inputs: DcfInputs) -> None:
    sales = [float(inputs.business.revenue), *value_dcf(inputs).forecast.revenue]
    assert len(sales) == 1 + inputs.timing.years
    typed = in_full(inputs.business.revenue_growth, inputs.timing.years)
    for before, after, growth in zip(sales, sales[1:], typed, strict=False):
        assert after / before - 1.0 == pytest.approx(float(growth), rel=0, abs=1e-14)


@LAW
@given(firms(), numbers(0.001, 0.5))
def test_a_point_more_of_working_capital_costs_that_point_of_every_years_growth(
    inputs: DcfInputs, more: float
) -> None:
    share = inputs.business.working_capital
    assert share is not None
    years = inputs.timing.years
    inputs = changed(inputs, opening_working_capital=None)
    heavier = Schedule.explicit([float(each) + more for each in in_full(share, years)])
    light = value_dcf(inputs).forecast
    heavy = value_dcf(changed(inputs, working_capital=heavier)).forecast
    sales = [float(inputs.business.revenue), *light.revenue]
    for year in range(years):
        grown = sales[year + 1] - sales[year]
        cost = light.free_cash_flow[year] - heavy.free_cash_flow[year]
        assert cost == pytest.approx(more * grown, rel=0, abs=1e-13 * sum(sales))


@LAW
@given(
    firms(),
    st.sampled_from(["receivables", "inventories", "payables"]),
    numbers(0.0, 90.0),
    numbers(0.0, 90.0),
    numbers(0.1, 1.0),
)
def test_a_year_of_days_ties_up_a_year_of_what_they_are_counted_in(
    inputs: DcfInputs, name: str, one: float, other: float, cost: float
) -> None:
    waits = dict.fromkeys(("receivables", "inventories", "payables"), level(other))

    def needed(days: float) -> list[float]:
        by_days = WorkingCapitalDays(
            **waits | {name: level(days)},
            cost_of_sales=level(cost),
        )
        with_days = changed(inputs, working_capital=None, working_capital_days=by_days)
        return value_dcf(with_days).forecast.working_capital

    sales = value_dcf(inputs).forecast.revenue
    # Customers owe at the price that they pay; stock and suppliers' bills are at cost.
    counted = {"receivables": 1.0, "inventories": cost, "payables": -cost}[name]
    for before, after, sold in zip(needed(one), needed(one + 365.0), sales, strict=True):
        assert after - before == pytest.approx(counted * sold, rel=1e-11)


@LAW
@given(firms(), numbers(-0.3, 0.6))
def test_an_ebitda_margin_is_what_is_left_of_a_sale_before_depreciation(
    inputs: DcfInputs, margin: float
) -> None:
    inputs = changed(inputs, ebit_margin=None, ebitda_margin=level(margin))
    lines = value_dcf(inputs).forecast
    for year, used in enumerate(in_full(inputs.business.depreciation, inputs.timing.years)):
        sold = lines.revenue[year]
        assert lines.ebitda[year] / sold == pytest.approx(margin, rel=1e-14, abs=1e-14)
        assert lines.ebit[year] / sold == pytest.approx(margin - float(used), abs=1e-14)


def test_an_ebitda_margin_by_hand() -> None:
    # Revenue 1,100 and 1,210: EBITDA of 25 % is 275 and 302.50; less D&A of 5 %, 55 and 60.50, EBIT
    # is 220 and 242; less tax of 25 %, plus D&A, less capex of 8 %, less 10 and 11 of working
    # capital, 122 and 134.20 are free. At 25 %: 97.60 + 85.888 + 134.20 x 1.05 / 0.20 x 0.64.
    result = value_dcf(firm(ebitda_margin=0.25))
    assert result.forecast.ebitda == pytest.approx([275.0, 302.50])
    assert result.forecast.ebit == pytest.approx([220.0, 242.0])
    assert result.forecast.free_cash_flow == pytest.approx([122.0, 134.20])
    assert result.worth.enterprise_value == pytest.approx(634.40)


# By dates


@LAW
@given(
    fuller(firms()).filter(lambda firm: firm.timing.flows is FlowTiming.END_YEAR),
    st.dates(date(1999, 1, 1), date(2071, 12, 31)),
    st.integers(1, 366),
)
def test_pyxirr_finds_the_same_value_from_the_days_of_the_calendar(
    inputs: DcfInputs, today: date, left: int
) -> None:
    end = today + timedelta(days=left)
    timing = dataclasses.replace(inputs.timing, valuation_date=today, fiscal_year_end=end)
    result = value_dcf(dataclasses.replace(inputs, timing=timing))
    share = pyxirr.year_fraction(today, end, pyxirr.DayCount.ACT_365F)
    if left == 366:  # a whole year that has a leap day in it is a year
        share, end = 1.0, today + timedelta(days=365)
    ends = [end + timedelta(days=365 * year) for year in range(timing.years)]
    flows = list(result.forecast.free_cash_flow)
    flows[0] *= share
    dated = [(today, 0.0), *zip(ends, flows, strict=True)]
    found = pyxirr.xnpv(float(result.worth.wacc), dated)
    close = 1e-12 * float(exact_dcf(inputs).gross) * (1.0 + float(result.worth.wacc))
    assert result.worth.value_of_forecast == pytest.approx(found, rel=0, abs=close)
    assert result.inputs.timing.stub == share
    factors = [pyxirr.xnpv(float(result.worth.wacc), [(today, 0.0), (day, 1.0)]) for day in ends]
    assert result.forecast.discount_factor == pytest.approx(factors, rel=1e-12)


# Economic profit, from the fixed assets that were typed


@LAW
@given(numbers(0.0, 3_000.0), numbers(0.03, 0.2), numbers(-0.02, 0.02), st.integers(1, 10))
def test_numpy_financial_charges_for_the_fixed_assets_that_were_typed(
    assets: float, wacc: float, growth: float, years: int
) -> None:
    # Revenue grows by 10 %; net investment is 3 % of it, working capital 10 %, NOPAT 15 %.
    inputs = firm(
        years=years, wacc=wacc, terminal=Gordon(growth=growth), opening_fixed_assets=assets
    )
    result = value_dcf(inputs)
    assert result.reconciliation is not None
    road = result.reconciliation.economic_profit
    assert road is not None
    sales = [1_000.0 * 1.1**year for year in range(years + 1)]
    capital = [
        assets + math.fsum(0.03 * sold for sold in sales[1 : year + 1]) + 0.10 * sales[year]
        for year in range(years + 1)
    ]
    charges = [wacc * before for before in capital[:-1]]
    profits = [0.15 * sold - cost for sold, cost in zip(sales[1:], charges, strict=True)]
    present = float(numpy_financial.npv(wacc, [0.0, *profits]))
    size = SAME * math.fsum(capital) * 10.0
    assert road.opening_capital == pytest.approx(capital[0], rel=0, abs=size)
    assert road.capital == pytest.approx(capital[1:], rel=0, abs=size)
    assert road.capital_charge == pytest.approx(charges, rel=0, abs=size)
    assert road.economic_profit == pytest.approx(profits, rel=0, abs=size)
    assert road.value_of_economic_profit == pytest.approx(present, rel=0, abs=size)
