"""How many models a tenant has open at a time: any number with COLLABORATION, one without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from collab.directory import LEASE_S
from collab.keys import RoomKey
from collab.one_room import OneRoom
from collab.scripts import RedisAway
from collab.surroundings import Clock, Log, Tasks, Timer
from services.errors import Forbidden
from services.plans import Feature
from services.standing import Terms


class OpenRooms:
    """Rooms of tenants that may have one open, as far as this worker's members are in them."""

    def __init__(
        self,
        one: OneRoom,
        terms: Callable[[UUID], Awaitable[Terms]],
        clock: Clock,
        log: Log,
    ) -> None:
        self._one, self._terms, self._clock = one, terms, clock
        self._held: Counter[RoomKey] = Counter()  # how many are in it
        self._tasks = Tasks(log)
        self._timer: Timer | None = None

    async def close(self) -> None:
        """Renew nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.close(0.0)

    @asynccontextmanager
    async def entered(self, key: RoomKey) -> AsyncIterator[None]:
        """Be in a room for the length of the block.

        Raises:
            Forbidden: if the plan has one room at a time, and it is another.
        """
        terms = await self._terms(key.tenant_id)
        if Feature.COLLABORATION in terms.limits.features:
            yield
            return
        if not await self._hold(key):
            raise Forbidden(
                f"The {terms.plan} plan has one model open at a time, and another one is open. "
                "Close it, or change the plan."
            )
        self._held[key] += 1
        self._renew_later()
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]
                self._tasks.begin(self._leave(key))

    async def _hold(self, key: RoomKey) -> bool:
        try:
            return await self._one.hold(key)
        except RedisAway:  # nobody is kept from work because leases cannot be asked for
            return True

    async def _leave(self, key: RoomKey) -> None:
        if key not in self._held:
            try:
                await self._one.leave(key)
            except RedisAway:
                return  # the lease ends by itself

    def _renew_later(self) -> None:
        if self._timer is None:
            when = self._clock.time() + LEASE_S / 3.0
            self._timer = self._clock.call_at(when, lambda: self._tasks.begin(self._renew()))

    async def _renew(self) -> None:
        self._timer = None
        if self._held:
            self._renew_later()  # first: whatever becomes of this time, there is a next one
        for key in list(self._held):
            await self._hold(key)
