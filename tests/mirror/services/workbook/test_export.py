"""What a workbook says of the valuation that it came from, and when there is none."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace

import pytest

from engine.provenance import ENGINE_VERSION
from services.errors import Unsupported
from services.kinds import DCF
from services.workbook.export import workbook_of
from services.workbook.inputs import leaves, name_of
from tests.dcf_documents import but, firm
from tests.example_inputs import example_inputs
from tests.workbooks import Found, Read, read, recorded


def row_of(book: Read, words: str) -> dict[str, Found]:
    """The cells of a row of the summary, by their columns."""
    cells = book.cells["Summary"]
    row = next(at[1:] for at, said in cells.items() if said == words and at.startswith("A"))
    return {at[0]: said for at, said in cells.items() if at[1:] == row}


def test_what_another_engine_found_stands_beside_what_the_formulas_come_to() -> None:
    valuation = recorded(DCF, firm())
    older = replace(
        valuation,
        engine_version="0.9.0",
        result=valuation.result | {"valuePerShare": 10.0},
    )
    book = read(workbook_of(older))
    assert row_of(book, "Valued by engine")["C"] == "0.9.0"
    assert row_of(book, "Formulas of engine")["C"] == ENGINE_VERSION
    found = row_of(book, "Value per share")
    assert (found["C"], found["D"]) == (pytest.approx(11.0), 10.0)
    assert found["E"] == pytest.approx(1.0)
    assert found["C"] == book.number("out_value_per_share")


def test_what_this_engine_refuses_has_no_formulas() -> None:
    refused = but(firm(), "terminal.gordon.growth", 0.2)
    valuation = replace(recorded(DCF, firm()), inputs=refused, engine_version="0.9.0")
    with pytest.raises(Unsupported, match=r"valued by engine 0\.9\.0.*refuses the inputs"):
        workbook_of(valuation)


def test_a_book_that_would_keep_the_server_busy_is_not_written() -> None:
    """Twenty segments over a hundred years are valued in no time, and are forty thousand cells."""
    document = {name: value for name, value in firm().items() if name != "operations"}
    document["timing"] = document["timing"] | {"years": 100}
    document["segments"] = [
        {"name": f"Part {number}", "operations": firm()["operations"]} for number in range(20)
    ]
    with pytest.raises(Unsupported, match="more than 30,000 cells"):
        workbook_of(recorded(DCF, document))


WITH_BOOKS = [name for name, (kind, _) in example_inputs().items() if kind.workbook is not None]


@pytest.mark.parametrize("name", WITH_BOOKS)
def test_every_input_has_the_limits_of_the_door_and_is_within_them(name: str) -> None:
    kind, document = example_inputs()[name]
    valuation = recorded(kind, document)
    content = workbook_of(valuation)
    book = read(content)
    bounded = {said for at, said in book.cells["Bounds"].items() if at.startswith("B")}
    live = [leaf for leaf in leaves(valuation.admitted) if leaf.live]
    assert {leaf.path for leaf in live} == bounded - {"Path"}
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        inputs = parts.read("xl/worksheets/sheet2.xml").decode()
    validated = set(re.findall(r'<dataValidation [^>]*sqref="([A-Z]+\d+)', inputs))
    for leaf in live:
        assert book.names[name_of(leaf.path)].replace("$", "").split("!")[1].split(":")[0] in (
            validated
        )


def test_a_name_like_a_formula_is_marked_as_text() -> None:
    """Otherwise it is one as soon as somebody edits its cell."""
    kind, document = example_inputs()["lbo_recapitalisation.json"]
    loan = document["tranches"][1] | {"name": "=HYPERLINK(A1)"}
    named = {**document, "tranches": [document["tranches"][0], loan, *document["tranches"][2:]]}
    content = workbook_of(recorded(kind, named))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        styles = parts.read("xl/styles.xml").decode()
        inputs = parts.read("xl/worksheets/sheet2.xml").decode()
    looks = re.findall(r"<xf [^>]*>", styles.partition("<cellXfs")[2])
    at = {said: at for at, said in read(content).cells["Inputs"].items()}

    def look_of(words: Found) -> str:
        (number,) = re.findall(rf'<c r="{at[words]}" s="(\d+)"', inputs)
        look: str = looks[int(number)]
        return look

    assert 'quotePrefix="1"' in look_of("=HYPERLINK(A1)")
    assert "quotePrefix" not in look_of(document["tranches"][0]["name"])


def test_what_is_per_share_is_not_in_millions_and_a_bound_that_nobody_meets_is_none() -> None:
    kind, document = example_inputs()["apple.json"]
    content = workbook_of(recorded(kind, document))
    book = read(content)
    assert book.cells["DCF"]["A1"] == "DCF (in USD millions)"
    title = "Claims before the shareholders' (in USD millions; per share in USD)"
    assert book.cells["Equity"]["A1"] == title
    inputs_of = book.cells["Inputs"]
    row = next(at[1:] for at, said in inputs_of.items() if said == "bridge.debt")
    assert inputs_of[f"C{row}"] == "USD millions"  # what one sees, and above it what to type
    assert inputs_of["E1"] == "Value, typed in whole units"
    bounds = book.cells["Bounds"]
    row = next(at[1:] for at, said in bounds.items() if said == "bridge.debt")
    assert [bounds[f"{column}{row}"] for column in "CDE"] == [True, 0.0, "none"]
    assert "1E+18" in book.formulas["Bounds"][f"C{row}"]  # it is what the service asks all the same
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        inputs = parts.read("xl/worksheets/sheet2.xml").decode()
    assert "Give a number of at least 0." in inputs
    assert "Type whole units; the cell shows millions." in inputs
    assert "e+" not in "".join(re.findall(r'error="([^"]*)"', inputs))


@pytest.mark.parametrize(
    ("name", "sheet", "column", "summands", "total"),
    [
        ("apple.json", "Equity", "C",
         ["Enterprise value", "Less net debt and other claims"], "Equity to share"),
        ("dcf_stub_and_losses.json", "Equity", "C",
         ["Enterprise value", "Less net debt and other claims",
          "Tax saved by losses carried forward"], "Equity to share"),
        ("lbo_recapitalisation.json", "Returns", "F",
         ["Of it the option pool's", "Of it rollover's", "Of it the sponsor's"],
         "Equity: not below zero"),
        ("merger_mixed.json", "Offer", "C",
         ["Target's debt, with convertibles that stay debt", "Less target's cash"],
         "Target's net debt"),
    ],
)  # fmt: skip
def test_lines_one_below_the_other_come_to_their_total(
    name: str, sheet: str, column: str, summands: list[str], total: str
) -> None:
    kind, document = example_inputs()[name]
    cells = read(workbook_of(recorded(kind, document))).cells[sheet]
    rows = {said: int(at[1:]) for at, said in cells.items() if at.startswith("A")}
    at = [rows[words] for words in summands]
    assert at == list(range(at[0], at[0] + len(at)))
    assert rows[total] in (at[0] - 1, at[-1] + 1)
    values = [cells[f"{column}{row}"] for row in (*at, rows[total])]
    *parts, whole = [value for value in values if isinstance(value, float)]
    assert len(parts) == len(summands)
    assert sum(parts) == pytest.approx(whole)


def test_a_multiple_of_one_kind_of_peers_and_a_year_that_is_a_stub_are_called_so() -> None:
    kind, document = example_inputs()["comparables_transactions.json"]
    cells = read(workbook_of(recorded(kind, document))).cells
    titles = [str(cells["Implied values"][f"{column}12"]) for column in "DEF"]
    assert len(set(titles)) == 3
    assert (titles[0], titles[2]) == ("EV/EBITDA LTM\ntransaction", "EV/EBITDA LTM\ntrading")
    assert "Value, by the median of EV/EBITDA LTM, transaction" in cells["Comparables"].values()
    kind, document = example_inputs()["merger_stub.json"]
    found = read(workbook_of(recorded(kind, document)))
    assert "C" in row_of(found, "GAAP earnings per share, year 1, a stub")
    assert "Year 1, a stub" in found.cells["Earnings"].values()
    assert "Net income of year 1, a stub" in found.cells["Grid"].values()


def test_a_table_says_what_its_rows_are_and_where_the_service_would_say_no() -> None:
    kind, document = example_inputs()["lbo_covenants_and_stub.json"]
    words = set(read(workbook_of(recorded(kind, document))).cells["Exits"].values())
    assert {"Sponsor's IRR, per annum", "+1 step", "+2 steps"} <= words
    assert "Year 1 is a stub: it ends 0.25 years after the closing." in words
    assert "A sale before the recapitalisation is without it." not in words
    kind, document = example_inputs()["lbo_recapitalisation.json"]
    words = set(read(workbook_of(recorded(kind, document))).cells["Exits"].values())
    assert "A sale before the recapitalisation is without it." in words
    kind, document = example_inputs()["apple.json"]
    words = set(read(workbook_of(recorded(kind, document))).cells["Sensitivity"].values())
    assert {"+1 step of the WACC", "-2 steps of the WACC"} <= words
