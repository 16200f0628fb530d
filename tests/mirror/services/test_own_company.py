"""What a tenant's own figures lead to: adjusted, converted, sourced, and made use of in full."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import value_dcf
from engine.errors import Problem
from services.assumptions import PRODUCT, Assumption
from services.company_figures import Given, merged
from services.contents import canonical_text
from services.currencies import Conversion
from services.dcf import inputs_of
from services.derived_dcf import derive_dcf
from services.kinds import DCF
from services.own_company import Origins, company_of, figure_values
from store.companies import Company
from store.market import Market
from tests.mirror.services.filed import Rates
from tests.own_companies import acme, with_sheet, with_year

ADA = "00000000000000000000000000000009"


def own(document: dict[str, Any] | None = None) -> Company:
    """The company that a document is of, brought by Ada."""
    problems: list[Problem] = []
    given = Given(document or acme(), "", problems)
    assert problems == []
    figures = merged({}, given.figures, ADA, "2026-03-01T12:00:00+00:00")
    return company_of(given.ticker, figures, Origins(canonical_text(figures), {ADA: "Ada"}))


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


def test_however_much_is_said_of_figures_the_document_may_hold_it() -> None:
    given = acme()
    for number, each in enumerate(given["years"]):
        each |= {"source": str(number) * 1_000, "note": str(number) * 1_000}
        each["adjustments"] = [
            {"line": "revenue", "amount": part + 1.0, "reason": "r" * 1_000, "source": "s" * 1_000}
            for part in range(3)
        ]
    sourced: Any = derive_dcf(own(given), Market()).sourced()
    DCF.door(sourced)
    by_path = {each["path"]: each for each in sourced["assumptions"]}
    margin = by_path["operations.ebitMargin"]
    assert (len(margin["source"]), len(margin["note"])) == (2_000, 4_000)
    assert margin["note"].endswith("…")


def test_what_rests_on_several_figures_is_as_of_the_latest_of_them() -> None:
    given = acme()
    for each, day in zip(given["years"], ("2023-02-01", "2025-03-01", "2024-02-01"), strict=True):
        each["asOf"] = day
    assert about(own(given), "operations.ebitMargin").as_of == date(2025, 3, 1)
    assert about(own(given), "operations.revenue").as_of == date(2024, 2, 1)


def test_the_newest_price_counts_and_the_others_are_earlier_ones() -> None:
    days = ("2024-12-31", "2023-12-29", "2024-06-28")
    prices = [{"date": day, "close": float(n + 1)} for n, day in enumerate(days)]
    company = own(acme(prices=prices))
    assert (company.price.date, company.price.close) == (date(2024, 12, 31), 1.0)
    assert [each.close for each in company.earlier_prices] == [2.0, 3.0]


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


def test_a_year_that_does_not_tell_stock_compensation_is_left_out_of_its_average() -> None:
    plain = acme()
    for each, share in zip(plain["years"], (None, 0.02, 0.04), strict=True):
        each["stockCompensation"] = None if share is None else share * each["revenue"]
    assert document(own(plain))["operations"]["stockCompensation"] == {"level": 0.03}
    told = about(own(plain), "operations.stockCompensation").text
    assert "averaged 3 % of revenue over fiscal 2023 and 2024" in told


def test_debt_is_weighed_against_all_shares_that_share_in_the_value() -> None:
    company = own(with_sheet(basicShares=50.0, restrictedStock=1.0))
    weight = 200.0 / (200.0 + 18.0 * 100.0)
    assert document(company)["capital"]["capm"]["debtWeight"] == weight


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


def test_reported_diluted_shares_count_where_nothing_is_said_of_what_dilutes() -> None:
    assert document(own(with_sheet(basicShares=95.0)))["shares"] == {"diluted": 100_000_000}
    bare = acme()
    del bare["balanceSheets"][0]["dilutedShares"]
    bare["balanceSheets"][0]["basicShares"] = 95.0
    assert document(own(bare))["shares"] == {"basic": 95_000_000}


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


# Read again by path


def test_every_figure_is_found_under_its_path() -> None:
    given = with_sheet(options=[{"count": 5.0, "strike": 10.0}]) | {
        "peers": [{"ticker": "BRK.B", "beta": 0.9, "debtToEquity": 0.2, "taxRate": 0.2}],
        "notes": ["One."],
    }
    company = own(given)
    values = figure_values(company)
    for path in company.origins:
        assert values[path] is not None, path
    assert values["years[2023].revenue"] == 950e6
    assert values["peers[BRK.B].beta"] == 0.9
    assert values["balanceSheets[2024-12-31].options"] == [{"count": 5e6, "strike": 10}]
    assert values["notes"] == ["One."]
    assert values["years[2023].adjustments"] == []
    assert "years[1999].revenue" not in values
    (one_off,) = figure_values(own(closing()))["years[2024].adjustments"]
    assert (one_off["line"], one_off["amount"]) == ("operatingIncome", 40e6)
