"""How often somebody may do something: a bucket that fills at a steady rate, in this process."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic

from collab.buckets import MemoryBuckets, Take
from services.errors import RateLimited


class Rate:
    """``per_second`` in the long run, and up to ``burst`` at once, for each key by itself."""

    def __init__(
        self,
        what: str,
        per_second: float,
        burst: int,
        *,
        clock: Callable[[], float] = monotonic,
        remembered: int = 10_000,
    ) -> None:
        self._what, self._per_second, self._burst = what, per_second, burst
        self._buckets = MemoryBuckets(clock, remembered=remembered)
        self._one = (Take(what, burst, burst / per_second, 1),)

    def spend(self, key: Hashable) -> None:
        """Take a token.

        Raises:
            RateLimited: if there is none, with the time until there is; nothing is taken.
        """
        taken = self._buckets.take_now(key, self._one)
        if not taken.granted:
            message = (
                f"{self._what}: {self._per_second:g} a second, and {self._burst} at once. "
                "Wait a moment, or put several changes into one call."
            )
            raise RateLimited(message, taken.levels[0].wait_s)
