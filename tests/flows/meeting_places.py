"""Where two clients meet in a room: one server that keeps it in memory, or two workers over Redis.

All of it as it is served: `valor serve --dev` in processes of its own, which are stopped, killed
and started again. Addresses are like http://127.0.0.1:PORT.
"""

from __future__ import annotations

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from api.keys import read_signing_key
from api.settings import Settings
from services.authentication import Issuer
from services.principal import Role
from tests.flows.wire import Wire
from tests.mirror.store.conftest import OWNER, SERVING, administer, role_url
from tests.served import MEMBERS, OURS, gauge, prepare
from tests.sockets import until
from tests.terminals import Terminal, running
from tests.two_workers import TwoWorkers, serving_two

HOUR: Final = timedelta(hours=1)


class MeetingPlace(ABC):
    """Servers of our tenant. Who connects to `shared` is cut off there, and comes back there."""

    origins: tuple[str, str]  # of two clients: of different workers, where there are two
    shared: str

    @abstractmethod
    async def beside(self) -> str:
        """Where else to connect, while somebody is at `shared` and nobody anywhere else."""

    @abstractmethod
    def cut(self) -> None:
        """Break that somebody's connection, without a word."""

    @abstractmethod
    def stop(self) -> None:
        """Tell the process that serves them to stop in order; another takes its place."""

    @abstractmethod
    async def whole(self) -> None:
        """Until everything serves again."""

    @abstractmethod
    def token(self, role: Role, lifetime: timedelta = HOUR) -> str:
        """Of a member of ours, good at whoever serves now."""


class OneServer(MeetingPlace):
    """One process, with rooms in its memory; a wire leads to it, which can be cut."""

    def __init__(self, home: Path, terminals: ExitStack, **given: str) -> None:
        self._home, self._terminals, self._given = home, terminals, given
        self._settings = Settings.read({"VALOR_HOME": str(home), **given}, dev=True)
        asyncio.run(prepare(self._settings))
        self._terminal = self._started(0)
        self._port: int = self._terminal.event("serving")["port"]
        self._wire = terminals.enter_context(Wire("127.0.0.1", self._port))
        origin = f"http://127.0.0.1:{self._port}"
        self.origins = (origin, origin)
        self.shared = f"http://127.0.0.1:{self._wire.port}"

    async def beside(self) -> str:
        return self.origins[1]

    def cut(self) -> None:
        self._wire.cut()
        self._wire.mend()

    def stop(self) -> None:
        assert self._terminal.end(signal.SIGTERM) == 0
        self._terminal = self._started(self._port)

    async def whole(self) -> None:
        await asyncio.to_thread(self._terminal.event, "serving")

    def token(self, role: Role, lifetime: timedelta = HOUR) -> str:
        # Each start makes a new key.
        issuer = Issuer(self._settings.issuer, read_signing_key(self._settings.keys))
        return issuer.issue(OURS, MEMBERS[role], role, lifetime)

    def _started(self, port: int) -> Terminal:
        words = ("serve", "--dev", "--port", str(port))
        return self._terminals.enter_context(running(self._home, *words, **self._given))


class TwoServers(MeetingPlace):
    """Two workers on one socket."""

    def __init__(self, both: TwoWorkers) -> None:
        self._both = both
        self._worker = 0  # who serves somebody at `shared`
        self._gone: set[int] = set()  # process ids
        self.origins, self.shared = both.workers, both.origin

    async def beside(self) -> str:
        await until(lambda: sorted(map(sockets, self.origins)) == [0, 1])
        self._worker = [sockets(origin) for origin in self.origins].index(1)
        return self.origins[1 - self._worker]

    def cut(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    async def whole(self) -> None:
        for worker in (0, 1):  # who asks there waits in line until it is back
            await until(lambda worker=worker: self._both.pid(worker) not in self._gone)  # type: ignore[misc] # a lambda

    def token(self, role: Role, lifetime: timedelta = HOUR) -> str:
        return self._both.issuer.issue(OURS, MEMBERS[role], role, lifetime)

    def _end(self, how: signal.Signals) -> None:
        pid = self._both.pid(self._worker)
        self._gone.add(pid)
        os.kill(pid, how)


def sockets(origin: str) -> int:
    """How many are open at a server."""
    return gauge(origin, "valor_sockets_open")


@contextmanager
def one_server(home: Path, **given: str) -> Iterator[MeetingPlace]:
    """On SQLite, and without Redis."""
    with ExitStack() as terminals:
        yield OneServer(home, terminals, **given)


@contextmanager
def two_servers(home: Path, redis_url: str, **given: str) -> Iterator[MeetingPlace]:
    with serving_two(home, redis_url, **given) as both:
        yield TwoServers(both)


@contextmanager
def on_postgresql(url: str) -> Iterator[dict[str, str]]:
    """Settings for a new database: served by the application's role, migrated by the owner's."""
    name = f"meeting_{os.getpid()}"
    asyncio.run(administer(url, f"CREATE DATABASE {name} OWNER {OWNER}"))
    try:
        yield {
            "VALOR_DATABASE_URL": role_url(url, SERVING, name),
            "VALOR_DATABASE_OWNER_URL": role_url(url, OWNER, name),
        }
    finally:
        asyncio.run(administer(url, f"DROP DATABASE {name} WITH (FORCE)"))
