"""Every field of the real schema, by plan and by reference: the same answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from api.embedded import opened, owner
from api.protocol import Parameters
from api.settings import Settings
from resolvers.context import Context
from services.sessions import Session

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
# What differs from one asking to the next, whoever answers.
VOLATILE = frozenset({"durationMs", "sloStatus", "health"})
# Arguments for the fields that need some; the rest take their defaults.
ARGUMENTS = {
    "valueDcf": "(input: $input)",
    "valuation": "(id: $id)",
    "company": '(ticker: "aapl")',
    "sensitivity": (
        '(rows: {path: "capital.capm.beta", values: [1, 1.1]}, '
        'columns: {path: "terminal.gordon.growth", values: [0.02, 0.03, 0.2]})'
    ),
    "simulation": (
        '(spec: {trials: 200, shocks: [{path: "operations.revenueGrowth", everyYear: true, '
        "distribution: {normal: {standardDeviation: 0.01}}}]})"
    ),
}


def everything(schema: GraphQLSchema, kind: Any, seen: tuple[str, ...] = ()) -> str:
    """A selection of all that a type has, an object within itself left out."""
    kind = get_named_type(kind)
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        inner = " ".join(
            f"... on {each.name} {everything(schema, each, seen)}"
            for each in schema.get_possible_types(kind)
        )
        return f"{{ __typename {inner} }}"
    if not isinstance(kind, GraphQLObjectType):
        return ""
    if kind.name in seen:
        return "{ __typename }"
    parts = [
        f"{name}{ARGUMENTS.get(name, '')} {everything(schema, field.type, (*seen, kind.name))}"
        for name, field in kind.fields.items()
        if name not in VOLATILE
    ]
    return f"{{ {' '.join(parts)} }}"


@pytest.mark.parametrize("operation", ["query", "mutation"])
async def test_every_field_has_a_plan_that_answers_as_the_reference_does(
    operation: str, tmp_path: Path
) -> None:
    document = json.loads((ROOT / "examples" / "apple.json").read_text(encoding="utf-8"))
    async with opened(Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)) as embedded:
        kept = await embedded.data(
            "mutation($input: DcfInput!) { valueDcf(input: $input) { "
            "... on DcfValuation { id } } }",
            {"input": document},
        )
        executor = embedded.parts.executor
        schema = executor._documents.schema
        root = schema.mutation_type if operation == "mutation" else schema.query_type
        assert root is not None
        for name in root.fields:
            if name in VOLATILE:
                continue
            field = root.fields[name]
            selected = f"{name}{ARGUMENTS.get(name, '')} {everything(schema, field.type)}"
            head, variables = {
                "valueDcf": ("($input: DcfInput!)", {"input": document}),
                "valuation": ("($id: ID!)", {"id": kept["valueDcf"]["id"]}),
            }.get(name, ("", {}))
            text = f"{operation}{head} {{ {selected} }}"
            found = executor._documents.read(text)
            assert not found.errors, found.errors
            plan = found.asked(None).plan
            assert plan is not None, f"{name} has no plan"
            context = Context(Session(owner()), executor._services)
            data = await plan.run(context, plan.coerce(variables), {})
            assert found.node is not None
            reference = await executor._refer(
                found.node, Parameters(text, None, variables), context
            )
            assert reference.errors is None
            assert plain(data) == plain(reference.data), name


def plain(data: Any) -> Any:
    answer = orjson.loads(orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY))
    if "viewer" in answer:  # the principal is made anew for each asking
        del answer["viewer"]["expiresAt"]
    return answer
