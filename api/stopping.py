"""How a process stops: step after step, each within its time, each told once.

A step that fails or is late does not keep the next one from its turn: what is closed last, the
database, is what must be closed. Whoever is in a hurry, by a second signal, waits for no request
any more, and for all the rest together about ``HURRIED_S``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from observability.logs import Log

HURRIED_S: Final = 2.0
MOMENT_S: Final = 0.3  # that the last steps have even when the hurry's time is over
GIVES_WAY_S: Final = 0.2  # for a step that was cancelled because its time was over


class Stopping:
    """One process' stop."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._hurry = asyncio.Event()
        self._ends_at = float("inf")  # by monotonic(): where a hurry has its end
        self.overdue: list[str] = []  # steps that failed, or whose time was over

    @property
    def hurried(self) -> bool:
        """Whether somebody is in a hurry."""
        return self._hurry.is_set()

    def hurry(self) -> None:
        """Wait for nobody from now on. Called in the event loop."""
        if not self.hurried:
            self._ends_at = monotonic() + HURRIED_S
            self._hurry.set()

    async def pause(self, step: str, seconds: float) -> None:
        """Let some time pass, unless somebody is in a hurry."""
        self._log.info("stopping", step=step, within_s=seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def step(
        self,
        step: str,
        work: Coroutine[Any, Any, object],
        within_s: float,
        *,
        can_be_skipped: bool = False,  # a hurry ends it at once, and nobody calls that late
    ) -> bool:
        """Do it, or give it up when its time is over; whether it was done."""
        began = monotonic()
        task = asyncio.ensure_future(work)
        await self._first_of(task, within_s)
        if not task.done() and self.hurried and not can_be_skipped:
            hurried_s = max(MOMENT_S, self._ends_at - monotonic())
            await asyncio.wait({task}, timeout=min(within_s, hurried_s))
        done = task.done()
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=GIVES_WAY_S)
        took_s = round(monotonic() - began, 3)
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None:
            self._log.error("stopping", step=step, took_s=took_s, exc_info=error)
        elif done or (can_be_skipped and self.hurried):
            how = {} if done else {"skipped": True}
            self._log.info("stopping", step=step, took_s=took_s, **how)
        else:
            self._log.warning("stopping", step=step, took_s=took_s, overdue=True)
        if error is not None or not done:
            self.overdue.append(step)
        return done and error is None

    async def _first_of(self, task: asyncio.Future[Any], within_s: float) -> None:
        """Until the task is done, the time is over, or somebody is in a hurry."""
        hurry = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait({task, hurry}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()
