"""A buyout, as a terminal tells it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from api.terminals.cli import main
from tests.lbo_documents import bought


def told(tmp_path: Path, *options: str, **changes: object) -> list[str]:
    file = tmp_path / "bought.json"
    file.write_text(json.dumps(bought(**changes)), encoding="utf-8")
    home = {"VALOR_HOME": str(tmp_path / "home")}
    result = CliRunner().invoke(main, ["value", str(file), *options], env=home)
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.output.splitlines()]


def test_sources_come_to_the_uses_and_the_returns_stand_below(tmp_path: Path) -> None:
    lines = told(tmp_path, interest="OPENING")
    assert lines[:4] == [
        "Enterprise value 1,600.0 USD 8.0×",
        "Uses 1,600.0 USD",
        "from Term loan 800.0 USD 4.0×",
        "from the sponsor 800.0 USD 4.0×",
    ]
    # 800 x 1.06 - 120, five times: 394.13 is left, and 1,205.87 is the owners'.
    assert "Equity at exit, year 5 1,205.9 USD" in lines
    assert "MOIC 1.51×" in lines
    assert "IRR 8.6%" in lines
    assert not any(line.startswith("Revenue") for line in lines)


def test_explained_the_years_and_the_gain_are_told(tmp_path: Path) -> None:
    lines = told(tmp_path, "--explain", interest="OPENING")
    assert "EBITDA 200.0 200.0 200.0 200.0 200.0" in lines
    (closing,) = [line for line in lines if line.startswith("Term loan, closing")]
    assert closing.startswith("Term loan, closing 728.0 651.7")
    gain = lines.index("Gain of all owners 405.9 USD")
    assert lines[gain + 1 : gain + 6] == [
        "growth of EBITDA 0.0 USD",
        "multiple 0.0 USD",
        "both together 0.0 USD",
        "debt paid down 405.9 USD",
        "fees and costs 0.0 USD",
    ]


def test_a_long_forecast_shows_its_beginning_and_its_end(tmp_path: Path) -> None:
    lines = told(tmp_path, "--explain", timing={"closingDate": "2024-12-31", "years": 12})
    (heads,) = [line for line in lines if line.startswith("USD year 1")]
    assert heads.split("year ")[1:] == [f"{year} " for year in range(1, 10)] + ["12"]


def test_explained_covenants_have_their_headroom_and_every_owner_a_line(tmp_path: Path) -> None:
    """Nothing is left to repay 4 times EBITDA with: a fifth of 5 times is left, 3 times is broken.

    160 of EBIT less 64 of interest and a quarter of tax are 72, and depreciation of 40 makes 112.
    """
    limits = [("LEVERAGE", 5.0), ("NET_LEVERAGE", 3.0)]
    lines = told(
        tmp_path,
        "--explain",
        interest="OPENING",
        operations=bought()["operations"] | {"capitalExpenditure": {"level": 0.112}},
        covenants=[{"measure": name, "limit": {"level": limit}} for name, limit in limits],
        equity={"rollover": 200.0, "optionPool": 0.1},
    )
    assert "Debt / EBITDA 4.0× 4.0× 4.0× 4.0× 4.0×" in lines
    assert "Headroom, leverage 20% 20% 20% 20% 20%" in lines
    assert "Headroom, net leverage broken broken broken broken broken" in lines
    owners = lines.index("USD invested dividend at exit MOIC IRR")
    assert [line.split()[:2] for line in lines[owners + 1 : owners + 4]] == [
        ["Sponsor", "600.0"],
        ["Rollover", "200.0"],
        ["Option", "pool"],
    ]
