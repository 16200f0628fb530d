"""A firm's debt by what its shares say of it, by every road that a valuation has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from services.principal import Role
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.served import Caller, Served, served

VALUE: Final = """mutation ($input: CreditInput!) { valueCredit(input: $input) {
  __typename ... on Refusal { code message issues { path code suggestion } }
  ... on CreditValuation {
    id kind currency assetValue assetVolatility distanceToDefault defaultProbability spread
    debtValue risklessDebtValue expectedLoss recovery leverage
    certificate { steps equityResidual volatilityResidual } remarks { code path }
    assumptions { path label source }
  } } }"""
CREATE: Final = """mutation ($inputs: ModelInputs!) {
  createModel(input: {name: "Quince", inputs: $inputs}) { ... on FinancialModel { id kind } } }"""
EDIT: Final = """mutation ($id: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: "once", edits: $edits) {
    __typename ... on Refusal { code issues { path message } }
    ... on EditedModel { revision { changes { text } } } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def analyst(server: Served) -> Iterator[Caller]:
    with server.caller(Role.ANALYST) as caller:
        yield caller


def valued(analyst: Caller, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = analyst.data(VALUE, {"input": indebted(**changes)})["valueCredit"]
    return found


def test_the_books_firm_has_the_books_assets_and_default(analyst: Caller) -> None:
    """Assets of 12.40 that move by 21.23 % a year, and a default of 12.7 %."""
    source = {"path": "equityVolatility", "source": "Hull, 9th ed., ch. 24"}
    found = valued(analyst, assumptions=[source])
    assert (found["kind"], found["currency"]) == ("CREDIT", "USD")
    assert round(found["assetValue"], 2) == 12.40
    assert round(found["assetVolatility"], 4) == 0.2123
    assert round(found["defaultProbability"], 3) == 0.127
    assert (round(found["debtValue"], 2), round(found["risklessDebtValue"], 2)) == (9.40, 9.51)
    assert found["leverage"] == pytest.approx(found["debtValue"] / found["assetValue"])
    assert found["certificate"]["steps"] < 10
    assert found["certificate"]["equityResidual"] <= 1e-12
    assert found["assumptions"] == [source | {"label": "Equity volatility"}]
    (remark,) = valued(analyst, horizon=0.2)["remarks"]
    assert remark == {"code": "SHORT_HORIZON", "path": "horizon"}


def test_the_equity_of_a_dcf_may_be_what_the_debt_is_valued_by(analyst: Caller) -> None:
    value = "valueDcf(input: $i) { ... on DcfValuation { equityValue } }"
    text = f"mutation ($i: DcfInput!) {{ {value} }}"
    equity = analyst.data(text, {"i": firm()})["valueDcf"]["equityValue"]
    found = valued(analyst, equityValue=equity, debt=500.0, equityVolatility=0.4)
    # Put-call parity: what the assets are worth is shared by owners and lenders.
    assert found["assetValue"] == pytest.approx(equity + found["debtValue"], rel=1e-13)


def test_a_model_of_it_is_edited_and_valued_under_the_same_id(analyst: Caller) -> None:
    made = analyst.data(CREATE, {"inputs": {"credit": indebted()}})["createModel"]
    assert made["kind"] == "CREDIT"
    edits = [
        {"path": "debt", "value": {"number": 8.0}},
        {"path": "equityVolatility", "value": {"number": 0.7}},
    ]
    edited = analyst.data(EDIT, {"id": made["id"], "edits": edits})["editModel"]
    assert [change["text"] for change in edited["revision"]["changes"]] == [
        "Equity volatility from 80 % to 70 %",
        "Debt from 10 to 8",
    ]
    text = "mutation ($id: ID!) { valueModel(id: $id) { ... on Valuation { id } } }"
    by_model = analyst.data(text, {"id": made["id"]})["valueModel"]["id"]
    assert valued(analyst, debt=8.0, equityVolatility=0.7)["id"] == by_model


def test_analyses_ask_for_any_of_its_three_numbers(analyst: Caller) -> None:
    asked = """query ($id: ID!, $before: ID!) { valuation(id: $id) { ... on Analysable {
      sensitivity(rows: {path: "debt", values: [8, 10]}, of: DEFAULT_PROBABILITY,
                  columns: {path: "equityVolatility", values: [0.7, 0.8]}) {
        ... on Sensitivity { values } }
      oneWaySensitivity(axis: {path: "debt", values: [10]}) {
        ... on OneWaySensitivity { lines { of values } } }
      tornado(of: SPREAD) { ... on Tornado { bars { path } } }
      gradient(of: SPREAD) { ... on Gradient { slopes { path derivative } } }
      reverse(path: "debt", target: 2, low: 1, high: 100) {
        ... on ReverseValuation { solutions { input } } }
      scenarios(cases: [{name: "Calm", changes: [{path: "equityVolatility", value: 0.4}]}]) {
        ... on ScenarioComparison { cases { outputs { of value } } } }
      attribution(from: $before, of: SPREAD) {
        ... on Attribution { before after contributions { paths amount } } }
    } } }"""
    base, before = valued(analyst), valued(analyst, debt=8.0)
    found = analyst.data(asked, {"id": base["id"], "before": before["id"]})["valuation"]
    assert found["sensitivity"]["values"][0][1] == before["defaultProbability"]
    assert found["sensitivity"]["values"][1][1] == base["defaultProbability"]
    lines = {each["of"]: each["values"] for each in found["oneWaySensitivity"]["lines"]}
    assert lines == {
        "DISTANCE_TO_DEFAULT": [base["distanceToDefault"]],
        "DEFAULT_PROBABILITY": [base["defaultProbability"]],
        "SPREAD": [base["spread"]],
    }
    assert found["tornado"]["bars"][0]["path"] == "equityVolatility"
    slopes = {each["path"]: each["derivative"] for each in found["gradient"]["slopes"]}
    # In money of another size nothing changes.
    assert 3.0 * slopes["equityValue"] + 10.0 * slopes["debt"] == pytest.approx(0.0, abs=1e-14)
    (root,) = found["reverse"]["solutions"]
    again = valued(analyst, debt=root["input"])
    assert again["distanceToDefault"] == pytest.approx(2.0, rel=1e-12)
    calm = {each["of"]: each["value"] for each in found["scenarios"]["cases"][0]["outputs"]}
    assert calm["SPREAD"] == valued(analyst, equityVolatility=0.4)["spread"]
    told = found["attribution"]
    assert (told["before"], told["after"]) == (before["spread"], base["spread"])
    assert [each["paths"] for each in told["contributions"]] == [["debt"]]


def test_all_that_is_wrong_is_said_at_once_by_the_paths_as_typed(analyst: Caller) -> None:
    found = valued(analyst, equityVolatility=80.0, debt=0.0, riskFreeRate=5.0, currency="usd")
    assert found["code"] == "INVALID_INPUT"
    told = {issue["path"]: issue["suggestion"] for issue in found["issues"]}
    assert told.keys() == {"equityVolatility", "debt", "riskFreeRate", "currency"}
    assert "0.8" in told["equityVolatility"]


def test_equity_that_is_next_to_nothing_is_refused_with_what_would_do(analyst: Caller) -> None:
    found = valued(analyst, equityValue=0.01, equityVolatility=0.01, debt=1e8)
    assert found["code"] == "INFEASIBLE"
    (issue,) = found["issues"]
    assert issue["path"] == "equityValue"
    assert "a thousandth of the debt" in issue["suggestion"]
