"""What comes back of the points of a run that ended before its last trial.

It is settled after the end, by whoever knows best how far the run came: the process that worked on
it, or any other once that one has had its time. The budget keeps under the run's id that points
came back, and the row is settled together with usage: so it happens once, whoever dies between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Final, Protocol
from uuid import UUID

import orjson

from observability.logs import Log
from services.errors import no_of
from services.plans import Limits
from services.refusals import Cancelled
from services.run import RunState
from services.simulations import GROWTH, LOOK_S
from services.standing import Terms
from store.runs import RunRecord, Runs

RETURNED: Final = "points.returned"  # the metric: what is used in the end is points without these
UNTOLD: Final = LOOK_S * 1e3  # points of work that may be done before anybody is told of it
LEFT_AFTER: Final = timedelta(seconds=60)  # by then the process that worked on it has settled it
AT_ONCE: Final = 20


class GivesBack(Protocol):
    """The budget that paid."""

    async def give_back(self, tenant_id: UUID, limits: Limits, points: int, name: str) -> int:
        """How many came back under a name."""


class RunRefunds:
    """Settles runs that have ended. What cannot be settled now is left to whoever looks next."""

    def __init__(
        self,
        runs: Runs,
        budget: GivesBack,
        terms: Callable[[UUID], Awaitable[Terms]],
        log: Log,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._runs, self._budget, self._terms = runs, budget, terms
        self._log, self._clock = log, clock

    async def ended(self, tenant_id: UUID, run_id: UUID, trials: int = 0) -> None:
        """Settle a run, if it has ended. ``trials``: known to whoever worked on it; the row may
        know of fewer. Raises nothing."""
        await self._quietly(self._settle_by_id(tenant_id, run_id, trials))

    async def look(self, tenant_id: UUID, record: RunRecord) -> None:
        """Settle one that ended a while ago, if nobody has. Raises nothing."""
        if record.points_back is None and _ended_before(record, self._clock() - LEFT_AFTER):
            await self._quietly(self._settle(tenant_id, record, 0))

    async def sweep(self, tenant_id: UUID) -> None:
        """Settle some that others have left. Raises nothing."""
        await self._quietly(self._sweep(tenant_id))

    async def _sweep(self, tenant_id: UUID) -> None:
        before = self._clock() - LEFT_AFTER
        for record in await self._runs.unsettled(tenant_id, before, AT_ONCE):
            await self._settle(tenant_id, record, 0)

    async def _settle_by_id(self, tenant_id: UUID, run_id: UUID, trials: int) -> None:
        record = await self._runs.find(tenant_id, run_id)
        if record is not None and not record.active and record.points_back is None:
            await self._settle(tenant_id, record, trials)

    async def _settle(self, tenant_id: UUID, record: RunRecord, trials: int) -> None:
        back = unused(record, trials)
        if back:
            limits = (await self._terms(tenant_id)).limits
            back = await self._budget.give_back(tenant_id, limits, back, f"run:{record.id}")
        day = self._clock().date().isoformat()
        used = {RETURNED: back} if back else {}
        await self._runs.settle(tenant_id, record.id, back, day, used)

    async def _quietly(self, settling: Awaitable[None]) -> None:
        try:
            await settling
        except Exception as fault:
            no = no_of(fault)
            if no is None:
                self._log.exception("a run's points were not settled")
            else:
                self._log.warning("a run's points were not settled", reason=no[1])


def unused(record: RunRecord, trials: int = 0) -> int:
    """Whole points of an ended run that were paid and not used; ``trials``: known besides.

    All of them where it never began or failed by a fault of ours. One that was stopped counts for
    what it may have done since it was last heard of.
    """
    if record.started_at is None or _by_our_fault(record):
        return record.points
    done = min(record.trials, max(record.trials_done, trials))
    spent = record.points * done / record.trials
    if record.state != RunState.DONE:
        spent = spent * GROWTH + UNTOLD
    return max(0, floor(record.points - spent))


def _by_our_fault(record: RunRecord) -> bool:
    """What a caller cancelled is CANCELLED; what FAILED with that code, something of ours ended."""
    if record.state != RunState.FAILED or record.refusal is None:
        return False
    return bool(orjson.loads(record.refusal)["code"] == Cancelled.code)


def _ended_before(record: RunRecord, moment: datetime) -> bool:
    return record.ended_at is not None and record.ended_at < moment
