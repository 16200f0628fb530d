"""Webhooks and payments from the schema to somebody else's server, and back."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from resolvers.ids import global_id
from services.principal import Role
from tests.dcf_documents import firm
from tests.outward import Certificates, Outside, outside
from tests.served import OURS, THEIRS, Caller, Served, http, served
from tests.waiting import wait_until

SECRET: Final = "whsec_of_the_endpoint_here"
BILLING: Final = Path(__file__).parents[1] / "data" / "billing"
NO: Final = "... on Refusal { code message issues { path message } }"
CREATE: Final = f"""mutation ($url: String!, $events: [WebhookEvent!]!, $op: ID) {{
  createWebhook(url: $url, events: $events, description: "Ours", operationId: $op) {{
    ... on WebhookWithSecret {{ secret webhook {{ id url events state description }} }}
    {NO} }} }}"""
SHOW: Final = """query ($first: Int, $after: String, $state: DeliveryState) { webhooks {
  id state stateReason deliveries(first: $first, after: $after, state: $state) {
    edges { node { id event eventId state attempts status problem payload dueAt } }
    pageInfo { hasNextPage endCursor } } } }"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Served]:
    with served(
        tmp_path_factory.mktemp("served"),
        VALOR_OUTWARD_PRIVATE="127.0.0.0/8",
        VALOR_OUTWARD_CA_FILE=str(certificates.ca_file),
        VALOR_PUBLIC_URL="https://valor.example.com",
        VALOR_BILLING_SECRET=SECRET,
        VALOR_BILLING_PRICES=str(BILLING.parents[2] / "examples" / "billing" / "prices.json"),
    ) as it:
        yield it


@pytest.fixture
def there(certificates: Certificates) -> Iterator[Outside]:
    with outside(certificates) as it:
        yield it


def believed(request: Any, secret: str) -> bool:
    """As a receiver would look at it that has read the standard and nothing of ours."""
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    key = b64decode(secret.removeprefix("whsec_"))
    given = [each.removeprefix("v1,") for each in headers["webhook-signature"].split()]
    fresh = abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    return fresh and any(b64decode(each) == hmac.digest(key, signed, "sha256") for each in given)


def test_a_webhook_from_its_making_to_its_end(server: Served, there: Outside) -> None:
    with server.caller(Role.ADMIN) as admin:
        given = {"url": f"{there.origin}/hook", "events": ["MODEL_CREATED", "MODEL_EDITED"]}
        made = admin.data(CREATE, given | {"op": "make"})["createWebhook"]
        again = admin.data(CREATE, given | {"op": "make"})["createWebhook"]
        secret, hook = made["secret"], made["webhook"]["id"]
        assert made["webhook"] == again["webhook"]
        assert again["secret"] is None
        assert made["webhook"]["state"] == "ACTIVE"
        reused = admin.data(CREATE, given | {"op": "make", "events": ["RUN_ENDED"]})
        assert reused["createWebhook"]["code"] == "IDEMPOTENCY_KEY_REUSED"

        making = 'createModel(input: {name: "A", inputs: {dcf: $inputs}})'
        model = admin.data(
            f"mutation ($inputs: DcfInput!) {{ {making} {{ ...on FinancialModel {{ id }} }} }}",
            {"inputs": firm()},
        )["createModel"]["id"]
        edit = 'editModel(id: $id, operationId: "e1", edits: [{path: "name", value: {text: "B"}}])'
        edited = admin.data(
            f"mutation ($id: ID!) {{ {edit} {{ ...on EditedModel {{ model {{ revision }} }} }} }}",
            {"id": model},
        )["editModel"]["model"]
        wait_until("both were told", lambda: len(there.received) == 2)
        created, changed = (json.loads(each.body) for each in there.received)
        assert all(believed(each, secret) for each in there.received)
        assert [created["type"], changed["type"]] == ["model.created", "model.edited"]
        assert changed["tenant"] == global_id("Tenant", str(OURS))
        assert (changed["data"]["model"], changed["data"]["revision"]) == (
            model,
            edited["revision"],
        )
        assert changed["data"]["operationId"] == "e1"
        assert changed["data"]["link"].startswith("https://valor.example.com/graphql?query=")
        link = changed["data"]["link"].removeprefix("https://valor.example.com")
        looked = admin.http.get(link, headers={"accept": "application/json"}).json()
        assert looked["data"]["model"] == {"name": "B", "revision": edited["revision"]}

        def deliveries(**more: Any) -> Any:
            (shown,) = admin.data(SHOW, more)["webhooks"]
            return shown["deliveries"]

        wait_until(
            "both are on record",
            lambda: len(deliveries(state="DELIVERED")["edges"]) == 2,
        )
        page = deliveries(first=1)
        assert page["pageInfo"]["hasNextPage"]
        older = deliveries(first=1, after=page["pageInfo"]["endCursor"])
        assert not older["pageInfo"]["hasNextPage"]
        newest, first = page["edges"][0]["node"], older["edges"][0]["node"]
        assert [newest["event"], first["event"]] == ["model.edited", "model.created"]
        assert newest["eventId"] == changed["id"]
        assert newest["payload"].encode() == there.received[1].body

        # The same again, on demand: one, all since then, and one that tells of nothing.
        repeated = admin.data(
            "mutation ($id: ID!) { repeatDelivery(id: $id) { ... on WebhookDelivery { state } "
            f"{NO} }} }}",
            {"id": first["id"]},
        )["repeatDelivery"]
        assert repeated == {"state": "WAITING"}
        wait_until("it came again", lambda: len(there.received) == 3)
        assert there.received[2].body == there.received[0].body
        wait_until("it has ended", lambda: len(deliveries(state="DELIVERED")["edges"]) == 2)
        count = admin.data(
            "mutation ($id: ID!) { repeatDeliveries(webhookId: $id, from: "
            f'"2026-01-01T00:00:00Z") {{ ... on RepeatedDeliveries {{ count }} {NO} }} }}',
            {"id": hook},
        )["repeatDeliveries"]
        assert count == {"count": 2}
        wait_until("both came again", lambda: len(there.received) == 5)
        made_up = "... on WebhookDelivery { id event }"
        tested = ask(admin, "sendTestEvent", hook, made_up)
        assert tested["event"] == "webhook.test"
        wait_until("the test came", lambda: len(there.received) == 6)
        node = admin.data(
            "query ($id: ID!) { node(id: $id) { ... on WebhookDelivery { event } } }",
            {"id": tested["id"]},
        )["node"]
        assert node == {"event": "webhook.test"}

        shown = "... on WebhookWithSecret { secret }"
        rotated = ask(admin, "rotateWebhookSecret", hook, shown)["secret"]
        ask(admin, "sendTestEvent", hook)
        wait_until("it came under the new secret", lambda: len(there.received) == 7)
        assert believed(there.received[6], rotated)
        assert believed(there.received[6], secret)

        change = "... on Webhook { state stateReason events }"
        paused = ask(admin, "pauseWebhook", hook, change)
        assert (paused["state"], paused["stateReason"]) == ("PAUSED", "It was paused.")
        assert ask(admin, "sendTestEvent", hook)["code"] == "CONFLICT"
        updated = ask(admin, "updateWebhook", hook, change, events="[RUN_ENDED]")
        assert updated["events"] == ["RUN_ENDED"]
        assert ask(admin, "resumeWebhook", hook, change)["state"] == "ACTIVE"
        for _ in range(2):
            gone = "... on RemovedWebhook { id }"
            assert ask(admin, "removeWebhook", hook, gone, operationId='"x"') == {"id": hook}
        assert ask(admin, "removeWebhook", hook)["code"] == "NOT_FOUND"
        assert admin.data("{ webhooks { id } }") == {"webhooks": []}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://user:password@example.com/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://example.com:22/",
        "https://no-such-host.invalid/",
        "ftp://example.com",
        "https://example.com/#x",
        "not an address",
        "https://" + "a" * 5_000,
    ],
)
def test_an_address_that_is_never_asked_is_refused_at_the_door(server: Served, url: str) -> None:
    with server.caller(Role.OWNER) as owner:
        no = owner.data(CREATE, {"url": url, "events": []})["createWebhook"]
        assert no["code"] == "INVALID_INPUT"
        assert sorted(issue["path"] for issue in no["issues"]) == ["events", "url"]
        assert owner.data("{ webhooks { id } }") == {"webhooks": []}


def test_another_tenants_webhooks_are_not_found_and_an_analyst_has_none(
    server: Served, there: Outside
) -> None:
    with server.caller(Role.OWNER, THEIRS) as stranger, server.caller(Role.OWNER) as owner:
        given = {"url": there.origin, "events": ["MODEL_EDITED"]}
        hook = owner.data(CREATE, given)["createWebhook"]["webhook"]["id"]
        for name in ("pauseWebhook", "removeWebhook", "rotateWebhookSecret", "sendTestEvent"):
            assert ask(stranger, name, hook)["code"] == "NOT_FOUND"
        assert stranger.data("{ webhooks { id } }") == {"webhooks": []}
        with server.caller(Role.ANALYST) as analyst:
            errors = analyst.ask("{ webhooks { id } }")["errors"]
            assert errors[0]["extensions"]["code"] == "FORBIDDEN"
        ask(owner, "removeWebhook", hook)


def ask(caller: Caller, name: str, hook: str, selected: str = "__typename", **more: str) -> Any:
    """A mutation of a webhook; ``more`` are arguments as the document writes them."""
    given = "".join(f", {argument}: {value}" for argument, value in more.items())
    document = f"mutation ($id: ID!) {{ {name}(id: $id{given}) {{ {selected} {NO} }} }}"
    return caller.data(document, {"id": hook})[name]


def paid(server: Served, name: str, secret: str = SECRET, **changes: Any) -> Any:
    """The payment provider says something of the other tenant's customer."""
    event = json.loads((BILLING / f"{name}.json").read_text()) | changes
    if "client_reference_id" in event["data"]["object"]:
        event["data"]["object"]["client_reference_id"] = global_id("Tenant", str(THEIRS))
    body, stamp = json.dumps(event).encode(), int(time.time())
    signed = hmac.digest(secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    with http() as provider:
        return provider.post(
            f"{server.origin}/billing/events",
            content=body,
            headers={"stripe-signature": f"t={stamp},v1={signed}"},
        )


def test_a_payment_changes_the_plan_of_the_one_who_paid(server: Served) -> None:
    asked = """{ tenant { plan
      subscription { plan state amount currency atProvider graceEndsAt }
      planChanges(first: 5) { edges { node { before after proration { net currency } madeBy } } }
      planPreview(plan: FREE) { before after losses { name message } } } }"""
    for name in ("checkout-completed", "subscription-active", "subscription-upgraded"):
        answer = paid(server, name)
        assert (answer.status_code, answer.json()["outcome"]) == (200, "APPLIED"), answer.text
    assert paid(server, "subscription-upgraded").json() == {"received": True, "outcome": "APPLIED"}
    with server.caller(Role.OWNER, THEIRS) as payer:
        tenant = payer.data(asked)["tenant"]
        assert tenant["plan"] == "ENTERPRISE"
        assert tenant["subscription"] == {
            "plan": "ENTERPRISE",
            "state": "ACTIVE",
            "amount": 49_900.0,
            "currency": "usd",
            "atProvider": True,
            "graceEndsAt": None,
        }
        (change,) = tenant["planChanges"]["edges"]  # it had PRO before it paid for it
        assert change["node"] == {
            "before": "PRO",
            "after": "ENTERPRISE",
            "proration": {"net": 22_500.0, "currency": "usd"},
            "madeBy": None,
        }
        lost = {each["name"] for each in tenant["planPreview"]["losses"]}
        assert {"MEMBERS", "WEBHOOKS", "IDENTITY_PROVIDER", "AUDIT_KEPT"} <= lost
        no = payer.data(
            f"mutation {{ changePlan(plan: FREE) {{ ... on Tenant {{ plan }} {NO} }} }}"
        )["changePlan"]
        assert no["code"] == "CONFLICT"
        assert "Change it there" in no["message"]
    with server.caller(Role.OWNER) as other:
        assert other.data("{ tenant { plan } }") == {"tenant": {"plan": "PRO"}}
        raised = other.data(
            f"mutation {{ changePlan(plan: ENTERPRISE) {{ ... on Tenant {{ plan }} {NO} }} }}"
        )["changePlan"]
        assert raised["code"] == "CONFLICT"  # it is bought from the provider


def test_nobody_without_the_secret_is_heard(server: Served) -> None:
    wrong = paid(server, "invoice-failed", secret="somebody else's")
    assert wrong.status_code == 400
    assert wrong.json() == {"error": {"message": "This is no event that can be believed."}}
    with http(base_url=server.origin) as stranger:
        plain = stranger.post("/billing/events", content=b"{}")
        assert (plain.status_code, plain.json()) == (400, wrong.json())
        assert stranger.post("/billing/events", content=b"x" * 300_000).status_code == 413
        assert stranger.get("/billing/events").status_code == 405
    assert paid(server, "subscription-upgraded").status_code == 200
    forged = paid(server, "subscription-upgraded", created=1_775_001_600)
    assert forged.status_code == 409
