"""A credit valuation, as a terminal tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.terminals.cli import main
from api.terminals.credit import credit
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.mirror.api.terminals.valued import valued, words
from tests.pages import DOCS, ROOT, text_of


def said(tmp_path: Path, document: Any, *options: str) -> tuple[int, list[str]]:
    """How `valor value` of a document ends, and its lines."""
    result = valued(tmp_path, document, *options)
    return result.exit_code, words(result.output)


def told(tmp_path: Path, *options: str, **changes: Any) -> list[str]:
    code, lines = said(tmp_path, indebted(**changes), *options)
    assert code == 0, lines
    return lines


def test_the_rows_lead_from_the_shares_to_the_spread(tmp_path: Path) -> None:
    assert told(tmp_path)[:9] == [
        "Equity value 3.0 USD",
        "plus debt, at its value today 9.4 USD",
        "Assets 12.4 USD",
        "Volatility of the shares 80.00% a year",
        "Volatility of the assets 21.23% a year",
        "",
        "Distance to default 1.14 standard deviations",
        "Probability of default 12.70% within 1 year",
        "Spread 123.7 basis points a year",
    ]


def test_explained_it_is_said_what_is_lost(tmp_path: Path) -> None:
    lines = told(tmp_path, "--explain", horizon=20.0)
    assert "Face value, due in 20 years 10.0 USD" in lines
    assert any(line.startswith("Distance to default −") for line in lines)
    assert any(line.startswith("Recovery ") for line in lines)
    assert "A reviewer would note:" in lines


def test_the_equity_value_is_taken_from_a_firms_file_or_from_a_valuations_id(
    tmp_path: Path,
) -> None:
    document = indebted(debt=500.0)
    del document["equityValue"]
    code, lines = said(tmp_path, document)
    assert code == 1
    assert lines[-1] == "In a terminal, equityOf is --equity-of SOURCE."
    dcf = tmp_path / "firm.json"
    dcf.write_text(json.dumps(firm()), encoding="utf-8")
    code, lines = said(tmp_path, document, "--equity-of", str(dcf), "--explain")
    assert (code, lines[0]) == (0, "Equity value 1,100.0 USD")
    id_ = lines[lines.index("— Equity value of the DCF") + 1]  # too long for one line
    assert said(tmp_path, document, "--equity-of", id_, "--explain") == (0, lines)


def test_a_source_of_equity_is_for_credit_and_has_to_be_there(tmp_path: Path) -> None:
    code, lines = said(tmp_path, firm(), "--equity-of", "RGNm")
    assert code == 1
    assert lines[-1].startswith("--equity-of is for credit valuations, ")
    code, lines = said(tmp_path, indebted(), "--equity-of", "firm.json")
    assert (code, lines) == (1, ["There is no file firm.json."])
    other = tmp_path / "other.json"
    other.write_text(json.dumps(firm(**{"capital.wacc": 9.0})), encoding="utf-8")
    code, lines = said(tmp_path, indebted(), "--equity-of", str(other))
    assert code == 1
    assert lines[0] == f"{other} cannot be valued."


def test_what_the_page_shows_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = text_of(DOCS / "maths" / "credit.md").partition("## The equity of")[2]
    _, command, _, shown, *_ = page.split("```")
    monkeypatch.chdir(ROOT)
    home = {"VALOR_HOME": str(tmp_path / "home")}
    result = CliRunner().invoke(main, command.split()[1:], env=home)
    assert result.output.startswith(shown.removeprefix("text\n"))


def test_how_far_the_equations_are_from_holding_is_said_unless_it_is_rounding(
    tmp_path: Path,
) -> None:
    answer = json.loads("\n".join(told(tmp_path, "--json")))
    for residual, as_said in ((0.0, "rounding"), (9e-16, "rounding"), (2e-13, "2e−13")):
        certificate = answer["certificate"] | {"volatilityResidual": residual}
        said = credit(answer | {"certificate": certificate}, explained=True)
        assert f"The two equations hold to {as_said}, found in" in " ".join(said.split())
