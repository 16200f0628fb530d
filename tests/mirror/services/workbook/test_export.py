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
