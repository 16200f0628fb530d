"""A message is right in every part, or it is none."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.messages import LONGEST, Message, Wish, decode, encode
from collab.presence import Cursor, Participant

ADA = Participant(id="a", member_id=UUID(int=1), name="Ada “Ä” €", role="ANALYST", colour=3)
FULL = Message(
    worker="w",
    seq=17,
    asks=True,
    joined={"a": ADA},
    left=["b"],
    cursors={"a": (4, Cursor("capital.wacc", 0.25, 1.0)), "c": (1, Cursor(None))},
    selections={"a": (9, ("name", "unit")), "c": (1, ())},
    wishes={
        "a": Wish(UUID(int=1), Cursor("name", None, None), None),
        "c": Wish(UUID(int=2), None, ()),
    },
    valuation={"basedOnSeq": 17},
)


def test_a_message_arrives_as_it_was_sent() -> None:
    assert decode(encode(FULL)) == FULL
    assert decode(encode(Message(worker="w", seq=1))) == Message(worker="w", seq=1)


def test_a_message_has_only_the_parts_that_it_needs() -> None:
    assert orjson.loads(encode(Message(worker="w", seq=3))) == {"worker": "w", "seq": 3}
    assert not Message(worker="w")
    assert FULL


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"null",
        b"[]",
        b"{}",
        b"5",
        b'"x"',
        b'{"worker":1}',
        b'{"worker":"w","seq":-1}',
        b'{"worker":"w","seq":1.5}',
        b'{"worker":"w","seq":true}',
        b'{"worker":"w","seq":99999999999999999}',
        b'{"worker":"w","asks":1}',
        b'{"worker":"w","joined":[]}',
        b'{"worker":"w","joined":{"a":{}}}',
        b'{"worker":"w","joined":{"a":{"member":"x","name":"n","role":"r","colour":0}}}',
        b'{"worker":"w","left":[1]}',
        b'{"worker":"w","left":"abc"}',
        b'{"worker":"w","cursors":{"a":7}}',
        b'{"worker":"w","cursors":{"a":[1]}}',
        b'{"worker":"w","cursors":{"a":[1,"p",0.5]}}',
        b'{"worker":"w","cursors":{"a":[1,"p","x","y"]}}',
        b'{"worker":"w","cursors":{"a":["1","p",0.5,0.5]}}',
        b'{"worker":"w","cursors":{"a":[1,"p",1e999,0.5]}}',
        b'{"worker":"w","selections":{"a":[1,"name"]}}',
        b'{"worker":"w","selections":{"a":[1,[2]]}}',
        b'{"worker":"w","wishes":{"a":null}}',
        b'{"worker":"w","valuation":[]}',
        b"[" * 100_000,
        b'{"worker":"' + b"w" * LONGEST + b'"}',
    ],
)
def test_garbage_is_no_message(content: bytes) -> None:
    assert decode(content) is None


@given(st.binary())
def test_no_bytes_raise(content: bytes) -> None:
    assert decode(content) is None or content


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
PARTS = st.sampled_from(
    ["worker", "seq", "asks", "joined", "left", "cursors", "selections", "wishes", "valuation"]
)


@given(st.dictionaries(PARTS, JSON))
def test_no_json_raises_and_what_is_read_can_be_sent_on(parts: dict[str, Any]) -> None:
    try:
        content = orjson.dumps(parts)
    except TypeError:  # an integer of more than 64 bits
        return
    message = decode(content)
    assert message is None or decode(encode(message)) == message
