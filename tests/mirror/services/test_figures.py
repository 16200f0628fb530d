from __future__ import annotations

from datetime import date

import pytest

from services.figures import day, fiscal, listed, money, percent, plain, price, tenths


@pytest.mark.parametrize(
    ("rate", "read"),
    [
        (0.3054, "30.54 %"),
        (0.025, "2.5 %"),
        (0.15, "15 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (-0.1485, "−14.85 %"),
        (-0.000_01, "0 %"),
    ],
)
def test_a_rate_reads_in_percent_without_idle_zeros(rate: float, read: str) -> None:
    assert percent(rate) == read


def test_rates_in_a_row_have_one_decimal_each() -> None:
    assert [tenths(rate) for rate in (0.3326, 0.02, -0.0280, -0.0001)] == [
        *("33.3 %", "2.0 %", "−2.8 %", "0.0 %")
    ]


@pytest.mark.parametrize(
    ("amount", "currency", "read"),
    [
        (391_035e6, "USD", "$391.0 bn"),
        (3_509_814e6, "USD", "$3,509.8 bn"),
        (-67_697e6, "USD", "−$67.7 bn"),
        (12_300_000.0, "EUR", "€12.3 m"),
        (950.0, "CHF", "CHF 950"),
        (0.0, "USD", "$0"),
    ],
)
def test_an_amount_reads_in_the_scale_that_suits_it(
    amount: float, currency: str, read: str
) -> None:
    assert money(amount, currency) == read


def test_a_price_reads_to_the_cent() -> None:
    assert price(189.3, "USD") == "$189.30"


def test_a_number_has_its_thousands_apart() -> None:
    assert plain(15_408.095, 1) == "15,408.1"
    assert plain(200.0, 0) == "200"


def test_a_day_reads_the_same_in_every_country() -> None:
    assert day(date(2024, 9, 7)) == "7 September 2024"


def test_a_list_ends_with_and() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_fiscal_years_that_follow_each_other_are_a_span() -> None:
    assert fiscal([2024]) == "fiscal 2024"
    assert fiscal([2023, 2024]) == "fiscal 2023 and 2024"
    assert fiscal([2022, 2023, 2024]) == "fiscal 2022 to 2024"
    assert fiscal([2020, 2022, 2024]) == "fiscal 2020, 2022 and 2024"
