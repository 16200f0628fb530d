"""What a tenant's own figures lead to: adjusted, converted, sourced, and made use of in full."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import value_dcf
from engine.errors import InvalidInput, Problem
from services.assumptions import PRODUCT, Assumption
from services.company_figures import Given, merged
from services.currencies import Conversion, StatedRate, conversion_of, converted
from services.dcf import inputs_of
from services.derived_dcf import derive_dcf
from services.filings import MissingData
from services.kinds import DCF
from services.own_company import company_of, value_at
from services.stated_market import StatedMarket, StatedRates
from store.companies import Company
from store.market import Market
from tests.mirror.services.filed import Rates
from tests.own_companies import acme, with_sheet, with_year

ADA = "00000000000000000000000000000009"
RATE = StatedRate(value=1.25, as_of=date(2024, 12, 31), source="its central bank")


def own(document: dict[str, Any] | None = None) -> Company:
    """The company that a document is of, brought by Ada."""
    problems: list[Problem] = []
    given = Given(document or acme(), "", problems)
    assert problems == []
    figures = merged({}, given.figures, ADA, "2026-03-01T12:00:00+00:00")
    return company_of(given.ticker, figures, {ADA: "Ada"})


def document(company: Company, conversion: Conversion | None = None) -> Any:
    return derive_dcf(company, Rates(), conversion).document


def about(company: Company, path: str, conversion: Conversion | None = None) -> Assumption:
    derived = derive_dcf(company, Rates(), conversion)
    return next(each for each in derived.assumptions if each.path == path)


def worth(document: Any) -> Any:
    return value_dcf(inputs_of(document)).worth


def test_each_assumption_has_the_source_and_the_author_of_its_figures() -> None:
    given = with_year(
        2024, origins=[{"line": "revenue", "source": "10-K/A, p. 3", "note": "Restated."}]
    )
    revenue = about(own(given), "operations.revenue")
    assert (revenue.source, revenue.author, revenue.note) == ("10-K/A, p. 3", "Ada", "Restated.")
    margin = about(own(given), "operations.ebitMargin")
    assert margin.source == "Annual report 2024, p. 61; 10-K/A, p. 3"
    price = about(own(given), "marketPrice")
    assert (price.source, price.as_of, price.author) == ("The exchange", date(2024, 12, 31), "Ada")
    assert about(own(given), "capital.capm.riskFreeRate").author == PRODUCT
    assert about(own(given), "timing.years").source is None


def test_every_assumption_of_a_sourced_document_is_one_that_the_document_may_hold() -> None:
    derived = derive_dcf(own(with_sheet(leases=1.0, lossesCarriedForward=2.0)), Market())
    sourced: Any = derived.sourced()
    DCF.door(sourced)
    assert [each["path"] for each in sourced["assumptions"]] == [
        each.path for each in derived.assumptions
    ]
    plain = {name: part for name, part in sourced.items() if name != "assumptions"}
    assert plain == derived.document
    assert worth(sourced).value_per_share == worth(plain).value_per_share


# Adjusted figures


def closing(amount: float = 40.0) -> Any:
    """In 2024 a plant was closed: EBIT was 200 as reported, of a revenue of 1,000."""
    one_off = {"line": "operatingIncome", "amount": amount, "reason": "Closing", "source": "note 7"}
    return with_year(2024, operatingIncome=200.0 - amount, adjustments=[one_off])


def test_the_forecast_starts_from_adjusted_figures_and_both_are_shown() -> None:
    company = own(closing())
    (reported,) = (year for year in company.years if year.fiscal_year == 2024)
    assert (reported.operating_income, reported.adjusted().operating_income) == (160e6, 200e6)
    assert document(company) == document(own())
    text = about(company, "operations.ebitMargin").text
    assert (
        "Adjusted, not as reported: operating income of fiscal 2024 is $160.0 m as reported, plus "
        "$40.0 m for Closing (note 7): $200.0 m." in text
    )
    assert "Adjusted" not in about(company, "operations.taxRate").text
    assert "Adjusted" not in about(own(), "operations.ebitMargin").text


def test_without_the_bridge_the_reported_figures_would_count() -> None:
    given = closing()
    del given["years"][2]["adjustments"]
    assert document(own(given))["operations"]["ebitMargin"] == {"level": round(0.56 / 3, 4)}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
def test_an_adjusted_line_is_the_reported_one_and_the_sum(amounts: list[float]) -> None:
    one_offs = [
        {"line": "pretaxIncome", "amount": amount, "reason": str(number), "source": "x"}
        for number, amount in enumerate(amounts)
    ]
    year = own(with_year(2024, adjustments=one_offs)).years[-1]
    assert year.adjusted().pretax_income == pytest.approx(200e6 + sum(amounts) * 1e6, rel=1e-12)
    assert year.adjusted().adjusted() == year.adjusted()
    assert year.pretax_income == 200e6


# All that is given is made use of


def test_stock_compensation_is_a_line_that_counts_as_an_expense_and_moves_no_value() -> None:
    plain = acme()
    for year in plain["years"]:
        year["stockCompensation"] = 0.03 * year["revenue"]
    found = document(own(plain))
    assert found["operations"]["stockCompensation"] == {"level": 0.03}
    assert found["operations"]["stockCompensationTreatment"] == "EXPENSE"
    assert worth(found).value_per_share == worth(document(own())).value_per_share


def test_losses_carried_forward_save_tax_within_the_limit_of_the_law() -> None:
    found = document(own(with_sheet(lossesCarriedForward=300.0)))
    assert found["operations"]["losses"] == {"balance": 300_000_000, "limitShare": 0.8}
    saved = worth(found).equity_value - worth(document(own())).equity_value
    assert 0.0 < saved < 0.25 * 300e6  # the tax at 25 %, and later than today


def test_options_and_restricted_stock_dilute_at_the_value_that_comes_out() -> None:
    options = [{"count": 5.0, "strike": 10.0}, {"count": 5.0, "strike": 1_000.0}]
    found = document(own(with_sheet(basicShares=95.0, restrictedStock=1.0, options=options)))
    assert found["shares"] == {
        "basic": 95_000_000,
        "restrictedStock": 1_000_000,
        "options": [{"count": 5e6, "strike": 10.0}, {"count": 5e6, "strike": 1_000.0}],
    }
    shares = worth(found)
    net = 5e6 * (1.0 - 10.0 / shares.value_per_share)
    assert shares.diluted_shares == pytest.approx(96e6 + net, rel=1e-9)


def test_diluted_shares_count_where_there_are_no_basic_ones_for_options_to_stand_beside() -> None:
    company = own(with_sheet(options=[{"count": 5.0, "strike": 10.0}]))
    assert document(company)["shares"] == {"diluted": 100_000_000}
    assert "no basic shares" in about(company, "shares.diluted").text


def test_peers_make_the_beta() -> None:
    peers = [
        {"ticker": "A", "beta": 1.3, "debtToEquity": 0.5, "taxRate": 0.25},
        {"ticker": "B", "beta": 0.7, "debtToEquity": 0.0, "taxRate": 0.25},
    ]
    found = document(own(acme(peers=peers)))
    capm = found["capital"]["capm"]
    assert "beta" not in capm
    assert [peer["name"] for peer in capm["comparables"]["peers"]] == ["A", "B"]
    unlevered = ((2 * 1.3 + 1) / 3 / (1 + 0.75 * 0.5) + (2 * 0.7 + 1) / 3) / 2
    weight, tax = capm["debtWeight"], capm["taxRate"]
    levered = unlevered * (1 + (1 - tax) * weight / (1 - weight))
    equity = capm["riskFreeRate"] + levered * capm["equityRiskPremium"]
    wacc = (1 - weight) * equity + weight * capm["preTaxCostOfDebt"] * (1 - tax)
    assert worth(found).wacc == pytest.approx(wacc, rel=1e-12)


def test_each_claim_that_is_given_is_in_the_bridge_and_the_rest_is_said_to_be_nothing() -> None:
    company = own(with_sheet(leases=7.0, minorityInterests=3.0))
    bridge = document(company)["bridge"]
    assert (bridge["leases"], bridge["minorityInterests"]) == (7_000_000, 3_000_000)
    assert bridge["preferredStock"] == 0
    text = about(company, "bridge.preferredStock").text
    assert text.startswith("Preferred stock, pension deficits and associates are not in")


# Currencies


def in_euros() -> Company:
    return own(acme(currency="EUR"))


def test_another_currency_without_a_rate_is_refused() -> None:
    with pytest.raises(InvalidInput) as no:
        conversion_of(in_euros(), "USD", None)
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("rate", "MISSING")
    assert "in EUR" in problem.message


@pytest.mark.parametrize(
    ("currency", "rate", "where"),
    [
        ("EUR", RATE, "rate"),
        (None, RATE, "rate"),
        ("dollars", None, "currency"),
        ("usd", RATE, "currency"),
        ("USD", replace(RATE, value=0.0), "rate.value"),
        ("USD", replace(RATE, value=-1.0), "rate.value"),
        ("USD", replace(RATE, value=float("nan")), "rate.value"),
        ("USD", replace(RATE, value=float("inf")), "rate.value"),
        ("USD", replace(RATE, source="  "), "rate.source"),
    ],
)
def test_a_rate_that_means_nothing_is_refused(
    currency: str | None, rate: StatedRate | None, where: str
) -> None:
    with pytest.raises(InvalidInput) as no:
        conversion_of(in_euros(), currency, rate)
    assert [problem.path for problem in no.value.problems] == [where]


def test_the_own_currency_needs_no_rate() -> None:
    assert conversion_of(own(), None, None) is None
    assert conversion_of(own(), "USD", None) is None


def test_every_amount_is_converted_at_the_one_rate_and_says_so() -> None:
    given = with_sheet(leases=7.0, basicShares=95.0, options=[{"count": 5.0, "strike": 10.0}]) | {
        "currency": "EUR"
    }
    conversion = conversion_of(own(given), "USD", RATE)
    assert conversion is not None
    found = document(own(given), conversion)
    plain = document(own({**given, "currency": "USD"}))
    assert found["currency"] == "USD"
    assert found["operations"]["revenue"] == 1_250_000_000
    assert found["bridge"]["debt"] == 250_000_000
    assert found["bridge"]["leases"] == 8_750_000
    assert found["marketPrice"] == 22.5
    assert found["shares"]["options"] == [{"count": 5e6, "strike": 12.5}]
    for path in ("currency", "operations.revenue", "bridge.debt", "marketPrice", "shares.options"):
        told = about(own(given), path, conversion).text
        assert (
            "Converted from EUR at 1.25 USD for 1 EUR (its central bank, 31 December 2024)." in told
        )
    # Rates, shares of revenue and weights are the same in any currency.
    for name in ("revenueGrowth", "ebitMargin", "taxRate", "depreciation", "workingCapital"):
        assert found["operations"][name] == plain["operations"][name]
    assert found["capital"] == plain["capital"]
    assert worth(found).value_per_share == pytest.approx(1.25 * worth(plain).value_per_share)


def test_no_law_of_another_country_limits_losses() -> None:
    given = with_sheet(lossesCarriedForward=300.0) | {"currency": "EUR"}
    conversion = conversion_of(own(given), "USD", RATE)
    assert document(own(given), conversion)["operations"]["losses"] == {"balance": 375_000_000}


@given(st.floats(1e-3, 1e3))
def test_there_and_back_is_where_one_was(rate: float) -> None:
    there = Conversion(given="EUR", into="USD", rate=replace(RATE, value=rate))
    back = Conversion(given="USD", into="EUR", rate=replace(RATE, value=1.0 / rate))
    again = converted(converted(in_euros(), there), back)
    assert again.currency == "EUR"
    assert again.years[-1].revenue == pytest.approx(1_000e6, rel=1e-12)
    assert again.price.close == pytest.approx(18.0, rel=1e-12)
    assert again.balance_sheets[0].diluted_shares == 100e6


# Rates of the market

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


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"risk_free_rate": 2.5}, ["market.risk_free_rate"]),
        ({"equity_risk_premium": -0.01}, ["market.equity_risk_premium"]),
        ({"tax_rate": float("nan")}, ["market.tax_rate"]),
        ({"as_of": date(2025, 1, 1)}, ["market.as_of"]),
        ({"source": " ", "tax_rate": 25.0}, ["market.tax_rate", "market.source"]),
    ],
)
def test_rates_that_cannot_be_or_were_not_known_yet_are_refused(
    changes: dict[str, Any], where: list[str]
) -> None:
    with pytest.raises(InvalidInput) as no:
        replace(STATED, **changes).check(date(2024, 12, 31))
    assert [problem.path for problem in no.value.problems] == where


# Read again by path


def test_every_figure_is_found_under_its_path() -> None:
    given = with_sheet(options=[{"count": 5.0, "strike": 10.0}]) | {
        "peers": [{"ticker": "BRK.B", "beta": 0.9, "debtToEquity": 0.2, "taxRate": 0.2}],
        "notes": ["One."],
    }
    company = own(given)
    for path in company.origins:
        assert value_at(company, path) is not None, path
    assert value_at(company, "years[2023].revenue") == 950e6
    assert value_at(company, "peers[BRK.B].beta") == 0.9
    assert value_at(company, "balanceSheets[2024-12-31].options") == [{"count": 5e6, "strike": 10}]
    assert value_at(company, "notes") == ["One."]
    assert value_at(company, "years[1999].revenue") is None
    assert value_at(company, "nothing") is None
