"""The server as it is served, on a real socket, for tests that go in at the door."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import uvicorn
from starlette.types import ASGIApp

from api.app import create_app
from api.keys import make_development_keys
from api.settings import Settings
from api.transports.lines import Line
from api.wiring import build
from services.authentication import Issuer
from services.principal import Role
from store.database import Database
from store.migrate import migrate
from store.tenants import MemberRecord, TenantRecord, Tenants
from tests.admitted import LIFTED

TENANT = TenantRecord(
    tenant_id=UUID(int=1),
    slug="orchard",
    name="Orchard Partners",
    plan="ENTERPRISE",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    settings=LIFTED,
)
ANALYST = MemberRecord(id=UUID(int=2), subject="ada", name="Ada", role=Role.ANALYST.value)


@dataclass(frozen=True, slots=True)
class LiveServer:
    """Where it listens, and a bearer token that it honours."""

    origin: str  # http://127.0.0.1:PORT
    token: str

    @property
    def graphql(self) -> str:
        return f"{self.origin}/graphql"


@contextmanager
def serving(app: ASGIApp, token: str) -> Iterator[LiveServer]:
    """Serve ``app`` from a thread on a free port until the block ends."""
    # Bound and listening before the thread starts: an early client waits in the backlog, not we.
    listener = socket.create_server(("127.0.0.1", 0))
    # The interface is named, since uvicorn cannot see it in an object whose call is no coroutine
    # function; with lifespan "auto" a start that fails would pass for an app without one.
    config = uvicorn.Config(
        app, interface="asgi3", lifespan="on", log_config=None, ws=Line, ws_ping_interval=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield LiveServer(f"http://127.0.0.1:{listener.getsockname()[1]}", token)
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listener.close()
        assert not thread.is_alive(), "the server did not stop within a minute"


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    app, token = build_app(tmp_path_factory.mktemp("valor"))
    with serving(app, token) as server:
        yield server


def build_app(home: Path) -> tuple[ASGIApp, str]:
    """The application over a new SQLite file in ``home``, and an analyst's token for an hour."""
    settings = Settings.read({"VALOR_HOME": str(home), "VALOR_LOG_LEVEL": "ERROR"}, dev=True)
    asyncio.run(_fill(settings))
    keyring = make_development_keys(settings.keys)
    issuer = Issuer(settings.issuer, keyring.signing())
    token = issuer.issue(TENANT.tenant_id, ANALYST.id, Role.ANALYST, timedelta(hours=1))
    return create_app(build(settings, keyring)), token


async def _fill(settings: Settings) -> None:
    await migrate(settings.database_owner_url)
    database = Database.open(settings.database_url)
    try:
        await Tenants(database).ensure(TENANT, [ANALYST])
    finally:
        await database.close()
