"""A message arrives whole, or it is the end, or it is said to be no message."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.frames import LONGEST, Frame, FrameBroken, next_frame, packed, read_frame

pytestmark = pytest.mark.anyio

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
)
DOCUMENTS = st.dictionaries(st.text(max_size=5), VALUES)
BROKEN = [
    (LONGEST + 1).to_bytes(4, "big"),
    (3).to_bytes(4, "big") + b"{{{",
    (2).to_bytes(4, "big") + b"[]",
    (4).to_bytes(4, "big") + b"null",
    b"HTTP/1.1 400 Bad Request",
]


def stream_of(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


async def heard(data: bytes) -> list[Frame]:
    stream, found = stream_of(data), []
    while (frame := await next_frame(stream)) is not None:
        found.append(frame)
    return found


@given(st.lists(DOCUMENTS, max_size=4))
def test_messages_come_as_they_were_sent_to_the_last_bit(frames: list[dict[str, Any]]) -> None:
    sent = b"".join(map(packed, frames))
    stream = io.BytesIO(sent)
    assert [read_frame(stream) for _ in frames] == frames
    assert read_frame(stream) is None
    assert asyncio.run(heard(sent)) == frames


@pytest.mark.parametrize("kept", range(13))
async def test_a_stream_that_ends_in_a_message_has_ended(kept: int) -> None:
    whole = packed({"work": 1})
    assert len(whole) == 14
    assert read_frame(io.BytesIO(whole[:kept])) is None
    assert await next_frame(stream_of(whole[:kept])) is None


@pytest.mark.parametrize("data", BROKEN)
async def test_what_is_no_message_is_not_believed(data: bytes) -> None:
    with pytest.raises(FrameBroken):
        read_frame(io.BytesIO(data))
    with pytest.raises(FrameBroken):
        await next_frame(stream_of(data))
