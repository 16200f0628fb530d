"""What fiscal years are called, and when they end."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date
from string import ascii_uppercase

import pytest

from engine.dcf.timing import Timing
from services.kinds import DCF
from services.workbook.export import workbook_of
from services.workbook.years import calendar_of, fiscal_years
from tests.dcf_documents import firm
from tests.example_inputs import example_inputs
from tests.workbooks import Found, read, recorded


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
    found = calendar_of(Timing(valuation_date=begins, years=3, fiscal_year_end=ends))
    assert found is not None
    assert len(found.ends) == 3
    first = fiscal_years(found.ends[0], 3)
    assert first[0] == named
    assert [int(each[2:6]) - int(named[2:6]) for each in first] == [0, 1, 2]


@pytest.mark.parametrize(
    ("begins", "named"),
    [
        (date(2026, 1, 1), "12m to\nDec 2026"),  # the calendar year
        (date(2025, 12, 31), "12m to\nDec 2026"),
        (date(2026, 1, 7), "12m to\nJan 2027"),
        (date(2026, 1, 8), "12m to\nJan 2027"),
        (date(2024, 9, 27), "12m to\nSep 2025"),
    ],
)
def test_a_year_that_nobody_said_the_end_of_is_called_for_the_months_that_it_has(
    begins: date, named: str
) -> None:
    found = calendar_of(Timing(valuation_date=begins, years=3))
    assert found is not None
    first = found.titles(3)
    assert first[0] == named
    assert [int(each[-4:]) - int(named[-4:]) for each in first] == [0, 1, 2]


def test_a_year_that_ends_with_a_month_ends_with_it_in_leap_years_too() -> None:
    timing = Timing(valuation_date=date(2027, 1, 1), years=3, fiscal_year_end=date(2027, 2, 28))
    found = calendar_of(timing)
    assert found is not None
    assert found.ends == (date(2027, 2, 28), date(2028, 2, 29), date(2029, 2, 28))


def test_where_the_calendar_ends_years_have_numbers_only() -> None:
    assert calendar_of(Timing(valuation_date=date(9999, 1, 1), years=1)) is None
    assert calendar_of(Timing(valuation_date=date(9990, 1, 1), years=100)) is None


def test_a_sheet_that_begins_with_years_says_which_they_are_and_their_numbers() -> None:
    cells = read(workbook_of(recorded(DCF, firm()))).cells["DCF"]
    assert cells["A1"] == "DCF (in USD, with hundredths)"
    assert [cells[f"{column}1"] for column in "DEF"] == [
        "12m to\nSep 2025", "12m to\nSep 2026", "12m to\nSep 2027",
    ]  # fmt: skip
    assert [cells[f"{column}2"] for column in "DEF"] == ["Year 1", "Year 2", "Year 3"]
    assert (cells["A3"], cells["C3"]) == ("Operations", "Base year")
    content = workbook_of(recorded(DCF, firm()))
    inputs = read(content).cells["Inputs"]
    assert (str(inputs["A1"])[:5], inputs["E2"], inputs["E3"]) == (
        "Input",
        "12m to\nSep 2025",
        "Year 1",
    )
    assert list(inputs.values()).count("12m to\nSep 2025") == 1  # for they are on each page
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert ">Inputs!$A:$A,Inputs!$1:$3<" in parts.read("xl/workbook.xml").decode()
    document = firm()
    document["timing"] = document["timing"] | {"fiscalYearEnd": "2025-06-30"}
    cells = read(workbook_of(recorded(DCF, document))).cells["DCF"]
    assert [cells[f"{column}1"] for column in "DEF"] == ["FY2025E\nstub", "FY2026E", "FY2027E"]


@pytest.mark.parametrize(
    "name", ["dcf_stub_and_losses.json", "lbo_covenants_and_stub.json", "merger_stub.json"]
)
def test_each_heading_of_a_forecast_marks_a_stub(name: str) -> None:
    """But those of a target's own fiscal years, which are whole."""
    kind, document = example_inputs()[name]
    years = [
        str(said)
        for cells in read(workbook_of(recorded(kind, document))).cells.values()
        for at, said in cells.items()
        if str(said).startswith("FY2026E") and not _of_its_own(at, cells)
    ]
    assert set(years) == {"FY2026E\nstub"}
    assert len(years) > 3


def test_a_first_year_that_begins_with_the_valuation_is_no_stub() -> None:
    begins, ends = date(2025, 12, 31), date(2026, 12, 31)
    marked = [
        found.stub
        for timing in (
            Timing(valuation_date=begins, years=3, fiscal_year_end=ends),
            Timing(valuation_date=date(2026, 3, 31), years=3, fiscal_year_end=ends),
            Timing(valuation_date=begins, years=3),
        )
        if (found := calendar_of(timing)) is not None
    ]
    assert marked == [False, True, False]


def _of_its_own(at: str, cells: Mapping[str, Found]) -> bool:
    row = at.lstrip(ascii_uppercase)
    return cells.get(f"A{row}") in ("Target", "The target in its own fiscal years")
