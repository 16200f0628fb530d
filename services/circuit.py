"""A circuit breaker: what fails is left alone for a while, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from time import monotonic
from typing import Final, TypeVar

R = TypeVar("R")

OPEN_S: Final = 5.0


class State(StrEnum):
    """What is done with the next call."""

    CLOSED = "CLOSED"  # it is made
    OPEN = "OPEN"  # it is not made
    HALF_OPEN = "HALF_OPEN"  # one is under way, to find out; no other is made


class CircuitOpen(Exception):
    """Not tried: it failed a moment ago. ``retry_after_s`` until it is tried again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"It failed a moment ago, and is tried again in {retry_after_s:.1f} s.")
        self.retry_after_s = retry_after_s


class Circuit:
    """Of one thing outside. It opens after ``failures`` in a row, and one probe closes it."""

    def __init__(
        self,
        *,
        failures: int = 1,
        open_s: float = OPEN_S,
        counted: type[Exception] | tuple[type[Exception], ...] = Exception,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``counted``: the exceptions that say that the thing itself has failed."""
        self._most, self._open_s, self._counted, self._clock = failures, open_s, counted, clock
        self._failed = 0
        self._opened_at: float | None = None  # None: closed
        self._probing = False

    @property
    def state(self) -> State:
        if self._opened_at is None:
            return State.CLOSED
        return State.HALF_OPEN if self._probing else State.OPEN

    @property
    def retry_after_s(self) -> float:
        """Seconds until it is tried again; 0 when it would be now."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._open_s - self._clock())

    def admits(self) -> bool:
        """Whether to make a call now. Whoever is told so tells what became of it: `succeeded`,
        `failed`, or `abandoned` where nobody will know."""
        if self._opened_at is None:
            return True
        if self._probing or self.retry_after_s > 0.0:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """It works."""
        self._failed, self._opened_at, self._probing = 0, None, False

    def failed(self) -> None:
        """It did not work."""
        self._failed += 1
        if self._probing or self._failed >= self._most:
            self._opened_at, self._probing = self._clock(), False

    def abandoned(self) -> None:
        """The caller left before it was known: the next one may find out."""
        self._probing = False

    async def call(self, work: Callable[[], Awaitable[R]]) -> R:
        """What ``work`` returns.

        Raises:
            CircuitOpen: without having tried; whatever ``work`` raises.
        """
        if not self.admits():
            raise CircuitOpen(self.retry_after_s)
        try:
            found = await work()
        except self._counted:
            self.failed()
            raise
        except Exception:
            self.succeeded()  # it answered, if with a no
            raise
        except BaseException:
            self.abandoned()
            raise
        self.succeeded()
        return found
