"""What Excel asks of a file and LibreOffice does not: Excel is not among the programs of the tests,
and says of a file that it cannot read only that it was repaired."""

from __future__ import annotations

import io
import re
import zipfile
from functools import cache
from itertools import pairwise
from string import ascii_uppercase
from typing import Final

import pytest

from resolvers.schema import build_schema
from resolvers.shapes import shapes_of
from services.kinds import KINDS
from services.shapes import Group, canonical_steps, steps_of
from services.workbook.export import book_of, workbook_of
from tests.contract.test_workbooks import WITH_BOOKS, documents_of
from tests.example_inputs import example_inputs
from tests.workbook_looks import looked_at
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
                row = address.lstrip(ascii_uppercase)
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
                assert 'fitToPage="1"' in xml
                (footer,) = re.findall(r"<oddFooter>([^<]*)", xml)
                assert f"{kind} 000000000000, engine " in footer
                assert "Page &amp;P of &amp;N" in footer
            assert "_xlnm.Print_Titles" in (titles := parts.read("xl/workbook.xml").decode())
            for sheet in {"Exits": "LBO", "Returns": "LBO", "Sensitivity": "DCF"}:
                beside = f">{sheet}!$A:$C"  # the multiples and rates that a row is of, too
                assert beside in titles or sheet not in read(content).cells
            if kind == "MERGER":  # its second page has the years, too
                assert ">Breakeven!$A:$A,Breakeven!$1:$2<" in titles


def test_exits_have_the_holders_that_there_are_and_what_a_multiple_of_money_is_made_of() -> None:
    tables = []
    for name, content in books("LBO"):
        book = read(content)
        cells, formulas = book.cells["Exits"], book.formulas["Exits"]
        rows = {at[1:]: str(said) for at, said in cells.items() if at[0] == "A"}
        tables.append(set(rows.values()) & {"Of it the option pool's", "Of it rollover's"})
        for row, label in rows.items():
            years = [value for at, value in cells.items() if at[0] > "C" and at[1:] == row]
            assert label == "-2 steps" or any(years) or not years, f"{name}: {label} in row {row}"
        top = int(next(row for row, label in rows.items() if label.endswith(" MOIC")))
        beside = [rows[str(row)] for row in range(top + 6, top + 8) if str(row) in rows]
        recapitalised = "recapitalisation" in dict(documents_of(KINDS["LBO"]))[name]
        expected = ["Sponsor's equity at closing", "Sponsor's dividend until then"]
        assert beside == expected[: 1 + recapitalised], name
        assert not any("!" in formulas[f"D{row}"] for row in range(top + 1, top + 6)), name
    assert set() in tables
    assert {"Of it the option pool's", "Of it rollover's"} in tables


def test_a_sensitivity_does_not_call_what_is_live_what_was_valued() -> None:
    for name, content in books("DCF"):
        book = read(content)
        cells, formulas = book.cells["Sensitivity"], book.formulas.get("Sensitivity", {})
        if not formulas:
            continue
        (at,) = [at for at, said in cells.items() if said == "Value per share when exported"]
        assert f"C{at[1:]}" not in formulas, name
        exported = pytest.approx(book.number("out_value_per_share"))
        assert cells[f"C{at[1:]}"] == exported, name
        assert (cells["A5"], cells["F1"], "F5" in formulas) == ("Base case", "Base case", True)
        assert "As valued" not in cells.values(), name


def large_and_small() -> list[tuple[str, bytes]]:
    """A firm of 5e13 with 2e13 shares, one of 5e16, one whose share is worth next to nothing."""
    found = []
    for revenue, shares in ((5e13, 2e13), (5e16, 1e9), (1e4, 2e8)):
        _, document = example_inputs()["apple.json"]
        document["operations"] = document["operations"] | {"revenue": revenue}
        document |= {"bridge": {"debt": revenue / 4.0, "cash": revenue / 9.0}}
        document |= {"shares": {"diluted": shares}, "marketPrice": 2.0 * revenue / shares}
        found.append((f"{revenue:g}", workbook_of(recorded(KINDS["DCF"], document))))
    return found


@pytest.mark.parametrize("kind", [*BOOKS, "large and small"])
def test_nothing_that_a_cell_says_is_cut_off(kind: str) -> None:
    """Numbers that are wider than their column are printed as ###, words end where the next cell
    says something, and a heading where its sheet does."""
    for name, content in books(kind) if kind in BOOKS else large_and_small():
        for sheet, cells in looked_at(content).items():
            said = {(one.row, one.column) for one in cells if one.value != ""}
            last = max(one.column for one in cells)
            widths = {one.column: one.width for one in cells}
            for one in cells:
                at, printed = f"{name}, {sheet}!{one.row}:{one.column}", one.printed
                if not isinstance(one.value, str):
                    assert len(printed) + 1 <= one.width, f"{at}: {printed}"
                elif printed and not one.wrapped:
                    ends = last + 1 if one.shaded else None
                    after = (each for row, each in said if row == one.row and each > one.column)
                    until = min(after, default=ends)
                    if until is not None and not one.right:
                        room = sum(widths.get(each, 0.0) for each in range(one.column, until))
                        assert 0.9 * len(printed) <= room, f"{at}: {printed}"
                if one.grey and one.right and isinstance(one.value, str):
                    assert one.value == "none", at  # in the place of a number
                if "FY20" in printed or "12m to" in printed:
                    assert max(map(len, printed.split("\n"))) + 1 <= one.width, at


def test_a_price_of_next_to_nothing_and_an_amount_of_trillions_can_be_read() -> None:
    _, (_, vast), (_, small) = large_and_small()
    prices = {one.printed for one in looked_at(small)["Equity"] if isinstance(one.value, float)}
    assert any(re.fullmatch(r"0\.000\d{3}", price) for price in prices), prices
    assert read(vast).cells["DCF"]["A1"] == "DCF (in USD trillions)"


def test_ten_years_are_one_page_across_and_a_page_begins_with_a_heading() -> None:
    (content,) = (content for name, content in books("DCF") if name == "apple")
    for part, xml in _sheets_of(content):
        assert not re.search(r'fitToWidth="(?!1")', xml), part
    for name, content in books("LBO"):
        looks = looked_at(content)
        for (_, xml), (sheet, cells) in zip(_sheets_of(content), looks.items(), strict=True):
            headings = {one.row: one.printed for one in cells if one.shaded and not one.column}
            begins = [int(row) for row in re.findall(r'<brk id="(\d+)"', xml)]
            ends = [*begins, max(one.row for one in cells)]
            assert all(end - begin <= 50 for begin, end in pairwise([0, *ends])), f"{name}, {sheet}"
            for row in begins:
                lonely = headings.keys() & {
                    row - 1,
                    row,
                }  # rows count from 1: the last ones of a page
                assert not lonely, f"{name}, {sheet}!{row}"
                within = headings[max(each for each in headings if each <= row + 1)]
                assert row + 1 in headings or not within.startswith("Round"), f"{name}, {within}"


def _sheets_of(content: bytes) -> list[tuple[str, str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        found = [part for part in parts.namelist() if part.startswith("xl/worksheets/sheet")]
        return [(part, parts.read(part).decode()) for part in found]
