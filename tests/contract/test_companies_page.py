"""What the page about one's own companies shows can be done, and its numbers are the engine's."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.terminals.cli import main
from services.statements import STATEMENTS
from services.words import snake
from tests.pages import DOCS, EXAMPLES, ROOT, blocks, table, text_of

PAGE = DOCS / "companies.md"
FOLDER = EXAMPLES / "companies"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command of the page, in the folder of the project."""
    monkeypatch.chdir(ROOT)

    def valor(line: str) -> Result:
        clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
        words = shlex.split(line)[1:]
        return CliRunner().invoke(main, words, env={**clean, "VALOR_HOME": str(home)})

    return valor


def commands() -> list[str]:
    """Every command that stands on the page in a block of its own."""
    told = [block.replace("\\\n", " ") for block in blocks(PAGE, "") if block.startswith("valor ")]
    assert len(told) == 3
    return [re.sub(r"\s+", " ", command).strip() for command in told]


@pytest.fixture
def done(run: Run) -> Run:
    """The page's imports were made, by its own commands."""
    for command in commands()[:2]:
        assert run(command).exit_code == 0
    return run


def asked(run: Run, tmp_path: Path, query: str, **variables: Any) -> Any:
    (tmp_path / "q.graphql").write_text(query)
    (tmp_path / "v.json").write_text(json.dumps(variables))
    result = run(f"valor query {tmp_path / 'q.graphql'} --variables {tmp_path / 'v.json'}")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["data"]


def test_the_commands_import_what_they_say_and_again_nothing(run: Run) -> None:
    csv, hammer, _ = commands()
    first, second = run(csv), run(hammer)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.startswith("ACME\tAcme Tools AG\tchanged, revision 1, ")
    assert second.stdout.startswith("HAMR\tHammer Works AG\tchanged, revision 1, ")
    for command in (csv, hammer):
        assert "\tas it was, revision 1, " in run(command).stdout
    listed = run("valor companies list").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed][:3] == ["ACME", "HAMR", "AAPL"]


def test_the_rows_that_are_shown_are_the_examples() -> None:
    assert blocks(PAGE, "csv") == [text_of(FOLDER / "years.csv")]


def test_the_table_names_every_column_of_every_statement() -> None:
    head = "statement | columns that there have to be | columns that may be left out"
    told = {
        row[0]: tuple(re.findall(r"`(\w+)`", cell) for cell in row[1:]) for row in table(PAGE, head)
    }
    known = {
        name: (
            list(statement.needed),
            [each for each in statement.columns if each not in statement.needed],
        )
        for name, statement in STATEMENTS.items()
    }
    assert {name: (sorted(a), sorted(b)) for name, (a, b) in told.items()} == {
        name: (sorted(a), sorted(set(b))) for name, (a, b) in known.items()
    }


def test_the_examples_use_the_other_spelling_of_names() -> None:
    header = text_of(FOLDER / "years.csv").splitlines()[0].split(",")
    assert set(header) <= {snake(name) for name in STATEMENTS["years"].columns}


def test_a_refusal_is_quoted_as_it_is_given(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "years.csv"
    file.write_text(text_of(FOLDER / "years.csv").replace("961.4", '"961,4"'))
    result = run(f"valor companies import {file}")
    assert result.exit_code == 1
    (quoted,) = (block for block in blocks(PAGE, "") if block.startswith("Nothing"))
    assert result.stderr == quoted


def test_what_is_shown_can_be_asked(done: Run, tmp_path: Path) -> None:
    hammer = json.loads(text_of(FOLDER / "hammer.json"))
    bring, listed, kept, correct, history, bridge, euros, sourced = blocks(PAGE, "graphql")
    brought = asked(done, tmp_path, bring, **hammer)["importCompanies"]
    assert brought == {
        "changed": [],
        "companies": [{"ticker": "HAMR", "revision": 1, "origin": "OWN", "standsBefore": []}],
    }
    assert len(asked(done, tmp_path, listed)["companies"]) == 8
    figures = asked(done, tmp_path, kept)["company"]["figures"]
    assert {figure["author"] for figure in figures} == {"Demo Analyst"}
    told = {figure["path"] for figure in figures}
    for path in re.findall(
        r"`((?:years|balanceSheets|prices|peers)\[[^`]+\]\.\w+)`", text_of(PAGE)
    ):
        assert path in told, path
    years = asked(done, tmp_path, bridge)["company"]["years"]
    assert years[-1]["operatingIncome"] == 96_100_000.0
    assert years[-1]["adjusted"] == {"operatingIncome": 124_900_000.0}
    assert asked(done, tmp_path, correct)["correctFigure"] == {"revision": 2}
    newest, *_ = asked(done, tmp_path, history)["company"]["history"]
    assert (newest["verb"], newest["author"]["name"]) == ("CORRECT", "Demo Analyst")
    (change,) = newest["changes"]
    assert (change["old"]["value"], change["new"]["value"]) == (961.4e6, 962.1e6)
    in_euros = asked(done, tmp_path, euros)["company"]["dcfInputs"]["input"]
    assert in_euros["currency"] == "EUR"
    assert in_euros["capital"]["capm"]["riskFreeRate"] == 0.0236
    inputs = asked(done, tmp_path, sourced)["company"]["dcfInputs"]["input"]
    assert {each["path"] for each in inputs["assumptions"]} >= {"operations.ebitMargin"}


def test_the_converted_company_is_worth_what_the_page_says(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # In a home of its own: another test corrects the company.
    here = tmp_path_factory.mktemp("own")

    def valor(line: str) -> Result:
        return CliRunner().invoke(main, shlex.split(line)[1:], env={"VALOR_HOME": str(here)})

    csv, _, derive = commands()
    assert valor(csv).exit_code == 0
    answer = valor(derive)
    assert answer.exit_code == 0, answer.output
    derived = json.loads(answer.stdout)["data"]["company"]["dcfInputs"]["input"]
    (here / "acme.json").write_text(json.dumps(derived))
    value = json.loads(valor(f"valor value {here / 'acme.json'} --json").stdout)
    assert f"is {value['valuePerShare']:.2f} dollars a share" in text_of(PAGE)
    assert {each["author"] for each in value["assumptions"]} == {"Demo Analyst", "Valor IVX"}
    told = valor(f"valor value {here / 'acme.json'} --explain").stdout
    assert "6  Where the inputs come from" in told
    assert "Annual report 2024, note 7" in told
