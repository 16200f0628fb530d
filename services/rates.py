"""How often somebody may do something: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic

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
        self._clock, self._remembered = clock, remembered
        # Key to when its bucket is full again. Who is not here has a full one.
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def spend(self, key: Hashable) -> None:
        """Take a token.

        Raises:
            RateLimited: if there is none, with the time until there is; nothing is taken.
        """
        now, step = self._clock(), 1.0 / self._per_second
        full_at = max(now, self._full_at.get(key, now)) + step
        late = full_at - now - self._burst * step
        if late > 1e-9:  # a rounding of the clock is nobody's fault
            message = (
                f"{self._what}: {self._per_second:g} a second, and {self._burst} at once. "
                "Wait a moment, or put several changes into one call."
            )
            raise RateLimited(message, late)
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._remembered:
            self._full_at.popitem(last=False)  # the one who has been quiet the longest
