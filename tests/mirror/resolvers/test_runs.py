"""A run through the whole application: started over HTTP, followed over a socket."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.plans import LIMITS, Plan
from services.principal import Role
from tests.dcf_documents import firm
from tests.served import THEIRS, Caller, Served, served
from tests.sockets import Talk, talking

pytestmark = pytest.mark.anyio

SUMMARY = (
    "sampling trials infeasible mean standardError meanInterval { low high } converged "
    "standardDeviation minimum maximum percentiles { level value low high } "
    "histogram { edges counts } probabilityAbove probabilityInterval { low high } meanShortfall "
    "drivers { path share }"
)
PROGRESS = (
    "state trialsDone trials infeasible mean standardError "
    f"percentiles {{ level value low high }} result {{ {SUMMARY} }} refusal {{ code message }}"
)
RUN = (
    "__typename id kind state output attempts createdAt startedAt endedAt "
    f"progress {{ {PROGRESS} }} result {{ {SUMMARY} }} "
    "refusal { code message } valuation { id inputs }"
)
START = (
    "mutation ($input: StartSimulationInput!, $op: ID) { startSimulation(input: $input, "
    f"operationId: $op) {{ ... on Run {{ {RUN} }} "
    "... on Refusal { code message issues { path code } } } }"
)
FIND = f"query ($id: ID!) {{ run(id: $id) {{ {RUN} }} }}"
CANCEL = (
    f"mutation ($id: ID!) {{ cancelRun(id: $id) {{ ... on Run {{ {RUN} }} "
    "... on Refusal { code message } } }"
)
FOLLOW = f"subscription ($id: ID!) {{ runProgress(id: $id) {{ {PROGRESS} }} }}"
SHOCKS = [
    {
        "path": "operations.revenueGrowth",
        "distribution": {"normal": {"standardDeviation": 0.02}},
        "everyYear": True,
    },
    {"path": "capital.wacc", "distribution": {"uniform": {"low": -0.01, "high": 0.01}}},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LIMITS, Plan.PRO, LIMITS[Plan.ENTERPRISE])
        with served(tmp_path_factory.mktemp("runs")) as server:
            yield server


def given(trials: int = 50_000, source: dict[str, Any] | None = None, **spec: Any) -> Any:
    return {
        "source": source or {"dcf": firm()},
        "spec": {"shocks": SHOCKS, "trials": trials, "price": 10.5, **spec},
    }


def started(caller: Caller, asked: Any, operation: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = caller.data(START, {"input": asked, "op": operation})
    return dict(found["startSimulation"])


async def steps_of(talk: Talk, run: str) -> list[dict[str, Any]]:
    """Everything that is told of a run, to its end."""
    await talk.subscribe("1", FOLLOW, id=run)
    found = []
    while (message := await talk.hear_of("1"))["type"] == "next":
        assert "errors" not in message["payload"], message
        found.append(message["payload"]["data"]["runProgress"])
    assert message["type"] == "complete"
    return found


async def ended(server: Served, run: str, role: Role = Role.ANALYST) -> list[dict[str, Any]]:
    async with talking(server.origin, server.token(role)) as talk:
        return await steps_of(talk, run)


async def test_a_run_is_to_the_last_bit_what_the_analysis_of_its_valuation_gives(
    server: Served,
) -> None:
    with server.caller() as caller:
        run = started(caller, given())
        assert (run["__typename"], run["kind"], run["output"]) == (
            "Run",
            "SIMULATION",
            "VALUE_PER_SHARE",
        )
        steps = await ended(server, run["id"])
        found = caller.data(FIND, {"id": run["id"]})["run"]
        analysis = caller.data(
            "query ($id: ID!, $spec: SimulationInput!) { valuation(id: $id) { ... on Analysable { "
            f"simulation(spec: $spec) {{ ... on Simulation {{ {SUMMARY} }} }} }} }} }}",
            {"id": run["valuation"]["id"], "spec": given()["spec"]},
        )["valuation"]["simulation"]
    assert found["result"] == steps[-1]["result"] == analysis
    assert (found["state"], found["attempts"], found["refusal"]) == ("DONE", 1, None)
    assert found["createdAt"] <= found["startedAt"] <= found["endedAt"]
    assert found["progress"] == steps[-1]
    assert found["progress"]["trialsDone"] == 50_000
    assert found["valuation"]["inputs"]["capital"] == firm()["capital"]


async def test_percentiles_close_in_over_the_socket(server: Served) -> None:
    with server.caller() as caller:
        run = started(caller, given(10_000_000, sampling="PLAIN"))
    steps = await ended(server, run["id"])
    assert steps[-1]["state"] == "DONE"
    assert steps[-1]["result"]["trials"] == 10_000_000
    known = [step for step in steps if step["percentiles"]]
    assert len(known) >= 3
    assert all(step["result"] is None for step in steps[:-1])
    for earlier, later in pairwise(known):
        assert earlier["trialsDone"] <= later["trialsDone"] <= later["trials"]
        if later["trialsDone"] > 2 * earlier["trialsDone"]:
            assert later["standardError"] < earlier["standardError"]
            for wide, narrow in zip(earlier["percentiles"], later["percentiles"], strict=True):
                assert narrow["high"] - narrow["low"] < wide["high"] - wide["low"]


async def test_a_run_goes_on_when_the_socket_closes(server: Served) -> None:
    with server.caller() as caller:
        run = started(caller, given(3_000_000))
    async with talking(server.origin, server.token()) as talk:
        await talk.subscribe("1", FOLLOW, id=run["id"])
        await talk.hear_of("1")
    assert (await ended(server, run["id"]))[-1]["state"] == "DONE"


async def test_each_source_gives_the_same_run(server: Served) -> None:
    with server.caller() as caller:
        of_inputs = started(caller, given())
        model = caller.data(
            "mutation ($input: CreateModelInput!) { createModel(input: $input) { "
            "... on FinancialModel { id } } }",
            {"input": {"name": "Firm", "inputs": {"dcf": firm()}}},
        )["createModel"]["id"]
        of_model = started(caller, given(source={"model": {"model": model}}))
        kept = of_inputs["valuation"]["id"]
        of_valuation = started(caller, given(source={"valuation": kept}))
        results = [
            (await ended(server, run["id"]))[-1]["result"]
            for run in (of_inputs, of_model, of_valuation)
        ]
    assert results[0] == results[1] == results[2]
    assert of_model["valuation"]["id"] == of_valuation["valuation"]["id"] == kept
    assert len({run["id"] for run in (of_inputs, of_model, of_valuation)}) == 3


async def test_a_run_is_about_a_scenario_of_a_model(server: Served) -> None:
    with server.caller() as caller:
        change = {"path": "capital.wacc", "value": {"number": 0.2}}
        scenario = {"name": "Dear money", "changes": [change]}
        model = caller.data(
            "mutation ($input: CreateModelInput!) { createModel(input: $input) { "
            "... on FinancialModel { id } } }",
            {"input": {"name": "Firm", "inputs": {"dcf": firm()}}},
        )["createModel"]["id"]
        edited = caller.data(
            "mutation ($id: ID!, $edits: [ModelEdit!]!) { editModel(id: $id, operationId: "
            '"dear-1", edits: $edits) { __typename ... on Refusal { message } } }',
            {
                "id": model,
                "edits": [{"path": "scenarios.dear", "value": {"scenario": scenario}}],
            },
        )["editModel"]
        assert edited["__typename"] != "Refusal", edited
        dear = started(caller, given(source={"model": {"model": model, "scenario": "dear"}}))
        assert dear["valuation"]["inputs"]["capital"] == {"wacc": 0.2}
        none = started(caller, given(source={"model": {"model": model, "scenario": "none"}}))
        assert none["code"] == "INVALID_INPUT"
        await ended(server, dear["id"])


def test_another_output_is_asked_for(server: Served) -> None:
    with server.caller() as caller:
        run = started(caller, given(1_000) | {"output": "ENTERPRISE_VALUE"})
    assert run["output"] == "ENTERPRISE_VALUE"


def test_a_repeated_operation_is_the_same_run_and_another_payload_is_refused(
    server: Served,
) -> None:
    with server.caller() as caller:
        first = started(caller, given(1_000), "once")
        assert started(caller, given(1_000), "once")["id"] == first["id"]
        reused = started(caller, given(2_000), "once")
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_what_is_wrong_with_a_spec_is_said_under_the_schemas_names(server: Served) -> None:
    wrong = [
        {"path": "operations.nowhere", "distribution": {"normal": {"standardDeviation": 1.0}}},
        {"path": "capital.wacc", "distribution": {"normal": {"standardDeviation": -1.0}}},
    ]
    with server.caller() as caller:
        refused = started(caller, given(50, shocks=wrong))
    assert refused["code"] == "INVALID_INPUT"
    assert [issue["path"] for issue in refused["issues"]] == [
        "spec.trials",
        "spec.shocks[0].path",
        "spec.shocks[1].distribution.normal.standardDeviation",
    ]


def test_more_trials_than_a_plan_has_are_refused(server: Served) -> None:
    with server.caller() as caller:
        refused = started(caller, given(100_000_001))
    assert refused["code"] == "QUOTA_EXCEEDED"


@pytest.mark.parametrize(
    "source",
    [
        {"valuation": "nonsense"},
        {"valuation": ""},
        {"model": {"model": urlsafe_b64encode(b"FinancialModel:nonsense").decode().rstrip("=")}},
        {"valuation": urlsafe_b64encode(b"DcfValuation:" + b"0" * 64).decode().rstrip("=")},
    ],
)
def test_a_source_that_is_not_there_is_not_found(server: Served, source: Any) -> None:
    with server.caller() as caller:
        assert started(caller, given(source=source))["code"] == "NOT_FOUND"


async def test_a_run_is_cancelled_once_and_says_so_to_who_follows(server: Served) -> None:
    with server.caller() as caller:
        run = started(caller, given(100_000_000))
        async with talking(server.origin, server.token(Role.VIEWER)) as talk:
            following = asyncio.create_task(steps_of(talk, run["id"]))
            cancelled = await asyncio.to_thread(caller.data, CANCEL, {"id": run["id"]})
            steps = await following
        assert cancelled["cancelRun"]["state"] == "CANCELLED"
        assert steps[-1]["state"] == "CANCELLED"
        assert steps[-1]["refusal"]["code"] == "CANCELLED"
        again = caller.data(CANCEL, {"id": run["id"]})["cancelRun"]
        assert again["state"] == "CANCELLED"
        done = started(caller, given(1_000))
        await ended(server, done["id"])
        assert caller.data(CANCEL, {"id": done["id"]})["cancelRun"]["code"] == "CONFLICT"


async def test_what_fails_says_why(server: Served) -> None:
    wide = [{"path": "capital.wacc", "distribution": {"normal": {"standardDeviation": 2.0}}}]
    with server.caller() as caller:
        run = started(caller, given(shocks=wide))
        last = (await ended(server, run["id"]))[-1]
        assert (last["state"], last["result"]) == ("FAILED", None)
        assert last["refusal"]["code"] == "INFEASIBLE"
        assert caller.data(FIND, {"id": run["id"]})["run"]["refusal"] == last["refusal"]


async def test_another_tenants_run_is_not_found(server: Served) -> None:
    with server.caller() as caller:
        run = started(caller, given(1_000))["id"]
    with server.caller(tenant_id=THEIRS) as stranger:
        for name, variables in ((FIND, {"id": run}), (FIND, {"id": "nonsense"})):
            answer = stranger.ask(name, variables)
            assert answer["data"] == {"run": None}
            assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert stranger.data(CANCEL, {"id": run})["cancelRun"]["code"] == "NOT_FOUND"
    async with talking(server.origin, server.token(tenant_id=THEIRS)) as talk:
        for which in (run, "nonsense"):
            payload = await talk.ask("1", FOLLOW, id=which)
            assert payload[0]["extensions"]["code"] == "NOT_FOUND"


def test_a_run_answers_to_node(server: Served) -> None:
    with server.caller() as caller:
        run = started(caller, given(1_000))["id"]
        found = caller.data(
            "query ($id: ID!) { node(id: $id) { __typename id ... on Run { state } } }", {"id": run}
        )["node"]
    assert (found["__typename"], found["id"]) == ("Run", run)


def test_a_server_that_stops_hands_its_runs_on_and_the_next_one_finishes_them(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as first, first.caller() as caller:
        run = started(caller, given(5_000_000))
    with served(tmp_path) as second, second.caller() as caller:
        last = asyncio.run(ended(second, run["id"]))[-1]
        assert last["state"] == "DONE"
        assert caller.data(FIND, {"id": run["id"]})["run"]["attempts"] == 1
