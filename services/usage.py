"""What a tenant used, day by day, and what is left of what its plan holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.errors import QueryInvalid
from services.principal import Action, Principal
from services.standing import Clock, Standings
from services.tenants import require_own
from store.quotas import Quotas
from store.usage import Usage, Used

__all__ = ["DAYS_MOST", "Quota", "QuotaName", "UsageService", "Used"]

DAYS_MOST: Final = 400
_DAYS: Final = 30


class QuotaName(StrEnum):
    """Something of which a plan holds so many."""

    MODELS = "MODELS"
    MEMBERS = "MEMBERS"
    RUNS = "RUNS"


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of it there is, and may be."""

    name: QuotaName
    used: int
    limit: int | None  # None: no limit

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)


class UsageService:
    """The caller's own; for an operator, any tenant's."""

    def __init__(self, usage: Usage, quotas: Quotas, standings: Standings, clock: Clock) -> None:
        self._usage, self._quotas = usage, quotas
        self._standings, self._clock = standings, clock

    async def days(
        self, principal: Principal, tenant_id: UUID, first: date | None, last: date | None
    ) -> list[Used]:
        """Sums by day and metric, UTC; left out, of the last 30 days.

        Raises:
            Forbidden; QueryInvalid: for days that are none, or more than 400.
        """
        self._admit(principal, tenant_id)
        last = last or self._clock().date()
        first = first or last - timedelta(days=_DAYS - 1)
        if not 0 <= (last - first).days < DAYS_MOST:
            raise QueryInvalid(f"Ask for 1 to {DAYS_MOST} days: `from` is the first of them.")
        return await self._usage.between(tenant_id, first.isoformat(), last.isoformat())

    async def quotas(self, principal: Principal, tenant_id: UUID) -> list[Quota]:
        """What the plan holds, and how much of it is taken now.

        Raises:
            Forbidden.
        """
        self._admit(principal, tenant_id)
        limits = (await self._standings.terms(tenant_id)).limits
        taken = await self._quotas.taken(tenant_id, self._clock())
        return [
            Quota(QuotaName.MODELS, taken.models, limits.models),
            Quota(QuotaName.MEMBERS, taken.members, limits.members),
            Quota(QuotaName.RUNS, taken.runs, limits.runs),
        ]

    def _admit(self, principal: Principal, tenant_id: UUID) -> None:
        principal.require(Action.READ_USAGE)
        if not principal.may(Action.OPERATE):
            require_own(principal, tenant_id)
