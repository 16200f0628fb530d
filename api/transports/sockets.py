"""graphql-transport-ws, as an ASGI application: operations over a socket that stays open.

Whatever one operation does, the others go on. The socket itself ends for what breaks the protocol
(4400 and its like), for who may not be there (4403), and when it is time to go elsewhere.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Coroutine, Mapping
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from api.operations.answers import on_record, told_error
from api.operations.graphql import Executor
from api.operations.request import NotWellFormed, Parameters, deadline_s_of
from api.transports import messages
from api.transports.cookies import Browsers, Handshake
from api.transports.lasting import Ending, FrameRate, Lasting
from api.transports.lines import Line
from api.transports.messages import Malformed, Message, TooLarge
from observability.logs import Log, bind
from observability.metrics import Meter
from resolvers.refusal import ErrorCode
from services.authentication import Authenticator, bearer
from services.errors import DatabaseAway, DatabaseBusy, Forbidden, Overloaded, Unauthenticated
from services.sessions import Session

PATH: Final = "/graphql"
SUBPROTOCOL: Final = "graphql-transport-ws"
_TURN: Final = 8  # messages after which others have theirs
_LOST: Final = 1006  # nobody said why
_pause = asyncio.sleep

NO_SUBPROTOCOL: Final = Ending(4406, f"The subprotocol is {SUBPROTOCOL}.")
NOT_INTRODUCED: Final = Ending(4408, "connection_init did not come in time.")
INTRODUCED_TWICE: Final = Ending(4429, "connection_init came twice.")
UNKNOWN: Final = Ending(4401, "connection_init comes first.")
NO_TOKEN: Final = Ending(4403, "The payload of connection_init has no “authorization”.")
NAMED_TWICE: Final = Ending(4400, "“authorization” came twice, in two spellings. Send it once.")
NOT_NOW: Final = Ending(1013, "It cannot be looked up who you are. Try again later.")
FORBIDDEN: Final = Ending(4403, "The token is not valid here. Connect with a new one.")


class Sockets:
    """All sockets of one application."""

    def __init__(
        self,
        executor: Executor,
        authenticator: Authenticator,
        lasting: Lasting,
        meter: Meter,
        log: Log,
        browsers: Browsers,
    ) -> None:
        self.executor, self.authenticator = executor, authenticator
        self.lasting, self.meter, self.log = lasting, meter, log
        self.browsers = browsers
        self._tasks: set[asyncio.Task[None]] = set()  # asyncio itself holds them weakly

    def keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run it, and hold it until it is done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Cancel what is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        handshake = await self._received(scope)
        if isinstance(handshake, int):
            status = handshake
            headers = [(b"retry-after", b"1")] if status == 503 else []
            start = {"type": "websocket.http.response.start", "status": status, "headers": headers}
            await send(start)
            await send({"type": "websocket.http.response.body", "body": b""})
            scope["state"]["line"].refused()
            return
        known = SUBPROTOCOL in scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if known else None})
        line: Line = scope["state"]["line"]
        line.forget_handshake()
        socket = Socket(self, line, send, handshake)
        if not known:
            socket.end(NO_SUBPROTOCOL)
        await socket.listen(receive)

    async def _received(self, scope: Scope) -> Handshake | int:
        """What a handshake says; the HTTP status of one that is not answered with a socket."""
        if scope["path"] != PATH:
            return 404
        if not self.lasting.admits():
            return 503
        try:
            return await self.browsers.handshake(scope)
        except NotWellFormed as no:
            return no.status
        except Forbidden:
            return 403
        except (DatabaseAway, DatabaseBusy):
            return 503


class _Operation:
    """One operation of a socket, under way."""

    __slots__ = ("kind", "task")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.task: asyncio.Task[None] | None = None


class Socket:
    """One socket, from the handshake to its end."""

    __slots__ = (
        "_answering", "_asked", "_began_s", "_deadline_s", "_ended", "_frames", "_free",
        "_handshake", "_heard_s", "_id", "_line",
        "_running", "_send", "_sockets", "_stuck_s", "_subscribed", "number", "session",
    )  # fmt: skip

    def __init__(self, sockets: Sockets, line: Line, send: Send, handshake: Handshake) -> None:
        self._sockets, self._line, self._send = sockets, line, send
        self._handshake = handshake
        self.session: Session | None = None
        self._id = secrets.token_hex(8)
        self._began_s = self._heard_s = asyncio.get_running_loop().time()
        self._stuck_s: float | None = None  # since when more than 64 kB are unread
        self._running: dict[str, _Operation] = {}
        self._asked = self._answering = self._subscribed = 0
        self._deadline_s: float | None = None  # of each operation, where it names none itself
        self._frames = FrameRate(sockets.lasting.limits)
        self._free: asyncio.Event | None = None  # while nothing more is read
        self._ended = False
        self.number = sockets.lasting.enter(self)
        sockets.meter.sockets += 1

    @property
    def busy(self) -> bool:
        """Whether a query or a mutation is under way."""
        return self._answering > 0

    async def listen(self, receive: Receive) -> None:
        """Until it ends, from whichever side."""
        loop, code, turn = asyncio.get_running_loop(), _LOST, 0
        try:
            while (message := await receive())["type"] == "websocket.receive":
                self._heard_s = loop.time()
                wait_s = self._frames.wait_s(self._heard_s)
                if wait_s > 0.0:  # nothing is read meanwhile, so the client's network fills up
                    await _pause(wait_s)
                if not self._ended:
                    await self._take(message.get("text"))
                turn += 1
                if turn % _TURN == 0:
                    await asyncio.sleep(0)  # what has come already is received without a pause
            code = message.get("code") or _LOST
        finally:
            self._over(str(code))
            self._sockets.lasting.leave(self)
            for operation in self._running.values():
                _cancel(operation)
            self._running.clear()

    def look(self, now_s: float) -> None:
        """End what has been silent, behind or a stranger for too long."""
        limits = self._sockets.lasting.limits
        if self._ended:
            return
        if not self._line.behind:
            self._stuck_s = None
        if self.session is None:
            if now_s - self._began_s >= limits.init_within_s:
                self.end(NOT_INTRODUCED)
        elif self._line.behind:
            self._stuck_s = now_s if self._stuck_s is None else self._stuck_s
            if now_s - self._stuck_s >= limits.behind_s:
                self._abort("behind")
        # While nothing is read, silence is ours.
        elif self._free is None and now_s - self._heard_s >= limits.silent_s:
            self._abort("silent")

    def ping(self) -> None:
        """Ask whether somebody is there, unless much is unread: then the answer is no news."""
        if not (self._ended or self._line.behind or self.session is None):
            self._line.say(messages.PING)

    def end(self, ending: Ending) -> None:
        """Say so and close; at once, and only the first time."""
        if not self._over(str(ending.code)):
            return
        if self._line.behind:
            self._line.abort()
        else:
            close = {"type": "websocket.close", "code": ending.code, "reason": ending.reason}
            self._sockets.keep(_quietly(self._send(close)))

    def _abort(self, why: str) -> None:
        if self._over(why):
            self._line.abort()

    def _over(self, why: str) -> bool:
        """Whether it is over with this, and was not before."""
        if self._ended:
            return False
        self._ended = True
        self._sockets.meter.socket_closed(why)
        if self._free is not None:
            self._free.set()
        return True

    async def _take(self, text: str | None) -> None:
        try:
            message = messages.read(text)
            if message.type == "subscribe":
                await self._subscribe(message)
            elif message.type == "complete":
                self._stop(message.id)
            elif message.type == "ping":
                await self._say(messages.pong(message.payload))
            elif message.type == "connection_init":
                await self._introduce(message.payload or {})
        except Malformed as no:
            self.end(Ending(4400, no.reason))
        except TooLarge as no:
            if self.session is None:
                self.end(UNKNOWN)
            else:
                await self._refuse(no.id, told_error(ErrorCode.QUERY_TOO_COMPLEX.value, no.message))

    async def _introduce(self, payload: Mapping[str, Any]) -> None:
        sockets = self._sockets
        if self.session is not None:
            self.end(INTRODUCED_TWICE)
            return
        if "authorization" in payload and "Authorization" in payload:
            self.end(NAMED_TWICE)
            return
        token = payload.get("authorization") or payload.get("Authorization")
        if not isinstance(token, str) and (token or self._handshake.cookie is None):
            self.end(NO_TOKEN)
            return
        words = sockets.lasting.words
        try:
            credential = bearer(token) if token else self._handshake.cookie
            principal = await sockets.authenticator.admitted(credential)
            await sockets.browsers.check_socket(self._handshake, principal)
        except (Unauthenticated, Forbidden):
            self.end(FORBIDDEN)
            return
        except (DatabaseAway, DatabaseBusy, Overloaded):
            self.end(NOT_NOW)
            return
        no = sockets.lasting.introduce(self, Session(principal, sockets.authenticator), words)
        if no is not None:
            self.end(no)
            return
        extensions = payload.get("extensions")
        if isinstance(extensions, dict):
            try:
                self._deadline_s = deadline_s_of(extensions.get("deadlineMs"), "“deadlineMs”")
            except NotWellFormed as flaw:
                self.end(Ending(4400, messages.fitted(flaw.message)))
                return
        bind(socket=self._id, tenant=str(principal.tenant_id), principal=str(principal.member_id))
        await self._say(messages.ACKNOWLEDGED)

    async def _subscribe(self, message: Message) -> None:
        if self.session is None:
            self.end(UNKNOWN)
            return
        if message.id in self._running:
            taken = f"There is an operation already with the id {message.id}"
            self.end(Ending(4409, messages.fitted(taken)))
            return
        asked = messages.asked(message).within(self._deadline_s)
        limits = self._sockets.lasting.limits
        try:
            operation = _Operation(await self._sockets.executor.kind(asked, self.session))
        except Exception:  # a fault of ours: it will be told, and logged, where it runs
            operation = _Operation("")
        if self._line.disconnected and operation.kind != "mutation":
            return  # it came with others, and nobody waits for its answer any more
        if operation.kind == "subscription":
            if self._subscribed >= limits.subscriptions:
                most = f"A socket has at most {limits.subscriptions} subscriptions. Complete one."
                error = told_error(ErrorCode.RATE_LIMITED.value, most, 1.0)
                await self._refuse(message.id, error)
                return
            self._subscribed += 1
            self._sockets.meter.subscriptions += 1
        else:
            while self._answering >= limits.operations and not self._ended:
                self._free = asyncio.Event()
                await self._free.wait()
                self._free = None
            if self._ended:
                return
            self._answering += 1
        self._running[message.id] = operation
        run = self._run(message.id, operation, asked, self.session)
        operation.task = self._sockets.keep(run)
        # Not at the end of `_run`: who is cancelled at once does not even begin.
        operation.task.add_done_callback(partial(self._finished, message.id, operation))

    async def _run(
        self, id_: str, operation: _Operation, asked: Parameters, session: Session
    ) -> None:
        self._asked += 1
        request_id = f"{self._id}.{self._asked}"
        bind(request_id=request_id)
        try:
            answers = self._sockets.executor.subscribe(asked, session, request_id)
            async with aclosing(answers):
                async for answer in answers:
                    if self._running.get(id_) is not operation:
                        return  # the client has had enough
                    if "data" not in answer:
                        self._forget(id_, operation)
                        await self._say(messages.written("error", id_, answer["errors"]))
                        return
                    if operation.kind != "subscription":
                        answer.setdefault("extensions", {})["requestId"] = request_id
                    await self._say(messages.written("next", id_, answer))
            if self._forget(id_, operation):
                await self._say(messages.written("complete", id_))
        except Exception:
            self._sockets.log.exception("operation failed")
            if self._forget(id_, operation):
                await self._say(messages.written("error", id_, [on_record(request_id)]))

    def _finished(self, id_: str, operation: _Operation, _task: asyncio.Task[None]) -> None:
        self._forget(id_, operation)
        if operation.kind == "subscription":
            self._sockets.meter.subscriptions -= 1
        else:
            self._answering -= 1
            if self._free is not None:
                self._free.set()

    def _forget(self, id_: str, operation: _Operation) -> bool:
        """Whether the client still waited for it. Its id may be used again."""
        if self._running.get(id_) is not operation:
            return False
        del self._running[id_]
        if operation.kind == "subscription":
            self._subscribed -= 1
        return True

    def _stop(self, id_: str) -> None:
        operation = self._running.get(id_)
        if operation is not None:  # else it was faster than the client
            self._forget(id_, operation)
            _cancel(operation)

    async def _refuse(self, id_: str, error: dict[str, Any]) -> None:
        await self._say(messages.written("error", id_, [error]))

    async def _say(self, text: bytes) -> None:
        while self._line.behind and not self._ended:
            await self._line.drained()
        if not self._ended:
            self._line.say(text)


def _cancel(operation: _Operation) -> None:
    # A change that has begun is not cut short because nobody waits for its answer.
    if operation.kind != "mutation" and operation.task is not None:
        operation.task.cancel()


async def _quietly(sending: Awaitable[None]) -> None:
    with suppress(ClientDisconnected):  # it was faster
        await sending
