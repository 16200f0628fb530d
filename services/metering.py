"""The budget of a tenant: requests and points a minute, charged before anything runs.

A point is about a millisecond of the engine's work on one core. What was charged and not done is
given back. Without Redis, or while it is away, a process counts by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import Any, ClassVar, Final, NamedTuple
from uuid import UUID

from collab.buckets import Buckets, MemoryBuckets, Take, Taken
from collab.scripts import RedisAway
from observability.logs import Log
from services.circuit import Circuit
from services.errors import Denied, Overloaded
from services.plans import LIMITS, Limits, Plan

MINUTE_S: Final = 60.0
HEAVY: Final = 50  # points: from here on work is done by worker processes
REQUESTS: Final = "requests"
POINTS: Final = "points"
SURE: Final = "introspection"  # the kind of work that no resolver does
SHARE: Final = 0.25  # of a plan that a process gives away while it cannot ask the others


class Part(NamedTuple):
    """What one field of a request costs, without those below it."""

    path: str  # response keys, as valueDcf.simulation
    field: str  # of the schema, as DcfValuation.simulation
    points: float
    work: str  # what kind of work it is, in small letters: what usage is told by
    told: Callable[[], str] = str  # seldom asked for, and as dear as the price itself

    @property
    def how(self) -> str:
        """How the points come about, in words; "" where there is nothing to say."""
        return self.told()


@dataclass(frozen=True, slots=True)
class Price:
    """What a request costs at most: whole points, at least 1; 0 is not counted at all."""

    points: int
    parts: tuple[Part, ...] = ()  # those that cost something

    @property
    def sure(self) -> float:
        """Points of what is done in any case: no resolver says so afterwards."""
        return sum(part.points for part in self.parts if part.work == SURE)

    def dearest(self) -> Part | None:
        return max(self.parts, key=lambda part: part.points, default=None)


LEAST: Final = Price(1)
FREE: Final = Price(0)


@dataclass(slots=True)
class Charge:
    """What was taken for one request, and how the tenant's budget stood after it."""

    tenant_id: UUID
    limits: Limits
    requested: int  # points
    actual: int  # points that were kept
    requests_left: int
    points_left: int
    requests_full_in_s: float
    points_full_in_s: float
    local: bool = False  # counted in this process alone, because the others could not be asked
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def reset_at(self) -> datetime:
        """When all points of the plan are there again, if nothing more is asked."""
        return self.at + timedelta(seconds=self.points_full_in_s)

    def document(self) -> dict[str, Any]:
        """As ``extensions.cost`` has it."""
        return {
            "requested": self.requested,
            "actual": self.actual,
            "remaining": self.points_left,
            "resetAt": self.reset_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


class OverBudget(Denied):
    """More than the tenant's plan has left in this minute, or ever."""

    code: ClassVar[str] = "RATE_LIMITED"

    def __init__(
        self, message: str, retry_after_s: float | None = 1.0, charge: Charge | None = None
    ) -> None:
        """``retry_after_s``: None where waiting does not help."""
        super().__init__(message, retry_after_s)
        self.charge = charge


class Budget:
    """Every tenant's. One call charges requests and points together, or neither."""

    def __init__(
        self,
        log: Log,
        shared: Buckets | None = None,
        *,
        share: float = SHARE,
        own: MemoryBuckets | None = None,
        circuit: Circuit | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``shared``: with other processes; None: this one is alone. ``share``: of each plan, what
        this process gives away where it cannot ask the others."""
        self._log, self._shared, self._share = log, shared, share
        self._own = MemoryBuckets() if own is None else own
        self.circuit = circuit or Circuit(counted=RedisAway)
        self._clock = clock
        self._settling: set[asyncio.Task[None]] = set()

    async def charge(self, tenant_id: UUID, plan: Plan, limits: Limits, price: Price) -> Charge:
        """Take a request, and its points.

        Raises:
            OverBudget: if they are not there; nothing is taken.
            Overloaded: heavy work beyond what this process may give away by itself.
        """
        taken, local = await self._take(tenant_id, limits, price.points, 1)
        charge = self._charge(tenant_id, limits, price.points, taken, local=local)
        if taken.granted:
            return charge
        left, points = taken.levels
        wait_s = max(left.wait_s, points.wait_s)
        if local and (price.points >= HEAVY or wait_s == inf):
            raise Overloaded(
                "Limits cannot be looked up now, and this is more than one process may give away "
                "by itself. Try again in a few seconds.",
                max(1.0, self.circuit.retry_after_s),
            )
        if wait_s == inf:
            raise OverBudget(_never(plan, limits, price), None, charge)
        which = REQUESTS if left.wait_s >= points.wait_s else POINTS
        raise OverBudget(_later(plan, limits, price, charge, which, wait_s), wait_s, charge)

    async def look(self, tenant_id: UUID, limits: Limits) -> Charge:
        """How the tenant's budget stands. Nothing is taken."""
        taken, local = await self._take(tenant_id, limits, 0, 0)
        return self._charge(tenant_id, limits, 0, taken, local=local)

    @staticmethod
    def refuse_if_used_up(plan: Plan, state: Charge) -> None:
        """
        Raises:
            OverBudget: if not even the cheapest request is left.
        """
        requests, points = state.limits.requests_per_minute, state.limits.points_per_minute
        one_s = max(
            state.requests_full_in_s - (requests - 1) * MINUTE_S / requests,
            state.points_full_in_s - (points - 1) * MINUTE_S / points,
        )
        if state.requests_left < 1 or state.points_left < 1:
            which = REQUESTS if state.requests_left < 1 else POINTS
            message = _later(plan, state.limits, LEAST, state, which, one_s)
            raise OverBudget(message, max(0.0, one_s), state)

    def settle(self, charge: Charge, actual: int) -> None:
        """Keep ``actual`` points of what was charged. More than that is owed, and taken anyway."""
        more = actual - charge.actual
        if more == 0:
            return
        charge.actual = actual
        most = charge.limits.points_per_minute
        charge.points_left = max(0, min(most, charge.points_left - more))
        full_in_s = charge.points_full_in_s + more * MINUTE_S / most
        charge.points_full_in_s = max(0.0, full_in_s)
        if charge.local or self._shared is None:
            self._own.take_now(charge.tenant_id, self._points(charge, more), anyway=True)
        else:
            self._in_background(self._settled(charge, more))

    async def give_back(self, tenant_id: UUID, limits: Limits, points: int, name: str) -> int:
        """Give points back long after they were charged, once under a name.

        Returns how many came back under it, which are others where somebody was faster.

        Raises:
            RedisAway: nobody can say whether they did. Ask again.
        """
        (back,) = _takes(limits, -points, 0, 1.0)[1:]
        if self._shared is None:
            return await self._own.give_back(tenant_id, back, name)
        return await self._shared.give_back(tenant_id, back, name)

    async def close(self) -> None:
        """Wait for what is being given back."""
        await asyncio.gather(*self._settling, return_exceptions=True)

    def _charge(
        self, tenant_id: UUID, limits: Limits, points: int, taken: Taken, *, local: bool
    ) -> Charge:
        of_requests, of_points = taken.levels
        return Charge(
            tenant_id=tenant_id,
            limits=limits,
            requested=points,
            actual=points if taken.granted else 0,
            requests_left=of_requests.remaining,
            points_left=of_points.remaining,
            requests_full_in_s=of_requests.full_in_s,
            points_full_in_s=of_points.full_in_s,
            local=local,
            at=self._clock(),
        )

    async def _take(
        self, tenant_id: UUID, limits: Limits, points: int, requests: int
    ) -> tuple[Taken, bool]:
        if self._shared is None:
            return self._own.take_now(tenant_id, _takes(limits, points, requests, 1.0)), False
        if self.circuit.admits():
            try:
                takes = _takes(limits, points, requests, 1.0)
                taken = await self._shared.take(tenant_id, takes)
            except RedisAway:
                self.circuit.failed()
                self._log.warning("limits are counted by this process alone: Redis is away")
            except BaseException:
                self.circuit.abandoned()
                raise
            else:
                self.circuit.succeeded()
                return taken, False
        return self._own.take_now(tenant_id, _takes(limits, points, requests, self._share)), True

    async def _settled(self, charge: Charge, more: int) -> None:
        assert self._shared is not None  # noqa: S101 - asked before
        if not self.circuit.admits():
            return  # what Redis forgets by then is a minute's
        try:
            await self._shared.take(charge.tenant_id, self._points(charge, more), anyway=True)
        except RedisAway:
            self.circuit.failed()
        except BaseException:
            self.circuit.abandoned()
            raise
        else:
            self.circuit.succeeded()

    def _points(self, charge: Charge, more: int) -> Sequence[Take]:
        share = self._share if charge.local else 1.0
        return _takes(charge.limits, more, 0, share)[1:]

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


def _takes(limits: Limits, points: int, requests: int, share: float) -> tuple[Take, Take]:
    return (
        Take(REQUESTS, max(1.0, limits.requests_per_minute * share), MINUTE_S, requests),
        Take(POINTS, max(1.0, limits.points_per_minute * share), MINUTE_S, points),
    )


def _never(plan: Plan, limits: Limits, price: Price) -> str:
    """What is said of a request that no waiting makes possible."""
    part = price.dearest()
    dear = ""
    if part is not None:
        said = f" ({part.how})" if part.how else ""
        dear = f" Most of it is “{part.path}”{said}: {ceil(part.points):,} points."
    larger = next((each for each in Plan if LIMITS[each].points_per_minute >= price.points), None)
    instead = (
        f"take the {larger} plan"
        if larger is not None and LIMITS[larger].points_per_minute > limits.points_per_minute
        else "ask for a contract"
    )
    return (
        f"This costs {price.points:,} points, and the {plan} plan has "
        f"{limits.points_per_minute:,} a minute, so it will never fit.{dear} Ask for less of it at "
        f"once, in several requests, or {instead}."
    )


def _later(
    plan: Plan, limits: Limits, price: Price, charge: Charge, which: str, wait_s: float
) -> str:
    if which == REQUESTS:
        return (
            f"The {plan} plan has {limits.requests_per_minute:,} requests a minute, and they are "
            f"used up. Try again in {max(0.1, wait_s):.1f} s."
        )
    return (
        f"This costs {price.points:,} points, and {charge.points_left:,} of the {plan} plan's "
        f"{limits.points_per_minute:,} a minute are left. Try again in {wait_s:.1f} s."
    )
