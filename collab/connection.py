"""The connection to Redis: bounded in size and in time, because its defaults hang for a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from redis.asyncio import Redis

TIMEOUT_S: Final = 0.05  # on the way of a request nobody waits longer for Redis
CONNECTIONS: Final = 16


class RedisConnection:
    """One pool. Nothing is connected, or imported, until something is asked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Redis | None = None

    def client(self) -> Redis:
        """The client, made at its first use."""
        if self._client is None:
            # Imported here: a server without Redis does not pay for it.
            from redis.asyncio import BlockingConnectionPool, Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            options: dict[str, Any] = {
                "max_connections": CONNECTIONS,
                "timeout": TIMEOUT_S,  # for a free connection
                "socket_timeout": TIMEOUT_S,
                "socket_connect_timeout": TIMEOUT_S,
                "retry": Retry(NoBackoff(), 0),
                "protocol": 3,
            }
            pool = BlockingConnectionPool.from_url(self._url, **options)
            self._client = Redis(connection_pool=pool)
        return self._client

    async def ping(self) -> None:
        """
        Raises:
            redis.exceptions.RedisError: if it does not answer in time.
        """
        await self.client().ping()

    async def close(self) -> None:
        """Let go of every connection."""
        if self._client is not None:
            await self._client.aclose()
            await self._client.connection_pool.disconnect()
            self._client = None
