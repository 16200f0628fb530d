"""From a well-formed request to answers, over whichever transport it came.

Strawberry authors the schema and its executor runs operations; documents, errors and transport
are ours. An operation is counted from its document to its last field, a subscription to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from inspect import isawaitable
from types import MappingProxyType
from typing import Any, Final

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType, ValueNode
from graphql.error import located_error
from graphql.execution import Executor as Reference
from strawberry.execution import optimized_is_awaitable

from api.operations.coercion import Unusual
from api.operations.documents import Asked, Document, Documents, RequestError
from api.operations.events import Events
from api.operations.plans import Handover, Plan
from api.operations.request import NotWellFormed, Parameters
from observability.logs import Log
from observability.operations import Operation, OperationWatch
from resolvers.context import Context, Services
from resolvers.refusal import ErrorCode, Refusal
from services.errors import Overloaded, no_of
from services.sessions import Session

_CODES: Final = frozenset(ErrorCode)
_QUOTED: Final = 80  # characters of a wrong value


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
    """Runs well-formed requests, each for the session of the connection that it came over."""

    def __init__(
        self,
        schema: strawberry.Schema,
        services: Services,
        watch: OperationWatch,
        log: Log,
        deadline_s: float,
        trusted: Mapping[str, str] = MappingProxyType({}),
        *,
        only_trusted: bool = False,
    ) -> None:
        """``trusted``: documents by the SHA-256 of their text; with ``only_trusted``, no other."""
        self._schema, self._services, self._watch = schema, services, watch
        self._log, self._deadline_s = log, deadline_s
        self._documents = Documents(schema, trusted, only_trusted=only_trusted)

    def kind(self, asked: Parameters) -> str:
        """query, mutation or subscription; "" where there is no such document or operation."""
        try:
            return self._documents.find(asked).asked(asked.operation_name).kind
        except RequestError:
            return ""

    async def run(
        self, asked: Parameters, session: Session, request_id: str, *, by_get: bool = False
    ) -> tuple[dict[str, Any], tuple[GraphQLError, ...]]:
        """(answer without ``extensions``, its errors unmasked) of a query or a mutation.

        Raises:
            RequestError: if nothing was executed.
            NotWellFormed: for a change by GET.
        """
        with self._watch.operation(str(session.principal.tenant_id)) as operation:
            no: RequestError | NotWellFormed | None = None
            errors: tuple[GraphQLError, ...] = ()
            try:
                result = await self._execute(asked, session, operation, by_get=by_get)
                errors = operation.errors = tuple(result.errors or ())
            except RequestError as refused:
                no, operation.errors = refused, refused.errors
            except NotWellFormed as refused:
                no, operation.errors = refused, (GraphQLError(refused.message),)
        if no is not None:  # only now: an exception that leaves an operation is a fault of ours
            raise no
        return self._answer(result, request_id), errors

    def subscribe(
        self, asked: Parameters, session: Session, request_id: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The answers of any operation, over a connection that lasts; close it to end them early.

        A query or a mutation has one, a subscription one for each event. An answer without
        ``data`` is the last: nothing was executed, or the stream ended in these errors.
        """
        if self.kind(asked) == "subscription":
            return self._events(asked, session, request_id)
        return self._once(asked, session, request_id)

    async def _once(
        self, asked: Parameters, session: Session, request_id: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        try:
            answer, _ = await self.run(asked, session, request_id)
        except RequestError as no:
            answer = {"errors": [request_error(error) for error in no.errors]}
        yield answer

    async def _events(
        self, asked: Parameters, session: Session, request_id: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        with self._watch.operation(str(session.principal.tenant_id)) as operation:
            fault: GraphQLError | None = None
            try:
                document, found = self._read(asked, operation)
                node = _admitted(document)
                context = Context(session, self._services)
                events = Events(
                    found.plan, lambda: self._reference(node, asked, context), context, asked
                )
                source = await events.source()
            except RequestError as no:
                operation.errors = no.errors
                yield {"errors": [request_error(error) for error in no.errors]}
                return
            except GraphQLError as flaw:
                operation.errors = (flaw,)
                yield {"errors": [self._formatted(flaw, request_id)]}
                return
            async with aclosing(source):
                try:
                    async for event in source:
                        result = events.completed(event)
                        if not isinstance(result, ExecutionResult):
                            result = await self._in_time(result)
                        if result.errors:
                            operation.errors = result.errors
                        del operation.answers[1:]  # one tells as much as thousands
                        yield self._answer(result, request_id)
                except Exception as flaw:
                    fault = located_error(flaw, path=events.path)
            if fault is not None:
                operation.errors = (fault,)
                yield {"errors": [self._formatted(fault, request_id)]}

    async def _in_time(self, result: Awaitable[ExecutionResult]) -> ExecutionResult:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await result
        except TimeoutError:
            late = Overloaded(f"This took longer than {self._deadline_s:g} s.", 5.0)
            error = GraphQLError(late.message, original_error=late)
            return ExecutionResult(data=None, errors=[error])

    def _answer(self, result: ExecutionResult, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = {"data": result.data}  # there, even when it is null
        if result.errors:
            answer["errors"] = [self._formatted(error, request_id) for error in result.errors]
        return answer

    def _read(self, asked: Parameters, operation: Operation) -> tuple[Document, Asked]:
        document = self._documents.find(asked)
        found = document.asked(asked.operation_name)
        operation.named(found.kind, found.root_fields)
        return document, found

    async def _execute(
        self, asked: Parameters, session: Session, operation: Operation, *, by_get: bool
    ) -> ExecutionResult:
        document, found = self._read(asked, operation)
        _check_transport(found, by_get=by_get)
        node = _admitted(document)
        context = Context(session, self._services)
        if found.plan is None:
            return await self._in_time(self._refer(node, asked, context))
        return await self._in_time(self._follow(found.plan, node, asked, context))

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
        result = self._reference(document, asked, context, roots).execute_operation()
        if isawaitable(result):
            result = await result
        if not isinstance(result, ExecutionResult):
            raise TypeError("an operation over HTTP has one result")
        return result

    def _reference(
        self,
        document: DocumentNode,
        asked: Parameters,
        context: Context,
        roots: dict[str, Any] | None = None,
    ) -> Reference[Any]:
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
        return executor

    def _formatted(self, error: GraphQLError, request_id: str) -> dict[str, Any]:
        """What the caller may read of an error: the words of a no, or the id of a fault of ours."""
        shape: dict[str, Any] = {**error.formatted}
        code, retry_after_s = recognise(error), None
        no = no_of(error.original_error)
        if no is not None and no[0] in _CODES:
            code, shape["message"], retry_after_s = no
        elif error.original_error is None:
            code = ErrorCode.QUERY_INVALID.value  # the executor's own no, before any resolver
        elif code not in _CODES:
            code = ErrorCode.INTERNAL.value
            self._log.error(
                "resolver failed",
                path=[str(key) for key in error.path or ()],
                exc_info=error.original_error,
            )
        if code == ErrorCode.INTERNAL.value:
            return shape | on_record(request_id)
        told = told_error(code, shape["message"], retry_after_s)
        shape["extensions"] = {**(error.extensions or {}), **told["extensions"]}
        return shape


def _admitted(document: Document) -> DocumentNode:
    if document.errors or document.node is None:
        raise RequestError(*document.errors)
    return document.node


def _check_transport(found: Asked, *, by_get: bool) -> None:
    if found.node is None:
        return  # `build` says which name was missing or unknown
    if by_get and found.node.operation is not OperationType.QUERY:
        raise NotWellFormed(405, "GET serves queries alone; POST the others.", Allow="POST")
    if found.node.operation is OperationType.SUBSCRIPTION:
        raise RequestError(
            GraphQLError(
                "A subscription has many answers: open a WebSocket (graphql-transport-ws), or "
                "accept text/event-stream."
            )
        )


def told_error(code: str, message: str, retry_after_s: float | None = None) -> dict[str, Any]:
    """A no as an entry of ``errors``, over any transport; with the wait, where one helps."""
    extensions: dict[str, Any] = {"code": code}
    if retry_after_s is not None:
        extensions["retryAfter"] = retry_after_s
    return {"message": message, "extensions": extensions}


def on_record(request_id: str) -> dict[str, Any]:
    """What the caller reads of a fault of ours."""
    return {
        "message": f"Something failed on our side. It is on record as {request_id}.",
        "extensions": {"code": ErrorCode.INTERNAL.value, "requestId": request_id},
    }


def request_error(error: GraphQLError) -> dict[str, Any]:
    """What the caller reads of an error that let nothing run."""
    shape: dict[str, Any] = {**error.formatted}
    # graphql-core quotes the value that it found: the whole input, where one field is missing or
    # unknown. After the field that was meant it says no more.
    told = shape["message"].partition(" Found: ")[0]
    before, found, value = told.partition(", found: ")
    shape["message"] = f"{before}{found}{value[:_QUOTED]}…" if len(value) > _QUOTED else told
    code = recognise(error) or ErrorCode.QUERY_INVALID.value
    shape["extensions"] = {**(error.extensions or {}), "code": code}
    return shape
