"""A firm's debt by what its shares say of it, by every road that a valuation has."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any, Final

import pytest

from services.principal import Role
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.served import THEIRS, Caller, Served, served

VALUE: Final = """mutation ($input: CreditInput!, $of: ID) {
  valueCredit(input: $input, equityOf: $of) {
  __typename ... on Refusal { code message issues { path code message suggestion } }
  ... on CreditValuation {
    id kind currency inputs equityValue assetValue assetVolatility distanceToDefault
    defaultProbability spread debtValue risklessDebtValue expectedLoss recovery leverage
    certificate { steps equityResidual volatilityResidual } remarks { code path }
    assumptions { path label source }
  } } }"""
CREATE: Final = """mutation ($inputs: ModelInputs!) {
  createModel(input: {name: "Quince", inputs: $inputs}) { ... on FinancialModel { id kind } } }"""
EDIT: Final = """mutation ($id: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: "once", edits: $edits) {
    __typename ... on Refusal { code issues { path message } }
    ... on EditedModel { revision { changes { text } } } } }"""

Answer = dict[str, Any]


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


def kept(caller: Caller, kind: str, document: Answer) -> str:
    value = f"value{kind}(input: $i) {{ ... on Node {{ id }} }}"
    text = f"mutation ($i: {kind}Input!) {{ valued: {value} }}"
    found: str = caller.data(text, {"i": document})["valued"]["id"]
    return found


def valued_of(caller: Caller, of: str | None, **changes: Any) -> Answer:
    """The debt of the firm behind a kept valuation, whose equity value is not given."""
    document = indebted(debt=500.0, equityVolatility=0.4, **changes)
    if "equityValue" not in changes:
        del document["equityValue"]
    found: Answer = caller.data(VALUE, {"input": document, "of": of})["valueCredit"]
    return found


def issues(found: Answer) -> dict[str, str]:
    assert found["code"] == "INVALID_INPUT", found
    assert all(issue["message"] and issue["suggestion"] for issue in found["issues"])
    return {issue["path"]: issue["code"] for issue in found["issues"]}


# A firm of 1,500 that owes 500 and has 100; a comparison of 2,000 that owes 200.
@pytest.mark.parametrize(
    ("kind", "noun", "document", "equity"),
    [
        ("Dcf", "DCF", firm(), 1_100.0),
        ("Comparables", "comparison", compared(), 1_800.0),
    ],
)
def test_a_debt_is_valued_by_the_equity_of_a_kept_valuation_and_says_so(
    analyst: Caller, kind: str, noun: str, document: Answer, equity: float
) -> None:
    of = kept(analyst, kind, document)
    said = {"path": "debt", "source": "Annual report, p. 61"}
    found = valued_of(analyst, of, assumptions=[said])
    assert found["inputs"]["equityValue"] == pytest.approx(equity, rel=1e-12)
    assert found["equityValue"] == found["inputs"]["equityValue"]
    assert found["assetValue"] == pytest.approx(equity + found["debtValue"], rel=1e-12)
    source = f"Equity value of the {noun} {of}"
    assert found["assumptions"] == [
        said | {"label": "Debt"},
        {"path": "equityValue", "label": "Equity value", "source": source},
    ]


def test_what_was_taken_is_valued_replayed_and_analysed_without_its_source(
    analyst: Caller,
) -> None:
    of = kept(analyst, "Dcf", firm())
    found = valued_of(analyst, of)
    assert valued_of(analyst, of)["id"] == found["id"]
    # The kept inputs hold the number, so whoever sends them again names nothing.
    inputs = found["inputs"]
    again = analyst.data(VALUE, {"input": inputs})["valueCredit"]
    assert again["id"] == found["id"]
    # An equal number from elsewhere has another source, and so another id.
    assert valued_of(analyst, None, equityValue=inputs["equityValue"])["id"] != found["id"]
    asked = """query ($id: ID!) { valuation(id: $id) { replay { sameHash }
      ... on Analysable { gradient(of: SPREAD) { ... on Gradient { slopes { path } } } } } }"""
    looked = analyst.data(asked, {"id": found["id"]})["valuation"]
    assert looked["replay"]["sameHash"] is True
    assert "equityValue" in {each["path"] for each in looked["gradient"]["slopes"]}
    made = analyst.data(CREATE, {"inputs": {"credit": inputs}})["createModel"]
    text = "mutation ($id: ID!) { valueModel(id: $id) { ... on Valuation { id } } }"
    assert analyst.data(text, {"id": made["id"]})["valueModel"]["id"] == found["id"]


def test_exactly_one_of_an_equity_value_and_its_source_is_given(analyst: Caller) -> None:
    of = kept(analyst, "Dcf", firm())
    assert issues(valued_of(analyst, of, equityValue=3.0)) == {"equityOf": "CONTRADICTION"}
    neither = valued_of(analyst, None, horizon=99.0)
    assert issues(neither) == {"equityValue": "MISSING", "horizon": "OUT_OF_RANGE"}
    assert "equityOf" in neither["issues"][0]["suggestion"]


@pytest.mark.parametrize(
    ("kind", "document"), [("Lbo", bought()), ("Merger", merged()), ("Credit", indebted())]
)
def test_a_kind_without_an_equity_value_is_refused(
    analyst: Caller, kind: str, document: Answer
) -> None:
    found = valued_of(analyst, kept(analyst, kind, document))
    assert issues(found) == {"equityOf": "CONTRADICTION"}
    assert "a DCF or a comparison" in found["issues"][0]["suggestion"]


def test_equity_below_nothing_and_another_currency_are_refused_with_all_else(
    analyst: Caller,
) -> None:
    under = kept(analyst, "Dcf", firm(**{"bridge.debt": 2_000.0}))
    found = valued_of(analyst, under)
    assert issues(found) == {"equityOf": "OUT_OF_RANGE"}
    assert "-400 USD" in found["issues"][0]["message"]
    euros = kept(analyst, "Dcf", firm(currency="EUR"))
    said = [{"path": "equityValue", "source": "The market"}]
    found = valued_of(analyst, euros, assumptions=said, riskFreeRate=5.0)
    assert issues(found) == {
        "currency": "CONTRADICTION",
        "assumptions[0].path": "CONTRADICTION",
        "riskFreeRate": "OUT_OF_RANGE",
    }
    assert valued_of(analyst, euros, currency="EUR")["currency"] == "EUR"


def test_an_id_of_nothing_and_of_another_tenant_are_one_no(server: Served, analyst: Caller) -> None:
    with server.caller(Role.ANALYST, THEIRS) as stranger:
        theirs = kept(stranger, "Dcf", firm(**{"capital.wacc": 0.11}))
    ours = kept(analyst, "Dcf", firm())
    address = b64decode(ours + "==").decode().partition(":")[2]
    of_another_kind = b64encode(f"LboValuation:{address}".encode()).decode().rstrip("=")
    nos = [valued_of(analyst, id_) for id_ in (theirs, "nothing", "", of_another_kind)]
    assert all(no == nos[0] for no in nos)
    assert nos[0]["code"] == "NOT_FOUND"
    assert [(issue["path"], issue["code"]) for issue in nos[0]["issues"]] == [
        ("equityOf", "UNKNOWN")
    ]
    worse = valued_of(analyst, "nothing", horizon=99.0)
    assert worse["code"] == "NOT_FOUND"
    assert [issue["path"] for issue in worse["issues"]] == ["equityOf", "horizon"]


def test_who_may_not_value_is_told_so_before_anything_is_looked_for(server: Served) -> None:
    with server.caller(Role.VIEWER) as viewer:
        assert valued_of(viewer, "nothing")["code"] == "FORBIDDEN"


def test_a_model_and_a_run_hold_the_number_itself(analyst: Caller) -> None:
    bare = indebted()
    del bare["equityValue"]
    text = """mutation ($inputs: ModelInputs!) {
      createModel(input: {name: "Quince", inputs: $inputs}) {
        ... on Refusal { code issues { path code message suggestion } } } }"""
    refused = analyst.data(text, {"inputs": {"credit": bare}})["createModel"]
    assert issues(refused) == {"equityValue": "MISSING"}
    text = """mutation ($input: CreditInput!) {
      startSimulation(operationId: "one", input: {source: {credit: $input}, spec: {trials: 100,
        shocks: [{path: "debt", distribution: {normal: {standardDeviation: 1}}}]}}) {
        ... on Refusal { code issues { path code message suggestion } } } }"""
    refused = analyst.data(text, {"input": bare})["startSimulation"]
    assert issues(refused) == {"equityValue": "MISSING"}
    made = analyst.data(CREATE, {"inputs": {"credit": indebted()}})["createModel"]
    edits = [{"path": "equityValue", "value": {"nothing": True}}]
    refused = analyst.data(EDIT, {"id": made["id"], "edits": edits})["editModel"]
    assert [issue["path"] for issue in refused["issues"]] == ["equityValue"]


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
    assert "Give an equity value of 19,4" in issue["suggestion"]
    assert valued(analyst, equityValue=19_500, equityVolatility=0.01, debt=1e8)["id"]
