"""Names: one line that can be read, and told apart as a reader would."""

from __future__ import annotations

import pytest

from engine.names import folded, is_line


@pytest.mark.parametrize(
    "name",
    ["Term loan B", "x", " padded ", "👨‍👩‍👧", "می‌خواهم", "Notes\u00a02031", "Société", "y" * 60],
)
def test_whatever_can_be_read_on_one_line_is_a_name(name: str) -> None:
    assert is_line(name, 60)


@pytest.mark.parametrize(
    "name",
    ["", " ", "\u00a0", "\u200d", "two\nlines", "a\tb", "bell\x07", "right\u202eleft", "y" * 61],
)
def test_what_cannot_be_seen_or_is_too_long_is_none(name: str) -> None:
    assert not is_line(name, 60)


@pytest.mark.parametrize(
    "typed", ["Term loan", " TERM LOAN ", "Term\u00a0loan", "Te\u200drm loan", "Ｔerm loan"]
)
def test_names_that_look_the_same_are_the_same(typed: str) -> None:
    assert folded(typed) == folded("Term loan")
    assert folded(typed) != folded("Term loans")
