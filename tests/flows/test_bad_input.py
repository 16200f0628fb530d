"""Every number that cannot be valued is an answer with what to mend, and nothing of it is kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.dcf_documents import Document, but, firm, without
from tests.served import Caller, Served

VALUE: Final = """mutation ($input: DcfInput!) { valueDcf(input: $input) { __typename
  ... on Refusal { code message retryAfter issues { path code message suggestion } }
  ... on DcfValuation { id valuePerShare } } }"""

NO: Final = "__typename ... on Refusal { code issues { path code } }"
CAPM: Final = {
    "riskFreeRate": 0.04,
    "equityRiskPremium": 0.05,
    "beta": 1.0,
    "preTaxCostOfDebt": 0.05,
    "debtWeight": 0.2,
    "taxRate": 0.25,
}
DRIVER: Final = {"growth": 0.02, "returnOnNewCapital": 0.12}

# One number each, out of range: its path, its value, and what kind of wrong it is.
OUT_OF_RANGE: Final = [
    *((path, value) for path in ("operations.revenue",) for value in (0.0, -1.0, 1e19)),
    *(("shares.diluted", value) for value in (0.0, -100.0, 0.5, 1e300)),
    *(("capital.wacc", value) for value in (-0.1, 0.0, 1.01, 8.5)),
    *(("terminal.gordon.growth", value) for value in (-0.51, 0.51, 2.5)),
    *((f"bridge.{name}", -0.01) for name in ("debt", "cash", "leases", "preferredStock")),
    *((f"bridge.{name}", 1e300) for name in ("minorityInterests", "pensionsAfterTax")),
    ("bridge.associates", -1e-9),
    *(("marketPrice", value) for value in (0.0, -1.0, 1e13)),
    *(("timing.years", value) for value in (0, -1, 101, 2**31 - 1, -(2**31))),
    ("operations.openingWorkingCapital", 1e300),
    *(("operations.revenueGrowth.level", value) for value in (-1.0, 10.5)),
    *(("operations.taxRate.level", value) for value in (-0.01, 0.91, 25.0)),
    *(("operations.ebitMargin.level", value) for value in (-5.1, 1.1, 20.0)),
    *(("operations.depreciation.level", value) for value in (-0.01, 2.1)),
    *(("operations.capitalExpenditure.level", value) for value in (-1.1, 5.1)),
    *(("operations.workingCapital.level", value) for value in (-5.1, 5.1)),
    *(("operations.stockCompensation.level", value) for value in (-0.01, 1.01)),
]
CAPM_OUT_OF_RANGE: Final = [
    ("riskFreeRate", 1.1),
    ("equityRiskPremium", -0.01),
    ("beta", 6.0),
    ("preTaxCostOfDebt", 5.0),
    ("debtWeight", 1.01),
    ("taxRate", -0.1),
]


@pytest.fixture(autouse=True)
def nothing_is_kept(server: Served) -> Iterator[None]:
    """Whatever a test of this file sends, there are as many rows afterwards as before."""
    before = rows(server)
    yield
    assert rows(server) == before


def rows(server: Served) -> dict[str, int]:
    """How many rows each table has, by another road than the service's."""
    file = server.parts.settings.database_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
            for table in ("tenant", "member", "valuation")
        }
    finally:
        connection.close()


def refused(caller: Caller, document: Document) -> dict[str, Any]:
    """The refusal of a document: an answer, complete in itself."""
    response = caller.post(VALUE, {"input": document})
    assert response.status_code == 200
    answer = response.json()
    assert "errors" not in answer, answer["errors"]
    no: dict[str, Any] = answer["data"]["valueDcf"]
    assert no["__typename"] == "Refusal", no
    assert no["code"] == "INVALID_INPUT"
    assert no["retryAfter"] is None
    assert no["message"].endswith(".")
    for issue in no["issues"]:
        assert issue["path"]
        assert "_" not in issue["path"]
        assert issue["message"].endswith(".")
        assert issue["suggestion"].endswith(".")
    return no


def paths(no: dict[str, Any]) -> list[str]:
    return [issue["path"] for issue in no["issues"]]


@pytest.mark.parametrize(("path", "value"), OUT_OF_RANGE)
def test_a_number_out_of_range_is_refused_where_it_stands(
    analyst: Caller, path: str, value: float
) -> None:
    no = refused(analyst, but(firm(), path, value))
    assert path in paths(no)
    assert "OUT_OF_RANGE" in [each["code"] for each in no["issues"] if each["path"] == path]


@pytest.mark.parametrize(("name", "value"), CAPM_OUT_OF_RANGE)
def test_so_is_each_part_of_a_cost_of_capital(analyst: Caller, name: str, value: float) -> None:
    no = refused(analyst, firm(capital={"capm": {**CAPM, name: value}}))
    assert paths(no) == [f"capital.capm.{name}"]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"terminal.gordon.growth": 0.1}, "terminal.gordon.growth", "CONTRADICTION"),
        ({"terminal.gordon.growth": 0.0995}, "terminal.gordon.growth", "CONTRADICTION"),
        ({"terminal.gordon.growth": 0.2}, "terminal.gordon.growth", "CONTRADICTION"),
        (
            {"terminal": {"valueDriver": {**DRIVER, "growth": 0.15}}},
            "terminal.valueDriver.growth",
            "CONTRADICTION",
        ),
        (
            {"terminal": {"valueDriver": {**DRIVER, "returnOnNewCapital": 0.01}}},
            "terminal.valueDriver.returnOnNewCapital",
            "CONTRADICTION",
        ),
        (
            {"terminal": {"exitMultiple": {"evToEbitda": -1.0}}},
            "terminal.exitMultiple.evToEbitda",
            "OUT_OF_RANGE",
        ),
        (
            {"terminal": {"exitMultiple": {"evToEbitda": 1e9}}},
            "terminal.exitMultiple.evToEbitda",
            "OUT_OF_RANGE",
        ),
        ({"operations.ebitdaMargin": {"level": 0.3}}, "operations.ebitMargin", "CONTRADICTION"),
        ({"operations.taxRate": {"byYear": [0.2, 0.2]}}, "operations.taxRate", "WRONG_LENGTH"),
        ({"operations.taxRate": {"byYear": []}}, "operations.taxRate", "WRONG_LENGTH"),
        (
            {"operations.taxRate": {"byYear": [0.2, 2.0, 0.2]}},
            "operations.taxRate[1]",
            "OUT_OF_RANGE",
        ),
        ({"operations.taxRate": {"stages": []}}, "operations.taxRate.stages", "WRONG_LENGTH"),
        (
            {"operations.taxRate": {"stages": [{"years": 2, "value": 0.2}]}},
            "operations.taxRate.stages",
            "WRONG_LENGTH",
        ),
        (
            {"operations.taxRate": {"stages": [{"years": 0, "value": 0.2}]}},
            "operations.taxRate.stages[0].years",
            "OUT_OF_RANGE",
        ),
        (
            {"operations.taxRate": {"stages": [{"years": 2**31 - 1, "value": 0.2}]}},
            "operations.taxRate.stages[0].years",
            "OUT_OF_RANGE",
        ),
        (
            {"operations.taxRate": {"stages": [{"years": 3, "value": 0.2, "ramp": True}]}},
            "operations.taxRate.stages[0].ramp",
            "CONTRADICTION",
        ),
        ({"timing.fiscalYearEnd": "2024-09-27"}, "timing.fiscalYearEnd", "OUT_OF_RANGE"),
        ({"timing.fiscalYearEnd": "2025-09-29"}, "timing.fiscalYearEnd", "OUT_OF_RANGE"),
        (
            {
                "operations.workingCapitalDays": {
                    "receivables": {"level": 30.0},
                    "inventories": {"level": 30.0},
                    "payables": {"level": 30.0},
                    "costOfSales": {"level": 0.5},
                }
            },
            "operations.workingCapital",
            "CONTRADICTION",
        ),
        (
            {"operations.stockCompensationTreatment": "ADD_BACK"},
            "operations.stockCompensation",
            "MISSING",
        ),
        ({"operations.losses": {"balance": -1.0}}, "operations.losses.balance", "OUT_OF_RANGE"),
        (
            {"operations.losses": {"balance": 1.0, "limitShare": 80.0}},
            "operations.losses.limitShare",
            "OUT_OF_RANGE",
        ),
        ({"currency": "usd"}, "currency", "UNKNOWN"),
        ({"currency": ""}, "currency", "UNKNOWN"),
        ({"currency": "€" * 1_000}, "currency", "UNKNOWN"),
    ],
)
def test_what_contradicts_itself_is_refused_where_it_can_be_mended(
    analyst: Caller, change: dict[str, Any], path: str, code: str
) -> None:
    no = refused(analyst, firm(**change))
    assert (path, code) in [(issue["path"], issue["code"]) for issue in no["issues"]]


def test_a_margin_has_to_be_given(analyst: Caller) -> None:
    no = refused(analyst, without(firm(), "operations.ebitMargin"))
    assert [(issue["path"], issue["code"]) for issue in no["issues"]] == [
        ("operations.ebitMargin", "MISSING")
    ]


def test_every_problem_is_said_at_once(analyst: Caller) -> None:
    document = firm(
        **{
            "operations.revenue": -1.0,
            "operations.taxRate": {"level": 25.0},
            "operations.workingCapital": {"byYear": [0.1]},
            "capital.wacc": 8.5,
            "terminal.gordon.growth": 2.5,
            "bridge.debt": -5.0,
            "shares.diluted": 0.0,
            "currency": "dollars",
            "marketPrice": -1.0,
        }
    )
    no = refused(analyst, document)
    assert set(paths(no)) >= {
        "operations.revenue",
        "operations.taxRate.level",
        "operations.workingCapital",
        "capital.wacc",
        "terminal.gordon.growth",
        "bridge.debt",
        "shares.diluted",
        "currency",
        "marketPrice",
    }
    assert no["message"].startswith(f"{len(no['issues'])} inputs need mending.")


def test_a_rate_typed_in_percent_is_recognised(analyst: Caller) -> None:
    (issue,) = refused(analyst, firm(**{"capital.wacc": 8.5}))["issues"]
    assert "8.5 % is 0.085" in issue["suggestion"]


def test_a_suggestion_says_which_numbers_are_allowed(analyst: Caller) -> None:
    no = refused(analyst, firm(**{"operations.taxRate.level": 0.95}))
    assert no["issues"][0]["suggestion"].startswith("Give a number from 0 to 0.9")


def test_a_long_list_is_refused_without_being_said_back(analyst: Caller) -> None:
    no = refused(analyst, firm(**{"operations.taxRate": {"byYear": [0.2] * 10_000}}))
    assert paths(no) == ["operations.taxRate"]
    assert len(json.dumps(no)) < 2_000


@pytest.mark.parametrize(
    "schedule",
    [{"stages": [{"years": 1, "value": 9.0}] * 5_000}, {"byYear": [9.0] * 10_000}],
    ids=["stages", "years"],
)
def test_ten_thousand_wrong_years_are_not_ten_thousand_things_to_mend(
    analyst: Caller, schedule: Document
) -> None:
    no = refused(analyst, firm(**{"operations.taxRate": schedule}))
    assert len(no["issues"]) <= 101
    assert len(json.dumps(no)) < 30_000


# What JSON cannot hold, and what is of another type.


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400])
@pytest.mark.parametrize("path", ["operations.revenue", "timing.years", "operations.taxRate.level"])
def test_what_no_double_holds_is_no_json(
    server: Served, analyst: Caller, number: str, path: str
) -> None:
    body = json.dumps({"query": VALUE, "variables": {"input": but(firm(), path, "HERE")}})
    response = analyst.http.post(
        "/graphql",
        content=body.replace('"HERE"', number),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 400
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["QUERY_INVALID"]


def literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return value if value in ("END_YEAR", "HERE") else json.dumps(value)


def in_the_document(path: str, number: str) -> str:
    written = literal(but(firm(), path, "HERE")).replace("HERE", number)
    return f"mutation {{ valueDcf(input: {written}) {{ {NO} }} }}"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "1" + "0" * 5_000])
def test_nor_may_it_stand_in_the_document(analyst: Caller, number: str) -> None:
    answer = analyst.ask(in_the_document("operations.revenue", number))
    assert "data" not in answer
    (error,) = answer["errors"]
    assert error["message"] == "A number in the document is larger than a double can hold."
    assert error["extensions"]["code"] == "QUERY_INVALID"


def test_a_large_number_in_the_document_is_refused_like_any_other(analyst: Caller) -> None:
    no = analyst.data(in_the_document("operations.revenue", "1e300"))["valueDcf"]
    assert no["issues"] == [{"path": "operations.revenue", "code": "OUT_OF_RANGE"}]


WRONG_TYPES: Final = [
    ("operations.revenue", "1000"),
    ("operations.revenue", True),
    ("operations.revenue", None),
    ("operations.revenue", [1.0]),
    ("operations.revenue", {}),
    ("timing.years", 2.5),
    ("timing.years", 2**31),
    ("timing.years", 1e300),
    ("timing.years", "3"),
    ("timing.valuationDate", "yesterday"),
    ("timing.valuationDate", "2024-02-30"),
    ("timing.valuationDate", 0),
    ("timing.flows", "SOMETIMES"),
    ("timing.flows", 0),
    ("currency", 5),
    ("currency", None),
    ("operations.taxRate", 0.25),
    ("operations.taxRate", {"level": "x"}),
    ("operations.taxRate", {"byYear": [None]}),
    ("operations.taxRate", {"byYear": [[0.2]]}),
    ("operations.taxRate", {"stages": [{"value": 0.2}]}),
    ("operations.taxRate", {"level": 0.2, "byYear": [0.2] * 3}),
    ("operations.taxRate", {}),
    ("operations.taxRate", {"level": None}),
    ("capital", {"wacc": 0.1, "capm": CAPM}),
    ("capital", []),
    ("terminal", "gordon"),
    ("shares", {"diluted": 1.0, "preferred": 1.0}),
    ("__proto__", {}),
    ("operations.__class__", "x"),
]


@pytest.mark.parametrize(("path", "value"), WRONG_TYPES)
def test_a_value_of_another_type_is_a_coercion_error_that_says_where(
    analyst: Caller, path: str, value: Any
) -> None:
    answer = analyst.ask(VALUE, {"input": but(firm(), path, value)})
    assert "data" not in answer
    for error in answer["errors"]:
        assert error["extensions"]["code"] == "QUERY_INVALID"
        assert "$input" in error["message"]
    place = path.rpartition(".")[2]
    assert place in json.dumps(answer["errors"])


@pytest.mark.parametrize("document", [None, 5, "x", [], [firm(), firm()], True])
def test_an_input_that_is_no_object_is_a_coercion_error(analyst: Caller, document: Any) -> None:
    answer = analyst.ask(VALUE, {"input": document})
    assert "data" not in answer
