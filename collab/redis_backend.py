"""Redis under broadcaster's seam: one connection, which is looked after.

broadcaster's own backend loses its listener at the first restart of Redis, without a word. Here one
task owns a connection for as long as it lives, asks for a sign of life when it is silent, and makes
the next one, with every subscription renewed and confirmed by the server before anybody is told
that messages arrive again.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from broadcaster import Event

from collab.bus import INCOMING, Backend, BusAway
from collab.surroundings import Log

if TYPE_CHECKING:
    from redis.asyncio import Connection, ConnectionPool

CONNECT_S: Final = 1.0  # for the socket and Redis' greeting
PROBE_S: Final = 0.5  # how often silence is looked at
PING_AFTER_S: Final = 1.0  # of silence
DEAD_AFTER_S: Final = 2.5
PING_S: Final = 0.25  # for an answer to who asks
FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 1.0
TOGETHER: Final = 500  # channels in one command


class _Silent(ConnectionError):
    """The connection is open, and nothing comes."""


class RedisBackend(Backend):
    """Publishes and subscribes on one connection. Nothing is imported before `connect`."""

    def __init__(self, url: str, log: Log) -> None:
        super().__init__()
        self._url, self._log = url, log
        self._wanted: dict[str, asyncio.Event] = {}  # channel → confirmed by the server
        self._changed: set[str] = set()  # channels to be looked at again
        self._sent: set[str] = set()  # that this connection was told of
        self._unconfirmed: Counter[str] = Counter()  # SUBSCRIBEs under way, by channel
        self._asked: list[asyncio.Future[None]] = []  # pings that are to be sent
        self._pings: deque[asyncio.Future[None]] = deque()  # that were, in this order
        self._incoming: asyncio.Queue[Event] = asyncio.Queue(INCOMING)
        self._woken = asyncio.Event()
        self._sending = asyncio.Lock()
        self._connection: Connection | None = None  # one that may be used
        self._heard = 0.0  # loop time of the last sign of life
        self._keeper: asyncio.Task[None] | None = None

    # What broadcaster asks for.

    async def connect(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def disconnect(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None

    async def subscribe(self, group: str) -> None:
        self._wanted[group] = asyncio.Event()
        self._changed.add(group)
        self._woken.set()

    async def unsubscribe(self, group: str) -> None:
        self._wanted.pop(group, None)
        self._changed.add(group)
        self._woken.set()

    async def publish(self, channel: str, message: bytes) -> None:
        connection = self._connection
        if connection is not None:
            # A connection that cannot take it is given up by its keeper: nothing is sent twice.
            with suppress(Exception):
                await self._write(connection, ("PUBLISH", channel, message))

    async def next_published(self) -> Event:
        return await self._incoming.get()

    # What the bus asks for besides.

    async def confirmed(self, channel: str, /) -> None:
        await self._wanted[channel].wait()

    async def ping(self) -> None:
        if self._connection is None:
            raise BusAway("there is no connection to Redis")
        answered = asyncio.get_running_loop().create_future()
        self._asked.append(answered)
        self._woken.set()
        try:
            async with asyncio.timeout(PING_S):
                await answered
        except (TimeoutError, OSError) as error:
            raise BusAway("Redis does not answer") from error

    # The keeper.

    async def _keep(self) -> None:
        """One connection after the other, for ever."""
        from redis.asyncio import ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        pool: ConnectionPool = ConnectionPool.from_url(
            self._url, protocol=3, health_check_interval=0, retry=Retry(NoBackoff(), 0)
        )
        wait_s, lived = FIRST_WAIT_S / 2, False
        while True:
            try:
                await self._live(pool)
            except* Exception as lost:
                lived = self.up
                self._let_go()
                if lived:
                    why = lost.exceptions[0]
                    self._log.warning("the bus lost Redis", reason=f"{type(why).__name__}: {why}")
            wait_s = FIRST_WAIT_S if lived else min(wait_s * 2, LONGEST_WAIT_S)
            # Not all workers at the same moment.
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    async def _live(self, pool: ConnectionPool) -> None:
        """One connection's life. It ends with an exception."""
        connection: Any = pool.make_connection()  # type: ignore[no-untyped-call] # redis-py's own
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.connect()
            self._heard = asyncio.get_running_loop().time()
            self._changed = set(self._wanted)
            self._connection = connection
            async with asyncio.TaskGroup() as both:
                both.create_task(self._read(connection))
                both.create_task(self._tend(connection))
        finally:
            self._connection = None
            await connection.disconnect(nowait=True)

    def _let_go(self) -> None:
        self.up = False
        self._sent.clear()
        self._unconfirmed.clear()
        for ping in (*self._pings, *self._asked):
            if not ping.done():
                ping.set_exception(ConnectionError("the connection was lost"))
                ping.exception()  # looked at: the keeper's own pings have nobody who waits
        self._pings.clear()
        self._asked.clear()

    async def _tend(self, connection: Connection) -> None:
        """Renew what is subscribed, and ask for a sign of life."""
        clock = asyncio.get_running_loop()
        asked = self._heard
        while True:
            for command in self._changes():
                await self._write(connection, command)
            while self._asked:
                self._pings.append(self._asked.pop())
                await self._write(connection, ("PING",))
            self._come_up()
            with suppress(TimeoutError):
                async with asyncio.timeout(PROBE_S):
                    await self._woken.wait()
            self._woken.clear()
            now = clock.time()
            if now - self._heard > DEAD_AFTER_S:
                raise _Silent(f"nothing came for {DEAD_AFTER_S:g} s")
            if now - max(self._heard, asked) > PING_AFTER_S:
                asked = now
                self._asked.append(clock.create_future())

    def _changes(self) -> list[tuple[str, ...]]:
        """The commands that make the server's list of channels ours."""
        changed, self._changed = self._changed, set()
        added = [channel for channel in changed if channel in self._wanted.keys() - self._sent]
        dropped = [channel for channel in changed if channel in self._sent - self._wanted.keys()]
        self._sent.update(added)
        self._sent.difference_update(dropped)
        self._unconfirmed.update(added)
        return [
            (verb, *channels[first : first + TOGETHER])
            for verb, channels in (("SUBSCRIBE", added), ("UNSUBSCRIBE", dropped))
            for first in range(0, len(channels), TOGETHER)
        ]

    def _come_up(self) -> None:
        """Say so, once every subscription of a new connection is confirmed."""
        if not self.up and not self._unconfirmed:
            self.up = True
            for callback in self.reconnected:
                callback()

    async def _read(self, connection: Connection) -> None:
        clock = asyncio.get_running_loop()
        while True:
            reply = await connection.read_response(timeout=math.inf, push_request=True)
            self._heard = clock.time()
            if isinstance(reply, list):
                await self._pushed(reply)
            elif reply == b"PONG":
                ping = self._pings.popleft()
                if not ping.done():
                    ping.set_result(None)

    async def _pushed(self, push: list[Any]) -> None:
        kind, channel, content = push
        name = channel.decode()
        if kind == b"message":
            # Waits when nobody takes what comes: Redis then holds it, within its own limits.
            await self._incoming.put(Event(name, content))
        elif kind == b"subscribe":
            self._unconfirmed[name] -= 1
            if self._unconfirmed[name] <= 0:  # no older one is on its way
                del self._unconfirmed[name]
                if name in self._wanted:
                    self._wanted[name].set()
            self._come_up()

    async def _write(self, connection: Connection, command: tuple[str | bytes, ...]) -> None:
        async with self._sending, asyncio.timeout(DEAD_AFTER_S):
            # redis-py would make another connection by itself, without the subscriptions.
            if connection is not self._connection or not connection.is_connected:
                raise ConnectionError("the connection was lost")
            await connection.send_packed_command(
                connection.pack_command(*command), check_health=False
            )
