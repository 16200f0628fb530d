"""`docs/running.md` is true: its commands run, and its limits are those of the code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from api.processes import server
from api.settings import Settings
from api.transports import connections, lasting, overload, protocol
from api.wiring import OF_A_REQUEST
from collab import connection
from services import compute, workers
from store.database import Bounds
from tests.pages import DOCS, blocks, table, text_of
from tests.servers import free_port
from tests.terminals import environment, running

PAGE: Final = DOCS / "running.md"
LIMITS: Final = dict(row[:2] for row in table(PAGE, "what | how long | then"))


def ran(home: Path, script: str, **given: str) -> str:
    """What a script prints that ends well, with `valor` of this environment on its path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=home,
        env=environment(home, {"PATH": path, **given}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_are_started_asked_and_stopped_as_the_page_says(
    tmp_path: Path, redis_url: str
) -> None:
    script, port = blocks(PAGE, "sh")[0], free_port()
    assert script.count(":8000") == 1
    script = script.replace(":8000", f":{port}").replace("serve", f"serve --port {port}")
    printed = ran(tmp_path, script, VALOR_REDIS_URL=redis_url)
    targets, ready = map(json.loads, printed.splitlines())
    assert len(targets[0]["targets"]) == 2
    assert ready["draining"] is False


@pytest.mark.parametrize(
    ("what", "seconds"),
    [
        ("the head of a request, from its first byte", connections.HEAD_WITHIN_S),
        ("the body of a request", protocol.BODY_WITHIN_S),
        ("a connection without a request", connections.QUIET_S),
        ("a caller who does not read the answer", connections.READ_WITHIN_S),
        ("a free connection to the database", Bounds().pool_wait_s),
        ("a lock in the database", Bounds().lock_wait_s),
        ("one statement in the database", Bounds().statement_s),
        ("a new connection to the database", Bounds().connect_s),
        ("an answer of Redis", connection.TIMEOUT_S),
        ("`connection_init` on a socket", lasting.Limits().init_within_s),
        ("a sign of life on a socket", lasting.Limits().silent_s),
        ("a socket that does not read 64 kB", lasting.Limits().behind_s),
    ],
)
def test_a_limit_is_what_the_table_says(what: str, seconds: float) -> None:
    assert LIMITS[what] == f"{seconds:g} s"


def test_counts_and_steps_are_what_the_page_says() -> None:
    said = " ".join(text_of(PAGE).split())
    assert f"a request while {overload.UNDER_WAY:,} others have no answer yet" in LIMITS
    assert f"a grid or a tornado while {compute.QUEUE} others wait for the engine" in LIMITS
    assert f"a simulation while {workers.QUEUE} others wait for their worker" in LIMITS
    whole = Settings.read({}, dev=True).deadline_s
    within = f"{whole * OF_A_REQUEST:g} s, two thirds of `VALOR_DEADLINE_S`"
    assert LIMITS["a simulation that is no run"] == within
    assert f"one after the other, within {server.SOCKETS_WITHIN_S:g} s" in said
    assert f"Requests that are under way end, within {server.REQUESTS_WITHIN_S:g} s" in said


def test_a_script_in_a_room_is_heard(tmp_path: Path) -> None:
    with running(tmp_path, "demo", "--port", "0") as demo:
        url = demo.until("out", "--as partner").split("GraphQL    ")[1].split("/graphql")[0]
        script = blocks(PAGE, "sh")[1]
        assert script.count('valor join "$ID"') == 1
        printed = ran(tmp_path, script.replace('join "$ID"', f'join "$ID" --url {url}'))
    assert "Apple Inc." in printed
    assert "2.4 %" in printed
    assert "(revision 2)" in printed
