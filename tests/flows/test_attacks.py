"""A few hundred hostile requests, and somebody beside them who only wants an answer.

What the neighbour waits is printed, not judged: it depends on the machine. Judged is that nothing
is a fault of ours, that no answer tells what is behind the door, and that the door stands after.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from services.principal import Role
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.flows.attacks import VALUE, Attack, document, every
from tests.served import Served, http, in_time

# What no answer may tell. None of these words is in an attack.
LEAKS: Final = re.compile(
    r"Traceback|site-packages|\.py\b|line \d+, in|sqlite|sqlalchemy|aiosqlite|asyncpg|no such table"
    r"|INSERT INTO|SELECT .* FROM|valor\.db|development-key|PRIVATE KEY|eyJ[\w-]+\.|joserfc"
    r"|strawberry|Error\(|object at 0x"
)


@dataclass
class Neighbour:
    """Asks small things all the time, and notes how long each took."""

    server: Served
    waited_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @contextmanager
    def beside(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._ask, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _ask(self, stop: threading.Event) -> None:
        with self.server.caller(Role.VIEWER) as viewer:
            while not stop.wait(0.01):
                began = time.perf_counter()
                live = viewer.http.get("/health/live")
                small = viewer.post("{ viewer { role } }")
                self.waited_s.append(time.perf_counter() - began)
                if live.status_code != 200 or small.json().get("data") is None:
                    self.wrong.append(f"{live.status_code} {small.text[:200]}")


@pytest.fixture(scope="module")
def corpus(server: Served) -> dict[str, Attack]:
    return every(server)


def test_nothing_hostile_is_a_fault_of_ours_or_learns_what_is_behind(
    server: Served, corpus: dict[str, Attack], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(corpus) >= 300
    neighbour = Neighbour(server)
    with neighbour.beside(), ThreadPoolExecutor(4) as crowd:
        sent = {name: crowd.submit(attack, server) for name, attack in corpus.items()}
        answered = {name: future.result() for name, future in sent.items()}
    statuses = Counter(answer.status for answers in answered.values() for answer in answers)
    waits = sorted(neighbour.waited_s)
    middle, most = waits[len(waits) // 2] * 1e3, waits[-1] * 1e3
    with capsys.disabled():
        print(f"\n{len(corpus)} attacks were answered by {dict(sorted(statuses.items()))};")
        print(f"{len(waits)} requests beside them took {middle:.0f} ms, at the most {most:.0f} ms")
    faults = {
        name: each for name, answers in answered.items() for each in answers if each.status >= 500
    }
    assert faults == {}
    leaks = {
        name: found[0]
        for name, answers in answered.items()
        for answer in answers
        if (found := LEAKS.search(answer.body))
    }
    assert leaks == {}
    internal = [
        name for name, answers in answered.items() for each in answers if '"INTERNAL"' in each.body
    ]
    assert internal == []
    assert neighbour.wrong == []


def test_after_the_attacks_the_server_answers_as_ever(server: Served) -> None:
    with server.caller() as analyst:
        told = analyst.data(VALUE, {"input": firm()})["valueDcf"]
        assert told["valuePerShare"] == WORTH_A_SHARE
        health = in_time(analyst.http, "/health").json()
    assert health["state"] in ("PASS", "WARN")
    with http() as probe:
        in_time(probe, f"{server.origin}/health/ready")


def test_a_fault_of_ours_would_be_seen(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a resolver that raises is INTERNAL, masked, and on record under its id."""

    def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM valuation at /home/valor.db")

    monkeypatch.setattr(type(server.parts.watch), "slo_status", broken)
    (answer,) = document("{ sloStatus { name } }")(server)
    (error,) = json.loads(answer.body)["errors"]
    assert answer.status == 200
    assert error["extensions"]["code"] == "INTERNAL"
    assert re.fullmatch(r"[0-9a-f]{16}", error["extensions"]["requestId"])
    assert LEAKS.search(answer.body) is None
    assert "secret" not in answer.body
