"""Plans: an operation compiled once, from coerced variables to data, for what is plainly right.

The schema's own resolvers do the work; a plan saves what graphql-core does around them for every
field of every answer. It never approximates. A plan is made only of what it knows (no directives,
no introspection), and answers only if every value has its exact type. Otherwise the operation goes
on in graphql-core, with the root values that are there already: errors, paths and nulls are then
the reference's own, and a mutation runs once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import GraphQLField, Undefined

from api.operations.coercion import Coercer, Unusual


class Handover(Exception):
    """Not plainly right: the reference goes on from the root values that are there."""


@dataclass(frozen=True, slots=True)
class Info:
    """What our resolvers read of graphql-core's information on a field."""

    context: Any


Variables = Mapping[str, Any]
Complete = Callable[[Any, Info, Variables], Any]  # the completed value, or an awaitable of it


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a field: from a variable, or known beforehand."""

    name: str
    variable: str | None
    value: Any  # without the variable: the literal or the default; Undefined leaves it out


@dataclass(frozen=True, slots=True)
class Call:
    """A field that runs a resolver."""

    key: str
    field: GraphQLField
    arguments: tuple[Argument, ...]
    complete: Complete

    def resolve(self, source: Any, info: Info, variables: Variables) -> Any:
        return self.field.resolve(source, info, **self.given(variables))  # type: ignore[misc] # Strawberry gives each one

    def given(self, variables: Variables) -> dict[str, Any]:
        """The resolver's arguments."""
        given: dict[str, Any] = {}
        for argument in self.arguments:
            value = argument.value
            if argument.variable is not None and argument.variable in variables:
                value = variables[argument.variable]
            if value is not Undefined:
                given[argument.name] = value
        return given


@dataclass(frozen=True, slots=True)
class Plan:
    """One operation, ready to run."""

    variables: tuple[tuple[str, Coercer, bool], ...]  # name, coercer, whether it must be given
    keys: Mapping[str, str | None]  # response keys in order; a type's name for __typename
    calls: tuple[Call, ...]
    serial: bool  # a mutation's fields run one after the other

    def coerce(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """
        Raises:
            Unusual: if a variable is not plainly right.
        """
        coerced: dict[str, Any] = {}
        for name, coerce, required in self.variables:
            if name in given:
                coerced[name] = coerce(given[name])
            elif required:
                raise Unusual
        return coerced

    async def run(
        self, context: Any, variables: Variables, roots: dict[str, Any]
    ) -> dict[str, Any]:
        """The data. ``roots`` collects each root value, or the exception in its place.

        Raises:
            Handover: if the reference has to go on from ``roots``.
        """
        info = Info(context)
        data = dict(self.keys)  # in the order of the document
        if self.serial or len(self.calls) == 1:
            for call in self.calls:
                data[call.key] = await _root(call, info, variables, roots)
            return data
        waiting = [_root(call, info, variables, roots) for call in self.calls]
        for call, value in zip(self.calls, await _all(waiting), strict=True):
            data[call.key] = value
        return data

    def source(self, context: Any, variables: Variables) -> AsyncGenerator[Any, None]:
        """The events of a subscription, which has one field."""
        call = self.calls[0]
        found: AsyncGenerator[Any, None] = call.field.subscribe(  # type: ignore[misc] # it has one
            None, Info(context), **call.given(variables)
        )
        return found

    def complete(self, event: Any, context: Any, variables: Variables) -> Any:
        """The data of one event of a subscription, or an awaitable of it.

        Raises:
            Handover: if the reference has to complete this event.
        """
        call = self.calls[0]
        try:
            completed = call.complete(event, Info(context), variables)
        except Exception as fault:
            raise Handover from fault
        return _data(call.key, completed) if isawaitable(completed) else {call.key: completed}


async def _data(key: str, waiting: Awaitable[Any]) -> dict[str, Any]:
    try:
        return {key: await waiting}
    except Exception as fault:
        raise Handover from fault


async def _root(call: Call, info: Info, variables: Variables, roots: dict[str, Any]) -> Any:
    try:
        value = call.resolve(None, info, variables)
        if isawaitable(value):
            value = await value
    except Exception as fault:
        roots[call.key] = fault
        raise Handover from fault
    roots[call.key] = value
    try:
        completed = call.complete(value, info, variables)
        return await completed if isawaitable(completed) else completed
    except Exception as fault:  # a resolver below failed, or a value is unusual
        raise Handover from fault


def called(call: Call, source: Any, info: Info, variables: Variables) -> Any:
    found = call.resolve(source, info, variables)
    if isawaitable(found):
        return _awaited(call, found, info, variables)
    return call.complete(found, info, variables)


async def _awaited(call: Call, found: Awaitable[Any], info: Info, variables: Variables) -> Any:
    completed = call.complete(await found, info, variables)
    return await completed if isawaitable(completed) else completed


async def joined(done: Any, waiting: list[Any]) -> Any:
    """``done`` with what it waits for at the places in ``waiting``."""
    if len(waiting) == 1:
        done[waiting[0]] = await done[waiting[0]]
        return done
    for place, value in zip(waiting, await _all([done[place] for place in waiting]), strict=True):
        done[place] = value
    return done


async def _all(waiting: Sequence[Awaitable[Any]]) -> list[Any]:
    """Everything at the same time; the first fault is raised when nothing runs any more."""
    values = await asyncio.gather(*waiting, return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values


def abandon(done: Any, waiting: list[Any]) -> None:
    """Close what was begun and will not be awaited."""
    for place in waiting:
        close = getattr(done[place], "close", None)
        if close is not None:
            close()
