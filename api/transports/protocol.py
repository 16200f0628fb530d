"""GraphQL over HTTP: what may come in, and in which type the answer goes out.

Whatever no GraphQL request can be made of is `NotWellFormed`, with the same status for every
``Accept``. The rules are those of the GraphQL-over-HTTP draft; all of its audits pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request

from api.operations.request import NotWellFormed, Parameters, deadline_s_of

BODY_MAX: Final = 256 * 1024  # bytes
URL_QUERY_MAX: Final = 16 * 1024  # bytes; the server below us sets no limit
JSON_DEPTH_MAX: Final = 64  # what is written back, with more around it, may have 254
BODY_WITHIN_S: Final = 10.0
_SHOWN: Final = 200  # characters of a path

MediaType = Literal["application/json", "application/graphql-response+json"]
JSON: Final[MediaType] = "application/json"
GRAPHQL: Final[MediaType] = "application/graphql-response+json"
EVENTS: Final = "text/event-stream"


@lru_cache(maxsize=256)  # by a header of the caller's, so bounded
def qualities(accept: str) -> Mapping[str, float]:
    """Media type to quality, as an ``Accept`` header says."""
    found: dict[str, float] = {}
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if name:
            found[name] = max(quality, found.get(name, 0.0))
    return found


def media_type(accept: str) -> MediaType | None:
    """The type of the answer; None is 406. No ``Accept``, or ``*/*``, means application/json."""
    known = qualities(accept)
    if not known:
        return JSON
    plain = known.get(JSON, known.get("application/*", known.get("*/*", 0.0)))
    graphql = known.get(GRAPHQL, 0.0)  # only who names it gets it
    if graphql > 0 and graphql >= plain:
        return GRAPHQL
    return JSON if plain > 0 else None


def wants_events(accept: str, *, has_many: bool) -> bool:
    """Whether to answer in events: asked for alone or first, or an answer ``has_many`` parts."""
    known = qualities(accept)
    events = known.get(EVENTS, 0.0)
    if media_type(accept) is None or has_many:
        return events > 0
    plain = max(
        known.get(JSON, known.get("application/*", known.get("*/*", 0.0))), known.get(GRAPHQL, 0.0)
    )
    return events > plain


def wants_page(accept: str) -> bool:
    """Whether a browser asks: it names text/html; a wildcard alone never means the page."""
    known = qualities(accept)
    html = known.get("text/html", 0.0)
    return html > 0 and html >= max(known.get(JSON, 0.0), known.get(GRAPHQL, 0.0))


async def parameters_of(request: Request) -> Parameters:
    """The GraphQL request in an HTTP request.

    Raises:
        NotWellFormed: 400, 405, 408, 413, 414 or 415.
    """
    if request.method == "GET":
        return _from_url(request.scope["query_string"])
    if request.method != "POST":
        raise NotWellFormed(405, "Use GET or POST.", Allow="GET, POST")
    return parameters_in(await object_of(request))


async def object_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises:
        NotWellFormed: 400, 408, 413 or 415.
    """
    # Said twice, they may say different things to us and to who is between.
    if not _is_json(", ".join(request.headers.getlist("content-type"))):
        raise NotWellFormed(415, f"POST a body of type {JSON}, in UTF-8.", Accept=JSON)
    if {each.lower() for each in request.headers.getlist("content-encoding")} - {"identity"}:
        raise NotWellFormed(415, "Send the body uncompressed.")
    return _from_body(await _body(request))


def _is_json(content_type: str) -> bool:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media != JSON:
        return False
    pairs = (parameter.partition("=") for parameter in parameters)
    return all(
        value.strip().strip('"') in {"utf-8", "utf8"}
        for key, _, value in pairs
        if key.strip() == "charset"
    )


async def _body(request: Request) -> bytes:
    too_large = NotWellFormed(413, f"The body is larger than {BODY_MAX:,} bytes.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > BODY_MAX:
        raise too_large  # before a byte of it is read
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_MAX:  # chunked, or a length that lied
                    raise too_large
    except TimeoutError:
        raise NotWellFormed(408, f"The body took longer than {BODY_WITHIN_S:g} s.") from None
    except ClientDisconnect:
        raise NotWellFormed(400, "The client went away.") from None
    return bytes(body)


def strict_json(text: bytes | str, what: str) -> Any:
    """One JSON value: UTF-8, every number a finite double, every text one that a database keeps,
    of bounded depth.

    Raises:
        NotWellFormed: 400.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as flaw:  # NaN, 1e400, lone surrogates, a BOM as well
        where = f"line {flaw.lineno}, column {flaw.colno}"
        raise NotWellFormed(400, f"{what} is not JSON, {where}: {flaw.msg}.") from None
    raw = text if isinstance(text, bytes) else text.encode()
    # It cannot be deeper than it has openers, and counting those costs nothing.
    if raw.count(b"[") + raw.count(b"{") > JSON_DEPTH_MAX and _too_deep(value):
        raise NotWellFormed(400, f"{what} is nested deeper than {JSON_DEPTH_MAX} levels.")
    if b"\\u0000" in raw:  # nobody can write it any other way
        place = _null_at(value)
        if place is not None:
            raise NotWellFormed(400, f"{what} has a null character (U+0000){place}. Leave it out.")
    return value


def _null_at(value: Any) -> str | None:
    """Where the first text with a null character stands, in words; None: nowhere."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, inner = waiting.pop()
        if isinstance(inner, dict):
            inside = [(f"{path}.{key}".lstrip("."), each) for key, each in inner.items()]
            waiting += reversed([*((path, key) for key in inner), *inside])
        elif isinstance(inner, list):
            waiting += reversed([(f"{path}[{place}]", each) for place, each in enumerate(inner)])
        elif isinstance(inner, str) and "\0" in inner:
            return f" at “{path[:_SHOWN]}”" if path else ""
    return None


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(JSON_DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _from_body(body: bytes) -> dict[str, Any]:
    if not body:
        raise NotWellFormed(400, "The body is empty.")
    value = strict_json(body, "The body")
    if isinstance(value, list):
        raise NotWellFormed(400, "Batches are not served: send one request for each operation.")
    if not isinstance(value, dict):
        raise NotWellFormed(400, "The body must be a JSON object.")
    return value


def _from_url(query_string: bytes) -> Parameters:
    if len(query_string) > URL_QUERY_MAX:
        raise NotWellFormed(414, f"The query string is longer than {URL_QUERY_MAX:,} bytes.")
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=32,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise NotWellFormed(400, "The query string is not percent-encoded UTF-8.") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise NotWellFormed(400, "A parameter is given twice.")
    source: dict[str, Any] = {"query": given.get("query")}
    for key in ("operationName", "documentId"):
        if given.get(key):  # empty means absent, as the draft says
            source[key] = given[key]
    for key in ("variables", "extensions"):
        if given.get(key):
            source[key] = strict_json(given[key], f"“{key}”")
    return parameters_in(source)


def parameters_in(source: Mapping[str, Any]) -> Parameters:
    """The request in a JSON object, wherever it came from.

    Raises:
        NotWellFormed: 400.
    """
    name = source.get("operationName")
    if name is not None and not isinstance(name, str):
        raise NotWellFormed(400, "“operationName” must be a string or null.")
    maps: dict[str, dict[str, Any]] = {}
    for key in ("variables", "extensions"):
        value = source.get(key)
        if value is not None and not isinstance(value, dict):
            raise NotWellFormed(400, f"“{key}” must be an object or null.")
        maps[key] = value or {}
    query, document_id = source.get("query"), _document_id(source, maps["extensions"])
    if query in (None, "") and document_id is not None:
        query = ""  # some clients cannot send none
    elif not isinstance(query, str) or not query:
        raise NotWellFormed(400, "“query” must be a string that is not empty.")
    elif document_id is not None and sha256(query.encode()).hexdigest() != document_id:
        raise NotWellFormed(400, "The id is not that of the document that came with it.")
    deadline_s = deadline_s_of(maps["extensions"].get("deadlineMs"), "“extensions.deadlineMs”")
    return Parameters(query, name, **maps, document_id=document_id, deadline_s=deadline_s)


def _document_id(source: Mapping[str, Any], extensions: Mapping[str, Any]) -> str | None:
    """``documentId: "sha256:…"``, or what some clients send: ``extensions.persistedQuery``."""
    found = source.get("documentId")
    if found is None:
        persisted = extensions.get("persistedQuery")
        if persisted is None:
            return None
        if not isinstance(persisted, dict) or not isinstance(persisted.get("sha256Hash"), str):
            raise NotWellFormed(400, "“persistedQuery” must be an object with a “sha256Hash”.")
        found = persisted["sha256Hash"]
    if not isinstance(found, str):
        raise NotWellFormed(400, "“documentId” must be a string or null.")
    return found.removeprefix("sha256:").lower()
