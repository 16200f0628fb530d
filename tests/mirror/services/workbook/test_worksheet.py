"""The quick worksheet writes what the library's own does."""

from __future__ import annotations

import io
from datetime import datetime

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from services.workbook.worksheet import QuickWorksheet

FORMULAS = (
    "=A1*(1+B2)",
    "=IF(SUM(A1:A3)>0,MAX(A1,B1)/ROUND(B2,2),0)",
    '=IF(A1="x(y)",INDEX(A1:A3,2),SUMIF(A1:A3,">0"))',
)


def file(kind: type[Worksheet]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001 - as the library takes it
    sheet = book.add_worksheet("One", kind)
    rule = {"type": "formula", "criteria": "=ABS(A1)>0", "format": book.add_format()}
    for row, formula in enumerate(FORMULAS):
        sheet.write_formula(row, 3, formula, None, 1.0)
    sheet.conditional_format(0, 0, 3, 0, rule)
    sheet.data_validation(0, 0, 3, 0, {"validate": "custom", "value": "=A1>0"})
    book.close()
    return target.getvalue()


def test_the_file_is_the_same_to_the_byte_where_it_calls_what_excel_2007_has() -> None:
    assert file(QuickWorksheet) == file(Worksheet)
