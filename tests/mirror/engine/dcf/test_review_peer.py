"""Where a reviewer starts to ask, to the digit."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from mpmath import mpf
from scipy.optimize import brentq

from engine.dcf import DcfInputs, ExitMultiple, Gordon, value_dcf
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import firm


@pytest.mark.parametrize("years", [3, 5, 8])
def test_a_terminal_share_is_remarked_on_from_three_quarters_on_to_nine_digits(years: int) -> None:
    inputs = firm(years=years, wacc=0.09, revenue_growth=0.04, capital_expenditure=0.06)

    def exits(multiple: float) -> DcfInputs:
        return dataclasses.replace(inputs, terminal=ExitMultiple(ev_to_ebitda=multiple))

    def above(multiple: float) -> float:
        book = exact_dcf(exits(multiple))
        return float(book.value_of_terminal / book.enterprise_value - mpf("0.75"))

    edge = brentq(above, 0.5, 100.0, xtol=1e-14, rtol=1e-14)
    for multiple, due in ((edge * (1.0 + 1e-9), True), (edge * (1.0 - 1e-9), False)):
        codes = {remark.code for remark in value_dcf(exits(multiple)).remarks}
        assert ("TERMINAL_VALUE_DOMINATES" in codes) == due


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        # The firm of round numbers: its forecast is worth 183.488, its last flow is 134.20, its
        # last EBITDA 302.50. TV 134.20 x 1.08 / 0.17 is 852.56, 545.64 today: 74.8 % of the whole.
        ({"terminal": Gordon(growth=0.08)}, {"GROWTH_ABOVE_ECONOMY", "UNUSUAL_IMPLIED_MULTIPLE"}),
        # 134.20 x 1.10 / 0.15 is 984.13, 629.85 today: 77.4 %, and 3.25 times EBITDA.
        (
            {"terminal": Gordon(growth=0.10)},
            {"GROWTH_ABOVE_ECONOMY", "UNUSUAL_IMPLIED_MULTIPLE", "TERMINAL_VALUE_DOMINATES"},
        ),
        # At 4 times EBITDA a buyer pays 774.40 of 957.89, 80.8 %: TV 1,210 is a perpetuity that
        # grows by (1,210 x 0.25 - 134.20) / (1,210 + 134.20) = 12.5 %.
        (
            {"terminal": ExitMultiple(ev_to_ebitda=4.0)},
            {"TERMINAL_VALUE_DOMINATES", "EXIT_IMPLIES_GROWTH_ABOVE_ECONOMY"},
        ),
        # 387.20 of 570.69 is 67.8 %; (605 x 0.25 - 134.20) / (605 + 134.20) is 2.3 %.
        ({"terminal": ExitMultiple(ev_to_ebitda=2.0)}, {"UNUSUAL_EXIT_MULTIPLE"}),
        # Growth of 4 % is the economy's; 134.20 x 1.04 / 0.21 is 664.61, 2.2 times EBITDA.
        ({"terminal": Gordon(growth=0.04)}, {"GROWTH_CLIFF", "UNUSUAL_IMPLIED_MULTIPLE"}),
    ],
)
def test_a_reviewers_thresholds_by_hand(changes: dict[str, Any], said: set[str]) -> None:
    codes = {remark.code for remark in value_dcf(firm(**changes)).remarks}
    assert codes - {"UNUSUAL_WACC"} == said  # 25 % is, of each
