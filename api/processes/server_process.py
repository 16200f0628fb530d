"""One of several server processes on one socket: what `valor serve --workers N` starts N times.

Its supervisor holds the other end of a *lifeline*, a pair of sockets. Orders come in over it first;
the process says ``UP`` over it when it serves; and when it breaks, the supervisor is gone and the
process ends. It is the operating system that breaks it, however the supervisor died.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from socket import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from api.processes.server import Server

UP: Final = b"up\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a supervisor tells a process that it starts."""

    worker: int  # which one, from 1
    dev: bool
    sockets: list[int]  # open files to listen on: the shared one, then one of its own

    def written(self) -> bytes:
        """One line."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Serve as ordered over the open file that the only argument names."""
    lifeline = socket(fileno=int(sys.argv[1]))
    lifeline.set_inheritable(False)
    with lifeline.makefile("rb") as written:
        line = written.readline()
    if not line:  # the supervisor ended before it said anything
        sys.exit(1)
    sys.exit(_serve(lifeline, Orders(**json.loads(line))))


def _serve(lifeline: socket, orders: Orders) -> int:
    # Imported here: whatever process this one spawns reads this file again, as its __mp_main__.
    from api import terminal
    from api.keys import KeyUnusable, open_keyring
    from api.processes.serve import NotReady, run
    from observability.logs import Logs, bind

    settings = terminal.settings_of(dev=orders.dev)
    logs = Logs(settings.log_level)
    logs.adopt()
    sockets = [socket(fileno=number) for number in orders.sockets]
    for each in sockets:
        each.set_inheritable(False)

    def up(server: Server) -> None:
        def look() -> None:
            if not lifeline.recv(64):
                loop.remove_reader(lifeline)
                logs.get("api").warning("supervisor is gone")
                server.orphaned()

        loop = asyncio.get_running_loop()
        lifeline.setblocking(False)
        loop.add_reader(lifeline, look)
        lifeline.send(UP)

    async def serve() -> int:
        bind(worker=orders.worker)
        host, port = sockets[-1].getsockname()
        keyring = open_keyring(settings.keys)
        return await run(settings, sockets, keyring, logs, up, scrape=f"{host}:{port}")

    try:
        return terminal.run_to_end(serve())
    except (KeyUnusable, NotReady) as no:
        terminal.fail(str(no))


if __name__ == "__main__":
    main()
