"""What clients send, and how they read what comes back."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from tests.dcf_documents import FIRM

CREATE: Final = """mutation Create($operation: ID!, $input: CreateModelInput!) {
  createModel(operationId: $operation, input: $input) { __typename
    ... on Refusal { code message issues { path message } }
    ... on FinancialModel { id } } }"""
EDIT: Final = """mutation Edit($model: ID!, $operation: ID!, $edits: [ModelEdit!]!) {
  editModel(id: $model, operationId: $operation, edits: $edits) { __typename
    ... on Refusal { code message }
    ... on EditedModel { revision { revision operationId } } } }"""
READ: Final = """query Read($model: ID!, $after: String) { model(id: $model) { revision inputs
    revisions(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
      edges { node { revision operationId changes { path to } } } } } }"""
LIST: Final = "query List { models(first: 100) { edges { node { name } } } }"
START: Final = """mutation Start($input: DcfInput!, $operation: ID!) {
  startSimulation(operationId: $operation, input: {source: {dcf: $input}, spec: {trials: 1000000,
    shocks: [{path: "capital.wacc", distribution: {normal: {standardDeviation: 0.01}}}]}}) {
    __typename } }"""
WATCH: Final = """subscription Watch($model: ID!, $after: Int) {
  collaboration(modelId: $model, after: $after) {
    seq resync me { id } members { id } joined { id } left
    edits { revision operationId } valuation { basedOnSeq } } }"""

# Of the firm that is edited: any amount of money is possible there.
SHARED_PATHS: Final = ("bridge.debt", "bridge.cash", "operations.revenue")
OWN_PATHS: Final = ("bridge.leases", "bridge.associates", "bridge.preferredStock")


def creation(operation_id: str, name: str) -> dict[str, Any]:
    return {"operation": operation_id, "input": {"name": name, "inputs": {"dcf": FIRM}}}


def edit(model: str, operation_id: str, path: str, value: float) -> dict[str, Any]:
    return {
        "model": model,
        "operation": operation_id,
        "edits": [{"path": path, "value": {"number": value}}],
    }


def uuid_of(model: str) -> UUID:
    """The id inside a global id."""
    return UUID(urlsafe_b64decode(model + "=" * (-len(model) % 4)).decode().partition(":")[2])


def value_at(inputs: Mapping[str, Any], path: str) -> object:
    """What stands in a document at a path of names."""
    found: Any = inputs
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
