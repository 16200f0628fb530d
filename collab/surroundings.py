"""What the rooms need of the world around them: a clock that calls back, and somebody to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """It does not come."""


class Clock(Protocol):
    """Seconds, and calls at a moment. asyncio's event loop is one; a test moves one by hand."""

    def time(self) -> float:
        """Seconds since some moment; it never goes back."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call at ``time() == when``, or as soon as possible after that."""


class RunningLoop:
    """The clock of whichever event loop runs."""

    def time(self) -> float:
        return asyncio.get_running_loop().time()

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        return asyncio.get_running_loop().call_at(when, callback)


class Log(Protocol):
    """Where something is said. ``event`` is a constant; what varies is a field."""

    def info(self, event: str, **fields: Any) -> None: ...

    def warning(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...

    def exception(self, event: str, **fields: Any) -> None:
        """With the exception that is being handled."""


async def passing(clock: Clock, seconds: float) -> None:
    """Return when so much time has passed on the clock."""
    passed = asyncio.Event()
    timer = clock.call_at(clock.time() + seconds, passed.set)
    try:
        await passed.wait()
    finally:
        timer.cancel()


class Tasks:
    """Work that nobody waits for. It is kept alive, and its faults are told."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it beside everything else."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self, within_s: float) -> None:
        """Let it come to its end, and end what takes longer."""
        running = list(self._running)
        if running:
            await asyncio.wait(running, timeout=within_s)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            self._log.error("work in the background failed", exc_info=fault)
