"""What never reaches a log: secrets, and what a caller put in.

A field is judged by its name, a text by its looks: an exception's message may quote a header, a
URL or the parameters of a statement.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
TEXT_MAX = 2_000  # characters of one text
_DEPTH_MAX = 8

_SECRETS = frozenset(
    {
        "authorization", "bearer", "cookie", "credential", "credentials", "dsn", "jwt", "key",
        "passphrase", "passwd", "password", "private", "secret", "secrets", "session",
        "signature", "token",
    }
)  # fmt: skip
_INPUTS = frozenset(
    {
        "arguments", "args", "body", "document", "input", "inputs", "parameters", "params",
        "payload", "query", "variables",
    }
)  # fmt: skip
# apiKey, api_key, API-KEY and x-api-key are the words api and key.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Most texts have none of these: one search instead of six substitutions.
_SUSPICIOUS = re.compile(
    r"(?i)eyJ|bearer|basic|v[krip]_|sec_|://|password|secret|token|api|\[parameters|GraphQL request"
)
_PATTERNS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), REDACTED),  # a JSON web token
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"\bv[krip]_\w+|\bwhsec_[\w+/=]+"), REDACTED),  # keys and the like of ours
    (re.compile(r"(\w://[^/\s:@]*):[^/\s@]+@"), rf"\1:{REDACTED}@"),  # a URL with a password
    (re.compile(r"(?i)\b(password|secret|token|api[_-]?key)(\s*[=:]\s*)\S+"), rf"\1\2{REDACTED}"),
    (re.compile(r"(?s)\[parameters: .*"), f"[parameters: {REDACTED}]"),  # a statement's values
    (re.compile(r"(?s)\s*GraphQL request:\d+:\d+\n.*"), ""),  # the document, under its error
)


def redact(value: Any, _depth: int = 0) -> Any:
    """A copy without secrets and inputs: mappings by their keys, texts by their looks."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # JSON has no word for it
    if isinstance(value, int) or value is None:
        return value
    if _depth >= _DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(key): REDACTED
            if hidden(str(key)) and inner is not None
            else redact(inner, _depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(inner, _depth + 1) for inner in value]
    return clean_text(str(value))


@lru_cache(maxsize=1_024)
def hidden(name: str) -> bool:
    """Whether a field of this name may not be shown."""
    words = [word.lower() for word in _WORD.findall(name)]
    return name.lower() in _INPUTS or not _SECRETS.isdisjoint(words)


def clean_text(text: str) -> str:
    """The text, shortened, with whatever looks like a secret taken out."""
    # Cut first: patterns over a text of megabytes would hold the loop.
    if len(text) > TEXT_MAX:
        text = text[:TEXT_MAX] + "…"
    if _SUSPICIOUS.search(text) is None:
        return text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
