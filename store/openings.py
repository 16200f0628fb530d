"""Connections on their way.

Neither driver likes to be cancelled while it connects: one leaves an error in a callback,
the other a thread that answers into a loop that has ended. So a connection, once begun,
is opened to its end; whoever asked for it and left lets it be closed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

C = TypeVar("C")
T = TypeVar("T")


class Openings(Generic[C]):
    """What is being opened, until somebody has it or it is closed again."""

    def __init__(self, let_go: Callable[[C], Awaitable[None]]) -> None:
        self._let_go = let_go
        self._under_way: set[asyncio.Future[Any]] = set()

    async def wait_for(self, opening: Awaitable[C]) -> C:
        """The connection; a caller who is cancelled leaves at once."""
        under_way = self._note(asyncio.ensure_future(opening))
        try:
            return await asyncio.shield(under_way)
        except asyncio.CancelledError:
            self._note(asyncio.ensure_future(self._close_when_open(under_way)))
            raise

    async def settle(self) -> None:
        """Wait until nothing is under way any more."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _note(self, task: asyncio.Future[T]) -> asyncio.Future[T]:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _close_when_open(self, under_way: asyncio.Future[C]) -> None:
        try:
            connection = await under_way
        except Exception:
            return  # nobody is there to be told
        await self._let_go(connection)
