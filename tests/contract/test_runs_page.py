"""What the page about runs shows can be asked, and its numbers are the engine's."""

from __future__ import annotations

import json
from typing import Any

import httpx

from engine.dcf import DcfOutput
from engine.simulation import simulate
from services.plans import LIMITS
from services.simulations import question_of, so_far_document, spec_of
from tests.live_server import LiveServer
from tests.pages import DOCS, EXAMPLES, blocks, table, text_of
from tests.served import NO_TLS

PAGE = DOCS / "runs.md"
START, FOLLOW, LOOK, CANCEL = blocks(PAGE, "graphql")


def headers(server: LiveServer) -> dict[str, str]:
    return {"authorization": f"Bearer {server.token}"}


def data(server: LiveServer, query: str, **variables: Any) -> Any:
    body = {"query": query, "variables": variables}
    answer = httpx.post(
        server.graphql, json=body, headers=headers(server), timeout=60.0, verify=NO_TLS
    ).json()
    assert "errors" not in answer, answer
    return answer["data"]


def shown() -> Any:
    """The input of the page, with Apple's inputs where it leaves them out."""
    (shown,) = map(json.loads, blocks(PAGE, "json"))
    shown["source"]["dcf"] = json.loads(text_of(EXAMPLES / "apple.json"))
    return shown


def started(server: LiveServer, trials: int | None = None, operation: str | None = None) -> Any:
    """The run of the page."""
    given = shown()
    given["spec"]["trials"] = trials or given["spec"]["trials"]
    return data(server, START, input=given, operation=operation)["startSimulation"]


def followed(server: LiveServer, run: str) -> list[dict[str, Any]]:
    """Every event of the subscription."""
    body = {"query": FOLLOW, "variables": {"id": run}}
    accept = {"accept": "text/event-stream", **headers(server)}
    with httpx.stream(
        "POST", server.graphql, json=body, headers=accept, timeout=60.0, verify=NO_TLS
    ) as stream:
        lines = [line.removeprefix("data: ") for line in stream.iter_lines() if "data: {" in line]
    return [json.loads(line)["data"]["runProgress"] for line in lines]


def row(step: dict[str, Any]) -> list[str]:
    (p5,) = [each for each in step["percentiles"] if each["level"] == 0.05]
    return [
        f"{step['trialsDone']:,}",
        f"{step['mean']:.2f}",
        f"{step['standardError']:.6f}",
        f"{p5['value']:.2f}",
        f"{p5['low']:.2f} to {p5['high']:.2f}",
    ]


def test_the_numbers_of_the_page_are_those_of_its_run(live_server: LiveServer) -> None:
    run = started(live_server)
    *_, last = followed(live_server, run["id"])
    assert last["state"] == "DONE"
    look = data(live_server, LOOK, id=run["id"])["run"]
    assert look["result"]["mean"] == last["result"]["mean"]
    told = table(PAGE, "trials | mean | standard error | P5 | low to high")
    assert told == [row(after_the_first_round()), row(last)]


def after_the_first_round() -> dict[str, Any]:
    """What is known after 16,384 trials: over the socket one may come too late to see it."""
    given = shown()
    shocks = [{"everyYear": False, **shock} for shock in given["spec"]["shocks"]]
    spec = spec_of({"sampling": "SOBOL", **given["spec"], "shocks": shocks})
    question = question_of("DCF", given["source"]["dcf"], DcfOutput.VALUE_PER_SHARE)
    seen: list[dict[str, Any]] = []
    simulate(question, spec, watch=lambda sample: seen.append(so_far_document(sample.so_far())))
    return seen[0]


def test_what_has_ended_is_told_at_once(live_server: LiveServer) -> None:
    run = started(live_server, operation="runs-page")
    followed(live_server, run["id"])
    assert started(live_server, operation="runs-page")["id"] == run["id"]
    (only,) = followed(live_server, run["id"])
    assert only["state"] == "DONE"
    refused = data(live_server, CANCEL, id=run["id"])["cancelRun"]
    assert refused["code"] == "CONFLICT"


def test_a_run_is_cancelled_as_the_page_shows(live_server: LiveServer) -> None:
    run = started(live_server, trials=100_000_000)
    cancelled = data(live_server, CANCEL, id=run["id"])["cancelRun"]
    assert cancelled["state"] == "CANCELLED"
    assert followed(live_server, run["id"])[-1]["refusal"]["code"] == "CANCELLED"


def test_the_page_has_the_limits_of_every_plan() -> None:
    told = table(PAGE, "plan | trials of a run | runs at one time")
    limits = LIMITS.items()
    assert told == [[plan.value, f"{its.trials:,}", str(its.runs)] for plan, its in limits]
