"""The page on analyses is true: its queries run, and its numbers are the answers."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema

from services.kinds import KINDS
from tests.dcf_documents import but
from tests.live_server import LiveServer
from tests.pages import DOCS, EXAMPLES, ROOT, blocks, table, text_of
from tests.served import NO_TLS

PAGE = DOCS / "analyses.md"
MINUS = "−"


def example(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text("utf-8"))


def data(server: LiveServer, query: str, **variables: Any) -> Any:
    bearer = {"authorization": f"Bearer {server.token}"}
    body = {"query": query, "variables": variables}
    answer = httpx.post(
        server.graphql, json=body, headers=bearer, timeout=60.0, verify=NO_TLS
    ).json()
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


def test_every_kind_is_asked_for_its_numbers_in_the_order_that_is_told() -> None:
    told = {row[0]: row[1].strip("`").split("`, `") for row in table(PAGE, "kind | outputs")}
    assert told == {kind.name: list(kind.outputs) for kind in KINDS.values()}


# A buyout and a merger


@pytest.fixture(scope="module")
def deals(live_server: LiveServer) -> Any:
    """What `examples/deals.graphql` is answered."""
    return data(live_server, text_of(EXAMPLES / "deals.graphql"), **example("deals.json"))


def percent(fraction: float, form: str = ".1f") -> str:
    return f"{format(100.0 * fraction, form)} %".replace("-", MINUS)


def refusals(answer: Any) -> list[Any]:
    """Every refusal, however deep."""
    if isinstance(answer, list):
        return [no for each in answer for no in refusals(each)]
    if isinstance(answer, dict):
        below = [no for each in answer.values() for no in refusals(each)]
        return [answer, *below] if "issues" in answer else below
    return []


def test_the_deals_are_the_examples_and_no_analysis_of_them_is_refused(deals: Any) -> None:
    assert example("deals.json") == {
        "buyout": example("lbo_average_interest.json"),
        "merger": example("merger_mixed.json"),
    }
    assert refusals(deals) == []
    kinds = build_schema(text_of(ROOT / "schema.graphql"))
    fields = {"buyout": "LboValuation", "merger": "MergerValuation"}
    for name, kind in fields.items():
        of_kind, analysable = kinds.get_type(kind), kinds.get_type("Analysable")
        assert isinstance(of_kind, GraphQLObjectType)
        assert isinstance(analysable, GraphQLInterfaceType)
        analyses = {field for field, each in analysable.fields.items() if each.args}
        # The difference takes two valuations.
        assert deals[name].keys() >= analyses - {"attribution"}


def test_what_a_buyout_earns_by_what_is_paid_is_the_examples(deals: Any) -> None:
    grid = deals["buyout"]["sensitivity"]
    head = " | ".join(["EV/EBITDA paid", *(f"{times:.1f}×" for times in grid["columnValues"])])
    assert table(PAGE, head) == [
        [f"{times:.1f}×", *(percent(cell) for cell in row)]
        for times, row in zip(grid["rowValues"], grid["values"], strict=True)
    ]
    assert grid["values"][2][2] == deals["buyout"]["irr"]


def test_what_is_asked_of_the_buyout_is_answered_so(deals: Any) -> None:
    buyout = deals["buyout"]
    back, most, gradient, cases, exit_grid, drawn = (
        buyout[name]
        for name in ("reverse", "maximumPrice", "gradient", "scenarios", "exitGrid", "simulation")
    )
    (root,) = back["solutions"]
    assert most["evToEbitda"] == pytest.approx(root["input"], rel=1e-10)
    assert exit_grid["irr"][2][1] == buyout["irr"]
    assert (exit_grid["years"][0], exit_grid["multiples"][1]) == (3, 9.0)
    holders = exit_grid["holders"]
    sponsor, rollover, pool = (f"{each['proceeds'][0][1] / 1e6:.0f}" for each in holders)
    rate, again, nothing = (each["irr"] and percent(each["irr"][0][1]) for each in holders)
    assert (rate, nothing) == (again, None)
    options = f"the option pool {pool}"
    (turn,) = (
        each["derivative"] for each in gradient["slopes"] if each["path"] == "exit.evToEbitda"
    )
    irr, moic = (each["value"] for each in cases["cases"][1]["outputs"][:2])
    at = {point["level"]: percent(point["value"]) for point in drawn["percentiles"]}
    above = percent(drawn["probabilityAbove"], ".0f")
    answers = [row[1] for row in table(PAGE, "asked of the buyout | answer")]
    assert answers == [
        f"{root['input']:.2f}×, and so says `maximumPrice` in closed form",
        f"{turn:+.2f}×",
        f"the sponsor {sponsor} million and rollover {rollover}, each {rate} a year; {options}",
        f"IRR {percent(irr)}, MOIC {moic:.2f}×",
        f"IRR from {at[0.05]} to {at[0.95]} in nine trials of ten, above 20 % in {above}",
    ]


def test_what_a_merger_earns_by_price_and_mix_is_the_examples(deals: Any) -> None:
    grid = deals["merger"]["sensitivity"]
    mixes = (f"{percent(mix, '.0f')} in shares" for mix in grid["columnValues"])
    assert table(PAGE, " | ".join(["dollars a share offered", *mixes])) == [
        [f"{price:.0f}", *(percent(cell, "+.1f") for cell in row)]
        for price, row in zip(grid["rowValues"], grid["values"], strict=True)
    ]
    assert grid["values"][1][1] == deals["merger"]["accretion"]


def test_what_is_asked_of_the_merger_is_answered_so(deals: Any) -> None:
    merger = deals["merger"]
    (root,) = merger["reverse"]["solutions"]
    (created,) = (
        each for each in merger["scenarios"]["cases"][1]["outputs"] if each["of"] == "VALUE_CREATED"
    )
    value, less = (f"{created[name] / 1e6:,.0f}" for name in ("value", "difference"))
    above = percent(merger["simulation"]["probabilityAbove"], ".0f")
    assert [row[1] for row in table(PAGE, "asked of the merger | answer")] == [
        f"{root['input']:.2f} dollars: dearer, and the premium is more than the synergies",
        f"{value} million of value created, {less} million against the plan".replace("-", MINUS),
        f"above zero in {above} of the trials",
    ]
