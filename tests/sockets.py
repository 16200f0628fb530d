"""A raw client of graphql-transport-ws, subscriptions to follow, and a way to wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import pytest
import strawberry
from strawberry.scalars import JSON
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from resolvers import schema
from resolvers.context import Info
from services.errors import Forbidden, Overloaded

SUBPROTOCOL: Final = Subprotocol("graphql-transport-ws")
WITHIN_S: Final = 60.0  # it bounds a failure alone, so a machine may be as slow as that
ENDED: Final[list[str]] = []  # subscriptions whose resolvers came to their end


@strawberry.type
class Beat:
    number: int

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("a secret")

    @strawberry.field
    def who(self, info: Info) -> str:
        return info.context.principal.role.value


@strawberry.type
class TestStreams:
    """Mixed into the schema's Subscription by `with_streams`."""

    @strawberry.subscription
    async def beats(self, until: int = 10**6, every: float = 0.02) -> AsyncGenerator[Beat, None]:
        """A number, again and again."""
        try:
            for number in range(until):
                yield Beat(number=number)
                await asyncio.sleep(every)
        finally:
            ENDED.append("beats")

    @strawberry.subscription
    async def masses(self, kilobytes: int, of: int = 1_000_000) -> AsyncGenerator[JSON, None]:
        """As much as a client takes."""
        for number in range(of):
            yield JSON({"number": number, "text": "x" * 1_000 * kilobytes})
            await asyncio.sleep(0)

    @strawberry.subscription
    async def breaks(self, how: str) -> AsyncGenerator[int, None]:
        yield 1
        if how == "forbidden":
            raise Forbidden("Not you.")
        if how == "overloaded":
            raise Overloaded("Not now.")
        raise RuntimeError("a secret")


@contextmanager
def with_streams() -> Iterator[None]:
    """Schemas that are built meanwhile have these subscriptions beside their own."""
    with pytest.MonkeyPatch.context() as patch:
        if TestStreams not in schema.STREAMS:
            patch.setattr(schema, "STREAMS", (*schema.STREAMS, TestStreams))
        yield


class Talk:
    """One socket, said and heard message by message."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, kind: str, **more: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **more}))

    async def send(self, raw: str | bytes) -> None:
        """Anything at all."""
        await self.socket.send(raw)

    async def hear(self) -> dict[str, Any]:
        """The next message that is no ping; those are answered.

        While nothing comes, it says so each second: a machine may stand still for almost as long as
        a server bears silence.
        """
        for _ in range(int(WITHIN_S)):
            try:
                async with asyncio.timeout(1.0):
                    message: dict[str, Any] = json.loads(await self.socket.recv())
            except TimeoutError:
                message = {"type": "ping"}
            if message != {"type": "ping"}:
                return message
            await self.say("pong")
        raise TimeoutError(f"nothing came within {WITHIN_S:g} s")

    async def introduce(self, token: str) -> None:
        await self.say("connection_init", payload={"authorization": f"Bearer {token}"})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id_: str, query: str, **variables: Any) -> None:
        await self.say("subscribe", id=id_, payload={"query": query, "variables": variables})

    async def ask(self, id_: str, query: str, **variables: Any) -> dict[str, Any]:
        """The one answer of a query or a mutation, or the payload of its error."""
        await self.subscribe(id_, query, **variables)
        answer = await self.hear_of(id_)
        if answer["type"] == "next":
            assert await self.hear_of(id_) == {"type": "complete", "id": id_}
            answer["payload"].pop("extensions", None)
        payload: dict[str, Any] = answer["payload"]
        return payload

    async def hear_of(self, id_: str) -> dict[str, Any]:
        """The next message of one operation."""
        while (message := await self.hear()).get("id") != id_:
            pass
        return message

    async def ending(self) -> tuple[int, str]:
        """(code, reason) with which the server ends the socket."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    await self.socket.recv()
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                return 1006, ""
            return closed.rcvd.code, closed.rcvd.reason


@asynccontextmanager
async def talking(
    server: str, token: str | None = None, *, path: str = "/graphql", **options: Any
) -> AsyncIterator[Talk]:
    """A socket to a server (http://127.0.0.1:PORT), acknowledged if there is a token."""
    given = {
        "subprotocols": [SUBPROTOCOL],
        "compression": None,
        "ping_interval": None,
        "open_timeout": WITHIN_S,
        **options,
    }
    url = server.replace("http", "ws", 1) + path
    async with connect(url, proxy=None, close_timeout=2, max_size=None, **given) as socket:
        talk = Talk(socket)
        if token is not None:
            await talk.introduce(token)
        yield talk


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)
