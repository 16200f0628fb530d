"""Global ids: base64url of ``type:id``. Opaque to callers, and no secret."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import strawberry

from services.errors import NotFound


@strawberry.interface(description="Something that is found again by its global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Global id: opaque, and no secret.")


def global_id(type_name: str, inner: str) -> strawberry.ID:
    return strawberry.ID(urlsafe_b64encode(f"{type_name}:{inner}".encode()).decode().rstrip("="))


def inner_id(type_name: str, given: str) -> str:
    """
    Raises:
        NotFound: if this is no id of that type; a made-up id and another's look the same.
    """
    name, inner = _parts(given)
    if name != type_name or not inner or global_id(type_name, inner) != given:
        raise NotFound("There is nothing of that kind under this id.")
    return inner


def inner_uuid(type_name: str, given: str) -> UUID:
    """
    Raises:
        NotFound: if this is no id of that type.
    """
    try:
        return UUID(inner_id(type_name, given))
    except ValueError:
        raise NotFound("There is nothing of that kind under this id.") from None


def type_of(given: str) -> str:
    """The type that an id says it is of. Whether there is such a thing, nobody has said yet."""
    return _parts(given)[0]


def _parts(given: str) -> tuple[str, str]:
    try:
        name, _, inner = urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode().partition(":")
    except ValueError:
        return "", ""
    return name, inner
