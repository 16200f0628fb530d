"""What works on one kind of valuation works on every kind: analyses, models, scenarios, replay.

Each question has an answer that another one gives, too, so nothing here knows a kind's formulas.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import pytest

from resolvers.valuations.kinds import TYPES
from services.kinds import KINDS, Document
from services.words import camel
from tests.example_inputs import example_inputs
from tests.golden import ANALYSED
from tests.served import Caller

ASKED: Final = """
query Asked(
  $id: ID!, $before: ID!, $path: String!, $target: Float!
  $rows: AxisInput!, $columns: AxisInput!, $cases: [CaseInput!]!, $spec: SimulationInput!
) {
  valuation(id: $id) {
    kind
    ... on Analysable {
      sensitivity(rows: $rows, columns: $columns) { ... on Sensitivity { values } ...No }
      oneWaySensitivity(axis: $rows) {
        ... on OneWaySensitivity { lines { of values } } ...No }
      tornado { ... on Tornado { bars { path low high valueAtLow valueAtHigh } } ...No }
      gradient { ... on Gradient { slopes { path derivative } } ...No }
      reverse(path: $path, target: $target) {
        ... on ReverseValuation { ownInput ownValue solutions { input value } } ...No }
      scenarios(cases: $cases) {
        ... on ScenarioComparison {
          cases { outputs { of value difference } } expected { value } } ...No }
      attribution(from: $before) {
        ... on Attribution { before after contributions { paths amount } } ...No }
      simulation(spec: $spec) { ... on Simulation { mean standardError infeasible } ...No }
      replay { verdict }
    }
  }
}
fragment No on Refusal { message issues { path message } }
"""
CREATE: Final = """
mutation Create($inputs: ModelInputs!) {
  createModel(input: {name: "Any", inputs: $inputs}) {
    ... on FinancialModel { id kind inputs } ... on Refusal { message issues { path message } }
  }
}
"""
EDIT: Final = """
mutation Edit($id: ID!, $operationId: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $id, operationId: $operationId, edits: $edits) {
    ... on EditedModel { model { inputs } revision { changes { path label text } } }
    ... on Refusal { message issues { path message } }
  }
}
"""
VALUE: Final = """
mutation Value($id: ID!) { valueModel(id: $id) { ... on Valuation { id } } }
"""
SCENARIOS: Final = """
query Compared($id: ID!) {
  model(id: $id) {
    scenarioComparison {
      ... on ScenarioComparison { cases { name outputs { value } } }
      ... on Refusal { message }
    }
  }
}
"""


@dataclass(frozen=True)
class Case:
    """An example of a kind, and what is asked about it: two numbers, above and below their own."""

    kind: str
    document: Document
    row: str
    column: str
    rows: list[float]
    columns: list[float]


def number_at(document: Any, path: str) -> float:
    for step in path.replace("[", ".").replace("]", "").split("."):
        document = document[int(step)] if step.isdigit() else document[step]
    return float(document)


def case_of(kind: str) -> Case:
    file, *paths = ANALYSED[kind]
    _, document = example_inputs()[file]
    row, column = map(camel, paths)
    around = (0.98, 1.0, 1.02)
    axes = ([by * number_at(document, path) for by in around] for path in (row, column))
    return Case(kind, document, row, column, *axes)


def value(analyst: Caller, kind: str, document: Document) -> str:
    """The id of a valuation."""
    name = TYPES[kind].__name__.removesuffix("Valuation")
    text = f"""mutation ($input: {name}Input!) {{
      valued: value{name}(input: $input) {{ ... on Valuation {{ id }} }} }}"""
    found: str = analyst.data(text, {"input": document})["valued"]["id"]
    return found


def changed(document: Document, path: str, number: float) -> Document:
    """The document with another number at a path."""
    *parents, leaf = path.replace("[", ".").replace("]", "").split(".")
    found = deepcopy(document)
    at: Any = found
    for step in parents:
        at = at[int(step)] if step.isdigit() else at[step]
    at[leaf] = number
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_analysis_answers_and_they_agree(kind: str, analyst: Caller) -> None:
    case = case_of(kind)
    low, own, high = case.rows
    id_ = value(analyst, kind, case.document)
    grid = analyst.data(
        """query ($id: ID!, $rows: AxisInput!, $columns: AxisInput!) { valuation(id: $id) {
             ... on Analysable { sensitivity(rows: $rows, columns: $columns) {
               ... on Sensitivity { values } } } } }""",
        {
            "id": id_,
            "rows": {"path": case.row, "values": case.rows},
            "columns": {"path": case.column, "values": case.columns},
        },
    )["valuation"]["sensitivity"]["values"]
    at_low, at_own, at_high = (row[1] for row in grid)
    asked = {
        "id": id_,
        "before": value(analyst, kind, changed(case.document, case.row, low)),
        "path": case.row,
        "target": at_high,
        "rows": {"path": case.row, "values": case.rows},
        "columns": {"path": case.column, "values": case.columns},
        "cases": [
            {"name": "Low", "changes": [{"path": case.row, "value": low}], "probability": 0.25},
            {"name": "High", "changes": [{"path": case.row, "value": high}], "probability": 0.75},
        ],
        "spec": {
            "trials": 1_024,
            "shocks": [
                {
                    "path": case.row,
                    "distribution": {"uniform": {"low": low - own, "high": high - own}},
                }
            ],
        },
    }
    found = analyst.data(ASKED, asked)["valuation"]
    assert found["kind"] == kind
    assert found["sensitivity"]["values"] == grid
    assert {line["of"]: line["values"] for line in found["oneWaySensitivity"]["lines"]}[
        KINDS[kind].outputs[0]
    ] == [at_low, at_own, at_high]
    assert [line["of"] for line in found["oneWaySensitivity"]["lines"]] == list(KINDS[kind].outputs)

    swing = {bar["path"]: bar for bar in found["tornado"]["bars"]}[case.row]
    slope = {each["path"]: each["derivative"] for each in found["gradient"]["slopes"]}[case.row]
    mean_slope = (swing["valueAtHigh"] - swing["valueAtLow"]) / (swing["high"] - swing["low"])
    assert slope == pytest.approx(mean_slope, rel=0.25)
    assert slope == pytest.approx((at_high - at_low) / (high - low), rel=0.05)

    back = found["reverse"]
    assert (back["ownInput"], back["ownValue"]) == (own, at_own)
    assert high in [pytest.approx(each["input"], rel=1e-9) for each in back["solutions"]]

    bear, bull = (each["outputs"][0] for each in found["scenarios"]["cases"])
    assert (bear["value"], bull["value"]) == (at_low, at_high)
    assert bear["difference"] == at_low - at_own
    assert found["scenarios"]["expected"][0]["value"] == pytest.approx(
        0.25 * at_low + 0.75 * at_high
    )

    why = found["attribution"]
    assert (why["before"], why["after"]) == (at_low, at_own)
    assert why["contributions"] == [
        {"paths": [case.row], "amount": pytest.approx(at_own - at_low, rel=1e-9)}
    ]
    drawn = found["simulation"]
    assert drawn["infeasible"] == 0
    assert min(at_low, at_high) < drawn["mean"] < max(at_low, at_high)
    assert drawn["mean"] == pytest.approx(at_own, abs=0.05 * abs(at_high - at_low))
    assert found["replay"] == {"verdict": "IDENTICAL"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_made_read_edited_and_compared_with_its_scenario(
    kind: str, analyst: Caller
) -> None:
    """What it is read as is what it was made of; edited, it is the valuation typed in anew."""
    case = case_of(kind)
    arm = TYPES[kind].__name__.removesuffix("Valuation").lower()
    made = analyst.data(CREATE, {"inputs": {arm: case.document}})["createModel"]
    assert made["kind"] == kind
    again = analyst.data(CREATE, {"inputs": {arm: made["inputs"]}})["createModel"]
    assert again["inputs"] == made["inputs"]
    number = {"number": case.rows[0]}
    low = {"name": "Low", "changes": [{"path": case.column, "value": {"number": case.columns[0]}}]}
    edits = [
        {"path": case.row, "value": number},
        {"path": "scenarios.low", "value": {"scenario": low}},
    ]
    asked = {"id": made["id"], "operationId": f"every-{kind}", "edits": edits}
    edited = analyst.data(EDIT, asked)["editModel"]
    change = next(each for each in edited["revision"]["changes"] if each["path"] == case.row)
    assert change["label"] not in ("", case.row)  # in the field's words
    by_hand = value(analyst, kind, changed(case.document, case.row, case.rows[0]))
    assert analyst.data(VALUE, {"id": made["id"]})["valueModel"] == {"id": by_hand}
    found = analyst.data(SCENARIOS, {"id": made["id"]})["model"]["scenarioComparison"]
    assert [each["name"] for each in found["cases"]] == ["low"]
