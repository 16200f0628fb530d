"""Figures in another currency: at one stated rate, said wherever it counts, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from services.currencies import Conversion, StatedRate, conversion_of, converted
from store.companies import Company
from tests.mirror.services.test_own_company import about, closing, document, own, worth
from tests.own_companies import acme, with_sheet

RATE = StatedRate(value=1.25, as_of=date(2024, 12, 31), source="its central bank")


def in_euros() -> Company:
    prices = [{"date": "2023-12-29", "close": 9.0}, {"date": "2024-12-31", "close": 18.0}]
    return own(acme(currency="EUR", prices=prices))


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
        ("USD", replace(RATE, source="a\u202eb"), "rate.source"),
        ("USD", replace(RATE, source="x" * 1_001), "rate.source"),
        ("USD", replace(RATE, as_of=date(2025, 1, 1)), "rate.as_of"),  # after the price
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


def test_whatever_speaks_of_an_amount_says_that_it_was_converted() -> None:
    given = closing() | {"currency": "EUR"}
    conversion = conversion_of(own(given), "USD", RATE)
    assert conversion is not None
    margin = about(own(given), "operations.ebitMargin", conversion)
    assert "is $200.0 m as reported, plus $50.0 m for Closing" in margin.text
    sentence = "Converted from EUR at 1.25 USD for 1 EUR (its central bank, 31 December 2024)."
    assert margin.text.endswith(sentence)
    assert about(own(given), "capital.capm.debtWeight", conversion).text.endswith(sentence)
    for path in ("operations.taxRate", "operations.depreciation", "timing.years"):
        assert "Converted" not in about(own(given), path, conversion).text


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
    assert converted(in_euros(), there).earlier_prices[0].close == 9.0 * rate
    assert again.balance_sheets[0].diluted_shares == 100e6
