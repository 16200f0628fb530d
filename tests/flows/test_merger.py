"""A merger, by every road that a valuation has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from services.principal import Role
from tests.merger_documents import merged
from tests.served import Caller, Served, served

VALUE: Final = """mutation ($input: MergerInput!) { valueMerger(input: $input) {
  __typename ... on Refusal { code message issues { path code message suggestion } }
  ... on MergerValuation {
    id kind accretion cashAccretion earningsPerShare newShares acquirerOwnership goodwill newDebt
    enterpriseValue valueCreated remarks { code }
  } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def analyst(server: Served) -> Iterator[Caller]:
    with server.caller(Role.ANALYST) as caller:
        yield caller


def valued(analyst: Caller, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = analyst.data(VALUE, {"input": merged(**changes)})["valueMerger"]
    return found


def test_a_merger_by_hand(analyst: Caller) -> None:
    """25 a share for 40 shares is 1,000: ten shares at 50, and 500 of debt; 300 more repays the
    target's. Earnings of 500 + 140 + 40 of synergies - 48 of interest, less a quarter, are 474 for
    110 shares, where 375 were for 100."""
    found = valued(analyst)
    assert found["kind"] == "MERGER"
    assert (found["newShares"], found["newDebt"]) == (10.0, 800.0)
    assert found["earningsPerShare"] == pytest.approx(474.0 / 110.0, rel=1e-12)
    assert found["accretion"] == pytest.approx(474.0 / 110.0 / 3.75 - 1.0, rel=1e-12)
    assert found["acquirerOwnership"] == pytest.approx(100.0 / 110.0, rel=1e-15)
    assert found["goodwill"] == 550.0  # 1,000 less a book value of 50 + 700 - 300
    assert found["enterpriseValue"] == 1250.0  # and its debt of 300, less its cash of 50


def test_every_analysis_works_on_it(analyst: Caller) -> None:
    asked = """query ($id: ID!) { valuation(id: $id) { ... on Analysable {
      sensitivity(rows: {path: "offer.premium", values: [0.25, 0.4]},
                  columns: {path: "financing.stockShare", values: [0.5, 1]}) {
        ... on Sensitivity { values } }
      tornado { ... on Tornado { bars { path } } }
      gradient(paths: ["synergies.cost"]) { ... on Gradient { slopes { derivative } } }
      reverse(path: "offer.premium", target: 0) {
        ... on ReverseValuation { solutions { input } } }
      attribution(from: $id) { ... on Attribution { contributions { amount } } }
      replay { sameHash }
      simulation(spec: {seed: 1, shocks: [{path: "synergies.cost",
                 distribution: {normal: {standardDeviation: 5}}}]}) {
        ... on Simulation { mean } }
    } } }"""
    base = valued(analyst)
    found = analyst.data(asked, {"id": base["id"]})["valuation"]
    grid = found["sensitivity"]["values"]
    assert grid[0][0] == pytest.approx(base["accretion"], rel=1e-12)
    assert grid[1][0] < grid[0][0]
    # A unit of synergies each year is three quarters after tax, over 110 shares and 3.75 a share.
    slopes = found["gradient"]["slopes"]
    assert slopes == [{"derivative": pytest.approx(0.75 / 110.0 / 3.75, rel=1e-12)}]
    (solution,) = found["reverse"]["solutions"]
    again = valued(analyst, offer={"premium": solution["input"]})
    assert again["accretion"] == pytest.approx(0.0, abs=1e-12)
    assert found["attribution"]["contributions"] == []
    assert found["replay"] == {"sameHash": True}
    assert found["simulation"]["mean"] == pytest.approx(base["accretion"], abs=1e-4)


def test_a_model_of_it_is_edited_and_valued_under_the_same_id(analyst: Caller) -> None:
    made = analyst.data(
        """mutation ($inputs: ModelInputs!) { createModel(input: {name: "Deal", inputs: $inputs}) {
             ... on FinancialModel { id kind } } }""",
        {"inputs": {"merger": merged()}},
    )["createModel"]
    assert made["kind"] == "MERGER"
    edited = analyst.data(
        """mutation ($id: ID!, $edits: [ModelEdit!]!) {
             editModel(id: $id, operationId: "once", edits: $edits) {
               ... on Refusal { issues { path message } }
               ... on EditedModel { revision { changes { path text } } } } }""",
        {"id": made["id"], "edits": [{"path": "offer.premium", "value": {"number": 0.3}}]},
    )["editModel"]
    (change,) = edited["revision"]["changes"]
    assert change["text"].endswith("from 25 % to 30 %")
    text = "mutation ($id: ID!) { valueModel(id: $id) { ... on Valuation { id } } }"
    by_model = analyst.data(text, {"id": made["id"]})["valueModel"]["id"]
    assert valued(analyst, offer={"premium": 0.3})["id"] == by_model


def test_all_that_is_wrong_is_said_at_once_by_the_paths_as_typed(analyst: Caller) -> None:
    found = valued(analyst, currency="usd", wacc=-1.0, offer={"premium": 0.2, "price": 30.0})
    assert found["code"] == "INVALID_INPUT"
    paths = {issue["path"] for issue in found["issues"]}
    assert {"currency", "wacc"} <= paths
    assert any(path.startswith("offer") for path in paths)
    assert all(issue["suggestion"] for issue in found["issues"])


WAY: Final = re.compile(r"let ([A-Za-z.]+) be ([-\d.,e]+) or (?:more|less)")
KEPT: Final = {"stockShare": 0.9, "refinanced": 0.0}


def put(document: Any, path: str, value: float) -> Any:
    """The document with a number at a path."""
    first, _, rest = path.partition(".")
    return {**document, first: put(document.get(first, {}), rest, value) if rest else value}


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        (
            {"allocation": {"intangibles": [{"amount": 1500.1234, "life": 9.0}]}},
            "INFEASIBLE",
            {"offer.premium"},
        ),
        ({"financing": KEPT}, "INFEASIBLE", {"financing.balanceSheetCash", "financing.stockShare"}),
        (
            {"financing": {"stockShare": 1.0, "refinanced": 0.777}},
            "INFEASIBLE",
            {"financing.balanceSheetCash", "financing.refinanced"},
        ),
    ],
)
def test_what_a_refused_deal_is_told_mends_it(
    analyst: Caller, changes: dict[str, Any], code: str, told: set[str]
) -> None:
    refused = valued(analyst, **changes)
    (issue,) = refused["issues"]
    assert refused["code"] == code
    ways = dict(WAY.findall(issue["suggestion"]))
    assert ways.keys() == told, issue["suggestion"]
    for path, number in ways.items():
        mended = put(merged(**changes), path, float(number.replace(",", "")))
        assert valued(analyst, **mended)["__typename"] == "MergerValuation", path


@pytest.mark.parametrize(
    ("path", "wrong", "said", "right"),
    [
        ("financing.balanceSheetCash", 350.5, "Use up to 350", 350.0),
        ("financing.newDebt.fee", 1.0, "0 to 0.9", 0.9),
        ("financing.stockShare", 1.2, "0 to 1", 1.0),
        ("earnOut.year", 4, "1 to 3", 3),
        ("timing.years", 12, "1 to 10", 10),
        ("synergies.growth", 0.09, "0.089 or less", 0.088),
        ("offer.exchangeRatio.collar.highPrice", 40.0, "60.1235 or more", 60.1235),
        ("offer.exchangeRatio.collar.referencePrice", 80.0, "60.1235 to 70", 70.0),
    ],
)
def test_a_number_that_is_refused_is_told_one_that_is_not(
    analyst: Caller, path: str, wrong: float, said: str, right: float
) -> None:
    document = merged(earnOut={"amount": 10.0, "year": 2, "probability": 0.5})
    if "collar" in path:
        collar = {"ratio": 0.4, "lowPrice": 60.123456, "highPrice": 70.0}
        document |= {"offer": {"exchangeRatio": {"collar": collar}}}
        document["financing"] = {"newDebt": {"rate": 0.06, "tenor": 7.0}}
    refused = valued(analyst, **put(document, path, wrong))
    (issue,) = refused["issues"]
    assert (refused["code"], issue["path"]) == ("INVALID_INPUT", path)
    assert said in issue["suggestion"]
    assert valued(analyst, **put(document, path, right))["__typename"] == "MergerValuation"


def test_an_acquirer_that_earns_exactly_nothing_is_refused_and_one_that_loses_is_told_of_it(
    analyst: Caller,
) -> None:
    """800 less 200 and 100 are 500; with an EBITDA of 300 nothing is left."""
    nothing = put(merged(), "acquirer.statements.ebitda.level", 300.0)
    refused = valued(analyst, **nothing)
    (issue,) = refused["issues"]
    assert (refused["code"], issue["path"]) == ("INFEASIBLE", "acquirer.statements.ebitda[0]")
    lost = valued(analyst, **put(merged(), "acquirer.statements.ebitda.level", 290.0))
    assert {"code": "STAND_ALONE_LOSS"} in lost["remarks"]
    assert lost["accretion"] > 0.0  # 90 more is better than a loss of 7.5


def test_a_model_may_be_on_its_way_to_a_deal_that_can_be_closed(analyst: Caller) -> None:
    """An allocation above the price is kept in a model, and refused when that is valued."""
    made = analyst.data(
        """mutation ($inputs: ModelInputs!) { createModel(input: {name: "Deal", inputs: $inputs}) {
             ... on FinancialModel { id } } }""",
        {"inputs": {"merger": merged()}},
    )["createModel"]
    edited = analyst.data(
        """mutation ($id: ID!, $edits: [ModelEdit!]!) {
             editModel(id: $id, operationId: "on-its-way", edits: $edits) {
               __typename ... on Refusal { issues { path message } } } }""",
        {
            "id": made["id"],
            "edits": [
                {
                    "path": "allocation.intangibles",
                    "value": {"writeUps": [{"amount": 5000.0, "life": 10.0}]},
                }
            ],
        },
    )["editModel"]
    assert edited["__typename"] == "EditedModel", edited
    text = "mutation ($id: ID!) { valueModel(id: $id) { ... on Refusal { code message } } }"
    refused = analyst.data(text, {"id": made["id"]})["valueModel"]
    assert refused["code"] == "INFEASIBLE"
