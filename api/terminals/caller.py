"""A caller's side of graphql-transport-ws: one socket, many operations over it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

SUBPROTOCOL: Final = "graphql-transport-ws"
OPEN_WITHIN_S: Final = 5.0  # the connection, and then its acknowledgement
ANSWER_WITHIN_S: Final = 30.0
QUIET_S: Final = 5.0  # then a ping is sent; who does not answer one for as long again is gone
MESSAGE_MAX: Final = 4 * 1024 * 1024  # bytes; a whole model with its history of an outage
TOKEN_REFUSED: Final = 4403
NOT_ADMITTED: Final = frozenset({4400, 4401, TOKEN_REFUSED, 4406})

Answer = Mapping[str, Any]


class Lost(Exception):
    """The connection is not there, or no more. Another may be."""


class NotAdmitted(Exception):
    """The server does not want this caller: another connection would end the same way."""

    def __init__(self, message: str, *, for_token: bool = False) -> None:
        super().__init__(message)
        self.for_token = for_token  # with a newer one it might


class NoAnswer(Exception):
    """What the server said instead of data, as a person reads it."""


def socket_address(url: str) -> str:
    """ws://host/graphql for http://host, and so on.

    Raises:
        ValueError: for what is no such address.
    """
    parts = urlsplit(url)
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.hostname or parts.port == 0:
        raise ValueError(url)
    path = parts.path if parts.path.strip("/") else "/graphql"
    return f"{schemes[parts.scheme]}://{parts.netloc}{path}"


@asynccontextmanager
async def calling(address: str, token: str) -> AsyncIterator[Caller]:
    """A caller that was let in.

    Raises:
        Lost, NotAdmitted.
    """
    # Imported here: only who calls pays for it.
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
    from websockets.typing import Subprotocol

    try:
        connection = await connect(
            address,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            open_timeout=OPEN_WITHIN_S,
            close_timeout=1.0,
            ping_interval=QUIET_S,
            ping_timeout=QUIET_S,
            max_size=MESSAGE_MAX,
            compression=None,
            proxy=None,
        )
    except InvalidStatus as no:
        status = no.response.status_code
        if status in (429, 502, 503, 504):
            raise Lost(f"the server says {status}") from None
        raise NotAdmitted(f"{address} answers with {status}: it serves no sockets.") from None
    except (InvalidHandshake, WebSocketException):
        raise NotAdmitted(f"{address} serves no sockets.") from None
    except (OSError, TimeoutError):
        raise Lost("nobody listens there") from None
    caller = Caller(connection)
    try:
        await caller.introduce(token)
        yield caller
    finally:
        await caller.close()


class Caller:
    """Operations over one connection. After `Lost` nothing comes any more."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = count(1)
        self._heard: dict[str, asyncio.Queue[dict[str, Any] | Exception]] = {}
        self._admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end: Exception = Lost("the connection broke")
        self._listening = asyncio.create_task(self._listen())

    async def introduce(self, token: str) -> None:
        """Say who calls.

        Raises:
            Lost, NotAdmitted.
        """
        await self._say(type="connection_init", payload={"authorization": f"Bearer {token}"})
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await self._admitted
        except TimeoutError:
            raise Lost("the server did not answer") from None

    async def ask(self, document: str, variables: Mapping[str, Any]) -> Answer:
        """The data of a query or a mutation.

        Raises:
            Lost, NoAnswer.
        """
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                async with aclosing(self.follow(document, variables)) as answers:
                    async for data in answers:
                        return data
        except TimeoutError:
            raise NoAnswer("The server took too long.") from None
        raise NoAnswer("The server answered nothing.")

    async def follow(
        self, document: str, variables: Mapping[str, Any]
    ) -> AsyncGenerator[Answer, None]:
        """The data of each event.

        Raises:
            Lost, NoAnswer.
        """
        id_ = str(next(self._ids))
        heard = self._heard[id_] = asyncio.Queue()
        payload = {"query": document, "variables": dict(variables)}
        try:
            await self._say(id=id_, type="subscribe", payload=payload)
            while True:
                message = await heard.get()
                if isinstance(message, Exception):
                    raise message
                if message["type"] == "complete":
                    return
                if message["type"] == "error":
                    raise NoAnswer(_words(message["payload"]))
                answer = message["payload"]
                if answer.get("errors"):
                    raise NoAnswer(_words(answer["errors"]))
                yield answer["data"]
        finally:
            del self._heard[id_]

    async def close(self) -> None:
        """Leave."""
        await self._connection.close()
        await asyncio.wait({self._listening})
        if self._admitted.done() and not self._admitted.cancelled():
            self._admitted.exception()  # read, or asyncio complains that nobody did

    async def _say(self, **message: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(json.dumps(message))
        except ConnectionClosed:
            await asyncio.wait({self._listening})  # it knows why
            raise self._end from None

    async def _listen(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            async for text in self._connection:
                message = json.loads(text)
                if message["type"] == "connection_ack":
                    self._admitted.set_result(None)
                elif message["type"] == "ping":
                    await self._connection.send('{"type":"pong"}')
                elif message["type"] in ("next", "error", "complete"):
                    heard = self._heard.get(message["id"])
                    if heard is not None:
                        heard.put_nowait(message)
        except ConnectionClosed:
            pass
        code, reason = self._connection.close_code, self._connection.close_reason
        if code in NOT_ADMITTED:
            words = reason or f"The server closed the connection with {code}."
            self._end = NotAdmitted(words, for_token=code == TOKEN_REFUSED)
        elif code == 1012:
            self._end = Lost("the server stops")
        if not self._admitted.done():
            self._admitted.set_exception(self._end)
        for heard in self._heard.values():
            heard.put_nowait(self._end)


def _words(errors: list[dict[str, Any]]) -> str:
    return "\n".join(error["message"] for error in errors)
