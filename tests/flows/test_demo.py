"""What a newcomer sees: one command, Apple's value, and a server that gives the same number."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import pytest

from tests.served import http

ROOT: Final = Path(__file__).parents[2]
VALOR: Final = [sys.executable, "-c", "from api.cli import main; main()"]
DEADLINE_S: Final = 60.0


@dataclass
class Terminal:
    """A command that runs, and what it has printed so far."""

    process: subprocess.Popen[str]
    home: Path
    printed: dict[str, str] = field(default_factory=lambda: {"out": "", "err": ""})
    heard: threading.Condition = field(default_factory=threading.Condition)

    def listen(self, name: str, stream: IO[str]) -> None:
        for line in stream:
            with self.heard:
                self.printed[name] += line
                self.heard.notify_all()
        with self.heard:
            self.heard.notify_all()

    def until(self, name: str, words: str) -> str:
        """What was printed, once it holds the words."""
        with self.heard:
            said = self.heard.wait_for(
                lambda: words in self.printed[name] or self.process.poll() is not None, DEADLINE_S
            )
            assert said, self.printed
        assert words in self.printed[name], self.printed
        return self.printed[name]

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)


def environment(home: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VALOR_")}
    return {**clean, "VALOR_HOME": str(home), "PYTHONUNBUFFERED": "1"}


@contextmanager
def running(home: Path, *words: str) -> Iterator[Terminal]:
    process = subprocess.Popen(
        [*VALOR, *words],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    terminal = Terminal(process, home)
    streams = {"out": process.stdout, "err": process.stderr}
    listeners = [
        threading.Thread(target=terminal.listen, args=(name, stream), daemon=True)
        for name, stream in streams.items()
        if stream is not None
    ]
    for listener in listeners:
        listener.start()
    try:
        yield terminal
    finally:
        process.kill()
        process.wait(DEADLINE_S)
        for listener in listeners:
            listener.join(DEADLINE_S)
        for stream in streams.values():
            if stream is not None:
                stream.close()


def valor(home: Path, *words: str) -> str:
    """A command in a second terminal."""
    done = subprocess.run(
        [*VALOR, *words],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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
            ready = client.get(f"http://{told['host']}:{told['port']}/health/live")
        assert ready.status_code == 200
        assert terminal.interrupt() in (0, 130, -signal.SIGINT)
        assert "Traceback" not in terminal.printed["err"]
        assert terminal.printed["out"] == ""


def test_a_demo_that_is_interrupted_ends_without_a_word(tmp_path: Path) -> None:
    with running(tmp_path, "demo", "--port", "0") as terminal:
        terminal.until("out", "curl")
        assert terminal.interrupt() in (0, 130, -signal.SIGINT)
        assert terminal.printed["err"] == ""
