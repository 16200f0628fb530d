"""The whole application on a real socket, with its parts in reach and a token for every role."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx

from api.keys import make_development_keys
from api.parts import Parts
from api.processes.server import listen, server_of
from api.settings import Settings
from api.transports.lasting import Limits
from api.transports.sockets import Socket
from api.wiring import build
from observability.logs import Logs
from services.authentication import Issuer
from services.principal import Role
from store.database import Database
from store.directory import SYSTEM, Directory
from store.migrate import migrate
from store.tenants import MemberRecord, TenantRecord, Tenants
from tests.admitted import LIFTED

OURS: Final = UUID("01900000-0000-7000-8000-00000000000a")
THEIRS: Final = UUID("01900000-0000-7000-8000-00000000000b")
# Made once: a client that reads the machine's certificates takes longer than what it asks.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
MEMBERS: Final = {role: UUID(int=number) for number, role in enumerate(Role, start=1)}
_MIGRATED: Final[list[bytes]] = []  # a database that nobody has written to
_SHORT: Final = timedelta(minutes=10)
# A machine may stand still for seconds between two words of a client: who is to be too late in a
# test is made so by `Served.age`.
LATE_S: Final = 600.0
PATIENT: Final = Limits(
    init_within_s=LATE_S, silent_s=LATE_S, behind_s=LATE_S, frames_per_s=1e6, frames_at_once=10**6
)


def http(**options: Any) -> httpx.Client:
    """A client for this machine."""
    return httpx.Client(verify=NO_TLS, timeout=60.0, **options)


def gauge(origin: str, name: str) -> int:
    """What a server's metrics say now under a name without labels."""
    with http() as client:
        metrics = client.get(f"{origin}/metrics").text
    (line,) = (each for each in metrics.splitlines() if each.startswith(f"{name} "))
    return int(float(line.split()[1]))


def in_time(client: httpx.Client, path: str) -> httpx.Response:
    """A probe's answer: on a busy machine a check may miss its deadline, but not for ever."""
    end = time.monotonic() + 60.0
    while (response := client.get(path)).status_code != 200:
        assert time.monotonic() < end, response.text
        time.sleep(0.01)
    return response


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers, until its block ends."""

    origin: str  # http://127.0.0.1:PORT
    parts: Parts
    issuer: Issuer

    @property
    def graphql(self) -> str:
        return f"{self.origin}/graphql"

    def token(self, role: Role = Role.ANALYST, tenant_id: UUID = OURS) -> str:
        """Of a member with that role; an operator is the system's, whatever tenant is named."""
        home = SYSTEM if role is Role.OPERATOR else tenant_id
        return self.issuer.issue(home, MEMBERS[role], role, timedelta(hours=1))

    def short_token(self) -> str:
        """Of an analyst, and at its end once `later` was said."""
        return self.issuer.issue(OURS, MEMBERS[Role.ANALYST], Role.ANALYST, _SHORT)

    def later(self) -> None:
        """Those connected see so much time pass that a short token of theirs has ended.

        A token that really ends in a second may have ended before a slow machine reads it.
        """
        for client in self.parts.lasting:
            if (session := client.session) is not None:
                ends = session.principal.expires_at - _SHORT
                session.principal = replace(session.principal, expires_at=ends)

    def age(self, seconds: float) -> None:
        """All sockets have been strangers, silent or behind for so much longer."""
        for client in self.parts.lasting:
            if isinstance(client, Socket):
                client._began_s -= seconds
                client._heard_s -= seconds
                if client._stuck_s is not None:
                    client._stuck_s -= seconds

    @contextmanager
    def caller(self, role: Role = Role.ANALYST, tenant_id: UUID = OURS) -> Iterator[Caller]:
        headers = {"authorization": f"Bearer {self.token(role, tenant_id)}"}
        with http(base_url=self.origin, headers=headers) as client:
            yield Caller(client)

    @contextmanager
    def operator(self) -> Iterator[Caller]:
        with self.caller(Role.OPERATOR) as caller:
            yield caller


@dataclass(frozen=True, slots=True)
class Caller:
    """A member with a token and a connection that stays open."""

    http: httpx.Client

    def post(self, query: str, variables: dict[str, Any] | None = None) -> httpx.Response:
        return self.http.post("/graphql", json={"query": query, "variables": variables})

    def ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole answer, whatever its status."""
        answer: dict[str, Any] = self.post(query, variables).json()
        return answer

    def data(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's data; there must be no errors."""
        answer = self.ask(query, variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def served(
    home: Path,
    *,
    logs: Logs | None = None,
    limits: Limits = PATIENT,
    terms: str = LIFTED,
    **environment: str,
) -> Iterator[Served]:
    """Serve a database with two tenants, as `valor serve --dev` would, from a thread.

    ``terms``: the tenants' settings. They may ask as often as they like, unless a test says less.

    Its event loop is late by the time of this process' processors: what blocks the loop spends it,
    and a machine that stands still does not.
    """
    settings = Settings.read(
        {"VALOR_HOME": str(home), "VALOR_TRACE_SAMPLE": "0", **environment}, dev=True
    )
    asyncio.run(prepare(settings, terms))
    keyring = make_development_keys(settings.keys)
    parts = build(settings, keyring, logs or Logs("CRITICAL"), limits)
    parts.watch.beat._clock = time.process_time
    listener = listen("127.0.0.1", 0)
    server = server_of(parts)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield Served(
            f"http://127.0.0.1:{listener.getsockname()[1]}",
            parts,
            Issuer(settings.issuer, keyring.signing()),
        )
    finally:
        server.should_exit = True
        thread.join(timeout=60)
        listener.close()
        assert not thread.is_alive(), "the server did not stop within a minute"


async def _migrate(settings: Settings) -> None:
    """A file of SQLite's is migrated once in a process, and then copied."""
    file = settings.home / "valor.db"
    if settings.database_owner_url != f"sqlite:///{file}" or file.exists():
        await migrate(settings.database_owner_url)
        return
    if not _MIGRATED:
        await migrate(settings.database_owner_url)
        _MIGRATED.append(file.read_bytes())
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)  # as the product makes it
        file.write_bytes(_MIGRATED[0])


async def prepare(settings: Settings, terms: str = LIFTED) -> None:
    """Migrate, and see to two tenants with a member for every role, and to an operator."""
    await _migrate(settings)
    database = Database.open(settings.database_url)
    try:
        directory = Directory(database)
        await directory.ready()
        operator = MemberRecord(
            id=MEMBERS[Role.OPERATOR], subject="operator", name="Operator", role=Role.OPERATOR
        )
        await Tenants(database).join(SYSTEM, operator)
        for tenant_id, slug in ((OURS, "ours"), (THEIRS, "theirs")):
            tenant = TenantRecord(
                tenant_id=tenant_id,
                slug=slug,
                name=slug.title(),
                plan="PRO",
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
                settings=terms,
            )
            members = [
                MemberRecord(id=id_, subject=f"{role.lower()}@{slug}", name=role.title(), role=role)
                for role, id_ in MEMBERS.items()
                if role is not Role.OPERATOR
            ]
            await Tenants(database).ensure(tenant, members)
            await directory.put("SLUG", slug, tenant_id)
    finally:
        await database.close()
