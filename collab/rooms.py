"""Every room that is open in this worker."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Generic

from collab.bus import Bus
from collab.directory import Directory
from collab.keys import RoomKey
from collab.messages import Message, Wish, encode
from collab.ring import O
from collab.room import House, ReadLog, Room
from collab.surroundings import Clock, Log, Tasks

LAST_WORDS_S = 2.0  # for the leases of those who are still there at the end


class Rooms(Generic[O]):
    """Opened by the first who comes, closed by the last who leaves."""

    def __init__(
        self,
        *,
        bus: Bus,
        directory: Directory,
        read: ReadLog[O],
        clock: Clock,
        log: Log,
        on_operation: Callable[[RoomKey, int], None],
        on_valuation: Callable[[RoomKey, dict[str, Any]], None],
        on_closed: Callable[[RoomKey], None],
    ) -> None:
        self.house = House(
            worker=secrets.token_urlsafe(9),
            bus=bus,
            directory=directory,
            clock=clock,
            log=log,
            tasks=Tasks(log),
            read=read,
            on_operation=on_operation,
            on_valuation=on_valuation,
        )
        self._on_closed = on_closed
        self._rooms: dict[RoomKey, Room[O]] = {}
        bus.on_reconnect(self._reconnected)

    def __iter__(self) -> Iterator[Room[O]]:
        return iter(list(self._rooms.values()))

    def get(self, key: RoomKey) -> Room[O] | None:
        """The room, if it is open here."""
        return self._rooms.get(key)

    @asynccontextmanager
    async def opened(self, key: RoomKey) -> AsyncIterator[Room[O]]:
        """A room that stays open for the length of the block."""
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Room(key, self.house)
        room.holders += 1
        try:
            await room.open()
            yield room
        finally:
            room.holders -= 1
            if not room.holders:
                del self._rooms[key]
                room.close()
                self._on_closed(key)

    def ring(self, key: RoomKey, seq: int) -> None:
        """Tell every worker that the model's log has an operation ``seq``."""
        # In no tick: that one is for the edit itself, which everybody reads now.
        self._publish(key, Message(worker=self.house.worker, seq=seq))
        room = self._rooms.get(key)
        if room is not None:
            room.ring(seq)

    def pass_on(self, key: RoomKey, id_: str, wish: Wish) -> None:
        """Send a wish to wherever its participant is connected."""
        room = self._rooms.get(key)
        if room is None:
            self._publish(key, Message(worker=self.house.worker, wishes={id_: wish}))
        else:
            room.pass_on(id_, wish)

    async def close(self) -> None:
        """Everybody leaves, and the other workers are told."""
        for room in self:
            room.empty()
        await self.house.tasks.close(LAST_WORDS_S)

    def _publish(self, key: RoomKey, message: Message) -> None:
        self.house.bus.publish(key.channel, encode(message))

    def _reconnected(self) -> None:
        for room in self:
            room.reconnected()
