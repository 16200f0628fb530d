"""What a reviewer remarks on: each remark where it is due, and silence where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dcf import Bridge, ExitMultiple, Gordon, ValueDriver, value_dcf
from engine.schedules import Schedule
from tests.mirror.engine.firms import firm

SOBER: dict[str, Any] = {
    "years": 10,
    "wacc": 0.09,
    "revenue_growth": 0.04,
    "depreciation": 0.05,
    "capital_expenditure": 0.06,
    "terminal": Gordon(growth=0.02),
}


def remarks(**changes: Any) -> dict[str, str]:
    """Code to path, in the order in which they are made."""
    return {r.code: r.path for r in value_dcf(firm(**(SOBER | changes))).remarks}


def test_a_sober_valuation_is_left_alone() -> None:
    assert remarks() == {}


@pytest.mark.parametrize(
    ("code", "path", "due", "not_due"),
    [
        (
            "LOSS_WITHOUT_CREDIT",
            "operations",
            {"ebit_margin": Schedule.explicit([-0.001] + [0.2] * 9)},
            {"ebit_margin": Schedule.explicit([0.0] + [0.2] * 9)},
        ),
        (
            "UNUSUAL_GROWTH",
            "operations.revenue_growth",
            {"revenue_growth": Schedule.explicit([1.01] + [0.04] * 9)},
            {"revenue_growth": Schedule.explicit([0.99] + [0.04] * 9)},
        ),
        (
            "LOW_TERMINAL_TAX",
            "operations.tax_rate",
            {"tax_rate": Schedule.explicit([0.25] * 9 + [0.149])},
            {"tax_rate": Schedule.explicit([0.05] * 9 + [0.15])},
        ),
        (
            "CAPEX_BELOW_DEPRECIATION",
            "operations.capital_expenditure",
            {"capital_expenditure": Schedule.explicit([0.06] * 9 + [0.049])},
            {"capital_expenditure": Schedule.explicit([0.03] * 9 + [0.05])},
        ),
        ("UNUSUAL_WACC", "capital", {"wacc": 0.151}, {"wacc": 0.149}),
        (
            "GROWTH_ABOVE_ECONOMY",
            "terminal.gordon.growth",
            {"terminal": Gordon(growth=0.041)},
            {"terminal": Gordon(growth=0.039)},
        ),
        (
            "GROWTH_CLIFF",
            "operations.revenue_growth",
            {"revenue_growth": Schedule.explicit([0.04] * 9 + [0.071])},
            {"revenue_growth": Schedule.explicit([0.04] * 9 + [0.069])},
        ),
        (
            "GROWTH_DESTROYS_VALUE",
            "terminal.value_driver.return_on_new_capital",
            {"terminal": ValueDriver(growth=0.02, return_on_new_capital=0.089)},
            {"terminal": ValueDriver(growth=0.02, return_on_new_capital=0.091)},
        ),
        (
            "EQUITY_BELOW_ZERO",
            "bridge",
            {"bridge": Bridge(debt=10_000.0, cash=0.0)},
            {"bridge": Bridge(debt=1_000.0, cash=0.0)},
        ),
        ("TERMINAL_VALUE_DOMINATES", "timing.years", {"years": 3}, {"years": 8}),
    ],
)
def test_a_remark_is_made_where_it_is_due_and_only_there(
    code: str, path: str, due: dict[str, Any], not_due: dict[str, Any]
) -> None:
    assert remarks(**due).get(code) == path
    assert code not in remarks(**not_due)


def test_an_implied_multiple_that_no_buyer_pays_is_remarked_on() -> None:
    dear = Gordon(growth=0.039)
    assert remarks(wacc=0.05, terminal=dear)["UNUSUAL_IMPLIED_MULTIPLE"] == "terminal.gordon"
    cheap = remarks(capital_expenditure=0.15)
    assert cheap["UNUSUAL_IMPLIED_MULTIPLE"] == "terminal.gordon"


def test_a_last_year_that_cannot_go_on_is_remarked_on() -> None:
    assert remarks(capital_expenditure=0.6)["TERMINAL_VALUE_NOT_POSITIVE"] == "terminal.gordon"


def test_an_exit_is_not_read_as_a_perpetuity() -> None:
    found = remarks(revenue_growth=0.2, terminal=ExitMultiple(ev_to_ebitda=9.0))
    assert "GROWTH_CLIFF" not in found


def test_remarks_are_sentences_with_the_figures_in_them() -> None:
    result = value_dcf(
        firm(**(SOBER | {"years": 3, "ebit_margin": Schedule.explicit([-0.1, -0.2, 0.3])}))
    )
    told = {remark.code: remark.message for remark in result.remarks}
    assert "EBIT is below zero in years 1, 2." in told["LOSS_WITHOUT_CREDIT"]
    assert "after year 3" in told["TERMINAL_VALUE_DOMINATES"]
    assert all(message.endswith(".") for message in told.values())


def test_many_years_of_loss_are_named_by_the_first_six() -> None:
    result = value_dcf(firm(**(SOBER | {"ebit_margin": -0.1})))
    (told,) = (r.message for r in result.remarks if r.code == "LOSS_WITHOUT_CREDIT")
    assert "years 1, 2, 3, 4, 5, 6 …" in told
    single = value_dcf(firm(**(SOBER | {"ebit_margin": Schedule.explicit([-0.1] + [0.2] * 9)})))
    (told,) = (r.message for r in single.remarks if r.code == "LOSS_WITHOUT_CREDIT")
    assert "in year 1." in told
