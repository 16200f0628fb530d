"""Whatever is wrong about models, rooms and runs has one answer: what, where, what is right."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final
from uuid import uuid4

import pytest

from services.principal import Role
from tests.dcf_documents import firm
from tests.served import THEIRS, Caller, Served

OURS: Final = "ours"  # for the id of a model that is there, at revision 2
NO: Final = "__typename ... on Refusal { code message issues { path message suggestion } }"
CREATE: Final = f"""mutation ($input: CreateModelInput!, $op: ID) {{
  createModel(input: $input, operationId: $op) {{ {NO} ... on FinancialModel {{ id }} }} }}"""
EDIT: Final = f"""mutation ($id: ID!, $op: ID!, $edits: [ModelEdit!]!) {{
  editModel(id: $id, operationId: $op, edits: $edits) {{ {NO} }} }}"""
VALUE: Final = f"""mutation ($id: ID!, $scenario: String) {{
  valueModel(id: $id, scenario: $scenario) {{ {NO} }} }}"""
DUPLICATE: Final = f"""mutation ($id: ID!, $name: String!, $revision: Int, $op: ID) {{
  duplicateModel(id: $id, name: $name, revision: $revision, operationId: $op) {{ {NO} }} }}"""
ARCHIVE: Final = (
    f"mutation ($id: ID!, $op: ID!) {{ archiveModel(id: $id, operationId: $op) {{ {NO} }} }}"
)
RESTORE: Final = f"""mutation ($id: ID!, $revision: Int!, $op: ID!) {{
  restoreRevision(id: $id, revision: $revision, operationId: $op) {{ {NO} }} }}"""
START: Final = f"""mutation ($source: SimulationSourceInput!, $spec: SimulationInput!, $op: ID) {{
  startSimulation(input: {{ source: $source, spec: $spec }}, operationId: $op) {{ {NO} }} }}"""
CANCEL: Final = f"mutation ($id: ID!) {{ cancelRun(id: $id) {{ {NO} }} }}"
MOVE: Final = """mutation ($id: ID!, $cursor: CursorInput!, $who: ID) {
  moveCursor(modelId: $id, cursor: $cursor, participant: $who) }"""
SELECT: Final = """mutation ($id: ID!, $paths: [String!]!, $who: ID) {
  select(modelId: $id, paths: $paths, participant: $who) }"""

NAMES: Final = ["", "  ", "x" * 201, "two\nlines", "\u200b", "Apple\u202e"]
IDS: Final = ["", "a b", "x" * 65, "é", "a\nb"]  # of operations
NOWHERE: Final = ["", "x", "RmluYW5jaWFsTW9kZWw6eA", "RGNmVmFsdWF0aW9uOng", "UnVuOng"]
GROWTH: Final = "terminal.gordon.growth"
SCENARIO: Final = "source.model.scenario"  # as `startSimulation` has it


def edits(path: str, base: int | None = None, **value: Any) -> dict[str, Any]:
    return {
        "id": OURS,
        "op": "bad",
        "edits": [{"path": path, "value": value, "baseRevision": base}],
    }


def shock(path: str = GROWTH, **normal: float) -> dict[str, Any]:
    return {"path": path, "distribution": {"normal": {"standardDeviation": 0.01, **normal}}}


def run(source: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    plain = {"trials": 1_000, "seed": 1, "shocks": [shock()]}
    return {"source": source or {"model": {"model": OURS}}, "spec": plain | spec, "op": "bad"}


# What is asked, with what, the code of the answer, and where it points.
BAD: Final[list[tuple[str, dict[str, Any], str, str | None]]] = [
    *(
        (CREATE, {"input": {"name": name, "inputs": {"dcf": firm()}}}, "INVALID_INPUT", "name")
        for name in NAMES
    ),
    (CREATE, {"input": {"name": "x", "inputs": {}}}, "QUERY_INVALID", None),
    (
        CREATE,
        {"input": {"name": "x", "unit": "X", "inputs": {"dcf": firm()}}},
        "QUERY_INVALID",
        None,
    ),
    (
        CREATE,
        {"input": {"name": "x", "inputs": {"dcf": firm(**{GROWTH: 0.2})}}},
        "INVALID_INPUT",
        GROWTH,
    ),
    *(
        (document, {"id": OURS, "op": op, **more}, "INVALID_INPUT", "operationId")
        for op in IDS
        for document, more in (
            (EDIT, {"edits": [{"path": "name", "value": {"text": "x"}}]}),
            (ARCHIVE, {}),
            (RESTORE, {"revision": 1}),
            (DUPLICATE, {"name": "x"}),
        )
    ),
    *((START, {**run(), "op": op}, "INVALID_INPUT", "operationId") for op in IDS),
    *(
        (document, {"id": id_, "op": "bad", **more}, "NOT_FOUND", None)
        for id_ in NOWHERE
        for document, more in (
            (EDIT, {"edits": [{"path": "name", "value": {"text": "x"}}]}),
            (ARCHIVE, {}),
            (RESTORE, {"revision": 1}),
            (DUPLICATE, {"name": "x"}),
            (VALUE, {}),
            (CANCEL, {}),
            (MOVE, {"cursor": {}}),
            (SELECT, {"paths": []}),
        )
    ),
    (EDIT, {"id": OURS, "op": "bad", "edits": []}, "INVALID_INPUT", "edits"),
    (EDIT, edits("", number=1.0), "INVALID_INPUT", "edits[0].path"),
    (EDIT, edits("capital..wacc", number=0.1), "INVALID_INPUT", "edits[0].path"),
    (EDIT, edits("archived", flag=True), "INVALID_INPUT", "edits[0].path"),
    (EDIT, edits("scenarios.Bear", nothing=True), "INVALID_INPUT", "edits[0].path"),
    (EDIT, edits("operations.taxRate[-1]", number=0.2), "INVALID_INPUT", "edits[0].path"),
    (EDIT, edits("operations.taxRate[1]", number=0.2), "INVALID_INPUT", "edits[0].path"),
    (EDIT, edits(GROWTH, text="3 %"), "INVALID_INPUT", "edits[0].value"),
    (EDIT, edits(GROWTH, nothing=True), "INVALID_INPUT", "edits[0].value"),
    (EDIT, edits(GROWTH, nothing=False), "INVALID_INPUT", "edits[0].value.nothing"),
    (EDIT, edits(GROWTH, number=0.3), "INVALID_INPUT", GROWTH),
    (EDIT, edits(GROWTH), "QUERY_INVALID", None),
    (EDIT, edits(GROWTH, number=0.01, text="x"), "QUERY_INVALID", None),
    *(
        (EDIT, edits(GROWTH, base, number=0.01), "INVALID_INPUT", "edits[0].baseRevision")
        for base in (-1, 0, 3)
    ),
    (EDIT, edits(GROWTH, 1, number=0.02), "CONFLICT", None),
    (EDIT, {**edits(GROWTH, number=0.02), "op": "taken"}, "IDEMPOTENCY_KEY_REUSED", None),
    *(
        (VALUE, {"id": OURS, "scenario": scenario}, "INVALID_INPUT", "scenario")
        for scenario in ("", "base", "Bear")
    ),
    *(
        (document, {"id": OURS, "op": "bad", "name": "x", "revision": revision}, "NOT_FOUND", None)
        for document in (RESTORE, DUPLICATE)
        for revision in (-1, 0, 3, 2**31 - 1)
    ),
    *(
        (DUPLICATE, {"id": OURS, "op": "bad", "name": name}, "INVALID_INPUT", "name")
        for name in NAMES
    ),
    *((START, run({"valuation": id_}), "NOT_FOUND", None) for id_ in NOWHERE),
    *((START, run({"model": {"model": id_}}), "NOT_FOUND", None) for id_ in NOWHERE),
    (START, run({"model": {"model": OURS, "scenario": "x"}}), "INVALID_INPUT", SCENARIO),
    (START, run({"dcf": firm(**{GROWTH: 0.2})}), "INVALID_INPUT", GROWTH),
    *((START, run(trials=trials), "INVALID_INPUT", "spec.trials") for trials in (-1, 0, 99)),
    (START, run(trials=10**8 + 1), "QUOTA_EXCEEDED", None),
    (START, run(seed=-1), "INVALID_INPUT", "spec.seed"),
    (START, run(seed=2**40), "QUERY_INVALID", None),
    (START, run(shocks=[]), "INVALID_INPUT", "spec.shocks"),
    (START, run(shocks=[shock()] * 1_000), "INVALID_INPUT", "spec.shocks"),
    (START, run(shocks=[shock("name")]), "INVALID_INPUT", "spec.shocks[0].path"),
    (
        START,
        run(shocks=[shock(standardDeviation=-1.0)]),
        "INVALID_INPUT",
        "spec.shocks[0].distribution.normal.standardDeviation",
    ),
    (START, run(shocks=[{"path": GROWTH, "distribution": {}}]), "QUERY_INVALID", None),
    *(
        (MOVE, {"id": OURS, "cursor": cursor}, "QUERY_INVALID", None)
        for cursor in ({"path": ""}, {"path": "["}, {"path": "a" * 201}, {"x": -0.1}, {"y": 1.1})
    ),
    *(
        (SELECT, {"id": OURS, "paths": paths}, "QUERY_INVALID", None)
        for paths in ([""], ["["], ["a" * 201], ["a"] * 101)
    ),
    *((MOVE, {"id": OURS, "cursor": {}, "who": who}, "NOT_FOUND", None) for who in (None, "", "x")),
    *(
        (SELECT, {"id": OURS, "paths": [], "who": who}, "NOT_FOUND", None)
        for who in (None, "", "x")
    ),
]


@pytest.fixture(scope="module")
def model_of(server: Served) -> Callable[[str], str]:
    """A model at revision 2 for each document, since so many edits of one would be too many."""

    @cache
    def made(_document: str) -> str:
        given: dict[str, Any] = {"input": {"name": "Orchard", "inputs": {"dcf": firm()}}}
        with server.caller() as caller:
            id_: str = caller.data(CREATE, given)["createModel"]["id"]
            second = {**edits(GROWTH, number=0.01), "id": id_, "op": f"{uuid4()}"}
            assert caller.data(EDIT, second)["editModel"]["__typename"] == "EditedModel"
        return id_

    with server.caller() as caller:
        given = {"input": {"name": "Taken", "inputs": {"dcf": firm()}}, "op": "taken"}
        assert caller.data(CREATE, given)["createModel"]["__typename"] == "FinancialModel"
    return made


def about(model: str, given: Any) -> Any:
    """The variables, with the model's id where it belongs."""
    if isinstance(given, dict):
        return {name: about(model, value) for name, value in given.items()}
    return model if given == OURS else given


def answer_to(caller: Caller, document: str, given: dict[str, Any]) -> tuple[str, str, list[str]]:
    """(code, message, places) of the only answer."""
    response = caller.post(document, given)
    assert response.status_code == 200, response.text
    answer = response.json()
    if "errors" in answer:
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert answer.get("data") is None
        (code,) = codes
        return code, answer["errors"][0]["message"], []
    (found,) = answer["data"].values()
    assert found["__typename"] == "Refusal", found
    for issue in found["issues"]:
        assert issue["message"]
        assert issue["suggestion"]
    return found["code"], found["message"], [issue["path"] for issue in found["issues"]]


@pytest.mark.parametrize(("document", "given", "code", "place"), BAD)
def test_each_has_one_answer_that_says_what_and_where_and_changes_nothing(
    analyst: Caller,
    model_of: Callable[[str], str],
    document: str,
    given: dict[str, Any],
    code: str,
    place: str | None,
) -> None:
    model = model_of(document)
    said, message, places = answer_to(analyst, document, about(model, given))
    assert said == code, message
    assert message
    assert places[:1] == ([] if place is None else [place])
    found = analyst.data("query ($id: ID!) { model(id: $id) { revision name } }", {"id": model})
    assert found["model"] == {"revision": 2, "name": "Orchard"}


@pytest.mark.parametrize(
    ("document", "more"),
    [
        (EDIT, {"edits": [{"path": "name", "value": {"text": "x"}}]}),
        (ARCHIVE, {}),
        (RESTORE, {"revision": 1}),
        (DUPLICATE, {"name": "x"}),
        (VALUE, {}),
        (MOVE, {"cursor": {}}),
        (SELECT, {"paths": []}),
    ],
)
def test_another_tenants_model_is_not_there(
    server: Served, model_of: Callable[[str], str], document: str, more: dict[str, Any]
) -> None:
    with server.caller(Role.OWNER, THEIRS) as stranger:
        given = {"id": model_of(document), "op": "theirs", **more}
        assert answer_to(stranger, document, given)[0] == "NOT_FOUND"
