"""Operators come in by a grant, and stop what has to be stopped, on a live server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.principal import Role
from tests.dcf_documents import firm
from tests.flows.administering import (
    VALUE,
    Join,
    create,
    done,
    join,
    refused,
    server,
)
from tests.served import THEIRS, Caller, Served, http
from tests.sockets import talking

__all__ = ["join", "server"]

pytestmark = pytest.mark.anyio


# Operators


def until(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_an_operator_comes_in_by_a_grant_that_the_tenant_sees_and_ends(
    server: Served, join: Join
) -> None:
    opening = 'openOperatorGrant(tenantId: $id, role: ANALYST, reason: "Ticket 7", until: $until)'
    selected = "... on OperatorGrant { id grant operatorId state }"
    with server.operator() as operator:
        made = create(operator, "careful", plan="ENTERPRISE")
        owner = join(made["secret"])
        tenant = made["tenant"]["id"]
        far = refused(operator, opening, id=tenant, until=until(24 * 8))
        assert [issue["path"] for issue in far["issues"]] == ["until"]
        grant = done(operator, opening, selected, id=tenant, until=until(1))
        assert grant["state"] == "WAITING"
        assert refused(operator, "enterTenant(grantId: $id)", id=grant["id"])["code"] == "CONFLICT"
        shown = owner.data("{ tenant { operatorGrants { id operatorName reason state } } }")
        assert shown["tenant"]["operatorGrants"] == [
            {
                "id": grant["id"],
                "operatorName": "Operator",
                "reason": "Ticket 7",
                "state": "WAITING",
            }
        ]
        done(owner, "approveOperatorGrant(id: $id)", "", id=grant["id"])
        access = done(
            operator,
            "enterTenant(grantId: $id)",
            "... on TenantAccess { accessToken }",
            id=grant["id"],
        )
    headers = {"authorization": f"Bearer {access['accessToken']}"}
    with http(base_url=server.origin, headers=headers) as client:
        inside = Caller(client)
        assert inside.data("{ viewer { role tenant { slug } } }")["viewer"] == {
            "role": "ANALYST",
            "tenant": {"slug": "careful"},
        }
        model = done(
            inside,
            'createModel(input: {name: "Mended", inputs: {dcf: $input}})',
            "... on FinancialModel { createdBy { name } }",
            input=firm(),
        )
        assert model["createdBy"] == {"name": "Operator"}
        invited = refused(inside, 'inviteMember(email: "x@example.com", role: VIEWER)')
        assert invited["code"] == "FORBIDDEN"
        events = owner.data(
            "query ($who: ID) { auditEvents(filter: {actor: $who}) { edges { node { "
            "action actorKind details } } } }",
            {"who": grant["operatorId"]},
        )["auditEvents"]["edges"]
        did = {edge["node"]["action"]: edge["node"] for edge in events}
        assert did["model.created"]["actorKind"] == "OPERATOR"
        assert did["model.created"]["details"]["grant"] == grant["grant"]
        assert {"grant.opened", "grant.entered"} <= did.keys()
        done(owner, "endOperatorGrant(id: $id)", "", id=grant["id"])
        assert inside.post("{ viewer { role } }").status_code == 401


def test_without_a_say_a_grant_is_open_at_once_and_nobodys_elses(server: Served) -> None:
    with server.operator() as operator, server.caller(Role.OWNER, THEIRS) as stranger:
        made = create(operator, "open")
        grant = done(
            operator,
            'openOperatorGrant(tenantId: $id, role: VIEWER, reason: "Look", until: $until)',
            "... on OperatorGrant { id state }",
            id=made["tenant"]["id"],
            until=until(1),
        )
        assert grant["state"] == "OPEN"
        no = refused(stranger, "endOperatorGrant(id: $id)", id=grant["id"])
        assert no["code"] == "NOT_FOUND"
        left = done(
            operator,
            "leaveTenant(grantId: $id)",
            "... on OperatorGrant { state }",
            id=grant["id"],
        )
        assert left["state"] == "ENDED"


# Kill switches


def test_what_is_stopped_is_refused_with_the_reason_and_the_rest_goes_on(server: Served) -> None:
    with server.operator() as operator, server.caller(Role.ANALYST) as analyst:
        call = 'stop(target: {operation: "Mutation.valueDcf"}, reason: "Wrong since noon.")'
        switch = done(operator, call, "... on KillSwitch { id scope name }")
        assert (switch["scope"], switch["name"]) == ("OPERATION", "Mutation.valueDcf")
        no = analyst.post(VALUE, {"input": firm()})
        assert (no.status_code, no.headers["retry-after"]) == (503, "60")
        error = no.json()["errors"][0]
        assert error["extensions"]["code"] == "OVERLOADED"
        assert "Wrong since noon." in error["message"]
        assert analyst.data("{ viewer { role } }")
        down = operator.data("{ killSwitches { id reason resumedAt } }")["killSwitches"]
        assert down[0] == {"id": switch["id"], "reason": "Wrong since noon.", "resumedAt": None}
        done(operator, "resume(id: $id)", "", id=switch["id"])
        assert analyst.data(VALUE, {"input": firm()})["valueDcf"]["__typename"] == "DcfValuation"


def test_a_kind_is_stopped_wherever_it_is_valued(server: Served) -> None:
    with server.operator() as operator, server.caller(Role.ANALYST) as analyst:
        model = done(
            analyst,
            'createModel(input: {name: "Firm", inputs: {dcf: $input}})',
            "... on FinancialModel { id }",
            input=firm(),
        )
        call = 'stop(target: {kind: DCF}, reason: "A fault.")'
        switch = done(operator, call, "... on KillSwitch { id }")
        valuing = "mutation ($id: ID!) { valueModel(id: $id) { __typename } }"
        for answer in (analyst.post(VALUE, {"input": firm()}), analyst.post(valuing, model)):
            assert answer.status_code == 503
            assert "A fault." in answer.json()["errors"][0]["message"]
        done(operator, "resume(id: $id)", "", id=switch["id"])
        assert analyst.data(valuing, model)["valueModel"]["__typename"] == "DcfValuation"


async def test_a_subscription_ends_when_what_it_follows_is_stopped(server: Served) -> None:
    with server.operator() as operator, server.caller(Role.ANALYST) as analyst:
        model = done(
            analyst,
            'createModel(input: {name: "Firm", inputs: {dcf: $input}})',
            "... on FinancialModel { id }",
            input=firm(),
        )
        async with talking(server.origin) as talk:
            await talk.introduce(server.token())
            room = "subscription ($id: ID!) { collaboration(modelId: $id) { seq } }"
            await talk.subscribe("room", room, id=model["id"])
            assert (await talk.hear_of("room"))["type"] == "next"
            call = 'stop(target: {operation: "Subscription.collaboration"}, reason: "A loop.")'
            switch = done(operator, call, "... on KillSwitch { id }")
            while (last := await talk.hear_of("room"))["type"] == "next":
                pass
            assert last["type"] == "error"
            assert last["payload"][0]["extensions"] == {"code": "OVERLOADED", "retryAfter": 60.0}
            assert "A loop." in last["payload"][0]["message"]
            await talk.subscribe("again", room, id=model["id"])
            assert (await talk.hear_of("again"))["type"] == "error"
            assert (await talk.ask("me", "{ viewer { role } }"))["data"]
            done(operator, "resume(id: $id)", "", id=switch["id"])
            await talk.subscribe("back", room, id=model["id"])
            assert (await talk.hear_of("back"))["type"] == "next"


def test_what_lifts_a_switch_cannot_be_stopped(server: Served) -> None:
    with server.operator() as operator:
        for name in ("Mutation.resume", "Query.killSwitches", "Mutation.nothing"):
            call = f'stop(target: {{operation: "{name}"}}, reason: "Why not")'
            assert refused(operator, call)["issues"][0]["path"] == "target.operation"


async def test_without_collaboration_one_model_is_open_at_a_time(
    server: Served, join: Join
) -> None:
    with server.operator() as operator:
        owner = join(create(operator, "alone", plan="FREE")["secret"])
    token = owner.http.headers["authorization"].removeprefix("Bearer ")
    one, other = (
        done(
            owner,
            f'createModel(input: {{name: "{name}", inputs: {{dcf: $input}}}})',
            "... on FinancialModel { id }",
            input=firm(),
        )["id"]
        for name in ("One", "Other")
    )
    room = "subscription ($id: ID!) { collaboration(modelId: $id) { seq } }"
    async with talking(server.origin) as talk:
        await talk.introduce(token)
        await talk.subscribe("one", room, id=one)
        assert (await talk.hear_of("one"))["type"] == "next"
        await talk.subscribe("two", room, id=other)
        no = await talk.hear_of("two")
        assert no["type"] == "error"
        assert "FREE plan has one model open" in no["payload"][0]["message"]
        await talk.subscribe("same", room, id=one)
        assert (await talk.hear_of("same"))["type"] == "next"
        for id_ in ("one", "same"):
            await talk.say("complete", id=id_)
        while True:  # the room closes a moment after those who leave it
            await talk.subscribe("next", room, id=other)
            if (await talk.hear_of("next"))["type"] == "next":
                break
