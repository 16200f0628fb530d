"""A firm that is valued as others like it are, by every road that a valuation has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from services.principal import Role
from tests.comparables_documents import compared
from tests.served import Caller, Served, served

VALUE: Final = """mutation ($input: ComparablesInput!) { valueComparables(input: $input) {
  __typename ... on Refusal { code issues { path code suggestion } }
  ... on ComparablesValuation {
    id kind valuePerShare equityValue enterpriseValue multiple upside netDebt
    ranges { multiple period count statistics { low median high }
             median { valuePerShare } upperQuartile { valuePerShare }
             peers { name multiple silence } }
    peers { name enterpriseValue asOf ltm { ebitda } }
    remarks { code path }
  } } }"""
CREATE: Final = """mutation ($inputs: ModelInputs!) {
  createModel(input: {name: "Medlar", inputs: $inputs}) { ... on FinancialModel { id kind } } }"""
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
    found: dict[str, Any] = analyst.data(VALUE, {"input": compared(**changes)})["valueComparables"]
    return found


def test_the_median_of_three_orchards_values_a_fourth(analyst: Caller) -> None:
    """8, 10 and 13 times EBITDA: the median of 10 times 200 is 2,000, less 200, over 100."""
    found = valued(analyst)
    assert (found["kind"], found["multiple"], found["enterpriseValue"]) == (
        "COMPARABLES",
        10.0,
        2000.0,
    )
    assert (found["equityValue"], found["valuePerShare"]) == (1800.0, 18.0)
    assert found["upside"] == pytest.approx(0.2)  # above 15
    first, second = found["ranges"]
    assert first["statistics"] == {"low": 8.0, "median": 10.0, "high": 13.0}
    assert [peer["multiple"] for peer in first["peers"]] == [8.0, 10.0, 13.0]
    # A quarter of the way from the top, halfway between 10 and 13, and 11.5 x 200 - 200 over 100.
    assert first["upperQuartile"]["valuePerShare"] == 21.0
    assert second["median"]["valuePerShare"] == 18.0  # 2 times revenue of 1,000
    assert [peer["asOf"] for peer in found["peers"]] == ["2024-09-27"] * 3


def test_a_model_of_it_is_edited_and_valued_under_the_same_id(analyst: Caller) -> None:
    made = analyst.data(CREATE, {"inputs": {"comparables": compared()}})["createModel"]
    assert made["kind"] == "COMPARABLES"
    edits = [
        {"path": "subject.bridge.debt", "value": {"number": 500.0}},
        {"path": "peers[0].enterpriseValue", "value": {"number": 180.0}},
        {
            "path": "multiples",
            "value": {"multiples": [{"multiple": "EV_TO_REVENUE", "period": "LTM"}]},
        },
    ]
    edited = analyst.data(EDIT, {"id": made["id"], "edits": edits})["editModel"]
    assert [change["text"] for change in edited["revision"]["changes"]][:2] == [
        "Debt of the firm from 300 to 500",
        "Enterprise value of comparable 1 from 160 to 180",
    ]
    text = "mutation ($id: ID!) { valueModel(id: $id) { ... on Valuation { id } } }"
    by_model = analyst.data(text, {"id": made["id"]})["valueModel"]["id"]
    document = compared(multiples=[{"multiple": "EV_TO_REVENUE", "period": "LTM"}])
    document["subject"]["bridge"]["debt"] = 500.0
    document["peers"][0]["enterpriseValue"] = 180.0
    again = analyst.data(VALUE, {"input": document})["valueComparables"]
    assert again["id"] == by_model


def test_every_analysis_works_on_it(analyst: Caller) -> None:
    asked = """query ($id: ID!) { valuation(id: $id) { ... on Analysable {
      sensitivity(rows: {path: "subject.bridge.debt", values: [300, 400]},
                  columns: {path: "peers[1].enterpriseValue", values: [200, 210]}) {
        ... on Sensitivity { values } }
      tornado { ... on Tornado { bars { path } } }
      gradient(paths: ["subject.bridge.debt", "peers[1].enterpriseValue"]) {
        ... on Gradient { slopes { derivative } } }
      reverse(path: "subject.bridge.debt") { ... on ReverseValuation { solutions { input } } }
      attribution(from: $id) { ... on Attribution { contributions { amount } } }
      replay { sameHash }
      simulation(spec: {seed: 1, shocks: [{path: "subject.bridge.debt",
                 distribution: {normal: {standardDeviation: 10}}}]}) {
        ... on Simulation { mean probabilityAbove } }
    } } }"""
    found = analyst.data(asked, {"id": valued(analyst)["id"]})["valuation"]
    assert found["sensitivity"]["values"] == [[18.0, 19.0], [17.0, 18.0]]
    assert "peers[1].enterpriseValue" in [bar["path"] for bar in found["tornado"]["bars"]]
    # A unit of debt is a hundredth a share; a unit of the median peer's value ten times that.
    slopes = [slope["derivative"] for slope in found["gradient"]["slopes"]]
    assert slopes == pytest.approx([-0.01, 0.1], rel=1e-12)
    assert found["reverse"]["solutions"] == [{"input": pytest.approx(600.0)}]  # 15 a share
    assert found["attribution"]["contributions"] == []
    assert found["replay"] == {"sameHash": True}
    assert found["simulation"]["mean"] == pytest.approx(18.0, abs=1e-3)
    assert found["simulation"]["probabilityAbove"] == 1.0


def test_a_run_may_be_about_it(analyst: Caller) -> None:
    text = """mutation ($source: SimulationSourceInput!) { startSimulation(input: {source: $source,
      spec: {trials: 1000, shocks: [{path: "subject.bridge.debt",
             distribution: {normal: {standardDeviation: 10}}}]}}) {
        ... on Run { id output valuation { ... on ComparablesValuation { multiple } } } } }"""
    run = analyst.data(text, {"source": {"comparables": compared()}})["startSimulation"]
    assert run["output"] == "VALUE_PER_SHARE"
    assert run["valuation"]["multiple"] == 10.0


def test_all_that_is_wrong_is_said_at_once_by_the_paths_as_typed(analyst: Caller) -> None:
    document = compared(currency="dollars", marketPrice=-1.0)
    document["peers"][1] |= {"sharePrice": 5.0, "name": "Plum"}
    document["subject"]["bridge"]["debt"] = -1.0
    found = analyst.data(VALUE, {"input": document})["valueComparables"]
    assert found["code"] == "INVALID_INPUT"
    assert {"currency", "marketPrice", "subject.bridge.debt", "peers[1].name"} <= {
        issue["path"] for issue in found["issues"]
    }
    assert all(issue["suggestion"] for issue in found["issues"])


def years(*ends: str) -> dict[str, Any]:
    lines = {"revenue": 1000.0, "ebitda": 200.0}
    return {"calendarised": {"fiscalYears": [{"end": end, **lines} for end in ends]}}


def of_the_firm(**changes: Any) -> dict[str, Any]:
    document = compared()
    document["subject"] |= changes
    return document


def of_the_first_peer(**changes: Any) -> dict[str, Any]:
    document = compared()
    document["peers"][0] |= changes
    return document


LOSS: Final = {"stated": {"ltm": {"revenue": 1000.0, "ebitda": -10.0}}}
BRIDGE: Final = {"debt": 0.0, "cash": 10.0}
EBITDA, REVENUE = ({"multiple": f"EV_TO_{each}", "period": "LTM"} for each in ("EBITDA", "REVENUE"))


@pytest.mark.parametrize(
    ("wrong", "path", "said", "right"),
    [
        (
            of_the_firm(metrics=years("2024-12-31", "2025-12-31")),
            "subject.metrics.calendarised.fiscalYears",
            "the fiscal year that ends about 2023-12-31",
            of_the_firm(metrics=years("2023-12-31", "2024-12-31")),
        ),
        (
            of_the_firm(metrics=years("2023-12-31", "2025-01-31")),
            "subject.metrics.calendarised.fiscalYears[1].end",
            "350 to 380 days",
            of_the_firm(metrics=years("2023-12-31", "2025-01-14")),
        ),
        (
            of_the_firm(metrics=LOSS),
            "subject.metrics.stated",
            "such as revenue",
            {**of_the_firm(metrics=LOSS), "multiples": [REVENUE, EBITDA]},
        ),
        (
            compared(multiples=[{**EBITDA, "kind": "TRANSACTION"}]),
            "multiples[0]",
            "Give it for at least one",
            compared(multiples=[{**EBITDA, "kind": "TRADING"}]),
        ),
        (
            of_the_first_peer(kind="TRANSACTION", announced="2024-09-28"),
            "peers[0].announced",
            "not after asOf",
            of_the_first_peer(kind="TRANSACTION", announced="2024-09-27"),
        ),
        (
            of_the_first_peer(enterpriseValue=None, sharePrice=4.0, bridge=BRIDGE),
            "peers[0].shares",
            "Give peers[0].shares",
            of_the_first_peer(
                enterpriseValue=None, sharePrice=4.0, bridge=BRIDGE, shares={"diluted": 30.0}
            ),
        ),
        (
            of_the_firm(shares={"diluted": 0.0}),
            "subject.shares.diluted",
            "from 1 to",
            of_the_firm(shares={"diluted": 1.0}),
        ),
    ],
)
def test_what_is_refused_is_told_what_would_be_right(
    analyst: Caller, wrong: dict[str, Any], path: str, said: str, right: dict[str, Any]
) -> None:
    refused = analyst.data(VALUE, {"input": wrong})["valueComparables"]
    for issue in refused["issues"]:
        assert issue["path"] == path
        assert said in issue["suggestion"]
    mended = analyst.data(VALUE, {"input": right})["valueComparables"]
    assert mended["__typename"] == "ComparablesValuation"


def test_an_id_of_one_kind_is_no_id_of_another(analyst: Caller) -> None:
    from base64 import urlsafe_b64decode, urlsafe_b64encode

    given = valued(analyst)["id"]
    inner = urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode().split(":")[1]
    other = urlsafe_b64encode(f"DcfValuation:{inner}".encode()).decode().rstrip("=")
    answer = analyst.ask("query ($id: ID!) { valuation(id: $id) { id } }", {"id": other})
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
