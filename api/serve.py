"""`valor serve`: the API on a database that is ready for it."""

from __future__ import annotations

import asyncio

from api.embedded import prepare
from api.keys import make_development_key, read_public_key
from api.server import listen, server_of
from api.settings import Settings
from api.wiring import build
from observability.logs import Logs
from store.errors import DangerousRole


class NotReady(Exception):
    """Why the server does not start, and the command that mends it."""


async def run(settings: Settings, host: str, port: int) -> None:
    """Serve until told to stop.

    Raises:
        NotReady, KeyUnusable, PortTaken, DatabaseAway.
    """
    with listen(host, port) as listener:
        logs = Logs(settings.log_level)
        logs.adopt()
        if settings.dev:
            key = make_development_key(settings.key_file)
        else:
            assert settings.public_key_file is not None  # noqa: S101 - settings refuse to be without
            key = read_public_key(settings.public_key_file)
        parts = build(settings, key, logs)
        try:
            if settings.dev:
                await prepare(settings, parts)
            await parts.database.ping()
            if await parts.database.behind():
                raise NotReady("The database's schema is behind this version. Run: valor migrate")
        except DangerousRole as no:
            await parts.close()
            raise NotReady(
                f"{no} Serve with the application role, and migrate with the owner's."
            ) from no
        except BaseException:
            await parts.close()
            raise
        server = server_of(parts)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            await server.up.wait()
            address = listener.getsockname()
            logs.get("api").info("serving", host=address[0], port=address[1], dev=settings.dev)
