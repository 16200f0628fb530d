"""The examples run, and the numbers that the documents quote are the engine's."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from api.terminals.cli import main
from engine.dcf import DcfResult, Reconciliation, value_dcf
from engine.dcf.inputs import SEGMENTS_MOST
from engine.scenarios import MAX_CELLS
from services.dcf import inputs_of
from services.derived_dcf import derive_dcf
from store.companies import Companies
from store.market import Market
from tests.live_server import LiveServer
from tests.pages import DECISIONS, DOCS, EXAMPLES, ROOT, blocks, table, text_of
from tests.served import NO_TLS


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
    answer = httpx.post(
        server.graphql, json=request, headers=bearer, timeout=60.0, verify=NO_TLS
    ).json()
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
    assert len(printed) == 7
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
        f"mean is {drawn['mean']:.2f} with a standard error of\n{drawn['standardError']:.4f}"
        in (text_of(page))
    )
    assert f"between {at[0.05]:.2f} and {at[0.95]:.2f}" in text_of(page)
    first = drawn["drivers"][0]
    assert f"{first['share']:.0%} of the variance is that of `{first['path']}`".replace(
        "%", " %", 1
    ) in text_of(page)


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
    least = json.loads(blocks(DOCS / "valuing.md", "json")[0])
    assert valued(least).worth.enterprise_value == pytest.approx(1_500.0)
    assert per_share(least) == "13.00"


def test_dilution_and_failure_of_the_least_are_worth_what_the_walk_says() -> None:
    page = DOCS / "valuing.md"
    least, *others = (json.loads(block) for block in blocks(page, "json"))
    (shares,) = (other["shares"] for other in others if "shares" in other)
    assert f"(96 + 6 + 6) shares are {per_share(least, 'shares', shares)}" in text_of(page)
    failure = {"probability": 0.2, "recovery": 0.4}
    assert json.dumps(failure).strip("{}") in text_of(page)
    assert f"/ 100 =\n{per_share(least, 'failure', failure)}" in text_of(page)


def test_what_operations_may_say_is_worth_what_the_walk_says() -> None:
    page = DOCS / "valuing.md"
    least, *others = (json.loads(block) for block in blocks(page, "json"))
    (more,) = (other["operations"] for other in others if "stockCompensation" in str(other))
    told = [row[2] for row in table(page, "input | what it does | alone, for the firm above")]
    paid = dict(least["operations"], **{name: more[name] for name in more if "stock" in name})
    by_days = dict(least["operations"], workingCapitalDays=more["workingCapitalDays"])
    del by_days["workingCapital"]
    assert told == [
        per_share(least, "operations.taxRate", more["taxRate"]),
        per_share(least, "operations", paid),
        per_share(least, "operations", by_days),
        per_share(least, "operations.losses", more["losses"]),
    ]
    (day,) = re.findall(r'With `"(.+?)"` the firm', text_of(page))
    begun = per_share(least, "timing.fiscalYearEnd", day)
    assert f"1,501.1, or {begun} a share" in text_of(page)


def test_the_segments_are_worth_what_the_walk_says() -> None:
    page = DOCS / "valuing.md"
    least, *others = (json.loads(block) for block in blocks(page, "json"))
    (segments,) = (other["segments"] for other in others if "segments" in other)
    firm = {name: value for name, value in least.items() if name != "operations"}
    worth = valued(firm | {"segments": segments}).worth
    told = f"= {worth.enterprise_value:,.0f}, or {worth.value_per_share:.2f} a share"
    assert told == "= 1,400, or 12.00 a share"
    assert told in text_of(page)


def test_capital_and_what_comes_after_are_worth_what_the_walk_says() -> None:
    page, text = DOCS / "valuing.md", text_of(DOCS / "valuing.md")
    least, *others = (json.loads(block) for block in blocks(page, "json"))
    (capital,) = (other["capital"] for other in others if "comparables" in str(other))
    built = dict(least, capital=capital)
    found = valued(built)
    assert found.cost_of_equity == pytest.approx(0.109375)
    assert found.worth.wacc == pytest.approx(0.0965)
    assert f"is worth {per_share(built)} a share" in text.replace("\n", " ")
    gordon = {"growth": 0.02}
    plain = per_share(least, "terminal", {"gordon": gordon})
    assert f"Gordon gives the firm above {plain} a share" in text.replace("\n", " ")
    normal = {"depreciation": 0.05, "capitalExpenditure": 0.06}
    fade = {"initialGrowth": 0.06, "growth": 0.02, "halfLife": 4}
    assert [row[2] for row in table(page, "input | terminal value | the firm above")] == [
        per_share(least, "terminal", {"gordon": gordon | {"normalised": normal}}),
        per_share(least, "terminal", {"hModel": fade}),
    ]
    assets = dict(least["operations"], openingFixedAssets=900)
    roads = valued(dict(built, operations=assets)).reconciliation
    assert roads is not None
    adjusted, profit = roads.adjusted_present_value, roads.economic_profit
    assert adjusted is not None
    assert profit is not None
    saved = adjusted.value_of_tax_shields + (adjusted.value_of_terminal_tax_shields or 0.0)
    assert f"{adjusted.unlevered_value:,.1f} without debt, and {saved:.1f} of tax" in text
    assert f"the {found.worth.enterprise_value:,.1f} of the WACC" in text
    assert profit.gap == pytest.approx(0.0, abs=1e-9 * profit.enterprise_value)
    fixed = {"capm": capital["capm"] | {"taxShields": "COST_OF_DEBT"}}
    roads = valued(dict(least, capital=fixed)).reconciliation
    assert roads is not None
    assert roads.adjusted_present_value is not None
    assert f"the gap of\n{roads.adjusted_present_value.gap:.1f} is" in text
    profit = valued(dict(least, operations=assets)).reconciliation.economic_profit  # type: ignore[union-attr] # there is one
    assert profit is not None
    assert profit.opening_capital == 1_000.0
    assert profit.economic_profit == pytest.approx([50.0] * 5)


FIRMS = [
    path.name for path in sorted(EXAMPLES.glob("*.json")) if "terminal" in json.loads(text_of(path))
]


MADE_UP = "file | the firm | what it shows | a share"


def roads_of(document: Any) -> list[tuple[float, Reconciliation]]:
    """The enterprise value of a firm, or of each of its segments, and the other roads to it."""
    result = valued(document)
    if not result.segments:
        assert result.reconciliation is not None
        return [(float(result.worth.enterprise_value), result.reconciliation)]
    return [(float(each.worth.enterprise_value), each.reconciliation) for each in result.segments]


@pytest.mark.parametrize("name", FIRMS)
def test_an_example_is_worth_the_same_by_economic_profit_and_by_its_parts(name: str) -> None:
    document = example(name)
    if "operations" in document:  # of segments each says it for itself
        document["operations"].setdefault("openingFixedAssets", 45.68e9)  # or what Apple has
    capitals = [
        document["capital"],
        *(each.get("capital") for each in document.get("segments", [])),
    ]
    fixed = [each["capm"].pop("taxShields", None) for each in capitals if each]
    for value, roads in roads_of(document):
        for road in (roads.economic_profit, roads.adjusted_present_value):
            assert road is not None
            assert road.enterprise_value == pytest.approx(value, rel=1e-9)
            assert abs(road.gap) <= 1e-9 * abs(value)
    # Debt that is fixed in money moves the adjusted present value, and nothing else.
    assert fixed.count("COST_OF_DEBT") == (1 if "fixed_debt" in name else 0)


def test_a_debt_that_stays_fixed_leaves_the_gap_that_the_page_says() -> None:
    ((value, roads),) = roads_of(example("dcf_fixed_debt.json"))
    assert roads.economic_profit is not None
    assert abs(roads.economic_profit.gap) <= 1e-9 * value
    assert roads.adjusted_present_value is not None
    gap = f"{roads.adjusted_present_value.gap / 1e6:,.1f} million USD".replace("-", "−")
    assert f"the gap is {gap}" in " ".join(text_of(DOCS / "maths" / "dcf.md").split())


def test_every_example_of_a_dcf_is_listed_with_the_value_that_it_prints() -> None:
    told = {}
    for link, _, _, value in table(DOCS / "maths" / "dcf.md", MADE_UP):
        (name,) = re.findall(r"\[(.+\.json)\]\(\.\./\.\./examples/\1\)", link)
        told[name] = value
    others = {"apple.json"}  # a walk of its own
    assert told.keys() == set(FIRMS) - others
    for name, value in told.items():
        document = example(name)
        assert value == f"{per_share(document)} {document['currency']}", name


@pytest.mark.parametrize("name", ["dcf_dilution.json", "dcf_failure.json", "dcf_segments.json"])
def test_a_made_up_firm_is_valued_by_the_command(name: str, tmp_path: Path) -> None:
    clean: dict[str, str | None] = {name: None for name in os.environ if "VALOR" in name}
    line = ["value", str(EXAMPLES / name), "--explain"]
    said = CliRunner().invoke(main, line, env={**clean, "VALOR_HOME": str(tmp_path)})
    assert said.exit_code == 0, said.output
    assert f"{per_share(example(name))} {example(name)['currency']}" in said.output


def test_each_made_up_firm_shows_what_it_is_there_for() -> None:
    def found(name: str) -> DcfResult:
        return valued(example(f"dcf_{name}.json"))

    begun = found("stub_and_losses")
    assert begun.inputs.timing.stub == pytest.approx(184 / 365)
    used = begun.forecast.losses_used
    assert (used[1], used[2] / begun.forecast.ebit[2]) == (0.0, pytest.approx(0.8))
    assert begun.forecast.losses_left[-1] == 0.0
    betas = found("comparable_betas").cost_of_capital
    assert betas is not None
    assert betas.peers is not None
    assert len(betas.peers) == 5
    assert None not in (betas.country_premium, betas.size_premium, betas.specific_premium)
    dilution = found("dilution").dilution
    assert dilution is not None
    assert [each.exercised for each in dilution.options] == [True, True, False]
    assert [each.converted for each in dilution.convertibles] == [True, False]
    weighed = found("failure").worth.settled
    assert weighed.going_concern is not None
    assert weighed.failed is not None
    assert 0.0 < weighed.failed.equity_value < weighed.going_concern.equity_value
    assert [each.name for each in found("segments").segments] == [
        "Shops",
        "Software",
        "Head office",
    ]
    growth = found("exit_multiple").cross_checks.implied_growth
    assert growth is not None
    assert 0.0 < growth < 0.03
    added = [remark.code for remark in found("stock_compensation").remarks]
    assert "STOCK_COMPENSATION_ADDED_BACK" in added
    days = found("working_capital_days").forecast
    assert days.increase_in_working_capital[1] < 0.0  # paid sooner than it grows
    assert found("full_bridge").worth.net_debt == pytest.approx(715e6)


def test_the_example_of_comparables_has_every_part_of_a_cost_of_equity() -> None:
    built = valued(example("comparables.json")).cost_of_capital
    assert built is not None
    assert built.peers is not None
    assert [peer.name for peer in built.peers] == ["Plum", "Pear", "Quince", "Medlar"]
    # Blume's 1.1, 0.9667, 1.2667 and 1.0333, unlevered 0.8980, 0.8959, 0.8920 and 0.8986.
    assert built.unlevered_beta == pytest.approx((0.8980 + 0.8959) / 2.0, abs=1e-4)
    assert built.beta == pytest.approx(0.89692 * 1.1875, abs=1e-4)
    assert built.cost_of_equity == pytest.approx(0.042 + built.beta * 0.046 + 0.017)


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


def test_a_refusal_that_is_given_by_nothing_is_one_that_nothing_gives() -> None:
    text = text_of(DOCS / "refusals.md").partition("## Errors")[0]
    sections = dict(re.findall(r"^### (\w+)\n\n(.*?)(?=^###|\Z)", text, re.MULTILINE | re.DOTALL))
    given = {code for code in sections if "Given by nothing" not in sections[code]}
    sources = "".join(
        path.read_text("utf-8")
        for room in ("engine", "services", "store")
        for path in (ROOT / room).rglob("*.py")
    )
    assert given == set(re.findall(r'^    code(?:: \S+)? = "(\w+)"', sources, re.MULTILINE)) & set(
        sections
    )
    assert f"over {MAX_CELLS:,} cells, or {SEGMENTS_MOST + 1} segments" in text


def test_what_the_caller_has_to_mend_burns_no_budget_as_the_page_says(
    live_server: LiveServer,
) -> None:
    def bad() -> int:
        stands = httpx.get(f"{live_server.origin}/slo/status", timeout=60.0, verify=NO_TLS).json()[
            "objectives"
        ]
        return sum(each["valid"] - each["good"] for each in stands if each["sli"] == "availability")

    before = bad()
    for query in ("{ viewer {", "{ viewer { nothing } }", "{ company(ticker: 5) { name } }"):
        bearer = {"authorization": f"Bearer {live_server.token}"}
        answer = httpx.post(
            live_server.graphql, json={"query": query}, headers=bearer, timeout=60.0, verify=NO_TLS
        ).json()
        assert answer["errors"][0]["extensions"]["code"] == "QUERY_INVALID"
    assert bad() == before
