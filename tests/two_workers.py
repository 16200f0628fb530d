"""Two server processes on one socket, with a real Redis: `valor serve --dev --workers 2`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from api.keys import read_signing_key
from api.settings import Settings
from services.authentication import Issuer
from services.principal import Role
from tests.served import MEMBERS, OURS, Caller, http, prepare
from tests.terminals import Terminal, running


@dataclass(frozen=True, slots=True)
class TwoWorkers:
    """Both serve the tenants of `tests.served` and the demo's, and honour the same tokens."""

    origin: str  # http://127.0.0.1:PORT, of the shared socket: either of them answers
    workers: tuple[str, str]  # origins at which the first, and the second, answers alone
    issuer: Issuer
    settings: Settings
    terminal: Terminal  # the supervisor

    def token(self, role: Role = Role.ANALYST, tenant_id: UUID = OURS) -> str:
        return self.issuer.issue(tenant_id, MEMBERS[role], role, timedelta(hours=1))

    @contextmanager
    def caller(
        self, worker: int, role: Role = Role.ANALYST, tenant_id: UUID = OURS
    ) -> Iterator[Caller]:
        """Somebody who asks one worker, 0 or 1, over a connection that stays open."""
        headers = {"authorization": f"Bearer {self.token(role, tenant_id)}"}
        with http(base_url=self.workers[worker], headers=headers) as client:
            yield Caller(client)

    def pid(self, worker: int) -> int:
        """The process in a worker's place now."""
        with http(base_url=self.workers[worker]) as client:
            pid: int = client.get("/system/metrics").json()["process"]["pid"]
            return pid


@contextmanager
def serving_two(home: Path, redis_url: str, **environment: str) -> Iterator[TwoWorkers]:
    """Two workers until the block ends; a Redis, or a database, of the caller's choice."""
    given = {"VALOR_REDIS_URL": redis_url, "VALOR_TRACE_SAMPLE": "0", **environment}
    settings = Settings.read({"VALOR_HOME": str(home), **given}, dev=True)
    asyncio.run(prepare(settings))
    with running(home, "serve", "--dev", "--port", "0", "--workers", "2", **given) as terminal:
        told = terminal.event("all workers serve")
        first, second = (f"http://{address}" for address in told["scrape"])
        yield TwoWorkers(
            origin=f"http://{told['host']}:{told['port']}",
            workers=(first, second),
            issuer=Issuer(settings.issuer, read_signing_key(settings.keys)),
            settings=settings,
            terminal=terminal,
        )
        if terminal.process.poll() is None:
            terminal.end()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[TwoWorkers]:
    """For tests that leave both alive. Import it: `from tests.two_workers import two_workers`."""
    with serving_two(tmp_path_factory.mktemp("two"), redis_url) as both:
        yield both
