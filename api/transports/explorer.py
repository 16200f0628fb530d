"""The explorer: GraphiQL, served from this machine under a policy that lets nothing else in.

The page runs no inline script, reads no other host, and keeps a token only in its tab. What it is
made of is in explorer_assets/VENDORED.md.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

FOLDER: Final = Path(__file__).parent / "explorer_assets"
PAGE: Final = "index.html"

# The closed table: what is not here is not served. A bundle gets its hash into its address.
BUNDLES: Final = {"explorer.js": "text/javascript", "explorer.css": "text/css"}
FILES: Final = {
    "default.graphql": "application/graphql",
    "default-variables.json": "application/json",
    "icon.svg": "image/svg+xml",
}

# GraphiQL's style sheet holds its lint marks as data: images. Nothing here is 'unsafe-'.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
GUARDS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_FIRST: Final = "no-cache"  # kept, but checked by its ETag at each use


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to send: plain and compressed, each with an ETag of its own."""

    media_type: str
    caching: str
    plain: bytes
    gzipped: bytes
    etag: str  # of the plain bytes, without quotes

    @classmethod
    def of(cls, content: bytes, media_type: str, caching: str) -> Asset:
        return cls(
            media_type=f"{media_type}; charset=utf-8",
            caching=caching,
            plain=content,
            gzipped=gzip.compress(content, mtime=0),
            etag=sha256(content).hexdigest()[:16],
        )


@cache
def assets() -> Mapping[str, Asset]:
    """Everything the explorer can serve, by the last part of its address; read at first use.

    Compressing the bundle takes some 60 ms: call it away from the event loop.
    """
    table: dict[str, Asset] = {}
    page = (FOLDER / PAGE).read_text(encoding="utf-8")
    for name, media_type in BUNDLES.items():
        bundle = Asset.of((FOLDER / name).read_bytes(), media_type, FOR_EVER)
        stem, _, suffix = name.rpartition(".")
        address = f"{stem}.{bundle.etag}.{suffix}"
        table[address] = bundle
        page = page.replace(f"/explorer/{name}", f"/explorer/{address}")
    for name, media_type in FILES.items():
        table[name] = Asset.of((FOLDER / name).read_bytes(), media_type, ASK_FIRST)
    table[PAGE] = Asset.of(page.encode(), "text/html", ASK_FIRST)
    return MappingProxyType(table)


async def page(request: Request) -> Response:
    """The page itself, for whoever asks /graphql for text/html."""
    return _send(request, (await run_in_threadpool(assets))[PAGE])


async def asset(request: Request) -> Response:
    """One file of the table by its exact name; anything else is 404."""
    name = request.path_params["name"]
    found = (await run_in_threadpool(assets)).get(name) if name != PAGE else None
    if found is None:
        return PlainTextResponse("Not found.", 404, GUARDS)
    return _send(request, found)


def explorer_routes() -> list[Route]:
    return [Route("/explorer/{name}", asset, methods=["GET"])]


def _send(request: Request, what: Asset) -> Response:
    compressed = _accepts_gzip(", ".join(request.headers.getlist("accept-encoding")))
    etag = f'"{what.etag}-gzip"' if compressed else f'"{what.etag}"'
    headers = GUARDS | {
        "Cache-Control": what.caching,
        "ETag": etag,
        # The page shares its address with the API, which answers other media types.
        "Vary": "Accept, Accept-Encoding",
    }
    if _matches(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    body = what.gzipped if compressed else what.plain
    return Response(body, headers=headers, media_type=what.media_type)


def _accepts_gzip(header: str) -> bool:
    """Named, and not with a quality of nothing: `gzip;q=0` is a refusal."""
    for entry in header.lower().replace(" ", "").split(","):
        coding, _, quality = entry.partition(";q=")
        if coding == "gzip":
            return quality.strip("0.") != "" or not quality
    return False


def _matches(if_none_match: str, etag: str) -> bool:
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in known or "*" in known
