"""A published valuation with every line of every year, from the sales to a share."""

from __future__ import annotations

import math

import pytest

from engine.dcf import Bridge, Capital, Capm, DcfInputs, GivenWacc, Gordon, value_dcf
from engine.schedules import Schedule
from tests.mirror.engine.firms import firm

GROWTH = [0.07, 0.07, 0.07, 0.04, 0.04, 0.04, 0.03]
COSTS = [0.74, 0.745, 0.745, 0.75, 0.75, 0.755, 0.76]  # of sales
ASSETS, OPENING_ASSETS = 0.79, 66.0  # net fixed assets, of sales and to begin with
DEPRECIATION = 0.14 * ASSETS  # of sales, at 14 % of net fixed assets
MARGINS = {
    "ebitda_margin": [1.0 - cost for cost in COSTS],
    "ebit_margin": [1.0 - cost - DEPRECIATION for cost in COSTS],
}
CAPITALS: dict[str, Capital] = {
    "given": GivenWacc(wacc=0.09),
    # Sangria's: 40 % of debt at 6 %, equity at 12.4 % as a whole, taxed at 35 %.
    "built": Capm(
        risk_free_rate=0.124,
        equity_risk_premium=0.0,
        beta=1.0,
        pre_tax_cost_of_debt=0.06,
        debt_weight=0.4,
        tax_rate=0.35,
    ),
}


def rio(margin: str, capital: str) -> DcfInputs:
    """In millions of dollars, but for shares, of which there are 1.5 million."""
    spent, before = [], OPENING_ASSETS / 83.6
    for growth in GROWTH:
        spent.append(ASSETS - before / (1.0 + growth) + DEPRECIATION)
        before = ASSETS
    return firm(
        years=7,
        capital=CAPITALS[capital],
        terminal=Gordon(growth=0.03),
        revenue=83.6,
        revenue_growth=Schedule.explicit(GROWTH),
        tax_rate=0.35,
        depreciation=DEPRECIATION,
        capital_expenditure=Schedule.explicit(spent),
        working_capital=0.13,
        opening_working_capital=11.1,
        bridge=Bridge(debt=36.0, cash=0.0),
        shares=1.5,
        **{margin: Schedule.explicit(MARGINS[margin])},
    )


@pytest.mark.parametrize("capital", CAPITALS)
@pytest.mark.parametrize("margin", MARGINS)
def test_rio_is_worth_what_the_book_says_line_by_line(margin: str, capital: str) -> None:
    """Brealey, Myers and Allen, Principles of Corporate Finance, 12th ed., table 19.1, p. 499.

    Rio sells for 83.6 million dollars and has 36 million of debt. At Sangria's WACC of 9 % its
    free cash flows of years 1 to 6 are worth 20.3 million, what comes after them 67.6, the company
    87.9 and its equity 51.9. (The book's sheet has more digits than it prints: its sales of years
    2 to 4 are up to 0.09 above 7 % and 4 % of growth from 83.6.)
    """
    result = value_dcf(rio(margin, capital))
    lines, worth = result.forecast, result.worth
    assert lines.revenue == pytest.approx([89.5, 95.8, 102.5, 106.6, 110.8, 115.2, 118.7], abs=0.1)
    for name, printed in {
        "ebitda": [23.3, 24.4, 26.1, 26.6, 27.7, 28.2, 28.5],
        "depreciation": [9.9, 10.6, 11.3, 11.8, 12.3, 12.7, 13.1],
        "ebit": [13.4, 13.8, 14.8, 14.9, 15.4, 15.5, 15.4],
        "tax": [4.7, 4.8, 5.2, 5.2, 5.4, 5.4, 5.4],
        "nopat": [8.7, 9.0, 9.6, 9.7, 10.0, 10.1, 10.0],
        "capital_expenditure": [14.6, 15.5, 16.6, 15.0, 15.6, 16.2, 15.9],
        "working_capital": [11.6, 12.4, 13.3, 13.9, 14.4, 15.0, 15.4],
        "increase_in_working_capital": [0.5, 0.8, 0.9, 0.5, 0.6, 0.6, 0.4],
        "free_cash_flow": [3.5, 3.2, 3.4, 5.9, 6.1, 6.0, 6.8],
    }.items():
        assert getattr(lines, name) == pytest.approx(printed, abs=0.06), name
    assert worth.wacc == pytest.approx(0.09, abs=1e-12)
    first_six = math.fsum(lines.present_value[:6])
    assert first_six == pytest.approx(20.3, abs=0.05)
    assert worth.enterprise_value - first_six == pytest.approx(67.6, abs=0.05)
    # What comes after year 6 is worth 113.4 then: year 7's flow and what comes after that.
    after = (worth.terminal_value + lines.free_cash_flow[-1]) / 1.09
    assert after == pytest.approx(113.4, abs=0.06)
    assert worth.enterprise_value == pytest.approx(87.9, abs=0.05)
    assert worth.equity_value == pytest.approx(51.9, abs=0.05)
    assert worth.value_per_share == pytest.approx(51.9 / 1.5, abs=0.05)
