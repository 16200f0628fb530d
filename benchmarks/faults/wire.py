"""How clients ask: over HTTP or over a socket, and what an answer means to whoever must be sure."""

from __future__ import annotations

import asyncio
import itertools
import random
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, Final

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from api.keys import KeyUnusable
from benchmarks.faults.stack import Stack
from benchmarks.faults.tenants import Tenant

ANSWER_DEADLINE_S: Final = 5.0
# Made once: a client that reads the machine's certificates takes longer than what it asks.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# Said of a moment, not of what was asked: the same request is right again a little later.
PASSING: Final = frozenset({"OVERLOADED", "RATE_LIMITED"})

Answer = dict[str, Any]


class NotNow(Exception):
    """No answer, or one that says: later. Whether something was done, nobody knows."""


class Unclean(Exception):
    """An answer that no fault of the world excuses."""


def data_of(answer: Answer) -> dict[str, Any]:
    """What was answered.

    Raises:
        NotNow: if the answer is: later.
        Unclean: if it is anything else than data.
    """
    errors = answer.get("errors")
    if errors:
        codes = {error.get("extensions", {}).get("code") for error in errors}
        if codes <= PASSING:
            raise NotNow(str(codes))
        raise Unclean(orjson.dumps(errors).decode()[:400])
    found: dict[str, Any] = answer["data"]
    return found


class Road(ABC):
    """A way to the server for one client. It is laid anew whenever it broke."""

    def __init__(self, stack: Stack, tenant: Tenant, member: int = 0) -> None:
        self.stack = stack
        self.tenant = tenant
        self.member = member

    @abstractmethod
    async def ask(self, document: str, variables: dict[str, Any]) -> Answer:
        """
        Raises:
            NotNow, Unclean.
        """

    @abstractmethod
    async def hang_up_on(self, document: str, variables: dict[str, Any], after_s: float) -> None:
        """Ask, and be gone before an answer is read. Raises NotNow."""

    @abstractmethod
    async def close(self) -> None: ...


class HttpRoad(Road):
    """POST /graphql over connections that stay open."""

    def __init__(self, stack: Stack, tenant: Tenant, member: int = 0) -> None:
        super().__init__(stack, tenant, member)
        self._http = httpx.AsyncClient(
            verify=NO_TLS, timeout=ANSWER_DEADLINE_S, base_url=stack.valor.origin
        )

    async def ask(self, document: str, variables: dict[str, Any]) -> Answer:
        key = self.stack.key_of()
        try:
            response = await self._http.post(
                "/graphql",
                json={"query": document, "variables": variables},
                headers={"authorization": f"Bearer {self.stack.token(self.tenant, self.member)}"},
            )
        except (httpx.HTTPError, KeyUnusable) as no:
            raise NotNow(repr(no)) from None
        if response.status_code == httpx.codes.UNAUTHORIZED and self.stack.key_of() != key:
            raise NotNow("the server has another key now")
        try:
            answer = response.json()
        except ValueError:
            raise Unclean(f"{response.status_code} {response.text[:200]}") from None
        if not isinstance(answer, dict):
            raise Unclean(f"{response.status_code} {response.text[:200]}")
        return answer

    async def hang_up_on(self, document: str, variables: dict[str, Any], after_s: float) -> None:
        with suppress(TimeoutError, Unclean):
            async with asyncio.timeout(after_s):
                await self.ask(document, variables)

    async def close(self) -> None:
        await self._http.aclose()


class SocketRoad(Road):
    """`graphql-transport-ws` over one socket."""

    def __init__(self, stack: Stack, tenant: Tenant, member: int = 0) -> None:
        super().__init__(stack, tenant, member)
        self._socket: Socket | None = None

    async def _laid(self) -> Socket:
        if self._socket is None or self._socket.closed:
            self._socket = await Socket.opened(self.stack, self.tenant, self.member)
        return self._socket

    async def ask(self, document: str, variables: dict[str, Any]) -> Answer:
        socket = await self._laid()
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                async with aclosing(socket.answers(document, variables)) as answers:
                    async for answer in answers:
                        return answer
        except TimeoutError:
            socket.abort()
        raise NotNow("no answer")

    async def hang_up_on(self, document: str, variables: dict[str, Any], after_s: float) -> None:
        socket = await self._laid()
        with suppress(TimeoutError, Unclean):
            async with asyncio.timeout(after_s):
                await self.ask(document, variables)
        socket.abort()

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()


class Socket:
    """One connection that speaks `graphql-transport-ws`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)
        self._asked: dict[str, asyncio.Queue[dict[str, Any] | None]] = {}
        self._reader = asyncio.create_task(self._read())
        self.closed = False

    @classmethod
    async def opened(cls, stack: Stack, tenant: Tenant, member: int) -> Socket:
        """
        Raises:
            NotNow: if the server is not there, or does not let us in now.
        """
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                connection = await connect(
                    stack.valor.socket,
                    subprotocols=[Subprotocol("graphql-transport-ws")],
                    compression=None,
                    proxy=None,
                    ping_interval=None,
                    open_timeout=None,
                    close_timeout=1,
                )
                token = stack.token(tenant, member)
                await _send(
                    connection,
                    {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}},
                )
                first = orjson.loads(await connection.recv())
        except (OSError, TimeoutError, WebSocketException, KeyUnusable) as no:
            raise NotNow(repr(no)) from None
        if first.get("type") != "connection_ack":
            raise Unclean(f"connection_init was answered by {first}")
        return cls(connection)

    async def answers(self, document: str, variables: dict[str, Any]) -> AsyncGenerator[Answer]:
        """Each answer of an operation, until it is complete.

        Raises:
            NotNow: if the connection ended before that.
        """
        id_ = str(next(self._ids))
        queue = self._asked[id_] = asyncio.Queue()
        payload = {"query": document, "variables": variables}
        try:
            if self.closed:
                raise NotNow("the connection ended")
            await self._tell({"id": id_, "type": "subscribe", "payload": payload})
            while True:
                message = await queue.get()
                if message is None:
                    raise NotNow("the connection ended")
                if message["type"] == "next":
                    yield message["payload"]
                elif message["type"] == "error":
                    yield {"errors": message["payload"]}
                    return
                else:
                    return
        finally:
            del self._asked[id_]

    async def _tell(self, message: dict[str, Any]) -> None:
        try:
            await _send(self._connection, message)
        except (OSError, WebSocketException):
            raise NotNow("the connection ended") from None

    async def _read(self) -> None:
        try:
            async for text in self._connection:
                message = orjson.loads(text)
                if message["type"] == "ping":
                    await _send(self._connection, {"type": "pong"})
                elif message.get("id") in self._asked:
                    self._asked[message["id"]].put_nowait(message)
        except (OSError, WebSocketException):
            pass
        finally:
            self.closed = True
            for queue in self._asked.values():
                queue.put_nowait(None)

    def abort(self) -> None:
        """Be gone without a word, as a client that crashed."""
        self.closed = True
        self._connection.transport.abort()

    async def close(self) -> None:
        with suppress(OSError, WebSocketException):
            await self._connection.close()
        await self._reader


async def _send(connection: ClientConnection, message: dict[str, Any]) -> None:
    await connection.send(orjson.dumps(message).decode())


async def patience(tries: int) -> None:
    """Wait before the next try: 20 ms at first, half a second at most, never all at once."""
    await asyncio.sleep(min(0.5, 0.02 * 2**tries) * random.uniform(0.5, 1.0))  # noqa: S311


async def holds(condition: Callable[[], bool], within_s: float) -> bool:
    """Wait until a condition holds; whether it does."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        await asyncio.sleep(0.02)
    return condition()
