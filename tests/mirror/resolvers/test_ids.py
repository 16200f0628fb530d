"""A global id names one thing of one type, in one spelling."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.ids import global_id, inner_id
from services.errors import NotFound

TYPES = st.from_regex(r"[A-Z][A-Za-z]{0,20}", fullmatch=True)
INNERS = st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable())


@given(TYPES, INNERS)
def test_an_id_leads_back_to_what_it_was_made_of(kind: str, inner: str) -> None:
    given_out = global_id(kind, inner)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", given_out)  # safe in a URL
    assert inner_id(kind, given_out) == inner


@given(TYPES, TYPES, INNERS)
def test_an_id_of_another_type_is_not_found(kind: str, other: str, inner: str) -> None:
    if kind != other:
        with pytest.raises(NotFound):
            inner_id(other, global_id(kind, inner))


@given(st.text(max_size=200))
def test_whatever_a_caller_types_is_an_id_or_is_not_found(typed: str) -> None:
    with suppress(NotFound):
        assert global_id("Member", inner_id("Member", typed)) == typed


GOOD = global_id("Member", "1")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "=",
        "%%%",
        "é",
        "\0",
        GOOD + "=",
        GOOD + "\n",
        " " + GOOD,
        GOOD[:-1],
        global_id("Member", ""),
        global_id("", "1"),
        GOOD[:-1] + "F",  # another last letter for the same bytes, which base64 would let pass
        "//__",
        "x" * 100_000,
    ],
)
def test_an_id_has_one_spelling(typed: str) -> None:
    with pytest.raises(NotFound):
        inner_id("Member", typed)


def test_a_no_does_not_say_back_what_was_typed() -> None:
    with pytest.raises(NotFound) as no:
        inner_id("Member", "<script>")
    assert "script" not in no.value.message
