"""A schema's fields for whatever the catalogue promises: each answers at once."""

from __future__ import annotations

from typing import Any

import strawberry

from observability.objectives import load
from services.words import snake

PROMISED = sorted({objective.operation for objective in load() if objective.operation})


def _answer(self: object) -> float:
    return 1.0


def _promised(root: str) -> dict[str, Any]:
    """The fields of a root type that promises are about."""
    return {
        snake(field): strawberry.field(resolver=_answer)
        for kind, _, field in (operation.partition(".") for operation in PROMISED)
        if kind == root
    }


Mutation = strawberry.type(type("Mutation", (), _promised("Mutation")))
# A base of each test's own queries.
Queries = strawberry.type(type("Queries", (), _promised("Query")))
