"""Nothing is answered without a token, and nothing that a role does not allow.

The table below names every field that does work. A field that is added to the schema and not to
the table turns a test red: somebody has to say what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from graphql import GraphQLObjectType

from observability.resolver_times import time_resolvers
from resolvers.schema import build_schema
from services.principal import ALLOWED, Action, Role
from tests.dcf_documents import firm
from tests.served import Caller, Served, http, served

SCHEMA = build_schema()._schema


@dataclass(frozen=True)
class Field:
    """How to ask for a field, and what it needs; None: nothing but a token."""

    ask: str
    needs: Action | None


def value(more: str = "") -> str:
    """The mutation; ``more`` is selected of its outcome."""
    return (
        "mutation ($input: DcfInput!) { valueDcf(input: $input) { "
        f"__typename ... on Refusal {{ code }} {more} }} }}"
    )


def valued(analysis: str) -> str:
    """An analysis of a new valuation: `valuation` would need the same right and hide its own."""
    return value(f"... on Analysable {{ {analysis} }}")


NO: Final = "__typename ... on Refusal { code }"
AXES: Final = (
    'rows: {path: "capital.wacc", values: [0.1]}, columns: {path: "bridge.debt", values: [1]}'
)
SPEC: Final = (
    "spec: {trials: 100, shocks: ["
    '{path: "capital.wacc", distribution: {normal: {standardDeviation: 0.01}}}]}'
)

FIELDS: Final = {
    "Query.viewer": Field("{ viewer { role permissions expiresAt } }", None),
    "Query.tenant": Field("{ tenant { name } }", Action.READ_TENANT),
    "Query.valuation": Field(
        "query ($id: ID!) { valuation(id: $id) { id } }", Action.READ_VALUATION
    ),
    "Query.company": Field('{ company(ticker: "AAPL") { name } }', Action.READ_COMPANY),
    "Query.companies": Field("{ companies { name } }", Action.READ_COMPANY),
    "Query.sloStatus": Field("{ sloStatus { name } }", Action.READ_SERVICE_LEVEL),
    "Query.health": Field("{ health { state } }", Action.READ_SERVICE_LEVEL),
    "Mutation.valueDcf": Field(value(), Action.VALUE),
    "Viewer.member": Field("{ viewer { member { name } } }", Action.READ_TENANT),
    "Viewer.tenant": Field("{ viewer { tenant { name } } }", Action.READ_TENANT),
    "Tenant.members": Field("{ tenant { members { name } } }", Action.READ_TENANT),
    "Company.dcfInputs": Field(
        f'{{ company(ticker: "AAPL") {{ dcfInputs {{ {NO} }} }} }}', Action.READ_COMPANY
    ),
    "DcfValuation.sensitivity": Field(
        valued(f"sensitivity({AXES}) {{ {NO} }}"), Action.READ_VALUATION
    ),
    "DcfValuation.tornado": Field(valued(f"tornado {{ {NO} }}"), Action.READ_VALUATION),
    "DcfValuation.gradient": Field(valued(f"gradient {{ {NO} }}"), Action.READ_VALUATION),
    "DcfValuation.simulation": Field(
        valued(f"simulation({SPEC}) {{ {NO} }}"), Action.READ_VALUATION
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def variables(server: Served) -> dict[str, Any]:
    """The firm, and the id of its valuation."""
    with server.caller(Role.OWNER) as owner:
        asked = (
            "mutation ($input: DcfInput!) { valueDcf(input: $input) { ... on Valuation { id } } }"
        )
        kept: dict[str, Any] = owner.data(asked, {"input": firm()})["valueDcf"]
    return {"input": firm()} | kept


def used(text: str, variables: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variables.items() if f"${name}" in text}


def codes(answer: Any) -> set[str]:
    """Every code of a no in an answer, wherever it stands."""
    if isinstance(answer, dict):
        own = {answer["code"]} if isinstance(answer.get("code"), str) else set()
        return own.union(*(codes(value) for value in answer.values()))
    return set().union(*map(codes, answer)) if isinstance(answer, list) else set()


def asked(caller: Caller, name: str, variables: dict[str, Any]) -> set[str]:
    text = FIELDS[name].ask
    response = caller.post(text, used(text, variables))
    assert response.status_code == 200
    return codes(response.json())


def roots() -> set[str]:
    found = set()
    for root in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type):
        if isinstance(root, GraphQLObjectType):
            found |= {f"{root.name}.{field}" for field in root.fields}
    return found


def test_the_table_names_every_field_that_does_work() -> None:
    assert set(time_resolvers(build_schema()._schema)) == set(FIELDS)
    assert roots() <= set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("token", [None, "Bearer", "Bearer x.y.z", "Basic YTpi"])
def test_without_a_token_there_is_no_answer(
    server: Served, variables: dict[str, Any], name: str, token: str | None
) -> None:
    text = FIELDS[name].ask
    body = {"query": text, "variables": used(text, variables)}
    headers = {"authorization": token} if token is not None else {}
    with http() as stranger:
        response = stranger.post(server.graphql, json=body, headers=headers)
    assert response.status_code == 401
    assert "data" not in response.json()
    assert codes(response.json()) == {"UNAUTHENTICATED"}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", FIELDS)
def test_a_role_gets_what_it_may_and_a_no_for_the_rest(
    server: Served, variables: dict[str, Any], name: str, role: Role
) -> None:
    rights = ALLOWED[role]
    needs = {FIELDS[name].needs} - {None}
    if "valueDcf" in FIELDS[name].ask:
        needs.add(Action.VALUE)
    with server.caller(role) as caller:
        said = asked(caller, name, variables)
    assert said == (set() if needs <= rights else {"FORBIDDEN"})


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if field.needs])
def test_who_may_do_everything_but_what_a_field_needs_gets_a_no(
    server: Served, variables: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = FIELDS[name].needs
    assert needed is not None
    monkeypatch.setitem(ALLOWED, Role.ANALYST, frozenset(Action) - {needed})
    with server.caller(Role.ANALYST) as caller:
        assert asked(caller, name, variables) == {"FORBIDDEN"}


def test_a_role_without_any_right_learns_nothing_but_who_it_is(
    server: Served, variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALLOWED, Role.VIEWER, frozenset())
    with server.caller(Role.VIEWER) as caller:
        for name, field in FIELDS.items():
            said = asked(caller, name, variables)
            assert said == (set() if field.needs is None else {"FORBIDDEN"}), name
        viewer = caller.data("{ viewer { role permissions } }")["viewer"]
    assert viewer == {"role": "VIEWER", "permissions": []}


def test_a_viewer_may_not_value_and_is_told_who_may(server: Served) -> None:
    text = value("... on Refusal { message issues { path } }")
    with server.caller(Role.VIEWER) as viewer:
        no = viewer.data(text, {"input": firm()})["valueDcf"]
    assert no["code"] == "FORBIDDEN"
    assert "OWNER or ADMIN or ANALYST" in no["message"]
    assert no["issues"] == []
