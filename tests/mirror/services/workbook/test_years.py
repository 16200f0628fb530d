"""What fiscal years are called, and when they end."""

from __future__ import annotations

from datetime import date

import pytest

from engine.dcf.timing import Timing
from services.kinds import DCF
from services.workbook.export import workbook_of
from services.workbook.years import ends_of, fiscal_years, twelve_months
from tests.dcf_documents import firm
from tests.workbooks import read, recorded


@pytest.mark.parametrize(
    ("begins", "ends", "named"),
    [
        (date(2025, 12, 31), date(2026, 12, 31), "FY2026E"),
        (date(2026, 6, 30), date(2026, 12, 31), "FY2026E"),
        (date(2026, 6, 30), date(2027, 1, 2), "FY2026E"),  # 52 weeks of 2026 and some
        (date(2026, 6, 30), date(2027, 1, 30), "FY2027E"),
    ],
)
def test_a_fiscal_year_is_called_for_the_calendar_year_it_ends_in(
    begins: date, ends: date, named: str
) -> None:
    found = ends_of(Timing(valuation_date=begins, years=3, fiscal_year_end=ends))
    assert found is not None
    assert len(found) == 3
    first = fiscal_years(found[0], 3)
    assert first[0] == named
    assert [int(each[2:6]) - int(named[2:6]) for each in first] == [0, 1, 2]


@pytest.mark.parametrize(
    ("begins", "named"),
    [
        (date(2026, 1, 1), "12m to Dec 2026"),  # the calendar year
        (date(2025, 12, 31), "12m to Dec 2026"),
        (date(2026, 1, 7), "12m to Jan 2027"),
        (date(2026, 1, 8), "12m to Jan 2027"),
        (date(2024, 9, 27), "12m to Sep 2025"),
    ],
)
def test_a_year_that_nobody_said_the_end_of_is_called_for_the_months_that_it_has(
    begins: date, named: str
) -> None:
    found = ends_of(Timing(valuation_date=begins, years=3))
    assert found is not None
    first = twelve_months(found[0], 3)
    assert first[0] == named
    assert [int(each[-4:]) - int(named[-4:]) for each in first] == [0, 1, 2]


def test_a_year_that_ends_with_a_month_ends_with_it_in_leap_years_too() -> None:
    timing = Timing(valuation_date=date(2027, 1, 1), years=3, fiscal_year_end=date(2027, 2, 28))
    assert ends_of(timing) == (date(2027, 2, 28), date(2028, 2, 29), date(2029, 2, 28))


def test_where_the_calendar_ends_years_have_numbers_only() -> None:
    assert ends_of(Timing(valuation_date=date(9999, 1, 1), years=1)) is None
    assert ends_of(Timing(valuation_date=date(9990, 1, 1), years=100)) is None


def test_a_sheet_that_begins_with_years_says_which_they_are_and_their_numbers() -> None:
    cells = read(workbook_of(recorded(DCF, firm()))).cells["DCF"]
    assert cells["A1"] == "DCF (amounts in USD, units, with hundredths)"
    assert [cells[f"{column}1"] for column in "DEF"] == [
        "12m to Sep 2025", "12m to Sep 2026", "12m to Sep 2027",
    ]  # fmt: skip
    assert [cells[f"{column}2"] for column in "DEF"] == ["Year 1", "Year 2", "Year 3"]
    assert (cells["A3"], cells["C3"]) == ("Operations", "Base year")
    document = firm()
    document["timing"] = document["timing"] | {"fiscalYearEnd": "2025-06-30"}
    cells = read(workbook_of(recorded(DCF, document))).cells["DCF"]
    assert [cells[f"{column}1"] for column in "DEF"] == ["FY2025E", "FY2026E", "FY2027E"]
