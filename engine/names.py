"""What a caller calls a part of a document: one line that can be read, and told from the others."""

from __future__ import annotations

import unicodedata
from typing import Final

# Seen by what they join, in Persian or in an emoji of several, and never alone.
_JOINERS: Final = "\u200c\u200d"
_NO_BREAK: Final = "\u00a0"  # a blank, as text editors type it
_UNSEEN: Final = dict.fromkeys(map(ord, _JOINERS))


def is_line(name: str, most: int) -> bool:
    """Whether it is one line of 1 to ``most`` characters, of which all can be seen."""
    seen = name.strip().translate(_UNSEEN).replace(_NO_BREAK, " ").strip()
    return bool(seen) and len(name.strip()) <= most and seen.isprintable()


def folded(name: str) -> str:
    """However it is typed: what a reader takes for the same name is the same."""
    return unicodedata.normalize("NFKC", name.translate(_UNSEEN)).strip().casefold()
