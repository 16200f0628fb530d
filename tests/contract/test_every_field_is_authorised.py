"""Nothing is answered without a token, and nothing that a role does not allow.

The table below names every field that does work. A field that is added to the schema and not to
the table turns a test red: somebody has to say what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
from graphql import GraphQLObjectType

from observability.resolver_times import time_resolvers
from resolvers.schema import build_schema
from services.principal import ALLOWED, Action, Role
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.own_companies import acme
from tests.served import Caller, Served, http, served
from tests.the_schema import GRAPHQL


@dataclass(frozen=True)
class Field:
    """How to ask for a field, and what it needs; None: nothing but a token."""

    ask: str
    needs: Action | None


@dataclass(frozen=True)
class Asked:
    """A kind of valuation: how it is asked for, two of its inputs, and what is asked backwards."""

    kind: str  # as its types begin
    variable: str
    path: str
    other: str
    back: str

    def value(self, more: str = "") -> str:
        """The mutation; ``more`` is selected of its outcome."""
        return (
            f"mutation (${self.variable}: {self.kind}Input!) "
            f"{{ value{self.kind}(input: ${self.variable}) {{ "
            f"__typename ... on Refusal {{ code }} {more} }} }}"
        )

    def valued(self, analysis: str) -> str:
        """An analysis of a new valuation: of a found one, finding it would need the same right."""
        return self.value(f"... on Analysable {{ {analysis} }}")

    def analyses(self) -> dict[str, Field]:
        axes = (
            f'rows: {{path: "{self.path}", values: [0.1]}}, '
            f'columns: {{path: "{self.other}", values: [1]}}'
        )
        spec = (
            f'spec: {{trials: 100, shocks: [{{path: "{self.path}", '
            "distribution: {normal: {standardDeviation: 0.01}}}]}"
        )
        fields = {
            "sensitivity": f"sensitivity({axes}) {{ {NO} }}",
            "oneWaySensitivity": (
                f'oneWaySensitivity(axis: {{path: "{self.path}", values: [0.1]}}) {{ {NO} }}'
            ),
            "reverse": f"reverse({self.back}) {{ {NO} }}",
            "scenarios": f'scenarios(cases: [{{name: "Base", changes: []}}]) {{ {NO} }}',
            "tornado": f"tornado {{ {NO} }}",
            "gradient": f"gradient {{ {NO} }}",
            "replay": "replay { sameHash }",
            "simulation": f"simulation({spec}) {{ {NO} }}",
        }
        found = {
            f"{self.kind}Valuation.{name}": Field(self.valued(text), Action.READ_VALUATION)
            for name, text in fields.items()
        }
        return found | {
            f"{self.kind}Valuation.attribution": Field(
                f"query (${self.variable}Id: ID!) {{ valuation(id: ${self.variable}Id) {{ "
                f"... on Analysable {{ attribution(from: ${self.variable}Id) {{ {NO} }} }} }} }}",
                Action.READ_VALUATION,
            )
        }


NO: Final = "__typename ... on Refusal { code }"
SPEC: Final = (
    "spec: {trials: 100, shocks: ["
    '{path: "capital.wacc", distribution: {normal: {standardDeviation: 0.01}}}]}'
)


DCF: Final = Asked(
    "Dcf", "input", "capital.wacc", "bridge.debt", 'path: "capital.wacc", target: 12'
)
COMPARABLES: Final = Asked(
    "Comparables",
    "compared",
    "subject.bridge.debt",
    "subject.bridge.cash",
    'path: "subject.bridge.debt", target: 12',
)
LBO: Final = Asked(
    "Lbo",
    "bought",
    "cash.interestRate",
    "cash.minimum",
    'path: "exit.evToEbitda", target: 0.2',
)

MERGER: Final = Asked(
    "Merger", "merged", "wacc", "acquirer.balance.cash", 'path: "offer.premium", target: 0.1'
)
CREDIT: Final = Asked(
    "Credit", "indebted", "riskFreeRate", "debt", 'path: "debt", target: 2, low: 1, high: 20'
)


def of_model(field: str) -> str:
    """A field of the model."""
    return f"query ($model: ID!) {{ model(id: $model) {{ {field} }} }}"


def change(name: str, arguments: str) -> str:
    """A mutation of the model, as an operation of its own each time it is asked."""
    given = f"id: $model, operationId: $op, {arguments}"
    return f"mutation ($model: ID!, $op: ID!) {{ {name}({given}) {{ {NO} }} }}"


def of_company(fields: str) -> str:
    """Mutations of a company of the tenant's own, one after the other."""
    return f"mutation ($company: CompanyInput!) {{ {fields} }}"


EDITS: Final = Action.EDIT_COMPANY
FIELDS: Final = {
    "Query.viewer": Field("{ viewer { role permissions expiresAt } }", None),
    "Query.tenant": Field("{ tenant { name } }", Action.READ_TENANT),
    "Query.valuation": Field(
        "query ($id: ID!) { valuation(id: $id) { id } }", Action.READ_VALUATION
    ),
    "Query.exportWorkbook": Field(
        f"query ($id: ID!) {{ exportWorkbook(valuationId: $id) {{ {NO} }} }}",
        Action.READ_VALUATION,
    ),
    "Query.footballField": Field(
        "query ($id: ID!) "
        f"{{ footballField(methods: [{{cases: {{valuations: [$id]}}}}]) {{ {NO} }} }}",
        Action.READ_VALUATION,
    ),
    "Query.company": Field('{ company(ticker: "AAPL") { name } }', Action.READ_COMPANY),
    "Query.companies": Field("{ companies { name } }", Action.READ_COMPANY),
    "Query.sloStatus": Field("{ sloStatus { name } }", Action.READ_SERVICE_LEVEL),
    "Query.health": Field("{ health { state } }", Action.READ_SERVICE_LEVEL),
    "Query.node": Field("query ($id: ID!) { node(id: $id) { id } }", Action.READ_VALUATION),
    "Query.model": Field(of_model("name"), Action.READ_MODEL),
    "Query.models": Field("{ models { edges { cursor } } }", Action.READ_MODEL),
    "FinancialModel.revisions": Field(
        of_model("revisions { edges { cursor } }"), Action.READ_MODEL
    ),
    "FinancialModel.changes": Field(of_model("changes(from: 1) { text }"), Action.READ_MODEL),
    "FinancialModel.scenarioComparison": Field(
        of_model(f"scenarioComparison {{ {NO} }}"), Action.READ_MODEL
    ),
    "FinancialModel.atRevision": Field(
        of_model("atRevision(revision: 1) { id }"), Action.READ_MODEL
    ),
    "Mutation.valueDcf": Field(DCF.value(), Action.VALUE),
    "Mutation.valueComparables": Field(COMPARABLES.value(), Action.VALUE),
    "Mutation.valueLbo": Field(LBO.value(), Action.VALUE),
    "Mutation.valueMerger": Field(MERGER.value(), Action.VALUE),
    "Mutation.valueCredit": Field(CREDIT.value(), Action.VALUE),
    "Mutation.valueModel": Field(
        f"mutation ($model: ID!) {{ valueModel(id: $model) {{ {NO} }} }}", Action.VALUE
    ),
    "Mutation.createModel": Field(
        "mutation ($input: DcfInput!) { createModel(input: "
        f'{{name: "Firm", inputs: {{dcf: $input}}}}) {{ {NO} }} }}',
        Action.EDIT_MODEL,
    ),
    "Mutation.editModel": Field(
        change("editModel", 'edits: [{path: "name", value: {text: "Firm"}}]'), Action.EDIT_MODEL
    ),
    "Mutation.duplicateModel": Field(change("duplicateModel", 'name: "Copy"'), Action.EDIT_MODEL),
    "Mutation.archiveModel": Field(change("archiveModel", "archived: false"), Action.EDIT_MODEL),
    "Mutation.restoreRevision": Field(change("restoreRevision", "revision: 1"), Action.EDIT_MODEL),
    # Over HTTP the answer is a Refusal for everybody; who may renew, over a socket, the token says.
    "Mutation.renewSession": Field('mutation { renewSession(token: "") { __typename } }', None),
    "Query.run": Field("query ($run: ID!) { run(id: $run) { id } }", Action.READ_RUN),
    "Mutation.startSimulation": Field(
        "mutation ($input: DcfInput!) { startSimulation(input: {source: {dcf: $input}, "
        f'{SPEC}}}, operationId: "again") {{ {NO} }} }}',
        Action.START_RUN,
    ),
    "Mutation.cancelRun": Field(
        f"mutation ($cancelled: ID!) {{ cancelRun(id: $cancelled) {{ {NO} }} }}", Action.START_RUN
    ),
    "Subscription.runProgress": Field(
        "subscription ($run: ID!) { runProgress(id: $run) { state } }", Action.READ_RUN
    ),
    "Subscription.collaboration": Field(
        "subscription ($model: ID!) { collaboration(modelId: $model) { seq me { id } } }",
        Action.JOIN_ROOM,
    ),
    "Mutation.moveCursor": Field(
        "mutation ($model: ID!, $who: ID) "
        '{ moveCursor(modelId: $model, cursor: {path: "name"}, participant: $who) }',
        Action.JOIN_ROOM,
    ),
    "Mutation.select": Field(
        "mutation ($model: ID!, $who: ID) "
        '{ select(modelId: $model, paths: ["name"], participant: $who) }',
        Action.JOIN_ROOM,
    ),
    "Run.valuation": Field(
        "query ($run: ID!) { run(id: $run) { valuation { id } } }", Action.READ_VALUATION
    ),
    "Viewer.member": Field("{ viewer { member { name } } }", Action.READ_TENANT),
    "Viewer.tenant": Field("{ viewer { tenant { name } } }", Action.READ_TENANT),
    "Tenant.members": Field("{ tenant { members { name } } }", Action.READ_TENANT),
    "Company.dcfInputs": Field(
        f'{{ company(ticker: "AAPL") {{ dcfInputs {{ {NO} }} }} }}', Action.READ_COMPANY
    ),
    "Company.figures": Field(
        '{ company(ticker: "AAPL") { figures { path } } }', Action.READ_COMPANY
    ),
    "Company.history": Field(
        '{ company(ticker: "AAPL") { history { revision } } }', Action.READ_COMPANY
    ),
    "Mutation.addCompany": Field(of_company(f"addCompany(company: $company) {{ {NO} }}"), EDITS),
    "Mutation.importCompanies": Field(
        of_company(f"importCompanies(companies: [$company]) {{ {NO} }}"), EDITS
    ),
    "Mutation.correctFigure": Field(
        of_company(
            f"addCompany(company: $company) {{ {NO} }} "
            'correctFigure(ticker: "ACME", path: "years[2024].revenue", figure: '
            f'{{value: 1e9, source: "Annual report 2024, p. 61"}}) {{ {NO} }}'
        ),
        EDITS,
    ),
    "Mutation.removeCompany": Field(
        of_company(
            f'addCompany(company: $company) {{ {NO} }} removeCompany(ticker: "ACME") {{ {NO} }}'
        ),
        EDITS,
    ),
    **DCF.analyses(),
    **COMPARABLES.analyses(),
    **LBO.analyses(),
    **MERGER.analyses(),
    **CREDIT.analyses(),
    "LboValuation.exitGrid": Field(
        LBO.valued(f"... on LboValuation {{ exitGrid(years: [1], multiples: [8]) {{ {NO} }} }}"),
        Action.READ_VALUATION,
    ),
    "LboValuation.maximumPrice": Field(
        LBO.valued(f"... on LboValuation {{ maximumPrice(targetIrr: 0.2) {{ {NO} }} }}"),
        Action.READ_VALUATION,
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def variables(server: Served) -> dict[str, Any]:
    """The firm, the id of its valuation, that of a model of it, and those of two runs."""
    with server.caller(Role.OWNER) as owner:
        ids: dict[str, Any] = {}
        for kind, document in (
            (DCF, firm()),
            (COMPARABLES, compared()),
            (LBO, bought()),
            (MERGER, merged()),
            (CREDIT, indebted()),
        ):
            kept = owner.data(kind.value("... on Valuation { id }"), {kind.variable: document})[
                f"value{kind.kind}"
            ]
            ids[f"{kind.variable}Id"] = kept["id"]
        made = owner.data(
            "mutation ($input: CreateModelInput!) { createModel(input: $input) { "
            "... on FinancialModel { id } } }",
            {"input": {"name": "Firm", "inputs": {"dcf": firm()}}},
        )
        runs = [
            owner.data(
                "mutation ($input: DcfInput!) { startSimulation(input: {source: {dcf: $input}, "
                f"{SPEC}}}) {{ ... on Run {{ id }} }} }}",
                {"input": firm()},
            )["startSimulation"]["id"]
            for _ in range(2)
        ]
        cancel = "mutation ($id: ID!) { cancelRun(id: $id) { __typename } }"
        owner.data(cancel, {"id": runs[1]})
    ids |= {"model": made["createModel"]["id"], "run": runs[0], "cancelled": runs[1]}
    return {
        "input": firm(),
        "compared": compared(),
        "bought": bought(),
        "merged": merged(),
        "indebted": indebted(),
        "company": acme(),
        "id": ids["inputId"],
        **ids,
    }


def used(text: str, variables: dict[str, Any]) -> dict[str, Any]:
    given = {"op": str(uuid4()), **variables}
    return {name: value for name, value in given.items() if f"${name}:" in text}


def codes(answer: Any) -> set[str]:
    """Every code of a no in an answer, wherever it stands."""
    if isinstance(answer, dict):
        own = {answer["code"]} if isinstance(answer.get("code"), str) else set()
        return own.union(*(codes(value) for value in answer.values()))
    return set().union(*map(codes, answer)) if isinstance(answer, list) else set()


def asked(caller: Caller, name: str, variables: dict[str, Any]) -> set[str]:
    text = FIELDS[name].ask
    if "$who" in text and "who" not in variables:
        return in_the_room(caller, name, variables)
    if name.startswith("Subscription."):
        return codes(first_event(caller, text, used(text, variables)))
    response = caller.post(text, used(text, variables))
    assert response.status_code == 200
    return codes(response.json())


def first_event(caller: Caller, text: str, variables: dict[str, Any]) -> Any:
    """What a subscription answers first."""
    with following(caller, text, variables) as event:
        return event


@contextmanager
def following(caller: Caller, text: str, variables: dict[str, Any]) -> Iterator[Any]:
    """What a subscription answers first; it stays open for the length of the block."""
    body = {"query": text, "variables": variables}
    headers = {"accept": "text/event-stream"}
    with caller.http.stream("POST", "/graphql", json=body, headers=headers) as response:
        assert response.status_code == 200
        events = (line for line in response.iter_lines() if line.startswith("data: {"))
        yield json.loads(next(events).removeprefix("data: "))


def in_the_room(caller: Caller, name: str, variables: dict[str, Any]) -> set[str]:
    """Asked by whoever is in the model's room, if they may be."""
    room = FIELDS["Subscription.collaboration"].ask
    with following(caller, room, used(room, variables)) as event:
        joined = (event.get("data") or {}).get("collaboration")
        who = joined["me"]["id"] if joined else "nobody"
        return asked(caller, name, variables | {"who": who})


def roots() -> set[str]:
    found = set()
    for root in (GRAPHQL.query_type, GRAPHQL.mutation_type, GRAPHQL.subscription_type):
        if isinstance(root, GraphQLObjectType):
            found |= {f"{root.name}.{field}" for field in root.fields}
    return found


def test_the_table_names_every_field_that_does_work() -> None:
    answered = {name for name in FIELDS if not name.startswith("Subscription.")}
    assert set(time_resolvers(build_schema()._schema)) == answered
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
    if FIELDS[name].needs is Action.READ_VALUATION and "mutation" in FIELDS[name].ask:
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
    text = DCF.value("... on Refusal { message issues { path } }")
    with server.caller(Role.VIEWER) as viewer:
        no = viewer.data(text, {"input": firm()})["valueDcf"]
    assert no["code"] == "FORBIDDEN"
    assert "OWNER or ADMIN or ANALYST" in no["message"]
    assert no["issues"] == []
