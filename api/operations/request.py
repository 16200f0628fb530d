"""A request of GraphQL, whichever transport it came by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
