"""The chain of the audit: every entry once, in one order, whoever chains and however often."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from store.audit import AuditNotes, Entry, note
from store.audit_chain import AT_ONCE, NOTHING, AuditChain, Checkpoint, Link
from store.audit_events import AuditEvents, EventFilter
from store.database import Database
from store.errors import NotKept
from store.financial_models import FinancialModels
from store.valuations import Valuations
from tests.mirror.store.world import (
    NOON,
    OURS,
    THEIRS,
    Place,
    decided,
    member,
    model,
    opened,
    operation,
    valuation,
)

pytestmark = pytest.mark.anyio

ANY = EventFilter()


def entry(number: int, **changes: object) -> Entry:
    """One of a series, in the order of their numbers."""
    plain = Entry(
        id=UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + number),
        at=NOON + timedelta(seconds=number),
        actor_kind="MEMBER",
        actor=member(1).id,
        action="model.read",
        subject_kind="model",
        subject=f"model-{number}",
        session="session",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def hashed(tenant_id: UUID, link: Link) -> str:
    """Not the form that is published, but one that says as much."""
    return sha256(f"{tenant_id} {link.seq} {link.id} {link.previous}".encode()).hexdigest()


async def chained(chain: AuditChain, tenant_id: UUID = OURS) -> None:
    """Chain to the end, beside whoever does the same."""
    while True:
        try:
            if not await chain.chain(tenant_id, hashed):
                return
        except NotKept:
            continue


async def links(database: Database, tenant_id: UUID = OURS) -> list[Link]:
    return await AuditEvents(database).page(tenant_id, ANY, limit=100_000)


def whole(found: list[Link], tenant_id: UUID = OURS) -> bool:
    """Whether every link follows from the one before."""
    previous = NOTHING
    for number, link in enumerate(found, 1):
        if (link.seq, link.previous, link.hash) != (number, previous, hashed(tenant_id, link)):
            return False
        previous = link.hash
    return True


async def test_entries_are_chained_in_the_order_of_their_ids(database: Database) -> None:
    notes, chain = AuditNotes(database), AuditChain(database)
    for number in (2, 1, 3):
        await notes.add(OURS, entry(number))
    assert await chain.waits(OURS)
    await chained(chain)
    found = await links(database)
    assert [link.subject for link in found] == ["model-1", "model-2", "model-3"]
    assert whole(found)
    assert not await chain.waits(OURS)
    await notes.add(OURS, entry(0))  # it came late, and the chain is not rewritten for it
    await chained(chain)
    assert [link.seq for link in await links(database)] == [1, 2, 3, 4]
    assert whole(await links(database))


async def test_a_link_is_the_entry_that_was_written(database: Database) -> None:
    told = entry(1, operation_id="once", details='{"seq":7}', actor=None, actor_kind="SYSTEM")
    async with database.writing(OURS) as session:
        await note(session, told)
    await chained(AuditChain(database))
    (link,) = await links(database)
    for name in ("id", "at", "actor_kind", "actor", "action", "subject_kind", "subject"):
        assert getattr(link, name) == getattr(told, name)
    assert (link.operation_id, link.session, link.details) == ("once", "session", '{"seq":7}')


async def test_an_entry_of_a_transaction_that_is_undone_was_never_there(database: Database) -> None:
    async def undone() -> None:
        async with database.writing(OURS) as session:
            await note(session, entry(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    assert not await AuditChain(database).waits(OURS)
    assert OURS not in database.noted


async def test_a_tenants_chain_is_its_own(database: Database) -> None:
    notes, chain = AuditNotes(database), AuditChain(database)
    await notes.add_all(OURS, [entry(1), entry(2)])
    await notes.add(THEIRS, entry(3))
    assert database.noted >= {OURS, THEIRS}
    await chained(chain, THEIRS)
    assert await links(database) == []
    assert [link.seq for link in await links(database, THEIRS)] == [1]
    assert await chain.waits(OURS)


async def test_two_who_chain_the_same_tenant_leave_no_gap_no_fork_and_no_double(
    place: Place, database: Database
) -> None:
    many = 3 * AT_ONCE
    async with opened(place.url) as other:
        writers = [AuditNotes(each) for each in (database, other)]
        chains = [AuditChain(each) for each in (database, other)] * 2

        async def write(writer: AuditNotes, start: int) -> None:
            for number in range(start, many, 2):
                await writer.add_all(OURS, [entry(number)])

        writing = [write(writer, start) for start, writer in enumerate(writers)]
        work = asyncio.gather(*writing)
        while not work.done():
            await asyncio.gather(*(chained(chain) for chain in chains))
        await work
        await asyncio.gather(*(chained(chain) for chain in chains))
    found = await links(database)
    assert whole(found)
    assert {link.id for link in found} == {entry(number).id for number in range(many)}
    assert len(found) == many


async def test_a_checkpoint_is_kept_once(database: Database) -> None:
    chain = AuditChain(database)
    first = Checkpoint(kind="HEAD", seq=2, hash="a" * 64, at=NOON, signature="by one")
    assert await chain.keep(OURS, first)
    assert not await chain.keep(OURS, replace(first, signature="by another"))
    assert await chain.newest(OURS, "HEAD") == first
    assert await chain.newest(OURS, "PRUNED") is None
    assert await chain.newest(THEIRS, "HEAD") is None


async def test_events_are_found_by_who_what_and_when(database: Database) -> None:
    notes, events = AuditNotes(database), AuditEvents(database)
    await notes.add_all(
        OURS,
        [
            entry(1),
            entry(2, action="model.edited"),
            entry(3, actor=UUID(int=9)),
            entry(4, subject="model-1"),
        ],
    )
    await chained(AuditChain(database))

    async def seqs(**wanted: object) -> list[int]:
        chosen = EventFilter(**wanted)  # type: ignore[arg-type]
        return [link.seq for link in await events.page(OURS, chosen, limit=10)]

    assert await seqs(actions=("model.edited",)) == [2]
    assert await seqs(actor=UUID(int=9)) == [3]
    assert await seqs(subjects=("model-1", "model-2")) == [1, 2, 4]
    assert await seqs(since=NOON + timedelta(seconds=2), until=NOON + timedelta(seconds=4)) == [
        2,
        3,
    ]
    newest = await events.page(OURS, ANY, limit=2, descending=True)
    assert [link.seq for link in newest] == [4, 3]
    beyond = await events.page(OURS, ANY, beyond=3, limit=9, descending=True)
    assert [link.seq for link in beyond] == [2, 1]


async def test_a_valuation_and_its_entry_are_kept_together_or_not_at_all(
    database: Database,
) -> None:
    valuations = Valuations(database)
    first = await valuations.keep(OURS, valuation("a"), entry(1))
    assert await valuations.keep(OURS, valuation("a"), entry(2)) == first
    with pytest.raises(NotKept):
        await valuations.keep(OURS, valuation("b", kind="NONE"), entry(3))
    assert OURS in database.noted
    await chained(AuditChain(database))
    assert [link.subject for link in await links(database)] == ["model-1", "model-2"]


async def test_an_edit_and_its_entry_are_kept_together_or_not_at_all(database: Database) -> None:
    models = FinancialModels(database)
    await models.create(OURS, model(), operation())
    await models.append(OURS, model().id, operation("edit"), lambda m, _: decided(m))
    await models.append(OURS, model().id, operation("edit"), lambda m, _: decided(m))
    with pytest.raises(NotKept):
        await models.append(
            OURS, model().id, operation("wrong"), lambda m, _: decided(m, unit="NONE")
        )
    await chained(AuditChain(database))
    found = await links(database)
    assert sorted(link.details for link in found) == ['{"seq":1}', '{"seq":2}']
    assert {link.subject for link in found} == {str(model().id)}
