"""The audit over HTTP: as a file for whoever may have it, and in the schema."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resolvers.ids import global_id
from services.audit_lines import keys_in
from services.audit_verification import verify
from services.principal import Role
from store import scope
from store.database import Database
from store.tables import TenantRow
from tests.dcf_documents import firm
from tests.served import MEMBERS, OURS, Caller, Served, served

CREATE = (
    'mutation ($input: DcfInput!) { createModel(input: {name: "Firm", inputs: {dcf: $input}}) '
    "{ ... on FinancialModel { id } } }"
)
EVENTS = (
    "query ($filter: AuditFilter, $first: Int, $after: String) "
    "{ auditEvents(filter: $filter, first: $first, after: $after) "
    "{ edges { cursor node { seq action subjectId actor member { name } details } } "
    "pageInfo { hasNextPage endCursor } } }"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    with served(home) as server:
        asyncio.run(enterprise(home))
        yield server


async def enterprise(home: Path) -> None:
    database = Database.open(f"sqlite:///{home}/valor.db")
    try:
        async with database.writing(OURS) as session:
            await session.execute(scope.update(TenantRow, "plan"), plan="ENTERPRISE")
    finally:
        await database.close()


@pytest.fixture(scope="module")
def owner(server: Served) -> Iterator[Caller]:
    with server.caller(Role.OWNER) as caller:
        yield caller


@pytest.fixture(scope="module")
def model(owner: Caller) -> str:
    made: str = owner.data(CREATE, {"input": firm()})["createModel"]["id"]
    return made


def nodes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in answer["auditEvents"]["edges"]]


def test_an_export_is_proved_by_the_keys_that_everybody_sees(owner: Caller, model: str) -> None:
    response = owner.http.get("/audit/export")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["cache-control"] == "no-store"
    assert 'filename="audit-' in response.headers["content-disposition"]
    keys = keys_in(owner.http.get("/.well-known/audit-jwks.json").json())
    with pytest.raises(ValueError, match="no key of the audit"):
        keys_in(owner.http.get("/.well-known/jwks.json").json())
    found = verify(response.text.splitlines(), keys)
    assert found.tenant == str(OURS)
    assert found.heads >= 1
    assert found.signed == found.last


def test_an_export_may_be_a_table_of_some_events(owner: Caller, model: str) -> None:
    asked = {
        "format": "csv",
        "action": "model.created",
        "subject": model,
        "actor": global_id("Member", str(MEMBERS[Role.OWNER])),
        "from": "2026-01-01T00:00:00Z",
    }
    response = owner.http.get("/audit/export", params=asked)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(response.text))
    assert row["action"] == "model.created"


def test_what_is_wrong_with_an_address_is_said_all_at_once(owner: Caller) -> None:
    asked = (
        "format=xml&actor=nobody&from=yesterday&to=2026-01-01&more=1&action=&subject=a&subject=b"
    )
    response = owner.http.get(f"/audit/export?{asked}")
    assert response.status_code == 400
    issues = response.json()["error"]["issues"]
    assert {issue["path"] for issue in issues} == {
        "format",
        "actor",
        "from",
        "to",
        "more",
        "action",
        "subject",
    }


def test_what_no_event_can_have_is_no_question(owner: Caller) -> None:
    for asked in ("action=%00", "subject=%00", "from=0001-01-01T00:00:00%2B14:00"):
        response = owner.http.get(f"/audit/export?{asked}")
        assert response.status_code == 400, asked


def test_who_may_not_read_the_audit_has_no_export_and_learns_nothing(server: Served) -> None:
    with server.caller(Role.ANALYST) as analyst:
        response = analyst.http.get("/audit/export")
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "FORBIDDEN"
        analyst.http.headers.pop("authorization")
        assert analyst.http.get("/audit/export").status_code == 401


def test_events_come_in_pages_newest_first(owner: Caller, model: str) -> None:
    first = owner.data(EVENTS, {"first": 2})
    seqs = [node["seq"] for node in nodes(first)]
    assert seqs == sorted(seqs, reverse=True)
    info = first["auditEvents"]["pageInfo"]
    assert info["hasNextPage"]
    then = owner.data(EVENTS, {"first": 2, "after": info["endCursor"]})
    assert nodes(then)[0]["seq"] == seqs[-1] - 1


def test_events_are_found_by_global_ids(owner: Caller, model: str) -> None:
    me = global_id("Member", str(MEMBERS[Role.OWNER]))
    wanted = {"action": "model.created", "subject": model, "actor": me}
    (node,) = nodes(owner.data(EVENTS, {"filter": wanted}))
    assert (node["subjectId"], node["member"]["name"]) == (model, "Owner")
    assert node["details"] == {"seq": 1}
    for other in ({"actor": global_id("Member", str(OURS))}, {"subject": "nothing"}):
        assert nodes(owner.data(EVENTS, {"filter": wanted | other})) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"filter": {"actor": "nobody"}},
        {"filter": {"from": "2026-01-01T00:00:00"}},
        {"filter": {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}},
        {"filter": {"from": "0001-01-01T00:00:00+14:00"}},
        {"filter": {"action": "\x00"}},
        {"filter": {"subject": "x" * 1_000}},
        {"filter": {"subject": ""}},
        {"after": "x"},
        {"first": 0},
    ],
)
def test_a_wrong_question_is_answered_as_one(owner: Caller, wrong: dict[str, Any]) -> None:
    (error,) = owner.ask(EVENTS, wrong)["errors"]
    assert error["extensions"]["code"] == "QUERY_INVALID"


def test_the_access_list_and_the_report_are_in_the_schema(owner: Caller, model: str) -> None:
    owner.data("query ($id: ID!) { model(id: $id) { name } }", {"id": model})
    found = owner.data(
        'query ($id: ID!) { accessList(modelId: $id, from: "2026-01-01T00:00:00Z") '
        "{ edges { node { how actorKind grant member { name } event { action } } } } }",
        {"id": model},
    )["accessList"]["edges"]
    assert [edge["node"]["how"] for edge in found] == ["READ", "CHANGED"]
    report = owner.data(
        '{ auditReport(from: "2026-01-01T00:00:00Z", to: "2027-01-30T00:00:00Z") '
        "{ events members { name modelsRead } byAction { action count } html } }"
    )["auditReport"]
    assert report["members"][0] == {"name": "Owner", "modelsRead": 1}
    assert report["html"].startswith("<!doctype html>")


def test_holds_and_erasure_are_in_the_schema(server: Served, model: str) -> None:
    with server.caller(Role.OWNER) as owner:
        held = owner.data(
            'mutation ($id: ID!) { placeHold(subjectId: $id, reason: "A case") '
            "{ ... on LegalHold { id kind subjectId reason releasedAt } } }",
            {"id": model},
        )["placeHold"]
        assert (held["kind"], held["subjectId"], held["releasedAt"]) == ("MODEL", model, None)
        # Who wrote in what is held is not erased.
        me = owner.data("{ viewer { member { id } } }")["viewer"]["member"]["id"]
        erase = "mutation ($id: ID!) { eraseMember(id: $id) { ... on Refusal { code message } } }"
        no = owner.data(erase, {"id": me})["eraseMember"]
        assert no["code"] == "CONFLICT"
        assert "A case" in no["message"]
        owner.data(
            "mutation ($id: ID!) { releaseHold(id: $id) { ... on LegalHold { releasedAt } } }",
            {"id": held["id"]},
        )
        (kept,) = owner.data("{ legalHolds { id releasedById } }")["legalHolds"]
        assert kept == {"id": held["id"], "releasedById": me}
        for wrong in ("", "x", global_id("Run", str(OURS)), global_id("Tenant", "x")):
            place = 'mutation ($id: ID!) { placeHold(subjectId: $id, reason: "Why") '
            no = owner.data(place + "{ ... on Refusal { code } } }", {"id": wrong})["placeHold"]
            assert no["code"] == "NOT_FOUND"


def test_nobody_sees_a_model_over_the_api_without_being_on_record(
    server: Served, owner: Caller, model: str
) -> None:
    with server.caller(Role.ADMIN) as admin:
        given = {"id": model}
        admin.data("{ models { edges { node { name } } } }")
        admin.data("query ($id: ID!) { node(id: $id) { id } }", given)
        admin.data(
            "query ($id: ID!) { model(id: $id) { revisions { edges { cursor } } "
            "atRevision(revision: 1) { name } changes(from: 1) { text } } }",
            given,
        )
        kept = admin.data(
            "mutation ($id: ID!) { valueModel(id: $id) { ... on DcfValuation { id } } }", given
        )["valueModel"]
        admin.data("query ($id: ID!) { valuation(id: $id) { id } }", kept)
        admin.data("query ($id: ID!) { exportWorkbook(valuationId: $id) { __typename } }", kept)
        room = "subscription ($id: ID!) { collaboration(modelId: $id) { seq } }"
        headers = {"accept": "text/event-stream"}
        body = {"query": room, "variables": given}
        with admin.http.stream("POST", "/graphql", json=body, headers=headers) as response:
            next(line for line in response.iter_lines() if line.startswith("data: {"))
    found = owner.data(
        "query ($id: ID!) { accessList(modelId: $id) { edges { node { how member { name } } } } }",
        given,
    )["accessList"]["edges"]
    seen = {edge["node"]["how"] for edge in found if edge["node"]["member"]["name"] == "Admin"}
    assert seen == {"READ", "LISTED", "HISTORY", "ROOM", "VALUED", "VALUATION_READ", "WORKBOOK"}


def test_what_somebody_tried_that_they_may_not_do_is_on_record_once_a_minute(
    server: Served, owner: Caller
) -> None:
    invite = (
        'mutation { inviteMember(email: "eve@example.com", role: OWNER) '
        "{ ... on Refusal { code } } }"
    )
    with server.caller(Role.VIEWER) as viewer:
        me = viewer.data("{ viewer { member { id } } }")["viewer"]["member"]["id"]
        for _ in range(3):
            assert viewer.data(invite)["inviteMember"] == {"code": "FORBIDDEN"}
        assert viewer.ask("{ auditEvents { edges { cursor } } }")["errors"]
    wanted = {"action": "act.refused", "actor": me}
    text = EVENTS.replace("subjectId", "subject")
    found = nodes(owner.data(text, {"filter": wanted}))
    assert [event["subject"] for event in found] == ["Mutation.inviteMember"]
