"""`valor serve`: one server process, on a database that is ready for it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket
from typing import Any

from api.embedded import prepare
from api.keys import make_development_keys, open_keyring
from api.parts import Parts
from api.processes.server import Server, server_of
from api.settings import Settings
from api.wiring import build
from engine.errors import Refused
from observability.logs import Logs
from services.signing import Keyring
from services.workers import WorkerDied
from store.errors import DangerousRole


class NotReady(Exception):
    """Why the server does not start, and the command that mends it."""


def keys_of(settings: Settings) -> Keyring:
    """The keys that sign and prove tokens: in development a new one, else those of the directory.

    Raises:
        KeyUnusable.
    """
    if settings.dev:
        return make_development_keys(settings.keys)
    return open_keyring(settings.keys)


async def run(
    settings: Settings,
    sockets: Sequence[socket],
    keyring: Keyring,
    logs: Logs,
    up: Callable[[Server], None] = lambda _: None,
    **said: Any,
) -> int:
    """Serve on all the sockets until told to stop; the process' exit code.

    ``up`` is called when requests are answered; ``said`` is logged then, beside the address.

    Raises:
        NotReady, DatabaseAway.
    """
    more_files()
    parts = build(settings, keyring, logs)
    try:
        await _check(settings, parts)
        if settings.cluster is not None:
            logs.get("api").info("cluster", **await _look_at_cluster(parts))
    except BaseException:
        await parts.close()
        raise
    server = server_of(parts)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=list(sockets)))
        await server.up.wait()
        host, port = sockets[0].getsockname()[:2]
        logs.get("api").info("serving", host=host, port=port, dev=settings.dev, **said)
        up(server)
    if parts.stopping.overdue:
        leave(server.exit_code)
    return server.exit_code


async def _check(settings: Settings, parts: Parts) -> None:
    try:
        if settings.dev:
            await prepare(settings, parts)
        await parts.database.ping()
        if await parts.database.behind():
            raise NotReady("The database's schema is behind this version. Run: valor migrate")
    except DangerousRole as no:
        raise NotReady(
            f"{no} Serve with the application role, and migrate with the owner's."
        ) from no


async def _look_at_cluster(parts: Parts) -> dict[str, Any]:
    try:
        return await parts.workers.look_at_cluster()
    except (Refused, WorkerDied) as no:
        raise NotReady(f"{no} Mend the cluster, or serve without VALOR_CLUSTER.") from no


def more_files() -> None:
    """As many open connections as this process may have: the usual first limit is 1,024 files."""
    with suppress(ImportError, ValueError, OSError):  # not on Windows; not where it is forbidden
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def leave(exit_code: int) -> None:
    """End this process now, for what did not end in its time would hold it for ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
