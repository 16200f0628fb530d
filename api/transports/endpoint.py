"""The endpoint ``/graphql``: from an HTTP request to an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from math import ceil
from types import MappingProxyType
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.operations.answers import on_record, refused_answer, told_error
from api.operations.documents import RequestError
from api.operations.entrance import NOS
from api.operations.graphql import Executor
from api.operations.request import NotWellFormed, Parameters, deadline_s_of
from api.transports.budget_headers import budget_headers
from api.transports.cookies import Browsers, credential_of
from api.transports.lasting import Lasting
from api.transports.protocol import (
    EVENTS,
    GRAPHQL,
    JSON,
    MediaType,
    media_type,
    parameters_of,
    qualities,
    wants_events,
    wants_page,
)
from api.transports.streams import Stream
from observability.logs import Log, bind
from observability.metrics import Meter
from observability.tracing import current_trace_id
from resolvers.refusal import ErrorCode
from services.authentication import Authenticator
from services.errors import Unauthenticated, no_of
from services.metering import OverBudget
from services.sessions import Session

DEADLINE: Final = "X-Deadline-Ms"
_STATUS: Final = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429}

_HEADERS: Final = {
    media: (
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept"),
        (b"x-content-type-options", b"nosniff"),
    )
    for media in (JSON, GRAPHQL)
}


class GraphQLEndpoint:
    """An ASGI application. As a route's endpoint it gets every method, and 405 is its own."""

    def __init__(
        self,
        executor: Executor,
        authenticator: Authenticator,
        browsers: Browsers,
        page: Callable[[Request], Awaitable[Response]],
        lasting: Lasting,
        meter: Meter,
        log: Log,
    ) -> None:
        self._executor, self._authenticator, self._page = executor, authenticator, page
        self._browsers = browsers
        self._lasting, self._meter, self._log = lasting, meter, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except Exception:
            request_id = scope["state"]["request_id"]
            self._log.exception("request failed")
            response = Answer(JSON, 500, {"errors": [on_record(request_id)]})
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> ASGIApp:
        accept = ", ".join(request.headers.getlist("accept"))
        if request.method == "GET" and wants_page(accept):
            return await self._page(request)
        media = media_type(accept)
        request_id: str = request.scope["state"]["request_id"]
        session: Session | None = None  # not known yet
        try:
            if media is None and not wants_events(accept, has_many=False):
                raise NotWellFormed(406, f"The answer is {JSON}, {GRAPHQL} or {EVENTS}.")
            credential = credential_of(request)
            principal = await self._authenticator.prove(credential)
            await self._browsers.check(request, credential, principal)
            bind(tenant=str(principal.tenant_id), principal=str(principal.member_id))
            session = Session(principal)
            deadline_s = deadline_s_of(request.headers.get(DEADLINE), f"The header {DEADLINE}")
            asked = (await parameters_of(request)).within(deadline_s)
            if EVENTS in qualities(accept):
                kind = await self._executor.kind(asked, session)
                if wants_events(accept, has_many=kind == "subscription"):
                    state = await self._executor.state(session, asks=True)
                    return self._stream(request, asked, session, kind, budget_headers(state))
            answer, errors, charge = await self._executor.run(
                asked, session, request_id, by_get=request.method == "GET"
            )
        except NotWellFormed as no:
            error = told_error(ErrorCode.QUERY_INVALID.value, no.message)
            headers = {**await self._told(session), **no.headers}
            return Answer(media or JSON, no.status, {"errors": [error]}, headers)
        except NOS as no:
            return denied(media or JSON, no)
        except RequestError as no:
            status = 400 if media == GRAPHQL else 200
            return Answer(media or JSON, status, refused_answer(no), budget_headers(no.charge))
        assert media is not None  # noqa: S101 - else it was 406, or a stream
        extensions = answer["extensions"]
        extensions["requestId"] = request_id
        trace_id = current_trace_id()
        if trace_id is not None:
            extensions["traceId"] = trace_id
        headers = budget_headers(charge)
        nos = [no for no in (no_of(error.original_error) for error in errors) if no is not None]
        for code, _, wait in nos:
            if code == ErrorCode.OVERLOADED:
                headers["Retry-After"] = str(ceil(wait or 1.0))
                return Answer(media, 503, answer, headers)
            if code == ErrorCode.UNAUTHENTICATED:  # its tenant is not here
                headers["WWW-Authenticate"] = Unauthenticated().challenge
                return Answer(media, 401, answer, headers)
        return Answer(media, 200, answer, headers)

    async def _told(self, session: Session | None) -> dict[str, str]:
        """The headers of what is not counted: of a tenant that is known, its budget as it is."""
        if session is None:
            return {}
        try:
            return budget_headers(await self._executor.state(session))
        except NOS:
            return {}

    def _stream(
        self,
        request: Request,
        asked: Parameters,
        session: Session,
        kind: str,
        headers: Mapping[str, str],
    ) -> ASGIApp:
        """
        Raises:
            NotWellFormed: for a change by GET.
            Overloaded: if there are too many.
        """
        if request.method == "GET" and kind == "mutation":
            raise NotWellFormed(405, "GET serves no mutations; POST them.", Allow="POST")
        request_id: str = request.scope["state"]["request_id"]
        answers = partial(self._executor.subscribe, asked, session, request_id)
        return Stream(kind, answers, session, self._lasting, self._meter, self._log, headers)


def denied(media: MediaType, no: Exception) -> Answer:
    """The answer to a request that may not run: one of `api.operations.entrance.NOS`."""
    answer = refused_answer(no)
    status = _STATUS.get(answer["errors"][0]["extensions"]["code"], 503)
    headers = budget_headers(no.charge) if isinstance(no, OverBudget) else {}
    if isinstance(no, Unauthenticated):
        headers["WWW-Authenticate"] = no.challenge
    told = no_of(no)
    wait_s = told[2] if told is not None else None
    if wait_s is not None or status == 503:
        headers["Retry-After"] = str(ceil(wait_s or 1.0))
    return Answer(media, status, answer, headers)


class Answer:
    """One answer, ready to be sent. Its few headers are known, so nothing has to look at them."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        media: MediaType,
        status: int,
        answer: Mapping[str, Any],
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
        self.status = status
        self.headers = [
            *_HEADERS[media],
            (b"content-length", b"%d" % len(self.body)),
            *((name.lower().encode(), value.encode()) for name, value in headers.items()),
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body})
