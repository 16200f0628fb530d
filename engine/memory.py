"""Memory for scratch: arrays that a batch needs for a moment, over and over."""

from __future__ import annotations

from typing import Final

import numpy as np

_KEPT: Final = 8 << 20  # bytes: above every array of a batch of a hundred thousand scenarios


def keep_scratch() -> None:
    """Let this process keep what its batches free, instead of giving it back after each step.

    glibc returns blocks above a threshold to the system at once, and asks for them anew, page by
    page, which takes as long as the arithmetic on them. The threshold becomes that of the largest
    block that was ever freed (mallopt(3), M_MMAP_THRESHOLD), so one that nobody touches does it.
    Elsewhere this does nothing. Raises nothing.
    """
    np.empty(_KEPT, dtype=np.uint8)
