"""Ids that sort by the time they were made: UUID version 7, RFC 9562 section 5.7."""

from __future__ import annotations

import re
import secrets
from time import time_ns
from typing import Final
from uuid import UUID

from engine.errors import InvalidInput, Problem

_OPERATION_ID: Final = re.compile(r"[!-~]{1,64}")


def new_id() -> UUID:
    """48 bits of milliseconds since the epoch, then 74 random bits."""
    milliseconds = time_ns() // 1_000_000
    random = secrets.randbits(74)
    high = (milliseconds << 16) | 0x7000 | (random >> 62)
    low = (0b10 << 62) | (random & ((1 << 62) - 1))
    return UUID(int=(high << 64) | low)


def operation_id_of(given: str | None) -> str:
    """The id that a caller gave an operation, or a new one.

    Raises:
        InvalidInput: if it cannot be one.
    """
    if given is None:
        return str(new_id())
    if not _OPERATION_ID.fullmatch(given):
        message = "An operation's id is 1 to 64 printable ASCII characters without spaces."
        suggestion = "Draw a UUID for each operation, and keep it for repeats of it."
        raise InvalidInput.of([Problem("operationId", "WRONG_LENGTH", message, suggestion)])
    return given
