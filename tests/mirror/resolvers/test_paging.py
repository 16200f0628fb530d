"""A page is what was asked for, a cursor is ours, and anything else is refused cleanly."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.paging import cursor_of, values_of, window
from services.errors import QueryInvalid


@pytest.mark.parametrize(
    ("asked", "limit", "cursor", "backwards"),
    [
        ((None, None, None, None), 50, None, False),
        ((7, None, None, None), 7, None, False),
        ((7, "c", None, None), 7, "c", False),
        ((None, "c", None, None), 50, "c", False),
        ((None, None, 7, None), 7, None, True),
        ((None, None, 7, "c"), 7, "c", True),
        ((None, None, None, "c"), 50, "c", True),
        ((100, None, None, None), 100, None, False),
    ],
)
def test_a_window_goes_one_way(
    asked: tuple[Any, Any, Any, Any], limit: int, cursor: str | None, backwards: bool
) -> None:
    part = window(*asked)
    assert (part.limit, part.cursor, part.backwards) == (limit, cursor, backwards)


@pytest.mark.parametrize(
    "asked",
    [
        (1, None, 1, None),
        (1, None, None, "c"),
        (None, "c", None, "c"),
        (0, None, None, None),
        (-1, None, None, None),
        (101, None, None, None),
        (None, None, 101, None),
        (None, None, 2**31 - 1, None),
    ],
)
def test_a_window_that_means_nothing_is_refused(asked: tuple[Any, Any, Any, Any]) -> None:
    with pytest.raises(QueryInvalid):
        window(*asked)


def test_a_page_says_what_is_on_either_side() -> None:
    def sides(part: Any, *, more: bool) -> tuple[bool, bool]:
        info = part.page_info(["a", "b"], more=more)
        assert (info.start_cursor, info.end_cursor) == ("a", "b")
        return info.has_previous_page, info.has_next_page

    assert sides(window(2, None, None, None), more=False) == (False, False)
    assert sides(window(2, "c", None, None), more=True) == (True, True)
    assert sides(window(None, None, 2, None), more=True) == (True, False)
    assert sides(window(None, None, 2, "c"), more=False) == (False, True)
    nothing = window(2, None, None, None).page_info([], more=False)
    assert (nothing.start_cursor, nothing.end_cursor) == (None, None)


@given(st.lists(st.text(max_size=200) | st.integers(-(2**53), 2**53), min_size=1, max_size=3))
def test_a_cursor_holds_what_was_put_in(values: list[str | int]) -> None:
    cursor = cursor_of(*values)
    assert cursor.isascii()
    assert values_of(cursor, len(values)) == values
    with pytest.raises(QueryInvalid):
        values_of(cursor, len(values) + 1)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "zzzz",
        "ümlaut",
        "\0",
        "a" * 10_000_000,
        urlsafe_b64encode(b"[" * 2_000).decode(),
        urlsafe_b64encode(b'{"a": 1}').decode(),
        urlsafe_b64encode(b"[1").decode(),
        urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(QueryInvalid):
        values_of(cursor, 1)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_cursors(cursor: str) -> None:
    with suppress(QueryInvalid):
        assert len(values_of(cursor, 1)) == 1
