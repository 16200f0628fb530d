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
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLObjectType

from observability.resolver_times import time_resolvers
from resolvers.ids import global_id
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
    told: str | None = None  # the code that who may gets, where there is nothing to do it to


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


NOBODY: Final = "01900000-0000-7000-8000-000000000000"  # an id that nothing has
NO: Final = "__typename ... on Refusal { code }"
CREATE: Final = (
    "mutation ($input: CreateModelInput!) { createModel(input: $input) { "
    "... on FinancialModel { id } } }"
)
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


def sharing(name: str, arguments: str) -> str:
    """A mutation of who may what with a model of the analyst's; ``$whom`` is a member."""
    whom = ", $whom: ID!" if "$whom" in arguments else ""
    return f"mutation ($mine: ID!{whom}) {{ {name}(id: $mine, {arguments}) {{ {NO} }} }}"


def of_company(fields: str) -> str:
    """Mutations of a company of the tenant's own, one after the other."""
    return f"mutation ($company: CompanyInput!) {{ {fields} }}"


def access(field: str) -> str:
    """A mutation of how somebody gets in, of nothing that there is."""
    return f"mutation {{ {field} {{ {NO} }} }}"


EDITS: Final = Action.EDIT_COMPANY
MANAGES: Final = Action.MANAGE_ACCESS
NO_SESSION: Final = global_id("SignIn", str(UUID(int=5)))
NO_KEY: Final = global_id("ApiKey", str(UUID(int=5)))
OPERATES: Final = Action.OPERATE
NO_MEMBER: Final = global_id("Member", str(UUID(int=99)))
NO_INVITATION: Final = global_id("Invitation", str(UUID(int=99)))
NO_TENANT: Final = global_id("Tenant", str(UUID(int=99)))
NO_GRANT: Final = global_id("OperatorGrant", f"{UUID(int=99).hex}.{UUID(int=99).hex}")
NO_SWITCH: Final = global_id("KillSwitch", str(UUID(int=99)))
NO_PROVIDER: Final = global_id("IdentityProvider", str(UUID(int=5)))
SHARES: Final = Action.SHARE_MODEL
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
    "Query.cost": Field('{ cost(query: "{ __typename }") { points } }', Action.READ_USAGE),
    "Query.rateLimit": Field("{ rateLimit { points { limit } } }", Action.READ_USAGE),
    "Query.trustedDocuments": Field(
        "{ trustedDocuments { edges { cursor } } }", Action.MANAGE_DOCUMENTS
    ),
    "Mutation.registerDocuments": Field(
        f'mutation {{ registerDocuments(documents: [{{text: "{{ __typename }}"}}]) {{ {NO} }} }}',
        Action.MANAGE_DOCUMENTS,
    ),
    "Mutation.removeDocuments": Field(
        f'mutation {{ removeDocuments(ids: ["{"0" * 64}"]) {{ {NO} }} }}', Action.MANAGE_DOCUMENTS
    ),
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
    "FinancialModel.right": Field(of_model("right"), Action.READ_MODEL),
    "FinancialModel.grants": Field(of_model("grants { right }"), Action.READ_MODEL),
    "Mutation.shareModel": Field(sharing("shareModel", "memberId: $whom, right: EDITOR"), SHARES),
    "Mutation.unshareModel": Field(sharing("unshareModel", "memberId: $whom"), SHARES),
    "Mutation.openModel": Field(sharing("openModel", "access: TENANT"), SHARES),
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
    "Query.auditEvents": Field("{ auditEvents { edges { cursor } } }", Action.READ_AUDIT),
    "Query.accessList": Field(
        "query ($model: ID!) { accessList(modelId: $model) { edges { cursor } } }",
        Action.READ_AUDIT,
    ),
    "Query.auditReport": Field(
        '{ auditReport(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z") { events } }',
        Action.READ_AUDIT,
    ),
    "AuditReport.html": Field(
        '{ auditReport(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z") { html } }',
        Action.READ_AUDIT,
    ),
    "Query.legalHolds": Field("{ legalHolds { id } }", Action.KEEP),
    # Nothing is done by whoever may: the reason is none, and nobody has these ids.
    "Mutation.placeHold": Field(
        f'mutation ($model: ID!) {{ placeHold(subjectId: $model, reason: "") {{ {NO} }} }}',
        Action.KEEP,
        "INVALID_INPUT",
    ),
    "Mutation.releaseHold": Field(
        f'mutation {{ releaseHold(id: "{global_id("LegalHold", NOBODY)}") {{ {NO} }} }}',
        Action.KEEP,
        "NOT_FOUND",
    ),
    "Mutation.eraseMember": Field(
        f'mutation {{ eraseMember(id: "{global_id("Member", NOBODY)}") {{ {NO} }} }}',
        Action.KEEP,
        "NOT_FOUND",
    ),
    "Tenant.subscription": Field("{ tenant { subscription { plan } } }", Action.READ_USAGE),
    "Tenant.planChanges": Field(
        "{ tenant { planChanges { edges { cursor } } } }", Action.READ_USAGE
    ),
    "Tenant.planPreview": Field(
        "{ tenant { planPreview(plan: FREE) { losses { name } } } }", Action.READ_USAGE
    ),
    "Query.webhooks": Field("{ webhooks { id } }", Action.MANAGE_WEBHOOKS),
    "Webhook.deliveries": Field(
        "{ webhooks { deliveries { edges { cursor } } } }", Action.MANAGE_WEBHOOKS
    ),
    "Mutation.createWebhook": Field(
        access('createWebhook(url: "", events: [])'), Action.MANAGE_WEBHOOKS, "INVALID_INPUT"
    ),
    **{
        f"Mutation.{name}": Field(
            access(f'{name}({of}: "{global_id(kind, NOBODY)}"{more})'),
            Action.MANAGE_WEBHOOKS,
            "NOT_FOUND",
        )
        for name, of, kind, more in (
            ("updateWebhook", "id", "Webhook", ""),
            ("pauseWebhook", "id", "Webhook", ""),
            ("resumeWebhook", "id", "Webhook", ""),
            ("removeWebhook", "id", "Webhook", ""),
            ("rotateWebhookSecret", "id", "Webhook", ""),
            ("sendTestEvent", "id", "Webhook", ""),
            ("repeatDelivery", "id", "WebhookDelivery", ""),
            ("repeatDeliveries", "webhookId", "Webhook", ', from: "2026-01-01T00:00:00Z"'),
        )
    },
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
    "Viewer.sessions": Field("{ viewer { sessions { id } } }", Action.OWN_ACCESS),
    "Viewer.apiKeys": Field("{ viewer { apiKeys { id } } }", Action.OWN_ACCESS),
    "Viewer.secondFactor": Field("{ viewer { secondFactor { on } } }", Action.OWN_ACCESS),
    "Query.memberSessions": Field(
        "query ($boss: ID!) { memberSessions(memberId: $boss) { id } }", MANAGES
    ),
    "Query.apiKeys": Field("{ apiKeys { id } }", MANAGES),
    "Mutation.endSession": Field(
        access(f'endSession(id: "{NO_SESSION}")'), Action.OWN_ACCESS, "NOT_FOUND"
    ),
    "Mutation.endOtherSessions": Field(access("endOtherSessions"), Action.OWN_ACCESS),
    "Mutation.changePassword": Field(
        access('changePassword(current: "", new: "twelve long words")'),
        Action.OWN_ACCESS,
        "UNSUPPORTED",
    ),
    "Mutation.resetPassword": Field(
        f"mutation ($whom: ID!) {{ resetPassword(memberId: $whom) {{ {NO} }} }}", MANAGES
    ),
    "Mutation.beginSecondFactor": Field(
        access("beginSecondFactor"), Action.OWN_ACCESS, "UNSUPPORTED"
    ),
    "Mutation.confirmSecondFactor": Field(
        access('confirmSecondFactor(code: "")'), Action.OWN_ACCESS, "UNSUPPORTED"
    ),
    "Mutation.disableSecondFactor": Field(
        access('disableSecondFactor(password: "", code: "")'), Action.OWN_ACCESS, "UNSUPPORTED"
    ),
    "Mutation.resetSecondFactor": Field(
        f"mutation ($whom: ID!) {{ resetSecondFactor(memberId: $whom) {{ {NO} }} }}",
        MANAGES,
        "NOT_FOUND",
    ),
    "Mutation.createApiKey": Field(
        access('createApiKey(input: {name: "Nightly", scopes: [READ_MODEL]})'), Action.MAKE_KEY
    ),
    "Query.identityProviders": Field("{ identityProviders { id } }", MANAGES),
    "IdentityProvider.identities": Field(
        "{ identityProviders { identities { subject } } }", MANAGES
    ),
    # The tenant's plan has no such feature.
    "Mutation.setIdentityProvider": Field(
        access('setIdentityProvider(issuer: "https://x.example", clientId: "valor")'),
        MANAGES,
        "QUOTA_EXCEEDED",
    ),
    "Mutation.enableIdentityProvider": Field(
        access(f'enableIdentityProvider(id: "{NO_PROVIDER}")'), MANAGES, "QUOTA_EXCEEDED"
    ),
    "Mutation.disableIdentityProvider": Field(
        access(f'disableIdentityProvider(id: "{NO_PROVIDER}")'), MANAGES, "NOT_FOUND"
    ),
    "Mutation.removeIdentityProvider": Field(
        access(f'removeIdentityProvider(id: "{NO_PROVIDER}")'), MANAGES, "NOT_FOUND"
    ),
    "Mutation.linkIdentity": Field(
        f'mutation ($whom: ID!) {{ linkIdentity(providerId: "{NO_PROVIDER}", subject: "x", '
        f"memberId: $whom) {{ {NO} }} }}",
        MANAGES,
        "NOT_FOUND",
    ),
    "Mutation.unlinkIdentity": Field(
        access(f'unlinkIdentity(providerId: "{NO_PROVIDER}", subject: "x")'), MANAGES, "NOT_FOUND"
    ),
    "Mutation.revokeApiKey": Field(
        access(f'revokeApiKey(id: "{NO_KEY}")'), Action.OWN_ACCESS, "NOT_FOUND"
    ),
    "Viewer.member": Field("{ viewer { member { name } } }", Action.READ_TENANT),
    "Viewer.tenant": Field("{ viewer { tenant { name } } }", Action.READ_TENANT),
    "Tenant.members": Field("{ tenant { members { name } } }", Action.READ_TENANT),
    "Tenant.invitations": Field("{ tenant { invitations { id } } }", Action.MANAGE_MEMBERS),
    "Tenant.branding": Field("{ tenant { branding { url } } }", Action.READ_TENANT),
    "Tenant.quotas": Field("{ tenant { quotas { left } } }", Action.READ_USAGE),
    "Tenant.usage": Field("{ tenant { usage { amount } } }", Action.READ_USAGE),
    "Tenant.operatorGrants": Field("{ tenant { operatorGrants { id } } }", Action.READ_TENANT),
    "Query.plans": Field("{ plans { plan } }", Action.READ_TENANT),
    "Query.tenants": Field("{ tenants { edges { cursor } } }", OPERATES),
    "Query.killSwitches": Field("{ killSwitches { id } }", OPERATES),
    "Mutation.updateTenant": Field(access("updateTenant(input: {})"), Action.MANAGE_TENANT),
    "Mutation.updateBranding": Field(
        access(
            'updateBranding(input: {colours: {primary: "", accent: "", background: "", text: ""}})'
        ),
        Action.MANAGE_TENANT,
        "INVALID_INPUT",
    ),
    "Mutation.inviteMember": Field(
        access('inviteMember(email: "nobody", role: VIEWER)'),
        Action.MANAGE_MEMBERS,
        "INVALID_INPUT",
    ),
    "Mutation.revokeInvitation": Field(
        access(f'revokeInvitation(id: "{NO_INVITATION}")'), Action.MANAGE_MEMBERS, "NOT_FOUND"
    ),
    "Mutation.changeRole": Field(
        access(f'changeRole(memberId: "{NO_MEMBER}", role: VIEWER)'),
        Action.MANAGE_MEMBERS,
        "NOT_FOUND",
    ),
    "Mutation.removeMember": Field(
        access(f'removeMember(memberId: "{NO_MEMBER}")'), Action.MANAGE_MEMBERS, "NOT_FOUND"
    ),
    "Mutation.createServiceAccount": Field(
        access('createServiceAccount(name: "", role: VIEWER)'), MANAGES, "INVALID_INPUT"
    ),
    "Mutation.changePlan": Field(access("changePlan(plan: PRO)"), Action.MANAGE_PLAN),
    "Mutation.createTenant": Field(
        access('createTenant(input: {slug: "", name: "", plan: FREE, owner: {email: "nobody"}})'),
        OPERATES,
        "INVALID_INPUT",
    ),
    "Mutation.suspendTenant": Field(
        access(f'suspendTenant(id: "{NO_TENANT}", reason: "None")'), OPERATES, "NOT_FOUND"
    ),
    "Mutation.resumeTenant": Field(
        access(f'resumeTenant(id: "{NO_TENANT}")'), OPERATES, "NOT_FOUND"
    ),
    "Mutation.setContract": Field(
        access(f'setContract(tenantId: "{NO_TENANT}", contract: {{}})'), OPERATES, "NOT_FOUND"
    ),
    "Mutation.openOperatorGrant": Field(
        access(
            f'openOperatorGrant(tenantId: "{NO_TENANT}", role: VIEWER, reason: "None", '
            'until: "2026-01-01T00:00:00Z")'
        ),
        OPERATES,
        "INVALID_INPUT",
    ),
    "Mutation.approveOperatorGrant": Field(
        access(f'approveOperatorGrant(id: "{NO_GRANT}")'), Action.ADMIT_OPERATOR, "NOT_FOUND"
    ),
    "Mutation.endOperatorGrant": Field(
        access(f'endOperatorGrant(id: "{NO_GRANT}")'), Action.ADMIT_OPERATOR, "NOT_FOUND"
    ),
    "Mutation.leaveTenant": Field(
        access(f'leaveTenant(grantId: "{NO_GRANT}")'), OPERATES, "NOT_FOUND"
    ),
    "Mutation.enterTenant": Field(
        access(f'enterTenant(grantId: "{NO_GRANT}")'), OPERATES, "NOT_FOUND"
    ),
    "Mutation.stop": Field(
        access('stop(target: {operation: "Query.nothing"}, reason: "None")'),
        OPERATES,
        "INVALID_INPUT",
    ),
    "Mutation.resume": Field(access(f'resume(id: "{NO_SWITCH}")'), OPERATES, "NOT_FOUND"),
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
        boss = owner.data("{ viewer { member { id } } }")["viewer"]["member"]["id"]
        ids: dict[str, Any] = {"boss": boss}
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
        made = owner.data(CREATE, {"input": {"name": "Firm", "inputs": {"dcf": firm()}}})
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
    with server.caller(Role.VIEWER) as viewer:
        whom = viewer.data("{ viewer { member { id } } }")["viewer"]["member"]["id"]
    with server.caller(Role.ANALYST) as analyst:
        mine = analyst.data(CREATE, {"input": {"name": "Mine", "inputs": {"dcf": firm()}}})
    ids |= {"model": made["createModel"]["id"], "run": runs[0], "cancelled": runs[1]}
    ids |= {"mine": mine["createModel"]["id"], "whom": whom}
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
    told = {FIELDS[name].told} - {None}
    if name == "Query.accessList" and role is Role.OPERATOR:
        told = {"NOT_FOUND"}  # the system's tenant has no models
    if role is Role.OPERATOR and said == {"NOT_FOUND"}:  # nor has it any other's
        assert "$model" in FIELDS[name].ask or "$mine" in FIELDS[name].ask or told == said
        return
    assert said == (told if needs <= rights else {"FORBIDDEN"})


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
