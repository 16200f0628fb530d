"""A football field, as a terminal draws it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.terminals.cli import main
from api.terminals.football import drawn
from tests.comparables_documents import compared
from tests.dcf_documents import firm
from tests.lbo_documents import bought
from tests.pages import DOCS, ROOT, text_of


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    documents = {
        "dcf": firm(),
        "copy": firm(),
        "bear": firm(**{"capital.wacc": 0.12}),
        "lbo": bought(timing={"closingDate": "2024-09-30", "years": 5}),
        "later": bought(),
        "euros": firm(currency="EUR"),
        "broken": firm(**{"capital.wacc": "8%"}),
        "peers": compared(),
        "peers2": compared(asOf="2024-09-30"),
    }
    for name, document in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return {name: str(tmp_path / f"{name}.json") for name in documents}


def run(files: dict[str, str], *arguments: str) -> Result:
    home = {"VALOR_HOME": str(Path(files["dcf"]).parent / "home")}
    given = [files.get(each, each) for each in arguments]
    return CliRunner().invoke(main, ["football", *given], env=home)


def lines(files: dict[str, str], *arguments: str) -> list[str]:
    result = run(files, *arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_every_method_is_a_bar_on_one_scale(files: dict[str, str]) -> None:
    found = lines(
        files, "dcf", "peers", "lbo", "--swing", "capital.wacc=0.09:0.11", "--range", "Year=12:17"
    )
    assert found[0] == "Value per share, USD"
    assert found[2].split() == [
        "7.50",
        "10",
        "12.50",
        "15",
        "17.50",
        "20",
        "22.50",
        "low",
        "mid",
        "high",
    ]
    rows = {line[:26].rstrip(): line for line in found[3:8]}
    # Of 150 a year less 400, over 100 shares; quartiles of 9, 10 and 11.5 times 200 less 200.
    assert rows["DCF"].split()[-3:] == ["9.64", "11.00", "12.67"]
    assert rows["EV/EBITDA LTM"].split()[-3:] == ["16.00", "18.00", "21.00"]
    assert rows["LBO, 20 to 25 % IRR"].split()[-3:] == ["8.00", "8.42", "8.90"]
    assert rows["Year"].split()[-2:] == ["12.00", "17.00"]
    # The market's 15 is the middle of the scale: through a gap, and under a bar.
    assert rows["EV/EBITDA LTM"][26 + 20] == "┊"
    assert rows["Year"][26 + 20] == "█"
    assert rows["Year"].index("█") < 26 + 20 < rows["EV/EBITDA LTM"].index("█")
    assert found[-2].split() == ["┊", "market", "15.00,", "within", "1", "of", "5", "ranges"]
    assert " ".join(found[-1].split()) == "Most agree on 16.00 to 17.00: 3 of 5 ranges"


def test_without_swings_dcfs_are_cases_and_money_has_a_unit(files: dict[str, str]) -> None:
    found = lines(files, "dcf", "bear", "lbo", "--of", "enterprise_value", "--irr", "15%:0.2")
    assert found[0] == "Enterprise value, USD"
    assert found[3].split()[-3:] == ["1,250.0", "1,500.0", "1,500.0"]
    assert found[4].startswith("LBO, 15 to 20 % IRR ")
    assert not any(line.startswith("┊") for line in found)
    assert found[-1].endswith(": 2 of 2 ranges")


def test_what_a_reviewer_would_ask_stands_below_the_bars(files: dict[str, str]) -> None:
    found = " ".join(" ".join(lines(files, "dcf", "later")).split())
    _, _, asked = found.partition("A reviewer would note: • ")
    assert asked.startswith("The DCF is of 2024-09-27 and the buyout of 2024-12-31, 95 days later.")


def test_several_of_one_kind_are_numbered(files: dict[str, str]) -> None:
    kinds = ("dcf", "bear", "lbo", "later")
    found = lines(files, *kinds, "peers", "peers2", "--swing", "capital.wacc=0.09:0.11")
    names = [line[:26].rstrip() for line in found[3:11]]
    assert names == [
        "DCF 1",
        "DCF 2",
        "LBO 1",
        "LBO 2",
        *(f"Peers {number}, EV/{what} LTM" for number in (1, 2) for what in ("EBITDA", "revenue")),
    ]


def test_a_point_is_a_block_and_a_long_name_leaves_the_scale_in_its_place(
    files: dict[str, str],
) -> None:
    long = "Analysts' targets, 12 mths"  # as many characters as there is room, and none between
    found = lines(files, "dcf", "--range", f"{long}=5:20", "--market-price", "18")
    point, targets = found[3:5]
    assert point.count("█") == 1
    assert "No two ranges meet." in lines(files, "dcf", "--range", "Year=12:17")
    alone = lines(files, "dcf", "--market-price", "18")
    assert alone[-1].split() == ["┊", "market", "18.00"]
    assert "│" not in point
    assert targets.startswith(f"{long[:24]}… █")
    assert point.index("┊") == 26 + round(41 * (18 - 5) / (20 - 5))


def test_ticks_have_room_beside_each_other() -> None:
    ticks = [1250.0 * number for number in range(9)]
    field = {"of": "ENTERPRISE_VALUE", "currency": "USD", "marketPlace": None, "ticks": ticks}
    told = drawn(field | {"bars": [], "overlap": None, "remarks": []}).splitlines()
    *shown, low, mid, high = told[2].split()
    assert {*shown} < {f"{tick:,.0f}" for tick in ticks}
    assert (shown[0], low, mid, high) == ("0", "low", "mid", "high")


def test_the_page_shows_what_its_command_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, command, _, drawn, *_ = text_of(DOCS / "maths" / "football.md").split("```")
    monkeypatch.chdir(ROOT)
    home = {"VALOR_HOME": str(tmp_path)}
    said = CliRunner().invoke(main, shlex.split(command.strip().removeprefix("valor ")), env=home)
    assert said.output.rstrip() == drawn.removeprefix("text\n").rstrip()


def test_an_id_is_as_good_as_a_file_and_json_has_it_all(files: dict[str, str]) -> None:
    both = json.loads(run(files, "dcf", "peers", "--json").output)
    again = json.loads(run(files, *both["bars"][0]["valuations"], "peers", "--json").output)
    assert again == both
    assert both["overlap"]["methods"] == ["EV/EBITDA LTM", "EV/revenue LTM"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.json",), "There is no file nowhere.json"),
        (("dcf", "--swing", "capital.wacc"), "is not of the form PATH=LOW:HIGH"),
        (("lbo",), "In a terminal, the bridge is another SOURCE."),
        (("dcf", "--swing", "capital.wacc=low:high"), "has no two numbers"),
        (("dcf", "--swing", "0.09:0.11"), "is not of the form PATH=LOW:HIGH"),
        (("dcf", "--irr", "sponsor=0.2:0.25"), "is not of the form LOW:HIGH"),
        (("dcf", "--swing", "capital.wac=0.09:0.11"), "methods[0].swings.swings[0].path"),
        (("dcf", "madeup"), "madeup: There is no such valuation."),
        (
            ("peers", "lbo", "--swing", "capital.wacc=8%:9%"),
            "--swing moves the inputs of a DCF, and",
        ),
        (("dcf", "--irr", "0.9:0.1"), "--irr is of a buyout, and there is none among"),
        (("dcf", "lbo", "--irr", "0.9:0.1"), "--irr: The lower return is above the higher"),
        (("dcf", "--swing", "capital.wacc=nan:inf"), "has no two numbers"),
        (("dcf", "--range", "Broker=150%:200%"), "has no two numbers"),
        (("dcf", "dcf"), "dcf.json is given twice."),
        (("dcf", "copy"), "copy.json are one valuation. Leave one out."),
        (("dcf", "bear", "euros"), "euros.json: This valuation is in EUR, and the first"),
        (("peers", "euros"), "euros.json: This valuation is in EUR, and the first"),
        (("dcf", "broken"), "broken.json at capital.wacc: Float cannot"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    files: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    result = run(files, *arguments)
    assert result.exit_code != 0
    assert said in " ".join(f"{result.output} {result.stderr}".split())
