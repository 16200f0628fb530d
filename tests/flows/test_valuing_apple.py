"""From a ticker to a number under one id, whichever way one asks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from services.principal import Role
from tests.served import OURS, THEIRS, Caller, Served

ROOT: Final = Path(__file__).parents[2]
DERIVED: Final = """
  query ($ticker: String!) { company(ticker: $ticker) { name currency price { date close }
    dcfInputs { ... on DerivedDcfInputs { input notes
      assumptions { path value text source asOf } } } } }
"""
VALUE: Final = """
  mutation ($input: DcfInput!) { valueDcf(input: $input) { __typename
    ... on Refusal { code message }
    ... on DcfValuation { id kind inputs resultHash engineVersion computedAt durationMs currency
      wacc valueOfForecast valueOfTerminal enterpriseValue netDebt equityValue valuePerShare
      dilutedShares
      forecast { revenue freeCashFlow discountFactor presentValue }
      bridge { debt leases preferredStock minorityInterests pensionsAfterTax cash associates }
      crossChecks { upside } remarks { code } } } }
"""
FIND: Final = """
  query ($id: ID!) { valuation(id: $id) { id kind inputs resultHash engineVersion computedAt
    ... on DcfValuation { valuePerShare enterpriseValue forecast { freeCashFlow } } } }
"""


@pytest.fixture(scope="module")
def apple(server: Served) -> dict[str, Any]:
    """Apple's inputs as they follow from its filings."""
    with server.caller() as analyst:
        company: dict[str, Any] = analyst.data(DERIVED, {"ticker": "aapl"})["company"]
    return company


@pytest.fixture(scope="module")
def valued(server: Served, apple: dict[str, Any]) -> dict[str, Any]:
    with server.caller() as analyst:
        value: dict[str, Any] = analyst.data(VALUE, {"input": apple["dcfInputs"]["input"]})[
            "valueDcf"
        ]
    return value


def valor(home: Path, *words: object) -> dict[str, Any]:
    """What the command line prints, as a person would call it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VALOR_")}
    done = subprocess.run(
        [sys.executable, "-c", "from api.terminals.cli import main; main()", *map(str, words)],
        cwd=ROOT,
        env={**clean, "VALOR_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_apples_inputs_come_with_a_reason_for_each(apple: dict[str, Any]) -> None:
    assert apple["name"] == "Apple Inc."
    derived = apple["dcfInputs"]
    assert len(derived["assumptions"]) >= 15
    assert all(each["text"].endswith(".") for each in derived["assumptions"])
    assert derived["input"]["marketPrice"] == apple["price"]["close"]


def test_what_was_derived_is_valued_as_it_is(apple: dict[str, Any], valued: dict[str, Any]) -> None:
    assert valued["__typename"] == "DcfValuation"
    assert (valued["kind"], valued["currency"]) == ("DCF", "USD")
    assert valued["inputs"].items() >= {"currency": "USD", "marketPrice": 227.79}.items()
    assert valued["crossChecks"]["upside"] == pytest.approx(
        valued["valuePerShare"] / apple["price"]["close"] - 1
    )


def test_the_number_follows_from_what_is_told_beside_it(valued: dict[str, Any]) -> None:
    forecast, bridge = valued["forecast"], valued["bridge"]
    present = [
        flow * factor
        for flow, factor in zip(forecast["freeCashFlow"], forecast["discountFactor"], strict=True)
    ]
    assert forecast["presentValue"] == pytest.approx(present)
    assert valued["valueOfForecast"] == pytest.approx(sum(present))
    enterprise = valued["valueOfForecast"] + valued["valueOfTerminal"]
    assert valued["enterpriseValue"] == pytest.approx(enterprise)
    net_debt = sum(bridge.values()) - 2 * (bridge["cash"] + bridge["associates"])
    assert valued["netDebt"] == pytest.approx(net_debt)
    assert valued["equityValue"] == pytest.approx(enterprise - net_debt)
    assert valued["valuePerShare"] == pytest.approx(
        (enterprise - net_debt) / valued["dilutedShares"]
    )


def test_a_valuation_is_found_again_under_its_id_as_it_was(
    analyst: Caller, valued: dict[str, Any]
) -> None:
    found = analyst.data(FIND, {"id": valued["id"]})["valuation"]
    for name, value in found.items():
        if name != "forecast":
            assert value == valued[name], name
    assert found["forecast"]["freeCashFlow"] == valued["forecast"]["freeCashFlow"]


def test_asked_again_it_is_the_same_valuation_of_the_same_moment(
    analyst: Caller, valued: dict[str, Any]
) -> None:
    again = analyst.data(VALUE, {"input": valued["inputs"]})["valueDcf"]
    told = ("id", "resultHash", "computedAt", "valuePerShare", "inputs")
    assert {name: again[name] for name in told} == {name: valued[name] for name in told}


def test_another_tenant_gets_the_same_id_but_not_our_valuation(
    server: Served, valued: dict[str, Any]
) -> None:
    with server.caller(Role.OWNER, THEIRS) as stranger:
        no = stranger.ask(FIND, {"id": valued["id"]})
        assert no["data"] is None
        assert [error["extensions"]["code"] for error in no["errors"]] == ["NOT_FOUND"]
        theirs = stranger.data(VALUE, {"input": valued["inputs"]})["valueDcf"]
    assert theirs["id"] == valued["id"]
    assert theirs["computedAt"] > valued["computedAt"]


ANALYSES: Final = """
  query ($id: ID!, $rows: AxisInput!, $columns: AxisInput!, $spec: SimulationInput!) {
    valuation(id: $id) { ... on Analysable {
      sensitivity(rows: $rows, columns: $columns) {
        ... on Sensitivity { rowPath columnPath rowValues columnValues values } }
      tornado { ... on Tornado { bars { path low high valueAtLow valueAtHigh } } }
      gradient(paths: ["terminal.gordon.growth", "bridge.debt"]) {
        ... on Gradient { slopes { path derivative } } }
      simulation(spec: $spec) { ... on Simulation { trials infeasible mean standardError
        percentiles { level value } histogram { edges counts } probabilityAbove } }
    } } }
"""


@pytest.fixture(scope="module")
def analysed(server: Served, valued: dict[str, Any]) -> dict[str, Any]:
    growth = valued["inputs"]["terminal"]["gordon"]["growth"]
    variables = {
        "id": valued["id"],
        "rows": {"path": "terminal.gordon.growth", "values": [growth - 0.01, growth]},
        "columns": {
            "path": "operations.revenueGrowth",
            "values": [-0.01, 0.0, 0.01],
        },
        "spec": {
            "trials": 2_000,
            "seed": 7,
            "shocks": [
                {
                    "path": "operations.ebitMargin",
                    "everyYear": True,
                    "distribution": {"normal": {"standardDeviation": 0.02}},
                }
            ],
        },
    }
    with server.caller(Role.VIEWER) as viewer:  # who may read it may analyse it
        found: dict[str, Any] = viewer.data(ANALYSES, variables)["valuation"]
    return found


def test_a_grid_has_the_valuation_itself_in_its_place(
    analysed: dict[str, Any], valued: dict[str, Any]
) -> None:
    grid = analysed["sensitivity"]
    assert grid["rowPath"] == "terminal.gordon.growth"
    assert grid["columnValues"] == [-0.01, 0.0, 0.01]
    assert [len(row) for row in grid["values"]] == [3, 3]
    assert grid["values"][1][1] == pytest.approx(valued["valuePerShare"], rel=1e-12)
    assert grid["values"][1] == sorted(grid["values"][1])  # faster growth is worth more


def test_a_tornado_begins_with_what_matters_most(analysed: dict[str, Any]) -> None:
    bars = analysed["tornado"]["bars"]
    widths = [abs(bar["valueAtHigh"] - bar["valueAtLow"]) for bar in bars]
    assert widths == sorted(widths, reverse=True)
    assert all(bar["low"] < bar["high"] for bar in bars)
    assert not any("_" in bar["path"] for bar in bars)


def test_a_gradient_says_what_a_unit_of_debt_costs_a_share(
    analysed: dict[str, Any], valued: dict[str, Any]
) -> None:
    growth, debt = analysed["gradient"]["slopes"]
    assert (growth["path"], debt["path"]) == ("terminal.gordon.growth", "bridge.debt")
    assert debt["derivative"] == pytest.approx(-1 / valued["dilutedShares"])
    assert growth["derivative"] > 0


def test_a_simulation_lies_around_the_valuation(
    analysed: dict[str, Any], valued: dict[str, Any]
) -> None:
    drawn = analysed["simulation"]
    assert (drawn["trials"], drawn["infeasible"]) == (2_000, 0)
    assert abs(drawn["mean"] - valued["valuePerShare"]) < 5 * drawn["standardError"]
    assert sum(drawn["histogram"]["counts"]) == 2_000
    assert len(drawn["histogram"]["edges"]) == len(drawn["histogram"]["counts"]) + 1
    values = [each["value"] for each in drawn["percentiles"]]
    assert values == sorted(values)
    assert 0.0 <= drawn["probabilityAbove"] <= 1.0


def test_the_terminal_gives_the_same_number_under_the_same_id(
    apple: dict[str, Any], valued: dict[str, Any], tmp_path: Path
) -> None:
    """Without a server, from files, in homes of their own."""
    inputs, asked = tmp_path / "apple.json", tmp_path / "ask.graphql"
    inputs.write_text(json.dumps(apple["dcfInputs"]["input"]))
    asked.write_text(VALUE)
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"input": apple["dcfInputs"]["input"]}))
    by_value = valor(tmp_path / "one", "value", inputs, "--json")
    query = ("query", asked, "--variables", variables)
    by_query = valor(tmp_path / "two", *query)["data"]["valueDcf"]
    for other in (by_value, by_query):
        assert other["id"] == valued["id"]
        assert other["valuePerShare"] == valued["valuePerShare"]
        assert other["enterpriseValue"] == valued["enterpriseValue"]
    assert by_query["resultHash"] == valued["resultHash"]
    again = valor(tmp_path / "two", *query)["data"]["valueDcf"]
    assert again["computedAt"] == by_query["computedAt"]  # it was kept there


def test_the_example_in_the_repository_is_this_valuation(
    valued: dict[str, Any], tmp_path: Path
) -> None:
    told = valor(tmp_path, "value", ROOT / "examples" / "apple.json", "--json")
    assert told["id"] == valued["id"]


@pytest.mark.parametrize("ticker", ["MSFT", "GOOGL", "META", "AMZN", "NVDA"])
def test_every_shipped_company_is_valued_from_its_filings(analyst: Caller, ticker: str) -> None:
    company = analyst.data(DERIVED, {"ticker": ticker})["company"]
    value = analyst.data(VALUE, {"input": company["dcfInputs"]["input"]})["valueDcf"]
    assert value["__typename"] == "DcfValuation"
    assert value["valuePerShare"] > 0


def test_an_answer_of_a_sibling_is_not_mixed_up_with_another(
    analyst: Caller, apple: dict[str, Any]
) -> None:
    """Aliases of one field with other arguments, in one operation."""
    text = """mutation ($one: DcfInput!, $two: DcfInput!) {
      one: valueDcf(input: $one) { ... on DcfValuation { id netDebt } }
      two: valueDcf(input: $two) { ... on DcfValuation { id netDebt } }
      again: valueDcf(input: $one) { ... on DcfValuation { id netDebt } } }"""
    one = apple["dcfInputs"]["input"]
    two = {**one, "bridge": {**one["bridge"], "debt": one["bridge"]["debt"] + 1}}
    told = analyst.data(text, {"one": one, "two": two})
    assert list(told) == ["one", "two", "again"]
    assert told["one"] == told["again"]
    assert told["two"]["netDebt"] == told["one"]["netDebt"] + 1


def test_ids_are_opaque_and_say_nothing_of_the_tenant(valued: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", valued["id"])
    assert OURS.hex not in json.dumps(valued)
    assert str(OURS) not in json.dumps(valued)
