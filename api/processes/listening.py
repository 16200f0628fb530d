"""A listening socket, taken before anything slow is done."""

from __future__ import annotations

import errno
import socket
from typing import Final

BACKLOG: Final = 512  # connections that wait to be accepted


class PortTaken(Exception):
    """Another program listens there, or nobody may."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that is ours before anything slow is done.

    Raises:
        PortTaken: with what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Until it listens another program may bind the port as well. Early clients wait in line.
        listener.listen(BACKLOG)
    except OSError as no:
        listener.close()
        mend = (
            "Stop what runs there, or choose another port: --port 8001 (--port 0: any free one)."
            if no.errno in (errno.EADDRINUSE, errno.EACCES)
            else "Choose an address of this machine: --host 127.0.0.1"
        )
        raise PortTaken(f"{host}:{port} cannot be listened on ({no.strerror}). {mend}") from None
    return listener
