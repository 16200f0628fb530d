"""What is seen is on record before it is answered: each look at a model, and each copy taken.

A look is on record once a minute for the same way in of the same member, by this process: who saw
a model, and when, is told to the minute, and a page that asks again each second writes one entry.
What leaves the house as a file is on record each time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from services.audit import HOUSE, entry
from services.principal import Principal
from store.audit import Entry

COALESCED_S: Final = 60.0
_REMEMBERED: Final = 50_000


class Looks(Protocol):
    """What is told of those who look; durable when it returns."""

    async def saw(
        self,
        principal: Principal,
        action: str,
        subject_kind: str,
        subject: UUID | str,
        **details: UUID | str,
    ) -> None: ...

    async def saw_all(
        self,
        principal: Principal,
        action: str,
        subject_kind: str,
        subjects: Iterable[UUID | str],
    ) -> None: ...

    async def took(
        self,
        principal: Principal,
        action: str,
        subject_kind: str,
        subject: UUID | str,
        **details: Any,
    ) -> None: ...


class Notes(Protocol):
    """Where entries are kept; durable when it returns."""

    async def add(self, tenant_id: UUID, entry: Entry) -> None: ...

    async def add_all(self, tenant_id: UUID, entries: Sequence[Entry]) -> None: ...


class _Look(NamedTuple):
    """Who looks at what, and by which way in."""

    tenant_id: UUID
    member_id: UUID
    session_id: str
    action: str
    subject: str
    more: tuple[tuple[str, UUID | str], ...]  # of another run, it is another look


class AuditLog:
    """The looks that this process has put on record."""

    def __init__(self, notes: Notes, timer: Callable[[], float] = monotonic) -> None:
        self._notes, self._timer = notes, timer
        self._seen: OrderedDict[_Look, tuple[float, asyncio.Task[None] | None]] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    async def saw(
        self,
        principal: Principal,
        action: str,
        subject_kind: str,
        subject: UUID | str,
        **details: UUID | str,
    ) -> None:
        """Put a look on record, unless it is; durable when this returns. Raises as `saw_all`."""
        await self._saw(principal, action, subject_kind, (subject,), details)

    async def saw_all(
        self,
        principal: Principal,
        action: str,
        subject_kind: str,
        subjects: Iterable[UUID | str],
    ) -> None:
        """Put a look at each of these on record. The house looks at nothing.

        Raises:
            DatabaseBusy, DatabaseAway: then whoever asked is not answered.
        """
        await self._saw(principal, action, subject_kind, subjects, {})

    async def _saw(
        self,
        principal: Principal,
        action: str,
        subject_kind: str,
        subjects: Iterable[UUID | str],
        details: Mapping[str, Any],
    ) -> None:
        if principal.member_id == HOUSE:
            return
        now, more = self._timer(), tuple(sorted(details.items()))
        under_way: list[asyncio.Task[None]] = []
        new: list[tuple[_Look, Entry]] = []
        for subject in subjects:
            look = _Look(
                principal.tenant_id,
                principal.member_id,
                principal.session_id,
                action,
                str(subject),
                more,
            )
            known = self._seen.get(look)
            if known is None or now - known[0] >= COALESCED_S:
                new.append((look, entry(principal, action, subject_kind, subject, **details)))
            elif known[1] is not None:
                under_way.append(known[1])
        if new:
            await self._keep(principal.tenant_id, new)
        for writing in under_way:  # what somebody else writes at this moment is not durable yet
            await asyncio.shield(writing)

    async def took(
        self,
        principal: Principal,
        action: str,
        subject_kind: str,
        subject: UUID | str,
        **details: Any,
    ) -> None:
        """Put something on record each time, durable when this returns: a file leaves."""
        await self._notes.add(
            principal.tenant_id, entry(principal, action, subject_kind, subject, **details)
        )

    async def _keep(self, tenant_id: UUID, new: list[tuple[_Look, Entry]]) -> None:
        entries = [noted for _, noted in new]
        writing = asyncio.create_task(_done(self._notes.add_all(tenant_id, entries)))
        looks = [look for look, _ in new]
        for look in looks:
            self._remember(look, writing)
        self._writing.add(writing)
        writing.add_done_callback(partial(self._settled, looks))
        await asyncio.shield(writing)  # whoever leaves now leaves the entry behind

    def _settled(self, looks: Sequence[_Look], writing: asyncio.Task[None]) -> None:
        self._writing.discard(writing)
        failed = writing.cancelled() or writing.exception() is not None
        for look in looks:
            known = self._seen.get(look)
            if known is not None and known[1] is writing:
                if failed:
                    del self._seen[look]
                else:
                    self._seen[look] = (known[0], None)

    def _remember(self, look: _Look, writing: asyncio.Task[None]) -> None:
        self._seen[look] = (self._timer(), writing)
        self._seen.move_to_end(look)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


async def _done(work: Awaitable[None]) -> None:
    await work
