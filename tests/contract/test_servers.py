"""The servers of the tests: there when they are asked for, and gone afterwards in every case."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests import servers
from tests.servers import NoServer, running

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from tests.servers import running
with running("redis") as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def listens(url: str) -> bool:
    place = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((place.hostname, place.port)) == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_server_behind(how: signal.Signals) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with run:
        assert run.stdout is not None
        url = run.stdout.readline().strip()
        assert listens(url)
        run.send_signal(how)
    deadline = time.monotonic() + 60.0
    while listens(url) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not listens(url)


@pytest.mark.anyio
async def test_a_durable_postgresql_writes_before_it_acknowledges() -> None:
    with running("postgres", durable=True) as server:
        connection = await asyncpg.connect(server.url)
        try:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert await connection.fetchval(f"SHOW {setting}") == "on"
        finally:
            await connection.close()


def test_where_no_server_can_be_had_the_way_to_one_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(servers.PLACES, "redis", ("no-such-server", "no_such_package", ".", "bin"))
    with pytest.raises(NoServer, match=r"dev\.py test(.|\n)*VALOR_TEST_REDIS_URL"):
        servers.keep("redis", durable=False)
