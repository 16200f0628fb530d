"""What a caller calls a part of a document: one line that can be read, and told from the others.

And what money is called, which has a name of three letters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from engine.door import Door

# Seen by what they join, in Persian or in an emoji of several, and never alone.
_JOINERS: Final = "\u200c\u200d"
_NO_BREAK: Final = "\u00a0"  # a blank, as text editors type it
_UNSEEN: Final = dict.fromkeys(map(ord, _JOINERS))
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def is_line(name: str, most: int) -> bool:
    """Whether it is one line of 1 to ``most`` characters, of which all can be seen."""
    seen = name.strip().translate(_UNSEEN).replace(_NO_BREAK, " ").strip()
    return bool(seen) and len(name.strip()) <= most and seen.isprintable()


def folded(name: str) -> str:
    """However it is typed: what a reader takes for the same name is the same."""
    return unicodedata.normalize("NFKC", name.translate(_UNSEEN)).strip().casefold()


def check_currency(door: Door, currency: str) -> None:
    """That it looks like an ISO 4217 code. It is a label, and never converted."""
    if not _CURRENCY.fullmatch(currency):
        door.refuse(
            "currency",
            "UNKNOWN",
            "A currency has three capital letters.",
            "Give its ISO 4217 code, such as USD or EUR.",
        )
