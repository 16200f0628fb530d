"""A comparison, as a terminal tells it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from api.terminals.cli import main
from tests.comparables_documents import compared


def told(tmp_path: Path, *options: str) -> str:
    file = tmp_path / "compared.json"
    document = compared()
    document["peers"][0]["metrics"]["stated"]["ltm"]["revenue"] = 0.0
    file.write_text(json.dumps(document), encoding="utf-8")
    home = {"VALOR_HOME": str(tmp_path / "home")}
    result = CliRunner().invoke(main, ["value", str(file), *options], env=home)
    assert result.exit_code == 0, result.output
    return result.output


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_rows_lead_from_the_multiple_to_a_share(tmp_path: Path) -> None:
    lines = words(told(tmp_path))
    assert lines[:5] == [
        "EV/EBITDA LTM, median 10.0×",
        "Enterprise value 2,000.0 USD",
        "less net debt −200.0 USD",
        "Equity value 1,800.0 USD",
        "Value per share 18.00 USD",
    ]
    assert "EV/EBITDA LTM 9.0× 10.0× 11.5× 16.00 18.00 21.00" in lines
    assert not any(line.startswith("Plum") for line in lines)


def test_explained_each_peer_has_its_multiple_or_why_it_has_none(tmp_path: Path) -> None:
    lines = words(told(tmp_path, "--explain"))
    after = lines[lines.index("EV/EBITDA LTM 9.0× 10.0× 11.5× 16.00 18.00 21.00") + 1 :]
    assert after[:3] == ["Plum 8.0×", "Pear 10.0×", "Quince 13.0×"]
    assert "Plum not meaningful" in lines


def test_as_json_it_is_all_that_is_kept(tmp_path: Path) -> None:
    whole = json.loads(told(tmp_path, "--json"))
    assert whole["__typename"] == "ComparablesValuation"
    assert whole["ranges"][0]["statistics"]["median"] == 10.0
