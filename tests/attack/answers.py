"""What came back, in the few words in which an entry says what must: "401 UNAUTHENTICATED"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

CLOSED: Final = "closed"  # the connection ended without an answer
_HEAD: Final = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or one message of a socket, or its end."""

    status: int  # of HTTP, or of a close frame; 0: a message, or nothing at all
    head: str
    body: str

    @property
    def words(self) -> str:
        """Its status, and what it said: the first code in it, or data."""
        if self.status == 0:
            return self.body if self.body in (CLOSED, "silence") else said(self.body) or "said"
        return f"{self.status} {said(self.body)}".strip()

    @property
    def text(self) -> str:
        return f"{self.head}\n{self.body}"


def said(body: str) -> str:
    """The first code of an error or a refusal in an answer; "data" for one without any."""
    for line in (body, *(part[5:] for part in body.splitlines() if part.startswith("data:"))):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and (value.keys() & {"data", "errors", "payload", "error"}):
            return next(codes(value), "data" if value.keys() & {"data", "payload"} else "")
    return ""


def codes(value: Any) -> Iterator[str]:
    """The codes of errors first, then those of refusals."""
    if isinstance(value, list):
        for inner in value:
            yield from codes(inner)
    elif isinstance(value, dict):
        yield from codes(value.get("errors"))
        if isinstance(value.get("error"), dict):  # of what is no GraphQL
            yield str(value["error"].get("code"))
        if isinstance(value.get("extensions"), dict) and "message" in value:
            yield str(value["extensions"].get("code"))
        if value.get("__typename") == "Refusal":
            yield str(value.get("code", "Refusal"))
        for name, inner in value.items():
            if name != "errors":
                yield from codes(inner)


def answers_in(received: bytes) -> list[Answer]:
    """The answers on one connection, until it was closed."""
    found = []
    at = 0
    while head := _HEAD.search(received, at):
        status = int(head[1])
        rest = received[head.end() :]
        told = re.search(rb"(?im)^content-length: *(\d+)", head[2])
        size = int(told[1]) if told else len(rest)
        chunked = re.search(rb"(?im)^transfer-encoding: *chunked", head[2])
        if chunked:
            ends = rest.find(b"\r\n0\r\n\r\n")
            size = ends + 7 if ends >= 0 else len(rest)
        body = rest[:size].decode("utf-8", "replace")
        if chunked:
            body = re.sub(r"(?m)^[0-9a-f]+\r\n", "", body)
        found.append(Answer(status, head[0].decode("latin-1"), body))
        at = head.end() + size
    left = received[at:].decode("utf-8", "replace") if at == 0 else ""
    return found or [Answer(0, left, CLOSED)]
