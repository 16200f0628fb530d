"""One value by three roads: they meet, or say by how much they do not.

Cases by hand are in test_reconciliation_by_hand.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.dcf import (
    AdjustedPresentValue,
    Bridge,
    Capm,
    DcfInputs,
    DcfResult,
    EconomicProfit,
    ExitMultiple,
    FlowTiming,
    GivenWacc,
    Gordon,
    HModel,
    Normalised,
    StockCompensation,
    TaxShields,
    Terminal,
    TerminalDiscounting,
    ValueDriver,
    value_dcf,
)
from engine.dcf.reconciliation import flow_times
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, any_firms, firm, firms, fuller, level, typed

SAME = 1e-11  # of all that was added up on the way
MID_YEAR, YEAR_END = FlowTiming.MID_YEAR, TerminalDiscounting.YEAR_END
# Equity 4 % + 1.2 x 5 % = 10 %; debt 5 %, 4 % after tax; a quarter of it: WACC 8.5 %, without debt
# 8.75 %.
CAPM = Capm(
    risk_free_rate=0.04,
    equity_risk_premium=0.05,
    beta=1.2,
    pre_tax_cost_of_debt=0.05,
    debt_weight=0.25,
    tax_rate=0.2,
)
TERMINALS: tuple[Terminal, ...] = (
    Gordon(growth=0.03),
    Gordon(growth=0.03, discounting=YEAR_END),
    Gordon(growth=0.03, normalised=Normalised(depreciation=0.05, capital_expenditure=0.07)),
    HModel(initial_growth=0.08, growth=0.03, half_life=3.0),
    ValueDriver(growth=0.03, return_on_new_capital=0.12),
    ValueDriver(growth=0.03, return_on_new_capital=0.12, discounting=YEAR_END),
    ExitMultiple(ev_to_ebitda=9.0),
)


def profit_of(result: DcfResult) -> EconomicProfit:
    assert result.reconciliation is not None
    assert result.reconciliation.economic_profit is not None
    return result.reconciliation.economic_profit


def adjusted_of(result: DcfResult) -> AdjustedPresentValue:
    assert result.reconciliation is not None
    assert result.reconciliation.adjusted_present_value is not None
    return result.reconciliation.adjusted_present_value


def going(inputs: DcfInputs, **changes: Any) -> DcfInputs:
    return dataclasses.replace(inputs, **changes)


def stubbed(inputs: DcfInputs, days: int) -> DcfInputs:
    """Year 1 ends so many days after the valuation date."""
    timing = inputs.timing
    end = timing.valuation_date + timedelta(days=days)
    return going(inputs, timing=dataclasses.replace(timing, fiscal_year_end=end))


# Laws


@LAW
@given(firms() | fuller(firms()), st.data())
def test_the_value_by_economic_profit_is_that_by_cash_flow_whatever_the_capital(
    inputs: DcfInputs, data: st.DataObject
) -> None:
    capital = data.draw(typed(0.0, 3.0)) * float(inputs.business.revenue)
    operations = dataclasses.replace(inputs.business, opening_fixed_assets=capital)
    result = value_dcf(going(inputs, operations=operations))
    road = profit_of(result)
    close = SAME * (float(exact_dcf(inputs).gross) + capital)
    assert road.enterprise_value == pytest.approx(
        float(result.worth.enterprise_value), rel=0, abs=close
    )
    assert road.gap == road.enterprise_value - result.worth.enterprise_value
    parts = (road.opening_capital, road.value_of_economic_profit, road.value_of_terminal)
    assert math.fsum(parts) == pytest.approx(road.enterprise_value, rel=0, abs=close)


@LAW
@given(firms() | fuller(firms()))
def test_the_adjusted_present_value_is_that_by_cash_flow_where_debt_keeps_its_share(
    inputs: DcfInputs,
) -> None:
    assume(isinstance(inputs.capital, Capm))
    assert isinstance(inputs.capital, Capm)
    capital = dataclasses.replace(inputs.capital, tax_shields=TaxShields.UNLEVERED_COST)
    result = value_dcf(going(inputs, capital=capital))
    road = adjusted_of(result)
    close = SAME * float(exact_dcf(inputs).gross)
    assert road.gap == pytest.approx(0.0, abs=close)
    assert road.enterprise_value == pytest.approx(
        float(result.worth.enterprise_value), rel=0, abs=close
    )


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("flows", FlowTiming)
@pytest.mark.parametrize("days", [None, 40, 365])
@pytest.mark.parametrize("years", [1, 6])
def test_all_three_roads_meet(
    terminal: Terminal, flows: FlowTiming, days: int | None, years: int
) -> None:
    inputs = firm(
        years=years,
        flows=flows,
        capital=CAPM,
        terminal=terminal,
        opening_fixed_assets=700.0,
        stock_compensation=level(0.02),
        stock_compensation_treatment=StockCompensation.ADD_BACK,
    )
    result = value_dcf(inputs if days is None else stubbed(inputs, days))
    expected = pytest.approx(float(result.worth.enterprise_value), rel=1e-12)
    assert profit_of(result).enterprise_value == expected
    assert adjusted_of(result).enterprise_value == expected


@LAW
@given(firms() | fuller(firms()) | any_firms())
def test_each_road_is_there_or_says_why_not(inputs: DcfInputs) -> None:
    roads = value_dcf(inputs).reconciliation
    assert roads is not None
    assert (roads.economic_profit is None) == (inputs.business.opening_fixed_assets is None)
    for road, reason in (
        (roads.economic_profit, roads.no_economic_profit),
        (roads.adjusted_present_value, roads.no_adjusted_present_value),
    ):
        assert (road is None) == (reason is not None)
        assert reason is None or reason.endswith(".")
        for name in () if road is None else road.__slots__:
            value = getattr(road, name)
            values = value if isinstance(value, list) else [value]
            assert all(each is None or math.isfinite(each) for each in values), name
            assert not isinstance(value, list) or len(value) == inputs.timing.years


@LAW
@given(firms(sound=True), typed(0.0, 5.0), typed(0.0, 5.0))
def test_more_capital_to_begin_with_is_worth_no_more(
    inputs: DcfInputs, one: float, other: float
) -> None:
    """What is in place already is sunk: it costs its charge for ever, and that is what it is worth.

    The shares of opening capital and of economic profit move; their sum does not.
    """

    def with_capital(times: float) -> EconomicProfit:
        capital = times * float(inputs.business.revenue)
        operations = dataclasses.replace(inputs.business, opening_fixed_assets=capital)
        return profit_of(value_dcf(going(inputs, operations=operations)))

    first, second = with_capital(one), with_capital(other)
    size = float(exact_dcf(inputs).gross) + 5.0 * float(inputs.business.revenue)
    assert first.enterprise_value == pytest.approx(second.enterprise_value, abs=SAME * size)
    more = (other - one) * float(inputs.business.revenue)
    assert second.opening_capital - first.opening_capital == pytest.approx(more, abs=SAME * size)


@LAW
@given(firms() | fuller(firms()))
def test_capital_grows_by_what_is_invested_in_it(inputs: DcfInputs) -> None:
    operations = dataclasses.replace(inputs.business, opening_fixed_assets=1_000.0)
    result = value_dcf(going(inputs, operations=operations))
    road, lines = profit_of(result), result.forecast
    stub = result.inputs.timing.stub
    size = 1_000.0 + max(lines.revenue) * 10.0
    for year, (before, after) in enumerate(pairwise([road.opening_capital, *road.capital])):
        invested = (
            lines.capital_expenditure[year]
            - lines.depreciation[year]
            + lines.increase_in_working_capital[year]
        )
        part = stub if year == 0 else 1.0
        assert after - before == pytest.approx(invested * part, abs=1e-12 * size)


@LAW
@given(firms(sound=True), typed(0.0, 1e6), st.none() | st.integers(1, 365))
def test_debt_that_is_fixed_in_money_saves_its_tax_rate_of_it(
    inputs: DcfInputs, debt: float, days: int | None
) -> None:
    """Interest for ever at the cost of debt, discounted at it (Modigliani and Miller, 1963)."""
    assume(isinstance(inputs.capital, Capm))
    assert isinstance(inputs.capital, Capm)
    capital = dataclasses.replace(inputs.capital, tax_shields=TaxShields.COST_OF_DEBT)
    bridge = Bridge(debt=debt, cash=0.0)
    inputs = inputs if days is None else stubbed(inputs, days)
    result = value_dcf(going(inputs, capital=capital, bridge=bridge))
    road = adjusted_of(result)
    saved = road.value_of_tax_shields + (road.value_of_terminal_tax_shields or 0.0)
    if isinstance(inputs.terminal, ExitMultiple):
        years = inputs.timing.years - 1 + (1.0 if days is None else days / 365.0)
        left = 1.0 - (1.0 + capital.pre_tax_cost_of_debt) ** -years
        assert road.value_of_terminal_tax_shields is None
        assert saved == pytest.approx(capital.tax_rate * debt * left, rel=1e-9)
    else:
        assert saved == pytest.approx(capital.tax_rate * debt, rel=1e-11)
    unlevered = going(inputs, capital=GivenWacc(wacc=capital.unlevered_cost))
    assert road.unlevered_value == value_dcf(unlevered).worth.enterprise_value
    assert road.gap == road.enterprise_value - result.worth.enterprise_value


@LAW
@given(firms() | fuller(firms()))
def test_a_firm_without_debt_is_its_own_unlevered_value(inputs: DcfInputs) -> None:
    assume(isinstance(inputs.capital, Capm))
    assert isinstance(inputs.capital, Capm)
    capital = dataclasses.replace(
        inputs.capital, debt_weight=0.0, tax_shields=TaxShields.UNLEVERED_COST
    )
    assume(not isinstance(inputs.terminal, ExitMultiple))
    assume(capital.wacc - getattr(inputs.terminal, "growth", 0.0) >= 0.002)
    road = adjusted_of(value_dcf(going(inputs, capital=capital)))
    assert road.tax_shields == [0.0] * inputs.timing.years
    assert (road.value_of_tax_shields, road.value_of_terminal_tax_shields) == (0.0, 0.0)
    assert road.unlevered_cost == capital.wacc


def test_flows_come_when_the_discount_factors_say() -> None:
    for flows in FlowTiming:
        for days in (None, 100):
            inputs = firm(years=4, flows=flows, wacc=0.25)
            inputs = inputs if days is None else stubbed(inputs, days)
            factors = value_dcf(inputs).forecast.discount_factor
            times = flow_times(inputs.timing)
            assert factors == pytest.approx([1.25**-time for time in times], rel=1e-14)


# Where there is none


def test_without_fixed_assets_there_is_no_economic_profit_and_it_says_what_is_missing() -> None:
    roads = value_dcf(firm(capital=CAPM)).reconciliation
    assert roads is not None
    assert roads.economic_profit is None
    assert roads.no_economic_profit is not None
    assert "operations.opening_fixed_assets" in roads.no_economic_profit
    assert roads.no_adjusted_present_value is None


def test_a_wacc_that_was_given_cannot_be_taken_apart() -> None:
    roads = value_dcf(firm(opening_fixed_assets=0.0)).reconciliation
    assert roads is not None
    assert roads.adjusted_present_value is None
    assert roads.no_adjusted_present_value is not None
    assert "capital.capm" in roads.no_adjusted_present_value
    assert roads.no_economic_profit is None


def test_debt_that_costs_nothing_or_less_may_have_no_adjusted_present_value() -> None:
    # Interest of nothing saves nothing, and discounted at nothing it would save for ever.
    free = dataclasses.replace(CAPM, pre_tax_cost_of_debt=0.0, tax_shields=TaxShields.COST_OF_DEBT)
    roads = value_dcf(firm(capital=free)).reconciliation
    assert roads is not None
    assert "above zero" in str(roads.no_adjusted_present_value)
    paid = Capm(
        risk_free_rate=0.30,
        equity_risk_premium=0.0,
        beta=0.0,
        pre_tax_cost_of_debt=-0.05,
        debt_weight=0.9,
        tax_rate=0.9,
    )
    # WACC 10 % x 30 % - 90 % x 5 % x 10 % = 2.55 %; without debt 3 % - 4.5 % = -1.5 %.
    roads = value_dcf(firm(capital=paid, terminal=Gordon(growth=-0.0151))).reconciliation
    assert roads is not None
    assert "grow for ever" in str(roads.no_adjusted_present_value)
    sound = value_dcf(firm(capital=paid, terminal=Gordon(growth=-0.02)))
    assert adjusted_of(sound).gap == pytest.approx(0.0, abs=1e-6)
