"""Admission: whoever asks is let in, charged and counted, by whichever transport they come.

First the standing of who asks, then the price of what they ask. What was charged and not done
comes back when it is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from services.metering import Budget, Charge, Price
from services.principal import Principal
from services.standing import Standing

_A_REQUEST: Final = {"requests": 1}


class Stands(Protocol):
    """Who knows whether somebody is still who their token says."""

    async def of(self, principal: Principal) -> Standing: ...


class Counts(Protocol):
    """Who counts what tenants use."""

    def count(self, tenant_id: UUID, amounts: Mapping[str, int]) -> None: ...


class LetIn(NamedTuple):
    """Somebody who may be here."""

    asked: Principal  # as the token says
    standing: Standing  # as it is


class Admission:
    """The one door of every transport."""

    def __init__(self, standings: Stands, budget: Budget, counts: Counts) -> None:
        self._standings, self._budget, self._counts = standings, budget, counts

    async def let_in(self, principal: Principal) -> LetIn:
        """
        Raises:
            Unauthenticated, Forbidden: whoever asks may not, or no longer.
            DatabaseAway, DatabaseBusy: nobody can say.
        """
        return LetIn(principal, await self._standings.of(principal))

    async def charge(self, who: LetIn, price: Price) -> Charge:
        """Take what it costs from the tenant's budget, and count the request.

        Raises:
            OverBudget: it is not there, now or ever. Overloaded: nobody can say.
        """
        standing = who.standing
        tenant_id = who.asked.tenant_id
        charge = await self._budget.charge(tenant_id, standing.plan, standing.limits, price)
        self._counts.count(tenant_id, _A_REQUEST)
        return charge

    async def state(self, who: LetIn) -> Charge:
        """How the tenant's budget stands. Nothing is taken."""
        return await self._budget.look(who.asked.tenant_id, who.standing.limits)

    async def look(self, who: LetIn) -> Charge:
        """The same, for whoever is about to ask something.

        Raises:
            OverBudget: if not even the cheapest request is left.
        """
        state = await self.state(who)
        self._budget.refuse_if_used_up(who.standing.plan, state)
        return state

    def settle(
        self, charge: Charge, points: int, by_work: Mapping[str, float] | None = None
    ) -> None:
        """Keep so many points of what was charged, and count them by kind of work."""
        self._budget.settle(charge, points)
        amounts = {"points": points}
        for work, share in (by_work or {}).items():
            amounts[f"points.{work}"] = ceil(share - 1e-6)
        self._counts.count(charge.tenant_id, amounts)

    async def admit(self, principal: Principal, price: Price) -> tuple[LetIn, Charge]:
        """Both at once, for what is no operation of GraphQL.

        Raises:
            Unauthenticated, Forbidden, OverBudget, Overloaded, DatabaseAway, DatabaseBusy.
        """
        who = await self.let_in(principal)
        return who, await self.charge(who, price)
