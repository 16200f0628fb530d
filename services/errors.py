"""Whose move is it? A `Refused` is the caller's, and an answer; a `Denied` ends the request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from engine.errors import Infeasible, InvalidInput, Problem, Refused
from services.refusals import Unsupported
from store.errors import DatabaseAway, DatabaseBusy


class NotFound(Refused):
    """It does not exist, or it is somebody else's: the caller cannot tell which."""

    code = "NOT_FOUND"


class Forbidden(Refused):
    """The caller's role does not allow it."""

    code = "FORBIDDEN"


class QuotaExceeded(Refused):
    """The tenant's plan holds no more of it."""

    code = "QUOTA_EXCEEDED"


class IdempotencyKeyReused(Refused):
    """The operation's id was used before, for something else."""

    code = "IDEMPOTENCY_KEY_REUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A path that somebody changed after the revision that an edit was based on."""

    path: str  # as the edit named it
    value: Any  # JSON: what stands there now; None where nothing does
    revision: int  # that changed it last


class Conflict(Refused):
    """Somebody was faster, or the thing is in no state for this. ``stale`` has what stands now."""

    code = "CONFLICT"

    def __init__(self, message: str, stale: Sequence[Stale] = ()) -> None:
        super().__init__(message)
        self.stale = tuple(stale)


class RateLimited(Refused):
    """Too much of it in too short a time: the same succeeds a little later."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Denied(Exception):
    """A request that may not run. ``code`` is one of the schema's error codes."""

    code: ClassVar[str]

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


_NO_PROOF: Final = "That does not prove who you are here. Sign in again, or ask for a new token."


class Unauthenticated(Denied):
    """No token, or one that proves nothing: whatever is wrong with it, that is all that is said."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str | None = None) -> None:
        """Without a message: a credential came, and is wrong."""
        super().__init__(message or _NO_PROOF)
        # As the header WWW-Authenticate says it: RFC 6750, section 3.
        self.challenge = "Bearer" if message else 'Bearer error="invalid_token"'


class QueryInvalid(Denied):
    """Arguments that mean nothing together, or a cursor that is none, where no `Refusal` fits."""

    code = "QUERY_INVALID"


class TooLate(Denied):
    """The deadline that the client gave has passed, where no `Refusal` fits."""

    code = "DEADLINE_EXCEEDED"


class Overloaded(Denied):
    """A pool or a queue is full, or a server that we need is away: try again in a moment."""

    code = "OVERLOADED"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message, retry_after_s)


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
    "Conflict",
    "DatabaseAway",
    "DatabaseBusy",
    "Denied",
    "Forbidden",
    "IdempotencyKeyReused",
    "Infeasible",
    "InvalidInput",
    "NotFound",
    "Overloaded",
    "Problem",
    "QueryInvalid",
    "QuotaExceeded",
    "RateLimited",
    "Refused",
    "Stale",
    "TooLate",
    "Unauthenticated",
    "Unsupported",
    "no_of",
]
