"""Valuations by hand, in round numbers, and the published ones."""

from __future__ import annotations

import math

import pytest

from engine.dcf import (
    Bridge,
    Capm,
    DcfInputs,
    ExitMultiple,
    FlowTiming,
    Gordon,
    TerminalDiscounting,
    ValueDriver,
    value_dcf,
)
from engine.dcf.kernel import Worth
from engine.schedules import Schedule
from tests.mirror.engine.firms import firm

MID_YEAR, YEAR_END = FlowTiming.MID_YEAR, TerminalDiscounting.YEAR_END


def valued(inputs: DcfInputs) -> Worth:
    return value_dcf(inputs).worth


# By hand: WACC 25 %, so the factors are 0.8 and 0.64


def test_a_firm_valued_by_hand() -> None:
    # Year:                     1          2
    # revenue                1,100      1,210       10 % growth from 1,000
    # EBIT                     220        242       20 %
    # - tax                     55         60.50    25 %
    # + D&A                     55         60.50     5 %
    # - capex                   88         96.80     8 %
    # - increase in NWC         10         11       10 % of revenue: 100, 110, 121
    # = FCF                    122        134.20
    # present value             97.60      85.888
    # TV = 134.20 x 1.05 / (0.25 - 0.05) = 704.55, today x 0.64 = 450.912
    # EV = 97.60 + 85.888 + 450.912 = 634.40
    # net debt = 300 + 50 + 20 + 10 + 15 - 100 - 60.60 = 234.40; equity 400, 8 a share
    bridge = Bridge(
        debt=300.0,
        leases=50.0,
        preferred_stock=20.0,
        minority_interests=10.0,
        pensions_after_tax=15.0,
        cash=100.0,
        associates=60.60,
    )
    result = value_dcf(firm(bridge=bridge, market_price=6.40))
    lines = result.forecast
    for name, expected in {
        "revenue": [1_100.0, 1_210.0],
        "ebitda": [275.0, 302.50],
        "depreciation": [55.0, 60.50],
        "ebit": [220.0, 242.0],
        "tax": [55.0, 60.50],
        "nopat": [165.0, 181.50],
        "capital_expenditure": [88.0, 96.80],
        "working_capital": [110.0, 121.0],
        "increase_in_working_capital": [10.0, 11.0],
        "free_cash_flow": [122.0, 134.20],
        "discount_factor": [0.80, 0.64],
        "present_value": [97.60, 85.888],
    }.items():
        assert getattr(lines, name) == pytest.approx(expected), name
    assert result.worth.value_of_forecast == pytest.approx(183.488)
    assert result.worth.terminal_value == pytest.approx(704.55)
    assert result.worth.value_of_terminal == pytest.approx(450.912)
    assert result.worth.enterprise_value == pytest.approx(634.40)
    assert result.worth.net_debt == pytest.approx(234.40)
    assert result.worth.equity_value == pytest.approx(400.0)
    assert result.worth.value_per_share == pytest.approx(8.0)


def test_an_opening_working_capital_that_is_given_is_the_one_that_is_released() -> None:
    # Opening NWC 150 instead of the implied 100: the first year frees 40 instead of taking 10, and
    # 50 more a year from now is 40 more today.
    assert valued(firm(opening_working_capital=150.0)).enterprise_value == pytest.approx(674.40)
    assert valued(firm(opening_working_capital=0.0)).enterprise_value == pytest.approx(554.40)


# WACC 56.25 %, whose half year is 1.25: factors 0.64 and 0.4096 at year end, 0.8 and 0.512 before
@pytest.mark.parametrize(
    ("terminal", "value_of_terminal"),
    [
        # 134.20 x 1.0625 / (0.5625 - 0.0625) = 285.175
        (Gordon(growth=0.0625), 285.175 * 0.512),
        (Gordon(growth=0.0625, discounting=YEAR_END), 285.175 * 0.4096),
        # 5 x 302.50, paid at the end of year 2
        (ExitMultiple(ev_to_ebitda=5.0), 1_512.50 * 0.4096),
        # 181.50 x 1.0625 x (1 - 0.0625 / 0.25) / 0.5 = 289.265625
        (ValueDriver(growth=0.0625, return_on_new_capital=0.25), 289.265625 * 0.512),
        (
            ValueDriver(growth=0.0625, return_on_new_capital=0.25, discounting=YEAR_END),
            289.265625 * 0.4096,
        ),
    ],
)
def test_mid_year_by_hand(
    terminal: Gordon | ExitMultiple | ValueDriver, value_of_terminal: float
) -> None:
    result = value_dcf(firm(flows=MID_YEAR, wacc=0.5625, terminal=terminal))
    assert result.forecast.discount_factor == pytest.approx([0.8, 0.512])
    assert result.worth.value_of_forecast == pytest.approx(97.60 + 68.7104)
    assert result.worth.value_of_terminal == pytest.approx(value_of_terminal)


def test_a_wacc_is_built_from_its_parts() -> None:
    # Equity 4 % + 1.2 x 5 % = 10 %; debt 5 % x (1 - 20 %) = 4 %; 75 % x 10 % + 25 % x 4 % = 8.5 %
    built = Capm(
        risk_free_rate=0.04,
        equity_risk_premium=0.05,
        beta=1.2,
        pre_tax_cost_of_debt=0.05,
        debt_weight=0.25,
        tax_rate=0.20,
    )
    result = value_dcf(firm(capital=built))
    assert result.worth.wacc == pytest.approx(0.085)
    assert result.cost_of_equity == pytest.approx(0.10)
    assert value_dcf(firm()).cost_of_equity is None
    assert result.worth.enterprise_value == pytest.approx(
        float(valued(firm(wacc=0.085)).enterprise_value)
    )


# Published


def test_sangria_weighs_its_capital_as_in_the_book_and_its_crusher_breaks_even() -> None:
    """Brealey, Myers and Allen, Principles of Corporate Finance, ch. 19 (tax at 35 %).

    Debt 500 at 6 %, equity 750 at 12.4 %: after-tax WACC 9 %. A perpetual crusher that brings
    1.731 million a year before tax is worth the 12.5 million that it costs.
    """
    sangria = Capm(
        risk_free_rate=0.124,  # the book gives the cost of equity as a whole
        equity_risk_premium=0.0,
        beta=1.0,
        pre_tax_cost_of_debt=0.06,
        debt_weight=500.0 / 1_250.0,
        tax_rate=0.35,
    )
    crusher = firm(
        capital=sangria,
        revenue=1_731_000.0,
        revenue_growth=0.0,
        ebit_margin=1.0,
        tax_rate=0.35,
        depreciation=0.0,
        capital_expenditure=0.0,
        working_capital=0.0,
        terminal=Gordon(growth=0.0),
    )
    result = value_dcf(crusher)
    assert result.worth.wacc == pytest.approx(0.09, abs=5e-13)
    assert result.worth.enterprise_value == pytest.approx(12.5e6, abs=5e3)


def test_the_concatenator_business_is_worth_what_the_book_says() -> None:
    """Brealey, Myers and Allen, Principles of Corporate Finance, 12th ed., pp. 94-95, table 4.7.

    Assets of 10 million grow by 12, 12, 12, 9, 9 and 9 %, then by 6 %; they earn 12 % after tax,
    and growth is paid for out of earnings. At 10 % the free cash flows of years 1 to 6 are worth
    0.9, what comes after them 15.4, the business 16.3 million.
    """
    into_next_year = [0.12, 0.12, 0.12, 0.09, 0.09, 0.09, 0.06]
    concatenator = firm(
        years=7,
        wacc=0.10,
        terminal=Gordon(growth=0.06),
        revenue=10e6 / 1.12,  # revenue stands for the assets at the start of each year
        revenue_growth=Schedule.explicit([0.12, *into_next_year[:-1]]),
        ebit_margin=0.12,
        tax_rate=0.0,
        depreciation=0.0,
        capital_expenditure=Schedule.explicit(into_next_year),
        working_capital=0.0,
    )
    result = value_dcf(concatenator)
    flows = [0.0, 0.0, 0.0, 0.42, 0.46, 0.50, 1.09]
    assert result.forecast.free_cash_flow == pytest.approx([f * 1e6 for f in flows], abs=5e3)
    first_six = math.fsum(result.forecast.present_value[:6])
    assert first_six == pytest.approx(0.9e6, abs=0.05e6)
    assert result.worth.enterprise_value - first_six == pytest.approx(15.4e6, abs=0.05e6)
    assert result.worth.enterprise_value == pytest.approx(16.3e6, abs=0.05e6)
