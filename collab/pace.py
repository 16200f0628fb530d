"""How often something may be done: at most so many times in any second."""

from __future__ import annotations

from collections import deque
from typing import Final

PER_SECOND: Final = 30


class Pace:
    """Exact over every second, for a limit that is small: it remembers each time."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=PER_SECOND)

    def allows(self, now: float) -> bool:
        """Whether it may be done now; then it counts as done."""
        if len(self._times) == PER_SECOND and now - self._times[0] < 1.0:
            return False
        self._times.append(now)
        return True
