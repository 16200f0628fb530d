"""The examples run, and the numbers that the documents quote are the engine's."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from engine.dcf import DcfResult, value_dcf
from services.dcf import inputs_of
from services.derived_dcf import derive_dcf
from store.companies import Companies
from store.market import Market
from tests.live_server import LiveServer
from tests.pages import DECISIONS, DOCS, EXAMPLES, ROOT, blocks, table, text_of


def example(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text("utf-8"))


def valued(document: Any) -> DcfResult:
    return value_dcf(inputs_of(document))


def per_share(document: Any, path: str = "", given: Any = None) -> str:
    """The value of one share to the cent, with one input replaced."""
    changed = json.loads(json.dumps(document))
    if path:
        *groups, name = path.split(".")
        at = changed
        for group in groups:
            at = at[group]
        at[name] = given
    return f"{valued(changed).worth.value_per_share:.2f}"


def faded(start: float, end: float) -> Any:
    return {"stages": [{"years": 3, "value": start}, {"years": 7, "value": end, "ramp": True}]}


def data(server: LiveServer, request: Any) -> Any:
    """What the server answers to a body, without an error."""
    bearer = {"authorization": f"Bearer {server.token}"}
    answer = httpx.post(server.graphql, json=request, headers=bearer).json()
    assert "errors" not in answer, answer
    return answer["data"]


def test_the_example_is_what_follows_from_apples_filings() -> None:
    apple = Companies().find("AAPL")
    assert apple is not None
    derived = derive_dcf(apple, Market()).document
    assert text_of(EXAMPLES / "apple.json") == json.dumps(derived, indent=2) + "\n"
    assert example("value_apple.json") == {"input": derived}
    assert example("analyses.json")["input"] == derived
    assert example("value_apple_request.json") == {
        "query": text_of(EXAMPLES / "value_apple.graphql"),
        "variables": {"input": derived},
    }


def test_the_demo_points_at_examples_that_are_there() -> None:
    printed = re.findall(r"examples/\S+", text_of(ROOT / "api" / "terminals" / "demo.py"))
    assert len(printed) == 4
    assert [path for path in printed if not (ROOT / path).exists()] == []


def test_the_readme_quotes_apples_value_to_the_digit() -> None:
    result, readme = valued(example("apple.json")), text_of(ROOT / "README.md")
    worth, bridge = result.worth, result.inputs.bridge
    for words, amount in {
        "Enterprise value": worth.enterprise_value / 1e9,
        "  less debt": -bridge.debt / 1e9,
        "  plus cash and securities": bridge.cash / 1e9,
        "Equity value": worth.equity_value / 1e9,
    }.items():
        shown = f"{amount:,.1f}".replace("-", "−")
        assert f"{words:<34}{shown:>16} billion USD" in readme
    assert f"{'Value per share':<34}{worth.value_per_share:>16,.2f} USD" in readme


def test_the_request_body_gives_the_number_and_the_id_of_every_other_road(
    live_server: LiveServer,
) -> None:
    value = data(live_server, example("value_apple_request.json"))["valueDcf"]
    assert f"{value['valuePerShare']:.2f}" == per_share(example("apple.json"))
    assert text_of(ROOT / "README.md").count(value["id"][:18]) == 1
    again = data(
        live_server,
        {"query": blocks(DOCS / "valuing.md", "graphql")[2], "variables": {"id": value["id"]}},
    )
    assert again["valuation"]["valuePerShare"] == value["valuePerShare"]


def test_what_is_shown_of_the_filings_can_be_asked(live_server: LiveServer) -> None:
    filed, derived, _ = blocks(DOCS / "valuing.md", "graphql")
    assert len(data(live_server, {"query": filed})["company"]["years"]) == 5
    found = data(live_server, {"query": derived})["company"]["dcfInputs"]
    assert found["input"] == example("apple.json")


def test_the_analyses_come_out_as_the_walk_tells(live_server: LiveServer) -> None:
    page = DOCS / "valuing.md"
    variables = example("analyses.json")
    asked = {"query": text_of(EXAMPLES / "analyses.graphql"), "variables": variables}
    value = data(live_server, asked)["valueDcf"]
    grid = value["sensitivity"]
    told = table(page, "beta | 1.5 % | 2.0 % | 2.5 % | 3.0 %")
    assert grid["columnValues"] == [0.015, 0.02, 0.025, 0.03]
    assert told == [
        [f"{beta:.2f}", *(f"{cell:.2f}" for cell in row)]
        for beta, row in zip(grid["rowValues"], grid["values"], strict=True)
    ]
    assert grid["values"][2][2] == value["valuePerShare"]  # the middle of the grid, to the last bit
    slopes = {slope["path"]: slope["derivative"] for slope in value["gradient"]["slopes"]}
    margin = slopes["operations.ebitMargin"]
    drawn = value["simulation"]
    at = {point["level"]: point["value"] for point in drawn["percentiles"]}
    assert f"0.01 × {margin:.1f} = {margin / 100:.2f} dollars" in text_of(page)
    assert (
        f"mean is {drawn['mean']:.2f} with a standard error of\n{drawn['standardError']:.2f}"
        in (text_of(page))
    )
    assert f"between {at[0.05]:.2f} and {at[0.95]:.2f}" in text_of(page)


def test_the_cross_checks_in_the_walk_are_apples() -> None:
    checks = valued(example("apple.json")).cross_checks
    told = {
        row[0]: row[1] for row in table(DOCS / "valuing.md", "cross-check | Apple | read it as")
    }
    assert checks.terminal_share is not None
    assert checks.implied_growth is not None
    assert checks.upside is not None
    assert checks.implied_return_on_new_capital is None
    assert told == {
        "`terminalShare`": f"{checks.terminal_share:.1%}".replace("%", " %"),
        "`impliedExitMultiple`": f"{checks.implied_exit_multiple:.1f}",
        "`impliedGrowth`": f"{checks.implied_growth:.1%}".replace("%", " %"),
        "`impliedReturnOnNewCapital`": "null",
        "`evToRevenue`, `evToEbitda`": f"{checks.ev_to_revenue:.2f}, {checks.ev_to_ebitda:.2f}",
        "`upside`": f"{checks.upside:.1%}".replace("%", " %").replace("-", "−"),
    }


def test_the_least_that_a_dcf_needs_is_worth_its_perpetuity() -> None:
    (least,) = (json.loads(block) for block in blocks(DOCS / "valuing.md", "json"))
    assert valued(least).worth.enterprise_value == pytest.approx(1_500.0)
    assert per_share(least) == "13.00"


def test_other_conventions_cost_what_the_walk_says() -> None:
    apple, page = example("apple.json"), text_of(DOCS / "valuing.md")
    houses = per_share(apple, "terminal.gordon.discounting", "YEAR_END")
    assert f"Apple is worth {houses} their way" in page
    held = per_share(apple, "operations.capitalExpenditure", {"level": 0.0266})
    assert f"`CAPEX_BELOW_DEPRECIATION` (and {held} a share)" in page


def test_each_rule_of_derivation_is_worth_what_its_decision_says() -> None:
    apple = example("apple.json")
    page = next(DECISIONS.glob("0009-*"))
    told = [row[2] for row in table(page, "rule | instead of | Apple would be")]
    assert f"Apple at {per_share(apple)} a share" in text_of(page)
    assert told == [
        per_share(apple, "operations.revenueGrowth", faded(0.0925, 0.025)),
        per_share(apple, "operations.taxRate", {"level": 0.1472}),
        per_share(apple, "operations.capitalExpenditure", {"level": 0.0266}),
        per_share(apple, "operations.workingCapital", {"level": -0.1731}),
        per_share(apple, "capital.capm.beta", 1.0),
        per_share(apple, "capital.capm.equityRiskPremium", 0.0433),
    ]


def test_a_refusal_is_quoted_as_it_is_given(live_server: LiveServer) -> None:
    page = DOCS / "refusals.md"
    document = example("apple.json")
    document["operations"]["taxRate"] = {"level": 21}
    document["terminal"]["gordon"]["growth"] = 0.09
    asked = {"query": blocks(page, "graphql")[0], "variables": {"input": document}}
    assert [data(live_server, asked)["valueDcf"]] == [json.loads(b) for b in blocks(page, "json")]


def test_what_the_caller_has_to_mend_burns_no_budget_as_the_page_says(
    live_server: LiveServer,
) -> None:
    def bad() -> int:
        stands = httpx.get(f"{live_server.origin}/slo/status").json()["objectives"]
        return sum(each["valid"] - each["good"] for each in stands if each["sli"] == "availability")

    before = bad()
    for query in ("{ viewer {", "{ viewer { nothing } }", "{ company(ticker: 5) { name } }"):
        bearer = {"authorization": f"Bearer {live_server.token}"}
        answer = httpx.post(live_server.graphql, json={"query": query}, headers=bearer).json()
        assert answer["errors"][0]["extensions"]["code"] == "QUERY_INVALID"
    assert bad() == before
