"""Every field of the real schema, by plan and by reference: the same answer."""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack, aclosing
from itertools import product
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
    is_required_argument,
)

from api.embedded import Embedded, opened, owner
from api.operations.request import Parameters
from api.settings import Settings
from resolvers.context import Context
from resolvers.financial_models import model_id
from resolvers.valuations.kinds import type_names
from services.sessions import Session
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.own_companies import acme

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
VALUATIONS = tuple(type_names())
# What differs from one asking to the next, whoever answers.
VOLATILE = frozenset(
    {"durationMs", "sloStatus", "health", "auditEvents", "accessList", "auditReport"}
)
# What the demonstration's owner may not ask, which is told in `errors`.
OF_OPERATORS = frozenset({"tenants", "killSwitches"})
# Arguments for the fields that need some; the rest take their defaults. A change has an id of its
# own: asked again, it gets the first answer.
SPEC = {
    "trials": 200,
    "shocks": [
        {
            "path": "operations.revenueGrowth",
            "everyYear": True,
            "distribution": {"normal": {"standardDeviation": 0.01}},
        }
    ],
}
ARGUMENTS = {
    "Query.valuation": "(id: $valuation)",
    "Query.exportWorkbook": "(valuationId: $valuation)",
    "Query.node": "(id: $model)",
    "Query.footballField": "(methods: $field, marketPrice: 20)",
    "Query.model": "(id: $model)",
    "Query.company": '(ticker: "aapl")',
    "Query.cost": '(query: "{ viewer { role } }", variables: {a: [1, null]})',
    "Mutation.registerDocuments": '(documents: [{text: "{ viewer { role } }", name: "Who"}])',
    "Mutation.removeDocuments": '(ids: [""])',
    "Mutation.valueDcf": "(input: $input)",
    "Mutation.renewSession": '(token: "")',
    "Query.memberSessions": "(memberId: $member)",
    "Mutation.endSession": '(id: "")',
    "Mutation.changePassword": '(current: "", new: "")',
    "Mutation.resetPassword": '(memberId: "")',
    "Mutation.confirmSecondFactor": '(code: "")',
    "Mutation.disableSecondFactor": '(password: "", code: "")',
    "Mutation.resetSecondFactor": '(memberId: "")',
    "Mutation.createApiKey": '(input: {name: "", scopes: []})',
    "Mutation.revokeApiKey": '(id: "")',
    "Mutation.valueModel": '(id: $model, scenario: "bear")',
    "Mutation.createModel": '(input: $create, operationId: "make")',
    "Mutation.editModel": '(id: $model, operationId: "edit", edits: $edits)',
    "Mutation.duplicateModel": '(id: $model, name: "Copy", operationId: "copy")',
    "Mutation.archiveModel": '(id: $model, operationId: "archive", archived: false)',
    "Mutation.restoreRevision": '(id: $model, operationId: "restore", revision: 1)',
    "Mutation.updateTenant": '(input: {name: ""})',
    "Mutation.updateBranding": (
        '(input: {colours: {primary: "", accent: "", background: "", text: ""}})'
    ),
    "Mutation.inviteMember": '(email: "", role: VIEWER)',
    "Mutation.revokeInvitation": '(id: "")',
    "Mutation.changeRole": "(memberId: $member, role: OWNER)",
    "Mutation.removeMember": "(memberId: $member)",
    "Mutation.createServiceAccount": '(name: "Robot", role: VIEWER, operationId: "robot")',
    "Mutation.changePlan": "(plan: PRO)",
    "Mutation.createTenant": (
        '(input: {slug: "a", name: "A", plan: FREE, owner: {email: "a@example.com"}})'
    ),
    "Mutation.suspendTenant": '(id: "", reason: "")',
    "Mutation.resumeTenant": '(id: "")',
    "Mutation.setContract": '(tenantId: "", contract: {})',
    "Mutation.openOperatorGrant": (
        '(tenantId: "", role: VIEWER, reason: "", until: "2026-01-01T00:00:00Z")'
    ),
    "Mutation.approveOperatorGrant": '(id: "")',
    "Mutation.endOperatorGrant": '(id: "")',
    "Mutation.leaveTenant": '(grantId: "")',
    "Mutation.enterTenant": '(grantId: "")',
    "Mutation.stop": '(target: {operation: ""}, reason: "")',
    "Mutation.resume": '(id: "")',
    "Mutation.shareModel": "(id: $model, memberId: $member, right: EDITOR)",
    "Mutation.unshareModel": "(id: $model, memberId: $member)",
    "Mutation.openModel": "(id: $model, access: TENANT)",
    "Mutation.setIdentityProvider": '(issuer: "https://x.example", clientId: "valor")',
    "Mutation.enableIdentityProvider": '(id: "")',
    "Mutation.disableIdentityProvider": '(id: "")',
    "Mutation.removeIdentityProvider": '(id: "")',
    "Mutation.linkIdentity": '(providerId: "", subject: "x", memberId: $member)',
    "Mutation.unlinkIdentity": '(providerId: "", subject: "x")',
    "Tenant.planPreview": "(plan: FREE)",
    "Mutation.createWebhook": '(url: "", events: [])',
    "Mutation.updateWebhook": '(id: "")',
    "Mutation.pauseWebhook": '(id: "")',
    "Mutation.resumeWebhook": '(id: "")',
    "Mutation.removeWebhook": '(id: "")',
    "Mutation.rotateWebhookSecret": '(id: "")',
    "Mutation.sendTestEvent": '(id: "")',
    "Mutation.repeatDelivery": '(id: "")',
    "Mutation.repeatDeliveries": '(webhookId: "", from: "2026-01-01T00:00:00Z")',
    "Mutation.moveCursor": '(modelId: $model, cursor: {path: "name", x: 0.5})',
    "Mutation.select": '(modelId: $model, paths: ["name"])',
    "Mutation.startSimulation": '(input: $simulation, operationId: "simulate")',
    "Mutation.cancelRun": "(id: $run)",
    "Mutation.addCompany": "(company: $company)",
    "Mutation.importCompanies": "(companies: $companies)",
    "Mutation.correctFigure": (
        '(ticker: "ACME", path: "years[2024].revenue", '
        'figure: {value: 1e9, source: "Annual report 2024, p. 61"})'
    ),
    "Mutation.removeCompany": '(ticker: "NOBODYS")',
    "Query.run": "(id: $run)",
    "Query.accessList": "(modelId: $model)",
    "Query.auditReport": '(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z")',
    "Mutation.placeHold": '(subjectId: $model, reason: "A case", operationId: "hold")',
    "Mutation.releaseHold": '(id: "")',
    "Mutation.eraseMember": '(id: "")',
    "FinancialModel.changes": "(from: 1)",
    "FinancialModel.atRevision": "(revision: 1)",
    "DcfValuation.sensitivity": (
        '(rows: {path: "capital.capm.beta", values: [1, 1.1]}, '
        'columns: {path: "terminal.gordon.growth", values: [0.02, 0.03, 0.2]})'
    ),
    "DcfValuation.simulation": "(spec: $spec)",
    "DcfValuation.oneWaySensitivity": '(axis: {path: "capital.capm.beta", values: [1, 1.1]})',
    "DcfValuation.reverse": '(path: "capital.capm.beta")',
    "DcfValuation.scenarios": (
        '(cases: [{name: "Bear", changes: [{path: "capital.capm.beta", value: 1.3}]}])'
    ),
    "DcfValuation.attribution": "(from: $valuation)",
    "Mutation.valueComparables": "(input: $compared)",
    "ComparablesValuation.sensitivity": (
        '(rows: {path: "subject.bridge.debt", values: [100, 200]}, '
        'columns: {path: "subject.bridge.cash", values: [1, -1]})'
    ),
    "ComparablesValuation.simulation": (
        '(spec: {trials: 200, shocks: [{path: "subject.bridge.debt", '
        "distribution: {normal: {standardDeviation: 10}}}]})"
    ),
    "ComparablesValuation.oneWaySensitivity": (
        '(axis: {path: "subject.bridge.debt", values: [1, 100]})'
    ),
    "ComparablesValuation.reverse": '(path: "subject.bridge.debt")',
    "ComparablesValuation.scenarios": (
        '(cases: [{name: "Bear", changes: [{path: "subject.bridge.debt", value: 1000}]}])'
    ),
    "ComparablesValuation.attribution": "(from: $comparison)",
    "Mutation.valueCredit": "(input: $indebted)",
    "CreditValuation.sensitivity": (
        '(rows: {path: "debt", values: [8, 9]}, columns: {path: "horizon", values: [1, 2]})'
    ),
    "CreditValuation.simulation": (
        '(spec: {trials: 200, shocks: [{path: "equityValue", '
        "distribution: {normal: {standardDeviation: 0.2}}}]})"
    ),
    "CreditValuation.oneWaySensitivity": '(axis: {path: "debt", values: [8, 9]})',
    "CreditValuation.reverse": '(path: "debt", target: 2, low: 1, high: 20)',
    "CreditValuation.scenarios": (
        '(cases: [{name: "Bear", changes: [{path: "equityVolatility", value: 1}]}])'
    ),
    "CreditValuation.attribution": "(from: $credit)",
    "Mutation.valueLbo": "(input: $bought)",
    "Mutation.valueMerger": "(input: $merged)",
    "MergerValuation.sensitivity": (
        '(rows: {path: "offer.premium", values: [0.2, 0.3]}, '
        'columns: {path: "financing.stockShare", values: [0, 0.5, 1]})'
    ),
    "MergerValuation.simulation": (
        '(spec: {trials: 200, shocks: [{path: "offer.premium", '
        "distribution: {normal: {standardDeviation: 0.02}}}]})"
    ),
    "MergerValuation.oneWaySensitivity": '(axis: {path: "offer.premium", values: [0.2, 0.3]})',
    "MergerValuation.reverse": '(path: "offer.premium", target: 0.1)',
    "MergerValuation.scenarios": (
        '(cases: [{name: "Bear", changes: [{path: "synergies.cost", value: -10}]}])'
    ),
    "MergerValuation.attribution": "(from: $merger)",
    "LboValuation.sensitivity": (
        '(rows: {path: "entry.evToEbitda", values: [7, 8]}, '
        'columns: {path: "exit.evToEbitda", values: [7, 8, 9]})'
    ),
    "LboValuation.simulation": (
        '(spec: {trials: 200, shocks: [{path: "exit.evToEbitda", '
        "distribution: {normal: {standardDeviation: 0.5}}}]})"
    ),
    "LboValuation.oneWaySensitivity": '(axis: {path: "exit.evToEbitda", values: [7, 9]})',
    "LboValuation.reverse": '(path: "exit.evToEbitda", target: 0.25)',
    "LboValuation.scenarios": (
        '(cases: [{name: "Bear", changes: [{path: "exit.evToEbitda", value: 7}]}])'
    ),
    "LboValuation.attribution": "(from: $buyout)",
    "LboValuation.exitGrid": "(years: [3, 5], multiples: [7, 8, 9])",
    "LboValuation.maximumPrice": "(targetIrr: 0.2)",
}
TYPES = {
    "input": "DcfInput!",
    "compared": "ComparablesInput!",
    "comparison": "ID!",
    "indebted": "CreditInput!",
    "credit": "ID!",
    "field": "[FootballMethodInput!]!",
    "bought": "LboInput!",
    "merged": "MergerInput!",
    "merger": "ID!",
    "buyout": "ID!",
    "valuation": "ID!",
    "model": "ID!",
    "member": "ID!",
    "run": "ID!",
    "simulation": "StartSimulationInput!",
    "spec": "SimulationInput!",
    "create": "CreateModelInput!",
    "edits": "[ModelEdit!]!",
    "company": "CompanyInput!",
    "companies": "[CompanyInput!]!",
}
EDITS = [
    {"path": "terminal.gordon.growth", "value": {"number": 0.02}},
    {
        "path": "scenarios.bear",
        "value": {
            "scenario": {
                "name": "Bear",
                "changes": [{"path": "marketPrice", "value": {"nothing": True}}],
            }
        },
    },
]


def everything(
    schema: GraphQLSchema,
    kind: Any,
    seen: tuple[str, ...] = (),
    differing: frozenset[str] = frozenset(),
    whose: str = "DcfValuation",
) -> str:
    """A selection of all that a type has, an object within itself left out.

    What is called ``differing`` in another type of the same place gets a name of its own. Of the
    kinds of valuation one is asked for, ``whose``: all of them are more than a document may hold.
    Models and runs have roots of their own beside `node`.
    """
    kind = get_named_type(kind)
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        possible = [
            each
            for each in schema.get_possible_types(kind)
            if each.name == whose or (kind.name != "Node" and not each.name.endswith("Valuation"))
        ]
        types: dict[str, set[str]] = {}
        for each in possible:
            for name, field in each.fields.items():
                types.setdefault(name, set()).add(str(field.type))
        differing = frozenset(name for name, found in types.items() if len(found) > 1)
        inner = " ".join(
            f"... on {each.name} {everything(schema, each, seen, differing, whose)}"
            for each in possible
        )
        return f"{{ __typename {inner} }}"
    if not isinstance(kind, GraphQLObjectType):
        return ""
    if kind.name in seen:
        return "{ __typename }"
    parts = []
    for name, field in kind.fields.items():
        if name not in VOLATILE:
            alias = f"{kind.name}_{name}: " if name in differing else ""
            asked = f"{name}{ARGUMENTS.get(f'{kind.name}.{name}', '')}"
            parts.append(
                f"{alias}{asked} {everything(schema, field.type, (*seen, kind.name), whose=whose)}"
            )
    return f"{{ {' '.join(parts)} }}"


async def simulated(embedded: Embedded, simulation: dict[str, Any]) -> str:
    """The id of a run that has ended: the same however often one asks for it."""
    started = await embedded.data(
        "mutation($simulation: StartSimulationInput!) { "
        f"startSimulation{ARGUMENTS['Mutation.startSimulation']} {{ ... on Run {{ id }} }} }}",
        {"simulation": simulation},
    )
    run: str = started["startSimulation"]["id"]
    asked = Parameters(
        "subscription($id: ID!) { runProgress(id: $id) { state } }", None, {"id": run}
    )
    answers = embedded.parts.executor.subscribe(asked, Session(owner()), "test")
    *_, last = [answer["data"]["runProgress"]["state"] async for answer in answers]
    assert last == "DONE"
    return run


@pytest.mark.parametrize("operation", ["query", "mutation"])
async def test_every_field_has_a_plan_that_answers_as_the_reference_does(
    operation: str, tmp_path: Path
) -> None:
    document = json.loads((ROOT / "examples" / "apple.json").read_text(encoding="utf-8"))
    async with AsyncExitStack() as stack:
        settings = Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)
        embedded = await stack.enter_async_context(opened(settings))
        given: dict[str, Any] = {
            "input": document,
            "compared": compared(),
            "bought": bought(),
            "merged": merged(),
            "indebted": indebted(),
            "create": {"name": "Apple", "inputs": {"dcf": document}},
            "edits": EDITS,
            "spec": SPEC,
            "company": acme(),
            "companies": [acme()],
        }
        kept = await embedded.data(
            "mutation($input: DcfInput!, $compared: ComparablesInput!, $bought: LboInput!, "
            "$merged: MergerInput!, $create: CreateModelInput!) "
            "{ valueLbo(input: $bought) { ... on LboValuation { id } } "
            "valueMerger(input: $merged) { ... on MergerValuation { id } } "
            "valueDcf(input: $input) { ... on DcfValuation { id } } "
            "valueComparables(input: $compared) { ... on ComparablesValuation { id } } "
            "createModel(input: $create) { ... on FinancialModel { id createdBy { id } } } }",
            {name: given[name] for name in ("input", "compared", "bought", "merged", "create")},
        )
        kept |= await embedded.data(  # a document holds five mutations
            "mutation($company: CompanyInput!, $indebted: CreditInput!) { "
            "addCompany(company: $company) { __typename } "
            "valueCredit(input: $indebted) { ... on CreditValuation { id } } }",
            {"company": given["company"], "indebted": given["indebted"]},
        )
        given["valuation"], given["model"] = kept["valueDcf"]["id"], kept["createModel"]["id"]
        given["member"] = kept["createModel"]["createdBy"]["id"]
        given["merger"] = kept["valueMerger"]["id"]
        given["credit"] = kept["valueCredit"]["id"]
        given["buyout"] = kept["valueLbo"]["id"]
        given["comparison"] = kept["valueComparables"]["id"]
        given["field"] = [
            {"multiples": {"valuation": given["comparison"]}},
            {"cases": {"valuations": [given["valuation"]]}},
        ]
        given["simulation"] = {"source": {"valuation": given["valuation"]}, "spec": SPEC}
        given["run"] = await simulated(embedded, given["simulation"])
        executor = embedded.parts.executor
        schema = executor.documents.schema
        root = schema.mutation_type if operation == "mutation" else schema.query_type
        assert root is not None
        session = Session(owner())
        rooms = executor._services.collaboration
        joining = rooms.join(session, model_id(given["model"]))  # for moves in it
        await anext(await stack.enter_async_context(aclosing(joining)))
        texts: set[str] = set()
        for name, whose in product(root.fields, VALUATIONS):
            if name in VOLATILE | OF_OPERATORS:
                continue
            field = root.fields[name]
            asked = f"{name}{ARGUMENTS.get(f'{root.name}.{name}', '')}"
            selected = f"{asked} {everything(schema, field.type, whose=whose)}"
            if selected in texts:
                continue
            texts.add(selected)
            used = [name for name in TYPES if f"${name}" in selected]
            variables = {name: given[name] for name in used}
            head = ", ".join(f"${name}: {TYPES[name]}" for name in used)
            text = f"{operation}{f'({head})' if head else ''} {{ {selected} }}"
            found = executor.documents.read(text)
            found.validated()
            plan = found.plan(None)
            assert plan is not None, f"{name} has no plan"
            who = await executor.admission.let_in(session.principal)
            context = Context(session, executor._services, let_in=who)
            data = await plan.run(context, plan.coerce(variables), {})
            assert found.node is not None
            reference = await executor._refer(
                found.node, Parameters(text, None, variables), context
            )
            assert reference.errors is None
            assert plain(data) == plain(reference.data), name


async def test_every_subscription_has_a_plan(tmp_path: Path) -> None:
    async with opened(Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)) as embedded:
        executor = embedded.parts.executor
        schema = executor.documents.schema
        root = schema.subscription_type
        assert root is not None
        for name, field in root.fields.items():
            needed = {
                key: each.type for key, each in field.args.items() if is_required_argument(each)
            }
            given = ", ".join(f"{key}: ${key}" for key in needed)
            asked = f"{name}({given}) {everything(schema, field.type)}"
            named = set(re.findall(r"\$(\w+)", asked))
            kinds = needed | {
                key: kind for key, kind in TYPES.items() if key in named - set(needed)
            }
            head = ", ".join(f"${key}: {kind}" for key, kind in kinds.items())
            text = f"subscription({head}) {{ {asked} }}"
            found = executor.documents.read(text)
            found.validated()
            assert found.plan(None) is not None, f"{name} has no plan"


@pytest.mark.parametrize(
    ("asked", "head", "given"),
    [
        (
            "{{ models(filter: {{namePrefix: {}}}) {{ edges {{ node {{ name }} }} }} }}",
            "$v: String",
            "pear",
        ),
        (
            "{{ models(orderBy: {{field: {}}}) {{ edges {{ node {{ name }} }} }} }}",
            "$v: ModelOrderField!",
            "NAME",
        ),
    ],
)
async def test_a_variable_within_a_literal_is_heard(
    asked: str, head: str, given: Any, tmp_path: Path
) -> None:
    """The answer is that of the same document with the value written out."""
    document = json.loads((ROOT / "examples" / "apple.json").read_text(encoding="utf-8"))
    made = "mutation($create: CreateModelInput!) { createModel(input: $create) { __typename } }"
    async with opened(Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)) as embedded:
        for name in ("Pear", "Apple", "Quince"):
            create = {"name": name, "inputs": {"dcf": document}}
            await embedded.data(made, {"create": create})
        literal = given if "Order" in head else json.dumps(given)
        plainly = await embedded.data(asked.format(literal))
        assert await embedded.data(f"query({head}) {asked.format('$v')}", {"v": given}) == plainly
        assert plainly != await embedded.data("{ models { edges { node { name } } } }")


def plain(data: Any) -> Any:
    answer = orjson.loads(orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY))
    if "viewer" in answer:  # the principal is made anew for each asking
        del answer["viewer"]["expiresAt"]
    for bucket in (answer.get("rateLimit") or {}).values():
        if isinstance(bucket, dict):
            del bucket["resetAt"]  # it fills all the time
    return answer
