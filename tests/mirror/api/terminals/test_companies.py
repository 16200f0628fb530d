"""`valor companies`: files become companies, or a no that names the place and keeps nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.terminals.cli import main
from tests.own_companies import ACME, acme, with_year

FOLDER = Path(__file__).parents[4] / "examples" / "companies"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose database was migrated once."""
    home = tmp_path_factory.mktemp("home")
    assert CliRunner().invoke(main, ["migrate"], env={"VALOR_HOME": str(home)}).exit_code == 0
    return home


@pytest.fixture
def run(template: Path, tmp_path: Path) -> Run:
    """A command in a home of the test's own."""
    home = shutil.copytree(template, tmp_path / "home")

    def valor(*words: object) -> Result:
        clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
        given = ["companies", *map(str, words)]
        result = CliRunner().invoke(main, given, env={**clean, "VALOR_HOME": str(home)})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return valor


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(content: object, name: str = "given.json") -> Path:
        file = tmp_path / name
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    return written


def refused(run: Run, *files: Path) -> str:
    """The no of an import, after which nothing of it is there."""
    result = run("import", *files)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "OWN" not in run("list").stdout
    return result.stderr


def test_one_company_or_several_may_stand_in_a_file(run: Run, write: Any) -> None:
    assert run("import", write(ACME)).stdout.startswith("ACME\tAcme Corporation\tchanged")
    both = {"companies": [acme(), acme(ticker="B", name="Bee")]}
    assert "\tOWN\tfiscal 2022 to 2024\t18.00 USD on 2024-12-31" in run("list").stdout
    lines = run("import", write(both)).stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["ACME", "Acme Corporation"], ["B", "Bee"]]
    assert "as it was" in lines[0]


def test_a_company_of_one_year_is_listed_with_it(run: Run, write: Any) -> None:
    assert run("import", write(acme(years=ACME["years"][2:]))).exit_code == 0
    assert "\tOWN\tfiscal 2024\t" in run("list").stdout


def test_what_stands_before_a_shipped_company_says_so(run: Run, write: Any) -> None:
    said = run("import", write(acme(ticker="AAPL"))).stdout
    assert said.rstrip().endswith("stands before the shipped company of this ticker")
    assert "AAPL\tAcme Corporation\tOWN before SHIPPED" in run("list").stdout
    assert "Apple Inc." not in run("list").stdout


def test_a_statement_without_its_company_says_what_is_missing(run: Run) -> None:
    said = refused(run, FOLDER / "years.csv")
    for what in ("name of the company", "currency", "balance sheet", "price"):
        assert f"There is no {what} here yet." in said
    assert "years.csv, row 2" in said


def test_next_years_report_is_one_file(run: Run, write: Any) -> None:
    assert run("import", *sorted(FOLDER.glob("*.csv"))).exit_code == 0
    head, *_, last = (FOLDER / "years.csv").read_text().splitlines()
    later = write(f"{head}\n{last.replace('2024', '2025')}\n", "next.csv")
    assert "changed, revision 2" in run("import", later).stdout
    assert "fiscal 2022 to 2025" in run("list").stdout


def test_what_is_wrong_in_the_company_is_told_by_its_row(run: Run, write: Any) -> None:
    text = (FOLDER / "adjustments.csv").read_text().replace("pretaxIncome", "pretaxProfit")
    files = [file for file in sorted(FOLDER.glob("*.csv")) if file.name != "adjustments.csv"]
    said = refused(run, *files, write(text, "adjustments.csv"))
    assert "adjustments.csv, row 3, line" in said
    assert "There is no such line in a year." in said


def test_a_row_that_was_copied_is_told_by_its_number(run: Run, write: Any) -> None:
    text = (FOLDER / "adjustments.csv").read_text()
    copied = write(text + text.splitlines()[-1] + "\n", "adjustments.csv")
    files = [file for file in sorted(FOLDER.glob("*.csv")) if file.name != "adjustments.csv"]
    said = refused(run, *files, copied)
    assert f"adjustments.csv, row {len(text.splitlines()) + 1}\n" in said
    assert "The same adjustment is given twice." in said


def test_csv_and_json_can_be_brought_together(run: Run, write: Any) -> None:
    said = run("import", write(acme(ticker="J")), *sorted(FOLDER.glob("*.csv"))).stdout
    assert [line.split("\t")[0] for line in said.splitlines()] == ["J", "ACME"]
    assert "was given before" in run("import", *sorted(FOLDER.glob("*.csv")), write(ACME)).stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "JSON"),
        ("[1]", "must hold a JSON object"),
        ("{}", "This is no company"),
        ('{"companies": 5}', "This is no company"),
        ('{"companies": []}', "from 1 to 50"),
        ('{"companies": [{"ticker": 5}]}', "This is no company"),
        ('{"ticker": "A", "revenue": 5}', "revenue"),
        ('{"ticker": "A", "years": [{"fiscalYear": "2024"}]}', "fiscalYear"),
        ('{"ticker": "A", "years": [{"fiscalYear": 2024, "revenue": 1e400}]}', "given.json"),
        ('{"ticker": "A", "years": [{"fiscalYear": 2024, "revenue": NaN}]}', "given.json"),
        ('{"ticker": "A", "unit": "DOZENS"}', "DOZENS"),
        (b"\xff\xfe{", "given.json"),
        ('{"ticker": "A", "ticker": "B"}', "given.json"),
        ("{" * 100_000, "given.json"),
    ],
)
def test_a_file_of_something_else_gets_one_clear_answer(
    run: Run, write: Any, content: str | bytes, said: str
) -> None:
    assert said in refused(run, write(content))


def test_every_problem_of_a_document_is_told_with_its_place(run: Run, write: Any) -> None:
    document = with_year(2024, revenue=-1.0, capitalExpenditure=-2.0)
    document["prices"][0]["close"] = 0.0
    said = refused(run, write(document))
    for place in ("years[2].revenue", "years[2].capitalExpenditure", "prices[0].close"):
        assert f"given.json, {place}\n" in said


def test_a_binary_file_is_no_table(run: Run, write: Any) -> None:
    assert "not text in UTF-8" in refused(run, write(bytes(range(256)), "x.csv"))
    assert "bytes" in refused(run, write(b"a," * 5_000_000, "x.csv"))


def test_a_file_that_is_not_there_is_a_no_of_the_command_line(run: Run) -> None:
    result = run("import", "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv" in result.stderr
    assert run("import").exit_code == 2
