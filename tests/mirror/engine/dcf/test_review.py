"""What a reviewer remarks on: each remark where it is due, and silence where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dcf import (
    Bridge,
    Capm,
    Comparables,
    ExitMultiple,
    Gordon,
    HModel,
    LossesCarriedForward,
    Normalised,
    Peer,
    ValueDriver,
    value_dcf,
)
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


def test_a_beta_of_fewer_than_three_firms_is_remarked_on() -> None:
    def compared(count: int) -> Capm:
        peers = (Peer(name="Plum", beta=1.2, debt_to_equity=0.2, tax_rate=0.25),) * count
        return Capm(
            risk_free_rate=0.04,
            equity_risk_premium=0.05,
            comparables=Comparables(peers=peers),
            pre_tax_cost_of_debt=0.05,
            debt_weight=0.1,
            tax_rate=0.25,
        )

    path = "capital.capm.comparables.peers"
    assert remarks(capital=compared(1)) == {"FEW_COMPARABLES": path}
    assert remarks(capital=compared(2))["FEW_COMPARABLES"] == path
    assert remarks(capital=compared(3)) == {}


def fading(**changes: float) -> HModel:
    return HModel(**{"initial_growth": 0.04, "growth": 0.02, "half_life": 4.0} | changes)


def normal(**changes: float) -> Gordon:
    shares = {"depreciation": 0.05, "capital_expenditure": 0.06} | changes
    return Gordon(growth=0.02, normalised=Normalised(**shares))


def test_a_sober_fade_and_a_sober_normal_year_are_left_alone() -> None:
    assert remarks(terminal=fading()) == {}
    assert remarks(terminal=normal()) == {}


def test_a_cliff_is_measured_to_where_the_fade_begins() -> None:
    from_nine = fading(initial_growth=0.09)
    steep = remarks(terminal=from_nine, revenue_growth=0.141)
    assert steep["GROWTH_CLIFF"] == "operations.revenue_growth"
    assert "GROWTH_CLIFF" not in remarks(terminal=from_nine, revenue_growth=0.139)


def test_a_fade_of_more_than_twenty_years_is_remarked_on() -> None:
    slow = remarks(terminal=fading(half_life=10.1))
    assert slow["LONG_FADE"] == "terminal.h_model.half_life"
    assert "LONG_FADE" not in remarks(terminal=fading(half_life=10.0))


def test_growth_for_ever_above_the_economys_is_remarked_on_after_a_fade_too() -> None:
    found = remarks(terminal=fading(initial_growth=0.06, growth=0.041))
    assert found["GROWTH_ABOVE_ECONOMY"] == "terminal.h_model.growth"


def test_the_assets_that_shrink_for_ever_are_those_of_the_normal_year() -> None:
    path = "terminal.gordon.normalised.capital_expenditure"
    run_down = remarks(terminal=normal(capital_expenditure=0.049))
    assert run_down["CAPEX_BELOW_DEPRECIATION"] == path
    # The last year of the forecast may save what the normal year spends.
    saving = remarks(terminal=normal(), capital_expenditure=0.03)
    assert "CAPEX_BELOW_DEPRECIATION" not in saving


@pytest.mark.parametrize(
    ("losses", "margin", "why"),
    [
        ({"balance": 500.0}, -0.1, "No year of the forecast has income"),
        ({"balance": 500.0, "limit_share": 0.0}, 0.2, "The yearly limit of zero"),
        ({"balance": 500.0, "limit_amount": 0.0}, 0.2, "The yearly limit of zero"),
    ],
)
def test_losses_that_nothing_is_set_against_are_remarked_on_by_their_cause(
    losses: dict[str, float], margin: float, why: str
) -> None:
    carried = LossesCarriedForward(**losses)
    result = value_dcf(firm(**(SOBER | {"losses": carried, "ebit_margin": margin})))
    (told,) = (r.message for r in result.remarks if r.code == "LOSSES_UNUSED")
    assert told.startswith(why)
    assert told.endswith("so they add nothing to the value.")


def test_income_that_comes_before_the_losses_uses_none_of_them() -> None:
    late = Schedule.explicit([0.2] * 9 + [-0.1])
    result = value_dcf(
        firm(**(SOBER | {"losses": LossesCarriedForward(balance=0.0), "ebit_margin": late}))
    )
    (told,) = (r.message for r in result.remarks if r.code == "LOSSES_UNUSED")
    assert told.startswith("No year of the forecast has income")


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
