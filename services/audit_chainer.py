"""Who chains the audit: each process, for the tenants that it wrote for, every second.

What a process left behind that died is chained by the next one that writes for the tenant, and by
whoever reads its audit. From time to time the head of a chain that has grown is signed, kept, and
told to the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from observability.logs import Log
from services.audit_form import hashed
from services.audit_signing import Signer, signed
from store.audit_chain import AT_ONCE, AuditChain, Checkpoint
from store.errors import DatabaseAway, DatabaseBusy, NotKept
from store.outbox import Happening

EACH_S: Final = 1.0
HEAD_EVENTS: Final = 1_000  # a head is signed after so many events,
HEAD_AFTER: Final = timedelta(minutes=10)  # or after so long, if there is anything new
CLOSE_S: Final = 2.0
_TRIES: Final = 20  # to be the one who chains; each time another one did some of it

Clock = Callable[[], datetime]


class Sink(Protocol):
    """Where heads go, so that nobody who holds the database can rewrite it unseen."""

    def told(self, tenant_id: UUID, checkpoint: Checkpoint) -> Sequence[Happening]:
        """What is put on its way in the transaction that keeps the head."""

    def on_head(self, tenant_id: UUID, checkpoint: Checkpoint) -> None:
        """A head is kept, and on its way; never waits, never raises."""


class Nowhere:
    """Heads stay in the database."""

    def told(self, _tenant_id: UUID, _checkpoint: Checkpoint) -> Sequence[Happening]:
        """Nothing."""
        return ()

    def on_head(self, _tenant_id: UUID, _checkpoint: Checkpoint) -> None:
        """Nobody is told."""


class AuditChainer:
    """Chains, and signs heads where it has a key. The sink is told of each new head once."""

    def __init__(
        self,
        chain: AuditChain,
        log: Log,
        signer: Signer | None = None,
        *,
        sink: Sink | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        each_s: float = EACH_S,
        head_events: int = HEAD_EVENTS,
        head_after: timedelta = HEAD_AFTER,
    ) -> None:
        self._sink: Sink = sink or Nowhere()
        self._chain, self._log, self._signer = chain, log, signer
        self._clock, self._each_s = clock, each_s
        self._head_events, self._head_after = head_events, head_after
        self._unsigned: dict[UUID, datetime] = {}  # since when a chain is longer than its head
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look after the chains from now on."""
        self._task = asyncio.create_task(self._again(), name="audit")

    async def close(self) -> None:
        """Chain what there is, if that goes quickly: otherwise it is done by whoever comes next."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        with suppress(TimeoutError, DatabaseAway, DatabaseBusy, NotKept):
            await asyncio.wait_for(self.round(), CLOSE_S)

    async def drain(self, tenant_id: UUID) -> None:
        """Chain everything that is on record for a tenant at this moment.

        Raises:
            DatabaseBusy, DatabaseAway.
        """
        for _ in range(_TRIES):
            try:
                while await self._chain.chain(tenant_id, hashed) == AT_ONCE:
                    pass
                return
            except NotKept:  # another process was faster: look what is left
                await asyncio.sleep(0)
        raise DatabaseBusy(code="AUDIT")

    async def round(self) -> None:
        """Once for every tenant that this process wrote for; one that cannot be holds up nobody.

        Raises:
            DatabaseBusy, DatabaseAway: what is left is done in the next round.
        """
        noted, missed = self._chain.noted, None
        for tenant_id in list(noted):
            noted.discard(tenant_id)  # first: what is written from now on puts it back
            try:
                await self.drain(tenant_id)
                await self._sign_when_long(tenant_id)
            except DatabaseBusy as busy:
                noted.add(tenant_id)
                missed = busy
            except BaseException:
                noted.add(tenant_id)
                raise
        for tenant_id, since in list(self._unsigned.items()):
            if self._clock() - since >= self._head_after:
                await self.sign(tenant_id)
                del self._unsigned[tenant_id]
        if missed is not None:
            raise missed

    async def sign(self, tenant_id: UUID) -> Checkpoint | None:
        """Sign where the chain ends now; None: nothing is new, or there is no key.

        Raises:
            DatabaseBusy, DatabaseAway.
        """
        if self._signer is None:
            return None
        head = await self._chain.head(tenant_id)
        last = await self._chain.newest(tenant_id, "HEAD")
        if last is not None and head.seq < last.seq:
            # Only somebody who writes past the service shortens a chain.
            self._log.error(
                "an audit is shorter than its signed head", tenant=str(tenant_id), seq=head.seq
            )
            return None
        if head.seq == 0 or (last is not None and head.seq == last.seq):
            return None
        checkpoint = signed(self._signer, tenant_id, "HEAD", head.seq, head.hash, self._clock())
        told = self._sink.told(tenant_id, checkpoint)
        if not await self._chain.keep(tenant_id, checkpoint, told):
            return None  # another process signed it, and tells the world
        self._sink.on_head(tenant_id, checkpoint)
        return checkpoint

    async def _sign_when_long(self, tenant_id: UUID) -> None:
        if self._signer is None:
            return
        head = await self._chain.head(tenant_id)
        last = await self._chain.newest(tenant_id, "HEAD")
        if head.seq - (0 if last is None else last.seq) >= self._head_events:
            await self.sign(tenant_id)
            self._unsigned.pop(tenant_id, None)
        else:
            self._unsigned.setdefault(tenant_id, self._clock())

    async def _again(self) -> None:
        while True:
            await asyncio.sleep(self._each_s)
            try:
                await self.round()
            except (DatabaseAway, DatabaseBusy) as away:
                self._log.warning("the audit was not chained yet", reason=str(away))
            except Exception:
                self._log.exception("the audit was not chained yet")
