from __future__ import annotations

from datetime import date

import pytest

from services.filings import MissingData, read
from store.companies import Company, Price
from tests.mirror.services.filed import filed, sheet, year


def test_all_that_is_missing_is_said_at_once() -> None:
    company = filed(
        year(2023, operating_income=None, capital_expenditure=None),
        balance_sheets=(sheet(debt_current=None, debt_noncurrent=None, diluted_shares=None),),
    )
    with pytest.raises(MissingData) as refused:
        read(company)
    assert refused.value.code == "MISSING_DATA"
    said = " ".join(problem.message for problem in refused.value.problems)
    assert len(refused.value.problems) == 4
    for what in ("operating income", "capital expenditure", "debt", "diluted shares"):
        assert what in said


def test_a_company_without_revenue_has_nothing_to_forecast() -> None:
    with pytest.raises(MissingData) as refused:
        read(filed(year(2023, 0.0)))
    (problem,) = refused.value.problems
    assert problem.message == "FIRM: revenue of fiscal 2023 is 0."


@pytest.mark.parametrize("nothing", [5e-324, 1e-300, 0.99])
def test_no_share_is_taken_of_next_to_nothing(nothing: float) -> None:
    before = year(2022, nothing, pretax_income=nothing, income_tax=1e9, operating_income=1e9)
    parts = {
        "accounts_receivable": 1e9,
        "other_current_assets": 0.0,
        "accounts_payable": 0.0,
        "other_current_liabilities": 0.0,
    }
    sheets = (sheet(date(2022, 12, 31), **parts), sheet(**parts))
    filings = read(filed(before, year(2023), balance_sheets=sheets))
    assert filings.growth() == {}
    assert filings.effective_tax() == {2023: 0.25}
    assert filings.recent_years == [2023]
    assert filings.working_capital() == [1.0]
    with pytest.raises(MissingData) as refused:
        read(filed(year(2023, nothing)))
    (problem,) = refused.value.problems
    assert problem.message == f"FIRM: revenue of fiscal 2023 is {nothing:g}."


@pytest.mark.parametrize(
    ("last_year", "as_of"),
    [
        (2023, date(2023, 1, 29)),
        (2023, date(2023, 12, 31)),
        (2023, date(2024, 1, 2)),  # a year of 53 weeks
        (2023, date(2024, 9, 30)),  # an interim sheet
        (2022, date(2023, 1, 28)),  # a shop's 2022, which began in that year
    ],
)
def test_a_year_and_the_sheet_at_its_end_or_an_interim_one_belong_together(
    last_year: int, as_of: date
) -> None:
    company = filed(
        year(last_year), balance_sheets=(sheet(as_of),), price=Price(date=as_of, close=18.0)
    )
    assert read(company).sheet.as_of == as_of


@pytest.mark.parametrize(
    ("last_year", "as_of"),
    [(2023, date(2022, 12, 31)), (2023, date(2024, 12, 31)), (2021, date(2023, 2, 3))],
)
def test_a_year_and_a_sheet_of_another_one_make_no_forecast(last_year: int, as_of: date) -> None:
    company = filed(
        year(last_year), balance_sheets=(sheet(as_of),), price=Price(date=as_of, close=18.0)
    )
    with pytest.raises(MissingData) as refused:
        read(company)
    (problem,) = refused.value.problems
    assert f"the last fiscal year here is {last_year}" in problem.message


def test_a_valuation_knows_no_balance_sheet_that_came_after_its_day() -> None:
    def priced(day: date) -> Company:
        return filed(price=Price(date=day, close=18.0))

    assert read(priced(date(2023, 12, 24))).sheet.as_of == date(2023, 12, 31)
    with pytest.raises(MissingData) as refused:
        read(priced(date(2023, 12, 23)))
    (problem,) = refused.value.problems
    assert "of 23 December 2023, before the balance sheet of 31 December 2023" in problem.message


def test_one_kind_of_debt_is_enough() -> None:
    assert read(filed(balance_sheets=(sheet(debt_current=None),))).debt == 180e6
    assert read(filed(balance_sheets=(sheet(debt_noncurrent=None),))).debt == 20e6


def test_securities_count_as_cash() -> None:
    rich = sheet(marketable_securities_current=7e6, marketable_securities_noncurrent=3e6)
    assert read(filed(balance_sheets=(rich,))).cash == 60e6


def test_recent_years_end_where_one_is_incomplete() -> None:
    years = (year(2020), year(2021, depreciation_amortization=None), year(2022), year(2023))
    assert [each.fiscal_year for each in read(filed(*years)).recent] == [2022, 2023]


def test_recent_years_are_three_at_most_and_without_a_gap() -> None:
    five = read(filed(*(year(n) for n in range(2019, 2024)))).recent
    gap = read(filed(year(2020), year(2021), year(2023))).recent
    assert [each.fiscal_year for each in five] == [2021, 2022, 2023]
    assert [each.fiscal_year for each in gap] == [2023]
