"""A formula that is written with names says in a cell what its words say."""

from __future__ import annotations

import pytest

from services.workbook.formulas import Place, cell, formula_at

PLACES = {
    "rate": Place("Inputs", 4, 3, None),
    "growth": Place("Inputs", 5, 3, 3),
    "revenue": Place("Forecast", 1, 3, 3, opens=True),
    "costs": Place("Forecast", 2, 3, 3),
    "profit": Place("Forecast", 3, 3, 3),
    "wacc": Place("Forecast", 7, 2, None),
    "odd": Place("Sum of parts", 7, 2, None),
}


@pytest.mark.parametrize(
    ("template", "column", "written"),
    [
        ("={revenue@-1}*(1+{growth})", 0, "=C2*(1+Inputs!D6)"),
        ("={revenue@-1}*(1+{growth})", 2, "=E2*(1+Inputs!F6)"),
        ("={costs@+1}", 1, "=F3"),
        ("={revenue@open}+{costs@0}", 1, "=$C2+$D3"),
        ("={revenue@last}*{rate}", None, "=$F2*Inputs!$D$5"),
        ("=SUM({revenue@all})/{wacc}", None, "=SUM($D2:$F2)/$C$8"),
        ("=SUM({costs@sofar})", 1, "=SUM($D3:E3)"),
        ("=SUM({costs@rest})", 1, "=SUM(E3:$F3)"),
        ("=SUM({revenue:profit})", 2, "=SUM(F2:F4)"),
        ("=SUM({revenue:profit@all})", None, "=SUM($D2:$F4)"),
        ("={odd}", None, "='Sum of parts'!$C$8"),
    ],
)
def test_a_name_is_a_cell_and_what_stands_behind_it_leads_elsewhere(
    template: str, column: int | None, written: str
) -> None:
    assert formula_at(template, PLACES, "Forecast", column) == written


@pytest.mark.parametrize(
    ("template", "column"),
    [
        ("={sales}", 0),  # no such line
        ("={costs@-1}", 0),  # it has no opening balance
        ("={costs@+1}", 2),  # nothing comes after the last column
        ("={costs@3}", None),
        ("={costs}", None),  # a line of years in a single cell: which year?
        ("={rate@last}", None),  # a single cell has no columns
        ("=SUM({revenue:growth})", 0),  # of two sheets
        ("=SUM({revenue:wacc})", 0),  # a line and a single cell
    ],
)
def test_a_name_that_leads_nowhere_is_an_error_when_the_book_is_made(
    template: str, column: int | None
) -> None:
    with pytest.raises(KeyError):
        formula_at(template, PLACES, "Forecast", column)


@pytest.mark.parametrize("template", ["{rate}", "={rate", "={}"])
def test_what_is_no_formula_is_not_written(template: str) -> None:
    with pytest.raises(ValueError, match=r"formula|brace"):
        formula_at(template, PLACES, "Forecast", None)


def test_columns_are_counted_as_a_spreadsheet_does() -> None:
    named = [cell(0, column) for column in (0, 25, 26, 51, 52, 701, 702)]
    assert named == ["A1", "Z1", "AA1", "AZ1", "BA1", "ZZ1", "AAA1"]
