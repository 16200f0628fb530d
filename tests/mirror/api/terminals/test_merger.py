"""A merger, as a terminal tells it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from api.terminals.cli import main
from tests.merger_documents import merged


def told(tmp_path: Path, *options: str) -> list[str]:
    file = tmp_path / "merged.json"
    file.write_text(json.dumps(merged()), encoding="utf-8")
    home = {"VALOR_HOME": str(tmp_path / "home")}
    result = CliRunner().invoke(main, ["value", str(file), *options], env=home)
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.output.splitlines()]


def test_sources_come_to_the_uses_and_earnings_stand_by_year(tmp_path: Path) -> None:
    lines = told(tmp_path)
    assert lines[:7] == [
        "Offer a share 25.00 USD (a premium of 25.0%)",
        "Enterprise value of the target 1,250.0 USD",
        "for the target's equity 1,000.0 USD",
        "for its debt, refinanced 300.0 USD",
        "Uses 1,300.0 USD",
        "from new shares 500.0 USD",
        "from new debt 800.0 USD",
    ]
    assert "Earnings alone 3.75 3.75 3.75" in lines
    assert "Earnings together 4.31 4.31 4.31" in lines
    assert "accretion +14.9% +14.9% +14.9%" in lines
    assert not any(line.startswith("Synergies") for line in lines)


def test_explained_it_is_said_who_gets_the_value(tmp_path: Path) -> None:
    """30 after tax for three years at 9 % are 75.9; the premium is 200."""
    lines = told(tmp_path, "--explain")
    synergies = lines.index("Synergies, today 75.9 USD")
    assert lines[synergies + 1 : synergies + 3] == [
        "less the premium −200.0 USD",
        "Value created −124.1 USD",
    ]
