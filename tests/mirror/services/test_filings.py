from __future__ import annotations

import pytest

from services.filings import MissingData, read
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
    with pytest.raises(MissingData):
        read(filed(year(2023, 0.0)))


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
