"""A DCF over GraphQL: one id by every road, and every problem at once by the path as typed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.live_server import LiveServer
from tests.pages import EXAMPLES, text_of
from tests.served import NO_TLS

FIRMS = [
    path.name for path in sorted(EXAMPLES.glob("*.json")) if "terminal" in json.loads(text_of(path))
]
VALUE = """
mutation Value($input: DcfInput!) {
  valueDcf(input: $input) {
    ... on DcfValuation { id }
    ... on Refusal { code issues { path code } }
  }
}
"""
MODEL = """
mutation Model($input: CreateModelInput!) {
  createModel(input: $input) { ... on FinancialModel { id } ... on Refusal { message } }
}
"""
VALUE_MODEL = """
mutation ValueModel($id: ID!) {
  valueModel(id: $id) { ... on DcfValuation { id } ... on Refusal { message } }
}
"""


def example(name: str) -> Any:
    return json.loads(text_of(EXAMPLES / name))


def answered(server: LiveServer, query: str, **variables: Any) -> Any:
    """What the server answers, without an error."""
    bearer = {"authorization": f"Bearer {server.token}"}
    asked = {"query": query, "variables": variables}
    answer = httpx.post(
        server.graphql, json=asked, headers=bearer, timeout=60.0, verify=NO_TLS
    ).json()
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.mark.parametrize("name", FIRMS)
def test_an_example_has_one_id_as_an_input_and_as_a_model(
    name: str, live_server: LiveServer
) -> None:
    document = example(name)
    given = {"name": name, "inputs": {"dcf": document}}
    alone = answered(live_server, VALUE, input=document)["valueDcf"]
    model = answered(live_server, MODEL, input=given)["createModel"]
    worth = answered(live_server, VALUE_MODEL, id=model["id"])["valueModel"]
    assert worth["id"] == alone["id"]


def test_all_that_is_wrong_with_an_input_is_said_at_once_by_the_path_as_it_was_typed(
    live_server: LiveServer,
) -> None:
    document = example("dcf_segments.json")
    shops, software, office = document["segments"]
    shops["name"] = " "
    shops["operations"]["losses"] = {"balance": -1, "limitShare": 2, "limitAmount": -5}
    shops["operations"]["openingFixedAssets"] = -1
    software["capital"]["capm"]["sizePremium"] = 3
    software["operations"]["stockCompensation"] = {"byYear": [0.1, 0.1, 7, 0.1, 0.1]}
    office["terminal"] = {"hModel": {"initialGrowth": 9, "growth": 0.02, "halfLife": 99}}
    office["operations"]["workingCapitalDays"] = {
        each: {"level": -1} for each in ("receivables", "inventories", "payables", "costOfSales")
    }
    document["timing"]["fiscalYearEnd"] = "2025-12-31"
    document["shares"] = {
        "basic": 1e6,
        "restrictedStock": -1,
        "options": [{"count": 1, "strike": 1}, {"count": -1, "strike": -1}],
        "convertibles": [{"faceValue": -1, "conversionPrice": 0}],
    }
    document["failure"] = {"probability": 30, "recovery": 40}
    answer = answered(live_server, VALUE, input=document)["valueDcf"]
    assert answer["code"] == "INVALID_INPUT"
    days = "segments[2].operations.workingCapitalDays"
    assert {issue["path"] for issue in answer["issues"]} == {
        "timing.fiscalYearEnd",
        "segments[0].name",
        "segments[0].operations.losses.balance",
        "segments[0].operations.losses.limitShare",
        "segments[0].operations.losses.limitAmount",
        "segments[0].operations.openingFixedAssets",
        "segments[1].capital.capm.sizePremium",
        "segments[1].operations.stockCompensation[2]",
        "segments[2].operations.workingCapital",
        f"{days}.receivables.level",
        f"{days}.inventories.level",
        f"{days}.payables.level",
        f"{days}.costOfSales.level",
        "segments[2].terminal.hModel.initialGrowth",
        "segments[2].terminal.hModel.halfLife",
        "shares.restrictedStock",
        "shares.options[1].count",
        "shares.options[1].strike",
        "shares.convertibles[0].faceValue",
        "shares.convertibles[0].conversionPrice",
        "failure.probability",
        "failure.recovery",
    }
