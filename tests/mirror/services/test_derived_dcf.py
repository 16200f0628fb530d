from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import value_dcf
from services.assumptions import Assumption
from services.dcf import inputs_of
from services.derived_dcf import derive_dcf
from services.filings import MissingData
from store.companies import Price
from tests.mirror.services.filed import Rates, filed, sheet, year

DOUBLE = replace(filed(), price=Price(date=date(2023, 12, 29), close=36.0))


def document(company: Any = None, rates: Rates | None = None) -> Any:
    return derive_dcf(company or filed(), rates or Rates()).document


def about(path: str, company: Any = None, rates: Rates | None = None) -> Assumption:
    derived = derive_dcf(company or filed(), rates or Rates())
    return next(each for each in derived.assumptions if each.path == path)


def test_the_price_moves_nothing_but_the_weight_of_debt() -> None:
    cheap, dear = document(), document(DOUBLE)
    assert cheap["capital"]["capm"].pop("debtWeight") == 0.1
    assert dear["capital"]["capm"].pop("debtWeight") == 0.0526
    assert (cheap.pop("marketPrice"), dear.pop("marketPrice")) == (18.0, 36.0)
    assert cheap == dear


def test_beta_is_drawn_to_the_market_by_a_third() -> None:
    assert document(rates=Rates(raw_beta=1.6))["capital"]["capm"]["beta"] == 1.4
    assert document(rates=Rates(raw_beta=0.4))["capital"]["capm"]["beta"] == 0.6
    assert about("capital.capm.beta", rates=Rates(raw_beta=1.6)).source == "its exchange"


def test_without_prices_the_markets_own_beta_is_assumed_and_said() -> None:
    beta = about("capital.capm.beta")
    assert (beta.value, beta.source) == ("1.00", None)
    assert "assumed" in beta.text


@pytest.mark.parametrize(
    ("risk_free", "growth"), [(0.05, 0.025), (0.036, 0.025), (0.02, 0.01), (0.008, 0.0)]
)
def test_growth_for_ever_stays_below_the_risk_free_rate(risk_free: float, growth: float) -> None:
    found = document(rates=Rates(risk_free=risk_free))
    assert found["terminal"]["gordon"]["growth"] == growth
    assert found["operations"]["revenueGrowth"]["stages"][-1]["value"] == growth


def test_debt_costs_more_than_the_risk_free_rate() -> None:
    assert document()["capital"]["capm"]["preTaxCostOfDebt"] == 0.05


def test_interest_saves_tax_of_the_state_and_of_its_states() -> None:
    assert document(rates=Rates(taxes=(0.21, 0.04)))["capital"]["capm"]["taxRate"] == 0.25
    assert document(rates=Rates(taxes=(0.3, 0.0)))["capital"]["capm"]["taxRate"] == 0.3


def test_the_spread_is_called_a_trifle_only_where_there_is_little_debt() -> None:
    laden = filed(balance_sheets=(sheet(debt_noncurrent=2_000e6),))
    assert "hardly moves" in about("capital.capm.preTaxCostOfDebt", DOUBLE).text
    assert "hardly moves" not in about("capital.capm.preTaxCostOfDebt", laden).text


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        ({"risk_free": None}, "risk-free rate"),
        ({"premium": None}, "equity risk premium"),
        ({"taxes": None}, "corporate tax rate"),
        ({"risk_free": None, "premium": None}, "risk-free rate and equity risk premium"),
    ],
)
def test_a_rate_that_is_not_known_is_never_made_up(unknown: dict[str, None], said: str) -> None:
    with pytest.raises(MissingData, match=f"No {said} in USD is here for 29 December 2023"):
        derive_dcf(filed(), Rates().but(**unknown))


def test_a_price_long_after_the_balance_sheet_is_pointed_out() -> None:
    later = replace(filed(), price=Price(date=date(2024, 5, 31), close=18.0))
    assert (
        "The last balance sheet is of 31 December 2023" in about("timing.valuationDate", later).text
    )
    assert document(later)["timing"]["valuationDate"] == "2024-05-31"


def test_a_document_is_made_anew_for_each_caller() -> None:
    first = document()
    first["operations"]["revenue"] = 0
    assert document()["operations"]["revenue"] == 1_000_000_000


def test_a_company_in_a_currency_without_rates_is_told_so() -> None:
    with pytest.raises(MissingData, match="in CHF"):
        derive_dcf(replace(filed(), currency="CHF"), Rates())


SHARE = st.floats(0.0, 0.6)


@given(
    revenues=st.lists(st.floats(1e6, 1e12), min_size=1, max_size=5),
    margin=st.floats(-0.5, 0.8),
    taxed=st.floats(-0.5, 1.5),
    written_off=SHARE,
    spent=SHARE,
    risk_free=st.floats(0.001, 0.12),
    raw_beta=st.none() | st.floats(0.2, 3.0),
)
def test_whatever_a_company_files_the_engine_takes_what_is_derived(
    revenues: list[float],
    margin: float,
    taxed: float,
    written_off: float,
    spent: float,
    risk_free: float,
    raw_beta: float | None,
) -> None:
    years = [
        year(
            2023 - len(revenues) + after,
            revenue,
            operating_income=margin * revenue,
            pretax_income=margin * revenue,
            income_tax=margin * taxed * revenue,
            depreciation_amortization=written_off * revenue,
            capital_expenditure=spent * revenue,
        )
        for after, revenue in enumerate(revenues, start=1)
    ]
    found = document(filed(*years), Rates(risk_free=risk_free, raw_beta=raw_beta))
    value_dcf(inputs_of(found))  # refuses what it cannot take
