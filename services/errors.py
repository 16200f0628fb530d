"""Whose move is it? A `Refused` is the caller's, and an answer; a `Denied` ends the request."""

from __future__ import annotations

from typing import ClassVar

from engine.errors import Infeasible, InvalidInput, Problem, Refused
from store.errors import DatabaseAway, DatabaseBusy


class NotFound(Refused):
    """It does not exist, or it is somebody else's: the caller cannot tell which."""

    code = "NOT_FOUND"


class Forbidden(Refused):
    """The caller's role does not allow it."""

    code = "FORBIDDEN"


class Denied(Exception):
    """A request that may not run. ``code`` is one of the schema's error codes."""

    code: ClassVar[str]

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class Unauthenticated(Denied):
    """No token, or one that proves nothing."""

    code = "UNAUTHENTICATED"


class Overloaded(Denied):
    """A pool or a queue is full, or a server that we need is away: try again in a moment."""

    code = "OVERLOADED"


def no_of(thing: object) -> tuple[str, str, float | None] | None:
    """(code, message, seconds to wait) of an exception that is a no; None for a fault of ours."""
    if isinstance(thing, Refused):
        return thing.code, thing.message, thing.retry_after_s
    if isinstance(thing, Denied):
        return thing.code, thing.message, thing.retry_after_s
    if isinstance(thing, DatabaseAway | DatabaseBusy):
        return Overloaded.code, "The database cannot answer now. Try again in a second.", 1.0
    return None


__all__ = [
    "Denied",
    "Forbidden",
    "Infeasible",
    "InvalidInput",
    "NotFound",
    "Overloaded",
    "Problem",
    "Refused",
    "Unauthenticated",
    "no_of",
]
