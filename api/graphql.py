"""The endpoint ``/graphql``: from an HTTP request to an answer.

Strawberry authors the schema and its executor runs operations; documents, errors and transport
are ours. An operation is counted from its document to its last field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from types import MappingProxyType
from typing import Any, Final

import orjson
import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType, ValueNode
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.execution import optimized_is_awaitable

from api.coercion import Unusual
from api.documents import Asked, Documents
from api.plans import Handover, Plan
from api.protocol import (
    GRAPHQL,
    JSON,
    MediaType,
    NotWellFormed,
    Parameters,
    media_type,
    parameters_of,
    wants_page,
)
from observability.logs import Log, bind
from observability.operations import Operation, OperationWatch
from observability.tracing import current_trace_id
from resolvers.context import Context, Services
from resolvers.refusal import ErrorCode, Refusal
from services.authentication import Authenticator
from services.errors import Denied, Overloaded, no_of
from services.principal import Principal
from services.sessions import Session

_CODES: Final = frozenset(ErrorCode)
_QUOTED: Final = 80  # characters of a wrong value
_ON_RECORD: Final = "Something failed on our side. It is on record as {}."
_HEADERS: Final = {
    media: (
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept"),
        (b"x-content-type-options", b"nosniff"),
    )
    for media in (JSON, GRAPHQL)
}


class RequestError(Exception):
    """Well-formed, but nothing was executed: the answer has no ``data`` entry."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


def recognise(thing: object) -> str | None:
    """The code of a no, in whatever form it comes: for those who count."""
    if isinstance(thing, Refusal):
        return thing.code.value
    if isinstance(thing, GraphQLError):
        code = (thing.extensions or {}).get("code")
        if code is None and _is_of_the_document(thing.original_error):
            return ErrorCode.QUERY_INVALID.value
        return code if isinstance(code, str) else None
    no = no_of(thing)
    return no[0] if no else None


def _is_of_the_document(error: object) -> bool:
    """Whether the executor refused an argument: a null, say, that its variable let through.

    Such an error points at the value in the document. An answer that cannot be written does not:
    that one is ours.
    """
    nodes = error.nodes if isinstance(error, GraphQLError) else None
    return bool(nodes) and all(isinstance(node, ValueNode) for node in nodes or ())


class Executor:
    """Runs one well-formed request for one principal, over whichever transport it came."""

    def __init__(
        self,
        schema: strawberry.Schema,
        services: Services,
        watch: OperationWatch,
        log: Log,
        deadline_s: float,
    ) -> None:
        self._schema, self._services, self._watch = schema, services, watch
        self._log, self._deadline_s = log, deadline_s
        self._documents = Documents(schema)

    async def run(
        self, asked: Parameters, principal: Principal, request_id: str, *, by_get: bool = False
    ) -> tuple[dict[str, Any], tuple[GraphQLError, ...]]:
        """(answer without ``extensions``, its errors unmasked).

        Raises:
            RequestError: if nothing was executed.
            NotWellFormed: for a change by GET.
        """
        with self._watch.operation(str(principal.tenant_id)) as operation:
            no: RequestError | NotWellFormed | None = None
            errors: tuple[GraphQLError, ...] = ()
            try:
                result = await self._execute(asked, principal, operation, by_get=by_get)
                errors = operation.errors = tuple(result.errors or ())
            except RequestError as refused:
                no, operation.errors = refused, refused.errors
            except NotWellFormed as refused:
                no, operation.errors = refused, (GraphQLError(refused.message),)
        if no is not None:  # only now: an exception that leaves an operation is a fault of ours
            raise no
        answer: dict[str, Any] = {"data": result.data}  # there, even when it is null
        if errors:
            answer["errors"] = [self._formatted(error, request_id) for error in errors]
        return answer, errors

    async def _execute(
        self, asked: Parameters, principal: Principal, operation: Operation, *, by_get: bool
    ) -> ExecutionResult:
        document = self._documents.read(asked.query)
        found = document.asked(asked.operation_name)
        operation.named(found.kind, found.root_fields)
        _check_transport(found, by_get=by_get)
        if document.errors or document.node is None:
            raise RequestError(*document.errors)
        context = Context(Session(principal), self._services)
        try:
            async with asyncio.timeout(self._deadline_s):
                if found.plan is None:
                    return await self._refer(document.node, asked, context)
                return await self._follow(found.plan, document.node, asked, context)
        except TimeoutError:
            late = Overloaded(f"This took longer than {self._deadline_s:g} s.", 5.0)
            error = GraphQLError(late.message, original_error=late)
            return ExecutionResult(data=None, errors=[error])

    async def _follow(
        self, plan: Plan, document: DocumentNode, asked: Parameters, context: Context
    ) -> ExecutionResult:
        """Run by the plan; what is not plainly right goes on in the reference."""
        roots: dict[str, Any] = {}
        try:
            variables = plan.coerce(asked.variables)
            return ExecutionResult(data=await plan.run(context, variables, roots))
        except Unusual:
            return await self._refer(document, asked, context)
        except Handover:
            return await self._refer(document, asked, context, roots)

    async def _refer(
        self,
        document: DocumentNode,
        asked: Parameters,
        context: Context,
        roots: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Run in graphql-core, from the root values that are there, if any."""
        # `build` answers with a list exactly when nothing can be executed: an unknown operation
        # name, or variables that are not of their types.
        executor = self._schema.execution_context_class.build(
            self._documents.schema if roots is None else self._documents.planner.reference,
            document,
            root_value=roots,
            context_value=context,
            raw_variable_values=dict(asked.variables),
            operation_name=asked.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type] # it is a type guard
            operation_extensions=None,
        )
        if isinstance(executor, list):
            raise RequestError(*executor)
        result = executor.execute_operation()
        if isawaitable(result):
            result = await result
        if not isinstance(result, ExecutionResult):
            raise TypeError("an operation over HTTP has one result")
        return result

    def _formatted(self, error: GraphQLError, request_id: str) -> dict[str, Any]:
        """What the caller may read of an error: the words of a no, or the id of a fault of ours."""
        shape = dict(error.formatted)
        code = recognise(error)
        no = no_of(error.original_error)
        if no is not None and no[0] in _CODES:
            code, shape["message"] = no[0], no[1]
        elif error.original_error is None:
            code = ErrorCode.QUERY_INVALID.value  # the executor's own no, before any resolver
        elif code not in _CODES:
            code = ErrorCode.INTERNAL.value
            shape["message"] = _ON_RECORD.format(request_id)
            self._log.error(
                "resolver failed",
                path=[str(key) for key in error.path or ()],
                exc_info=error.original_error,
            )
        shape["extensions"] = {**(error.extensions or {}), "code": code}
        if code == ErrorCode.INTERNAL.value:
            shape["extensions"] = {"code": code, "requestId": request_id}
        return shape


def _check_transport(found: Asked, *, by_get: bool) -> None:
    if found.node is None:
        return  # `build` says which name was missing or unknown
    if by_get and found.node.operation is not OperationType.QUERY:
        raise NotWellFormed(405, "GET serves queries alone; POST the others.", Allow="POST")
    if found.node.operation is OperationType.SUBSCRIPTION:
        raise RequestError(GraphQLError("Subscriptions are not served over this transport."))


class GraphQLEndpoint:
    """An ASGI application. As a route's endpoint it gets every method, and 405 is its own."""

    def __init__(
        self,
        executor: Executor,
        authenticator: Authenticator,
        page: Callable[[Request], Awaitable[Response]],
        log: Log,
    ) -> None:
        self._executor, self._authenticator, self._page = executor, authenticator, page
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except Exception:
            request_id = scope["state"]["request_id"]
            self._log.exception("request failed")
            code = ErrorCode.INTERNAL.value
            error = {
                "message": _ON_RECORD.format(request_id),
                "extensions": {"code": code, "requestId": request_id},
            }
            response = Answer(JSON, 500, {"errors": [error]})
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> ASGIApp:
        accept = ", ".join(request.headers.getlist("accept"))
        if request.method == "GET" and wants_page(accept):
            return await self._page(request)
        media = media_type(accept)
        request_id: str = request.scope["state"]["request_id"]
        try:
            if media is None:
                raise NotWellFormed(406, f"The answer is {JSON} or {GRAPHQL}.")
            principal = self._authenticator.principal_of(request.headers.get("authorization"))
            bind(tenant=str(principal.tenant_id), principal=str(principal.member_id))
            asked = await parameters_of(request)
            answer, errors = await self._executor.run(
                asked, principal, request_id, by_get=request.method == "GET"
            )
        except NotWellFormed as no:
            error = {"message": no.message, "extensions": {"code": ErrorCode.QUERY_INVALID.value}}
            return Answer(media or JSON, no.status, {"errors": [error]}, no.headers)
        except Denied as no:
            return _denied(media or JSON, no)
        except RequestError as no:
            shapes = [request_error(error) for error in no.errors]
            return Answer(media or JSON, 400 if media == GRAPHQL else 200, {"errors": shapes})
        extensions = {"requestId": request_id}
        trace_id = current_trace_id()
        if trace_id is not None:
            extensions["traceId"] = trace_id
        answer["extensions"] = extensions
        nos = [no for no in (no_of(error.original_error) for error in errors) if no is not None]
        for code, _, wait in nos:
            if code == ErrorCode.OVERLOADED:
                return Answer(media, 503, answer, {"Retry-After": f"{wait or 1.0:.0f}"})
            if code == ErrorCode.UNAUTHENTICATED:  # its tenant is not here
                return Answer(media, 401, answer, {"WWW-Authenticate": "Bearer"})
        return Answer(media, 200, answer)


def request_error(error: GraphQLError) -> dict[str, Any]:
    """What the caller reads of an error that let nothing run."""
    shape: dict[str, Any] = {**error.formatted}
    # graphql-core quotes the value that it found: the whole input, where one field is missing.
    before, found, value = shape["message"].partition(", found: ")
    if len(value) > _QUOTED:
        shape["message"] = f"{before}{found}{value[:_QUOTED]}…"
    code = recognise(error) or ErrorCode.QUERY_INVALID.value
    shape["extensions"] = {**(error.extensions or {}), "code": code}
    return shape


def _denied(media: MediaType, no: Denied) -> Answer:
    status = 401 if no.code == "UNAUTHENTICATED" else 503
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "1"}
    error = {"message": no.message, "extensions": {"code": no.code}}
    return Answer(media, status, {"errors": [error]}, headers)


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
