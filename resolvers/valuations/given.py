"""Inputs as documents: what a caller gave is kept as JSON, and read once, by the engine's types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

T = TypeVar("T")


def as_document(kind: type[T]) -> type[T]:
    """Let an input type be read as its document alone, without an object for each of its parts."""

    def read(of: type[T], given: Mapping[str, Any], _context: object) -> T:
        # graphql-core has coerced it and applied the defaults; Strawberry's own conversion of
        # fifty values costs as much as the rest of the request.
        found = of.__new__(of)
        found.document = document_of(given)  # type: ignore[attr-defined] # private to each of them
        return found

    kind.__strawberry_definition__.from_input = read  # type: ignore[attr-defined] # its hook
    return kind


def document_of(given: Any) -> Any:
    """JSON of a coerced input, defaults applied; what was left out, or is null, is not in it."""
    # Through JSON and back: enums and dates become their words at the speed of C.
    text = orjson.dumps(given)
    document = orjson.loads(text)
    return _without_nulls(document) if b"null" in text else document


def _without_nulls(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            name: _without_nulls(value) for name, value in document.items() if value is not None
        }
    return [_without_nulls(item) for item in document] if isinstance(document, list) else document
