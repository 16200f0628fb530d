"""GraphQL over HTTP, sent exactly as a test says and looked at as it comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx

from api.transports.protocol import JSON

GOOD: Final = "{__typename}"


class Client:
    """Sends exactly what it is told, with a good token."""

    def __init__(self, client: httpx.Client) -> None:
        self._http = client

    def send(
        self,
        method: str = "POST",
        *,
        body: bytes | Iterator[bytes] | None = None,
        accept: str | None = None,
        content_type: str | None = JSON,
        params: Any = None,
        path: str = "/graphql",
        **headers: str,
    ) -> httpx.Response:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if accept is not None:
            said["accept"] = accept
        if content_type is not None and body is not None:
            said["content-type"] = content_type
        return self._http.request(method, path, content=body, params=params, headers=said)

    def get(self, query: str, **options: Any) -> httpx.Response:
        return self.send("GET", params={"query": query}, **options)


def asking(query: object = GOOD, **more: Any) -> bytes:
    return json.dumps({"query": query, **more}).encode()


def check(answer: httpx.Response, status: int, media: str = JSON, *, data: bool) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == f"{media}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "accept"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body = answer.json()
    assert ("data" in body) is data
    if not data:
        assert all(error["message"] and error["extensions"]["code"] for error in body["errors"])
