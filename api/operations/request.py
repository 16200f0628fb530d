"""A request of GraphQL, whichever transport it came by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final


class NotWellFormed(Exception):
    """No GraphQL request could be made of what came."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers


@dataclass(frozen=True, slots=True)
class Parameters:
    """A GraphQL request, well-formed."""

    query: str  # "" where only its id is given
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    document_id: str | None = None  # SHA-256 of the document, 64 lower hexadecimal digits
    deadline_s: float | None = None  # how long the client waits, from now on

    def within(self, deadline_s: float | None) -> Parameters:
        """The same, to be answered within so many seconds, or sooner where it says so itself."""
        if deadline_s is None or (self.deadline_s is not None and self.deadline_s <= deadline_s):
            return self
        return replace(self, deadline_s=deadline_s)


DEADLINE_MAX_MS: Final = 999_999_999  # far longer than any server waits


def deadline_s_of(given: object, what: str) -> float | None:
    """Seconds, of milliseconds that a client has written; None: it has said nothing.

    Raises:
        NotWellFormed: 400.
    """
    if given is None:
        return None
    milliseconds = given
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) <= 9:
        milliseconds = int(given)
    if (
        not isinstance(milliseconds, int)
        or isinstance(milliseconds, bool)
        or not 1 <= milliseconds <= DEADLINE_MAX_MS
    ):
        raise NotWellFormed(
            400,
            f"{what} must be a whole number of milliseconds, from 1 to {DEADLINE_MAX_MS:,}, as in "
            "5000. The server's own deadline holds besides.",
        )
    return milliseconds / 1e3
