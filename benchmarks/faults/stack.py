"""One database, one Redis and one server with two workers: what a trial is done to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from api.keys import read_signing_key
from benchmarks.faults.custody import Custody
from benchmarks.faults.disk import Disk, NotPossible, SizeLimit, SmallDisk
from benchmarks.faults.records import PostgresRecords, Records, SqliteRecords
from benchmarks.faults.sabotage import sabotaged
from benchmarks.faults.servers import OWNER, SERVING, Postgres, Redis, Valor
from benchmarks.faults.tenants import CANARY, OURS, Tenant
from services.authentication import Issuer
from services.principal import Role
from store.database import Database
from store.tenants import Tenants
from tests.outward import LOOPBACK, Certificates

DATABASES: Final = ("sqlite", "postgres")
# The server waits 1 s before it starts a dead worker again, then 2 s, 4 s …: after so many deaths
# it is started anew itself, so that twenty trials do not spend their time waiting.
DEATHS_AT_MOST: Final = 3
ISSUER: Final = "valor-ivx-development"


class Stack:
    """Servers that belong together, in a folder of their own."""

    def __init__(
        self,
        database: str,
        custody: Custody,
        folder: Path,
        *,
        small_disk: bool = False,
        sabotage: str | None = None,
    ) -> None:
        """``small_disk``: the database lies where a disk can be full."""
        self.database = database
        self.sabotaged = sabotage is not None
        home = folder / "home"
        self._keys = home / "keys"
        data = folder / "data"
        self.disk: Disk | None = None
        if small_disk:
            try:
                self.disk = SmallDisk(custody, data)
            except NotPossible:
                self.disk = SizeLimit(self._writers, self._no_room)
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        self.file = data / "valor.db"  # of SQLite
        self.redis = Redis(custody, folder / "redis")
        self.postgres: Postgres | None = None
        self.records: Records
        if database == "postgres":
            self.postgres = Postgres(custody, folder / "postgres", data)
            self.url = self.postgres.url(SERVING)
            owner = self.postgres.url(OWNER)
            self.records = PostgresRecords(self.postgres.url("valor"))
        else:
            self.url = owner = f"sqlite:///{data / 'valor.db'}"
            self.records = SqliteRecords(data / "valor.db")
        (folder / "certificates").mkdir()
        self.certificates = Certificates.make(folder / "certificates")
        environment = {
            "VALOR_OUTWARD_PRIVATE": str(LOOPBACK),
            "VALOR_OUTWARD_CA_FILE": str(self.certificates.ca_file),
            "VALOR_HOME": str(home),
            "VALOR_DATABASE_URL": self.url,
            "VALOR_DATABASE_OWNER_URL": owner,
            "VALOR_REDIS_URL": self.redis.url,
            "VALOR_LOG_LEVEL": "WARNING",
            "VALOR_TRACE_SAMPLE": "0",
            **sabotaged(sabotage),
        }
        self.valor = Valor(custody, folder / "valor", environment)

    def token(self, tenant: Tenant, member: int) -> str:
        """One that is good for an hour, or until the server starts anew with another key.

        Raises:
            KeyUnusable: while it makes that.
        """
        issuer = Issuer(ISSUER, read_signing_key(self._keys))
        member_id = tenant.member_id(member)
        return issuer.issue(tenant.tenant_id, member_id, Role.OWNER, timedelta(hours=1))

    def key_of(self) -> str:
        """Tells one key of the server from the next; nothing while there is none."""
        return max((file.name for file in self._keys.glob("*.sign.pem")), default="")

    async def start(self) -> None:
        """Start everything, and see to the two tenants.

        Raises:
            NoServer.
        """
        if self.postgres:
            await asyncio.to_thread(self.postgres.create)
        await asyncio.to_thread(self.redis.start)
        await asyncio.to_thread(self.valor.start)
        database = Database.open(self.url)
        try:
            for tenant in (OURS, CANARY):
                await Tenants(database).ensure(*tenant.records())
        finally:
            await database.close()

    async def ready(self) -> None:
        """Wait until it is as it was before a fault.

        Raises:
            NoServer: if it does not get there.
        """
        if self.valor.deaths >= DEATHS_AT_MOST:
            await self.restart_the_server()
        await asyncio.to_thread(self.valor.await_workers)

    async def restart_the_server(self) -> None:
        """Kill all its processes at once, and start it as new."""
        await asyncio.to_thread(self.valor.kill)
        await asyncio.to_thread(self.valor.start)

    def end(self) -> None:
        """End every process."""
        self.valor.kill()
        self.redis.kill()
        if self.postgres:
            self.postgres.kill()

    def _writers(self) -> list[int]:
        """The processes that write to the database's files."""
        return self.postgres.family() if self.postgres else list(self.valor.workers())

    def _no_room(self) -> int:
        """The bytes of a file beyond which the next write would go, or soon one would."""
        if self.postgres:
            return 65_536  # of PostgreSQL's own log, whose parts are larger from the start
        return (self._data / "valor.db-wal").stat().st_size


@asynccontextmanager
async def standing(stack: Stack, starting: asyncio.Semaphore) -> AsyncIterator[Stack]:
    """The stack for the time of a with block. ``starting``: so many start at a time. All at once
    they would take longer than each may."""
    try:
        async with starting:
            await stack.start()
        yield stack
    finally:
        await asyncio.to_thread(stack.end)
