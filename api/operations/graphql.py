"""From a well-formed request to answers, over whichever transport it came.

Strawberry authors the schema and its executor runs operations; documents, errors and transport
are ours. An operation is counted from its document to its last field, a subscription to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, Final, NamedTuple

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError
from graphql.error import located_error
from graphql.execution import Executor as Reference
from strawberry.execution import optimized_is_awaitable

from api.operations.answers import (
    on_record,
    recognise,
    recognise_late,
    refused_answer,
    told_cost,
    told_error,
)
from api.operations.coercion import Unusual
from api.operations.documents import Documents, RequestError
from api.operations.entrance import NOS, Begun, Entrance, OwnDocuments, roots
from api.operations.events import Events
from api.operations.plans import Handover, Plan
from api.operations.request import NotWellFormed, Parameters
from observability.logs import Log
from observability.operations import Operation, OperationWatch
from resolvers.context import Context, Services
from resolvers.refusal import ErrorCode
from services.admission import Admission
from services.errors import (
    Overloaded,
    TooLate,
    no_of,
)
from services.metering import Charge
from services.sessions import Session

_CODES: Final = frozenset(ErrorCode)


class Answered(NamedTuple):
    """What came of a query or a mutation."""

    answer: dict[str, Any]  # with ``data``, ``errors`` and ``extensions``
    errors: tuple[GraphQLError, ...]  # unmasked
    charge: Charge | None  # None: it is not counted


class Executor:
    """Runs well-formed requests, each for the session of the connection that it came over.

    Whoever asks is let in, what they ask is priced and charged, and only then it is validated and
    run; what was charged and not done is given back.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        services: Services,
        watch: OperationWatch,
        log: Log,
        deadline_s: float,
        admission: Admission,
        documents: Documents,
        own_documents: OwnDocuments | None = None,
    ) -> None:
        """``own_documents``: those that tenants trust, beside those that the server does."""
        self._schema, self._services, self._watch = schema, services, watch
        self._log, self._deadline_s = log, deadline_s
        self.admission, self.documents = admission, documents
        self._entrance = Entrance(services, admission, documents, own_documents)
        self.state, self.kind = self._entrance.state, self._entrance.kind

    async def run(
        self, asked: Parameters, session: Session, request_id: str, *, by_get: bool = False
    ) -> Answered:
        """The answer to a query or a mutation.

        Raises:
            RequestError: if nothing was executed.
            NotWellFormed: for a change by GET.
            Denied, Forbidden: if whoever asks may not, or not now.
        """
        with self._watch.operation(str(session.principal.tenant_id)) as operation:
            no: Exception | None = None
            try:
                result, begun = await self._execute(asked, session, operation, by_get=by_get)
                operation.errors = tuple(result.errors or ())
                self._left_by_client(begun, operation)
            except RequestError as refused:
                no, operation.errors = refused, refused.errors
            except NotWellFormed as refused:
                no, operation.errors = refused, (GraphQLError(refused.message),)
            except NOS as refused:
                no, operation.errors = refused, (refused,)
        if no is not None:  # only now: an exception that leaves an operation is a fault of ours
            raise no
        answer = self._answer(result, request_id)
        answer["extensions"] = told_cost(begun.charge)
        return Answered(answer, tuple(result.errors or ()), begun.charge)

    async def subscribe(
        self, asked: Parameters, session: Session, request_id: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The answers of any operation, over a connection that lasts; close it to end them early.

        A query or a mutation has one, a subscription one for each event. An answer without
        ``data`` is the last: nothing was executed, or the stream ended in these errors.
        """
        is_stream = await self.kind(asked, session) == "subscription"
        go = self._events if is_stream else self._once
        async with aclosing(go(asked, session, request_id)) as answers:
            async for answer in answers:
                yield answer

    async def _once(
        self, asked: Parameters, session: Session, request_id: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        try:
            answer = (await self.run(asked, session, request_id)).answer
        except (RequestError, NotWellFormed, *NOS) as no:
            answer = refused_answer(no)
        yield answer

    async def _events(
        self, asked: Parameters, session: Session, request_id: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        with self._watch.operation(str(session.principal.tenant_id)) as operation:
            fault: GraphQLError | None = None
            try:
                begun = await self._entrance.begin(asked, session, operation)
                plan = begun.document.plan(asked.operation_name)
                events = Events(
                    plan,
                    lambda: self._reference(begun.node, asked, begun.context),
                    begun.context,
                    asked,
                )
                try:
                    source = await events.source()
                except (RequestError, GraphQLError):
                    self._entrance.settle(begun, nothing=True)
                    raise
            except RequestError as no:
                operation.errors = no.errors
                yield refused_answer(no)
                return
            except GraphQLError as flaw:
                operation.errors = (flaw,)
                yield {"errors": [self._formatted(flaw, request_id)]}
                return
            except NOS as no:
                operation.errors = (no,)
                yield refused_answer(no)
                return
            # Paid for once, as a whole: what it costs to follow does not depend on how long.
            self._entrance.count(begun)
            extensions = told_cost(begun.charge)
            source = self._services.tenancy.stopped.until_stopped(
                session.principal.tenant_id, roots(begun.found), source
            )
            async with aclosing(source):
                try:
                    async for event in source:
                        result = events.completed(event)
                        if not isinstance(result, ExecutionResult):
                            result = await self._in_time(result)
                        if result.errors:
                            operation.errors = result.errors
                        del operation.answers[1:]  # one tells as much as thousands
                        answer = self._answer(result, request_id)
                        if extensions:  # of the first
                            answer["extensions"], extensions = extensions, {}
                        yield answer
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

    async def _execute(
        self, asked: Parameters, session: Session, operation: Operation, *, by_get: bool
    ) -> tuple[ExecutionResult, Begun]:
        begun = await self._entrance.begin(asked, session, operation, by_get=by_get)
        plan = begun.document.plan(asked.operation_name)
        if plan is not None:
            work = self._follow(plan, begun.node, asked, begun.context)
        elif all(name.startswith("__") for name in begun.found.root_fields):
            work = self._introspect(begun.node, asked, begun.context)
        else:
            work = self._refer(begun.node, asked, begun.context)
        try:
            result = await self._in_time(work)
        except RequestError as no:  # variables that are not of their types
            self._entrance.settle(begun, nothing=True)
            no.charge = begun.charge
            raise
        except Exception:  # a fault of ours: what was done until then is on the bill
            self._entrance.settle(begun)
            raise
        except BaseException:  # nobody waits any more, and work that began may go on
            self._entrance.settle(begun, nothing=False)
            raise
        self._entrance.settle(begun)
        return result, begun

    @staticmethod
    def _left_by_client(begun: Begun, operation: Operation) -> None:
        """A deadline of the client's own that has passed is no fault of ours: it has left."""
        deadline_s = begun.context.deadline_s
        if deadline_s is not None and asyncio.get_running_loop().time() >= deadline_s:
            late = [code for code in operation.answers if code == TooLate.code]
            errors = [error for error in operation.errors or () if recognise_late(error)]
            if late or errors:
                operation.answers[:] = ["CANCELLED"]
                operation.errors = ()

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

    async def _introspect(
        self, document: DocumentNode, asked: Parameters, context: Context
    ) -> ExecutionResult:
        """Run what asks for nothing but the schema, beside the event loop: no resolver of ours is
        in it, and it takes up to 0.1 s."""
        execute = self._reference(document, asked, context).execute_operation
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self.documents.beside, execute)
        if not isinstance(result, ExecutionResult):
            raise TypeError("introspection waits for nothing")
        return result

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
            self.documents.schema if roots is None else self.documents.planner.reference,
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
