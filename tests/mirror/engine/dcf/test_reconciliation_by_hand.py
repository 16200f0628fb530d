"""The two other roads by hand, in round numbers, and the published ones."""

from __future__ import annotations

import dataclasses

import pytest

from engine.dcf import (
    Bridge,
    Capm,
    ExitMultiple,
    FlowTiming,
    Gordon,
    TaxShields,
    ValueDriver,
    value_dcf,
)
from tests.mirror.engine.dcf.test_reconciliation import CAPM, adjusted_of, profit_of, stubbed
from tests.mirror.engine.firms import firm

# By hand: NOPAT 165 and 181.50, net investment 43 and 47.30, WACC 25 %, EV 634.40


def test_economic_profit_by_hand() -> None:
    # Fixed assets of 300 and working capital of 100 are 400 in place; 43 and 47.30 are added.
    # Charges 100 and 110.75, economic profit 65 and 70.75, worth 52 and 45.28 today. What comes
    # after is worth 704.55 - 490.30 = 214.25 above its capital, 137.12 today.
    result = value_dcf(firm(opening_fixed_assets=300.0))
    road = profit_of(result)
    assert road.opening_capital == pytest.approx(400.0)
    assert road.capital == pytest.approx([443.0, 490.30])
    assert road.capital_charge == pytest.approx([100.0, 110.75])
    assert road.economic_profit == pytest.approx([65.0, 70.75])
    assert road.value_of_economic_profit == pytest.approx(97.28)
    assert road.value_of_terminal == pytest.approx(137.12)
    assert road.enterprise_value == pytest.approx(634.40)
    assert road.gap == pytest.approx(0.0, abs=1e-10)


def test_economic_profit_of_what_is_left_of_a_year_by_hand() -> None:
    # 73 days, a fifth of year 1: NOPAT 33 and 8.60 of net investment are still to come, of it 2 of
    # working capital. In place are 300 and 110 - 2 = 108. Over a fifth of a year capital costs
    # 1.25^0.2 - 1 = 4.5640 %, 18.621 of the 408.
    result = value_dcf(stubbed(firm(opening_fixed_assets=300.0), 73))
    road = profit_of(result)
    assert road.opening_capital == pytest.approx(408.0)
    assert road.capital == pytest.approx([416.60, 463.90])
    assert road.capital_charge == pytest.approx([408.0 * (1.25**0.2 - 1.0), 104.15])
    assert road.capital_charge[0] == pytest.approx(18.621, abs=0.0005)
    assert road.economic_profit == pytest.approx([33.0 - road.capital_charge[0], 77.35])
    assert road.enterprise_value == pytest.approx(float(result.worth.enterprise_value))


def test_adjusted_present_value_by_hand() -> None:
    # One year: FCF 122, then 3 % growth at 8.5 %: TV = 125.66 / 5.5 % = 2,284.727, and EV =
    # 2,406.727 / 1.085 = 2,218.182. Without debt 8.75 %: TV 125.66 / 5.75 % = 2,185.391, EV
    # 2,307.391 / 1.0875 = 2,121.739. Debt of a quarter of EV saves 20 % x 5 % x 554.545 = 5.5455,
    # today 5.0993; after it 2,284.727 x 0.25 % / 5.75 % = 99.336, today 91.343.
    result = value_dcf(firm(years=1, capital=CAPM, terminal=Gordon(growth=0.03)))
    assert result.worth.enterprise_value == pytest.approx(2_218.182, abs=0.0005)
    road = adjusted_of(result)
    assert road.unlevered_cost == pytest.approx(0.0875)
    assert road.unlevered_value == pytest.approx(2_121.739, abs=0.0005)
    assert road.tax_shields == pytest.approx([0.20 * 0.05 * 0.25 * 2_218.182], abs=1e-6)
    assert road.value_of_tax_shields == pytest.approx(5.0993, abs=0.00005)
    assert road.value_of_terminal_tax_shields == pytest.approx(91.343, abs=0.0005)
    assert road.gap == pytest.approx(0.0, abs=1e-9)


def test_a_years_saving_is_tax_on_interest_on_the_debt_at_its_start() -> None:
    result = value_dcf(firm(years=5, capital=CAPM, terminal=Gordon(growth=0.03)))
    road, worth = adjusted_of(result), float(result.worth.enterprise_value)
    for saved, flow in zip(road.tax_shields, result.forecast.free_cash_flow, strict=True):
        assert saved == pytest.approx(0.20 * 0.05 * 0.25 * worth, rel=1e-12)
        worth = worth * 1.085 - float(flow)  # what the firm is worth a year later


def test_what_a_buyer_pays_holds_the_tax_that_is_saved_after_the_exit() -> None:
    # With a flow below zero no growth is implied, and the price cannot be taken apart.
    inputs = firm(capital=CAPM, capital_expenditure=0.60, terminal=ExitMultiple(ev_to_ebitda=12.0))
    road = adjusted_of(value_dcf(inputs))
    assert road.value_of_terminal_tax_shields is None
    assert road.gap == pytest.approx(0.0, abs=1e-9)
    split = adjusted_of(value_dcf(firm(capital=CAPM, terminal=ExitMultiple(ev_to_ebitda=12.0))))
    assert split.value_of_terminal_tax_shields is not None
    assert split.value_of_terminal_tax_shields > 0.0


# Published


def test_the_economic_profit_of_a_firm_that_earns_fifteen_percent_on_its_capital() -> None:
    """ApparelCo of Koller et al., Valuation, 5th ed., exhibit 10.13 and its exercises.

    Revenue of 250 grows by 6 % for ever at an operating margin of 10 % and a tax of 25 %; 40 % of
    the profit is reinvested at 15 %, on capital of 132.5; capital costs 10 %. Economic profit of
    five years is worth 28.0, what comes after them 221.6 in year 5 (88.7 of it by the profit of
    year 6 for ever) and 137.6 today, the operations 298.1.
    """
    inputs = firm(
        years=5,
        wacc=0.10,
        terminal=ValueDriver(growth=0.06, return_on_new_capital=0.15),
        revenue=250.0,
        revenue_growth=0.06,
        ebit_margin=0.10,
        tax_rate=0.25,
        depreciation=0.0,
        capital_expenditure=0.40 * 0.075,
        working_capital=0.0,
        opening_fixed_assets=132.5,
    )
    result = value_dcf(inputs)
    road = profit_of(result)
    assert road.capital_charge == pytest.approx([13.3, 14.0, 14.9, 15.8, 16.7], abs=0.055)
    assert road.economic_profit == pytest.approx([6.6, 7.0, 7.4, 7.9, 8.4], abs=0.055)
    assert road.capital[-1] == pytest.approx(177.3, abs=0.05)
    assert road.value_of_economic_profit == pytest.approx(28.0, abs=0.05)
    assert road.value_of_terminal == pytest.approx(137.6, abs=0.05)
    assert road.value_of_terminal * 1.10**5 == pytest.approx(221.6, abs=0.05)
    assert road.enterprise_value == pytest.approx(298.1, abs=0.05)
    assert result.worth.enterprise_value == pytest.approx(298.1, abs=0.05)


@pytest.mark.parametrize(
    ("shields", "saved"), [(TaxShields.UNLEVERED_COST, 1.067), (TaxShields.COST_OF_DEBT, 1.75)]
)
def test_sangrias_crusher_is_worth_what_the_book_says_with_debt_rebalanced_and_fixed(
    shields: TaxShields, saved: float
) -> None:
    """Brealey, Myers and Allen, Principles of Corporate Finance, 12th ed., pp. 508-509.

    A crusher for 12.5 million brings 1.125 million a year after tax. Without debt its NPV is
    -1.067 million at 9.84 %. Debt of 40 % saves 105,000 a year in tax: worth 1.067 million if it is
    rebalanced, 1.75 million if 5 million stay fixed, at 6 %; the APV is 0, and 0.683 million.
    """
    sangria = Capm(
        risk_free_rate=0.124,  # the book gives the cost of equity as a whole
        equity_risk_premium=0.0,
        beta=1.0,
        pre_tax_cost_of_debt=0.06,
        debt_weight=0.40,
        tax_rate=0.35,
        tax_shields=shields,
    )
    crusher = firm(
        years=3,
        capital=sangria,
        revenue=1_731_000.0,
        revenue_growth=0.0,
        ebit_margin=1.0,
        tax_rate=0.35,
        depreciation=0.0,
        capital_expenditure=0.0,
        working_capital=0.0,
        terminal=Gordon(growth=0.0),
        bridge=Bridge(debt=5e6, cash=0.0),
    )
    road = adjusted_of(value_dcf(crusher))
    assert road.unlevered_cost == pytest.approx(0.0984)
    assert road.unlevered_value - 12.5e6 == pytest.approx(-1.067e6, abs=2e3)
    assert road.tax_shields == pytest.approx([105_000.0] * 3, rel=1e-3)
    assert road.value_of_terminal_tax_shields is not None
    found = road.value_of_tax_shields + road.value_of_terminal_tax_shields
    assert found == pytest.approx(saved * 1e6, rel=1e-3)
    assert road.enterprise_value - 12.5e6 == pytest.approx((saved - 1.067) * 1e6, abs=3e3)
    # What the WACC does not know of is said, not hidden.
    assert road.gap == pytest.approx((saved - 1.067) * 1e6, abs=2e3)


def test_what_debt_saves_until_the_sale_is_in_the_last_years_line() -> None:
    # 500 of debt at 5 %, tax 20 %: 100 (1.05^p - 1) in a period. Flows come after half a year and
    # after one and a half, and the sale half a year later; both halves are worth 2.4695.
    fixed = dataclasses.replace(CAPM, tax_shields=TaxShields.COST_OF_DEBT)
    assert (fixed.pre_tax_cost_of_debt, fixed.tax_rate) == (0.05, 0.20)
    bridge = Bridge(debt=500.0, cash=0.0)
    sold = firm(
        flows=FlowTiming.MID_YEAR,
        capital=fixed,
        bridge=bridge,
        terminal=ExitMultiple(ev_to_ebitda=8.0),
    )
    road = adjusted_of(value_dcf(sold))
    assert road.tax_shields == pytest.approx([2.4695, 5.0 + 2.4695], abs=5e-5)
    # 2.4695 at 1.05^-0.5, 5 at 1.05^-1.5 and 2.4695 at 1.05^-2: 100 (1 - 1.05^-2).
    assert road.value_of_tax_shields == pytest.approx(9.2971, abs=5e-5)
    assert road.value_of_terminal_tax_shields is None
