"""Lua in Redis: several steps as one command, which nobody can come between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from collab.connection import RedisConnection

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

AT_ONCE: Final = 8  # half of the connections: a herd waits here, and not for one of them
WAIT_S: Final = 1.0


class RedisAway(Exception):
    """Redis does not answer in time."""


class Scripts:
    """Run by name: Redis keeps them, and gets them again where it has forgotten."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis
        self._known: dict[str, AsyncScript] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self, script: str, keys: Sequence[str], *arguments: str | int | bytes) -> Any:
        """What the script returns.

        Raises:
            RedisAway.
        """
        from redis.exceptions import RedisError

        known = self._known.get(script)
        if known is None:
            known = self._known[script] = self._redis.client().register_script(script)
        try:
            async with asyncio.timeout(WAIT_S):
                await self._turns.acquire()
        except TimeoutError as error:
            raise RedisAway from error
        try:
            return await known(keys=list(keys), args=list(arguments))
        except (RedisError, OSError) as error:
            raise RedisAway from error
        finally:
            self._turns.release()
