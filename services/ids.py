"""Ids that sort by the time they were made: UUID version 7, RFC 9562 section 5.7."""

from __future__ import annotations

import secrets
from time import time_ns
from uuid import UUID


def new_id() -> UUID:
    """48 bits of milliseconds since the epoch, then 74 random bits."""
    milliseconds = time_ns() // 1_000_000
    random = secrets.randbits(74)
    high = (milliseconds << 16) | 0x7000 | (random >> 62)
    low = (0b10 << 62) | (random & ((1 << 62) - 1))
    return UUID(int=(high << 64) | low)
