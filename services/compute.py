"""The one door to the engine: short work runs where it is, longer work in a thread.

A hop to a thread costs more than a base case takes, and numpy on the event loop stalls everybody
else for as long as it lasts; so the caller says how long the work is, roughly, beforehand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from engine.memory import keep_scratch
from services.errors import Overloaded

R = TypeVar("R")

ON_LOOP_MS: Final = 2.0
THREADS: Final = 2
QUEUE: Final = 32  # waiting for a thread; more would wait longer than a request may last


class Compute:
    """Runs the engine. Work that a thread cannot finish in time belongs to a run, not here."""

    def __init__(self) -> None:
        keep_scratch()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="engine")
        self._waiting = 0

    async def run(self, expected_ms: float, work: Callable[[], R]) -> R:
        """
        Raises:
            Overloaded: when too much work is waiting already; whatever ``work`` raises.
        """
        if expected_ms <= ON_LOOP_MS:
            return work()
        if self._waiting >= QUEUE:
            raise Overloaded("Too many analyses are waiting. Try again in a second.", 1.0)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Waits for what is running; what waits is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)
