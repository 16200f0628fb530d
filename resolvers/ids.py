"""Global ids: base64url of ``type:id``. Opaque to callers, and no secret."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import strawberry

from services.errors import NotFound


def global_id(type_name: str, inner: str) -> strawberry.ID:
    return strawberry.ID(urlsafe_b64encode(f"{type_name}:{inner}".encode()).decode().rstrip("="))


def inner_id(type_name: str, given: str) -> str:
    """
    Raises:
        NotFound: if this is no id of that type; a made-up id and another's look the same.
    """
    try:
        name, _, inner = urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode().partition(":")
    except ValueError:
        name = inner = ""
    if name != type_name or not inner or global_id(type_name, inner) != given:
        raise NotFound("There is nothing of that kind under this id.")
    return inner
