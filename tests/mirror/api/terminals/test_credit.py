"""A credit valuation, as a terminal tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from api.terminals.cli import main
from api.terminals.credit import credit
from tests.credit_documents import indebted


def told(tmp_path: Path, *options: str, **changes: Any) -> list[str]:
    file = tmp_path / "credit.json"
    file.write_text(json.dumps(indebted(**changes)), encoding="utf-8")
    home = {"VALOR_HOME": str(tmp_path / "home")}
    result = CliRunner().invoke(main, ["value", str(file), *options], env=home)
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.output.splitlines()]


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


def test_how_far_the_equations_are_from_holding_is_said_unless_it_is_rounding(
    tmp_path: Path,
) -> None:
    answer = json.loads("\n".join(told(tmp_path, "--json")))
    for residual, words in ((0.0, "rounding"), (9e-16, "rounding"), (2e-13, "2e−13")):
        certificate = answer["certificate"] | {"volatilityResidual": residual}
        said = credit(answer | {"certificate": certificate}, explained=True)
        assert f"The two equations hold to {words}, found in" in " ".join(said.split())
