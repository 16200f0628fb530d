"""Channels of bytes between workers: in memory for one process, over Redis for several.

Pub/sub loses what is sent while a connection is down, and nothing here pretends otherwise. What is
promised: a subscription is kept through every reconnect, whoever subscribed is told when messages
may have been lost, and publishing neither waits for a server nor raises.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, TypeAlias

from broadcaster import Broadcast, BroadcastBackend, Event

from collab.keys import OWNER_BYTES, Channel
from collab.surroundings import Log

OUTGOING: Final = 1_024  # messages that wait to be sent; beyond that the oldest is dropped
INCOMING: Final = 1_024  # messages that wait for their listener
CONFIRM_S: Final = 1.0  # for the server to confirm a subscription
LAST_WORDS_S: Final = 0.5  # for what is left to be sent, at the end

Listener: TypeAlias = Callable[[bytes], None]


class BusAway(Exception):
    """The server between the workers does not answer."""


class Subscription(Protocol):
    """One listener on one channel."""

    async def close(self) -> None:
        """Hear nothing more."""


class Bus(Protocol):
    """What connects the workers. A worker hears its own messages too."""

    @property
    def up(self) -> bool:
        """Whether messages arrive now, as far as is known."""

    def publish(self, channel: Channel, message: bytes) -> None:
        """Send when possible. Never waits, never raises; what cannot be sent is lost."""

    async def subscribe(self, channel: Channel, listener: Listener) -> Subscription:
        """Hear a channel from now on. A message of another owner is dropped and counted.

        Returns when the server has confirmed it, so that what is read afterwards and what is heard
        leave no gap; or when there is no server to confirm it now. Then `on_reconnect` tells.
        """

    def on_reconnect(self, callback: Callable[[], object]) -> None:
        """Have it called whenever messages may have been lost, and new ones arrive again."""

    async def ping(self) -> None:
        """Raises BusAway when the server does not answer."""


class Backend(BroadcastBackend):
    """What a `BroadcastBus` asks of broadcaster's seam, and a little more.

    ``subscribe``, ``unsubscribe`` and ``publish`` must not suspend for a server: broadcaster loses
    a channel when two tasks are the first to subscribe to it, and the first suspends.
    """

    def __init__(self) -> None:  # broadcaster's own wants a URL, and does nothing with it
        self.up = False
        self.reconnected: list[Callable[[], object]] = []

    @abstractmethod
    async def confirmed(self, channel: str, /) -> None:
        """Return when the channel is heard."""

    @abstractmethod
    async def ping(self) -> None:
        """Raises BusAway when the server does not answer."""


class MemoryBackend(Backend):
    """One process: what is published is heard at the next turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self._subscribed: set[str] = set()
        self._published: asyncio.Queue[Event] = asyncio.Queue(INCOMING)

    async def connect(self) -> None:
        self.up = True

    async def disconnect(self) -> None:
        self.up = False

    async def subscribe(self, group: str) -> None:
        self._subscribed.add(group)

    async def unsubscribe(self, group: str) -> None:
        self._subscribed.discard(group)

    async def publish(self, channel: str, message: bytes) -> None:
        if channel in self._subscribed:
            await self._published.put(Event(channel, message))  # type: ignore[arg-type] # bytes

    async def next_published(self) -> Event:
        return await self._published.get()

    async def confirmed(self, _channel: str) -> None:
        return

    async def ping(self) -> None:
        if not self.up:
            raise BusAway("the bus has ended")


class BroadcastBus:
    """A `Bus` over broadcaster, whose backend knows how messages travel."""

    def __init__(self, backend: Backend, log: Log) -> None:
        self._backend, self._log = backend, log
        self._broadcast = Broadcast(backend=backend)
        self._outgoing: deque[tuple[str, bytes]] = deque(maxlen=OUTGOING)
        self._waiting = asyncio.Event()
        self._empty = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self.foreign = 0  # messages that were dropped: of another owner than their channel

    @property
    def up(self) -> bool:
        return self._backend.up

    async def start(self) -> None:
        """Begin to listen and to send. Does not wait for a server."""
        await self._broadcast.connect()
        self._sender = asyncio.create_task(self._send())

    async def close(self) -> None:
        """Send what is left, if that is quick, and end."""
        if self._sender is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self._empty.wait()
        self._sender.cancel()
        await asyncio.wait([self._sender])
        self._sender = None
        await self._broadcast.disconnect()

    def publish(self, channel: Channel, message: bytes) -> None:
        self._outgoing.append((channel.name, channel.owner + message))
        self._empty.clear()
        self._waiting.set()

    async def subscribe(self, channel: Channel, listener: Listener) -> Subscription:
        begun = asyncio.get_running_loop().create_future()
        pump = _Pump(asyncio.create_task(self._pump(channel, listener, begun)))
        try:
            await begun
            with suppress(TimeoutError):
                async with asyncio.timeout(CONFIRM_S if self.up else 0.0):
                    await self._backend.confirmed(channel.name)
        except BaseException:
            await pump.close()
            raise
        return pump

    def on_reconnect(self, callback: Callable[[], object]) -> None:
        self._backend.reconnected.append(callback)

    async def ping(self) -> None:
        await self._backend.ping()

    async def _send(self) -> None:
        while True:
            self._empty.set()
            await self._waiting.wait()
            self._waiting.clear()
            while self._outgoing:
                channel, message = self._outgoing.popleft()
                await self._broadcast.publish(channel, message)

    async def _pump(
        self, channel: Channel, listener: Listener, begun: asyncio.Future[None]
    ) -> None:
        async with self._broadcast.subscribe(channel.name) as events:
            begun.set_result(None)
            while True:
                content: Any = (await events.get()).message  # bytes, as they came
                if content[:OWNER_BYTES] != channel.owner:
                    self.foreign += 1
                    self._log.warning("a foreign message on a channel", channel=channel.name)
                    continue
                try:
                    listener(content[OWNER_BYTES:])
                except Exception:
                    # One listener's fault is not the next message's.
                    self._log.exception("a message could not be heard", channel=channel.name)


class _Pump:
    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
