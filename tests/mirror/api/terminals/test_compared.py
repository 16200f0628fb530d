"""A comparison, as a terminal tells it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.comparables_documents import compared
from tests.mirror.api.terminals.valued import printed, words
from tests.pages import ROOT, text_of

RANGE = "EV/EBITDA LTM 3 9.0× 10.0× 11.5× 16.00 18.00 21.00"


def told(tmp_path: Path, *options: str) -> str:
    document = compared()
    document["peers"][0]["metrics"]["stated"]["ltm"]["revenue"] = 0.0
    return printed(tmp_path, document, *options)


def test_the_rows_lead_from_the_multiple_to_a_share(tmp_path: Path) -> None:
    lines = words(told(tmp_path))
    assert lines[:5] == [
        "EV/EBITDA LTM, median 10.0×",
        "Enterprise value 2,000.0 USD",
        "less net debt −200.0 USD",
        "Equity value 1,800.0 USD",
        "Value per share 18.00 USD",
    ]
    assert lines[5] == "Price on 2024-09-27 15.00 USD (the value is 20.0% above it)"
    assert lines[8:10] == ["peers P25 median P75 P25 median P75", RANGE]
    assert not any(line.startswith("Plum") for line in lines)


def test_explained_each_peer_has_its_multiple_or_why_it_has_none(tmp_path: Path) -> None:
    lines = words(told(tmp_path, "--explain"))
    after = lines[lines.index(RANGE) + 1 :]
    assert after[:5] == [
        "low 8.0×, mean 10.3×, high 13.0×",
        "Plum 8.0× 160.0 / 20.0",
        "Pear 10.0× 200.0 / 20.0",
        "Quince 13.0× 260.0 / 20.0",
        "Medlar, at its market price 8.5× 1,700.0 / 200.0",
    ]
    assert "Plum not meaningful" in lines
    assert any(line.startswith("EV/revenue LTM 2 ") for line in after)  # and not of three


def test_numbers_stay_below_each_other_beside_a_long_name(tmp_path: Path) -> None:
    file = ROOT / "examples" / "comparables_transactions.json"
    lines = printed(tmp_path, json.loads(text_of(file))).splitlines()
    rows = [line for line in lines if line.startswith("EV/") and "median" not in line]
    assert len({len(line) for line in rows}) == 1
    assert {line[28:32].strip() for line in rows} == {"4", "1"}  # peers


def test_a_price_to_earnings_is_of_the_equity(tmp_path: Path) -> None:
    asked = [{"multiple": "PRICE_TO_EARNINGS", "period": "NTM"}]
    document = compared(multiples=asked, marketPrice=None)
    peer = document["peers"][0]
    peer["bridge"] = {"debt": 60e6, "cash": 10e6}
    peer["enterpriseValue"] = 170e6
    peer["metrics"] = {"stated": {"ntm": {"netIncome": 8e6}}}
    document["subject"]["metrics"] = {"stated": {"ntm": {"netIncome": 80.0}}}
    lines = words(printed(tmp_path, document, "--explain"))
    assert "Plum 15.0× 120.0 / 8.0 million" in lines
    assert "Pear not given" in lines
    assert not any("market price" in line for line in lines)


def test_as_json_it_is_all_that_is_kept(tmp_path: Path) -> None:
    whole = json.loads(told(tmp_path, "--json"))
    assert whole["__typename"] == "ComparablesValuation"
    assert whole["ranges"][0]["statistics"]["median"] == 10.0
