"""Models over the socket: made, edited, valued, listed and looked back on, as frontends do."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from services.principal import Role
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.served import OURS, THEIRS, Caller, Served, served

NO = """... on Refusal { code message retryAfter issues { path code message suggestion }
  conflicts { path value revision } }"""
MODEL = """id kind name unit inputs archived revision createdAt updatedAt
  scenarios { key name changes { path label value } } createdBy { name } updatedBy { name }"""
REVISION = """revision operationId verb at author { name }
  changes { path label from to text }"""
CREATE = f"""mutation ($input: CreateModelInput!, $op: ID) {{
  createModel(input: $input, operationId: $op) {{ ... on FinancialModel {{ {MODEL} }} {NO} }} }}"""
EDITED = f"... on EditedModel {{ model {{ {MODEL} }} revision {{ {REVISION} }} }} {NO}"
EDIT = f"""mutation ($id: ID!, $op: ID!, $edits: [ModelEdit!]!) {{
  editModel(id: $id, operationId: $op, edits: $edits) {{ {EDITED} }} }}"""
VALUE = f"""mutation ($id: ID!, $scenario: String) {{ valueModel(id: $id, scenario: $scenario) {{
  ... on DcfValuation {{ id valuePerShare inputs }} {NO} }} }}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("models")) as server:
        yield server


@pytest.fixture
def analyst(server: Served) -> Iterator[Caller]:
    with server.caller() as caller:
        yield caller


def made(caller: Caller, name: str = "Firm", **changes: Any) -> dict[str, Any]:
    given = {"name": name, "inputs": {"dcf": firm(**changes)}}
    answer: dict[str, Any] = caller.data(CREATE, {"input": given})["createModel"]
    assert "code" not in answer, answer
    return answer


def edit(caller: Caller, of: dict[str, Any], *edits: dict[str, Any], op: str = "") -> Any:
    variables = {"id": of["id"], "op": op or str(uuid4()), "edits": list(edits)}
    return caller.data(EDIT, variables)["editModel"]


def put(path: str, base: int | None = None, **value: Any) -> dict[str, Any]:
    return {"path": path, "value": value} | ({} if base is None else {"baseRevision": base})


def test_a_model_from_its_making_to_its_value(analyst: Caller) -> None:
    model = made(analyst, " Orchard ")
    assert (model["name"], model["revision"], model["unit"]) == ("Orchard", 1, "ONES")
    assert model["createdBy"] == model["updatedBy"] == {"name": "Analyst"}
    changed = edit(analyst, model, put("terminal.gordon.growth", number=0.025))
    changed = edit(
        analyst,
        model,
        put("terminal.gordon.growth", base=2, number=0.03),
        put("unit", text="MILLIONS"),
    )
    assert [change["text"] for change in changed["revision"]["changes"]] == [
        "Unit from ones to millions",
        "Terminal growth from 2.5 % to 3 %",
    ]
    valued = analyst.data(VALUE, {"id": model["id"]})["valueModel"]
    direct = analyst.data(
        "mutation ($input: DcfInput!) { valueDcf(input: $input) { ... on DcfValuation { id } } }",
        {"input": firm(**{"terminal.gordon.growth": 0.03})},
    )["valueDcf"]
    assert valued["id"] == direct["id"]
    assert valued["inputs"] == changed["model"]["inputs"]


def test_every_kind_of_value_finds_its_place(analyst: Caller) -> None:
    model = made(analyst)
    stages = [{"years": 1, "value": 0.1}, {"years": 2, "value": 0, "ramp": True}]
    changed = edit(
        analyst,
        model,
        put("bridge.leases", number=5),
        put("timing.valuationDate", text="2025-01-31"),
        put("timing.flows", text="MID_YEAR"),
        put("operations.revenueGrowth", schedule={"stages": stages}),
        put("operations.revenueGrowth.stages[0].ramp", flag=False),
        put("operations.taxRate", schedule={"level": 0.2}),
        put("operations.taxRate.byYear", series=[0.1, 0.2, 0.3]),
        put("operations.taxRate[2]", number=0.4),
        put("capital", capital={"wacc": 0.2}),
        put("terminal", terminal={"exitMultiple": {"evToEbitda": 9}}),
        put("marketPrice", number=12),
        put(
            "scenarios.bear",
            scenario={
                "name": "Bear",
                "changes": [
                    {"path": "operations.taxRate[0]", "value": {"number": 0.5}},
                    {"path": "marketPrice", "value": {"nothing": True}},
                    {"path": "terminal", "value": {"terminal": {"gordon": {"growth": 0.01}}}},
                ],
            },
        ),
    )
    assert "code" not in changed, changed
    inputs = changed["model"]["inputs"]
    stages[0]["ramp"] = False
    assert inputs["operations"]["revenueGrowth"] == {"stages": stages}
    assert inputs["operations"]["taxRate"] == {"byYear": [0.1, 0.2, 0.4]}
    assert inputs["timing"] == {"valuationDate": "2025-01-31", "years": 3, "flows": "MID_YEAR"}
    assert inputs["capital"] == {"wacc": 0.2}
    assert inputs["terminal"] == {"exitMultiple": {"evToEbitda": 9.0}}
    assert (inputs["marketPrice"], inputs["bridge"]["leases"]) == (12.0, 5.0)
    (bear,) = changed["model"]["scenarios"]
    assert [(each["label"], each["value"]) for each in bear["changes"]] == [
        ("Tax rate, year 1", 0.5),
        ("Market price", None),
        ("Terminal value", {"gordon": {"growth": 0.01, "discounting": "LAST_FLOW"}}),
    ]
    valued = analyst.data(VALUE, {"id": model["id"], "scenario": "bear"})["valueModel"]
    assert valued["inputs"]["operations"]["taxRate"] == {"byYear": [0.5, 0.2, 0.4]}
    assert "marketPrice" not in valued["inputs"]
    changed = edit(
        analyst, model, put("marketPrice", nothing=True), put("scenarios.bear", nothing=True)
    )
    assert "marketPrice" not in changed["model"]["inputs"]
    assert changed["model"]["scenarios"] == []


def test_a_document_that_was_edited_there_is_the_one_that_is_made_of_it(analyst: Caller) -> None:
    """Make a model of what an edit has left: the same inputs, to the byte."""
    model = made(analyst, **{"capital": {"wacc": 1}, "bridge.debt": 7})
    for change in (
        put("capital.wacc", number=0.5),
        put("timing.flows", nothing=True),
        put("terminal", terminal={"valueDriver": {"growth": 0, "returnOnNewCapital": 1}}),
        put("operations.openingWorkingCapital", number=10),
    ):
        left = edit(analyst, model, change)["model"]["inputs"]
        again = analyst.data(CREATE, {"input": {"name": "Again", "inputs": {"dcf": left}}})[
            "createModel"
        ]
        assert json.dumps(again["inputs"], sort_keys=True) == json.dumps(left, sort_keys=True)


def test_a_stale_edit_is_answered_with_what_stands_there(analyst: Caller) -> None:
    model = made(analyst)
    edit(analyst, model, put("bridge.debt", number=600), put("marketPrice", number=3))
    edit(analyst, model, put("operations.taxRate", schedule={"byYear": [0.1, 0.2, 0.3]}))
    edit(analyst, model, put("marketPrice", nothing=True))
    no = edit(
        analyst,
        model,
        put("bridge.debt", base=1, number=700),
        put("operations.taxRate", base=2, schedule={"level": 0.1}),
        put("marketPrice", base=3, number=3),
        put("bridge.cash", base=1, number=1),
    )
    assert no["code"] == "CONFLICT"
    assert no["issues"] == []
    assert no["conflicts"] == [
        {"path": "bridge.debt", "value": 600.0, "revision": 2},
        {"path": "operations.taxRate", "value": {"byYear": [0.1, 0.2, 0.3]}, "revision": 3},
        {"path": "marketPrice", "value": None, "revision": 4},
    ]


def test_every_problem_of_an_edit_is_said_with_its_place(analyst: Caller) -> None:
    model = made(analyst)
    no = edit(
        analyst,
        model,
        put("bridge.debt", number=-5),
        put("operations.tax_rate", number=0.1),
        put("timing.flows", text="LATE"),
        put(
            "scenarios.bear",
            scenario={"name": "Bear", "changes": [{"path": "wacc", "value": {"number": 0.1}}]},
        ),
        put("name", base=7, text="x"),
    )
    assert no["code"] == "INVALID_INPUT"
    assert [(issue["path"], issue["code"]) for issue in no["issues"]] == [
        ("edits[1].path", "UNKNOWN"),
        ("edits[2].value", "UNKNOWN"),
        ("edits[3].value.scenario.changes[0].path", "UNKNOWN"),
        ("edits[4].baseRevision", "OUT_OF_RANGE"),
        ("bridge.debt", "OUT_OF_RANGE"),
    ]
    assert no["issues"][0]["suggestion"] == "Did you mean operations.taxRate?"
    assert no["issues"][2]["suggestion"] == "Did you mean capital.wacc?"


def test_nothing_is_true_or_it_is_not_said(analyst: Caller) -> None:
    model = made(analyst)
    no = edit(
        analyst,
        model,
        put("marketPrice", nothing=False),
        put(
            "scenarios.bear",
            scenario={
                "name": "Bear",
                "changes": [{"path": "marketPrice", "value": {"nothing": False}}],
            },
        ),
    )
    assert [issue["path"] for issue in no["issues"]] == [
        "edits[0].value.nothing",
        "edits[1].value.scenario.changes[0].value.nothing",
    ]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"number": 1, "text": "x"},
        {"number": None},
        {"number": "1"},
        {"text": 1},
        {"series": [None]},
        {"schedule": {"level": 1, "byYear": [1]}},
        {"schedule": {}},
        {"colour": "red"},
        {"scenario": {"name": "x", "changes": [{"path": "x", "value": {"scenario": {}}}]}},
        5,
        None,
    ],
)
def test_a_value_that_is_of_no_type_does_not_run(analyst: Caller, value: Any) -> None:
    variables = {"id": "x", "op": "x", "edits": [{"path": "bridge.debt", "value": value}]}
    answer = analyst.ask(EDIT, variables)
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_INVALID"
    assert answer.get("data") is None


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400])
@pytest.mark.parametrize("form", ["number: {}", "series: [1, {}]", "schedule: {{level: {}}}"])
def test_a_number_that_no_double_can_hold_does_not_run(
    analyst: Caller, number: str, form: str
) -> None:
    edits = f'[{{path: "bridge.debt", value: {{{form.format(number)}}}}}]'
    asked = f'mutation {{ editModel(id: "x", operationId: "x", edits: {edits}) {{ __typename }} }}'
    answer = analyst.ask(asked)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_INVALID"]
    body = json.dumps({"query": EDIT, "variables": {"id": "x", "op": "x", "edits": "EDITS"}})
    given = f'[{{"path": "bridge.debt", "value": {{"number": {number}}}}}]'
    answer = analyst.http.post(
        "/graphql",
        content=body.replace('"EDITS"', given),
        headers={"content-type": "application/json"},
    ).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_INVALID"]


def test_a_name_is_found_however_its_letters_are_written(analyst: Caller) -> None:
    model = made(analyst, "Ärzte-Haus")
    asked = "query ($p: String) { models(filter: {namePrefix: $p}) { edges { node { id } } } }"
    for prefix in ("\u00e4rz", "A\u0308RZ", "a\u0308rzte-h"):
        found = analyst.data(asked, {"p": prefix})["models"]["edges"]
        assert found == [{"node": {"id": model["id"]}}], prefix


def test_a_repeat_over_the_socket_gets_the_same_answer_to_the_letter(analyst: Caller) -> None:
    given = {"input": {"name": "Firm", "inputs": {"dcf": firm()}}, "op": str(uuid4())}
    first = analyst.post(CREATE, given).json()["data"]
    assert analyst.post(CREATE, given).json()["data"] == first
    model = first["createModel"]
    op = str(uuid4())
    done = edit(analyst, model, put("bridge.debt", number=1), op=op)
    edit(analyst, model, put("bridge.debt", number=2))
    assert edit(analyst, model, put("bridge.debt", number=1), op=op) == done
    other = edit(analyst, model, put("bridge.debt", number=2), op=op)
    assert (other["code"], other["issues"]) == ("IDEMPOTENCY_KEY_REUSED", [])


def test_the_past_is_read_in_pages_and_in_words(analyst: Caller) -> None:
    model = made(analyst)
    for growth in (0.01, 0.02, 0.03, 0.04):
        edit(analyst, model, put("terminal.gordon.growth", number=growth))
    asked = f"""query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {{
      model(id: $id) {{
        revisions(first: $first, after: $after, last: $last, before: $before) {{
          edges {{ cursor node {{ {REVISION} }} }}
          pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"""

    def page(**window: Any) -> tuple[list[int], dict[str, Any]]:
        found = analyst.data(asked, {"id": model["id"], **window})["model"]["revisions"]
        return [edge["node"]["revision"] for edge in found["edges"]], found["pageInfo"]

    seqs, info = page(first=2)
    assert (seqs, info["hasNextPage"], info["hasPreviousPage"]) == ([5, 4], True, False)
    seqs, info = page(first=3, after=info["endCursor"])
    assert (seqs, info["hasNextPage"], info["hasPreviousPage"]) == ([3, 2, 1], False, True)
    seqs, info = page(last=2, before=info["startCursor"])
    assert (seqs, info["hasNextPage"], info["hasPreviousPage"]) == ([5, 4], True, False)
    assert page(last=2)[0] == [2, 1]
    words = analyst.data(
        """query ($id: ID!) { model(id: $id) {
          changes(from: 2) { text from to }
          back: changes(from: 4, to: 1) { text }
          atRevision(revision: 3) { revision inputs } } }""",
        {"id": model["id"]},
    )["model"]
    assert words["changes"] == [
        {"text": "Terminal growth from 1 % to 4 %", "from": 0.01, "to": 0.04}
    ]
    assert words["back"] == [{"text": "Terminal growth from 3 % to 0 %"}]
    assert words["atRevision"]["revision"] == 3
    assert words["atRevision"]["inputs"]["terminal"]["gordon"]["growth"] == 0.02


@pytest.mark.parametrize("field", ["changes(from: 9) { text }", "atRevision(revision: 0) { id }"])
def test_a_revision_that_is_not_there_is_not_found(analyst: Caller, field: str) -> None:
    model = made(analyst)
    answer = analyst.ask(
        f"query ($id: ID!) {{ model(id: $id) {{ {field} }} }}", {"id": model["id"]}
    )
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]


def test_models_are_paged_by_cursors_that_outlive_changes(server: Served) -> None:
    with server.caller(tenant_id=THEIRS) as caller:
        models = [made(caller, name) for name in ("c", "a", "B", "d")]
        asked = """query ($order: ModelOrder, $filter: ModelFilter, $first: Int, $after: String,
            $last: Int, $before: String) {
          models(orderBy: $order, filter: $filter, first: $first, after: $after, last: $last,
              before: $before) {
            edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
        order = {"field": "NAME", "direction": "ASC"}

        def page(**variables: Any) -> tuple[list[str], str]:
            found = caller.data(asked, {"order": order, **variables})["models"]
            return [edge["node"]["name"] for edge in found["edges"]], found["pageInfo"]["endCursor"]

        first, cursor = page(first=2)
        assert first == ["a", "B"]
        edit(caller, models[2], put("name", text="z"))  # it moves behind what is to come
        made(caller, "aa")
        assert page(first=2, after=cursor)[0] == ["c", "d"]
        assert page(last=2, before=cursor)[0] == ["a", "aa"]
        assert page(last=1)[0] == ["z"]
        assert page(filter={"namePrefix": "A"})[0] == ["a", "aa"]
        assert page(filter={"kind": "LBO"})[0] == []
        assert page(filter={"archived": True})[0] == []
        names = caller.data("{ models { edges { node { name } } } }")["models"]["edges"]
        assert [edge["node"]["name"] for edge in names] == ["aa", "z", "d", "a", "c"]


BAD_PAGES = {
    "both ways": "first: 1, last: 1",
    "too large": "first: 101",
    "none": "first: 0",
    "below none": "last: -1",
    "no cursor": 'after: "x"',
    "a cursor of nothing": 'after: ""',
    "another list's cursor": f'after: "{urlsafe_b64encode(b"[1]").decode()}"',
    "a cursor of no time": 'after: "WyJVUERBVEVEIiwieCIsIngiXQ"',
    "a cursor before all time": 'after: "{}"'.format(
        urlsafe_b64encode(
            b'["UPDATED","0001-01-01T00:00:00+23:59","01900000-0000-7000-8000-00000000000a"]'
        )
        .decode()
        .rstrip("=")
    ),
    "a cursor of numbers": 'after: "{}"'.format(
        urlsafe_b64encode(b'["UPDATED",1,2]').decode().rstrip("=")
    ),
    "a prefix that no name has": 'filter: {namePrefix: "a\\u0000b"}',
    "a prefix that is too long": f'filter: {{namePrefix: "{"x" * 201}"}}',
}


@pytest.mark.parametrize("asked", BAD_PAGES.values(), ids=list(BAD_PAGES))
def test_a_page_that_means_nothing_is_an_error_of_the_query(analyst: Caller, asked: str) -> None:
    answer = analyst.ask(f"{{ models({asked}) {{ edges {{ cursor }} }} }}")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_INVALID"]


def test_a_cursor_of_another_order_is_no_cursor(analyst: Caller) -> None:
    made(analyst)
    cursor = analyst.data("{ models(first: 1) { pageInfo { endCursor } } }")["models"]["pageInfo"][
        "endCursor"
    ]
    asked = f'{{ models(after: "{cursor}", orderBy: {{field: NAME}}) {{ edges {{ cursor }} }} }}'
    answer = analyst.ask(asked)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_INVALID"]


def test_a_model_and_a_valuation_answer_to_their_ids(server: Served, analyst: Caller) -> None:
    model = made(analyst)
    valued = analyst.data(VALUE, {"id": model["id"]})["valueModel"]
    assert valued["valuePerShare"] == WORTH_A_SHARE
    asked = """query ($id: ID!) { node(id: $id) { __typename id
      ... on FinancialModel { name } ... on DcfValuation { valuePerShare } } }"""
    node = analyst.data(asked, {"id": model["id"]})["node"]
    assert node == {"__typename": "FinancialModel", "id": model["id"], "name": "Firm"}
    node = analyst.data(asked, {"id": valued["id"]})["node"]
    assert (node["__typename"], node["id"]) == ("DcfValuation", valued["id"])
    with server.caller(tenant_id=THEIRS) as them:
        for given in (model["id"], valued["id"]):
            answer = them.ask(asked, {"id": given})
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]


def spelled(inner: str) -> str:
    return urlsafe_b64encode(inner.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        spelled("FinancialModel:"),
        spelled("FinancialModel:not-a-uuid"),
        spelled(f"FinancialModel:{OURS}"),
        spelled(f"DcfValuation:{OURS}"),
        spelled("DcfValuation:\0"),
        spelled("Tenant:1"),
        "A" * 100_000,
    ],
)
def test_an_id_that_names_nothing_is_not_found_anywhere(analyst: Caller, given: str) -> None:
    for query in (
        "query ($id: ID!) { node(id: $id) { id } }",
        "query ($id: ID!) { model(id: $id) { id } }",
    ):
        answer = analyst.ask(query, {"id": given})
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_FOUND"]
    for mutation in (EDIT, VALUE):
        variables = {"id": given, "op": "x", "edits": [put("bridge.debt", number=1)]}
        names = ("id", "op", "edits") if mutation is EDIT else ("id",)
        answer = analyst.data(mutation, {name: variables[name] for name in names})
        assert next(iter(answer.values()))["code"] == "NOT_FOUND"


def test_a_viewer_looks_and_does_not_touch(server: Served, analyst: Caller) -> None:
    model = made(analyst)
    with server.caller(Role.VIEWER) as viewer:
        assert edit(viewer, model, put("bridge.debt", number=1))["code"] == "FORBIDDEN"
        seen = viewer.data("query ($id: ID!) { model(id: $id) { name } }", {"id": model["id"]})
        assert seen["model"] == {"name": "Firm"}


def test_a_flood_of_edits_is_told_to_wait(analyst: Caller) -> None:
    model = made(analyst)
    codes = []
    for _ in range(80):
        answer = edit(analyst, model, put("bridge.debt", number=1))
        codes.append(answer.get("code"))
        if answer.get("code"):
            break
    assert codes[-1] == "RATE_LIMITED"
    assert len(codes) > 40
    assert 0.0 < answer["retryAfter"] <= 0.05
