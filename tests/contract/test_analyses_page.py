"""The page on analyses is true: its queries run, and its numbers are the answers."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.dcf_documents import but
from tests.live_server import LiveServer
from tests.pages import DOCS, EXAMPLES, blocks, table, text_of

PAGE = DOCS / "analyses.md"
MINUS = "−"


def example(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text("utf-8"))


def data(server: LiveServer, query: str, **variables: Any) -> Any:
    bearer = {"authorization": f"Bearer {server.token}"}
    body = {"query": query, "variables": variables}
    answer = httpx.post(server.graphql, json=body, headers=bearer).json()
    assert "errors" not in answer, answer
    return answer["data"]


def signed(amount: float) -> str:
    return f"{amount:+.2f}".replace("-", MINUS)


@pytest.fixture(scope="module")
def apple(live_server: LiveServer) -> Any:
    """What `examples/analyses.graphql` is answered."""
    query = text_of(EXAMPLES / "analyses.graphql")
    return data(live_server, query, **example("analyses.json"))["valueDcf"]


def test_the_line_over_the_wacc_is_apples(apple: Any) -> None:
    found = apple["oneWaySensitivity"]
    columns = {line["of"]: line["values"] for line in found["lines"]}
    shares, equity, enterprise = columns.values()
    assert list(columns) == ["VALUE_PER_SHARE", "EQUITY_VALUE", "ENTERPRISE_VALUE"]
    assert table(PAGE, "WACC | value per share | equity value | enterprise value") == [
        [f"{wacc:.1%}".replace("%", " %"), f"{a:.2f}", f"{b / 1e9:,.1f}", f"{c / 1e9:,.1f}"]
        for wacc, a, b, c in zip(found["inputValues"], shares, equity, enterprise, strict=True)
    ]


def test_what_the_market_price_takes_is_apples(apple: Any) -> None:
    wacc, growth = apple["reverse"], apple["reverseByGrowth"]
    (cheap,), (fast,) = wacc["solutions"], growth["solutions"]
    assert wacc["target"] == growth["target"] == example("analyses.json")["input"]["marketPrice"]
    assert f"{cheap['value']:.8f}" == f"{fast['value']:.8f}" == "227.79000000"
    assert table(PAGE, "input | as it is | for the market price") == [
        ["`capital.wacc`", f"{100 * wacc['ownInput']:.2f} %", f"{100 * cheap['input']:.2f} %"],
        [
            "`operations.revenueGrowth`, moved in every year",
            f"{growth['ownInput']:.0f}",
            f"{100 * fast['input']:.2f} points",
        ],
    ]


def test_the_cases_are_those_of_the_example(apple: Any) -> None:
    found = apple["scenarios"]

    def share(outputs: Any) -> list[str]:
        first = outputs[0]
        return [f"{first['value']:.2f}", signed(first["difference"])]

    told = table(PAGE, "case | probability | value per share | against the base")
    assert told[:3] == [
        [case["name"], f"{case['probability']:.0%}".replace("%", " %"), *share(case["outputs"])]
        for case in found["cases"]
    ]
    assert told[3:] == [["expected", "100 %", *share(found["expected"])]]


def test_the_difference_is_shared_out_as_the_page_tells(live_server: LiveServer) -> None:
    old = example("apple.json")
    new = but(old, "capital.capm.beta", 1.2)
    new = but(new, "bridge.debt", 1.1 * old["bridge"]["debt"])
    new["terminal"] = {"exitMultiple": {"evToEbitda": 13.0}}
    value = "mutation ($i: DcfInput!) { valueDcf(input: $i) { ... on DcfValuation { id } } }"
    before, after = (data(live_server, value, i=each)["valueDcf"]["id"] for each in (old, new))
    (query,) = (block for block in blocks(PAGE, "graphql") if "attribution" in block)
    asked = data(live_server, query, before=before, after=after)
    found = asked["valuation"]["attribution"]
    assert table(PAGE, "input | dollars a share") == [
        ["before", f"{found['before']:.2f}"],
        *(
            ["`" + "`, `".join(each["paths"]) + "`", signed(each["amount"])]
            for each in found["contributions"]
        ),
        ["after", f"{found['after']:.2f}"],
    ]
    total = sum(each["amount"] for each in found["contributions"])
    assert found["before"] + total == pytest.approx(found["after"], rel=1e-14)
    assert (found["method"], found["engine"]) == ("SHAPLEY", None)


def test_a_models_scenarios_are_compared_as_the_page_asks(live_server: LiveServer) -> None:
    made = data(
        live_server,
        "mutation ($inputs: DcfInput!) { createModel(input: {name: "
        '"Apple", inputs: {dcf: $inputs}}) { ... on FinancialModel { id } } }',
        inputs=example("apple.json"),
    )["createModel"]["id"]
    bear = {
        "path": "scenarios.bear",
        "value": {
            "scenario": {
                "name": "Bear",
                "changes": [{"path": "capital.capm.beta", "value": {"number": 1.3}}],
            }
        },
    }
    data(
        live_server,
        "mutation ($id: ID!, $edits: [ModelEdit!]!) { editModel(id: $id, operationId: "
        '"compared", edits: $edits) { __typename ... on Refusal { message } } }',
        id=made,
        edits=[bear],
    )
    (query,) = (block for block in blocks(PAGE, "graphql") if "scenarioComparison" in block)
    found = data(live_server, query, model=made)["model"]["scenarioComparison"]
    (case,) = found["cases"]
    assert case["name"] == "bear"
    for output, mean in zip(case["outputs"], found["expected"], strict=True):
        assert output["difference"] < 0.0
        assert mean["difference"] == pytest.approx(0.4 * output["difference"])
