"""A subscription's events: where they come from, and how each becomes an answer.

By a plan where there is one; what is not plainly right goes on in graphql-core, event by event.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError
from graphql.execution import Executor as Reference
from graphql.execution import create_source_event_stream

from api.operations.coercion import Unusual
from api.operations.plans import Handover, Plan, Variables
from api.operations.request import Parameters
from resolvers.context import Context


class Events:
    """Of one subscription. What two of them complete from one event depends on nothing else."""

    __slots__ = ("_asked", "_build", "_context", "_plan", "_reference", "_variables")

    def __init__(
        self,
        plan: Plan | None,
        build: Callable[[], Reference[Any]],
        context: Context,
        asked: Parameters,
    ) -> None:
        """``build`` gives graphql-core's executor, and raises RequestError."""
        self._plan, self._build, self._context, self._asked = plan, build, context, asked
        self._variables: Variables = {}
        self._reference: Reference[Any] | None = None  # made when it is needed: it is large

    @property
    def path(self) -> list[str] | None:
        """Of a fault of the source; None without a plan."""
        return None if self._plan is None else [self._plan.calls[0].key]

    async def source(self) -> AsyncGenerator[Any, None]:
        """What the field's resolver yields.

        Raises:
            RequestError: if nothing can be executed.
            GraphQLError: if the resolver cannot be asked.
        """
        if self._plan is not None:
            try:
                self._variables = self._plan.coerce(self._asked.variables)
                return self._plan.source(self._context, self._variables)
            except Unusual:
                self._plan = None
        found: Any = create_source_event_stream(self._by_reference())
        if isawaitable(found):
            found = await found
        if isinstance(found, ExecutionResult):
            raise (found.errors or [GraphQLError("There is nothing to follow.")])[0]
        source: AsyncGenerator[Any, None] = found  # `resolvers/calls.py` lets no other form in
        return source

    def completed(self, event: Any) -> ExecutionResult | Awaitable[ExecutionResult]:
        """The result of one event; often there at once."""
        if self._plan is None:
            return self._referred(event)
        try:
            data = self._plan.complete(event, self._context, self._variables)
        except Handover:
            return self._referred(event)
        if isawaitable(data):
            return self._awaited(data, event)
        return ExecutionResult(data=data)

    async def _awaited(self, data: Awaitable[dict[str, Any]], event: Any) -> ExecutionResult:
        try:
            return ExecutionResult(data=await data)
        except Handover:
            result = self._referred(event)
            return result if isinstance(result, ExecutionResult) else await result

    def _referred(self, event: Any) -> ExecutionResult | Awaitable[ExecutionResult]:
        result: Any = self._by_reference().build_per_event_executor(event).execute_operation(False)
        return result  # type: ignore[no-any-return] # a subscription has nothing incremental

    def _by_reference(self) -> Reference[Any]:
        if self._reference is None:
            self._reference = self._build()
        return self._reference
