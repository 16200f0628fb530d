"""What a reviewer would write in the margin of a valuation of any kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """It changes no number. ``path`` is the input to look at, in the engine's names."""

    code: str
    path: str
    message: str
