"""How a cell looks to its reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.labels import Form
from services.workbook.looks import amounts_of, number_format, shown
from services.workbook.paper import arranged
from services.workbook.sheet import Cell, Hand, Sheet, Value


def cell(value: Value, form: Form) -> Cell:
    return Cell(0, 3, value, hand=Hand.INPUT, form=form)


@pytest.mark.parametrize(
    ("largest", "value", "read"),
    [
        (5.0, -5.0, "(5.00)"),
        (2e4, -1234.4, "(1,234)"),
        (3e9, 1.25e6, "1.2"),
        (3e9, -2.5e8, "(250.0)"),
        (2e13, 7.0e12, "7,000.0"),
        (4e16, -9.0e15, "(9,000.0)"),
    ],
)
def test_money_is_read_in_the_units_of_the_largest(largest: float, value: float, read: str) -> None:
    """In hundredths, whole units, millions, billions of more than ten trillions, and trillions."""
    amounts = amounts_of([cell(largest, Form.MONEY), cell(1.0, Form.PRICE)])
    assert shown(cell(value, Form.MONEY), amounts) == read


@pytest.mark.parametrize(
    ("value", "form", "read"),
    [
        (-0.0312, Form.RATE, "-3.12%"),
        (8.5, Form.MULTIPLE, "8.50x"),
        (129.777, Form.PRICE, "129.78"),
        (0.0004, Form.PRICE, "0.000400"),
        (2_500.0, Form.COUNT, "2,500"),
        (0.125, Form.COUNT, "0.1250"),
        (7.0, Form.COUNT, "7"),
        (date(2026, 3, 31), Form.CHOICE, "2026-03-31"),
        (True, Form.CHOICE, "TRUE"),
    ],
)
def test_what_is_no_money_is_read_as_what_it_is(value: Value, form: Form, read: str) -> None:
    assert shown(cell(value, form), amounts_of([])) == read


@pytest.mark.parametrize(
    ("exported", "form", "now", "read"),
    [
        (0.0, Form.COUNT, 1_239_767.15543, "1,239,767"),  # new shares, of none
        (0.0, Form.COUNT, -12.5, "-12.5"),
        (12.0, Form.COUNT, 0.25, "0.25"),
        (1_239_767.15543, Form.COUNT, -27_123.4, "-27,123"),
        (1_239_767.15543, Form.COUNT, 0.0, "0"),
        (8.9e-16, Form.COUNT, 8.9e-16, "0.0000"),  # rounding is no count
        (-4.44e-16, Form.PRICE, 4.44e-16, "0.00"),  # and no price
        (1e-9, Form.PRICE, 1e-9, "1.0E-09"),
    ],
)
def test_a_number_is_read_as_well_when_an_input_has_moved_it(
    exported: float, form: Form, now: float, read: str
) -> None:
    assert shown(replace(cell(now, form), like=exported), amounts_of([])) == read


def formats_of(sheet: Sheet) -> set[str | None]:
    return {number_format(one, amounts_of([])) for one in sheet.cells} - {None}


def test_a_difference_is_written_as_what_it_is_of_and_all_prices_of_a_line_as_the_largest() -> None:
    sheet = Sheet("Any", {}, [])
    sheet.compared("tiny", "Value per share", "of", 0.0004, 0.0004, Form.PRICE)
    assert formats_of(sheet) == {"0.000000"}
    sheet = Sheet("Any", {}, [])
    sheet.line("change", "Accretion", "=1", [-0.36, 0.003772, 0.30, ""], Form.PRICE)
    assert formats_of(sheet) == {"#,##0.00"}


def test_a_letter_of_chinese_is_as_wide_as_two() -> None:
    name = "中华人民共和国第一工业银行"
    sheet = Sheet("Any", {}, [])
    sheet.heading("Firms", [name])
    assert arranged(sheet, amounts_of([]), "").widths[3] > 2 * len(name)


def test_a_law_with_a_long_name_is_not_cut_and_a_page_does_not_end_within_a_remark() -> None:
    sheet = Sheet("Checks", {}, [])
    sheet.heading("What holds", opening="Holds")
    sheet.number("check", f"{'name ' * 30}is right", "=TRUE", value=True, form=Form.CHOICE)
    assert arranged(sheet, amounts_of([]), "").widths[0] > 140.0
    sheet = Sheet("Summary", {}, [])
    sheet.heading("Remarks")
    for _ in range(20):
        for number in range(7):
            sheet.words("" if number else "path", "", "words")
    breaks = arranged(sheet, amounts_of([]), "").breaks
    assert len(breaks) > 2
    assert {row % 7 for row in breaks} == {1}
