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
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import orjson

from collab.surroundings import Clock, Log, Tasks
from services.audit import entry
from services.circuit import Circuit, State
from services.errors import no_of
from services.outward import NoAnswer, NotAllowed, Reply
from services.sealing import NotSealed
from services.webhook_events import Bodies
from services.webhook_secrets import WebhookSecrets
from store import deliveries as kept
from store.audit import note
from store.database import Database
from store.deliveries import Claimed
from store.deliveries import Deliveries as DeliveryStore
from store.directory import Directory
from store.model_log import ModelLog
from store.outbox import Outbox

_MINUTE, _HOUR = 60, 3_600
PAUSES: Final = tuple(  # after the first failure, the second, …; the last one again and again
    timedelta(seconds=seconds)
    for seconds in (
        *(5, 15, 45, 2 * _MINUTE, 7 * _MINUTE, 20 * _MINUTE),
        *(_HOUR, 3 * _HOUR, 9 * _HOUR, 12 * _HOUR),
    )
)
LIFETIME: Final = timedelta(days=3)  # from when it was first due: then it is DEAD
TRIED_LEAST: Final = 3  # times, however old it is
JITTER: Final = 0.2  # of a pause, more or less
WITHIN_S: Final = 10.0  # from the name to the answer
LEASE: Final = timedelta(seconds=30)  # longer than an attempt by far
ANSWER_BYTES: Final = 1_024  # of the answer: nobody reads more
RETRY_AFTER_MOST_S: Final = 3_600.0  # that a receiver may ask for

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
_TOO_MANY: Final = (429, 503)


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
    """What this process sends. ``wake`` it after a commit that told webhooks of something."""

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
    ) -> None:
        self.name = f"{platform.node()[:32]}-{os.getpid()}-{secrets.token_urlsafe(6)}"
        self._database, self._directory, self._bodies = database, directory, bodies
        self._signs, self._sender, self._clock, self._log = signs, sender, clock, log
        self._now, self._chance = now, chance
        self._outbox, self._log_of_models = Outbox(database), ModelLog(database)
        self._kept = DeliveryStore(database)
        self._look_at: dict[UUID, datetime] = {}  # tenants, and when something of theirs is due
        self._held: dict[tuple[UUID, str], UUID] = {}  # webhook and stream: whose
        self._circuits: dict[UUID, Circuit] = {}
        self._swept = ""  # the tenant that was looked after last
        self._woken = asyncio.Event()
        self._sending = Tasks(log)
        self._loops = Tasks(log)

    @property
    def busy(self) -> int:
        """How many streams are being sent."""
        return len(self._held)

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
        """Something of a tenant's may be due; never waits, never raises."""
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
            self.wake(tenant_id)

    async def sweep(self) -> None:
        """Tell of what somebody did and died, and look for what is due, of some tenants."""
        found = await self._directory.page("WEBHOOKS", after=self._swept, limit=SWEPT_AT_ONCE)
        self._swept = found[-1][0] if len(found) == SWEPT_AT_ONCE else ""
        for _, tenant_id in found:
            await self.look_after(tenant_id)

    async def look_after(self, tenant_id: UUID) -> None:
        """Tell of what a tenant's members did and nobody told of."""
        before = self._now() - LEFT_AFTER
        left = await self._log_of_models.left_in_outbox(tenant_id, before, 500)
        await self.clear_outbox(tenant_id, left)
        await self._outbox.clear_runs(tenant_id, lambda end: self._bodies.of_run(tenant_id, end))
        due_at = await self._kept.next_due(tenant_id)
        if due_at is not None:
            self._look_at[tenant_id] = min(due_at, self._look_at.get(tenant_id, due_at))

    async def turn(self) -> None:
        """Begin to send whatever is due, as far as there is room for it."""
        now = self._now()
        for tenant_id in [each for each, at in self._look_at.items() if at <= now]:
            if len(self._held) >= OF_A_PROCESS:
                return
            self._look_at.pop(tenant_id, None)
            await self._begin(tenant_id, now)
            due_at = await self._kept.next_due(tenant_id)
            if due_at is not None:  # what is held or rests is due, too: that is no reason to hurry
                again = max(due_at, now + timedelta(seconds=TICK_S))
                self._look_at.setdefault(tenant_id, again)

    async def _begin(self, tenant_id: UUID, now: datetime) -> None:
        ours = Counter(
            webhook_id for (webhook_id, _), whose in self._held.items() if whose == tenant_id
        )
        room = min(OF_A_TENANT - ours.total(), OF_A_PROCESS - len(self._held))
        if room <= 0:
            return
        full = {webhook_id for webhook_id, count in ours.items() if count >= OF_A_WEBHOOK}
        resting = {each for each, circuit in self._circuits.items() if rests(circuit)}
        found = await self._kept.streams(tenant_id, now, full | resting, OF_A_TENANT + OF_A_PROCESS)
        for way in found:
            webhook_id, _ = way
            circuit = self._circuits.get(webhook_id)
            if way in self._held or ours[webhook_id] >= OF_A_WEBHOOK:
                continue
            if circuit is not None and rests(circuit):
                continue  # since a moment ago: one at a time finds out whether it answers
            claimed = await self._kept.claim(tenant_id, way, self.name, now, now + LEASE)
            if claimed is None:
                continue
            self._held[way] = tenant_id
            ours[webhook_id] += 1
            self._sending.begin(self._send_all(tenant_id, claimed))
            room -= 1
            if room == 0:
                return

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
            self.wake(tenant_id)

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
            circuit.succeeded()
            return await self._delivered(tenant_id, claimed, reply.status, before)
        if status == _GONE:
            circuit.succeeded()  # it answered, and plainly
            await self._gone(tenant_id, claimed)
            return None
        circuit.failed()
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
        return await self._end(tenant_id, claimed, "DELIVERED", status, None)

    async def _failed(
        self, tenant_id: UUID, claimed: Claimed, reply: Reply | None, problem: str
    ) -> Claimed | None:
        now = self._now()
        status = None if reply is None else reply.status
        due_at = now + self._pause(claimed.attempts, reply)
        tried = claimed.attempts + 1
        if due_at > claimed.since + LIFETIME and tried >= TRIED_LEAST:
            self._log.warning("a delivery is dead", webhook=str(claimed.webhook_id), attempts=tried)
            return await self._end(tenant_id, claimed, "DEAD", status, problem)
        await self._kept.later(
            tenant_id, claimed, self.name, due_at, status=status, problem=problem
        )
        return None

    async def _end(
        self, tenant_id: UUID, claimed: Claimed, state: str, status: int | None, problem: str | None
    ) -> Claimed | None:
        now = self._now()
        return await self._kept.ended(
            tenant_id,
            claimed,
            self.name,
            now,
            now + LEASE,
            state=state,
            status=status,
            problem=problem,
        )

    async def _gone(self, tenant_id: UUID, claimed: Claimed) -> None:
        """Nothing is sent to who says that it is gone, until somebody resumes it."""
        now = self._now()
        async with self._database.writing(tenant_id) as session:
            if await kept.pause(session, claimed.webhook_id, GONE, now):
                await note(
                    session,
                    entry(
                        None, "webhook.paused", "webhook", claimed.webhook_id, at=now, status=410
                    ),
                )
        await self._kept.let_go(tenant_id, claimed, self.name, now)

    def _pause(self, failed_before: int, reply: Reply | None) -> timedelta:
        pause = PAUSES[min(failed_before, len(PAUSES) - 1)]
        pause *= 1.0 + JITTER * (2.0 * self._chance() - 1.0)
        return max(pause, timedelta(seconds=asked_for(reply)))

    def _circuit(self, webhook_id: UUID) -> Circuit:
        circuit = self._circuits.get(webhook_id)
        if circuit is None:
            if len(self._circuits) >= _CIRCUITS:
                self._circuits.clear()
            circuit = Circuit(failures=FAILURES, open_s=REST_S, clock=self._clock.time)
            self._circuits[webhook_id] = circuit
        return circuit

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


GONE: Final = "The address answered 410: it is gone. Resume the webhook when it is back."


def rests(circuit: Circuit) -> bool:
    """Whether nothing is to be sent there now."""
    if circuit.state is State.HALF_OPEN:
        return True
    return circuit.state is State.OPEN and circuit.retry_after_s > 0.0


def asked_for(reply: Reply | None) -> float:
    """The seconds that a busy receiver asks us to wait: no more than an hour of them."""
    if reply is None or reply.status not in _TOO_MANY:
        return 0.0
    said = reply.headers.get("retry-after", "")
    return min(float(said), RETRY_AFTER_MOST_S) if said.isascii() and said.isdigit() else 0.0
