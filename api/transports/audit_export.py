"""``GET /audit/export``: a tenant's audit as a file, in pages, so that its length is no matter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.transports.budget_headers import budget_headers
from api.transports.cookies import Browsers, credential_of
from resolvers.audit import subject_of
from services.admission import Admission
from services.audit_export import Format
from services.audit_reading import AuditService, EventFilter
from services.authentication import Authenticator
from services.errors import InvalidInput, Problem
from services.metering import Price

PATH: Final = "/audit/export"
PRICE: Final = Price(50)
_MEDIA: Final = {Format.JSONL: "application/x-ndjson", Format.CSV: "text/csv; charset=utf-8"}
_PARAMETERS: Final = ("format", "action", "actor", "subject", "from", "to")
_LONGEST: Final = 256  # characters of a parameter


class AuditExports:
    """The route, for whoever may read the audit and has the export in their plan."""

    def __init__(
        self,
        authenticator: Authenticator,
        browsers: Browsers,
        admission: Admission,
        audit: AuditService,
    ) -> None:
        self._authenticator, self._browsers = authenticator, browsers
        self._admission, self._audit = admission, audit

    def routes(self, told: Callable[..., Callable[..., object]]) -> list[Route]:
        """``told``: what puts a no into words."""
        return [Route(PATH, told(self._export), methods=["GET"])]

    async def _export(self, request: Request) -> Response:
        credential = credential_of(request)
        asked = await self._authenticator.prove(credential)
        await self._browsers.check(request, credential, asked)
        who, charge = await self._admission.admit(asked, PRICE)
        principal = who.standing.principal
        wanted, written_as = parameters_in(request)
        pages = await self._audit.export(principal, wanted, written_as)
        name = f"audit-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{written_as.lower()}"
        return StreamingResponse(
            pages,
            media_type=_MEDIA[written_as],
            headers={
                "cache-control": "no-store",
                "content-disposition": f'attachment; filename="{name}"',
                "x-content-type-options": "nosniff",
                **budget_headers(charge),
            },
        )


def parameters_in(request: Request) -> tuple[EventFilter, Format]:
    """What the address asks for.

    Raises:
        InvalidInput: with all that is wrong with it.
    """
    problems: list[Problem] = []
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in _PARAMETERS:
            known = f"Known are {', '.join(_PARAMETERS)}."
            problems.append(Problem(name[:_LONGEST], "UNKNOWN", "Nothing has this name.", known))
        elif name in given or not 1 <= len(value) <= _LONGEST:
            message = f"It is given once, with 1 to {_LONGEST} characters."
            problems.append(Problem(name, "WRONG_LENGTH", message, "Give it once, or not at all."))
        else:
            given[name] = value
    written_as = Format.JSONL
    if "format" in given:
        try:
            written_as = Format(given["format"].upper())
        except ValueError:
            problems.append(
                Problem("format", "UNKNOWN", "There is no such form.", "Ask for jsonl or csv.")
            )
    actor = None
    if "actor" in given:
        try:
            actor = UUID(subject_of(given["actor"]))
        except ValueError:
            problems.append(
                Problem("actor", "UNKNOWN", "This is no id of a member.", "Give a member's id.")
            )
    since, until = (_moment(given.get(name), name, problems) for name in ("from", "to"))
    if problems:
        raise InvalidInput.of(problems)
    wanted = EventFilter(
        actions=(given["action"],) if "action" in given else None,
        actor=actor,
        subjects=(subject_of(given["subject"]),) if "subject" in given else None,
        since=since,
        until=until,
    )
    return wanted, written_as


def _moment(given: str | None, name: str, problems: list[Problem]) -> datetime | None:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        mend = "Write it as 2026-11-23T12:00:00Z."
        problems.append(Problem(name, "WRONG_TYPE", "This is no moment with a zone.", mend))
        return None
    return at
