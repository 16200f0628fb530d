"""Many small writes, one commit: SQLite's answer to a crowd.

A commit that survives a power cut costs a sync of the disk, and a hop to the writer's
thread and back costs as much again. While one group is being committed the next gathers,
and goes as a whole. Each caller is answered after the commit that holds its own write;
a write that fails, be it of several statements, undoes itself alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from store.errors import DatabaseAway, DatabaseBusy, translate

Work = Callable[[sqlite3.Connection], Any]

GROUP_MAX = 64  # so that nobody waits behind a commit of many
WAITING_MAX = 1_024


class Writer(Protocol):
    """The one connection that writes, on its own thread."""

    def serve(self, tenant_id: UUID | None) -> None: ...

    async def run(self, work: Callable[[sqlite3.Connection], list[Outcome]]) -> list[Outcome]: ...


@dataclass(slots=True, eq=False)
class Waiting:
    """A write that somebody waits for."""

    tenant_id: UUID
    work: Work
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write."""

    value: Any = None
    error: Exception | None = None


class GroupCommit:
    """Gathers writes and commits them in the order they came."""

    def __init__(self, writer: Callable[[], AbstractAsyncContextManager[Writer]]) -> None:
        """``writer`` lends the writing connection; no one else has it meanwhile."""
        self._writer = writer
        self._waiting: deque[Waiting] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._closed = False

    async def write(self, tenant_id: UUID, work: Work) -> Any:
        """Do a piece of work for a tenant and return what it returned, once it is durable.

        ``work`` runs on the writer's thread, between two moments at which nobody else
        writes: what it reads is so until it has written. Where it fails, nothing of it is
        left behind. A caller that is cancelled may or may not have written, all of it or
        nothing. Raises DatabaseBusy when too many wait already.
        """
        if self._closed:
            raise DatabaseAway("The database was closed.")
        if len(self._waiting) >= WAITING_MAX:
            raise DatabaseBusy(code="WAITING_MAX")
        loop = asyncio.get_running_loop()
        waiting = Waiting(tenant_id, work, loop.create_future())
        self._waiting.append(waiting)
        if self._draining is None:
            self._draining = loop.create_task(self._drain())
        return await waiting.answer

    async def close(self) -> None:
        """Commit what was asked for so far, and take no more."""
        self._closed = True
        if self._draining is not None:
            await self._draining

    async def _drain(self) -> None:
        """Commit group after group until nobody waits. Runs as one task at a time."""
        group: list[Waiting] = []
        try:
            while self._waiting:
                try:
                    async with self._writer() as writer:
                        # Whoever is as good as here comes along: a commit costs more than a turn
                        # of the loop, in which every request that has arrived gets to its write.
                        await asyncio.sleep(0)
                        group = self._next_group()
                        outcomes = await writer.run(partial(_commit, writer, group))
                except Exception as error:  # told to those who wait
                    group = group or self._next_group()
                    outcomes = [Outcome(error=error)] * len(group)
                for waiting, outcome in zip(group, outcomes, strict=True):
                    _answer(waiting, outcome)
                group = []
        finally:
            self._draining = None
            # Only when the loop itself is ending: nobody may be left waiting for ever.
            for waiting in (*group, *self._waiting):
                waiting.answer.cancel()

    def _next_group(self) -> list[Waiting]:
        """The next writes whose callers are still there."""
        group: list[Waiting] = []
        while self._waiting and len(group) < GROUP_MAX:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                group.append(waiting)
        return group


def _answer(waiting: Waiting, outcome: Outcome) -> None:
    if waiting.answer.done():  # its caller left
        return
    if outcome.error is None:
        waiting.answer.set_result(outcome.value)
    else:
        waiting.answer.set_exception(translate(outcome.error))


def _commit(writer: Writer, group: list[Waiting], connection: sqlite3.Connection) -> list[Outcome]:
    """Run a group in one transaction, each write for its own tenant. On the writer's thread."""
    outcomes: list[Outcome] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for waiting in group:
            writer.serve(waiting.tenant_id)
            outcomes.append(_alone(waiting.work, connection))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        writer.serve(None)
    return outcomes


def _alone(work: Work, connection: sqlite3.Connection) -> Outcome:
    """Do a piece of work, or nothing of it, without a loss to those in its group.

    Where SQLite cannot keep the transaction itself (a full disk), the whole group fails.
    """
    connection.execute("SAVEPOINT alone")
    try:
        value = work(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO alone")
        connection.execute("RELEASE alone")
        return Outcome(error=error)
    connection.execute("RELEASE alone")
    return Outcome(value)
