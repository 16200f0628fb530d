"""Ids that sort by the time they were made: UUID version 7, RFC 9562 section 5.7."""

from __future__ import annotations

import re
import secrets
from threading import Lock
from time import time_ns
from typing import Final
from uuid import UUID

from engine.errors import InvalidInput, Problem

_OPERATION_ID: Final = re.compile(r"[!-~]{1,64}")


_lock = Lock()
_last = 0  # the moment of the newest id, in 4096ths of a millisecond


def new_id() -> UUID:
    """60 bits of time since the epoch, to a quarter of a microsecond, then 62 random bits.

    An id of this process is greater than those it made before: what was done later is sorted so,
    within a millisecond too (RFC 9562, section 6.2, method 3).
    """
    global _last  # noqa: PLW0603 - one clock for the process
    milliseconds, rest = divmod(time_ns(), 1_000_000)
    moment = milliseconds << 12 | (rest << 12) // 1_000_000
    with _lock:
        _last = moment = max(moment, _last + 1)
    high = (moment >> 12) << 16 | 0x7000 | moment & 0xFFF
    return UUID(int=high << 64 | 0b10 << 62 | secrets.randbits(62))


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
