"""``POST /billing/events``: what the payment provider says, in the form of Stripe's events."""

from __future__ import annotations

from typing import Final, Protocol

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from observability.logs import Log
from services.billing import BillingService, NotSigned
from services.billing_objects import NotUnderstood
from services.errors import Conflict, no_of

PATH: Final = "/billing/events"
BODY_MOST: Final = 262_144  # bytes
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Counts(Protocol):
    """Who counts what came of events."""

    def billed(self, outcome: str) -> None: ...


class BillingEvents:
    """The one handler."""

    def __init__(self, billing: BillingService, meter: Counts, log: Log) -> None:
        self._billing, self._meter, self._log = billing, meter, log

    def routes(self) -> list[Route]:
        """None where no payment provider is set up: then there is nothing to be found."""
        return [Route(PATH, self._hear, methods=["POST"])] if self._billing.on else []

    async def _hear(self, request: Request) -> Response:
        outcome, answer = await self._answered(request)
        self._meter.billed(outcome)
        return answer

    async def _answered(self, request: Request) -> tuple[str, Response]:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return "not_understood", _told(400, "The request did not come to its end.")
        if body is None:
            return "not_understood", _told(413, f"An event has at most {BODY_MOST:,} bytes.")
        try:
            taken = await self._billing.hear(body, request.headers.get("stripe-signature", ""))
        except NotSigned:
            return "not_signed", _told(400, "This is no event that can be believed.")
        except NotUnderstood as no:
            return "not_understood", _told(400, str(no))
        except Conflict as no:
            return "conflict", _told(409, no.message)
        except Exception as fault:
            if no_of(fault) is None:
                self._log.exception("an event of the payment provider was not taken")
                told = _told(500, "It was not taken, by a fault of ours. Send it again.")
            else:
                told = _told(503, "It was not taken now. Send it again.", **{"retry-after": "1"})
            return "not_taken", told
        outcome = taken.outcome.value.lower() if taken.fresh else "repeated"
        return outcome, _json(200, {"received": True, "outcome": taken.outcome.value})


async def _body(request: Request) -> bytes | None:
    """All of it; None: it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MOST:
            return None
    return bytes(body)


def _told(status: int, message: str, **headers: str) -> Response:
    return _json(status, {"error": {"message": message}}, **headers)


def _json(status: int, body: object, **headers: str) -> Response:
    return Response(
        orjson.dumps(body), status, {**_HEADERS, **headers}, media_type="application/json"
    )
