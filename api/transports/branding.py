"""How the console looks for a tenant, served to everybody: who signs in has no token yet."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.branding import Branding, BrandingService
from services.errors import DatabaseAway, DatabaseBusy

_SLUG: Final = re.compile(r"[a-z0-9-]{1,63}")
# Nothing in a picture may run, wherever it is opened; any page may show it, since it is public.
_GUARDS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
}
_FRESH: Final = "public, max-age=60"  # a change is seen within a minute or so


class BrandingPages:
    """``/branding/<slug>.json`` and ``/branding/<slug>/logo``."""

    def __init__(self, brandings: BrandingService) -> None:
        self._brandings = brandings

    def routes(self) -> list[Route]:
        return [
            Route("/branding/{slug}.json", self.colours, methods=["GET"]),
            Route("/branding/{slug}/logo", self.logo, methods=["GET"]),
        ]

    async def colours(self, request: Request) -> Response:
        """Name and colours as JSON, and where the logo is."""
        try:
            found = await self._found(request)
        except (DatabaseAway, DatabaseBusy):
            return _later()
        if found is None:
            return _nothing()
        logo = f"/branding/{found.slug}/logo?v={found.logo_hash[:16]}" if found.logo_hash else None
        document = {"name": found.name, "colours": dict(found.colours), "logo": logo}
        return _answer(request, orjson.dumps(document), "application/json")

    async def logo(self, request: Request) -> Response:
        """The picture as it came."""
        try:
            found = await self._found(request)
            picture = None if found is None else await self._brandings.logo(found)
        except (DatabaseAway, DatabaseBusy):
            return _later()
        if picture is None:
            return _nothing()
        return _answer(request, picture.data, picture.media_type)

    async def _found(self, request: Request) -> Branding | None:
        slug = request.path_params["slug"]
        return await self._brandings.public(slug) if _SLUG.fullmatch(slug) else None


def _answer(request: Request, body: bytes, media_type: str) -> Response:
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {**_GUARDS, "Cache-Control": _FRESH, "ETag": tag}
    asked = request.headers.get("if-none-match", "")
    if tag in {each.strip().removeprefix("W/") for each in asked.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _nothing() -> Response:
    """Of a tenant that looks as everybody does, and of one that is not there, alike."""
    return Response(
        b'{"error":"There is no branding here."}',
        status_code=404,
        media_type="application/json",
        headers={**_GUARDS, "Cache-Control": _FRESH},
    )


def _later() -> Response:
    headers = {**_GUARDS, "Cache-Control": "no-store", "Retry-After": "1"}
    return Response(b"", status_code=503, headers=headers)
