"""What each driver does to a value, one at a time: laws that a wrong use of it would break."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.dcf import (
    Capm,
    Comparables,
    DcfInputs,
    ExitMultiple,
    Gordon,
    LossesCarriedForward,
    Normalised,
    Peer,
    StockCompensation,
    Unlevering,
    ValueDriver,
    value_dcf,
)
from engine.schedules import Schedule
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, firm, firms, level, numbers

RATES = numbers(0.0, 0.12)


def built(**parts: float) -> Capm:
    """Equity alone, unless it is said otherwise."""
    plain = {"pre_tax_cost_of_debt": 0.06, "debt_weight": 0.0, "tax_rate": 0.25, "beta": 1.0}
    return Capm(**{"risk_free_rate": 0.04, "equity_risk_premium": 0.05} | plain | parts)


# What capital costs


@LAW
@given(RATES, RATES)
def test_a_firm_as_risky_as_the_market_costs_what_the_market_earns(
    riskless: float, premium: float
) -> None:
    market = built(risk_free_rate=riskless, equity_risk_premium=premium)
    assert market.cost_of_equity == pytest.approx(riskless + premium, rel=1e-15, abs=1e-18)


@LAW
@given(RATES, RATES, numbers(-1.0, 5.0))
def test_only_risk_that_the_market_has_is_paid_for(
    riskless: float, premium: float, beta: float
) -> None:
    # The excess over the riskless rate is the beta's multiple of the market's.
    own = built(risk_free_rate=riskless, equity_risk_premium=premium, beta=beta)
    assert own.cost_of_equity - riskless == pytest.approx(beta * premium, rel=0, abs=1e-15)
    without = dataclasses.replace(own, beta=0.0)
    assert without.cost_of_equity == riskless


@LAW
@given(RATES, RATES, numbers(0.0, 1.0), numbers(0.0, 0.9))
def test_capital_costs_between_what_equity_and_debt_after_tax_cost(
    riskless: float, debt: float, weight: float, tax: float
) -> None:
    capital = built(
        risk_free_rate=riskless, pre_tax_cost_of_debt=debt, debt_weight=weight, tax_rate=tax
    )
    equity, lenders = riskless + 0.05, debt - debt * tax
    # A share of the way from the one to the other.
    assert capital.wacc - equity == pytest.approx(weight * (lenders - equity), rel=0, abs=1e-15)


@LAW
@given(numbers(0.1, 3.0), numbers(0.0, 5.0), numbers(0.0, 0.9), numbers(0.01, 0.99))
def test_debt_fixed_in_money_levers_a_beta_as_less_debt_of_a_fixed_share_does(
    beta: float, debt: float, tax: float, weight: float
) -> None:
    # Of the debt only what tax does not pay for adds risk; of a fixed share, tax takes no part.
    def comparables(how: Unlevering, leverage: float) -> Comparables:
        peer = Peer(name="Plum", beta=beta, debt_to_equity=leverage, tax_rate=tax)
        return Comparables(peers=(peer,), unlevering=how)

    hamada = comparables(Unlevering.HAMADA, debt).unlevered_beta()
    share = comparables(Unlevering.HARRIS_PRINGLE, debt * (1.0 - tax))
    assert hamada == pytest.approx(share.unlevered_beta(), rel=1e-14)
    assert share.relevered_beta(weight, tax) == share.relevered_beta(weight, 0.0)


# What comes after


def ending(inputs: DcfInputs, **shares: float) -> DcfInputs:
    normal = Normalised(**{"depreciation": 0.05, "capital_expenditure": 0.06} | shares)
    growth = min(0.02, float(inputs.capital.wacc) - 0.02)
    return dataclasses.replace(inputs, terminal=Gordon(growth=growth, normalised=normal))


@LAW
@given(firms(), numbers(0.0, 0.2), numbers(0.001, 0.2))
def test_a_point_more_of_normal_depreciation_frees_a_point_of_the_next_years_revenue(
    inputs: DcfInputs, used: float, more: float
) -> None:
    one, other = (value_dcf(ending(inputs, depreciation=part)) for part in (used, used + more))
    terminal = one.inputs.terminal
    assert isinstance(terminal, Gordon)
    next_year = float(one.forecast.revenue[-1]) * (1.0 + terminal.growth)
    lasting = more * next_year / (one.worth.wacc - terminal.growth)
    gained = float(other.worth.terminal_value) - float(one.worth.terminal_value)
    size = float(exact_dcf(ending(inputs, depreciation=used)).gross) * 100.0 + abs(lasting)
    assert gained == pytest.approx(lasting, rel=0, abs=1e-12 * size)


def test_a_normal_year_with_a_depreciation_of_its_own_by_hand() -> None:
    # NOPAT 181.50 and revenue 1,210 of the last year. D&A of 3 % and capex of 4 % take 12.10:
    # 169.40 x 1.05 - 121 x 5 % = 171.82, over 25 % - 5 %: 859.10. With 2 % of stock compensation
    # that is added back, 24.20 x 1.05 / 0.20 = 127.05 more.
    end = Gordon(growth=0.05, normalised=Normalised(depreciation=0.03, capital_expenditure=0.04))
    assert value_dcf(firm(terminal=end)).worth.terminal_value == pytest.approx(859.10)
    paid = firm(
        terminal=end,
        stock_compensation=level(0.02),
        stock_compensation_treatment=StockCompensation.ADD_BACK,
    )
    assert value_dcf(paid).worth.terminal_value == pytest.approx(859.10 + 127.05)


@LAW
@given(firms(sound=True), numbers(0.5, 40.0), numbers(1.01, 3.0))
def test_a_buyer_pays_each_turn_of_ebitda_alike(
    inputs: DcfInputs, turns: float, times: float
) -> None:
    one, other = (
        value_dcf(dataclasses.replace(inputs, terminal=ExitMultiple(ev_to_ebitda=multiple)))
        for multiple in (turns, turns * times)
    )
    paid = float(one.worth.terminal_value)
    assert paid / float(one.forecast.ebitda[-1]) == pytest.approx(turns, rel=1e-13)
    assert float(other.worth.terminal_value) == pytest.approx(paid * times, rel=1e-13)


@LAW
@given(firms(sound=True), numbers(0.0, 0.03), numbers(0.05, 0.5))
def test_of_a_profit_only_what_growth_needs_at_the_return_is_reinvested(
    inputs: DcfInputs, growth: float, returns: float
) -> None:
    wacc = float(inputs.capital.wacc)
    assume(wacc - growth > 0.002)
    driver = ValueDriver(growth=growth, return_on_new_capital=returns)
    result = value_dcf(dataclasses.replace(inputs, terminal=driver))
    profit = float(result.forecast.nopat[-1]) * (1.0 + growth)
    # The year's yield on the terminal value, and its growth, are the cost of capital.
    paid_out = float(result.worth.terminal_value) * (wacc - growth)
    reinvested = profit - paid_out
    assert reinvested * returns == pytest.approx(growth * profit, rel=0, abs=1e-12 * profit)


# Losses carried forward


@LAW
@given(firms(sound=True), st.integers(1, 365), numbers(0.001, 0.02))
def test_a_yearly_amount_is_cut_to_what_is_left_of_the_first_year(
    inputs: DcfInputs, days: int, share: float
) -> None:
    # So small an amount that every year's income covers it, of losses that last for ever.
    amount = share * float(inputs.business.revenue)
    losses = LossesCarriedForward(balance=1e3 * amount, limit_amount=amount)
    end = inputs.timing.valuation_date + timedelta(days=days)
    begun = dataclasses.replace(
        inputs,
        timing=dataclasses.replace(inputs.timing, fiscal_year_end=end),
        operations=dataclasses.replace(inputs.business, losses=losses),
    )
    used = value_dcf(begun).forecast.losses_used
    assert used[0] == pytest.approx(amount * days / 365.0, rel=1e-14)
    assert used[1:] == [amount] * (inputs.timing.years - 1)


@LAW
@given(st.lists(numbers(0.01, 0.6), min_size=2, max_size=8), st.data(), numbers(1.01, 3.0))
def test_a_firm_with_losses_without_end_pays_no_tax(
    rates: list[float], data: st.DataObject, times: float
) -> None:
    # Every year has a rate of its own, and income.
    years = len(rates)
    margins = data.draw(st.lists(numbers(0.05, 0.5), min_size=years, max_size=years))
    inputs = firm(
        years=years,
        tax_rate=Schedule.explicit(rates),
        ebit_margin=Schedule.explicit(margins),
    )
    plain = value_dcf(inputs).forecast
    balance = times * sum(map(float, plain.ebit))
    losses = LossesCarriedForward(balance=balance)
    operations = dataclasses.replace(inputs.business, losses=losses)
    lines = value_dcf(dataclasses.replace(inputs, operations=operations)).forecast
    assert lines.tax_saved == pytest.approx(plain.tax, rel=1e-14)
    assert lines.losses_used == pytest.approx(plain.ebit, rel=1e-14)
    assert lines.losses_left[-1] == pytest.approx(balance * (1.0 - 1.0 / times), rel=1e-9)
