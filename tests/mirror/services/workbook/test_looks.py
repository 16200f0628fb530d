"""How a cell looks to its reader."""

from __future__ import annotations

from datetime import date

import pytest

from services.labels import Form
from services.workbook.looks import amounts_of, shown
from services.workbook.sheet import Cell, Hand, Value


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
