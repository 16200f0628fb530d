"""Our sockets for `benchmarks/sockets.py`: the whole application, and a subscription that is quiet.

    python -m benchmarks.our_sockets HOME PORT

The first line on standard output is a token.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import strawberry

from api.embedded import ANALYST, DEMO_TENANT, prepare
from api.keys import make_development_keys
from api.processes.server import listen, server_of
from api.settings import Settings
from api.wiring import build
from benchmarks.lifted import lift
from observability.logs import Logs
from resolvers import schema
from services.authentication import Issuer
from services.principal import Role


@strawberry.type
class Quiet:
    """As quiet as a room in which nothing happens."""

    @strawberry.subscription(description="One event, then none.")
    async def quiet(self) -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.get_running_loop().create_future()


def main() -> None:
    home, port = Path(sys.argv[1]), int(sys.argv[2])
    schema.STREAMS = (*schema.STREAMS, Quiet)
    settings = Settings.read({"VALOR_HOME": str(home), "VALOR_LOG_LEVEL": "ERROR"}, dev=True)
    keyring = make_development_keys(settings.keys)
    parts = build(settings, keyring, Logs("ERROR"))
    asyncio.run(prepare(settings, build(settings, keyring, Logs("ERROR"))))
    lift(home)
    token = Issuer(settings.issuer, keyring.signing()).issue(
        DEMO_TENANT, ANALYST.id, Role.OWNER, timedelta(hours=2)
    )
    with listen("127.0.0.1", port) as listener:
        print(token, flush=True)
        server_of(parts).run(sockets=[listener])


if __name__ == "__main__":
    main()
