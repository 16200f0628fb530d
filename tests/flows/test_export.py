"""A valuation as a workbook: over the API, and in a terminal."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from api.terminals.cli import main
from services.principal import Role
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.served import Caller, Served, served
from tests.workbooks import Found, Read, read

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
EXPORT: Final = """query ($id: ID!) { exportWorkbook(valuationId: $id) {
  __typename ... on Refusal { code message }
  ... on Workbook { fileName mediaType size sha256 content } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def viewer(server: Served) -> Iterator[Caller]:
    with server.caller(Role.VIEWER) as caller:
        yield caller


def valued(server: Served, kind: str, document: dict[str, Any]) -> str:
    asked = (
        f"mutation ($input: {kind}Input!) {{ value{kind}(input: $input) {{ "
        "... on Valuation { id } } }"
    )
    with server.caller(Role.ANALYST) as analyst:
        found: str = analyst.data(asked, {"input": document})[f"value{kind}"]["id"]
    return found


def test_a_viewer_gets_the_file_of_a_valuation_and_its_numbers_are_in_it(
    server: Served, viewer: Caller
) -> None:
    valuation = valued(server, "Dcf", firm())
    found = viewer.data(EXPORT, {"id": valuation})["exportWorkbook"]
    content = b64decode(found["content"])
    assert found["size"] == len(content)
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["mediaType"].endswith("spreadsheetml.sheet")
    assert found["fileName"].startswith("dcf-")
    assert found["fileName"].endswith(".xlsx")
    book = read(content)
    assert book.number("out_value_per_share") == pytest.approx(11.0)
    assert book.of("in_operations_ebitMargin") == [0.2, 0.2, 0.2]
    assert viewer.data(EXPORT, {"id": valuation})["exportWorkbook"] == found


def test_what_a_peer_is_called_is_text_and_no_formula(server: Served, viewer: Caller) -> None:
    document = compared()
    document["peers"][0]["name"] = '=HYPERLINK("http://example.org";"Click")'
    valuation = valued(server, "Comparables", document)
    book = read(b64decode(viewer.data(EXPORT, {"id": valuation})["exportWorkbook"]["content"]))
    words = [text for cells in book.cells.values() for text in cells.values()]
    assert document["peers"][0]["name"] in words
    formulas = [text for cells in book.formulas.values() for text in cells.values()]
    assert formulas
    assert not [text for text in formulas if "HYPERLINK" in text]


def test_a_source_that_was_given_stands_beside_its_input(server: Served, viewer: Caller) -> None:
    said = [
        {"path": "bridge", "source": "Annual report, p. 61", "author": "B. Miller"},
        {"path": "operations.ebitMargin.level", "source": "10-K, p. 31"},
    ]
    valuation = valued(server, "Dcf", firm(assumptions=said))
    book = read(b64decode(viewer.data(EXPORT, {"id": valuation})["exportWorkbook"]["content"]))
    assert source_in(book, "bridge_debt") == "Annual report, p. 61; B. Miller"
    assert source_in(book, "bridge_leases") == "Annual report, p. 61; B. Miller"
    assert source_in(book, "operations_ebitMargin") == "level: 10-K, p. 31"
    assert source_in(book, "operations_revenue") == "as given"


def test_an_input_that_was_left_out_says_that_it_has_its_default(
    server: Served, viewer: Caller
) -> None:
    valuation = valued(server, "Dcf", firm())
    book = read(b64decode(viewer.data(EXPORT, {"id": valuation})["exportWorkbook"]["content"]))
    assert source_in(book, "bridge_debt") == "as given"
    assert source_in(book, "bridge_leases") == "default"


def source_in(book: Read, name: str) -> Found:
    sheet, address = book.names[f"in_{name}"].replace("$", "").split(":")[0].split("!")
    return book.cells[sheet][f"D{address[1:]}"]


def test_a_valuation_that_is_not_there_and_a_kind_without_a_workbook_are_refused(
    server: Served, viewer: Caller
) -> None:
    unknown, nothing = (
        viewer.data(EXPORT, {"id": id_})["exportWorkbook"] for id_ in ("RGNmVmFsdWF0aW9uOjAw", "x")
    )
    assert unknown["code"] == "NOT_FOUND"
    assert nothing == unknown
    credit = valued(server, "Credit", indebted())
    refused = viewer.data(EXPORT, {"id": credit})["exportWorkbook"]
    assert (refused["code"], "no workbook" in refused["message"]) == ("UNSUPPORTED", True)


def exported(*arguments: str, home: Path) -> Any:
    return CliRunner().invoke(main, ["export", "--xlsx", *arguments], env={"VALOR_HOME": str(home)})


def test_the_command_writes_a_file_and_writes_over_no_other(tmp_path: Path) -> None:
    target = tmp_path / "apple.xlsx"
    inputs = str(EXAMPLES / "apple.json")
    done = exported(inputs, "--to", str(target), home=tmp_path)
    assert done.exit_code == 0, done.output
    assert done.output == f"Wrote {target}.\n"
    assert read(target.read_bytes()).number("out_value_per_share") == pytest.approx(129.7786278)
    assert exported(inputs, "--to", str(target), home=tmp_path).exit_code == 0  # the same bytes
    target.write_bytes(b"what somebody worked on")
    refused = exported(inputs, "--to", str(target), home=tmp_path)
    assert refused.exit_code == 1
    assert "--to" in refused.output
    assert target.read_bytes() == b"what somebody worked on"
    assert sorted(each.name for each in tmp_path.glob("*.xlsx*")) == ["apple.xlsx"]


def test_the_command_says_what_is_wrong_with_its_source(tmp_path: Path) -> None:
    nothing = exported(str(tmp_path / "apple.json"), home=tmp_path)
    assert nothing.exit_code == 1
    assert f"no file {tmp_path / 'apple.json'}" in nothing.output
    wrong = tmp_path / "wrong.json"
    wrong.write_text((EXAMPLES / "apple.json").read_text().replace('"years": 10', '"years": 0'))
    refused = exported(str(wrong), home=tmp_path)
    assert refused.exit_code == 1
    assert "timing.years" in refused.output
