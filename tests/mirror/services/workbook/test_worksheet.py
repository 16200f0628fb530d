"""The quick worksheet writes what the library's own does."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from services.workbook.worksheet import QuickWorksheet

FORMULAS = (
    "=A1*(1+B2)",
    "=IF(SUM(A1:A3)>0,MAX(A1,B1)/ROUND(B2,2),0)",
    "=SWITCH(A1,1,2)+SUM(A1:A3)",
    "=SUM(A1:A3)+_xlfn.XLOOKUP(A1,A1:A3,B1:B3)",
    '=IF(A1="SORT(x)",XLOOKUP(A1,A1:A3,B1:B3),CONCAT(A1,B1))',
    "=ACOT(A1)",
    "=ACOT(A2)",
)


def file(kind: type[Worksheet]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001 - as the library takes it
    sheet = book.add_worksheet("One", kind)
    rule = {"type": "formula", "criteria": "=ACOT(A1)>0", "format": book.add_format()}
    for row, formula in enumerate(FORMULAS):
        sheet.write_formula(row, 3, formula, None, 1.0)
    sheet.conditional_format(0, 0, 3, 0, rule)
    sheet.data_validation(0, 0, 3, 0, {"validate": "custom", "value": "=A1>0"})
    book.close()
    return target.getvalue()


def test_the_file_is_the_same_to_the_byte_whatever_functions_are_called() -> None:
    assert file(QuickWorksheet) == file(Worksheet)


def test_a_formula_is_not_searched_again_for_functions_that_are_known() -> None:
    sheet, searched = QuickWorksheet(), []
    with pytest.MonkeyPatch.context() as patch:
        known = Worksheet._prepare_formula
        patch.setattr(
            Worksheet,
            "_prepare_formula",
            lambda self, *given: searched.append(given[0]) or known(self, *given),
        )
        for row in range(100):
            sheet.write_formula(row, 0, f"=IF(A{row + 1}>0,SUM(B1:B{row + 1}),0)")
    assert searched == ["IF(SUM("]
