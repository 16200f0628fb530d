"""A buyout, by every road that a valuation has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from services.principal import Role
from tests.lbo_documents import bought
from tests.served import Caller, Served, served

VALUE: Final = """mutation ($input: LboInput!) { valueLbo(input: $input) {
  __typename ... on Refusal { code message issues { path code message suggestion } }
  ... on LboValuation {
    id kind irr moic exitEquity sponsorEquity exitYear
    sourcesAndUses { total enterpriseValue sponsorEquity tranches { name amount timesEbitda } }
    statements {
      income { ebit cashInterest ebt tax netIncome }
      cashFlow { cashBeforeRepayment sweep closingCash shortfall }
      balanceSheet { totalAssets totalClaims debt goodwill } }
    debt { name kind opening sweep closing }
    circularity { iterations residual contraction }
    exits { year moic irr holders { name invested proceeds moic irr } } holders { name proceeds }
    valueCreation { total ebitdaGrowth multipleExpansion cross netDebt fees }
    remarks { code }
  } } }"""


def _floating(spread: float) -> dict[str, Any]:
    """A loan over the base rate, all of which is repaid in cash as it comes."""
    terms = {"name": "Floating", "kind": "TERM_LOAN", "timesEbitda": 1.0, "tenor": 7}
    return terms | {"spread": spread}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def analyst(server: Served) -> Iterator[Caller]:
    with server.caller(Role.ANALYST) as caller:
        yield caller


def valued(analyst: Caller, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = analyst.data(VALUE, {"input": bought(**changes)})["valueLbo"]
    return found


def test_a_firm_that_stands_still_earns_what_it_pays_back(analyst: Caller) -> None:
    """1,600 is paid, half of it borrowed. EBIT is 160; all cash goes to the loan."""
    found = valued(analyst, interest="OPENING")
    assert found["sourcesAndUses"]["total"] == 1600.0
    assert found["sourcesAndUses"]["tranches"] == [
        {"name": "Term loan", "amount": 800.0, "timesEbitda": 4.0}
    ]
    # By hand: what is left of 160 after 8 % of the loan and a quarter of tax repays the loan.
    loan, closings = 800.0, []
    for _ in range(5):
        loan -= (160.0 - 0.08 * loan) * 0.75
        closings.append(loan)
    (tranche,) = found["debt"]
    assert tranche["closing"] == pytest.approx(closings, rel=1e-12)
    assert found["exitEquity"] == pytest.approx(1600.0 - closings[-1], rel=1e-12)
    assert found["moic"] == pytest.approx((1600.0 - closings[-1]) / 800.0, rel=1e-12)
    assert found["irr"] == pytest.approx(found["moic"] ** 0.2 - 1.0, rel=1e-12)
    assert found["circularity"] is None
    sheet = found["statements"]["balanceSheet"]
    assert sheet["totalAssets"] == pytest.approx(sheet["totalClaims"], rel=1e-12)
    assert sheet["goodwill"] == [1500.0] * 6  # 1,600 less net working capital of 100


def test_on_average_balances_each_year_has_a_certificate(analyst: Caller) -> None:
    """Interest on the mean of 800 and what is left: x = 800 - (160 - 0.04 (800 + x)) 0.75."""
    found = valued(analyst)
    (tranche,) = found["debt"]
    assert tranche["closing"][0] == pytest.approx((800.0 - 120.0 + 24.0) / (1.0 - 0.03), rel=1e-12)
    for year in found["circularity"]:
        assert year["contraction"] < 1.0
        assert year["residual"] < 1e-12


def test_every_analysis_works_on_it(analyst: Caller) -> None:
    asked = """query ($id: ID!) { valuation(id: $id) { ... on Analysable {
      sensitivity(rows: {path: "entry.evToEbitda", values: [8, 9]},
                  columns: {path: "exit.evToEbitda", values: [8, 9]}, of: MOIC) {
        ... on Sensitivity { values } }
      tornado { ... on Tornado { bars { path } } }
      gradient(paths: ["exit.evToEbitda"], of: EXIT_EQUITY) {
        ... on Gradient { slopes { derivative } } }
      reverse(path: "exit.evToEbitda", target: 0.2) {
        ... on ReverseValuation { solutions { input value } } }
      scenarios(cases: [{name: "Bear", changes: [{path: "exit.evToEbitda", value: 7}]}]) {
        ... on ScenarioComparison { cases { name outputs { of value } } } }
      attribution(from: $id) { ... on Attribution { contributions { amount } } }
      replay { sameHash }
      simulation(spec: {seed: 1, shocks: [{path: "exit.evToEbitda",
                 distribution: {normal: {standardDeviation: 0.5}}}]}) {
        ... on Simulation { mean standardDeviation infeasible } }
    } } }"""
    base = valued(analyst)
    found = analyst.data(asked, {"id": base["id"]})["valuation"]
    grid = found["sensitivity"]["values"]
    assert grid[0][0] == pytest.approx(base["moic"], rel=1e-12)
    assert grid[0][1] > grid[0][0] > grid[1][0]
    assert found["gradient"]["slopes"] == [{"derivative": pytest.approx(200.0, rel=1e-12)}]
    (solution,) = found["reverse"]["solutions"]
    assert solution["value"] == pytest.approx(0.2, abs=1e-12)
    again = valued(analyst, exit={"evToEbitda": solution["input"]})
    assert again["irr"] == pytest.approx(0.2, abs=1e-12)
    (bear,) = found["scenarios"]["cases"]
    names = {output["of"] for output in bear["outputs"]}
    assert names == {"IRR", "MOIC", "EXIT_EQUITY", "SPONSOR_EQUITY"}
    assert found["attribution"]["contributions"] == []
    assert found["replay"] == {"sameHash": True}
    assert found["simulation"]["infeasible"] == 0
    assert found["simulation"]["mean"] == pytest.approx(base["irr"], abs=1e-3)


def test_a_model_of_it_is_edited_and_valued_under_the_same_id(analyst: Caller) -> None:
    made = analyst.data(
        """mutation ($inputs: ModelInputs!) { createModel(input: {name: "Deal", inputs: $inputs}) {
             ... on FinancialModel { id kind } } }""",
        {"inputs": {"lbo": bought()}},
    )["createModel"]
    assert made["kind"] == "LBO"
    notes = {
        "name": "Notes",
        "kind": "NOTES",
        "amount": 100.0,
        "fixedRate": 0.1,
        "tenor": 8,
    }
    tranches = [*bought()["tranches"], notes]
    edited = analyst.data(
        """mutation ($id: ID!, $edits: [ModelEdit!]!) {
             editModel(id: $id, operationId: "once", edits: $edits) {
               ... on Refusal { issues { path message } }
               ... on EditedModel { revision { changes { text } } } } }""",
        {
            "id": made["id"],
            "edits": [
                {"path": "tranches", "value": {"tranches": tranches}},
                {"path": "exit.evToEbitda", "value": {"number": 8.5}},
            ],
        },
    )["editModel"]
    assert [change["text"] for change in edited["revision"]["changes"]] == [
        "Tranches from Term loan to Term loan, Notes",
        "Exit EV/EBITDA from 8× to 8.5×",
    ]
    text = "mutation ($id: ID!) { valueModel(id: $id) { ... on Valuation { id } } }"
    by_model = analyst.data(text, {"id": made["id"]})["valueModel"]["id"]
    assert valued(analyst, tranches=tranches, exit={"evToEbitda": 8.5})["id"] == by_model


def test_more_debt_than_the_deal_needs_is_refused_with_what_would_mend_it(analyst: Caller) -> None:
    loan = bought()["tranches"][0] | {"timesEbitda": 9.0}
    found = valued(analyst, tranches=[loan])
    assert found["code"] == "INFEASIBLE"
    assert any("200" in issue["message"] + issue["suggestion"] for issue in found["issues"])


def test_all_that_is_wrong_is_said_at_once_by_the_paths_as_typed(analyst: Caller) -> None:
    loan = bought()["tranches"][0] | {"spread": 0.05, "oid": 2.0, "commitment": 5.0}
    found = valued(analyst, tranches=[loan], currency="usd", exit={"evToEbitda": -1.0})
    assert found["code"] == "INVALID_INPUT"
    paths = {issue["path"] for issue in found["issues"]}
    assert {"currency", "exit.evToEbitda", "tranches[0].oid", "tranches[0].commitment"} <= paths
    assert all(issue["suggestion"] for issue in found["issues"])


def test_owners_who_are_wiped_out_are_told_at_which_multiple_they_are_not(analyst: Caller) -> None:
    found = valued(analyst, exit={"evToEbitda": 1.0})
    assert found["code"] == "INFEASIBLE"
    multiple = found["message"] + "".join(issue["suggestion"] for issue in found["issues"])
    assert "exit" in multiple.lower()


REVOLVER: Final = {
    "name": "Revolver",
    "kind": "REVOLVER",
    "amount": 60.0,
    "commitment": 50.0,
    "fixedRate": 0.06,
    "tenor": 5,
}
LOAN: Final = bought()["tranches"][0]
# What is wrong, where it is said to be, and what its number mends: (words of it, what becomes of
# the input).
MENDS: Final[dict[str, tuple[dict[str, Any], str, str, Callable[[float], dict[str, Any]]]]] = {
    "sources beyond uses": (
        {"tranches": [LOAN | {"timesEbitda": 9.0, "fee": 0.02}]},
        "tranches",
        "tranches[0].timesEbitda to #",
        lambda turns: {"tranches": [LOAN | {"timesEbitda": turns, "fee": 0.02}]},
    ),
    "a price below the debt": (
        {"tranches": [LOAN | {"timesEbitda": 9.0, "fee": 0.02}]},
        "tranches",
        "entry.evToEbitda be # or more",
        lambda multiple: {
            "tranches": [LOAN | {"timesEbitda": 9.0, "fee": 0.02}],
            "entry": {"ltmEbitda": 200.0, "evToEbitda": multiple},
            "exit": {"evToEbitda": 9.0},
        },
    ),
    "drawn beyond the commitment": (
        {"tranches": [LOAN, REVOLVER]},
        "tranches[1].amount",
        "commitment of # or more",
        lambda money: {"tranches": [LOAN, REVOLVER | {"commitment": money}]},
    ),
    "nothing left, and no rate of return": (
        {"exit": {"evToEbitda": 1.0, "costs": 0.03}},
        "exit.evToEbitda",
        "exit multiple of # or more",
        lambda multiple: {"exit": {"evToEbitda": multiple, "costs": 0.03}},
    ),
    "a circle without a solution": (
        {"tranches": [_floating(1.0)], "baseRate": {"level": 1.0}},
        "tranches[0].spread",
        "spread of # or less",
        lambda spread: {
            "tranches": [_floating(spread)],
            "baseRate": {"level": 1.0},
            "exit": {"evToEbitda": 190.0},
        },
    ),
}


@pytest.mark.parametrize("what", MENDS)
def test_a_no_names_its_cause_and_the_number_that_mends_it(analyst: Caller, what: str) -> None:
    """As it is typed: whoever puts the number in has a valuation."""
    changes, path, words, mended = MENDS[what]
    found = valued(analyst, **changes)
    assert found["__typename"] == "Refusal"
    (issue,) = (each for each in found["issues"] if each["path"] == path)
    assert issue["message"]
    number = re.search(re.escape(words).replace(r"\#", r"([\d,.]+\d)"), issue["suggestion"])
    assert number, issue["suggestion"]
    again = valued(analyst, **mended(float(number[1].replace(",", ""))))
    assert again["__typename"] == "LboValuation", again


def test_exits_side_by_side_and_the_most_that_can_be_paid(analyst: Caller) -> None:
    asked = """query ($id: ID!) { valuation(id: $id) { ... on LboValuation {
      irr moic
      exitGrid(years: [3, 5], multiples: [7, 8]) {
        ... on ExitGrid { years multiples irr moic
          holders { name invested dividend proceeds moic irr } }
        ... on Refusal { issues { path } } }
      wrong: exitGrid(years: [9], multiples: [-1]) {
        __typename ... on Refusal { issues { path } } }
      dear: maximumPrice(targetIrr: -0.1) {
        __typename ... on Refusal { issues { path } } }
      maximumPrice(targetIrr: 0.15) {
        ... on MaximumPrice { enterpriseValue evToEbitda sponsorEquity premium }
        ... on Refusal { message } }
    } } }"""
    base = valued(analyst)
    found = analyst.data(asked, {"id": base["id"]})["valuation"]
    grid = found["exitGrid"]
    assert (grid["years"], grid["multiples"]) == ([3, 5], [7.0, 8.0])
    assert grid["irr"][1][1] == found["irr"]
    assert grid["moic"][1][1] == found["moic"]
    assert grid["irr"][0][1] == base["exits"][2]["irr"]
    (sponsor,) = grid["holders"]
    assert (sponsor["name"], sponsor["dividend"]) == ("SPONSOR", [0.0, 0.0])
    assert (sponsor["irr"], sponsor["moic"]) == (grid["irr"], grid["moic"])
    assert sponsor["proceeds"][0][1] == base["exits"][2]["holders"][0]["proceeds"]
    assert {issue["path"] for issue in found["wrong"]["issues"]} == {"years[0]", "multiples[0]"}
    assert found["dear"]["issues"] == [{"path": "targetIrr"}]
    price = found["maximumPrice"]
    entry = {"ltmEbitda": 200.0, "enterpriseValue": price["enterpriseValue"]}
    loan = {k: v for k, v in bought()["tranches"][0].items() if k != "timesEbitda"}
    again = valued(analyst, entry=entry, tranches=[loan | {"amount": 800.0}])
    assert again["irr"] == pytest.approx(0.15, abs=1e-12)
    assert again["sponsorEquity"] == pytest.approx(price["sponsorEquity"], rel=1e-12)
