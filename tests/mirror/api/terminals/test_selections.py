"""What the commands ask for is in the schema, and the whole of a valuation is the whole."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLObjectType, parse, validate

from api.terminals.selections import VALUE, NoInputs, kind_of, whole
from engine.dcf import value_dcf
from services.dcf import inputs_of, result_document
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.example_inputs import example_inputs
from tests.the_schema import GRAPHQL


def names_in(found: Any) -> set[str]:
    """The name of every field of a document, and of what stands in it."""
    if isinstance(found, list):
        return set().union(*map(names_in, found))
    if isinstance(found, dict):
        return set(found).union(*map(names_in, found.values()))
    return set()


def test_what_the_commands_ask_for_is_in_the_schema() -> None:
    assert validate(GRAPHQL, parse(VALUE)) == []
    assert validate(GRAPHQL, parse(whole(GRAPHQL))) == []


def test_the_whole_has_every_number_that_is_kept_and_no_analysis() -> None:
    asked = set(whole(GRAPHQL).replace("{", " ").replace("}", " ").split())
    part = {"name": "Shops", "operations": firm()["operations"]}
    peers = [{"name": "Plum", "beta": 1.3, "debtToEquity": 0.5, "taxRate": 0.4}]
    built = {
        "riskFreeRate": 0.04,
        "equityRiskPremium": 0.05,
        "comparables": {"peers": peers},
        "preTaxCostOfDebt": 0.06,
        "debtWeight": 0.2,
        "taxRate": 0.25,
    }
    shares = {
        "basic": 90.0,
        "options": [{"count": 10.0, "strike": 4.0}],
        "convertibles": [{"faceValue": 20.0, "conversionPrice": 5.0}],
    }
    failure = {"probability": 0.1, "recovery": 0.5}
    document = firm(capital={"capm": built}, shares=shares, failure=failure)
    document["segments"] = [part | {"operations": part["operations"] | {"openingFixedAssets": 9.0}}]
    del document["operations"]
    kept = names_in(result_document(value_dcf(inputs_of(document))))
    assert len(kept) > 90
    assert kept <= asked
    interface = GRAPHQL.get_type("DcfValuation")
    assert isinstance(interface, GraphQLObjectType)
    computed = {name for name in interface.fields if name not in asked}
    assert {"replay", "sensitivity", "simulation", "tornado"} <= computed
    assert computed.isdisjoint(kept)


def test_a_document_is_of_the_kind_whose_names_it_has() -> None:
    assert kind_of(GRAPHQL, firm(), "FILE") == "Dcf"
    assert kind_of(GRAPHQL, compared(), "FILE") == "Comparables"
    assert kind_of(GRAPHQL, indebted(), "FILE") == "Credit"
    # With a name misspelt and another left out it is told what is wrong with it, not with another.
    broken = {name: value for name, value in compared().items() if name != "peers"} | {"peer": []}
    assert kind_of(GRAPHQL, broken, "FILE") == "Comparables"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"input": {}, "spec": {}}, "holds the variables of a GraphQL document, not inputs.\nRun"),
        ({"query": "", "variables": {"input": {}}}, "holds a GraphQL request, not inputs: value"),
        ({}, "has no inputs of a valuation, such as `capital` (a DCF), `entry` (a buyout), `acq"),
        ({"currency": "USD", "ticker": "MDLR"}, "has no inputs of a valuation, such as"),
    ],
)
def test_what_has_no_name_of_a_kind_is_no_inputs(document: dict[str, Any], said: str) -> None:
    with pytest.raises(NoInputs) as no:
        kind_of(GRAPHQL, document, "my.json")
    assert str(no.value).startswith(f"my.json {said}")


@pytest.mark.parametrize("name", example_inputs())
def test_the_whole_of_an_example_is_asked_for_and_its_kind_is_seen(name: str) -> None:
    kind, document = example_inputs()[name]
    assert kind_of(GRAPHQL, document, "FILE").upper() == kind.name
    asked = set(
        whole(GRAPHQL, kind_of(GRAPHQL, document, "FILE"))
        .replace("{", " ")
        .replace("}", " ")
        .split()
    )
    assert names_in(kind.result_document(kind.value(kind.inputs_of(document)))) <= asked
