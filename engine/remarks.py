"""What a reviewer would write in the margin of a valuation of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """It changes no number. ``path`` is the input to look at, in the engine's names."""

    code: str
    path: str
    message: str


def in_years(years: Sequence[int]) -> str:
    """“year 3”, or “years 1, 2, 4”; of more than six the first."""
    named = ", ".join(map(str, years[:6]))
    return f"year {named}" if len(years) == 1 else f"years {named}{' …' if len(years) > 6 else ''}"
