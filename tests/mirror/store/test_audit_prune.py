"""Pruning: by the owner alone, from the beginning alone, and never what is held."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from store import changes, scope
from store.audit import AuditNotes, Entry
from store.audit_chain import AuditChain, Checkpoint
from store.audit_prune import Pruned, prune
from store.database import Database
from store.errors import StoreError
from store.migrate import owner_engine
from store.tables import AuditCheckpointRow, AuditEventRow, LegalHoldRow
from tests.mirror.store.test_audit_chain import chained, entry, links
from tests.mirror.store.world import LATER, NOON, OURS, THEIRS, Place, member

pytestmark = pytest.mark.anyio


def sign(_tenant_id: UUID, seq: int, hash_: str) -> Checkpoint:
    return Checkpoint(kind="PRUNED", seq=seq, hash=hash_, at=LATER, signature=f"cut at {seq}")


def noted(events: int, seq: int) -> Entry:
    return entry(900 + seq, action="audit.pruned", details=f'{{"events":{events}}}')


async def pruned(place: Place, second: int, tenant_id: UUID = OURS) -> Pruned:
    """Prune what was before that second of the series."""
    engine = owner_engine(place.owner_url, "a test")
    try:
        return await prune(engine, tenant_id, NOON + timedelta(seconds=second), sign, noted)
    finally:
        await engine.dispose()


async def filled(database: Database, tenant_id: UUID = OURS) -> AuditChain:
    await AuditNotes(database).add_all(tenant_id, [entry(number) for number in range(1, 7)])
    chain = AuditChain(database)
    await chained(chain, tenant_id)
    return chain


async def test_what_goes_is_a_beginning_and_a_checkpoint_takes_its_place(
    place: Place, database: Database
) -> None:
    chain = await filled(database)
    await filled(database, THEIRS)
    before = await links(database)
    assert await pruned(place, 4) == Pruned(3, 3)
    assert await links(database) == before[3:]
    assert await chain.newest(OURS, "PRUNED") == sign(OURS, 3, before[2].hash)
    assert len(await links(database, THEIRS)) == 6
    await chained(chain)  # the word of it is the next event
    assert [link.action for link in await links(database)][-1] == "audit.pruned"
    assert await pruned(place, 4) == Pruned(0, None)


async def test_a_chain_goes_on_where_all_of_it_was_pruned(place: Place, database: Database) -> None:
    chain = await filled(database)
    last = (await links(database))[-1]
    assert await pruned(place, 1_000) == Pruned(6, 6)
    await chained(chain)
    (link,) = await links(database)
    assert (link.seq, link.previous) == (7, last.hash)


async def test_nothing_goes_that_stands_behind_what_stays(place: Place, database: Database) -> None:
    notes, chain = AuditNotes(database), AuditChain(database)
    await notes.add_all(OURS, [entry(1), entry(2, at=NOON + timedelta(hours=9)), entry(3)])
    await chained(chain)
    assert await pruned(place, 60) == Pruned(1, 1)
    assert [link.seq for link in await links(database)] == [2, 3]


HOLD: Final[dict[str, Any]] = {
    "id": UUID(int=5),
    "subject_kind": "MODEL",
    "subject": "model-9",
    "reason": "A case in court",
    "placed_by": member(1).id,
    "placed_at": NOON,
    "released_by": None,
    "released_at": None,
}


async def test_nothing_goes_between_a_hold_and_its_commit(place: Place, database: Database) -> None:
    await filled(database)
    async with database.writing(OURS) as session:
        await changes.hold(session)
        await session.add_if_absent(LegalHoldRow, **HOLD)
        pruning = asyncio.create_task(pruned(place, 4))
        done, _ = await asyncio.wait({pruning}, timeout=0.5)
        assert not done  # it waits for what is decided here
    assert await pruning == Pruned(0, None, "A case in court")
    assert len(await links(database)) == 6


async def test_nothing_goes_under_a_legal_hold(place: Place, database: Database) -> None:
    await filled(database)
    async with database.writing(OURS) as session:
        await session.add_if_absent(LegalHoldRow, **HOLD)
    assert await pruned(place, 4) == Pruned(0, None, "A case in court")
    assert len(await links(database)) == 6
    release = scope.update(LegalHoldRow, "released_at", "released_by")
    async with database.writing(OURS) as session:
        await session.execute(release, released_at=LATER, released_by=member(1).id)
    assert (await pruned(place, 4)).events == 3


async def changed(database: Database, change: Any) -> None:
    """By the role that serves."""
    values = {} if change.is_delete else {"hash": "f" * 64}
    async with database.writing(OURS) as session:
        await session.execute(change, **values)


async def test_the_role_that_serves_can_neither_change_nor_remove_an_event(
    place: Place, database: Database
) -> None:
    chain = await filled(database)
    head = Checkpoint(kind="HEAD", seq=6, hash="a" * 64, at=NOON, signature="x")
    assert await chain.keep(OURS, head)
    before = await links(database)
    for row in (AuditEventRow, AuditCheckpointRow):
        for change in (scope.delete(row), scope.update(row, "hash")):
            with pytest.raises(StoreError):
                await changed(database, change)
    await pruned(place, 2)  # and what the owner needed for it is not left open
    for change in (scope.delete(AuditEventRow), scope.update(AuditEventRow, "hash")):
        with pytest.raises(StoreError):
            await changed(database, change)
    assert await links(database) == before[1:]
