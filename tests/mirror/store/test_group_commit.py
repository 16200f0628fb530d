from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from store.errors import DatabaseAway, DatabaseBusy, NotKept
from store.group_commit import GROUP_MAX, WAITING_MAX, GroupCommit
from tests.mirror.store.world import OURS, THEIRS

pytestmark = pytest.mark.anyio


class Notebook:
    """A writer on a file with one table, which notes its commits and can be held up."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("CREATE TABLE line (tenant TEXT, text TEXT UNIQUE)")
        self.connection.set_trace_callback(self._trace)
        self.commits = 0
        self.served: UUID | None = None
        self.free = threading.Event()
        self.free.set()
        self.fails: Exception | None = None

    def _trace(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    def serve(self, tenant_id: UUID | None) -> None:
        self.served = tenant_id

    async def run(self, work: Any) -> Any:
        def when_free() -> Any:
            assert self.free.wait(30)
            if self.fails is not None:
                raise self.fails
            return work(self.connection)

        return await asyncio.to_thread(when_free)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Notebook]:
        yield self

    def line(self, text: str) -> Any:
        def work(connection: sqlite3.Connection) -> str:
            connection.execute("INSERT INTO line VALUES (?, ?)", (str(self.served), text))
            return text

        return work

    def lines(self) -> list[tuple[str, str]]:
        return self.connection.execute("SELECT tenant, text FROM line").fetchall()


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    notebook = Notebook(tmp_path / "lines.db")
    yield notebook
    notebook.connection.close()


@pytest.fixture
def group(notebook: Notebook) -> GroupCommit:
    return GroupCommit(notebook.lent)


async def test_a_crowd_shares_commits_and_each_writes_as_itself(
    notebook: Notebook, group: GroupCommit
) -> None:
    who = [OURS, THEIRS] * GROUP_MAX
    told = await asyncio.gather(
        *(group.write(tenant_id, notebook.line(str(n))) for n, tenant_id in enumerate(who))
    )
    assert told == [str(n) for n in range(len(who))]
    assert notebook.lines() == [(str(tenant_id), str(n)) for n, tenant_id in enumerate(who)]
    assert notebook.commits == 2
    assert notebook.served is None


async def test_nobody_is_answered_before_the_commit(notebook: Notebook, group: GroupCommit) -> None:
    notebook.free.clear()
    task = asyncio.ensure_future(group.write(OURS, notebook.line("x")))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    notebook.free.set()
    assert await task == "x"
    assert not notebook.connection.in_transaction


async def test_a_write_that_fails_fails_alone(notebook: Notebook, group: GroupCommit) -> None:
    told = await asyncio.gather(
        *(group.write(OURS, notebook.line(text)) for text in ("a", "b", "a", "c")),
        return_exceptions=True,
    )
    assert [type(each) for each in told] == [str, str, NotKept, str]
    assert [text for _, text in notebook.lines()] == ["a", "b", "c"]
    assert notebook.commits == 1


async def test_work_of_several_statements_is_done_as_a_whole_or_not_at_all(
    notebook: Notebook, group: GroupCommit
) -> None:
    def both(first: str, second: str) -> Any:
        def work(connection: sqlite3.Connection) -> str:
            notebook.line(first)(connection)
            notebook.line(second)(connection)
            return first + second

        return work

    pairs = (("a", "b"), ("c", "a"), ("d", "d"), ("e", "f"))
    told = await asyncio.gather(
        *(group.write(OURS, both(*pair)) for pair in pairs), return_exceptions=True
    )
    assert [type(each) for each in told] == [str, NotKept, NotKept, str]
    assert [text for _, text in notebook.lines()] == ["a", "b", "e", "f"]
    assert notebook.commits == 1


async def test_work_sees_what_was_written_just_before_it(
    notebook: Notebook, group: GroupCommit
) -> None:
    def add_one(connection: sqlite3.Connection) -> int:
        (found,) = connection.execute("SELECT count(*) FROM line").fetchone()
        notebook.line(str(found))(connection)
        return int(found)

    told = await asyncio.gather(*(group.write(OURS, add_one) for _ in range(2 * GROUP_MAX)))
    assert told == list(range(2 * GROUP_MAX))


async def test_a_commit_that_fails_fails_all_and_the_next_goes_on(
    notebook: Notebook, group: GroupCommit
) -> None:
    notebook.fails = OSError("the disk is gone")
    told = await asyncio.gather(
        *(group.write(OURS, notebook.line(text)) for text in ("a", "b")), return_exceptions=True
    )
    assert [type(each) for each in told] == [DatabaseAway, DatabaseAway]
    notebook.fails = None
    assert await group.write(OURS, notebook.line("c")) == "c"
    assert [text for _, text in notebook.lines()] == ["c"]


async def test_a_transaction_that_sqlite_itself_undid_fails_as_a_whole(
    notebook: Notebook, group: GroupCommit
) -> None:
    def full(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # as SQLite does by itself where a disk is full
        raise OSError("the disk is full")

    told = await asyncio.gather(
        *(group.write(OURS, work) for work in (notebook.line("a"), full, notebook.line("b"))),
        return_exceptions=True,
    )
    assert [type(each) for each in told] == [DatabaseAway] * 3
    assert notebook.lines() == []


async def test_who_left_before_the_turn_came_is_not_written(
    notebook: Notebook, group: GroupCommit
) -> None:
    notebook.free.clear()
    first = asyncio.ensure_future(group.write(OURS, notebook.line("first")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the first is on its way; the others gather behind it
    others = [asyncio.ensure_future(group.write(OURS, notebook.line(t))) for t in ("left", "stays")]
    await asyncio.sleep(0)
    others[0].cancel()
    notebook.free.set()
    told = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(told[1], asyncio.CancelledError)
    assert [text for _, text in notebook.lines()] == ["first", "stays"]


async def test_a_queue_that_is_full_says_busy(notebook: Notebook, group: GroupCommit) -> None:
    notebook.free.clear()
    tasks = [
        asyncio.ensure_future(group.write(OURS, notebook.line(str(n))))
        for n in range(WAITING_MAX + GROUP_MAX + 1)
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    notebook.free.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [each for each in told if isinstance(each, str)]
    assert len(kept) == len(notebook.lines())
    assert len(kept) >= WAITING_MAX
    assert any(isinstance(each, DatabaseBusy) for each in told)


async def test_a_close_waits_for_what_was_asked_and_takes_no_more(
    notebook: Notebook, group: GroupCommit
) -> None:
    tasks = [asyncio.ensure_future(group.write(OURS, notebook.line(t))) for t in ("a", "b")]
    await asyncio.sleep(0)
    await group.close()
    assert [text for _, text in notebook.lines()] == ["a", "b"]
    assert await asyncio.gather(*tasks) == ["a", "b"]
    with pytest.raises(DatabaseAway):
        await group.write(OURS, notebook.line("late"))
