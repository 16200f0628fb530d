from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.derived_dcf import derive_dcf
from services.forecasts import renewal_ratio
from store.companies import Company, Price
from tests.mirror.services.filed import Rates, filed, sheet, year


def operations(company: Company) -> Any:
    return derive_dcf(company, Rates()).document["operations"]


def told(company: Company, name: str) -> str:
    assumptions = derive_dcf(company, Rates()).assumptions
    return next(each.text for each in assumptions if each.path == f"operations.{name}")


def growing(*rates: float) -> Company:
    revenue, first = 1_000e6, 2023 - len(rates)
    years = [year(first)]
    for after, rate in enumerate(rates, start=first + 1):
        revenue *= 1.0 + rate
        years.append(year(after, revenue))
    return filed(*years)


def first(schedule: Any) -> float:
    return float(schedule["level"] if "level" in schedule else schedule["stages"][0]["value"])


def last(schedule: Any) -> float:
    return float(schedule["level"] if "level" in schedule else schedule["stages"][-1]["value"])


def test_one_boom_does_not_set_the_growth() -> None:
    calm, boom = growing(0.04, 0.05, 0.06), growing(0.04, 0.90, 0.05)
    assert first(operations(calm)["revenueGrowth"]) == 0.05
    assert first(operations(boom)["revenueGrowth"]) == 0.05


@pytest.mark.parametrize(("was", "starts"), [(0.40, 0.15), (0.15, 0.15), (-0.20, 0.0)])
def test_growth_starts_within_a_sensible_range(was: float, starts: float) -> None:
    assert first(operations(growing(was))["revenueGrowth"]) == starts


def test_a_bound_that_binds_is_said() -> None:
    assert "No start above 15 %" in told(growing(0.40), "revenueGrowth")
    assert "starts flat" in told(growing(-0.20), "revenueGrowth")
    assert "No start" not in told(growing(0.10), "revenueGrowth")


def test_growth_always_ends_at_the_terminal_growth() -> None:
    for company in (filed(), growing(0.30), growing(-0.30), growing(0.025)):
        assert last(operations(company)["revenueGrowth"]) == 0.025


def test_growth_that_is_already_the_terminal_growth_is_a_level() -> None:
    assert operations(growing(0.025))["revenueGrowth"] == {"level": 0.025}


def test_a_gap_in_the_years_ends_what_is_known_of_growth() -> None:
    company = filed(year(2020), year(2022, 2_000e6), year(2023, 2_100e6))
    assert first(operations(company)["revenueGrowth"]) == 0.05
    assert "in fiscal 2023." in told(company, "revenueGrowth")


def test_the_margin_is_the_average_of_the_last_three_years() -> None:
    margins = (0.90, 0.10, 0.20, 0.30)
    years = [year(2020 + n, operating_income=m * 1_000e6) for n, m in enumerate(margins)]
    assert operations(filed(*years))["ebitMargin"] == {"level": 0.2}


def test_a_margin_of_one_year_is_called_thin_ground() -> None:
    assert "thin ground" in told(filed(), "ebitMargin")
    assert "thin ground" not in told(growing(0.05), "ebitMargin")


def test_stock_compensation_is_named_and_not_added_back() -> None:
    company = filed(year(2023, stock_compensation=30e6))
    assert "($30.0 m in fiscal 2023) is a cost within EBIT" in told(company, "ebitMargin")
    assert operations(company) == operations(filed())


def test_a_low_tax_rate_rises_to_the_federal_rate_and_a_high_one_is_held() -> None:
    low = filed(year(2023, income_tax=20e6))
    high = filed(year(2023, income_tax=60e6))
    assert (first(operations(low)["taxRate"]), last(operations(low)["taxRate"])) == (0.10, 0.21)
    assert operations(high)["taxRate"] == {"level": 0.30}


def test_one_odd_tax_year_does_not_set_the_rate() -> None:
    taxes = (50e6, 52e6, 180e6)
    company = filed(*(year(2021 + n, income_tax=tax) for n, tax in enumerate(taxes)))
    assert first(operations(company)["taxRate"]) == 0.26


def test_without_a_taxed_profit_the_statutory_rate_is_taken() -> None:
    company = filed(year(2023, pretax_income=-10e6, income_tax=0.0))
    assert operations(company)["taxRate"] == {"level": 0.21}
    assert "no year whose profit was taxed" in told(company, "taxRate")


def test_a_tax_rate_beyond_reason_is_kept_within_bounds_and_said() -> None:
    company = filed(year(2023, income_tax=150e6))
    assert operations(company)["taxRate"] == {"level": 0.35}
    assert "kept within 0 % and 35 %" in told(company, "taxRate")


@pytest.mark.parametrize("spent", [0.0, 0.01, 0.05, 0.055, 0.06, 0.063, 0.07, 0.15, 0.40])
def test_assets_are_renewed_and_grow_in_the_long_run(spent: float) -> None:
    company = filed(year(2023, capital_expenditure=spent * 1_000e6))
    found = operations(company)
    ratio = last(found["capitalExpenditure"]) / last(found["depreciation"])
    assert ratio == pytest.approx(renewal_ratio(8, 0.025), abs=0.001)


def test_what_is_built_in_a_boom_is_written_off_later() -> None:
    found = operations(filed(year(2023, capital_expenditure=150e6)))
    assert (first(found["depreciation"]), last(found["depreciation"])) == (0.05, 0.10)
    assert first(found["capitalExpenditure"]) == 0.15
    assert 0.10 < last(found["capitalExpenditure"]) < 0.15


def test_a_build_up_never_ends_above_where_it_is() -> None:
    for spent in range(50, 160):
        found = operations(filed(year(2023, capital_expenditure=spent * 1e6)))
        if "stages" in found["depreciation"]:
            assert last(found["capitalExpenditure"]) <= first(found["capitalExpenditure"])


@pytest.mark.parametrize(("life", "growth"), [(3, 0.01), (8, 0.025), (8, 0.0), (20, 0.04)])
def test_the_renewal_ratio_is_that_of_a_ledger_kept_for_a_century(life: int, growth: float) -> None:
    bought = [(1.0 + growth) ** t for t in range(100)]
    written_off = sum(bought[-1 - life : -1]) / life
    assert bought[-1] / written_off == pytest.approx(renewal_ratio(life, growth), rel=1e-12)


PARTS: dict[str, Any] = {
    "accounts_receivable": 120e6,
    "inventories": 30e6,
    "other_current_assets": 10e6,
    "accounts_payable": 40e6,
    "other_current_liabilities": 15e6,
    "deferred_revenue_current": 5e6,
}


def test_working_capital_is_what_operations_tie_up() -> None:
    company = filed(balance_sheets=(sheet(**PARTS),))
    assert operations(company)["workingCapital"] == {"level": 0.1}
    assert "receivables of $120.0 m" in told(company, "workingCapital")
    assert "customers" not in told(company, "workingCapital")


def test_year_ends_are_matched_to_their_own_revenue_whatever_the_year_is_called() -> None:
    # "Fiscal 2023" ends in February 2024 here, as many shops count.
    sheets = (
        sheet(date(2023, 1, 28), **(PARTS | {"accounts_receivable": 220e6})),
        sheet(date(2024, 2, 3), **PARTS),
    )
    company = filed(
        year(2022, 2_000e6),
        year(2023, 1_000e6),
        balance_sheets=sheets,
        price=Price(date=date(2024, 2, 2), close=18.0),
    )
    assert operations(company)["workingCapital"] == {"level": 0.1}


@pytest.mark.parametrize("newest", [date(2023, 3, 31), date(2023, 6, 30), date(2023, 9, 30)])
def test_an_interim_sheet_does_not_move_the_year_ends_before_it(newest: date) -> None:
    # 2022 ended with a tenth of its own revenue tied up, of 2,000; of 2021's 500 it would be 40 %.
    sheets = (
        sheet(date(2022, 12, 31), **(PARTS | {"accounts_receivable": 220e6})),
        sheet(newest, **(PARTS | {"accounts_receivable": 220e6})),
    )
    company = filed(
        year(2021, 500e6),
        year(2022, 2_000e6),
        balance_sheets=sheets,
        price=Price(date=newest, close=18.0),
    )
    assert operations(company)["workingCapital"] == {"level": 0.1}


def test_a_balance_sheet_without_parts_ties_up_nothing_and_is_said_so() -> None:
    company = filed(balance_sheets=(sheet(**(PARTS | {"accounts_payable": None})),))
    assert operations(company)["workingCapital"] == {"level": 0.0}
    assert "does not break working capital down" in told(company, "workingCapital")


def test_a_note_of_the_filings_is_quoted_where_it_belongs() -> None:
    company = replace(filed(), notes=("Tax includes a charge of 10,200.", "D&A is odd."))
    assert "note (in millions): “Tax includes a charge of 10,200.”" in told(company, "taxRate")
    assert "note: “D&A is odd.”" in told(company, "depreciation")
    assert "note" not in told(company, "ebitMargin")
