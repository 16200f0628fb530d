"""What the page about simulations tells of its example is what comes out of it."""

from __future__ import annotations

import json
from typing import Any

import httpx

from engine.distributions import DISTRIBUTIONS
from engine.sampling import CHUNK, FIRST_ROUND, SCRAMBLES
from tests.live_server import LiveServer
from tests.pages import DOCS, EXAMPLES, table, text_of
from tests.served import NO_TLS
from tests.the_schema import GRAPHQL

PAGE = DOCS / "maths" / "simulation.md"


def simulated(server: LiveServer) -> dict[str, Any]:
    body = {
        "query": text_of(EXAMPLES / "simulation.graphql"),
        "variables": json.loads(text_of(EXAMPLES / "simulation.json")),
    }
    headers = {"authorization": f"Bearer {server.token}"}
    answer = httpx.post(
        server.graphql, json=body, headers=headers, timeout=60.0, verify=NO_TLS
    ).json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["valueDcf"]["simulation"]
    return found


def percent(share: float, digits: int = 1) -> str:
    return f"{100.0 * share:.{digits}f} %"


def test_the_numbers_of_the_page_are_those_of_its_example(live_server: LiveServer) -> None:
    found = simulated(live_server)
    assert (found["sampling"], found["trials"], found["infeasible"]) == ("SOBOL", 16_384, 0)
    told = " ".join(text_of(PAGE).split())
    at = {each["level"]: each["value"] for each in found["percentiles"]}
    mean, chance = found["meanInterval"], found["probabilityInterval"]
    means = f"between {mean['low']:.2f} and {mean['high']:.2f}"
    chances = f"between {percent(chance['low'])} and {percent(chance['high'])}"
    for sentence in (
        f"mean of the example is {found['mean']:.2f}, {means}",
        f"nine trials in ten lie between {at[0.05]:.2f} and {at[0.95]:.2f}",
        f"probability of {percent(found['probabilityAbove'])}, {chances}",
        f"falls short by {found['meanShortfall']:.2f}.",
    ):
        assert sentence in told
    assert table(PAGE, "shock | share") == [
        [f"`{driver['path']}`", percent(driver["share"], 0)] for driver in found["drivers"]
    ]


def test_the_page_has_every_distribution_and_the_schemas_defaults() -> None:
    told = [row[0] for row in table(PAGE, "distribution | given | draw | mean")]
    assert told == [f"`{each.NAME}`" for each in DISTRIBUTIONS]
    default = GRAPHQL.type_map["SimulationInput"].fields["trials"].default_value
    text = text_of(PAGE)
    assert f"the {default:,} of the default" in text
    assert default % SCRAMBLES == 0
    assert (default // SCRAMBLES).bit_count() == 1
    assert f"double from {FIRST_ROUND:,} points to\n{CHUNK:,}" in text
