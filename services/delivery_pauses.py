"""When a delivery that failed is tried again, when it is given up, and why webhooks pause."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from services.outward import Reply

_MINUTE, _HOUR = 60, 3_600
PAUSES: Final = tuple(  # after the first failure, the second, …; the last one again and again
    timedelta(seconds=seconds)
    for seconds in (
        *(5, 15, 45, 2 * _MINUTE, 7 * _MINUTE, 20 * _MINUTE),
        *(_HOUR, 3 * _HOUR, 9 * _HOUR, 12 * _HOUR),
    )
)
LIFETIME: Final = timedelta(days=3)  # from when it was first due: then it is DEAD
TRIED_LEAST: Final = 3  # times, however old it is
JITTER: Final = 0.2  # of a pause, more or less
RETRY_AFTER_MOST_S: Final = 3_600.0  # that a receiver may ask for
# Why a webhook is sent nothing.
TAKES_NOTHING: Final = (
    f"The address took nothing for {LIFETIME.days} days. Resume the webhook when it does."
)
GONE: Final = "The address answered 410: it is gone. Resume the webhook when it is back."

_TOO_MANY: Final = (429, 503)


def pause_after(failed: int, reply: Reply | None, chance: float) -> timedelta:
    """Until the next try, after so many that failed; ``chance`` is drawn from 0 to 1.

    No shorter than the newest answer asks for.
    """
    pause = PAUSES[min(failed, len(PAUSES)) - 1] * (1.0 + JITTER * (2.0 * chance - 1.0))
    return max(pause, timedelta(seconds=_asked_for(reply)))


def _asked_for(reply: Reply | None) -> float:
    """The seconds that a busy receiver asks us to wait: no more than an hour of them."""
    if reply is None or reply.status not in _TOO_MANY:
        return 0.0
    said = reply.headers.get("retry-after", "")
    return min(float(said), RETRY_AFTER_MOST_S) if said.isascii() and said.isdigit() else 0.0
