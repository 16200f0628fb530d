"""A fault of ours is masked, on record under its id, and one caller's alone."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from api.operations.graphql import Executor
from observability.health import Health
from observability.logs import Logs
from services.principal import Role
from tests.dcf_documents import firm
from tests.served import Caller, Served, served

SECRET: Final = "hunter2"  # must not leave
VALUE: Final = "mutation ($input: DcfInput!) { valueDcf(input: $input) { __typename } }"


@dataclass(frozen=True)
class Watched:
    """A server whose log a test reads."""

    server: Served
    log: io.BytesIO

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    log = io.BytesIO()
    logs = Logs("INFO", stream=log)
    with served(tmp_path_factory.mktemp("served"), logs=logs) as server:
        yield Watched(server, log)


@pytest.fixture
def caller(watched: Watched) -> Iterator[Caller]:
    with watched.server.caller() as caller:
        yield caller


async def broken(*_: object) -> None:
    raise RuntimeError(f"no such column: password, near {SECRET}")


def test_a_resolver_that_fails_is_masked_and_on_record_under_its_id(
    watched: Watched, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(watched.server.parts.watch.health), "report", broken)
    response = caller.post("{ viewer { role } health { state } }")
    assert response.status_code == 200
    answer = response.json()
    request_id = response.headers["x-request-id"]
    assert answer["data"] is None  # health cannot be null, so nothing above it can be said
    assert answer["errors"] == [
        {
            "message": f"Something failed on our side. It is on record as {request_id}.",
            "locations": [{"line": 1, "column": 19}],
            "path": ["health"],
            "extensions": {"code": "INTERNAL", "requestId": request_id},
        }
    ]
    (line,) = [line for line in watched.lines() if line.get("request_id") == request_id]
    assert (line["level"], line["path"]) == ("error", ["health"])
    assert "RuntimeError" in json.dumps(line)


def test_a_fault_beside_what_may_be_null_leaves_the_rest_standing(
    watched: Watched, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(watched.server.parts.tenants), "member", broken)
    answer = caller.ask("{ viewer { role member { name } } }")
    assert answer["data"] == {"viewer": {"role": "ANALYST", "member": None}}
    assert [error["path"] for error in answer["errors"]] == [["viewer", "member"]]
    assert SECRET not in json.dumps(answer)


def test_a_fault_outside_of_any_field_is_a_500_that_says_as_little(
    watched: Watched, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Executor, "run", broken)
    response = caller.post("{ viewer { role } }")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert SECRET not in response.text
    assert any(
        line.get("request_id") == error["extensions"]["requestId"] for line in watched.lines()
    )


def test_what_takes_longer_than_a_request_may_last_is_an_overload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def for_ever(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Health, "report", for_ever)
    with served(tmp_path, VALOR_DEADLINE_S="0.3") as server, server.caller() as caller:
        response = caller.post("{ health { state } }")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    answer = response.json()
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "OVERLOADED", "retryAfter": 5.0}
    assert error["message"] == "This took longer than 0.3 s."


def test_after_a_fault_the_next_caller_is_answered(caller: Caller) -> None:
    assert caller.data(VALUE, {"input": firm()}) == {"valueDcf": {"__typename": "DcfValuation"}}


def test_the_log_is_json_without_tokens_and_inputs(watched: Watched, caller: Caller) -> None:
    caller.data(VALUE, {"input": firm(marketPrice=12_345.678)})
    caller.ask("{ nope }")
    text = watched.log.getvalue().decode()
    assert all(isinstance(line, dict) for line in watched.lines())
    assert caller.http.headers["authorization"].split()[1][:30] not in text
    assert "12345.678" not in text
    assert "revenueGrowth" not in text


def test_a_token_whose_tenant_is_not_here_proves_nobody(watched: Watched) -> None:
    with watched.server.caller(Role.ANALYST, UUID(int=9)) as stranger:
        response = stranger.post(VALUE, {"input": firm()})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [
        "UNAUTHENTICATED"
    ]
