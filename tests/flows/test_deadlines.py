"""A client's own deadline: what is late is stopped, and a change is never said not to be made."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

from observability.outcomes import Outcome
from services.principal import Role
from tests.dcf_documents import firm
from tests.flows.test_limits import spec
from tests.mirror.store.conftest import OWNER, SERVING, administer, postgres_roles, role_url
from tests.served import Caller, Served, served
from tests.sockets import talking

__all__ = ["postgres_roles"]

pytestmark = pytest.mark.anyio

ROLE: Final = "{ viewer { role } }"
CREATE: Final = """mutation ($input: DcfInput!) {
  createModel(input: {name: "Firm", inputs: {dcf: $input}}) {
    ... on FinancialModel { id } } }"""
EDIT: Final = """mutation ($id: ID!, $op: ID!) {
  editModel(id: $id, operationId: $op, edits: [{path: "name", value: {text: "Late"}}]) {
    __typename ... on Refusal { code message } ... on EditedModel { revision { revision } } } }"""


def late(caller: Caller, milliseconds: object, query: str, variables: Any = None) -> Any:
    """The response to whoever waits so long."""
    return caller.http.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"X-Deadline-Ms": str(milliseconds)},
    )


@pytest.mark.parametrize("wrong", ["", "soon", "-1", "0", "1.5", "1e3", "9" * 10])
def test_a_deadline_that_is_none_is_400_with_the_reason(analyst: Caller, wrong: str) -> None:
    response = late(analyst, wrong, ROLE)
    assert response.status_code == 400
    error = response.json()["errors"][0]
    assert "X-Deadline-Ms must be a whole number of milliseconds" in error["message"]


@pytest.mark.parametrize("wrong", [0, -5, 1.5, True, "soon", [], {}])
def test_in_the_extensions_it_is_the_same(analyst: Caller, wrong: Any) -> None:
    body = {"query": ROLE, "extensions": {"deadlineMs": wrong}}
    response = analyst.http.post("/graphql", json=body)
    assert response.status_code == 400
    assert "deadlineMs" in response.json()["errors"][0]["message"]


def test_a_deadline_beyond_the_servers_own_changes_nothing(analyst: Caller) -> None:
    assert late(analyst, 999_999_999, ROLE).json()["data"]["viewer"]


def test_a_worker_that_computes_for_nobody_is_stopped(server: Served, analyst: Caller) -> None:
    """The pool has one: the next computation would wait behind what nobody waits for."""
    value = "mutation ($input: DcfInput!) { valueDcf(input: $input) { ... on Node { id } } }"
    timing = {"valuationDate": "2024-09-27", "years": 100}
    id_ = analyst.data(value, {"input": firm(timing=timing)})["valueDcf"]["id"]
    ask = (
        "query ($id: ID!, $spec: SimulationInput!) { valuation(id: $id) { ... on Analysable "
        "{ simulation(spec: $spec) { __typename ... on Refusal { code } } } } }"
    )
    quick = spec(trials=1_000)
    assert analyst.ask(ask, {"id": id_, "spec": quick})["data"]  # the worker is there
    shocks = [
        spec()["shocks"][0] | {"path": f"operations.{path}", "everyYear": True}
        for path in ("revenueGrowth", "ebitMargin", "taxRate", "depreciation", "workingCapital")
    ]
    answer = late(analyst, 60, ask, {"id": id_, "spec": spec(shocks=shocks)}).json()
    assert answer["data"]["valuation"]["simulation"]["code"] == "DEADLINE_EXCEEDED"
    assert answer["extensions"]["cost"]["actual"] > 5  # it was at work
    began = time.monotonic()
    assert analyst.ask(ask, {"id": id_, "spec": quick})["data"]["valuation"]["simulation"]
    assert time.monotonic() - began < 30.0


async def test_over_a_socket_the_connection_or_the_operation_says_it(server: Served) -> None:
    slow = 'subscription { runProgress(id: "x") { state } }'
    async with talking(server.origin) as talk:
        payload = {"authorization": f"Bearer {server.token()}", "extensions": {"deadlineMs": -1}}
        await talk.say("connection_init", payload=payload)
        code, reason = await talk.ending()
        assert code == 4400
        assert "milliseconds" in reason
    async with talking(server.origin) as talk:
        payload["extensions"] = {"deadlineMs": 5_000}
        await talk.say("connection_init", payload=payload)
        assert await talk.hear() == {"type": "connection_ack"}
        assert (await talk.ask("1", ROLE))["data"]["viewer"]
        assert await talk.ask("2", slow)
    async with talking(server.origin, server.token()) as talk:
        body = {"query": ROLE, "extensions": {"deadlineMs": "soon"}}
        await talk.say("subscribe", id="1", payload=body)
        assert (await talk.ending())[0] == 4400


@pytest.fixture(scope="module")
def name(postgres_url: str, postgres_roles: None) -> Iterator[str]:
    name = f"late_{os.getpid()}"
    asyncio.run(administer(postgres_url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    yield name
    asyncio.run(administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="module")
def on_postgres(
    postgres_url: str, name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    environment = {
        "VALOR_DATABASE_URL": role_url(postgres_url, SERVING, name),
        "VALOR_DATABASE_OWNER_URL": role_url(postgres_url, OWNER, name),
    }
    with served(tmp_path_factory.mktemp("late"), **environment) as server:
        yield server


async def locked(url: str, name: str, lock: str, meanwhile: Callable[[], Any]) -> tuple[Any, Any]:
    """(what ``meanwhile`` answers, the statements under way just after) while a lock is held."""
    base = url.rsplit("/", 1)[0]
    holder = await asyncpg.connect(f"{base}/{name}")
    watcher = await asyncpg.connect(f"{base}/{name}")
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(lock)
        asking = asyncio.ensure_future(asyncio.to_thread(meanwhile))
        while not await waiting(watcher):
            assert not asking.done()
            await asyncio.sleep(0.01)
        answer = await asking
        after = await waiting(watcher)
        await transaction.rollback()
        return answer, after
    finally:
        await holder.close()
        await watcher.close()


async def waiting(connection: Any) -> list[str]:
    """The statements of the server that wait for a lock."""
    rows = await connection.fetch(
        "SELECT query FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name LIKE 'valor %' AND wait_event_type = 'Lock'"
    )
    return [row["query"] for row in rows]


def test_a_question_that_is_late_is_cancelled_in_the_database(
    on_postgres: Served, postgres_url: str, name: str
) -> None:
    with on_postgres.caller() as caller:
        models = "{ models { edges { cursor } } viewer { role } }"
        caller.data(models)
        answer, after = asyncio.run(
            locked(
                postgres_url,
                name,
                "LOCK TABLE financial_model IN ACCESS EXCLUSIVE MODE",
                lambda: late(caller, 500, models),
            )
        )
        assert answer.status_code == 200
        told = answer.json()
        assert told["data"] is None
        (error,) = told["errors"]
        assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"
        assert error["path"] == ["models"]
        assert after == []
        assert caller.data(models)


def test_a_change_that_is_late_is_never_said_not_to_be_made(
    on_postgres: Served, postgres_url: str, name: str
) -> None:
    with on_postgres.caller(Role.OWNER) as caller:
        id_ = caller.data(CREATE, {"input": firm()})["createModel"]["id"]
        asked = {"id": id_, "op": str(uuid4())}
        answer, after = asyncio.run(
            locked(
                postgres_url,
                name,
                "LOCK TABLE financial_model IN EXCLUSIVE MODE",
                lambda: late(caller, 300, EDIT, asked),
            )
        )
        told = answer.json()["data"]["editModel"]
        assert told["code"] == "DEADLINE_EXCEEDED"
        assert "is not known yet" in told["message"]
        assert after  # it goes on
        # It was made once, whether before or after it is asked for again.
        again = caller.data(EDIT, asked)["editModel"]
        assert again["__typename"] == "EditedModel"
        assert again["revision"]["revision"] == 2
        found = caller.data("query ($id: ID!) { model(id: $id) { name revision } }", {"id": id_})
        assert found["model"] == {"name": "Late", "revision": 2}


def test_a_deadline_of_the_clients_own_is_no_fault_of_ours(
    on_postgres: Served, postgres_url: str, name: str
) -> None:
    counted = on_postgres.parts.watch.meter._operations
    with on_postgres.caller() as caller:
        before = dict(counted)
        models = "{ models { edges { cursor } } }"
        lock = "LOCK TABLE financial_model IN ACCESS EXCLUSIVE MODE"
        asyncio.run(locked(postgres_url, name, lock, lambda: late(caller, 100, models)))
        after = {key: count - before.get(key, 0) for key, count in counted.items()}
    assert {key: count for key, count in after.items() if count} == {
        ("Query.models", Outcome.CANCELLED): 1
    }
