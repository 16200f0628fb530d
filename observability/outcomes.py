"""What is good, bad, or not counted.

GraphQL answers 200 to nearly everything, so the status of a response tells nothing about its
service level. Ask whose move it is instead: what the caller can mend is excluded, what only we
can mend is bad.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from graphql import GraphQLError

from observability.counts import Mark, mark
from observability.objectives import Objective, Sli


class Outcome(StrEnum):
    """How one operation ended."""

    GOOD = "good"
    BAD = "bad"
    EXCLUDED = "excluded"  # the caller's move, or nothing was asked: introspection
    CANCELLED = "cancelled"  # the client went away


Recognise = Callable[[object], str | None]
"""Reads an exception, or what a resolver returned: the code of the no it carries (INVALID_INPUT,
RATE_LIMITED, …), None when it is no such thing. Handed in, since codes live on a higher floor."""

# Codes of a no that burns the error budget: whoever reads one of them can only wait for us.
OURS = frozenset({"INTERNAL", "OVERLOADED", "DEADLINE_EXCEEDED"})
CLIENT_LEFT = "CANCELLED"


def recognise_code(thing: object) -> str | None:
    """The plainest Recognise: what a GraphQLError says in ``extensions.code``."""
    extensions = getattr(thing, "extensions", None)
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return code if isinstance(code, str) else None


def classify(
    errors: Iterable[BaseException] | None,
    answers: Iterable[str] = (),
    *,
    recognise: Recognise = recognise_code,
    introspection: bool = False,
) -> Outcome:
    """Judge one operation.

    ``errors`` are those of the response (before or after masking), ``answers`` the codes of
    refusals that it gives as data. Partial data beside a fault of ours is bad as well; an
    operation that was refused in part is excluded.
    """
    codes = {_code(error, recognise) for error in errors or ()}
    codes.update(answers)
    if not codes:
        return Outcome.EXCLUDED if introspection else Outcome.GOOD
    if not OURS.isdisjoint(codes):
        return Outcome.BAD
    return Outcome.CANCELLED if CLIENT_LEFT in codes else Outcome.EXCLUDED


def _code(error: BaseException, recognise: Recognise) -> str:
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        return CLIENT_LEFT
    original = error.original_error if isinstance(error, GraphQLError) else None
    code = recognise(error) or (recognise(original) if original is not None else None)
    if code is not None:
        return code
    if isinstance(error, GraphQLError) and original is None and error.path is None:
        return "QUERY_INVALID"  # the document or its variables, before anything of ours ran
    return "INTERNAL"


class Promises:
    """What one kind of operation counts for. Built once for each, asked at each end."""

    __slots__ = ("_availability", "_latencies")

    def __init__(self, objectives: Sequence[Objective], coordinates: Iterable[str]) -> None:
        """``objectives``: the whole catalogue, whose order numbers the bits of a mark."""
        fields = frozenset(coordinates)
        self._availability = 0
        latencies: list[tuple[int, int]] = []
        for number, objective in enumerate(objectives):
            if not objective.counts_for(fields):
                continue
            if objective.sli is Sli.AVAILABILITY:
                self._availability |= 1 << number
            elif objective.within_ns is not None:
                latencies.append((1 << number, objective.within_ns))
        self._latencies = tuple(latencies)

    def mark(self, outcome: Outcome, waited_ns: int) -> Mark | None:
        """Which promises the operation counts for, and which it met; None when for none.

        A fast failure is no fast answer: it counts against availability and says nothing about
        latency. But whoever waited longer than promised was not served in time, whatever came
        out in the end, so a fault or a cancellation after ``within`` is bad for latency.
        """
        if outcome is Outcome.EXCLUDED:
            return None
        valid = good = 0
        if outcome is Outcome.GOOD:
            valid = good = self._availability
            for bit, within_ns in self._latencies:
                valid |= bit
                if waited_ns <= within_ns:
                    good |= bit
        else:
            if outcome is Outcome.BAD:
                valid = self._availability
            for bit, within_ns in self._latencies:
                if waited_ns > within_ns:
                    valid |= bit
        return mark(valid, good) if valid else None
