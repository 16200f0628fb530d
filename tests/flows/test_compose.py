"""What docker compose does, done without Docker: its commands and its environment, on real servers.

The file itself is read, so that a role, a setting or a step that is wrong in it is wrong here.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import yaml

from tests.servers import PLACES, programs, running

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))[
    "services"
]
VALOR = [sys.executable, "-c", "from api.terminals.cli import main; main()"]


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the hosts and folders of the compose file are on this machine."""

    home: Path  # for /var/lib/valor
    postgres: str  # host:port
    redis: str  # host:port

    def environment(self, service: str) -> dict[str, str]:
        here = {
            r"\$\{\w+:-([^}]*)\}": r"\1",
            "@postgres/": f"@{self.postgres}/",
            "//redis:6379/": f"//{self.redis}/",
            "/var/lib/valor": str(self.home),
        }
        given: dict[str, str] = {"VALOR_HOME": "/var/lib/valor"}
        given |= SERVICES[service]["environment"]
        for pattern, replacement in here.items():
            given = {name: re.sub(pattern, replacement, value) for name, value in given.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VALOR_")}
        return kept | given | {"PYTHONPATH": str(ROOT)}

    def run(self, service: str, *command: str | Path) -> str:
        """The output of a command that ends well in a service's environment."""
        done = subprocess.run(
            command, env=self.environment(service), capture_output=True, text=True, cwd=self.home
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def machine(tmp_path: Path, redis_url: str) -> Iterator[Machine]:
    """A PostgreSQL of its own, since roles are a server's, with the roles of the deployment."""
    (tmp_path / "production-keys").mkdir()
    psql = shutil.which("psql", path=str(next(programs(*PLACES["postgres"])).folder))
    with running("postgres", durable=True) as server:
        base = server.url.rsplit("/", 1)[0]
        here = Machine(
            tmp_path, urlsplit(base).netloc.rsplit("@", 1)[-1], urlsplit(redis_url).netloc
        )
        asyncio.run(create_database(server.url))
        roles = ROOT / "deploy/postgres/roles.sql"
        for _ in range(2):  # it may be run again
            here.run("postgres", str(psql), "-qXd", f"{base}/valor", "-f", roles)
        yield here


async def create_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE DATABASE valor")
    finally:
        await connection.close()


def serving_port(server: subprocess.Popen[str]) -> int:
    """Where a server listens, once it does: it names its port a moment before it opens it."""
    assert server.stdout is not None
    said = (json.loads(line) for line in server.stdout if line.startswith("{"))
    port: int = next(event["port"] for event in said if event["event"] == "serving")
    deadline = time.monotonic() + 60.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except ConnectionRefusedError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def ask(port: int, token: str, query: str) -> Any:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    with closing(connection):
        connection.request("POST", "/graphql", json.dumps({"query": query}), headers)
        return json.load(connection.getresponse())


def test_compose_migrates_prepares_and_serves(machine: Machine) -> None:
    assert "Migrated" in machine.run("migrate", *VALOR, *SERVICES["migrate"]["command"])
    prepare = ROOT / "deploy/compose/prepare.py"
    machine.run("prepare", sys.executable, prepare)
    keys = {file.name: file.read_bytes() for file in (machine.home / "production-keys").iterdir()}
    assert len(keys) == 3
    machine.run("prepare", sys.executable, prepare)
    assert {
        file.name: file.read_bytes() for file in (machine.home / "production-keys").iterdir()
    } == keys
    token = machine.run("prepare", *VALOR, "token").strip()

    server = subprocess.Popen(
        [*VALOR, "serve", "--port", "0"],
        env=machine.environment("server"),
        cwd=machine.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with server:
        try:
            port = serving_port(server)
            answer = ask(port, token, "{ tenant { name } }")
            assert answer["data"] == {"tenant": {"name": "Demonstration"}}
        finally:
            server.terminate()
            server.communicate(timeout=60)
