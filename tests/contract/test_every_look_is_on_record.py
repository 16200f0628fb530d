"""Whoever is given a number of a model is in its access list, by whichever field it came.

The tables below name every field that does work. A field that is added to the schema and to neither
of them turns a test red, and so does one that can lead to a model's numbers and is said to show
none: somebody has to say how it is told who saw them.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
)

from observability.resolver_times import time_resolvers
from resolvers.schema import build_schema
from services.principal import Role
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.served import Caller, Served, served
from tests.the_schema import GRAPHQL

SPEC: Final = (
    "spec: {trials: 100, shocks: ["
    '{path: "capital.wacc", distribution: {normal: {standardDeviation: 0.01}}}]}'
)
NO: Final = "__typename ... on Refusal { code message }"
START: Final = (
    "mutation ($id: ID!, $start: ID!) { startSimulation(input: {source: {valuation: $id}, "
    f"{SPEC}}}, operationId: $start) {{ {NO} ... on Run {{ id }} }} }}"
)
FOOTBALL: Final = (
    f"query ($id: ID!) {{ footballField(methods: [{{cases: {{valuations: [$id]}}}}]) {{ {NO} }} }}"
)
NOW: Final = datetime.now(UTC)
REPORT: Final = (
    f'{{ auditReport(from: "{(NOW - timedelta(days=1)).isoformat()}", '
    f'to: "{(NOW + timedelta(days=1)).isoformat()}") {{ html }} }}'
)
CREATE: Final = (
    "mutation ($input: DcfInput!) { createModel(input: "
    '{name: "Another", inputs: {dcf: $input}}) { ... on FinancialModel { id } } }'
)


def query(field: str) -> str:
    return f"query ($model: ID!) {{ model(id: $model) {{ {field} }} }}"


def change(name: str, more: str) -> str:
    return (
        f"mutation ($model: ID!, $op: ID!) {{ {name}(id: $model, operationId: $op, {more}) "
        f"{{ {NO} }} }}"
    )


def share(name: str, more: str) -> str:
    whom = ", $whom: ID!" if "$whom" in more else ""
    return f"mutation ($model: ID!{whom}) {{ {name}(id: $model, {more}) {{ {NO} }} }}"


# Field to how it is asked for, and how the access list of the model tells of it.
LOOKS: Final = {
    "Query.node": ("query ($id: ID!) { node(id: $id) { id } }", "VALUATION_READ"),
    "Query.model": (query("name"), "READ"),
    "Query.models": ("{ models { edges { node { name } } } }", "LISTED"),
    "Query.valuation": ("query ($id: ID!) { valuation(id: $id) { id } }", "VALUATION_READ"),
    "Query.run": ("query ($run: ID!) { run(id: $run) { state } }", "RUN"),
    "Query.exportWorkbook": (
        f"query ($id: ID!) {{ exportWorkbook(valuationId: $id) {{ {NO} }} }}",
        "WORKBOOK",
    ),
    "Query.footballField": (
        FOOTBALL,
        "VALUATION_READ",
    ),
    "FinancialModel.revisions": (query("revisions { edges { cursor } }"), "HISTORY"),
    "FinancialModel.changes": (query("changes(from: 1) { text }"), "HISTORY"),
    "FinancialModel.atRevision": (query("atRevision(revision: 1) { name }"), "HISTORY"),
    "Run.valuation": (
        "query ($run: ID!) { run(id: $run) { valuation { id } } }",
        "VALUATION_READ",
    ),
    "Mutation.valueModel": (
        f"mutation ($model: ID!) {{ valueModel(id: $model) {{ {NO} }} }}",
        "VALUED",
    ),
    "Mutation.createModel": (
        CREATE,
        "CHANGED",
    ),
    "Mutation.editModel": (
        change("editModel", 'edits: [{path: "name", value: {text: "Firm"}}]'),
        "CHANGED",
    ),
    "Mutation.duplicateModel": (change("duplicateModel", 'name: "Copy"'), "READ"),
    "Mutation.archiveModel": (change("archiveModel", "archived: false"), "CHANGED"),
    "Mutation.restoreRevision": (change("restoreRevision", "revision: 1"), "CHANGED"),
    "Mutation.shareModel": (share("shareModel", "memberId: $whom, right: EDITOR"), "READ"),
    "Mutation.unshareModel": (share("unshareModel", "memberId: $whom"), "READ"),
    "Mutation.openModel": (share("openModel", "access: TENANT"), "READ"),
    "Query.auditReport": (REPORT, "HISTORY"),  # with what each edit changed
    # The second time it answers with the run that is there, and with all that came out.
    "Mutation.startSimulation": (START, "RUN"),
    "Mutation.cancelRun": (
        f"mutation ($run: ID!) {{ cancelRun(id: $run) {{ {NO} }} }}",
        "RUN",
    ),
    "Subscription.collaboration": (
        "subscription ($model: ID!) { collaboration(modelId: $model) { seq } }",
        "ROOM",
    ),
    "Subscription.runProgress": (
        "subscription ($run: ID!) { runProgress(id: $run) { state } }",
        "RUN",
    ),
}
KINDS: Final = {
    "Dcf": firm,
    "Comparables": compared,
    "Lbo": bought,
    "Merger": merged,
    "Credit": indebted,
}
# Of inputs that the caller gives: of no model, and on record as `valuation.made`.
MADE: Final = {f"Mutation.value{kind}": kind for kind in KINDS}
# An analysis shows numbers of what it is asked of, and whoever has that is on record for it.
OF_WHAT_WAS_GIVEN: Final = {
    "FinancialModel.scenarioComparison",
    "FinancialModel.right",
    "FinancialModel.grants",
    *(
        f"{kind}Valuation.{name}"
        for kind in KINDS
        for name in (
            "sensitivity",
            "oneWaySensitivity",
            "reverse",
            "scenarios",
            "tornado",
            "gradient",
            "replay",
            "simulation",
            "attribution",  # the earlier valuation is looked at by itself
        )
    ),
    "LboValuation.exitGrid",
    "LboValuation.maximumPrice",
}
# Types that hold a number of a model, or of what was made of one.
SHOWING: Final = {
    "FinancialModel",
    "Revision",
    "Change",
    "Run",
    "RunProgress",
    "FootballField",
    "Workbook",
    *(f"{kind}Valuation" for kind in KINDS),
}
NOTHING: Final = {
    "Query": (
        "viewer tenant memberSessions apiKeys plans tenants killSwitches company companies "
        "sloStatus health webhooks cost rateLimit auditEvents accessList legalHolds "
        "trustedDocuments identityProviders"
    ),
    "Mutation": (
        "placeHold releaseHold eraseMember moveCursor select addCompany importCompanies "
        "correctFigure removeCompany renewSession createWebhook updateWebhook pauseWebhook "
        "resumeWebhook removeWebhook rotateWebhookSecret sendTestEvent repeatDelivery "
        "repeatDeliveries endSession endOtherSessions changePassword resetPassword "
        "beginSecondFactor confirmSecondFactor disableSecondFactor resetSecondFactor createApiKey "
        "revokeApiKey updateTenant updateBranding inviteMember revokeInvitation changeRole "
        "removeMember createServiceAccount createTenant suspendTenant resumeTenant changePlan "
        "setContract openOperatorGrant approveOperatorGrant endOperatorGrant leaveTenant "
        "enterTenant stop resume registerDocuments removeDocuments setIdentityProvider "
        "enableIdentityProvider disableIdentityProvider removeIdentityProvider linkIdentity "
        "unlinkIdentity"
    ),
}
SHOWS_NOTHING: Final = {
    f"{root}.{name}" for root, names in NOTHING.items() for name in names.split()
}


def test_the_tables_name_every_field_that_does_work() -> None:
    working = set(time_resolvers(build_schema()._schema)) | roots()
    told = {*LOOKS, *MADE, *OF_WHAT_WAS_GIVEN, *SHOWS_NOTHING}
    rest = working - told
    assert {name.partition(".")[0] for name in rest}.isdisjoint(
        {"Query", "Mutation", "Subscription", *SHOWING}
    ), rest
    assert told <= working


def test_no_field_that_is_said_to_show_nothing_leads_to_a_models_numbers() -> None:
    working = set(time_resolvers(build_schema()._schema))
    for name in working - {*LOOKS, *MADE, *OF_WHAT_WAS_GIVEN}:
        owner, _, field = name.partition(".")
        kind = GRAPHQL.type_map[owner]
        assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        assert not shown(kind.fields[field].type) & SHOWING, name


def roots() -> set[str]:
    return {
        f"{root.name}.{field}"
        for root in (GRAPHQL.query_type, GRAPHQL.mutation_type, GRAPHQL.subscription_type)
        if root is not None
        for field in root.fields
    }


def shown(of: Any) -> set[str]:
    """The names of all types that an answer can hold; a refusal's are those of what was asked."""
    found: set[str] = set()
    open_ = [get_named_type(of)]
    while open_:
        kind = open_.pop()
        if kind.name in found or kind.name == "Refusal" or not is_composite_type(kind):
            continue
        found.add(kind.name)
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            open_ += GRAPHQL.get_possible_types(kind)
        if not isinstance(kind, GraphQLUnionType):
            open_ += [get_named_type(field.type) for field in kind.fields.values()]
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture(scope="module")
def variables(server: Served) -> dict[str, Any]:
    """A model that was edited, a valuation of it with a run, and somebody to share with."""
    with server.caller(Role.VIEWER) as viewer:
        whom = viewer.data("{ viewer { member { id } } }")["viewer"]["member"]["id"]
    with server.caller(Role.OWNER) as owner:
        made = owner.data(CREATE, {"input": firm()})["createModel"]
        edit = LOOKS["Mutation.editModel"][0].replace("Firm", "Edited")
        owner.data(edit, {"model": made["id"], "op": "edited"})
        value = "mutation ($id: ID!) { valueModel(id: $id) { ... on Valuation { id } } }"
        valuation = owner.data(value, {"id": made["id"]})["valueModel"]["id"]
        run = owner.data(START, {"id": valuation, "start": "again"})["startSimulation"]["id"]
    return {
        "model": made["id"],
        "id": valuation,
        "run": run,
        "start": "again",
        "whom": whom,
        "input": firm(),
    }


def used(text: str, variables: dict[str, Any]) -> dict[str, Any]:
    given = {"op": str(uuid4()), **variables}
    return {name: value for name, value in given.items() if f"${name}:" in text}


def session_of(caller: Caller) -> str:
    """The way in that a token is."""
    claims = caller.http.headers["authorization"].split(".")[1]
    found: str = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sid"]
    return found


def asked(caller: Caller, name: str, text: str, variables: dict[str, Any]) -> Any:
    if not name.startswith("Subscription."):
        return caller.data(text, used(text, variables))
    body = {"query": text, "variables": used(text, variables)}
    headers = {"accept": "text/event-stream"}
    with caller.http.stream("POST", "/graphql", json=body, headers=headers) as response:
        events = (line for line in response.iter_lines() if line.startswith("data: {"))
        answer = json.loads(next(events).removeprefix("data: "))
    assert "errors" not in answer, answer
    return answer["data"]


def ways(server: Served, model: str, session: str) -> set[str]:
    """How a model was seen over one way in, by its access list."""
    text = (
        "query ($model: ID!) { accessList(modelId: $model, first: 100) "
        "{ edges { node { how event { session } } } } }"
    )
    with server.caller(Role.OWNER) as owner:
        edges = owner.data(text, {"model": model})["accessList"]["edges"]
    return {edge["node"]["how"] for edge in edges if edge["node"]["event"]["session"] == session}


@pytest.mark.parametrize("name", LOOKS)
def test_whoever_asks_for_it_is_in_the_models_access_list(
    server: Served, variables: dict[str, Any], name: str
) -> None:
    text, how = LOOKS[name]
    with server.caller(Role.ADMIN) as caller:
        answer = asked(caller, name, text, variables)
        if name != "Mutation.cancelRun":  # which says DONE, if it has ended: a look all the same
            assert "Refusal" not in json.dumps(answer), answer
        model = variables["model"]
        if name == "Mutation.createModel":
            model = answer["createModel"]["id"]
        assert how in ways(server, model, session_of(caller))


@pytest.mark.parametrize("name", MADE)
def test_whoever_values_inputs_is_on_record(server: Served, name: str) -> None:
    kind = MADE[name]
    text = (
        f"mutation ($input: {kind}Input!) {{ value{kind}(input: $input) {{ "
        f"{NO} ... on Valuation {{ id }} }} }}"
    )
    with server.caller(Role.ADMIN) as caller, server.caller(Role.OWNER) as owner:
        answer = caller.data(text, {"input": KINDS[kind]()})
        assert "id" in answer[f"value{kind}"], answer
        events = owner.data(
            '{ auditEvents(filter: {action: "valuation.made"}, first: 20) '
            "{ edges { node { session } } } }"
        )["auditEvents"]["edges"]
        assert session_of(caller) in {event["node"]["session"] for event in events}


def test_a_stale_edit_is_told_what_stands_there_and_that_is_a_look(
    server: Served, variables: dict[str, Any]
) -> None:
    text = (
        "mutation ($model: ID!, $op: ID!) { editModel(id: $model, operationId: $op, edits: "
        '[{path: "capital.wacc", value: {number: 0.1}, baseRevision: 1}]) '
        "{ __typename ... on Refusal { conflicts { value } } } }"
    )
    other = text.replace("0.1}, baseRevision: 1", "0.11}")
    with server.caller(Role.ADMIN) as caller:
        first = caller.data(other, used(other, variables))["editModel"]
        assert first["__typename"] == "EditedModel"
    with server.caller(Role.ADMIN) as caller:
        answer = caller.data(text, used(text, variables))["editModel"]
        assert answer["conflicts"] == [{"value": 0.11}]
        assert ways(server, variables["model"], session_of(caller)) == {"READ"}
