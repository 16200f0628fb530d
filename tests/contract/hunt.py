"""The hunt for a foreign row: run what is drawn as one tenant, and look at what comes of it.

Three signs of a leak, each enough. Something of the other tenant's comes back, which can be
seen on it. An answer differs from the one that a twin gives in which the other tenant never
was: so a count, a sum or an error tells of foreign rows too. And after a change, looked at
by someone who sees all, the other tenant's rows are not what they were, or ours hold
something of theirs.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from store.database import Database
from store.errors import StoreError, translate
from tests.contract.marked_rows import OURS, THEIRS, Tenant, is_foreign
from tests.contract.random_sql import Drawn

# What else goes wrong is a mistake of the hunt's own, and no refusal.
DATABASE_ERRORS = (sqlite3.Error, asyncpg.PostgresError, SQLAlchemyError, StoreError)

Ask: TypeAlias = Callable[[Tenant, Drawn], Awaitable[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Seen:
    """Every row there is, in the words of someone who sees all: the table's name comes first."""

    ours: tuple[str, ...]
    foreign: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: rows, or an error's kind."""

    rows: tuple[Any, ...] = ()
    error: str = ""

    def same(self, other: Answer) -> bool:
        """Whether both gave the same rows, in whatever order, or both failed."""
        if self.error or other.error:
            return bool(self.error) == bool(other.error)
        return Counter(map(repr, self.rows)) == Counter(map(repr, other.rows))


@dataclass(slots=True)
class Tally:
    """What a hunt came to."""

    queries: int = 0
    refused: int = 0
    rows: int = 0
    changes: int = 0
    foreign: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.queries} queries ({self.refused} refused, {self.rows} rows seen, "
            f"{self.changes} changes made), foreign rows: {len(self.foreign)}"
        )

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.queries + other.queries,
            self.refused + other.refused,
            self.rows + other.rows,
            self.changes + other.changes,
            self.foreign + other.foreign,
            self.errors + other.errors,
        )


class Ground(ABC):
    """A database with the rows of two tenants, and how to get at it past the store."""

    def __init__(self, database: Database, owner_url: str) -> None:
        self.database = database
        self.owner_url = owner_url  # to migrate with

    @abstractmethod
    async def read(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        """Run SQL on a connection that reads for a tenant."""

    @abstractmethod
    async def read_forgetting(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        """Run SQL on a connection that was not told for whom: as a mistake of ours would."""

    @abstractmethod
    async def change(self, tenant: Tenant, drawn: Drawn) -> Sequence[Any]:
        """Run SQL on a connection that writes for a tenant, and commit."""

    @abstractmethod
    async def seen(self) -> Seen:
        """Look at everything, past every protection."""

    @abstractmethod
    async def by_owner(self, *statements: str) -> None:
        """Run statements past every protection: to take a part of it away."""

    @abstractmethod
    async def restore(self, tables: Collection[str]) -> None:
        """Put our own rows of some tables back as they were, past every protection."""

    async def answer(
        self, ask: Callable[[Tenant, str], Any], tenant: Tenant, drawn: Drawn
    ) -> Answer:
        try:
            return Answer(tuple(await ask(tenant, drawn)))
        except DATABASE_ERRORS as error:
            told = translate(error)
            return Answer(error=f"{type(told).__name__} {told.code}")


async def hunt_by_reading(
    ground: Ground,
    draw: Callable[[], Drawn],
    count: int,
    *,
    twin: Ground | None = None,
    ask: Ask | None = None,
    every: int = 7,
) -> Tally:
    """Look ``count`` times as one tenant, until something is found; ``ask`` is another road.

    ``every`` so often the other tenant looks before, on the same connection: to leave
    something behind, if a connection can keep it.
    """
    ask = ask or ground.read
    tally = Tally()
    for number in range(count):
        drawn = draw()
        if number % every == 0:
            await ground.answer(ground.read, THEIRS, drawn)
        answer = await ground.answer(ask, OURS, drawn)
        tally.queries += 1
        tally.rows += len(answer.rows)
        tally.refused += bool(answer.error)
        tally.errors[answer.error] += 1
        found = ""
        if is_foreign(answer.rows):
            found = "came back"
        elif twin is not None and drawn.exact:
            alone = await twin.answer(twin.read, OURS, drawn)
            if not answer.same(alone):
                found = f"another answer: {str(answer)[:300]}, alone {str(alone)[:300]}"
        if found:
            tally.foreign.append(f"query {number + 1}: {drawn.sql}\n  {found}")
            break
    return tally


async def hunt_by_changing(
    ground: Ground, draw: Callable[[], Drawn], count: int, *, ask: Ask | None = None
) -> Tally:
    """Change ``count`` times as one tenant, until something is found; ``ask`` is another road.

    Everything is looked at after each change that was done.
    """
    ask = ask or ground.change
    tally = Tally()
    before = await ground.seen()
    for number in range(count):
        drawn = draw()
        answer = await ground.answer(ask, OURS, drawn)
        tally.queries += 1
        tally.rows += len(answer.rows)
        tally.errors[answer.error] += 1
        found = "came back" if is_foreign(answer.rows) else ""
        if answer.error:
            tally.refused += 1
        else:
            after = await ground.seen()
            tally.changes += after.ours != before.ours
            if after.foreign != before.foreign:
                differ = set(after.foreign) ^ set(before.foreign)
                found = f"changed: {sorted(differ)[:4]}"
            elif is_foreign(after.ours):
                found = "taken for ours"
            if after.ours != before.ours and not found:
                differ = set(after.ours) ^ set(before.ours)
                await ground.restore({line.split(" ", 1)[0] for line in differ})
        if found:
            tally.foreign.append(f"change {number + 1}: {drawn.sql}\n  {found}")
            break
    return tally
