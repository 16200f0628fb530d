"""GraphQL over server-sent events: one operation, one request, an event for each answer.

These are the "distinct connections" of the protocol: ``next`` with an answer, then ``complete``. A
stream that ends without ``complete`` was cut off, by us or by the network: ask for it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send

from api.operations.answers import on_record
from api.transports.lasting import Ending, Lasting
from api.transports.protocol import EVENTS
from observability.logs import Log
from observability.metrics import Meter
from services.errors import Overloaded
from services.sessions import Session

_COMPLETE: Final = b"event: complete\ndata:\n\n"
_BEAT: Final = b":\n\n"  # a comment, which keeps proxies from closing what is quiet
_HEADERS: Final = (
    (b"content-type", f"{EVENTS}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept"),
    (b"x-accel-buffering", b"no"),  # a proxy that collects answers would hold events back
    (b"x-content-type-options", b"nosniff"),
)


class Stream:
    """One stream, as an ASGI application. The connection below lets go of who does not read."""

    def __init__(
        self,
        kind: str,
        answers: Callable[[], AsyncGenerator[dict[str, Any], None]],
        session: Session,
        lasting: Lasting,
        meter: Meter,
        log: Log,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """
        Raises:
            Overloaded: if there are too many.
        """
        self._headers = headers
        if not lasting.admits():
            raise Overloaded("There are too many connections. Try again later.", 1.0)
        self.session: Session | None = None
        self.number = lasting.enter(self)
        no = lasting.introduce(self, session)
        if no is not None:
            lasting.leave(self)
            raise Overloaded(no.reason, 1.0)
        self._kind, self.busy = kind, kind != "subscription"
        self._answers, self._lasting, self._meter, self._log = answers, lasting, meter, log
        self._woken = asyncio.Event()
        self._beat_due = self._ended = False

    def look(self, now_s: float) -> None:
        """Nothing is heard from a client over HTTP."""

    def ping(self) -> None:
        """Say that the stream lives."""
        self._beat_due = True
        self._woken.set()

    def end(self, ending: Ending) -> None:  # noqa: ARG002 - an event stream has no close codes
        """End the stream, without ``complete``."""
        self._ended = True
        self._woken.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tasks: list[asyncio.Task[None]] = []
        left: asyncio.Task[None] | None = None
        self._meter.streams += 1
        self._meter.subscriptions += 1
        try:
            told = ((name.lower().encode(), text.encode()) for name, text in self._headers.items())
            headers = [*_HEADERS, *told]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            request_id: str = scope["state"]["request_id"]
            telling = asyncio.create_task(self._tell(send, request_id))
            left = asyncio.create_task(_left(receive))
            tasks = [telling, left]
            for task in tasks:
                task.add_done_callback(self._wake)
            while not (self._ended or telling.done() or left.done()):
                await self._woken.wait()
                self._woken.clear()
                if self._beat_due and not telling.done():
                    self._beat_due = False
                    await send(_part(_BEAT))
        finally:
            for task in tasks:
                # A change that has begun is not cut short because nobody waits for its answer.
                if task is left or self._kind != "mutation":
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._lasting.leave(self)
            self._meter.streams -= 1
            self._meter.subscriptions -= 1
        await send(_part(b"", more=False))

    async def _tell(self, send: Send, request_id: str) -> None:
        """Every answer, then ``complete``."""
        try:
            async with aclosing(self._answers()) as answers:
                async for answer in answers:
                    await send(_part(_event(answer)))
        except Exception:
            self._log.exception("operation failed")
            await send(_part(_event({"errors": [on_record(request_id)]})))
        await send(_part(_COMPLETE))

    def _wake(self, _task: asyncio.Task[None]) -> None:
        self._woken.set()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(answer: dict[str, Any]) -> bytes:
    # JSON has no line breaks outside of texts, and inside they are escaped.
    return b"event: next\ndata: %b\n\n" % orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}
