"""Runs: work that outlasts a request, and whose turn it is to do it.

A process that works on a run holds its lease: nobody else changes the row until the lease has
lapsed. Every change says in its own condition what it relies on, so of two processes that try the
same thing one is told that it was too late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, bindparam, case, func, null, or_

from store import scope
from store.audit import Entry, note
from store.database import Database
from store.tables import RunRow, TenantRow
from store.usage import add_used

ACTIVE: Final = ("QUEUED", "RUNNING")
NEWEST: Final = UUID(int=2**128 - 1)  # beyond every id


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as it is kept."""

    id: UUID
    kind: str  # one of store.tables.RUN_KINDS
    operation_id: str  # 1 to 64 characters; one run has it in a tenant
    fingerprint: str  # SHA-256 in hex of what was asked under it
    valuation_id: str  # whose inputs are drawn about
    spec: str  # JSON
    state: str  # one of store.tables.RUN_STATES
    owner: str | None  # the process that holds the lease
    lease_until: datetime | None
    attempts: int  # how often it was begun
    trials: int
    trials_done: int
    progress: str | None  # JSON
    result: str | None  # JSON
    refusal: str | None  # JSON
    created_by: UUID
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    announced: bool = False  # whether webhooks were told of its end
    points: int = 0  # that were paid for its trials
    points_back: int | None = 0  # of them, given back; None: that is not settled yet

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    def lapsed(self, now: datetime) -> bool:
        """Whether it waits for a process to take it."""
        return self.active and (self.lease_until is None or self.lease_until < now)


@dataclass(frozen=True, slots=True)
class Added:
    """The run on record under an operation's id; not ``fresh``: it was there already."""

    run: RunRecord
    fresh: bool


_COLUMNS: Final = tuple(field.name for field in fields(RunRecord))


def _column(name: str) -> Any:
    return scope.column(RunRow, name)


_THIS: Final = scope.equals(RunRow, "id", "run_id")
_MINE: Final = scope.equals(RunRow, "owner", "mine")
_IS_ACTIVE: Final = _column("state").in_(ACTIVE)
_LAPSED: Final = _IS_ACTIVE & or_(
    _column("lease_until").is_(None),
    _column("lease_until") < scope.given(RunRow, "lease_until", "now"),
)
_NOBODYS: Final = {"owner": null(), "lease_until": null()}

_FIND = scope.select(RunRow, *_COLUMNS).where(_THIS)
_OF_OPERATION = scope.select(RunRow, *_COLUMNS).where(scope.equals(RunRow, "operation_id"))
_FIND_LAPSED = scope.select(RunRow, *_COLUMNS).where(_LAPSED)
_FIND_MINE = scope.select(RunRow, "id").where(_MINE, _IS_ACTIVE)
# The newest first: ids are drawn in the order of time.
_PAGE_DONE = (
    scope.select(RunRow, *_COLUMNS)
    .where(scope.equals(RunRow, "state"), scope.beyond(RunRow, ("id",), descending=True))
    .order_by(_column("id").desc())
    .limit(bindparam("limit", type_=Integer()))
)
_COUNT_ACTIVE = scope.count(RunRow).where(_IS_ACTIVE)
# Held until the transaction ends, so that of two starts of a tenant the second counts the first.
_HOLD_TENANT = scope.select(TenantRow, "tenant_id").with_for_update(key_share=True)
_ADD = scope.insert(RunRow)
_BEGIN = (
    scope.update(RunRow, "state", "trials_done")
    .values(
        attempts=_column("attempts") + 1,
        progress=null(),
        started_at=func.coalesce(_column("started_at"), scope.given(RunRow, "started_at", "now")),
    )
    .where(_THIS, _MINE, _IS_ACTIVE)
)
_RENEW = scope.update(RunRow, "lease_until").where(_MINE, _IS_ACTIVE)
_NOTE = scope.update(RunRow, "trials_done", "progress").where(_THIS, _MINE, _IS_ACTIVE)
_TAKE = scope.update(RunRow, "state", "owner", "lease_until").where(_THIS, _LAPSED)
_RELEASE = (
    scope.update(RunRow, "state")
    .values(
        **_NOBODYS,
        attempts=case(
            (_column("state") == "RUNNING", _column("attempts") - 1), else_=_column("attempts")
        ),
    )
    .where(_MINE, _IS_ACTIVE)
)
_FINISH = (
    scope.update(RunRow, "state", "trials_done", "progress", "result", "refusal", "ended_at")
    .values(**_NOBODYS)
    .where(_THIS, _MINE, _IS_ACTIVE)
)
_ABANDON = (
    scope.update(RunRow, "state", "refusal", "ended_at").values(**_NOBODYS).where(_THIS, _LAPSED)
)
_UNSETTLED: Final = ~_IS_ACTIVE & _column("points_back").is_(None)
_FIND_UNSETTLED = (
    scope.select(RunRow, *_COLUMNS)
    .where(_UNSETTLED, _column("ended_at") < scope.given(RunRow, "ended_at", "before"))
    .limit(bindparam("limit", type_=Integer()))
)
_SETTLE = scope.update(RunRow, "points_back").where(_THIS, _UNSETTLED)
_CANCEL = (
    scope.update(RunRow, "state", "refusal", "ended_at")
    .values(
        **_NOBODYS,
        **{
            name: func.coalesce(scope.given(RunRow, name), _column(name))
            for name in ("trials_done", "progress")
        },
    )
    .where(_THIS, _IS_ACTIVE)
)


class Runs:
    """The runs of all tenants, each tenant's apart. Any method: DatabaseBusy, DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, tenant_id: UUID, run: RunRecord, at_most: int, noted: Entry | None = None
    ) -> Added | None:
        """Keep a new run, and what the audit has of it; None: ``at_most`` are active already.

        Where its operation's id is on record, the run of that id is answered instead.
        """
        async with self._database.writing(tenant_id) as session:
            await session.first(_HOLD_TENANT)
            earlier = await session.first(_OF_OPERATION, operation_id=run.operation_id)
            if earlier is not None:
                return Added(RunRecord(**earlier), fresh=False)
            active = await session.first(_COUNT_ACTIVE)
            if active is not None and active["count"] >= at_most:
                return None
            await session.execute(_ADD, **{name: getattr(run, name) for name in _COLUMNS})
            if noted is not None:
                await note(session, noted)
            return Added(run, fresh=True)

    async def find(self, tenant_id: UUID, run_id: UUID) -> RunRecord | None:
        """The tenant's run of that id. Another tenant's is not found."""
        return _record(await self._database.first(tenant_id, _FIND, run_id=run_id))

    async def of_operation(self, tenant_id: UUID, operation_id: str) -> RunRecord | None:
        """The tenant's run that an operation started."""
        found = await self._database.first(tenant_id, _OF_OPERATION, operation_id=operation_id)
        return _record(found)

    async def lapsed(self, tenant_id: UUID, now: datetime) -> list[RunRecord]:
        """Those that wait for a process to take them."""
        async with self._database.reading(tenant_id) as session:
            return [RunRecord(**row) for row in await session.all(_FIND_LAPSED, now=now)]

    async def mine(self, tenant_id: UUID, owner: str) -> set[UUID]:
        """The ids of those whose lease an owner holds."""
        async with self._database.reading(tenant_id) as session:
            return {row["id"] for row in await session.all(_FIND_MINE, mine=owner)}

    async def done_page(self, tenant_id: UUID, after: UUID, limit: int) -> list[RunRecord]:
        """The tenant's next runs that are DONE, the newest first; `NEWEST` begins."""
        values = {"state": "DONE", "after_id": after, "limit": limit}
        rows = await self._database.all(tenant_id, _PAGE_DONE, **values)
        return [RunRecord(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]

    async def begin(self, tenant_id: UUID, run_id: UUID, owner: str, now: datetime) -> bool:
        """The owner sets to work, once more. False: it is not the owner's any longer."""
        values: dict[str, Any] = {"state": "RUNNING", "trials_done": 0, "now": now}
        return await self._change(tenant_id, _BEGIN, run_id=run_id, mine=owner, **values)

    async def renew(self, tenant_id: UUID, owner: str, until: datetime) -> int:
        """Hold on to every run of an owner until then; how many they are."""
        async with self._database.writing(tenant_id) as session:
            return await session.execute(_RENEW, mine=owner, lease_until=until)

    async def note(
        self, tenant_id: UUID, run_id: UUID, owner: str, trials_done: int, progress: str
    ) -> bool:
        """Keep what is known so far."""
        known: dict[str, Any] = {"trials_done": trials_done, "progress": progress}
        return await self._change(tenant_id, _NOTE, run_id=run_id, mine=owner, **known)

    async def take(
        self, tenant_id: UUID, run_id: UUID, owner: str, now: datetime, until: datetime
    ) -> bool:
        """Take a run whose lease has lapsed. False: another was faster, or it has ended."""
        lease: dict[str, Any] = {"state": "QUEUED", "owner": owner, "lease_until": until}
        return await self._change(tenant_id, _TAKE, run_id=run_id, now=now, **lease)

    async def release(self, tenant_id: UUID, owner: str) -> None:
        """Let go of every run of an owner; what was begun does not count as an attempt."""
        async with self._database.writing(tenant_id) as session:
            await session.execute(_RELEASE, mine=owner, state="QUEUED")

    async def finish(
        self,
        tenant_id: UUID,
        run_id: UUID,
        owner: str,
        now: datetime,
        *,
        state: str,
        trials_done: int,
        progress: str | None,
        result: str | None,
        refusal: str | None,
        noted: Entry | None = None,
    ) -> bool:
        """The owner's last word: DONE with a result, FAILED with a refusal. False: too late."""
        last: dict[str, Any] = {
            "state": state,
            "trials_done": trials_done,
            "progress": progress,
        }
        word: dict[str, Any] = {"result": result, "refusal": refusal, "ended_at": now}
        return await self._change(
            tenant_id, _FINISH, noted, run_id=run_id, mine=owner, **last, **word
        )

    async def abandon(
        self,
        tenant_id: UUID,
        run_id: UUID,
        now: datetime,
        refusal: str,
        noted: Entry | None = None,
    ) -> bool:
        """Nobody takes it again: FAILED. False: somebody has, or it has ended."""
        end: dict[str, Any] = {"state": "FAILED", "refusal": refusal, "ended_at": now}
        return await self._change(tenant_id, _ABANDON, noted, run_id=run_id, now=now, **end)

    async def cancel(
        self,
        tenant_id: UUID,
        run_id: UUID,
        now: datetime,
        refusal: str,
        *,
        trials_done: int | None = None,
        progress: str | None = None,
        noted: Entry | None = None,
    ) -> bool:
        """CANCELLED, whoever holds it. False: there is no such run, or it has ended.

        Without progress, what was noted last stays.
        """
        end: dict[str, Any] = {"state": "CANCELLED", "refusal": refusal, "ended_at": now}
        known: dict[str, Any] = {"trials_done": trials_done, "progress": progress}
        return await self._change(tenant_id, _CANCEL, noted, run_id=run_id, **end, **known)

    async def unsettled(self, tenant_id: UUID, before: datetime, limit: int) -> list[RunRecord]:
        """Some that ended before then, of whose points nobody has said what comes back."""
        async with self._database.reading(tenant_id) as session:
            rows = await session.all(_FIND_UNSETTLED, before=before, limit=limit)
        return [RunRecord(**row) for row in rows]

    async def settle(
        self, tenant_id: UUID, run_id: UUID, points_back: int, day: str, used: Mapping[str, int]
    ) -> bool:
        """What came back of an ended run's points, and what usage has of it on a day, together.

        False: it is on record already, or the run has not ended.
        """
        async with self._database.writing(tenant_id) as session:
            settled = await session.execute(_SETTLE, run_id=run_id, points_back=points_back) == 1
            if settled:
                await add_used(session, day, used)
        return settled

    async def _change(
        self, tenant_id: UUID, change: Any, noted: Entry | None = None, **values: object
    ) -> bool:
        """Change a run, and put it on record where it was changed."""
        async with self._database.writing(tenant_id) as session:
            changed = await session.execute(change, **values) == 1
            if changed and noted is not None:
                await note(session, noted)
        return changed


def _record(found: tuple[Any, ...] | None) -> RunRecord | None:
    return None if found is None else RunRecord(**dict(zip(_COLUMNS, found, strict=True)))
