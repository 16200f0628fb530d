"""What a webhook may be: an address on the open network, events to hear of, a short description.

Where an address leads is looked at here, so that whoever sets it up hears at once, and again each
time something is sent there: a name may lead elsewhere tomorrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from engine.errors import InvalidInput, Problem
from services.outward import OutwardError, check_url
from services.webhook_events import WebhookEvent

DESCRIPTION_MOST: Final = 200  # characters
_HTTPS: Final = 443
_UNPRIVILEGED: Final = 1_024
_RIGHT: Final = "Name an https address on the open network, such as https://example.com/x."


class World(Protocol):
    """Who knows where a name leads."""

    async def addresses(self, host: str, port: int) -> Sequence[Any]:
        """Where to; it raises an `OutwardError` where nobody may be asked."""


async def check(
    world: World,
    url: str | None,
    events: Sequence[WebhookEvent] | None,
    description: str | None,
) -> None:
    """See to it that a webhook can be so; what is None is not looked at.

    Raises:
        InvalidInput: with every problem.
    """
    problems: list[Problem] = []
    flaw = None if url is None else await _flaw(world, url)
    if flaw is not None:
        problems.append(Problem("url", "OUT_OF_RANGE", flaw, _RIGHT))
    if events is not None and not events:
        said = "It would hear nothing."
        problems.append(Problem("events", "MISSING", said, "Name at least one event."))
    if description is not None and len(description) > DESCRIPTION_MOST:
        said = f"A description is at most {DESCRIPTION_MOST} characters."
        problems.append(Problem("description", "TOO_LARGE", said, "Shorten it."))
    if problems:
        raise InvalidInput.of(problems)


async def _flaw(world: World, url: str) -> str | None:
    try:
        parts = check_url(url)
        port = parts.port or _HTTPS
        if port != _HTTPS and port < _UNPRIVILEGED:
            return f"Port {port} belongs to another service: 443, or one from 1024 on."
        await world.addresses(str(parts.hostname), port)
    except OutwardError as no:
        return str(no)
    return None
