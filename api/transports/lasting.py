"""Connections that last: how many there may be, whether each still lives, and when it has to end.

One task looks after all of them, sockets and event streams alike; none has a timer of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from observability.logs import Log
from services.principal import Principal
from services.sessions import Session
from store.directory import SYSTEM

_SLOTS: Final = 20  # the clients are spread over these, so that no moment has to ping all of them
_LOOKS: Final = 4  # a client is looked at in every fourth
_SPREAD: Final = 0.8  # of the time of a drain; the rest is for who was busy
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one process."""

    clients: int = 10_000
    clients_of_tenant: int = 5_000
    strangers: int = 1_000  # that have not said who they are
    operations: int = 16  # queries and mutations of one socket at a time: then it is not read
    subscriptions: int = 32  # of one socket
    init_within_s: float = 3.0
    ping_every_s: float = 5.0
    silent_s: float = 10.0
    behind_s: float = 30.0  # with more than 64 kB that it has not read
    frames_per_s: float = 100.0  # that are read of one socket; more wait in the network
    frames_at_once: int = 200
    member_every_s: float = 60.0
    unheard_every_s: float = 10.0  # the same, while no word of a change can arrive


class FrameRate:
    """How often one socket is listened to: steadily, and a few at once."""

    __slots__ = ("_burst_s", "_each_s", "_full_at")

    def __init__(self, limits: Limits) -> None:
        self._each_s = 1.0 / limits.frames_per_s
        self._burst_s = limits.frames_at_once * self._each_s
        self._full_at = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds to wait with a frame that came now; 0: none."""
        self._full_at = max(now_s, self._full_at) + self._each_s
        return max(0.0, self._full_at - now_s - self._burst_s)


class Ending(NamedTuple):
    """How we end a connection. A client of graphql-ws comes back from 1012, 1013, 4403, 4408."""

    code: int
    reason: str  # at most 123 bytes of UTF-8


EXPIRED: Final = Ending(4403, "The token has expired. Connect with a new one.")
REVOKED: Final = Ending(4403, "The member has left, or may do less now. Connect with a new token.")
DRAINING: Final = Ending(1012, "This server stops. Connect again.")
FULL: Final = Ending(1013, "There are too many connections. Try again later.")


class Client(Protocol):
    """One connection, as far as it is looked after."""

    number: int
    session: Session | None  # None: it has not said who it is

    @property
    def busy(self) -> bool:
        """Whether it waits for an answer that is under way."""

    def look(self, now_s: float) -> None:
        """End what has been silent, behind or a stranger for too long."""

    def ping(self) -> None:
        """Ask whether somebody is there, if that can be done without waiting."""

    def end(self, ending: Ending) -> None:
        """Say so and close; at once, and only the first time."""


class Lasting:
    """All connections of one process that last."""

    def __init__(
        self,
        still: Callable[[Principal], Awaitable[bool]],
        log: Log,
        limits: Limits | None = None,
        hears: Callable[[], bool] = lambda: True,
    ) -> None:
        """``still``: whether the member is there and may do what the token says. ``hears``: whether
        word of changes arrives from other processes."""
        self.limits = limits or Limits()
        self.draining = False
        self.words = 0  # of changes so far: who was proved before the newest may be nobody now
        self._hears = hears
        self._still, self._log = still, log
        self._slots: tuple[set[Client], ...] = tuple(set() for _ in range(_SLOTS))
        self._numbers = count()
        self._of_tenant: Counter[UUID] = Counter()
        self._strangers = 0
        self._count = 0
        self._changed: set[UUID] = set()  # tenants whose members are to be looked up now
        self._told = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Client]:
        return (client for slot in self._slots for client in tuple(slot))

    def admits(self) -> bool:
        """Whether one more may come in."""
        full = self._count >= self.limits.clients or self._strangers >= self.limits.strangers
        return not (self.draining or full)

    def enter(self, client: Client) -> int:
        """Look after a stranger; its number. `leave` must follow."""
        number = next(self._numbers)
        self._slots[number % _SLOTS].add(client)
        self._count += 1
        self._strangers += 1
        return number

    def introduce(
        self, client: Client, session: Session, words: int | None = None
    ) -> Ending | None:
        """Who it is; why it may not stay, if so. ``words``: that had come before it was proved."""
        if self.draining:
            return DRAINING
        tenant = session.principal.tenant_id
        if self._of_tenant[tenant] >= self.limits.clients_of_tenant:
            return FULL
        self._of_tenant[tenant] += 1
        self._strangers -= 1
        client.session = session
        if words not in (None, self.words):
            self.look_again(tenant)
        return None

    def leave(self, client: Client) -> None:
        """Forget it."""
        self._slots[client.number % _SLOTS].discard(client)
        self._count -= 1
        if client.session is None:
            self._strangers -= 1
            return
        tenant = client.session.principal.tenant_id  # a renewed token is of the same one
        self._of_tenant[tenant] -= 1
        if not self._of_tenant[tenant]:
            del self._of_tenant[tenant]

    def look_again(self, tenant_id: UUID) -> None:
        """Look up a tenant's members now: something about them has changed."""
        self.words += 1
        if self._count:
            self._changed.add(tenant_id)
            self._told.set()

    def start(self) -> None:
        """Look after them from now on."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._look_after(), name="lasting connections"),
                asyncio.create_task(self._look_up(), name="members of lasting connections"),
            ]

    async def close(self) -> None:
        """Stop looking, and end whoever is left at once."""
        self.draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for client in self:
            client.end(DRAINING)

    async def drain(self, within_s: float) -> None:
        """Tell all of them to connect again: one after the other, in no order, busy ones last.

        They come back as they were told, so a herd is thinned out here.
        """
        self.draining = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        everyone = list(self)
        random.shuffle(everyone)
        for number, client in enumerate(everyone):
            due = began + within_s * _SPREAD * number / len(everyone)
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if not client.busy:
                client.end(DRAINING)
        while self._count and loop.time() < began + within_s:
            for client in self:
                if not client.busy:
                    client.end(DRAINING)
            await asyncio.sleep(_POLL_S)
        for client in self:
            client.end(DRAINING)

    async def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        for tick in count():
            await asyncio.sleep(self.limits.ping_every_s / _SLOTS)
            now_s, moment = loop.time(), datetime.now(UTC)
            for slot in self._slots[tick % _LOOKS :: _LOOKS]:
                for client in tuple(slot):
                    with self._apart():
                        _look_at(client, now_s, moment)
            for client in tuple(self._slots[tick % _SLOTS]):
                with self._apart():
                    client.ping()

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """What goes wrong with one of them must not leave all others without anybody who looks."""
        try:
            yield
        except Exception:
            self._log.exception("a connection could not be looked after")

    async def _look_up(self) -> None:
        loop, limits = asyncio.get_running_loop(), self.limits
        looked_s, failed = loop.time(), False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(limits.member_every_s, limits.unheard_every_s)):
                    await self._told.wait()
            self._told.clear()
            changed, self._changed = self._changed, set()
            seldom = self._hears() and not failed
            every_s = limits.member_every_s if seldom else limits.unheard_every_s
            # Operators may be in any tenant.
            everybody = loop.time() >= looked_s + every_s or SYSTEM in changed
            if everybody:
                looked_s = loop.time()
            if everybody or changed:
                done = await self._end_those_who_left(None if everybody else changed)
                failed = not done or (failed and not everybody)

    async def _end_those_who_left(self, of: Collection[UUID] | None) -> bool:
        """Of some tenants, or of all. False: nobody could say of each."""
        found: dict[Principal, list[Client]] = {}
        for client in self:
            if client.session is not None:
                who = client.session.principal
                if of is None or who.tenant_id in of:
                    found.setdefault(who, []).append(client)
        for who, clients in found.items():
            try:
                still = await self._still(who)
            except Exception:  # the database is away: nobody is sent away for that
                self._log.exception("members were not looked up")
                return False
            for client in clients:
                if client.session is None or client.session.principal != who:
                    # Renewed meanwhile, perhaps by what was read before the change.
                    self.look_again(who.tenant_id)
                elif not still:
                    client.end(REVOKED)
        return True


def _look_at(client: Client, now_s: float, moment: datetime) -> None:
    session = client.session
    if session is not None and session.principal.expires_at <= moment:
        client.end(EXPIRED)
    else:
        client.look(now_s)
