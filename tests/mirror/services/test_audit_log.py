"""Looks are on record before they are answered, once a minute; what leaves as a file, each time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

import pytest

from services.audit_log import AuditLog
from services.principal import Role
from store.audit import Entry
from store.errors import DatabaseBusy
from tests.mirror.services.auditing_at_work import somebody

pytestmark = pytest.mark.anyio
ME = somebody(1)


class Book:
    """Where entries are kept; it may be slow, or away."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.open = asyncio.Event()
        self.open.set()
        self.away = False

    async def add(self, tenant_id: UUID, entry: Entry) -> None:
        await self.add_all(tenant_id, [entry])

    async def add_all(self, _tenant_id: UUID, entries: Sequence[Entry]) -> None:
        await self.open.wait()
        if self.away:
            raise DatabaseBusy
        self.entries += entries

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(entry.action, entry.subject) for entry in self.entries]


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def log(book: Book, now: list[float]) -> AuditLog:
    return AuditLog(book, lambda: now[0])


async def test_the_same_look_within_a_minute_is_on_record_already(
    log: AuditLog, book: Book, now: list[float]
) -> None:
    for second in (0.0, 1.0, 59.9):
        now[0] = second
        await log.saw(somebody(), "model.read", "model", "m")
    assert book.told == [("model.read", "m")]
    now[0] = 60.0
    await log.saw(somebody(), "model.read", "model", "m")
    assert len(book.told) == 2


async def test_another_look_is_another_entry(log: AuditLog, book: Book) -> None:
    me = somebody()
    await log.saw(me, "model.read", "model", "m")
    await log.saw(me, "model.read", "model", "n")
    await log.saw(me, "model.history_read", "model", "m")
    await log.saw(somebody(2), "model.read", "model", "m")
    await log.saw(somebody(session_id="another"), "model.read", "model", "m")
    await log.saw(somebody(role=Role.VIEWER), "model.read", "model", "m")  # the same way in
    theirs = somebody(tenant_id=UUID(int=77))
    await log.saw(theirs, "model.read", "model", "m")
    assert len(book.told) == 6


async def test_a_list_is_a_look_at_each_and_is_written_at_once(log: AuditLog, book: Book) -> None:
    await log.saw_all(somebody(), "model.listed", "model", ["a", "b"])
    await log.saw_all(somebody(), "model.listed", "model", ["b", "c"])
    await log.saw_all(somebody(), "model.listed", "model", [])
    assert book.told == [("model.listed", name) for name in "abc"]


async def test_nobody_is_answered_before_the_entry_is_durable(log: AuditLog, book: Book) -> None:
    book.open.clear()
    both = [asyncio.create_task(log.saw(somebody(), "model.read", "model", "m")) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(each.done() for each in both)
    book.open.set()
    await asyncio.gather(*both)
    assert book.told == [("model.read", "m")]


async def test_nobody_is_answered_whose_look_cannot_be_kept(log: AuditLog, book: Book) -> None:
    book.away = True
    both = [log.saw(somebody(), "model.read", "model", "m") for _ in range(2)]
    answers = await asyncio.gather(*both, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseBusy, DatabaseBusy]
    book.away = False
    await log.saw(somebody(), "model.read", "model", "m")
    assert book.told == [("model.read", "m")]


async def test_who_leaves_while_it_is_written_leaves_the_entry_behind(
    log: AuditLog, book: Book
) -> None:
    book.open.clear()
    look = asyncio.create_task(log.saw(somebody(), "model.read", "model", "m"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    book.open.set()
    await log.saw(somebody(), "model.read", "model", "m")
    assert book.told == [("model.read", "m")]


async def test_each_file_is_on_record(log: AuditLog, book: Book) -> None:
    for _ in range(2):
        await log.took(somebody(), "valuation.exported", "valuation", "v", format="xlsx")
    assert [entry.details for entry in book.entries] == ['{"format":"xlsx"}'] * 2


async def test_the_house_looks_at_nothing(log: AuditLog, book: Book) -> None:
    await log.saw(somebody(member_id=UUID(int=0)), "model.read", "model", "m")
    assert book.told == []


async def test_of_another_run_it_is_another_look(log: AuditLog, book: Book) -> None:
    for run in (1, 2, 1):
        await log.saw(ME, "valuation.run_read", "valuation", "x", run=UUID(int=run))
    assert [json.loads(each.details) for each in book.entries] == [
        {"run": str(UUID(int=run))} for run in (1, 2)
    ]
