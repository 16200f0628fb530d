"""What tenants use, counted in this process and added to the database every few seconds.

A request does not wait for it: it costs an addition. What a process had counted when it was told
to stop is added still; of one that is killed, the last few seconds are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from observability.logs import Log

EVERY_S: Final = 5.0
SUMS_MAX: Final = 100_000  # of tenants and days that wait for a database that is away

Counted: TypeAlias = dict[tuple[UUID, date], dict[str, int]]


class Sums(Protocol):
    """Where they are kept."""

    async def add(self, tenant_id: UUID, day: str, amounts: Mapping[str, int]) -> None:
        """All of it, or nothing where this raises."""


class UsageCounts:
    """Counts of one process. A metric is a name of ours, in small letters."""

    def __init__(
        self,
        sums: Sums,
        log: Log,
        *,
        every_s: float = EVERY_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sums, self._log, self._every_s, self._clock = sums, log, every_s, clock
        self._counted: Counted = {}
        self._flushing = asyncio.Lock()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def count(self, tenant_id: UUID, amounts: Mapping[str, int]) -> None:
        """Add to the tenant's sums of today, UTC."""
        key = (tenant_id, self._clock().date())
        sums = self._counted.get(key)
        if sums is None:
            if len(self._counted) >= SUMS_MAX:
                return
            sums = self._counted[key] = {}
        for metric, amount in amounts.items():
            sums[metric] = sums.get(metric, 0) + amount

    def start(self) -> None:
        """Add to the database from now on, again and again."""
        if self._task is None:
            self._task = asyncio.create_task(self._go_on(), name="usage")

    async def close(self) -> None:
        """Add what is left."""
        self._ending.set()
        if self._task is not None:
            await self._task
        await self.flush()

    async def flush(self) -> None:
        """Add what was counted so far. What the database does not take waits for the next time."""
        async with self._flushing:
            counted, self._counted = self._counted, {}
            try:
                while counted:
                    (tenant_id, day), amounts = key, _ = next(iter(counted.items()))
                    await self._sums.add(tenant_id, day.isoformat(), amounts)
                    del counted[key]
            except Exception as error:
                self._log.warning("usage waits for the database", reason=type(error).__name__)
            for (tenant_id, day), amounts in counted.items():
                sums = self._counted.setdefault((tenant_id, day), {})
                for metric, amount in amounts.items():
                    sums[metric] = sums.get(metric, 0) + amount

    async def _go_on(self) -> None:
        while not self._ending.is_set():
            try:
                async with asyncio.timeout(self._every_s):
                    await self._ending.wait()
            except TimeoutError:
                await self.flush()
