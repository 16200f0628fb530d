"""Nor is an analysis of what cannot be a fault of ours, nor any number that a double holds."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.principal import Role
from tests.dcf_documents import WORTH_A_SHARE, but, firm
from tests.served import THEIRS, Caller, Served, http, in_time

VALUE: Final = """mutation ($input: DcfInput!) { valueDcf(input: $input) { __typename
  ... on Refusal { code issues { path code } }
  ... on DcfValuation { id valuePerShare } } }"""


def analysable(declared: str, call: str) -> str:
    """A query for one analysis of a kept valuation."""
    return (
        f"query ($id: ID!, {declared}) {{ valuation(id: $id) {{ ... on Analysable {{ "
        f"it: {call} {{ {NO} }} }} }} }}"
    )


@pytest.fixture(scope="module")
def kept(server: Served) -> str:
    with server.caller() as analyst:
        valuation_id: str = analyst.data(VALUE, {"input": firm()})["valueDcf"]["id"]
        return valuation_id


NO: Final = "__typename ... on Refusal { code message issues { path code message suggestion } }"
ANALYSES: Final = {
    "sensitivity": (
        "$rows: AxisInput!, $columns: AxisInput!",
        "sensitivity(rows: $rows, columns: $columns)",
        {
            "rows": {"path": "capital.wacc", "values": [0.1]},
            "columns": {"path": "bridge.debt", "values": [1.0]},
        },
    ),
    "tornado": (
        "$swings: [SwingInput!], $share: Float!",
        "tornado(swings: $swings, share: $share)",
        {"swings": [{"path": "bridge.debt", "low": 0.0, "high": 1.0}], "share": 0.1},
    ),
    "oneWay": (
        "$axis: AxisInput!",
        "oneWaySensitivity(axis: $axis)",
        {"axis": {"path": "capital.wacc", "values": [0.1]}},
    ),
    "reverse": (
        "$path: String!, $target: Float, $low: Float, $high: Float",
        "reverse(path: $path, target: $target, low: $low, high: $high)",
        {"path": "capital.wacc", "target": 12.0, "low": None, "high": None},
    ),
    "scenarios": (
        "$cases: [CaseInput!]!",
        "scenarios(cases: $cases)",
        {
            "cases": [
                {
                    "name": "Downside",
                    "probability": 0.5,
                    "changes": [{"path": "operations.taxRate", "value": 0.1}],
                },
                {"name": "Base", "probability": 0.5, "changes": []},
            ]
        },
    ),
    "attribution": ("$from: ID!", "attribution(from: $from)", {"from": ""}),
    "gradient": ("$paths: [String!]", "gradient(paths: $paths)", {"paths": ["bridge.debt"]}),
    "simulation": (
        "$spec: SimulationInput!",
        "simulation(spec: $spec)",
        {
            "spec": {
                "trials": 100,
                "shocks": [
                    {
                        "path": "capital.wacc",
                        "distribution": {"normal": {"standardDeviation": 0.001}},
                    }
                ],
            }
        },
    ),
}


def analyse(caller: Caller, kept: str, name: str, **changes: Any) -> dict[str, Any]:
    declared, call, plain = ANALYSES[name]
    variables: dict[str, Any] = json.loads(json.dumps(plain))
    if name == "attribution":
        variables["from"] = kept
    for path, value in changes.items():
        variables = but(variables, path, value)
    told = caller.data(analysable(declared, call), {"id": kept, **variables})
    answer: dict[str, Any] = told["valuation"]["it"]
    return answer


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_of_good_inputs_is_answered(analyst: Caller, kept: str, name: str) -> None:
    assert analyse(analyst, kept, name)["__typename"] != "Refusal"


BAD_ANALYSES: Final = [
    ("sensitivity", {"rows.path": "capital.waac"}, "rows.path"),
    ("sensitivity", {"rows.path": ""}, "rows.path"),
    ("sensitivity", {"rows.path": "__class__.__init__"}, "rows.path"),
    ("sensitivity", {"rows.path": "timing.years"}, "rows.path"),
    ("sensitivity", {"rows.path": "operations.taxRate[3]"}, "rows.path"),
    ("sensitivity", {"rows.path": "operations.taxRate[-1]"}, "rows.path"),
    ("sensitivity", {"rows.path": "operations.taxRate[99999999999]"}, "rows.path"),
    ("sensitivity", {"rows.values": []}, "rows.values"),
    ("sensitivity", {"rows.values": [0.1, 5.0]}, "rows.values[1]"),
    ("sensitivity", {"columns.path": "capital.wacc"}, "columns.path"),
    ("sensitivity", {"columns.values": [-1.0]}, "columns.values[0]"),
    ("sensitivity", {"rows.values": [0.1] * 501, "columns.values": [1.0] * 500}, "rows.values"),
    ("tornado", {"swings": []}, "swings"),
    ("tornado", {"swings[0].path": "debt"}, "swings[0].path"),
    ("tornado", {"swings[0].low": -1.0}, "swings[0].low"),
    ("tornado", {"swings[0].high": 1e300}, "swings[0].high"),
    ("tornado", {"swings": [{"path": "bridge.debt", "low": 0, "high": 1}] * 2}, "swings[1].path"),
    ("tornado", {"swings": [{"path": "bridge.debt", "low": 0, "high": 1}] * 201}, "swings"),
    ("tornado", {"swings": None, "share": 0.0}, "share"),
    ("tornado", {"swings": None, "share": 5.0}, "share"),
    ("oneWay", {"axis.path": "capital.waac"}, "axis.path"),
    ("oneWay", {"axis.values": []}, "axis.values"),
    ("oneWay", {"axis.values": [0.1, 5.0]}, "axis.values[1]"),
    ("oneWay", {"axis.values": [0.1] * 40_001}, "axis.values"),
    ("reverse", {"path": "capital.waac"}, "path"),
    ("reverse", {"path": ""}, "path"),
    ("reverse", {"path": "timing.years"}, "path"),
    ("reverse", {"target": None}, "target"),
    ("reverse", {"target": 1e300}, "target"),
    ("reverse", {"low": -1e300}, "low"),
    ("reverse", {"low": 0.2, "high": 0.1}, "high"),
    ("scenarios", {"cases": []}, "cases"),
    ("scenarios", {"cases": [{"name": str(k), "changes": []} for k in range(101)]}, "cases"),
    ("scenarios", {"cases[1].name": "Downside"}, "cases[1].name"),
    ("scenarios", {"cases[1].name": " "}, "cases[1].name"),
    ("scenarios", {"cases[1].name": "x" * 81}, "cases[1].name"),
    ("scenarios", {"cases[1].probability": 0.4}, "cases"),
    ("scenarios", {"cases[1].probability": None}, "cases[1].probability"),
    ("scenarios", {"cases[0].probability": -0.5}, "cases[0].probability"),
    ("scenarios", {"cases[0].changes[0].path": "taxRate"}, "cases[0].changes[0].path"),
    ("scenarios", {"cases[0].changes[0].value": 0.9}, "cases[0].changes[0].value"),
    ("scenarios", {"cases[0].changes[0].value": 1e300}, "cases[0].changes[0].value"),
    (
        "scenarios",
        {"cases[1].changes": [{"path": "bridge.debt", "value": 1.0}] * 2},
        "cases[1].changes[1].path",
    ),
    (
        "scenarios",
        {"cases[1].changes": [{"path": f"operations.taxRate[{k}]", "value": 0} for k in (0, 7)]},
        "cases[1].changes[1].path",
    ),
    ("gradient", {"paths": ["bridge.debt", "bridge.dept"]}, "paths[1]"),
    ("gradient", {"paths": [""]}, "paths[0]"),
    ("simulation", {"spec.trials": 0}, "spec.trials"),
    ("simulation", {"spec.trials": -5}, "spec.trials"),
    ("simulation", {"spec.trials": 2**31 - 1}, "spec.trials"),
    ("simulation", {"spec.seed": -1}, "spec.seed"),
    ("simulation", {"spec.shocks": []}, "spec.shocks"),
    ("simulation", {"spec.shocks[0].path": "nothing"}, "spec.shocks[0].path"),
    ("simulation", {"spec.shocks[0].everyYear": True}, "spec.shocks[0].everyYear"),
    (
        "simulation",
        {"spec.shocks[0].distribution": {"normal": {"standardDeviation": -0.1}}},
        "spec.shocks[0].distribution.normal.standardDeviation",
    ),
    (
        "simulation",
        {"spec.shocks[0].distribution": {"normal": {"standardDeviation": 1e300}}},
        "spec.shocks[0].distribution.normal.standardDeviation",
    ),
    (
        "simulation",
        {"spec.shocks[0].distribution": {"uniform": {"low": 1.0, "high": -1.0}}},
        "spec.shocks[0].distribution.uniform.high",
    ),
    (
        "simulation",
        {
            "spec.shocks[0].distribution": {
                "normal": {"standardDeviation": 0.1, "relativeTo": "ABSOLUTE"}
            }
        },
        "spec.shocks[0].distribution.normal.mean",
    ),
    (
        "simulation",
        {
            "spec.shocks[0].distribution": {
                "lognormal": {"median": 0, "logStandardDeviation": 0.1, "relativeTo": "MULTIPLE"}
            }
        },
        "spec.shocks[0].distribution.lognormal.median",
    ),
    (
        "simulation",
        {
            "spec.shocks[0].distribution": {
                "triangular": {"low": 2, "mode": 1, "high": 3, "relativeTo": "OFFSET"}
            }
        },
        "spec.shocks[0].distribution.triangular.mode",
    ),
    (
        "simulation",
        {
            "spec.shocks[0].distribution": {
                "pert": {"low": 0, "mode": 4, "high": 3, "relativeTo": "OFFSET"}
            }
        },
        "spec.shocks[0].distribution.pert.high",
    ),
    (
        "simulation",
        {
            "spec.shocks[0].distribution": {
                "discrete": {"outcomes": [{"value": 0, "probability": 0.4}], "relativeTo": "OFFSET"}
            }
        },
        "spec.shocks[0].distribution.discrete.outcomes",
    ),
    (
        "simulation",
        {
            "spec.shocks[0].distribution": {
                "empirical": {"observations": [1, 1e300], "relativeTo": "OFFSET"}
            }
        },
        "spec.shocks[0].distribution.empirical.observations[1]",
    ),
    ("simulation", {"spec.correlation": {"matrix": []}}, "spec.correlation.matrix"),
    ("simulation", {"spec.correlation": {"matrix": [[0.5]]}}, "spec.correlation.matrix[0][0]"),
    ("simulation", {"spec.correlation": {"matrix": [[1.5]]}}, "spec.correlation.matrix[0][0]"),
    ("simulation", {"spec.price": 1e300}, "spec.price"),
    (
        "simulation",
        {"spec.stopWhen": {"standardErrorShare": 0}},
        "spec.stopWhen.standardErrorShare",
    ),
]


@pytest.mark.parametrize(("name", "changes", "path"), BAD_ANALYSES)
def test_an_analysis_of_what_cannot_be_is_refused_where_it_stands(
    analyst: Caller, kept: str, name: str, changes: dict[str, Any], path: str
) -> None:
    no = analyse(analyst, kept, name, **changes)
    assert no["__typename"] == "Refusal"
    assert no["code"] == "INVALID_INPUT"
    assert path in [issue["path"] for issue in no["issues"]]


def test_a_price_out_of_reach_is_infeasible_and_says_what_is_not(
    analyst: Caller, kept: str
) -> None:
    no = analyse(analyst, kept, "reverse", path="operations.taxRate", target=1e6)
    assert (no["__typename"], no["code"]) == ("Refusal", "INFEASIBLE")
    assert no["message"].startswith("No value of operations.taxRate from -0.25 to 0.65 gives 1,000")
    assert [issue["path"] for issue in no["issues"]] == ["target"]


@pytest.mark.parametrize("given", ["", "x", "RGNmVmFsdWF0aW9uOg", "UnVuOjE", "x" * 9_000])
def test_a_difference_from_what_is_not_there_is_not_found(
    analyst: Caller, kept: str, given: str
) -> None:
    no = analyse(analyst, kept, "attribution", **{"from": given})
    assert (no["__typename"], no["code"], no["issues"]) == ("Refusal", "NOT_FOUND", [])


def test_a_difference_from_another_currency_is_refused(analyst: Caller, kept: str) -> None:
    euros = analyst.data(VALUE, {"input": firm(currency="EUR")})["valueDcf"]["id"]
    no = analyse(analyst, kept, "attribution", **{"from": euros})
    assert [issue["path"] for issue in no["issues"]] == ["from"]
    assert "EUR, not USD" in no["message"]


def test_an_impossible_correlation_is_refused_with_the_nearest_which_is_taken(
    analyst: Caller, kept: str
) -> None:
    paths = ("capital.wacc", "bridge.debt", "shares.diluted")
    shocks = [
        {"path": path, "distribution": {"normal": {"standardDeviation": 1e-4}}} for path in paths
    ]
    against = [[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]]
    no = analyse(
        analyst,
        kept,
        "simulation",
        **{"spec.shocks": shocks, "spec.correlation": {"matrix": against}},
    )
    (issue,) = no["issues"]
    assert issue["path"] == "spec.correlation.matrix"
    nearest = json.loads(issue["suggestion"][issue["suggestion"].index("[[") :].rstrip("."))
    taken = analyse(
        analyst,
        kept,
        "simulation",
        **{"spec.shocks": shocks, "spec.correlation": {"matrix": nearest}},
    )
    assert taken["__typename"] == "Simulation"


def test_shocks_wider_than_the_model_bears_are_infeasible(analyst: Caller, kept: str) -> None:
    wide = {"path": "terminal.gordon.growth", "distribution": {"uniform": {"low": 1, "high": 2}}}
    no = analyse(analyst, kept, "simulation", **{"spec.shocks": [wide]})
    assert (no["__typename"], no["code"], no["issues"]) == ("Refusal", "INFEASIBLE", [])


@pytest.mark.parametrize(
    ("declared", "call", "variables"),
    [
        ("$s: Float = 0.1", "tornado(share: $s)", {"s": None}),
        ("$p: [String!]", "gradient(paths: $p)", {"p": [None]}),
        (
            "$n: NormalInput",
            'simulation(spec: {shocks: [{path: "capital.wacc", distribution: {normal: $n}}]})',
            {"n": None},
        ),
    ],
    ids=["a null that its variable lets through", "a null in a list", "a choice that is null"],
)
def test_a_null_where_none_belongs_is_the_callers_to_mend(
    analyst: Caller, kept: str, declared: str, call: str, variables: dict[str, Any]
) -> None:
    answer = analyst.ask(analysable(declared, call), {**variables, "id": kept})
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"QUERY_INVALID"}


@pytest.mark.parametrize("given", ["", "x", "é", "0" * 64, "RGNmVmFsdWF0aW9uOg", "x" * 9_000])
def test_an_id_that_is_none_is_not_found(analyst: Caller, given: str) -> None:
    answer = analyst.ask("query ($id: ID!) { valuation(id: $id) { id } }", {"id": given})
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]
    assert len(json.dumps(answer)) < 500  # it is not said back


@pytest.mark.parametrize("ticker", ["", " ", "NOPE", "aapl'--", "é", "A" * 9_000])
def test_a_ticker_that_nobody_has_is_not_found(analyst: Caller, ticker: str) -> None:
    answer = analyst.ask("query ($t: String!) { company(ticker: $t) { name } }", {"t": ticker})
    assert answer["data"] == {"company": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]
    assert len(json.dumps(answer)) < 500


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("operations.taxRate.level", 0.9),
        ("operations.taxRate.level", 0.0),
        ("timing.years", 100),
        ("timing.years", 1),
        ("shares.diluted", 1.0),
    ],
)
def test_the_last_number_that_is_allowed_is_valued(
    analyst: Caller, path: str, value: float
) -> None:
    told = analyst.data(VALUE, {"input": but(firm(), path, value)})["valueDcf"]
    assert told["__typename"] == "DcfValuation"


# Whatever numbers come, the answer is a valuation or a refusal.

NUMBERS: Final = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1.0, 1.0),
    st.sampled_from([0.0, -0.0, 1e-308, 5e-324, 1e308, -1e308, 0.1, 1.0, -1.0, 2**53 + 1.0]),
)
PLACES: Final = [
    "operations.revenue",
    "operations.revenueGrowth.level",
    "operations.ebitMargin.level",
    "operations.taxRate.level",
    "operations.depreciation.level",
    "operations.capitalExpenditure.level",
    "operations.workingCapital.level",
    "operations.openingWorkingCapital",
    "capital.wacc",
    "terminal.gordon.growth",
    "bridge.debt",
    "bridge.cash",
    "bridge.associates",
    "shares.diluted",
    "marketPrice",
]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(PLACES), NUMBERS, min_size=1, max_size=4))
def test_any_finite_numbers_are_valued_or_refused(
    analyst: Caller, changes: dict[str, float]
) -> None:
    response = analyst.post(VALUE, {"input": firm(**changes)})
    assert response.status_code == 200
    answer = response.json()
    assert "errors" not in answer, answer
    told = answer["data"]["valueDcf"]
    assert told["__typename"] in ("DcfValuation", "Refusal")
    if told["__typename"] == "Refusal":
        assert told["issues"] or told["code"] == "INFEASIBLE"


def test_after_all_of_it_a_good_firm_is_valued_as_ever(server: Served) -> None:
    with server.caller(Role.OWNER, THEIRS) as owner:
        assert owner.data(VALUE, {"input": firm()})["valueDcf"]["valuePerShare"] == WORTH_A_SHARE
    with http() as probe:
        in_time(probe, f"{server.origin}/health/ready")
