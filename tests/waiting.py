"""Waiting for something to become true: no test waits for a clock alone."""

from __future__ import annotations

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
