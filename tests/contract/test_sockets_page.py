"""What `docs/sockets.md` shows is what the server says."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from api.transports.lasting import Limits
from observability.metrics import CLOSES
from tests.node import installed, node
from tests.pages import DOCS, EXAMPLES, blocks, table, text_of
from tests.served import NO_TLS, Served, served
from tests.sockets import talking

pytestmark = pytest.mark.anyio

PAGE: Final = DOCS / "sockets.md"
SOURCES: Final = Path(__file__).parent / "graphql_ws"
LIMITS: Final = Limits()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    documents = str(EXAMPLES / "trusted-documents.json")
    with served(tmp_path_factory.mktemp("page"), VALOR_TRUSTED_DOCUMENTS=documents) as server:
        yield server


def matches(told: Any, heard: Any) -> bool:
    """Whether it is the same; “…” stands for whatever comes."""
    if told == "…":
        return True
    if isinstance(told, dict) and isinstance(heard, dict):
        return told.keys() == heard.keys() and all(matches(told[key], heard[key]) for key in told)
    if isinstance(told, list) and isinstance(heard, list):
        return len(told) == len(heard) and all(map(matches, told, heard))
    return bool(told == heard)


@pytest.mark.parametrize("talk_shown", blocks(PAGE, "socket"))
async def test_every_talk_that_is_shown_takes_place(server: Served, talk_shown: str) -> None:
    # Where a talk begins after the introduction, it has taken place.
    introduced = "connection_init" in talk_shown
    async with talking(server.origin, None if introduced else server.token()) as talk:
        for line in talk_shown.strip().splitlines():
            direction, said = line.split(" ", 1)
            if direction == "→":
                await talk.send(said.replace("<token>", server.token()))
            elif said.startswith("close "):
                _, code, reason = said.split(" ", 2)
                assert await talk.ending() == (int(code), reason)
            else:
                heard = await talk.hear()
                assert matches(json.loads(said), heard), heard


def stripped(stream: str) -> str:
    """A stream without what is another one at each request."""
    told = re.sub(r'"remaining":[0-9]+', '"remaining":0', stream.strip())
    return re.sub(r'"resetAt":"[0-9T:.-]+Z"', '"resetAt":""', told)


@pytest.mark.parametrize("stream_shown", blocks(PAGE, "stream"))
def test_every_stream_that_is_shown_is_sent(server: Served, stream_shown: str) -> None:
    request, expected = stream_shown.split("\n\n", 1)
    response = httpx.post(
        server.graphql,
        content=request.removeprefix("POST "),
        headers={
            "authorization": f"Bearer {server.token()}",
            "accept": "text/event-stream",
            "content-type": "application/json",
        },
        timeout=60.0,
        verify=NO_TLS,
    )
    assert stripped(response.text) == stripped(expected)


def test_the_program_that_is_shown_runs(
    server: Served, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = ("package.json", "package-lock.json", "client.mjs")
    folder = installed(SOURCES, files, pytestconfig, tmp_path_factory)
    (program,) = blocks(PAGE, "js")
    host = server.origin.removeprefix("http://")
    program = program.replace("127.0.0.1:8000", host)
    program += f"\nfunction token() {{ return {server.token()!r}; }}\n"
    done = subprocess.run(
        [node(), "--input-type=module", "-"],
        cwd=folder,
        input=program,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert "role: 'ANALYST'" in done.stdout


def test_every_close_code_of_ours_is_told_and_counted() -> None:
    rows = table(PAGE, "code | why | does it come back")
    told = {row[0] for row in rows}
    assert told == CLOSES - {"1000", "1001", "1005", "1006", "silent", "behind"}


def test_limits_are_told_as_they_are() -> None:
    page = text_of(PAGE)
    told = {row[0]: row[1] for row in table(PAGE, "what | how much | then")}
    assert told["queries and mutations of one socket at a time"] == f"{LIMITS.operations}"
    assert told["subscriptions of one socket"] == f"{LIMITS.subscriptions}"
    assert told["connections of one tenant in one process"] == f"{LIMITS.clients_of_tenant:,}"
    of_process = told["connections of one process"]
    assert of_process.startswith(f"{LIMITS.clients:,}, of which {LIMITS.strangers:,} ")
    for limit, words in {
        LIMITS.init_within_s: "no `connection_init` within {:g} s",
        LIMITS.ping_every_s: '`{{"type":"ping"}}` each {:g} s',
        LIMITS.silent_s: "silent for {:g} s",
        LIMITS.behind_s: "64 kB unread for {:g} s",
    }.items():
        assert words.format(limit) in page
