"""What a newcomer sees: one command, Apple's value, and a server that gives the same number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.served import http, in_time
from tests.terminals import ROOT, Terminal, running, valor


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with running(tmp_path_factory.mktemp("demo"), "demo", "--port", "0") as terminal:
        terminal.until("out", "curl")
        yield terminal


def post(url: str, token: str, body: Any) -> dict[str, Any]:
    with http() as client:
        response = client.post(url, json=body, headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer
    return answer


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def test_the_demo_shows_apples_value_its_assumptions_and_where_to_go_on(demo: Terminal) -> None:
    printed = demo.until("out", "The same number, in a second terminal")
    for words in (
        "Apple Inc., valued by discounted cash flow",
        "operations.revenueGrowth",
        "Enterprise value",
        "less debt",
        "Value per share",
        "Price on 2024-09-27",
        "GraphiQL",
        "Ctrl-C ends it",
    ):
        assert words in printed
    assert demo.printed["err"] == ""


def test_the_server_gives_the_same_number_under_the_same_id(demo: Terminal) -> None:
    printed = demo.until("out", "curl")
    valuation_id = found(r"Valuation id\s+(\S+)", printed)
    a_share = found(r"Value per share\s+([\d,.]+) USD", printed)
    url = found(r"GraphQL\s+(http://127\.0\.0\.1:\d+/graphql)", printed)
    token = found(r"\b(eyJ[\w-]+\.[\w-]+\.[\w-]+)", printed)
    body = json.loads((ROOT / "examples" / "value_apple_request.json").read_text())
    by_curl = post(url, token, body)["data"]["valueDcf"]
    assert by_curl["id"] == valuation_id
    assert f"{by_curl['valuePerShare']:,.2f}" == a_share
    told = valor(demo.home, "value", "examples/apple.json")
    assert valuation_id in told
    assert f"{a_share} USD" in told


def test_another_token_comes_from_a_second_terminal(demo: Terminal) -> None:
    url = found(r"GraphQL\s+(http://\S+/graphql)", demo.until("out", "curl"))
    token = valor(demo.home, "token", "--role", "viewer").strip()
    assert post(url, token, {"query": "{ viewer { role } }"})["data"]["viewer"] == {
        "role": "VIEWER"
    }


def test_the_addresses_it_prints_answer(demo: Terminal) -> None:
    printed = demo.until("out", "curl")
    addresses = re.findall(
        r"(http://127\.0\.0\.1:\d+/(?:health|metrics|slo/status|system/metrics))\b", printed
    )
    assert len(addresses) == 4
    with http() as client:
        for address in addresses:
            assert client.get(address).status_code == 200
        page = client.get(
            found(r"GraphiQL\s+(\S+)#token=", printed), headers={"accept": "text/html"}
        )
    assert page.headers["content-type"].startswith("text/html")


def test_a_server_that_is_interrupted_ends_without_a_word(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--dev", "--port", "0") as terminal:
        told = json.loads(terminal.until("err", '"serving"').splitlines()[-1])
        with http() as client:
            in_time(client, f"http://{told['host']}:{told['port']}/health/live")
        assert terminal.interrupt() == 130
        assert "Traceback" not in terminal.printed["err"]
        assert terminal.printed["out"] == ""


def test_a_demo_that_is_interrupted_ends_without_a_word(tmp_path: Path) -> None:
    with running(tmp_path, "demo", "--port", "0") as terminal:
        terminal.until("out", "curl")
        assert terminal.interrupt() == 130
        assert terminal.printed["err"] == ""


def test_the_first_start_makes_a_model_and_no_other_start_does(tmp_path: Path) -> None:
    told = []
    for _ in range(2):
        with running(tmp_path, "demo", "--port", "0") as terminal:
            printed = terminal.until("out", "--as partner")
            told.append(found(r"valor join (\S+) --url http://127\.0\.0\.1:\d+ --as", printed))
            a_share = found(r"Value per share\s+([\d,.]+) USD", printed)
            assert terminal.interrupt() == 130
    assert told[0] == told[1]
    (line,) = valor(tmp_path, "models").splitlines()
    assert line.split("\t") == [told[0], "Apple Inc.", "DCF", "1", f"Worth {a_share} USD a share"]


def test_where_there_is_no_model_the_list_says_how_to_get_one(tmp_path: Path) -> None:
    assert valor(tmp_path, "models") == "There are no models. The demo makes one: valor demo\n"
