"""Rates of the market as a caller states them: used for one question, known on its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.dcf import value_dcf
from engine.errors import InvalidInput
from services.dcf import inputs_of
from services.derived_dcf import derive_dcf
from services.filings import MissingData
from services.stated_market import StatedMarket, StatedRates
from tests.mirror.services.filed import Rates
from tests.mirror.services.test_currencies import in_euros
from tests.mirror.services.test_own_company import own

STATED = StatedRates(
    risk_free_rate=0.025,
    equity_risk_premium=0.055,
    tax_rate=0.3,
    as_of=date(2024, 12, 30),
    source="our treasury",
)


def test_stated_rates_make_the_cost_of_capital_where_none_are_here() -> None:
    euros = in_euros()
    with pytest.raises(MissingData):
        derive_dcf(euros, Rates())
    STATED.check(euros.price.date)
    derived = derive_dcf(euros, StatedMarket(STATED, Rates()))
    capm: Any = derived.document["capital"]
    assert capm["capm"]["riskFreeRate"] == 0.025
    assert capm["capm"]["equityRiskPremium"] == 0.055
    assert capm["capm"]["taxRate"] == 0.3
    by_path = {each.path: each for each in derived.assumptions}
    for name in ("riskFreeRate", "equityRiskPremium", "taxRate"):
        assert by_path[f"capital.capm.{name}"].source == "our treasury"
    assert by_path["capital.capm.taxRate"].text == (
        "What interest saves at the margin: the statutory rate of the company's country, as stated."
    )
    tax: Any = derived.document["operations"]
    assert tax["taxRate"]["stages"][-1]["value"] == 0.3  # from 25 % to the stated rate
    assert "state taxes" not in by_path["operations.taxRate"].text
    growth: Any = derived.document["terminal"]
    assert growth["gordon"]["growth"] == 0.015  # a point below the stated risk-free rate
    value_dcf(inputs_of(derived.document))


def test_a_beta_that_is_here_counts_beside_stated_rates() -> None:
    market = StatedMarket(STATED, Rates(raw_beta=1.6))
    capital: Any = derive_dcf(own(), market).document["capital"]
    assert capital["capm"]["beta"] == 1.4


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"risk_free_rate": 2.5}, ["market.risk_free_rate"]),
        ({"risk_free_rate": -0.06}, ["market.risk_free_rate"]),
        ({"equity_risk_premium": 0.51}, ["market.equity_risk_premium"]),
        ({"tax_rate": 0.91}, ["market.tax_rate"]),
        ({"equity_risk_premium": -0.01}, ["market.equity_risk_premium"]),
        ({"tax_rate": float("nan")}, ["market.tax_rate"]),
        ({"as_of": date(2025, 1, 1)}, ["market.as_of"]),
        ({"source": "a\x07"}, ["market.source"]),
        ({"source": " ", "tax_rate": 25.0}, ["market.tax_rate", "market.source"]),
    ],
)
def test_rates_that_cannot_be_or_were_not_known_yet_are_refused(
    changes: dict[str, Any], where: list[str]
) -> None:
    with pytest.raises(InvalidInput) as no:
        replace(STATED, **changes).check(date(2024, 12, 31))
    assert [problem.path for problem in no.value.problems] == where
