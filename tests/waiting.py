"""Waiting for something to become true: no test waits for a clock alone."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final

DEADLINE_S: Final = 60.0  # it bounds a failure alone, so a machine may be as slow as that


def wait_until(what: str, happens: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Look again and again, and fail by the name of ``what`` when it does not happen in time."""
    end = time.monotonic() + deadline_s
    while not happens():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def refused(port: int) -> bool:
    """Whether nobody listens there any more; a server closes a moment after it began to drain."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it closed while this one waited in line
        return False
    return False
