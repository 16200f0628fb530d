"""Files of statements become companies, and whatever is wrong in them is said by row and column."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Problem
from services.company_figures import Given
from services.company_lines import BALANCE_SHEETS, PEERS, PRICES, YEARS
from services.statements import STATEMENTS, Statements

FOLDER = Path(__file__).parents[3] / "examples" / "companies"
HEAD = "ticker,fiscal_year,unit,revenue,operating_income,source\n"


def read(*files: str | bytes, name: str = "f.csv") -> Statements:
    statements = Statements()
    for content in files:
        statements.read(name, content.encode() if isinstance(content, str) else content)
    return statements


def places(*files: str | bytes) -> list[str]:
    return [problem.path for problem in read(*files).problems]


def only(*files: str | bytes) -> Problem:
    (problem,) = read(*files).problems
    return problem


def test_rows_are_years_in_whole_units_each_by_its_own_unit() -> None:
    text = HEAD + "acme,2023,MILLIONS,950.5,190,p. 7\nACME,2024,thousands,1000000,,p. 8\n"
    statements = read(text)
    assert statements.problems == []
    assert statements.companies == [
        {
            "ticker": "ACME",
            "years": [
                {
                    "fiscalYear": 2023,
                    "source": "p. 7",
                    "revenue": 950_500_000.0,
                    "operatingIncome": 190_000_000.0,
                },
                {"fiscalYear": 2024, "source": "p. 8", "revenue": 1_000_000_000.0},
            ],
        }
    ]


@given(st.integers(1, 10**12))
def test_three_digits_of_millions_are_whole_thousands(thousands: int) -> None:
    told = f"{thousands // 1000}.{thousands % 1000:03}"
    (company,) = read(f"{HEAD}ACME,2024,MILLIONS,{told},,x\n").companies
    assert company["years"][0]["revenue"] == thousands * 1000


def test_names_of_columns_may_be_written_in_either_spelling() -> None:
    camel = HEAD.replace("fiscal_year", "fiscalYear").replace("operating_income", "operatingIncome")
    row = "ACME,2024,ONES,5,1,x\n"
    assert read(camel + row).companies == read(HEAD + row).companies


def test_the_example_files_make_one_whole_company() -> None:
    statements = Statements()
    for file in sorted(FOLDER.glob("*.csv")):
        statements.read(file.name, file.read_bytes())
    assert statements.problems == []
    (acme,) = statements.companies
    head = {"ticker", "name", "currency", "fiscalYearEnd", "source", "notes"}
    assert acme.keys() == head | {"years", "balanceSheets", "prices", "peers"}
    (year,) = (each for each in acme["years"] if each["fiscalYear"] == 2024)
    assert [each["line"] for each in year["adjustments"]] == [
        "operatingIncome",
        "pretaxIncome",
        "incomeTax",
    ]
    assert year["adjustments"][0]["amount"] == 28_800_000.0
    sheet = acme["balanceSheets"][-1]
    assert sheet["basicShares"] == 24_150_000.0
    assert [each["count"] for each in sheet["options"]] == [420_000.0, 260_000.0]
    problems: list[Problem] = []
    Given(acme, "", problems)
    assert problems == []


@pytest.mark.parametrize("first", [0, 1])
def test_options_have_a_source_of_their_own_and_the_sheet_keeps_its(first: int) -> None:
    old, new = (f"A,2024-12-31,ONES,1,{n},note 12,Plan of 202{n}.\n" for n in (1, 2))
    files = [
        "ticker,as_of,unit,debt_current,basic_shares,source\nA,2024-12-31,ONES,5,9,p. 1\n",
        "ticker,as_of,shares_unit,count,strike,source,note\n" + old + new,
    ]
    (company,) = read(files[first], files[1 - first]).companies
    figures = Given(company, "", []).figures
    options = figures["balanceSheets[2024-12-31].options"]
    assert (options["source"], options["note"]) == ("note 12", "Plan of 2021.; Plan of 2022.")
    debt = figures["balanceSheets[2024-12-31].debtCurrent"]
    assert (debt["source"], "note" in debt) == ("p. 1", False)


def test_the_order_of_files_does_not_matter() -> None:
    files = [file.read_bytes() for file in sorted(FOLDER.glob("*.csv"))]

    def kept(files: list[bytes]) -> Any:
        (acme,) = read(*files).companies
        return Given(acme, "", []).figures

    forth, back = kept(files), kept(files[::-1])
    # Lists are in the order of their rows, whichever file comes first.
    assert forth == back


def test_every_line_of_a_company_has_its_column() -> None:
    columns = {name: set(statement.columns) for name, statement in STATEMENTS.items()}
    assert columns["years"] >= set(YEARS.lines)
    assert columns["balance sheets"] >= set(BALANCE_SHEETS.lines)
    assert columns["prices"] >= set(PRICES.lines)
    assert columns["peers"] >= set(PEERS.lines)


def test_all_problems_are_told_at_once_by_row_and_column() -> None:
    text = (
        HEAD
        + "ACME,2024,MILLIONS,abc,10,x\n"
        + "AC ME,24,DOZENS,1,1,x\n"
        + ",2023,MILLIONS,-5,1,=cmd|' /C calc'!A0\n"
    )
    assert places(text) == [
        "f.csv, row 2, column revenue",
        "f.csv, row 3, column ticker",
        "f.csv, row 3, column fiscalYear",
        "f.csv, row 3, column unit",
        "f.csv, row 4, column ticker",
        "f.csv, row 4, column source",
        "f.csv, row 4, column revenue",
    ]


@pytest.mark.parametrize(
    "cell",
    [
        *("nan", "NaN", "inf", "-inf", "Infinity", "1_000", "(5)", "5%", "$5", "0x1F", "1e", "+"),
        *("--5", "1.234.567", "5 000", '"1,000"', "１２", "1e99999"),
        *("=1+1", "=A1", "=cmd|' /C calc'!A0"),
    ],
)
def test_what_is_no_plain_number_is_refused(cell: str) -> None:
    problem = only(f"{HEAD}ACME,2024,ONES,{cell},1,x\n")
    assert problem.path == "f.csv, row 2, column revenue"
    assert problem.code == "WRONG_TYPE"


def test_a_number_beyond_a_double_is_not_finite() -> None:
    problem = only(f"{HEAD}ACME,2024,ONES,1e400,1,x\n")
    assert (problem.path, problem.code) == ("f.csv, row 2, column revenue", "NOT_FINITE")


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-x", "@SUM(A1)", "＝1+1", "＠x", "a\x07b", "a\u202eb", "x" * 1_001]
)
def test_a_text_that_a_spreadsheet_would_run_or_nobody_can_see_is_refused(text: str) -> None:
    assert places(f"{HEAD}ACME,2024,ONES,5,1,{text}\n") == ["f.csv, row 2, column source"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no table"),
        (b"\n\n", "no table"),
        (HEAD.encode(), "no table"),
        (HEAD.encode("utf-16"), "not text in UTF-8"),
        (HEAD.encode() + "ACMÉ,2024,ONES,5,1,x\n".encode("latin-1"), "not text in UTF-8"),
        (HEAD.encode() + b"ACME\0,2024,ONES,5,1,x\n", "null characters"),
        (HEAD.encode() + b'ACME,2024,ONES,"5,1,x\n', "A quote is not closed"),
        (HEAD.encode() + b'ACME,2024,ONES,"5"6,1,x\n', "A quote is not closed"),
        (HEAD.encode() + b"ACME,2024,ONES,5,1,x" + b"y" * 10_000_000, "bytes"),
        (HEAD.encode() + b"ACME,2024,ONES,5,1," + b"y" * 100_000 + b"\n", "A line has"),
        (HEAD.encode() + b"A,2024,ONES,5,1,x\n" * 10_001, "rows, and"),
        (HEAD.replace(",", ";").encode() + b"ACME;2024;ONES;5;1;x\n", "semicolons between"),
        (HEAD.replace(",", "\t").encode() + b"ACME\t2024\tONES\t5\t1\tx\n", "tabs between"),
        (b"Ticker,Fiscal Year,unit,EBIT\nA,2024,ONES,1\n", "Unknown: Ticker, Fiscal Year, EBIT."),
        (b"a,b\n1,2\n", "no statement that is known"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_gets_one_clear_answer(content: bytes, said: str) -> None:
    problem = only(content)
    assert said in problem.message
    assert problem.path.startswith("f.csv")
    assert read(content).companies == []


def test_a_header_names_what_is_not_known_of_it() -> None:
    many = ",".join(["x", *(f"y{n}" for n in range(50)), "ticker", "a\x07"])
    problem = only(many + "\n" + "1," * 52 + "1\n")
    assert "Unknown: x, y0, y1, y2, y3, y4, y5, y6, y7, y8." in problem.message


def test_a_byte_order_mark_and_any_line_ends_are_nothing_to_mind() -> None:
    row = "ACME,2024,ONES,5,1,x\n"
    plain = read(HEAD + row).companies
    assert read(b"\xef\xbb\xbf" + (HEAD + row).encode()).companies == plain
    assert read((HEAD + row).replace("\n", "\r\n")).companies == plain
    assert read(HEAD + "\n" + row + ",,,,,\n\n").companies == plain


def test_a_quoted_text_may_hold_commas_quotes_and_lines_are_counted_as_an_editor_does() -> None:
    rows = 'ACME,2023,ONES,5,1,"A ""big"", old report"\nACME,2024,ONES,x,1,y\n'
    statements = read(HEAD + rows)
    assert [problem.path for problem in statements.problems] == ["f.csv, row 3, column revenue"]
    assert statements.companies[0]["years"][0]["source"] == 'A "big", old report'
    over = HEAD + 'ACME,2023,ONES,5,1,"two\nlines"\nACME,2024,ONES,x,1,y\n'
    assert places(over) == ["f.csv, row 2, column source", "f.csv, row 4, column revenue"]


def test_a_year_that_is_given_twice_is_a_contradiction() -> None:
    twice = HEAD + "ACME,2024,ONES,5,1,x\nB,2024,ONES,5,1,x\nacme,2024,ONES,6,1,x\n"
    problem = only(twice)
    assert (problem.path, problem.code) == ("f.csv, row 4", "CONTRADICTION")
    assert "f.csv, row 2" in problem.message


@pytest.mark.parametrize(
    ("header", "where"),
    [
        ("ticker,fiscal_year,unit,revenue,profit\n", "f.csv, row 1, column profit"),
        ("ticker,fiscal_year,unit,revenue,revenue\n", "f.csv, row 1, column revenue"),
        ("ticker,fiscal_year,revenue,source,note\n", "f.csv, row 1"),
        ("ticker,fiscal_year,unit,,revenue\n", "f.csv, row 1, column without a name"),
    ],
)
def test_a_header_that_is_not_understood_is_refused(header: str, where: str) -> None:
    assert places(header + "ACME,2024,ONES,5,1\n") == [where]


def test_a_table_may_begin_further_down_and_rows_are_still_counted() -> None:
    assert places(b"\n,,\n" + HEAD.encode() + b"ACME,2024,ONES,x,1,y\n") == [
        "f.csv, row 4, column revenue"
    ]
    assert places("\n\nA,B\n1,2\n") == ["f.csv, row 3"]


def test_the_row_that_is_not_in_utf_8_is_named() -> None:
    rows = "ACME,2023,ONES,5,1,p. 7\nACME,2024,ONES,5,1,Geschäftsbericht\n"
    assert places((HEAD + rows).encode("latin-1")) == ["f.csv, row 3"]


def test_a_line_that_is_adjusted_may_be_written_in_either_spelling() -> None:
    head = "ticker,fiscal_year,unit,line,amount,reason,source\n"
    rows = ["ACME,2024,ONES,operating_income,5,x,y\n", "ACME,2024,ONES,operatingIncome,5,x,y\n"]
    one, other = (read(head + row).companies for row in rows)
    assert one == other


def test_a_row_of_another_length_is_refused() -> None:
    problem = only(HEAD + "ACME,2024,ONES,1,000,5,x\n")
    assert (problem.path, problem.code) == ("f.csv, row 2", "WRONG_LENGTH")


def test_of_thousands_of_problems_enough_are_told() -> None:
    problems = read(HEAD + "ACME,2024,ONES,x,1,y\n" * 5_000).problems
    assert 200 <= len(problems) <= 210
    assert problems[-1].code == "TOO_LARGE"


def test_a_value_is_found_again_in_its_file() -> None:
    statements = read(HEAD + "B,2024,ONES,5,1,x\nACME,2023,ONES,5,1,x\nACME,2024,ONES,5,1,x\n")
    found = statements.place_of
    assert found("companies[1].years[1].revenue") == "f.csv, row 4, column revenue"
    assert found("companies[1].years[1].incomeTax") == "f.csv, row 4, incomeTax"
    assert found("companies[0].name") == "f.csv, row 2, name"
    assert found("elsewhere") == "elsewhere"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_file_whatever_ends_in_a_fault(content: bytes) -> None:
    statements = read(content)
    assert bool(statements.problems) != bool(statements.companies)


CELL = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)


@given(st.lists(st.lists(CELL, min_size=6, max_size=6), min_size=1, max_size=4))
def test_no_table_whatever_ends_in_a_fault(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([HEAD.strip().split(","), *rows])
    statements = read(text.getvalue())
    for company in statements.companies:
        Given(company, "", [])
