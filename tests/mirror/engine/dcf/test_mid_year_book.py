"""A published valuation whose cash comes at mid-year, from its flows to a share."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.dcf import Bridge, DcfInputs, FlowTiming, Gordon, value_dcf
from engine.schedules import Schedule
from tests.mirror.engine.firms import firm

FLOWS = [1_930, 2_219, 2_539, 2_893, 3_283, 3_711, 4_180, 4_691, 5_246, 5_849]
CONTINUING_VALUE, WACC = 133_360, 0.093


def home_depot(flows: FlowTiming) -> DcfInputs:
    """Revenue stands for the flows; the growth for ever is what the continuing value implies."""
    growth = (CONTINUING_VALUE * WACC - FLOWS[-1]) / (CONTINUING_VALUE + FLOWS[-1])
    return firm(
        years=10,
        flows=flows,
        wacc=WACC,
        terminal=Gordon(growth=growth),
        revenue=float(FLOWS[0]),
        revenue_growth=Schedule.explicit(
            [0.0, *(after / before - 1.0 for before, after in pairwise(FLOWS))]
        ),
        ebit_margin=1.0,
        tax_rate=0.0,
        depreciation=0.0,
        capital_expenditure=0.0,
        working_capital=0.0,
        bridge=Bridge(debt=1_365.0, leases=6_554.0, cash=1_609.0, associates=84.0),
        shares=2_257.0,
    )


def test_home_depot_is_worth_what_the_book_says_with_its_cash_at_mid_year() -> None:
    """Koller, Goedhart and Wessels, Valuation, 4th ed., exhibit 5.4, in millions of dollars.

    Ten years of free cash flow and a continuing value, at 9.3 %, are worth 75,988; that times a
    mid-year factor of 1.045 is 79,442, the operations. With excess cash of 1,609 and other assets
    of 84, less debt of 1,365 and leases of 6,554, equity is worth 73,216, or 32.44 for each of
    2,257 shares.
    """
    late = value_dcf(home_depot(FlowTiming.END_YEAR))
    printed = [0.915, 0.837, 0.766, 0.701, 0.641, 0.587, 0.537, 0.491, 0.449, 0.411]
    assert late.forecast.discount_factor == pytest.approx(printed, abs=0.0005)
    values = [1_766, 1_857, 1_944, 2_027, 2_105, 2_177, 2_243, 2_303, 2_356, 2_404]
    assert late.forecast.present_value == pytest.approx(values, abs=1.0)
    assert late.worth.terminal_value == pytest.approx(CONTINUING_VALUE, rel=1e-12)
    assert late.worth.value_of_terminal == pytest.approx(54_805, abs=1.0)
    assert late.worth.enterprise_value == pytest.approx(75_988, abs=1.0)

    result = value_dcf(home_depot(FlowTiming.MID_YEAR)).worth
    assert result.net_debt == pytest.approx(1_365.0 + 6_554.0 - 1_609.0 - 84.0)
    assert result.enterprise_value / late.worth.enterprise_value == pytest.approx(1.045, abs=0.0005)
    assert result.enterprise_value == pytest.approx(79_442, abs=1.0)
    assert result.equity_value == pytest.approx(73_216, abs=1.0)
    assert result.value_per_share == pytest.approx(32.44, abs=0.005)
