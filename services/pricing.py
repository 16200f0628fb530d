"""What a request would cost, and how the tenant's budget stands, for whoever wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from services.admission import Admission, LetIn
from services.metering import Charge, Price
from services.plans import LIMITS, Plan
from services.principal import Action, Principal


@dataclass(frozen=True, slots=True)
class Estimate:
    """A request that was not run: its price, or why it would not run."""

    price: Price | None  # None: it cannot be priced
    complaints: tuple[str, ...]  # none: it would run


class Estimates(Protocol):
    """Whoever knows documents."""

    async def estimate(
        self, query: str, variables: Mapping[str, Any], operation_name: str | None
    ) -> Estimate: ...


class PricingService:
    """Prices without running."""

    def __init__(self, admission: Admission, estimates: Estimates) -> None:
        self._admission, self._estimates = admission, estimates

    async def state(self, who: LetIn) -> Charge:
        """How the tenant's budget stands. Nothing is taken for it.

        Raises:
            Forbidden.
        """
        _check(who.standing.principal)
        return await self._admission.state(who)

    async def estimate(
        self,
        principal: Principal,
        query: str,
        variables: Mapping[str, Any],
        operation_name: str | None,
    ) -> Estimate:
        """
        Raises:
            Forbidden.
        """
        _check(principal)
        return await self._estimates.estimate(query, variables, operation_name)

    @staticmethod
    def smallest(price: Price) -> Plan | None:
        """The first plan whose minute has as many points as it costs."""
        return next((each for each in Plan if LIMITS[each].points_per_minute >= price.points), None)


def _check(principal: Principal) -> None:
    principal.require(Action.READ_USAGE)
