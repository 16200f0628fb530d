"""Whom the attacks are aimed at: a server that runs, its two tenants, and their tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from joserfc.jwk import OKPKey

from api.keys import read_signing_key
from api.settings import Settings
from services.authentication import Issuer
from services.principal import Role
from store.directory import SYSTEM
from tests.served import MEMBERS, OURS, THEIRS, prepare
from tests.terminals import Terminal, running

TENANTS: Final = {"ours": OURS, "theirs": THEIRS}


@dataclass(frozen=True, slots=True)
class World:
    """A server in a process of its own."""

    origin: str  # http://127.0.0.1:PORT
    issuer: Issuer
    terminal: Terminal | None = None  # the server's; None: it runs elsewhere
    found: dict[str, str] = field(default_factory=dict)  # what was made there: name -> id

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.origin.removeprefix("http://").split(":")
        return host, int(port)

    @property
    def key(self) -> OKPKey:
        """The server's own private key: so that even a well-signed token can be wrong."""
        return self.issuer.key

    def token(self, who: str = "analyst", lifetime: timedelta = timedelta(hours=1)) -> str:
        """Of ``analyst``, ``owner`` … of the tenant that attacks; ``theirs-owner`` of the other."""
        tenant, _, role = who.rpartition("-")
        named = Role(role.upper())
        if named is Role.OPERATOR:
            return self.issuer.issue(SYSTEM, MEMBERS[named], named, lifetime)
        return self.issuer.issue(TENANTS[tenant or "ours"], MEMBERS[named], named, lifetime)


@contextmanager
def standing(home: Path, **environment: str) -> Iterator[World]:
    """`valor serve --dev` over a new database, until the block ends."""
    given = {"VALOR_TRACE_SAMPLE": "0", **environment}
    settings = Settings.read({"VALOR_HOME": str(home), **given}, dev=True)
    asyncio.run(prepare(settings))
    with running(home, "serve", "--dev", "--port", "0", **given) as terminal:
        told = terminal.event("serving")
        origin = f"http://{told['host']}:{told['port']}"
        key = read_signing_key(settings.keys)
        yield World(origin, Issuer(settings.issuer, key), terminal)
        if terminal.process.poll() is None:
            terminal.end()
