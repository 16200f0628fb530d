"""What Excel asks of a file and LibreOffice does not: Excel is not among the programs of the tests,
and says of a file that it cannot read only that it was repaired."""

from __future__ import annotations

import io
import re
import zipfile
from functools import cache
from typing import Final

import pytest

from resolvers.schema import build_schema
from resolvers.shapes import shapes_of
from services.kinds import KINDS
from services.shapes import Group, canonical_steps, steps_of
from services.workbook.export import book_of, workbook_of
from tests.contract.test_workbooks import WITH_BOOKS, documents_of
from tests.workbooks import read, recorded

# Every function that a workbook uses is of Excel 2007: what came later needs a prefix in a file.
FUNCTIONS: Final = {
    "ABS", "AND", "AVERAGE", "COUNT", "DATE", "EDATE", "EXP", "IF", "ISNUMBER", "LN", "MAX",
    "MEDIAN", "MIN", "NOT", "OR", "QUARTILE", "ROUND", "SQRT", "SUM", "SUMIF", "SUMPRODUCT",
}  # fmt: skip
LONGEST_FORMULA, MOST_ARGUMENTS, DEEPEST = 8_192, 255, 64
LONGEST_SHEET, LONGEST_NAME, LONGEST_TEXT = 31, 255, 32_767
_NUMBER: Final = re.compile(r"[0-9]+")
_TEXT: Final = re.compile(r'"[^"]*"')
_QUOTED: Final = re.compile(r"'[^']*'!")
_NAME: Final = re.compile(r"(?:_xlnm\.)?[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS: Final = re.compile(r"[A-Za-z]{1,3}[0-9]+|[Rr][0-9]*[Cc][0-9]*")

BOOKS: Final = [kind.name for kind in WITH_BOOKS]


@cache
def books(kind: str) -> list[tuple[str, bytes]]:
    found = documents_of(KINDS[kind])
    return [(name, workbook_of(recorded(KINDS[kind], document))) for name, document in found]


def depth_and_arguments(formula: str) -> tuple[int, int]:
    """How deep brackets go, and the most commas between two of one level."""
    deepest, most, open_ = 0, 1, [1]
    for sign in formula:
        if sign == "(":
            open_.append(1)
        elif sign == ")":
            most = max(most, open_.pop())
        elif sign == ",":
            open_[-1] += 1
        deepest = max(deepest, len(open_) - 1)
    return deepest, most


@pytest.mark.parametrize("kind", BOOKS)
def test_every_formula_is_one_that_excel_reads(kind: str) -> None:
    for name, content in books(kind):
        for sheet, formulas in read(content).formulas.items():
            assert max(map(len, formulas.values()), default=0) <= LONGEST_FORMULA
            # Of those that differ in their rows only, one.
            for formula in {_NUMBER.sub("0", each) for each in formulas.values()}:
                where = f"{name}, {sheet}: {formula}"
                bare = _QUOTED.sub("", _TEXT.sub("", formula))
                assert set(re.findall(r"([A-Za-z_.][A-Za-z0-9_.]*)\(", bare)) <= FUNCTIONS, where
                deepest, most = depth_and_arguments(bare)
                assert deepest <= DEEPEST, where
                assert most <= MOST_ARGUMENTS, where
                assert not re.search(r"[{};\[\]]|#", bare), where  # arrays, tables, errors


@pytest.mark.parametrize("kind", BOOKS)
def test_no_line_has_the_name_of_an_input_also_where_the_document_leaves_that_out(
    kind: str,
) -> None:
    """Lines and inputs have one space of names: such a line would be read in the input's place."""
    shape = shapes_of(build_schema())[kind]
    for _, document in documents_of(KINDS[kind]):
        places = book_of(recorded(KINDS[kind], document)).places
        lines = [key for key, place in places.items() if place.sheet != "Inputs"]
        taken = [key for key in lines if _is_input(shape, key)]
        assert not taken


def _is_input(shape: Group, key: str) -> bool:
    steps = steps_of(key)
    return steps is not None and canonical_steps(shape, steps) is not None


@pytest.mark.parametrize("kind", BOOKS)
def test_sheets_and_names_are_called_as_excel_allows(kind: str) -> None:
    for _, content in books(kind):
        book = read(content)
        assert len({sheet.casefold() for sheet in book.cells}) == len(book.cells)
        for sheet in book.cells:
            assert 1 <= len(sheet) <= LONGEST_SHEET
            assert not set(sheet) & set("[]:*?/\\'")
        for name, area in book.names.items():
            assert _NAME.fullmatch(name), name
            assert not _ADDRESS.fullmatch(name), name
            assert len(name) <= LONGEST_NAME
            assert "#REF!" not in area


@pytest.mark.parametrize("kind", BOOKS)
def test_every_cell_shows_a_number_before_anything_is_computed_and_all_is_computed_at_once(
    kind: str,
) -> None:
    for name, content in books(kind):
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            book = parts.read("xl/workbook.xml").decode()
            assert 'fullCalcOnLoad="1"' in book
            sheets = [part for part in parts.namelist() if part.startswith("xl/worksheets/sheet")]
            for sheet in sheets:
                xml = parts.read(sheet).decode()
                without = re.findall(r'<c r="([A-Z]+[0-9]+)"[^>]*><f>[^<]*</f>(?!<v>)', xml)
                assert not without, f"{name}: {without}"
            texts = parts.read("xl/sharedStrings.xml").decode()
            assert max(map(len, re.findall(r"<t[^>]*>([^<]*)", texts))) <= LONGEST_TEXT


@pytest.mark.parametrize("kind", BOOKS)
def test_what_a_line_takes_off_is_below_zero(kind: str) -> None:
    for name, content in books(kind):
        for sheet, cells in read(content).cells.items():
            off = {
                address[1:]: label
                for address, label in cells.items()
                if address[0] == "A" and re.match("Less (?!.*(tax|increase|net debt))", str(label))
            }
            for address, value in cells.items():
                row = address.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
                if row in off and isinstance(value, float):
                    assert value <= 0.0, f"{name}, {sheet}!{address}, {off[row]}"


@pytest.mark.parametrize("kind", BOOKS)
def test_every_sheet_is_ready_for_paper(kind: str) -> None:
    """Lying, as wide as a page or a few, with whose it is and the page below."""
    for _, content in books(kind)[:1]:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            for part in parts.namelist():
                if not part.startswith("xl/worksheets/sheet"):
                    continue
                xml = parts.read(part).decode()
                assert 'orientation="landscape"' in xml
                assert "fitToHeight" in xml
                (footer,) = re.findall(r"<oddFooter>([^<]*)", xml)
                assert f"{kind} 000000000000, engine " in footer
                assert "Page &amp;P of &amp;N" in footer
            assert "_xlnm.Print_Titles" in (titles := parts.read("xl/workbook.xml").decode())
            for sheet in {"Exits": "LBO", "Returns": "LBO", "Sensitivity": "DCF"}:
                beside = f">{sheet}!$A:$C"  # the multiples and rates that a row is of, too
                assert beside in titles or sheet not in read(content).cells
