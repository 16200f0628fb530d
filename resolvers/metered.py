"""Resolvers that are metered: what each did goes on the request's bill, and it ends in time.

A deadline is the client's own. A question that is late is cancelled, and with it what it waits
for: a statement, a worker's computation. A change that has begun is not: it is let come to its
end, and if that takes too long the answer says that nobody knows yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import wraps
from inspect import isawaitable
from typing import Any, Final

from graphql import GraphQLField, get_named_type, is_union_type

from resolvers.refusal import Refusal, RefusalCode
from resolvers.tariffs import METER, Meter, Scope, Tariff
from services.errors import TooLate
from services.refusals import DeadlineMissed
from services.work import years_of

SIMULATION: Final = "simulation"  # the kind of work that may know enough before its last trial
GRACE_S: Final = 0.25  # for a change that is under way at the deadline

# Refusals that come before the work: nothing was done for them.
UNDONE: Final = frozenset(RefusalCode) - {
    RefusalCode.INFEASIBLE,
    RefusalCode.NOT_CONVERGED,
    RefusalCode.DEADLINE_EXCEEDED,
    RefusalCode.CANCELLED,
}
_LATE: Final = "The deadline that came with the request has passed. Give it more time."
_UNKNOWN: Final = (
    "The deadline that came with the request has passed, and the change is still under way: "
    "whether it is made is not known yet. Ask again with the same operationId, which makes nothing "
    "twice, or look."
)
_UNDER_WAY: set[asyncio.Task[Any]] = set()  # asyncio itself holds them weakly


def metered(
    tariff: Tariff, field: GraphQLField, kind: str | None, *, changes: bool, tells: bool = False
) -> Callable[..., Any]:
    """The field's resolver with a meter. ``kind``: of the valuation that it is of, if it is;
    ``tells``: it says itself what it made, by `METER`."""
    resolve: Callable[..., Any] = field.resolve  # type: ignore[assignment] # Strawberry gives each one
    answers = is_union_type(get_named_type(field.type))

    def bill(
        source: Any,
        info: Any,
        arguments: Mapping[str, Any],
        elements: float,
        drawn: float | None = None,
    ) -> None:
        outer = Scope() if kind is None else Scope(kind, years_of(source.recorded.inputs))
        scope = tariff.scope(arguments, outer)
        points = tariff.own(arguments, scope, elements)
        if drawn is not None:
            points -= tariff.undrawn(arguments, scope, drawn)
        info.context.bill.add(tariff.work, points)

    def done(source: Any, info: Any, arguments: Mapping[str, Any], result: Any) -> None:
        if not (isinstance(result, Refusal) and result.code in UNDONE):
            elements = 1.0 if tariff.elements is None else _length(result)
            drawn = getattr(result, "trials", None) if tariff.work == SIMULATION else None
            bill(source, info, arguments, elements, drawn)
        else:
            refused(info, arguments, result)

    def refused(info: Any, arguments: Mapping[str, Any], no: Refusal) -> None:
        points = tariff.checking(arguments) if no.code is RefusalCode.INVALID_INPUT else 0.0
        if points:
            info.context.bill.add(tariff.work, points)

    def stopped(source: Any, info: Any, arguments: Mapping[str, Any], meter: Meter | None) -> None:
        """It was at work until now, or is still: how far it came nobody knows."""
        if meter is None or not meter.made:
            bill(source, info, arguments, tariff.count(arguments))
        if meter is not None:
            meter.closed = True

    def late(message: str) -> Any:
        if answers:
            return Refusal.of(DeadlineMissed(message))
        raise TooLate(message)

    async def in_time(deadline_s: float, result: Coroutine[Any, Any, Any]) -> Any:
        if asyncio.get_running_loop().time() >= deadline_s:
            result.close()  # it has not begun
            raise TooLate(_LATE)
        if not changes:
            async with asyncio.timeout_at(deadline_s):
                return await result
        change = asyncio.ensure_future(result)
        _UNDER_WAY.add(change)
        change.add_done_callback(_ended)
        async with asyncio.timeout_at(deadline_s + GRACE_S):
            return await asyncio.shield(change)

    async def waited(
        source: Any, info: Any, arguments: Mapping[str, Any], result: Awaitable[Any]
    ) -> Any:
        deadline_s: float | None = info.context.deadline_s
        meter = Meter(tariff, arguments, info.context.bill) if tells else None
        if meter is not None:
            METER.set(meter)
        try:
            found = await (result if deadline_s is None else in_time(deadline_s, result))  # type: ignore[arg-type] # resolvers are coroutines
        except asyncio.CancelledError:
            stopped(source, info, arguments, meter)
            raise
        except TooLate:
            return late(_LATE)
        except TimeoutError:
            if deadline_s is None or asyncio.get_running_loop().time() < deadline_s:
                raise  # not ours
            stopped(source, info, arguments, meter)
            return late(_UNKNOWN if changes else _LATE)
        if meter is None:
            done(source, info, arguments, found)
        elif isinstance(found, Refusal):
            refused(info, arguments, found)
        elif not meter.made:
            info.context.bill.add(tariff.work, tariff.points)
        return found

    @wraps(resolve)
    def resolved(source: Any, info: Any, /, **arguments: Any) -> Any:
        result = resolve(source, info, **arguments)
        if isawaitable(result):
            return waited(source, info, arguments, result)
        done(source, info, arguments, result)
        return result

    return resolved


def _length(result: Any) -> float:
    if isinstance(result, list | tuple):
        return float(len(result))
    return float(len(getattr(result, "edges", ())))


def _ended(change: asyncio.Task[Any]) -> None:
    _UNDER_WAY.discard(change)
    if not change.cancelled():
        change.exception()  # whoever waited has left: nobody else asks for it
