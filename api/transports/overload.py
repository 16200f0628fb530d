"""How many operations may be under way at once: one more is told to come back, at once.

Work that is begun for more callers than can be answered in time is answered to nobody.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.transports.endpoint import denied
from api.transports.protocol import JSON, media_type
from observability.operations import OperationWatch
from services.errors import Overloaded

UNDER_WAY: Final = 1_000  # requests of one process that have no answer yet


class Limited:
    """An ASGI application that serves so many HTTP requests at a time.

    A request counts until its answer begins: an event stream lasts, and who reads slowly has a
    limit of its own.
    """

    def __init__(self, app: ASGIApp, watch: OperationWatch, most: int = UNDER_WAY) -> None:
        self._app, self._watch, self._most = app, watch, most
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._most:
            await self._refuse(scope, receive, send)
            return
        counted = True
        self._under_way += 1

        def answered() -> None:
            nonlocal counted
            if counted:
                counted = False
                self._under_way -= 1

        async def answer(message: Message) -> None:
            answered()
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            answered()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        no = Overloaded("The server has more to do than it can. Try again in a second.")
        with self._watch.operation() as operation:  # load that is shed burns the budget
            operation.errors = (no,)
        media = media_type(", ".join(Headers(scope=scope).getlist("accept"))) or JSON
        await denied(media, no)(scope, receive, send)
