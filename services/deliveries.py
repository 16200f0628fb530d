"""Sends what webhooks are to be told: at least once, in order, signed, and never all at once.

Each process looks for streams that have something due, takes the lease of one, sends its head, then
the next, until nothing is left. An address that does not answer is tried again after growing pauses
for about three days; then the delivery is DEAD, and its stream goes on. An address that fails again
and again is left alone for a while, so that it keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import os
import platform
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import orjson

from collab.surroundings import Clock, Log, Tasks
from services.audit import entry
from services.circuit import Circuit, State
from services.delivery_pauses import GONE, LIFETIME, TAKES_NOTHING, TRIED_LEAST, pause_after
from services.errors import no_of
from services.outward import NoAnswer, NotAllowed, Reply
from services.sealing import NotSealed
from services.webhook_events import Bodies
from services.webhook_secrets import WebhookSecrets
from store import deliveries as kept
from store.audit import note
from store.database import Database
from store.deliveries import Claimed, Way
from store.deliveries import Deliveries as DeliveryStore
from store.directory import Directory
from store.errors import DatabaseAway, DatabaseBusy
from store.model_log import ModelLog
from store.outbox import Outbox

WITHIN_S: Final = 10.0  # from the name to the answer
LEASE: Final = timedelta(seconds=30)  # longer than an attempt by far
ANSWER_BYTES: Final = 1_024  # of the answer: nobody reads more

OF_A_PROCESS: Final = 32  # under way at one time
OF_A_TENANT: Final = 8
OF_A_WEBHOOK: Final = 4
IN_A_ROW: Final = 50  # of one stream, while others wait
FAILURES: Final = 5  # in a row; then an address is left alone
REST_S: Final = 30.0

TICK_S: Final = 1.0  # between two looks, when nobody calls
SWEEP_S: Final = 2.0  # between two looks for what somebody left
SWEPT_AT_ONCE: Final = 50  # tenants
LEFT_AFTER: Final = timedelta(seconds=1)  # in the outbox: then nobody is about to clear it
CLOSE_S: Final = 2.0
_CIRCUITS: Final = 10_000

_GONE: Final = 410


class Tells(Protocol):
    """Who counts what becomes of tries."""

    def delivery(self, outcome: str) -> None: ...


class Sender(Protocol):
    """The way out of the house."""

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: dict[str, str],
        max_bytes: int,
        within_s: float,
        cut: bool,
    ) -> Reply: ...


class Deliveries:
    """What this process sends. ``wake`` it after a commit that webhooks may be told of."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        bodies: Bodies,
        signs: WebhookSecrets,
        sender: Sender,
        clock: Clock,
        log: Log,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
        *,
        meter: Tells | None = None,
        may_send: Callable[[UUID], Awaitable[bool]] | None = None,
    ) -> None:
        """``may_send``: whether a tenant's may be sent now; None: always. Until then they wait."""
        self.name = f"{platform.node()[:32]}-{os.getpid()}-{secrets.token_urlsafe(6)}"
        self._database, self._directory, self._bodies = database, directory, bodies
        self._signs, self._sender, self._clock, self._log = signs, sender, clock, log
        self._now, self._chance = now, chance
        self._meter, self._may_send = meter, may_send
        self._outbox, self._log_of_models = Outbox(database), ModelLog(database)
        self._kept = DeliveryStore(database)
        self._look_at: dict[UUID, datetime] = {}  # tenants, and when something of theirs is due
        self._held: dict[Way, UUID] = {}  # what is being sent: whose
        self._news_of: set[UUID] = set()  # tenants of whose runs somebody may have to be told
        self._oldest: dict[UUID, datetime] = {}  # since when a tenant's webhooks wait
        self._circuits: dict[UUID, Circuit] = {}  # of webhooks whose newest answer was a failure
        self._swept = ""  # the tenant that was looked after last
        self._woken = asyncio.Event()
        self._sending = Tasks(log)
        self._loops = Tasks(log)

    @property
    def busy(self) -> int:
        """How many streams are being sent."""
        return len(self._held)

    @property
    def oldest_s(self) -> float:
        """How long the oldest delivery that is not made yet has waited, as of the newest look."""
        since = min(self._oldest.values(), default=None)
        return 0.0 if since is None else max(0.0, (self._now() - since).total_seconds())

    def start(self) -> None:
        """Send from now on."""
        self._loops.begin(self._every(TICK_S, self.turn, self._woken))
        self._loops.begin(self._every(SWEEP_S, self.sweep, asyncio.Event()))

    async def close(self) -> None:
        """Send what is under way, and give every lease back."""
        await self._loops.close(0.0)
        tenants = set(self._held.values())
        await self._sending.close(CLOSE_S)
        for tenant_id in tenants:
            with suppress(Exception):  # the leases end by themselves
                await self._kept.let_all_go(tenant_id, self.name)

    def wake(self, tenant_id: UUID) -> None:
        """Something of a tenant's happened, and is on record; never waits, never raises."""
        self._news_of.add(tenant_id)
        self._look_now(tenant_id)

    def _look_now(self, tenant_id: UUID) -> None:
        self._look_at[tenant_id] = datetime.min.replace(tzinfo=UTC)
        self._woken.set()

    async def clear_outbox(self, tenant_id: UUID, events: list[tuple[UUID, int]]) -> None:
        """Everybody here was told of these operations: now the world.

        Raises:
            DatabaseAway, DatabaseBusy: some of them are still in the outbox.
        """
        if events and await self._outbox.clear(
            tenant_id, events, lambda change: self._bodies.of_model(tenant_id, change)
        ):
            self._look_now(tenant_id)

    async def sweep(self) -> None:
        """Tell of what somebody did and died, and look for what is due, of some tenants."""
        found = await self._directory.page("WEBHOOKS", after=self._swept, limit=SWEPT_AT_ONCE)
        self._swept = found[-1][0] if len(found) == SWEPT_AT_ONCE else ""
        for _, tenant_id in found:
            with self._apart():
                await self.look_after(tenant_id)

    async def look_after(self, tenant_id: UUID) -> None:
        """Tell of what a tenant's members did and nobody told of."""
        before = self._now() - LEFT_AFTER
        left = await self._log_of_models.left_in_outbox(tenant_id, before, 500)
        await self.clear_outbox(tenant_id, left)
        await self._clear_runs(tenant_id)
        due_at = await self._kept.next_due(tenant_id)
        if due_at is None:
            self._oldest.pop(tenant_id, None)
            return
        self._look_at[tenant_id] = min(due_at, self._look_at.get(tenant_id, due_at))
        since = await self._kept.oldest(tenant_id)
        if since is not None:
            self._oldest[tenant_id] = since

    async def _clear_runs(self, tenant_id: UUID) -> None:
        await self._outbox.clear_runs(tenant_id, lambda end: self._bodies.of_run(tenant_id, end))

    async def turn(self) -> None:
        """Begin to send whatever is due, as far as there is room for it."""
        now = self._now()
        for tenant_id in [each for each, at in self._look_at.items() if at <= now]:
            if len(self._held) >= OF_A_PROCESS:
                return
            self._look_at.pop(tenant_id, None)
            with self._apart():
                await self._look(tenant_id, now)

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """What is wrong with one tenant keeps no other waiting; what is of all ends the round."""
        try:
            yield
        except Exception as fault:
            if isinstance(fault, DatabaseAway | DatabaseBusy):
                raise
            self._log.exception("a tenant's webhooks were not looked after")

    async def _look(self, tenant_id: UUID, now: datetime) -> None:
        if tenant_id in self._news_of:
            await self._clear_runs(tenant_id)
            self._news_of.discard(tenant_id)
        await self._begin(tenant_id, now)
        due_at = await self._kept.next_due(tenant_id)
        if due_at is not None:  # what is held or rests is due, too: that is no reason to hurry
            again = max(due_at, now + timedelta(seconds=TICK_S))
            self._look_at.setdefault(tenant_id, again)

    async def _begin(self, tenant_id: UUID, now: datetime) -> None:
        if self._may_send is not None and not await self._may_send(tenant_id):
            return
        begun = True
        while begun:  # of much that is due a look shows the first: those in front may be held now
            begun = False
            held = [way for way, whose in self._held.items() if whose == tenant_id]
            ours = Counter(webhook_id for webhook_id, _ in held)
            room = min(OF_A_TENANT - len(held), OF_A_PROCESS - len(self._held))
            if room <= 0:
                return
            full = {webhook_id for webhook_id, count in ours.items() if count >= OF_A_WEBHOOK}
            resting = {each for each, circuit in self._circuits.items() if rests(circuit)}
            for way in await self._kept.streams(tenant_id, now, held, full | resting):
                if room <= 0:
                    return
                if ours[way[0]] < OF_A_WEBHOOK and await self._take(tenant_id, way, now):
                    ours[way[0]] += 1
                    room -= 1
                    begun = True

    async def _take(self, tenant_id: UUID, way: Way, now: datetime) -> bool:
        """Begin to send a stream. False: it is somebody else's, or its address rests."""
        circuit = self._circuits.get(way[0])
        if way in self._held or (circuit is not None and rests(circuit)):
            return False  # since a moment ago: one at a time finds out whether it answers
        claimed = await self._kept.claim(tenant_id, way, self.name, now, now + LEASE)
        if claimed is None:
            return False
        self._held[way] = tenant_id
        self._sending.begin(self._send_all(tenant_id, claimed))
        return True

    async def _send_all(self, tenant_id: UUID, first: Claimed) -> None:
        """The head of a stream, and what is behind it, until something fails."""
        next_one: Claimed | None = first
        try:
            for _ in range(IN_A_ROW):
                if next_one is None:
                    return
                next_one = await self._send(tenant_id, next_one)
            if next_one is not None:  # others want their turn
                await self._kept.let_go(tenant_id, next_one, self.name, self._now())
        except Exception as fault:  # the lease ends, and whoever looks then goes on
            no = no_of(fault)
            if no is None:
                self._log.exception("a delivery was let go", delivery=str(first.id))
            else:
                self._log.warning("a delivery was let go", reason=no[1])
        finally:
            self._held.pop(first.way, None)
            self._look_now(tenant_id)

    async def _send(self, tenant_id: UUID, claimed: Claimed) -> Claimed | None:
        """Send one; the next of its stream, if it may be sent now."""
        circuit = self._circuit(claimed.webhook_id)
        before = circuit.state
        if not circuit.admits():
            then = self._now() + timedelta(seconds=max(circuit.retry_after_s, TICK_S))
            await self._kept.let_go(tenant_id, claimed, self.name, then)
            return None
        try:
            reply, problem = await self._asked(tenant_id, claimed)
        except BaseException:
            circuit.abandoned()
            raise
        status = None if reply is None else reply.status
        if reply is not None and problem is None:
            self._well(claimed.webhook_id, circuit)
            return await self._delivered(tenant_id, claimed, reply.status, before)
        if status == _GONE:
            self._well(claimed.webhook_id, circuit)  # it answered, and plainly
            self._count("gone")
            await self._pause(tenant_id, claimed.webhook_id, GONE, status=_GONE)
            await self._kept.let_go(tenant_id, claimed, self.name, self._now())
            return None
        self._circuits.setdefault(claimed.webhook_id, circuit).failed()
        return await self._failed(tenant_id, claimed, reply, problem or "")

    async def _asked(self, tenant_id: UUID, claimed: Claimed) -> tuple[Reply | None, str | None]:
        """The answer, and what is wrong with it or with asking."""
        body = claimed.payload.encode()
        event_id = orjson.loads(body)["id"]
        try:
            headers = self._signs.headers(
                tenant_id, claimed.webhook_id, claimed.secret, event_id, body, self._now()
            )
        except NotSealed:
            return None, "Its secret cannot be opened any more. Rotate it."
        try:
            reply = await self._sender.post(
                claimed.url,
                body,
                headers=headers,
                max_bytes=ANSWER_BYTES,
                within_s=WITHIN_S,
                cut=True,
            )
        except (NoAnswer, NotAllowed) as no:
            return None, str(no)
        if 200 <= reply.status < 300:
            return reply, None
        if 300 <= reply.status < 400:
            return reply, f"It answered {reply.status}; redirects are not followed."
        return reply, f"It answered {reply.status}."

    async def _delivered(
        self, tenant_id: UUID, claimed: Claimed, status: int, before: State
    ) -> Claimed | None:
        if before is not State.CLOSED or claimed.attempts > 0:  # it answers again
            await self._kept.hasten(tenant_id, claimed.webhook_id, self._now())
        self._count("delivered")
        return await self._end(tenant_id, claimed, "DELIVERED", status, None)

    async def _failed(
        self, tenant_id: UUID, claimed: Claimed, reply: Reply | None, problem: str
    ) -> Claimed | None:
        now = self._now()
        status = None if reply is None else reply.status
        due_at = now + pause_after(claimed.attempts + 1, reply, self._chance())
        tried = claimed.attempts + 1
        if due_at > claimed.since + LIFETIME and tried >= TRIED_LEAST:
            self._log.warning("a delivery is dead", webhook=str(claimed.webhook_id), attempts=tried)
            self._count("dead")
            if await self._kept.takes_nothing(tenant_id, claimed.webhook_id, claimed.since):
                await self._pause(tenant_id, claimed.webhook_id, TAKES_NOTHING)
            return await self._end(tenant_id, claimed, "DEAD", status, problem)
        self._count("failed")
        await self._kept.later(
            tenant_id, claimed, self.name, due_at, status=status, problem=problem
        )
        return None

    async def _end(
        self, tenant_id: UUID, claimed: Claimed, state: str, status: int | None, problem: str | None
    ) -> Claimed | None:
        now = self._now()
        return await self._kept.ended(
            *(tenant_id, claimed, self.name, now, now + LEASE),
            state=state,
            status=status,
            problem=problem,
        )

    async def _pause(
        self, tenant_id: UUID, webhook_id: UUID, reason: str, status: int | None = None
    ) -> None:
        """Nothing is sent to it, until somebody resumes it."""
        now, about = self._now(), ("webhook.paused", "webhook", webhook_id)
        async with self._database.writing(tenant_id) as session:
            if await kept.pause(session, webhook_id, reason, now):
                await note(session, entry(None, *about, at=now, reason=reason, status=status))
                self._log.warning("a webhook was paused", webhook=str(webhook_id), reason=reason)

    def _circuit(self, webhook_id: UUID) -> Circuit:
        if len(self._circuits) >= _CIRCUITS:
            self._circuits.clear()
        new = Circuit(failures=FAILURES, open_s=REST_S, clock=self._clock.time)
        return self._circuits.setdefault(webhook_id, new)

    def _well(self, webhook_id: UUID, circuit: Circuit) -> None:
        circuit.succeeded()
        self._circuits.pop(webhook_id, None)

    def _count(self, outcome: str) -> None:
        if self._meter is not None:
            self._meter.delivery(outcome)

    async def _every(
        self, seconds: float, work: Callable[[], Awaitable[None]], called: asyncio.Event
    ) -> None:
        """Again and again, and as soon as it is called."""
        while True:
            timer = self._clock.call_at(self._clock.time() + seconds, called.set)
            try:
                await called.wait()
            finally:
                timer.cancel()
            called.clear()
            try:
                await work()
            except Exception as fault:
                no = no_of(fault)
                if no is None:
                    self._log.exception("webhooks were not looked after")
                else:  # it is known what this is, and it is tried again
                    self._log.warning("webhooks were not looked after", reason=no[1])


def rests(circuit: Circuit) -> bool:
    """Whether nothing is to be sent there now."""
    if circuit.state is State.HALF_OPEN:
        return True
    return circuit.state is State.OPEN and circuit.retry_after_s > 0.0
