"""What the page about limits says of plans, prices and headers is what the server says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, validate

from api.operations.price import Pricer
from api.transports.budget_headers import budget_headers
from services.metering import Charge
from services.plans import LIMITS, Plan
from tests.dcf_documents import firm
from tests.pages import DOCS, blocks, table
from tests.the_schema import GRAPHQL

PAGE = DOCS / "limits.md"


def points(text: str, variables: dict[str, Any] | None = None) -> int:
    document = parse(text)
    (node,) = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    assert validate(GRAPHQL, document) == []
    return Pricer(GRAPHQL).priced(document, node).of(variables or {}).points


def of_a_firm(field: str) -> int:
    """A DCF of ten years with an analysis."""
    text = (
        "mutation ($input: DcfInput!, $rows: AxisInput!, $spec: SimulationInput!) "
        f"{{ valueDcf(input: $input) {{ ... on DcfValuation {{ {field} }} }} }}"
    )
    if "$rows" not in field:
        text = text.replace("$rows: AxisInput!, ", "")
    if "$spec" not in field:
        text = text.replace(", $spec: SimulationInput!", "")
    timing = {"valuationDate": "2024-09-27", "years": 10}
    rows = {"path": "capital.wacc", "values": [0.1] * 200}
    return points(text, {"input": firm(timing=timing), "rows": rows, "spec": SPEC})


SHOCK = {"path": "capital.wacc", "distribution": {"normal": {"standardDeviation": 0.01}}}
SPEC = {"trials": 100_000, "shocks": [SHOCK] * 3}


def test_the_plans_are_those_that_are_sold() -> None:
    requests, of_points = table(PAGE, "| FREE | PRO | ENTERPRISE")
    for number, plan in enumerate(Plan, start=1):
        assert requests[number] == f"{LIMITS[plan].requests_per_minute:,}"
        assert of_points[number] == f"{LIMITS[plan].points_per_minute:,}"


def test_each_price_is_the_one_that_is_charged() -> None:
    run = (
        "mutation ($input: StartSimulationInput!) { startSimulation(input: $input) { __typename } }"
    )
    timing = {"valuationDate": "2024-09-27", "years": 10}
    asked = {"source": {"dcf": firm(timing=timing)}, "spec": SPEC | {"trials": 5_000_000}}
    prices = {
        "a DCF of ten years": str(of_a_firm("enterpriseValue")),
        "its 200 × 200 grid": str(
            of_a_firm("sensitivity(rows: $rows, columns: $rows) { __typename }")
        ),
        "its simulation of 100,000 trials, 3 shocks": str(
            of_a_firm("simulation(spec: $spec) { __typename }")
        ),
        "its tornado, its gradient, its value backwards": ", ".join(
            str(of_a_firm(f"{field} {{ __typename }}"))
            for field in ("tornado", "gradient", 'reverse(path: "capital.wacc")')
        ),
        "an `.xlsx` workbook": str(points('{ exportWorkbook(valuationId: "x") { __typename } }')),
        "a run of 5,000,000 trials, 3 shocks": str(points(run, {"input": asked})),
    }
    assert dict(row[:2] for row in table(PAGE, "request | points")) == prices


def test_the_headers_are_those_that_are_sent() -> None:
    (shown,) = blocks(PAGE, "text")
    charge = Charge(
        tenant_id=None,  # type: ignore[arg-type] # nobody asks whose it is
        limits=LIMITS[Plan.PRO],
        requested=14,
        actual=12,
        requests_left=499,
        points_left=19_988,
        requests_full_in_s=0.12,
        points_full_in_s=0.036,
    )
    sent = budget_headers(charge)
    said = dict(line.split(": ", 1) for line in shown.splitlines())
    assert said.keys() == sent.keys()
    assert {name: text for name, text in said.items() if name != "X-RateLimit-Reset"} == {
        name: text for name, text in sent.items() if name != "X-RateLimit-Reset"
    }
    (example,) = map(json.loads, blocks(PAGE, "json"))
    assert example["cost"].keys() == charge.document().keys()


@pytest.mark.parametrize("query", blocks(PAGE, "graphql"))
def test_each_query_is_one_of_the_schema(query: str) -> None:
    assert validate(GRAPHQL, parse(query)) == []
