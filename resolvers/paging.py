"""Pages of a list that grows, as Relay asks for them: a cursor stands where its row stands."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import orjson
import strawberry

from services.errors import QueryInvalid

PAGE_MOST: Final = 100
_PAGE: Final = 50
_CURSOR_MOST: Final = 4_000  # characters: a name of 200 that all need to be escaped


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more comes after the page.")
    has_previous_page: bool = strawberry.field(description="Whether something is before it.")
    start_cursor: str | None = strawberry.field(description="Of the first edge; null: no edges.")
    end_cursor: str | None = strawberry.field(description="Of the last edge; null: no edges.")


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a list is asked for."""

    limit: int
    cursor: str | None
    backwards: bool  # the ones before the cursor, or the last ones

    def page_info(self, cursors: list[str], *, more: bool) -> PageInfo:
        """``more``: whether there are more the way that was asked."""
        beside = self.cursor is not None  # where one comes from, something is
        return PageInfo(
            has_next_page=beside if self.backwards else more,
            has_previous_page=more if self.backwards else beside,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """
    Raises:
        QueryInvalid: for both directions at once, or a page that is too large.
    """
    backwards = last is not None or before is not None
    if backwards and (first is not None or after is not None):
        raise QueryInvalid("Page forwards by first and after, or backwards by last and before.")
    given = last if backwards else first
    limit = _PAGE if given is None else given
    if not 1 <= limit <= PAGE_MOST:
        raise QueryInvalid(f"A page has from 1 to {PAGE_MOST} entries.")
    return Window(limit, before if backwards else after, backwards)


def cursor_of(*values: str | int) -> str:
    """Opaque to callers, and no secret: the place of a row in its order."""
    return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def values_of(cursor: str, count: int) -> list[Any]:
    """
    Raises:
        QueryInvalid: for what is no cursor of so many values.
    """
    try:
        if len(cursor) > _CURSOR_MOST:
            raise ValueError
        values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != count:
        raise no_cursor()
    return values


def no_cursor() -> QueryInvalid:
    """Of a cursor that was made up, or comes from another list or another order."""
    return QueryInvalid("This is no cursor of this list. Take one from an edge of the same list.")


First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many, from 1 to 100; 50 where nothing is said."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Those after the edge with this cursor.")
]
Last: TypeAlias = Annotated[
    int | None, strawberry.argument(description="How many of the end, or before `before`.")
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Those before the edge with this cursor.")
]
