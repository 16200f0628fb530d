"""What requests cost, what is given back, and what whoever is over the budget reads."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import httpx
import pytest

from api.operations.plans import Plan
from api.transports import sockets
from services.principal import Role
from store.database import Database
from store.usage import Usage
from tests.dcf_documents import firm
from tests.flows.wire import Wire
from tests.served import OURS, PATIENT, THEIRS, Caller, Served, served
from tests.sockets import talking

pytestmark = pytest.mark.anyio

# Of requests there are many, of points as many as in the FREE plan.
TERMS: Final = '{"contract":{"points_per_minute":1000,"requests_per_minute":100000}}'
FEW: Final = '{"contract":{"points_per_minute":1000,"requests_per_minute":8}}'
ROLE: Final = "{ viewer { role } }"
SIMULATED: Final = """mutation ($input: DcfInput!, $spec: SimulationInput!) {
  valueDcf(input: $input) { ... on DcfValuation { simulation(spec: $spec) {
    __typename ... on Refusal { code message } } } } }"""
MODELS: Final = "{ models(first: 100) { edges { node { id } } } }"


def spec(**more: Any) -> dict[str, Any]:
    shock = {"path": "capital.wacc", "distribution": {"normal": {"standardDeviation": 0.001}}}
    return {"trials": 100_000, "shocks": [shock]} | more


def grids(count: int, cells: int) -> tuple[str, dict[str, Any]]:
    """(mutation, variables) of so many square grids."""
    fields = " ".join(
        f"g{number}: sensitivity(rows: $rows, columns: $columns) {{ __typename }}"
        for number in range(count)
    )
    text = (
        "mutation ($input: DcfInput!, $rows: AxisInput!, $columns: AxisInput!) "
        f"{{ valueDcf(input: $input) {{ ... on Analysable {{ {fields} }} }} }}"
    )
    rows = {"path": "capital.wacc", "values": [0.1 + n * 1e-4 for n in range(cells)]}
    columns = {"path": "bridge.debt", "values": [float(n) for n in range(cells)]}
    return text, {"input": firm(), "rows": rows, "columns": columns}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("limits"), terms=TERMS) as server:
        yield server


@pytest.fixture
def caller(server: Served) -> Iterator[Caller]:
    """Of a tenant whose buckets are full."""
    server.parts.budget._own._full_at.clear()
    with server.caller() as caller:
        yield caller


@pytest.fixture
def few(tmp_path: Any) -> Iterator[Served]:
    with served(tmp_path, terms=FEW) as server:
        yield server


def cost(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["extensions"]["cost"]
    return found


def test_every_answer_says_what_it_cost_and_what_is_left(caller: Caller) -> None:
    before = datetime.now(UTC)
    response = caller.post(ROLE)
    told = cost(response.json())
    assert (told["requested"], told["actual"], told["remaining"]) == (1, 1, 999)
    assert datetime.fromisoformat(told["resetAt"]) >= before
    headers = response.headers
    assert re.fullmatch(r'"requests";r=99999;t=1, "points";r=999;t=1', headers["ratelimit"])
    assert headers["ratelimit-policy"] == (
        '"requests";q=100000;w=60, "points";q=1000;w=60;qu="points"'
    )
    assert headers["x-ratelimit-resource"] == "points"
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("1000", "999")
    assert abs(int(headers["x-ratelimit-reset"]) - before.timestamp()) < 60


def test_thirty_large_grids_are_priced_as_thirty(caller: Caller) -> None:
    one, thirty = (cost(caller.ask(*grids(count, 200)))["requested"] for count in (1, 30))
    assert 25 * one <= thirty <= 31 * one  # each is a whole number of points
    assert thirty > 200


def test_what_a_simulation_costs_depends_on_trials_shocks_and_years(caller: Caller) -> None:
    def asked(trials: int, shocks: int, years: int) -> int:
        variables = {
            "input": firm(timing={"years": years}),
            "spec": spec(trials=trials, shocks=spec()["shocks"] * shocks),
        }
        return int(cost(caller.ask(SIMULATED, variables))["requested"])

    base = asked(100_000, 1, 10)
    assert asked(10_000, 1, 10) < 0.4 * base
    assert asked(100_000, 10, 10) > 2 * base
    assert asked(100_000, 10, 50) > 2 * asked(100_000, 10, 10)


def test_a_refusal_that_came_before_the_work_is_not_paid_for(caller: Caller) -> None:
    wrong = spec(shocks=[spec()["shocks"][0] | {"path": "capital.nothing"}])
    answer = caller.ask(SIMULATED, {"input": firm(), "spec": wrong})
    assert answer["data"]["valueDcf"]["simulation"]["code"] == "INVALID_INPUT"
    assert cost(answer)["requested"] > 8
    assert cost(answer)["actual"] == 1
    assert cost(answer)["remaining"] in range(998, 1_000)


def test_to_look_for_the_nearest_of_an_impossible_matrix_is_work(caller: Caller) -> None:
    shocks = [spec()["shocks"][0] | {"path": path} for path in ("capital.wacc", "bridge.debt")]
    impossible = {"matrix": [[1.0, 2.0] * 25] * 50}
    wrong = spec(trials=1_000, shocks=shocks, correlation=impossible)
    answer = caller.ask(SIMULATED, {"input": firm(), "spec": wrong})
    assert answer["data"]["valueDcf"]["simulation"]["code"] == "INVALID_INPUT"
    assert cost(answer)["actual"] > 100
    start = caller.ask(START, {"source": {"dcf": firm()}, "spec": wrong})
    assert start["data"]["startSimulation"] == {"code": "INVALID_INPUT"}
    assert cost(start)["actual"] >= 100


def test_a_list_that_is_shorter_than_was_asked_for_is_paid_for_as_it_is(caller: Caller) -> None:
    told = cost(caller.ask(MODELS))
    assert (told["requested"], told["actual"]) == (3, 1)


def test_trials_that_were_not_needed_are_not_paid_for(caller: Caller) -> None:
    few, all_ = (
        cost(caller.ask(SIMULATED, {"input": firm(), "spec": spec(stopWhen=when)}))
        for when in ({"standardErrorShare": 0.5}, {"standardErrorShare": 1e-9})
    )
    assert few["requested"] == all_["requested"] == all_["actual"]
    assert few["actual"] < 0.5 * few["requested"]


def test_nothing_is_paid_for_what_does_not_begin(caller: Caller) -> None:
    text, variables = grids(5, 200)
    answer = caller.ask(text, variables | {"input": "no firm"})
    assert "data" not in answer
    assert cost(answer)["requested"] > 30
    assert cost(answer)["actual"] == 1
    invalid = caller.ask(text.replace("__typename", "nothing"), variables)
    assert cost(invalid)["actual"] == 1


def test_where_an_operation_is_a_fault_of_ours_what_was_not_done_comes_back(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Plan, "run", broken)
    response = caller.post(*grids(5, 200))
    monkeypatch.undo()
    assert response.status_code == 500
    assert cost(caller.ask(ROLE))["remaining"] in range(998, 1_000)


def test_a_larger_firm_than_was_thought_is_paid_for_in_the_end(caller: Caller) -> None:
    value = "mutation ($input: DcfInput!) { valueDcf(input: $input) { ... on Node { id } } }"
    timing = {"valuationDate": "2024-09-27", "years": 100}
    large = caller.data(value, {"input": firm(timing=timing)})["valueDcf"]["id"]
    analysis = (
        "query ($id: ID!, $spec: SimulationInput!) { valuation(id: $id) { ... on Analysable "
        "{ simulation(spec: $spec) { __typename } } } }"
    )
    told = cost(caller.ask(analysis, {"id": large, "spec": spec(trials=30_000)}))
    assert told["actual"] > 1.5 * told["requested"]


def test_whoever_is_over_the_budget_hears_when_to_come_back(few: Served) -> None:
    with few.caller() as caller, few.caller(tenant_id=THEIRS) as neighbour:
        for _ in range(8):
            assert caller.post(ROLE).status_code == 200
        response = caller.post(ROLE)
        assert response.status_code == 429
        error = response.json()["errors"][0]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert 0.0 < error["extensions"]["retryAfter"] <= 7.5
        assert response.headers["retry-after"] == str(-int(-error["extensions"]["retryAfter"] // 1))
        assert response.headers["x-ratelimit-resource"] == "requests"
        assert response.headers["x-ratelimit-remaining"] == "0"
        assert cost(response.json())["actual"] == 0
        stream = caller.http.post(
            "/graphql", json={"query": ROLE}, headers={"accept": "text/event-stream"}
        )
        assert stream.status_code == 429
        assert neighbour.post(ROLE).status_code == 200


def test_what_never_fits_is_told_so_and_what_would(caller: Caller) -> None:
    variables = {"input": firm(timing={"years": 100}), "spec": spec()}
    shocks = [spec()["shocks"][0] for _ in range(50)]
    response = caller.post(SIMULATED, variables | {"spec": spec(shocks=shocks)})
    assert response.status_code == 429
    error = response.json()["errors"][0]
    assert "retryAfter" not in error["extensions"]
    assert "retry-after" not in response.headers
    assert "it will never fit" in error["message"]
    assert "“valueDcf.simulation” (100,000 cases of 100 years)" in error["message"]


def test_what_is_not_well_formed_is_not_counted_and_still_told(caller: Caller) -> None:
    response = caller.http.post(
        "/graphql", content=b"{", headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert '"points";r=1000' in response.headers["ratelimit"]


def test_a_stranger_reads_nothing_of_anybodys_budget(server: Served) -> None:
    response = httpx.post(server.graphql, json={"query": ROLE})
    assert response.status_code == 401
    assert not [name for name in response.headers if "ratelimit" in name]


async def test_over_a_socket_it_is_the_same(few: Served) -> None:
    async with talking(few.origin, few.token()) as talk:
        for number in range(8):
            await talk.subscribe(str(number), ROLE)
            answer = await talk.hear_of(str(number))
            assert answer["payload"]["extensions"]["cost"]["actual"] == 1
            assert (await talk.hear_of(str(number)))["type"] == "complete"
        refused = await talk.ask("over", ROLE)
        assert refused[0]["extensions"]["code"] == "RATE_LIMITED"
        stream = await talk.ask("stream", 'subscription { runProgress(id: "x") { state } }')
        assert stream[0]["extensions"]["code"] == "RATE_LIMITED"


async def test_to_be_somewhere_costs_nothing(few: Served) -> None:
    point = 'mutation { moveCursor(modelId: "x", cursor: {path: "name"}) }'
    with few.caller() as caller:
        for _ in range(20):
            assert caller.post(point).status_code == 200
        assert cost(caller.ask(ROLE))["remaining"] == 999


@pytest.fixture
def strict(tmp_path: Any) -> Iterator[Served]:
    """It reads ten frames of a socket a second, and runs no documents but those it knows."""
    limits = replace(PATIENT, frames_per_s=10.0, frames_at_once=20)
    with served(tmp_path, limits=limits, terms=json.dumps({"onlyTrusted": True})) as server:
        yield server


async def test_whoever_talks_too_fast_is_read_more_slowly_and_not_sent_away(
    strict: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(sockets, "_pause", pause)
    async with talking(strict.origin, strict.token()) as talk:
        for _ in range(200):
            await talk.say("ping")
        for _ in range(200):
            assert (await talk.hear())["type"] == "pong"
    assert len(waits) > 100
    assert max(waits) > 10.0


START: Final = """mutation ($source: SimulationSourceInput!, $spec: SimulationInput!,
  $operation: ID) {
  startSimulation(input: {source: $source, spec: $spec}, operationId: $operation) {
    ... on Run { id state } ... on Refusal { code } } }"""


def started(caller: Caller, **asked: Any) -> dict[str, Any]:
    """The answer to a start whose run has ended by now."""
    answer = caller.ask(START, {"spec": spec()} | asked)
    id_ = answer["data"]["startSimulation"]["id"]
    while caller.data("query ($id: ID!) { run(id: $id) { endedAt } }", {"id": id_}) == {
        "run": {"endedAt": None}
    }:
        pass
    return answer


def test_a_repeat_of_a_start_pays_for_no_second_run(caller: Caller) -> None:
    first, again = (started(caller, source={"dcf": firm()}, operation="once") for _ in range(2))
    assert first["data"]["startSimulation"]["id"] == again["data"]["startSimulation"]["id"]
    assert cost(first)["actual"] == cost(first)["requested"] > 10
    assert cost(again)["actual"] == 3


def test_a_run_of_a_model_is_paid_for_at_the_pace_of_its_kind(caller: Caller) -> None:
    made = caller.data(
        "mutation ($i: CreateModelInput!) { createModel(input: $i) "
        "{ ... on FinancialModel { id } } }",
        {"i": {"name": "A model", "inputs": {"dcf": firm()}}},
    )["createModel"]["id"]
    of_inputs, of_model = (
        started(caller, source=source) for source in ({"dcf": firm()}, {"model": {"model": made}})
    )
    assert cost(of_model)["actual"] == cost(of_inputs)["actual"]
    assert cost(of_model)["requested"] >= cost(of_model)["actual"]


def test_a_run_that_is_cancelled_gives_back_what_it_did_not_use(
    server: Served, caller: Caller
) -> None:
    source = {"source": {"dcf": firm()}}
    busy, waits = (caller.ask(START, {**source, "spec": spec(trials=4_000_000)}) for _ in range(2))
    back = server.parts.budget._own._given_back
    for run in (waits, busy):
        id_ = run["data"]["startSimulation"]["id"]
        cancel = "mutation ($id: ID!) { cancelRun(id: $id) { ... on Run { state } } }"
        assert caller.data(cancel, {"id": id_})["cancelRun"]["state"] == "CANCELLED"
        if run is waits:
            (points,) = back.values()
            assert 0.9 * cost(waits)["actual"] < points < cost(waits)["actual"]


# What a request would cost


ESTIMATE: Final = """query ($query: String!, $variables: Variables) {
  cost(query: $query, variables: $variables) {
    points fits limit plan complaints parts { path field work points how } } }"""


def test_a_price_is_told_part_by_part_without_the_work(caller: Caller) -> None:
    variables = {"input": firm(), "spec": spec()}
    asked = {"query": SIMULATED, "variables": variables}
    answer = caller.ask(ESTIMATE, asked)
    told = answer["data"]["cost"]
    assert cost(answer)["actual"] == 1
    assert told["fits"] is True
    assert (told["limit"], told["plan"], told["complaints"]) == (1_000, "FREE", [])
    dearest, base = told["parts"]
    assert dearest["path"] == "valueDcf.simulation"
    assert dearest["field"] == "DcfValuation.simulation"
    assert dearest["work"] == "SIMULATION"
    assert dearest["how"] == "100,000 cases of 3 years"
    assert base["field"] == "Mutation.valueDcf"
    assert told["points"] == cost(caller.ask(SIMULATED, variables))["requested"]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("{ viewer {", "Syntax Error"),
        ("{ nothing }", "Cannot query field"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(60)) + " }", "aliases"),
        ("query A { __typename } query B { __typename }", "no operation of this name"),
    ],
)
def test_what_would_not_run_is_told_why(caller: Caller, query: str, complaint: str) -> None:
    told = caller.data(ESTIMATE, {"query": query})["cost"]
    assert (told["points"], told["fits"], told["plan"]) == (None, False, None)
    assert any(complaint in each for each in told["complaints"])


def test_the_budget_is_told_as_it_stands(caller: Caller) -> None:
    caller.ask(SIMULATED, {"input": firm(), "spec": spec()})
    bucket = "{ limit remaining resetAt }"
    answer = caller.ask(f"{{ rateLimit {{ requests {bucket} points {bucket} }} }}")
    told = answer["data"]["rateLimit"]
    assert (told["requests"]["limit"], told["points"]["limit"]) == (100_000, 1_000)
    assert abs(told["points"]["remaining"] - cost(answer)["remaining"]) <= 2


# What was used


def test_usage_is_kept_by_day_and_kind_of_work(tmp_path: Any) -> None:
    with served(tmp_path) as server, server.caller() as caller:
        caller.ask(SIMULATED, {"input": firm(), "spec": spec()})
        caller.ask(ROLE)
        caller.ask("{ nothing }")
    sums = asyncio.run(_used(tmp_path))
    assert sums["requests"] == 3
    assert sums["points.simulation"] >= 8
    assert sums["points"] >= sums["points.simulation"]


async def _used(home: Any) -> dict[str, int]:
    database = Database.open(f"sqlite:///{home / 'valor.db'}")
    try:
        found = await Usage(database).between(OURS, "2000", "3000")
        return {used.metric: used.amount for used in found}
    finally:
        await database.close()


# A tenant's own documents


REGISTER: Final = """mutation ($documents: [TrustedDocumentInput!]!) {
  registerDocuments(documents: $documents) {
    ... on RegisteredDocuments { documents { id name } }
    ... on Refusal { code issues { path message } } } }"""


def test_a_tenant_trusts_documents_of_its_own(server: Served) -> None:
    with (
        server.caller(Role.ADMIN) as admin,
        server.caller() as analyst,
        server.caller(tenant_id=THEIRS) as stranger,
    ):
        id_ = sha256(ROLE.encode()).hexdigest()
        by_id = {"documentId": f"sha256:{id_}"}
        assert analyst.http.post("/graphql", json=by_id).json()["errors"][0]["extensions"] == {
            "code": "DOCUMENT_NOT_TRUSTED"
        }
        registered = admin.data(REGISTER, {"documents": [{"text": ROLE, "name": "Role"}]})
        assert registered["registerDocuments"]["documents"] == [{"id": id_, "name": "Role"}]
        assert analyst.http.post("/graphql", json=by_id).json()["data"]["viewer"]
        assert "data" not in stranger.http.post("/graphql", json=by_id).json()
        listed = "{ trustedDocuments { edges { node { id text name } } } }"
        assert admin.data(listed)["trustedDocuments"]["edges"] == [
            {"node": {"id": id_, "text": ROLE, "name": "Role"}}
        ]
        remove = (
            "mutation ($ids: [String!]!) { removeDocuments(ids: $ids) "
            "{ ... on RemovedDocuments { removed } } }"
        )
        assert admin.data(remove, {"ids": [id_]}) == {"removeDocuments": {"removed": 1}}
        assert "data" not in analyst.http.post("/graphql", json=by_id).json()


def test_all_that_is_wrong_with_documents_is_said_at_once(server: Served) -> None:
    with server.caller(Role.OWNER) as owner, server.caller() as analyst:
        wrong = [{"text": ROLE}, {"text": "{ nothing }"}, {"text": "{ viewer {"}]
        told = owner.data(REGISTER, {"documents": wrong})["registerDocuments"]
        assert told["code"] == "INVALID_INPUT"
        assert [issue["path"] for issue in told["issues"]] == [
            "documents[1].text",
            "documents[2].text",
        ]
        denied = analyst.data(REGISTER, {"documents": [{"text": ROLE}]})["registerDocuments"]
        assert denied["code"] == "FORBIDDEN"
        assert owner.data("{ trustedDocuments { edges { cursor } } }")["trustedDocuments"] == {
            "edges": []
        }


async def test_a_tenant_that_trusts_nothing_else_runs_nothing_else(strict: Served) -> None:
    with strict.caller(Role.OWNER) as owner:
        refused = owner.ask(ROLE)
        assert refused["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        assert cost(refused)["actual"] == 1
        async with talking(strict.origin, strict.token()) as talk:
            over_socket = await talk.ask("1", ROLE)
        assert over_socket[0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


def test_a_tenant_that_trusts_too_little_can_still_say_what_it_trusts(strict: Served) -> None:
    documents = {"documents": [{"text": ROLE}]}
    with strict.caller(Role.OWNER) as owner, strict.caller() as analyst:
        untrusted = analyst.ask(REGISTER, documents)["errors"][0]["extensions"]["code"]
        assert untrusted == "DOCUMENT_NOT_TRUSTED"
        sly = REGISTER.replace("mutation ($", "mutation M($").replace(
            "{\n  register", '{ renewSession(token: "") { __typename }\n  register'
        )
        assert "errors" in owner.ask(sly, documents)
        (kept,) = owner.data(REGISTER, documents)["registerDocuments"]["documents"]
        by_id = {"documentId": kept["id"]}
        assert analyst.http.post("/graphql", json=by_id).json()["data"]["viewer"]


# Redis away


def test_while_redis_is_away_questions_are_answered_and_it_comes_back_by_itself(
    redis_url: str, tmp_path: Any
) -> None:
    port = int(redis_url.rsplit(":", 1)[1].split("/", 1)[0])
    with (
        Wire("127.0.0.1", port) as wire,
        served(tmp_path, terms=TERMS, VALOR_REDIS_URL=f"redis://127.0.0.1:{wire.port}/0") as server,
        server.caller() as caller,
    ):
        budget = server.parts.budget
        assert cost(caller.ask(ROLE))["remaining"] <= 999
        wire.cut()
        assert caller.post(ROLE).status_code == 200
        assert budget.circuit.state == "OPEN"
        heavy = caller.post(*grids(30, 200))  # a quarter of the points is there, and no more
        assert heavy.status_code == 200
        for _ in range(3):
            refused = caller.post(*grids(30, 200))
        assert refused.status_code == 503
        assert refused.json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
        assert int(refused.headers["retry-after"]) >= 1
        assert caller.post(ROLE).status_code == 200
        wire.mend()
        budget.circuit._opened_at -= 5.0
        while budget.circuit.state != "CLOSED":
            assert caller.post(ROLE).status_code == 200
            if budget.circuit._opened_at is not None:
                budget.circuit._opened_at -= 5.0
