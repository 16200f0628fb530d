"""The servers of a trial, each a process that can be killed, stopped and started again.

They keep their address and their files from one start to the next, as a machine's do. Where the
programs are `tests.servers` knows; what that starts itself cannot be killed and started again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from benchmarks.faults.custody import ROOT, Custody
from tests.servers import (
    HOST,
    PLACES,
    NoServer,
    Program,
    free_port,
    programs,
    without_root,
)

OWNER: Final = "valor_owner"
SERVING: Final = "valor_app"
WORKERS: Final = 2
START_DEADLINE_S: Final = 60.0


class Server:
    """A process at an address. Each start has a log of its own in its folder."""

    name: str
    look_every_s = 0.01  # while it starts

    def __init__(self, custody: Custody, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self._custody = custody
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"  # noqa: S101
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        return {}

    def _is_up(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            NoServer: with the end of its log.
        """
        self._starts += 1
        options = {"start_new_session": True, "cwd": ROOT, **self._options()}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, **options)
        self._custody.holds("group", str(self.pid))
        self._await()

    def _await(self) -> None:
        end = time.monotonic() + START_DEADLINE_S
        while not (self.runs and self._is_up()):
            if time.monotonic() > end or not self.runs:
                raise NoServer(f"{self.name} is not up: {self._last_words()}")
            time.sleep(self.look_every_s)

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}-{self._starts}.log"

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip()[-600:]

    def send(self, number: int) -> None:
        """A signal to the process itself, not to its children."""
        os.kill(self.pid, number)

    def ended(self, within_s: float = 20.0) -> None:
        """Wait for its end, and end what is left of its group.

        Raises:
            subprocess.TimeoutExpired: if it does not end.
        """
        assert self._process is not None  # noqa: S101
        self._process.wait(within_s)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._custody.lets_go("group", str(self.pid))
        self._process = None

    def kill(self) -> None:
        """End it without a word, if it runs."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self.ended()


class Redis(Server):
    """It writes what it knows to its folder, and reads that when it starts."""

    name = "redis"

    def __init__(self, custody: Custody, folder: Path) -> None:
        super().__init__(custody, folder)
        self._program = _program("redis")
        self.url = f"redis://{HOST}:{self.port}/0"

    def _command(self) -> list[str]:
        command = [self._program["redis-server"], "--bind", HOST, "--port", str(self.port)]
        return [*command, "--dir", str(self.folder), "--save", "", "--appendonly", "yes"]

    def _is_up(self) -> bool:
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def forget(self) -> None:
        """While it is down: leave nothing to read at the next start."""
        for file in self.folder.glob("appendonlydir/*"):
            file.unlink()


class Postgres(Server):
    """As durable as it comes. Only ``data`` is on the disk that may fill up: logs are elsewhere."""

    name = "postgres"
    SETTINGS: Final[Mapping[str, str]] = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "60",
        "shared_buffers": "32MB",
        "min_wal_size": "2MB",
        "max_wal_size": "32MB",
        "log_min_messages": "warning",
    }

    def __init__(self, custody: Custody, folder: Path, data: Path) -> None:
        super().__init__(custody, folder)
        self._program, self._as = without_root(_program("postgres"), folder)
        self._home = folder / "home"
        self._home.mkdir()
        self._data = data / "data"
        if self._as:
            for path in (self._home, data):
                os.chown(path, self._as["user"], self._as["group"])

    def url(self, role: str, database: str = "valor") -> str:
        """``valor`` is the superuser; who else there is, `create` makes."""
        return f"postgresql://{role}@{HOST}:{self.port}/{database}"

    def _options(self) -> dict[str, Any]:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self._home)}
        environment |= {"LC_ALL": "C", "TZ": "UTC"}
        return {**self._as, "cwd": self._home, "env": environment}

    def _command(self) -> list[str]:
        settings = {
            **self.SETTINGS,
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self._home),
        }
        command = [self._program["postgres"], "-D", str(self._data)]
        return [*command, *(word for pair in settings.items() for word in ("-c", "=".join(pair)))]

    def _is_up(self) -> bool:  # the eighth line of this file is the server's own word for its state
        with suppress(OSError):
            return (self._data / "postmaster.pid").read_text().split("\n")[7:8] == ["ready   "]
        return False

    def create(self) -> None:
        """Make its files, start it, and make the two roles and the database.

        Raises:
            NoServer: with what stood in the way, or when it is not durable.
        """
        made = subprocess.run(
            [
                *(self._program["initdb"], "-D", str(self._data), "-U", "valor", "-A", "trust"),
                *("-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions", "--wal-segsize=1"),
            ],
            capture_output=True,
            check=False,
            text=True,
            **self._options(),
        )
        if made.returncode:
            raise NoServer(made.stderr.strip()[-300:])
        self.start()
        asyncio.run(self._settle())

    async def _settle(self) -> None:
        connection = await asyncpg.connect(self.url("valor", "postgres"))
        try:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                if await connection.fetchval(f"SHOW {name}") != "on":
                    raise NoServer(f"PostgreSQL runs with {name} off: that proves nothing")
            for role in (OWNER, SERVING):
                await connection.execute(f"CREATE ROLE {role} LOGIN")
            await connection.execute(f"CREATE DATABASE valor OWNER {OWNER}")
        finally:
            await connection.close()

    def family(self) -> list[int]:
        """All its processes: each connection is served by one of its own."""
        head = psutil.Process(self.pid)
        return [head.pid, *(child.pid for child in head.children(recursive=True))]

    def stop_at_once(self) -> None:
        """What `pg_ctl stop -m immediate` does: it ends without a checkpoint, and must recover."""
        self.send(signal.SIGQUIT)
        self.ended()


class Valor(Server):
    """The server under test: a parent and its workers."""

    name = "valor"
    look_every_s = 0.1  # a look at all its processes takes a few milliseconds itself

    def __init__(self, custody: Custody, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(custody, folder)
        self.deaths = 0  # of workers, since it was last started
        self._environment = environment
        self.origin = f"http://{HOST}:{self.port}"
        self.socket = f"ws://{HOST}:{self.port}/graphql"

    def _options(self) -> dict[str, Any]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self._environment}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return {"env": environment}

    def _command(self) -> list[str]:
        words = ["serve", "--dev", "--port", str(self.port), "--workers", str(WORKERS)]
        return [sys.executable, "-c", "from api.terminals.cli import main; main()", *words]

    def _is_up(self) -> bool:
        ports = self.workers().values()
        return len(ports) == WORKERS and all(map(_is_ready, ports))

    def workers(self) -> dict[int, int]:
        """The workers: pid -> the port on which it alone listens, beside the one of all."""
        found = {}
        for child in psutil.Process(self.pid).children():
            with suppress(psutil.Error):
                held = child.net_connections("tcp")
                ports = {one.laddr.port for one in held if one.status == psutil.CONN_LISTEN}
                if self.port in ports and len(ports) > 1:
                    found[child.pid] = min(ports - {self.port})
        return found

    def computers(self) -> list[int]:
        """The processes that compute for the workers."""
        return [
            child.pid
            for worker in self.workers()
            for child in psutil.Process(worker).children(recursive=True)
        ]

    def await_workers(self) -> None:
        """Wait until as many answer as there shall be. Raises NoServer."""
        self._await()

    def kill(self) -> None:
        """All of it at once: a power cut, as far as processes go."""
        if not self.runs:
            return
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        super().kill()
        self.deaths = 0
        psutil.wait_procs(family, timeout=20)


def _is_ready(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _program(kind: str) -> Program:
    for program in programs(*PLACES[kind]):
        return program
    raise NoServer(f"there is no {kind} here: run `python3 dev.py test`, which installs one")
