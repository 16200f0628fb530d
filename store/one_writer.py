"""SQLite's one writing connection, lent to one at a time, in the order they came.

It stays open between two loans. Fetching it from the pool for every group of writes cost
as much CPU as the insert itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.errors import TRANSLATED, DatabaseBusy
from store.sqlite_connection import TenantConnection


@dataclass(frozen=True, slots=True)
class Held:
    """One connection, as SQLAlchemy's and as the driver's."""

    connection: AsyncConnection
    driver: TenantConnection

    def is_sound(self) -> bool:
        """Whether it is open still, and on the file of that name."""
        return not self.connection.invalidated and self.driver.is_of_its_file()


class OneWriter:
    """Who has the writing connection, and who is next."""

    def __init__(self, engine: AsyncEngine, *, wait_s: float) -> None:
        self._engine = engine
        self._wait_s = wait_s
        self._turn = asyncio.Lock()
        self._held: Held | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Held]:
        """The connection, serving nobody yet. The borrower ends its own transaction.

        Raises DatabaseBusy when the turn does not come in time.
        """
        await self._take_turn()
        try:
            held = self._held
            if held is None or not held.is_sound():
                held = await self._open_anew()
            try:
                yield held
            finally:
                held.driver.serve(None)
        except Exception:
            raise
        except BaseException:
            # Cancelled: a statement may still be under way on it.
            await asyncio.shield(asyncio.ensure_future(self._let_go()))
            raise
        finally:
            self._turn.release()

    async def close(self) -> None:
        """Close the connection, when whoever has it is done."""
        async with self._turn:
            await self._let_go()

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._turn.acquire()
        except TimeoutError:
            raise DatabaseBusy(code="WRITER_WAIT") from None

    async def _open_anew(self) -> Held:
        with TRANSLATED:
            await self._let_go()
            connection = await self._engine.connect()
            pooled = await connection.get_raw_connection()
        driver: Any = pooled.driver_connection
        self._held = Held(connection, driver)
        return self._held

    async def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await held.connection.invalidate()
            await held.connection.close()
