"""What may come in over a socket, and how everything else is named."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.transports import messages
from api.transports.messages import ID_MAX, MESSAGE_MAX, REASON_MAX, Malformed, Message, TooLarge

SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": "{a}"}}


def said(**changes: Any) -> str:
    return json.dumps({**SUBSCRIBE, **changes})


@pytest.mark.parametrize(
    "text",
    [
        None,  # binary
        "",
        " ",
        "null",
        "[1]",
        '"x"',
        "5",
        "true",
        "{",
        "{}",
        "NaN",
        '{"type":"ping","payload":NaN}',
        '{"type":"ping","payload":{"a":1e999}}',
        '{"type":"ping"}{"type":"ping"}',
        '{"type":null}',
        '{"type":5}',
        '{"type":["ping"]}',
        '{"type":"nothing"}',
        '{"type":"next","id":"1"}',
        '{"type":"connection_ack"}',
        '{"type":"ping","payload":1}',
        '{"type":"ping","payload":"x"}',
        '{"type":"connection_init","payload":[]}',
        '{"type":"complete"}',
        '{"type":"complete","id":5}',
        '{"type":"complete","id":""}',
        said(id=5),
        said(id=""),
        said(id=None),
        said(id=["1"]),
        said(id="x" * (ID_MAX + 1)),
        said(payload="{a}"),
        said(payload=[]),
        said(type="ping", payload={"x": json.loads("[" * 70 + "]" * 70)}),
        said(type="complete", payload={"x": "y" * MESSAGE_MAX}),
        "\ufeff" + said(),
        '{"type":"ping","payload":{"a":"\\ud800"}}',
    ],
)
def test_what_is_no_message_is_said_in_words_that_fit_a_close_frame(text: str | None) -> None:
    with pytest.raises(Malformed) as no:
        messages.read(text)
    assert no.value.reason
    assert len(no.value.reason.encode()) <= REASON_MAX


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"query": 5},
        {"query": ""},
        {"query": None},
        {"query": "{a}", "variables": 5},
        {"query": "{a}", "variables": []},
        {"query": "{a}", "operationName": 5},
        {"query": "{a}", "extensions": "x"},
        {"documentId": 5},
        {"documentId": []},
        {"query": "{a}", "documentId": "sha256:" + "0" * 64},
        {"extensions": {"persistedQuery": "x"}},
        {"extensions": {"persistedQuery": {"sha256Hash": 5}}},
    ],
)
def test_what_is_no_operation_is_said_as_well(payload: Any) -> None:
    with pytest.raises(Malformed) as no:
        messages.asked(messages.read(said(payload=payload)))
    assert 0 < len(no.value.reason.encode()) <= REASON_MAX


def test_an_operation_is_read_as_over_http() -> None:
    payload = {
        "query": "{a}",
        "operationName": None,
        "variables": {"x": 1.5},
        "extensions": {"y": None},
    }
    asked = messages.asked(messages.read(said(payload=payload)))
    assert (asked.query, asked.operation_name) == ("{a}", None)
    assert (asked.variables, asked.extensions) == ({"x": 1.5}, {"y": None})


@pytest.mark.parametrize("id_", ["1", "x" * ID_MAX, "ä", " ", "🙂"])
def test_an_id_is_the_clients_to_choose(id_: str) -> None:
    assert messages.read(said(id=id_)).id == id_


def test_a_large_subscribe_ends_its_own_operation_alone() -> None:
    fits = said(payload={"query": "{a}", "extensions": {"x": ""}})
    filled = fits.replace('"x": ""', '"x": "' + "y" * (MESSAGE_MAX - len(fits)) + '"')
    assert len(filled) == MESSAGE_MAX
    assert messages.read(filled).id == "1"
    with pytest.raises(TooLarge) as no:
        messages.read(filled + " ")
    assert no.value.id == "1"
    assert "65,537" in no.value.message


def test_size_is_counted_in_bytes() -> None:
    text = json.dumps({**SUBSCRIBE, "payload": {"query": "ä" * 40_000}}, ensure_ascii=False)
    assert len(text) < MESSAGE_MAX < len(text.encode())
    with pytest.raises(TooLarge):
        messages.read(text)


@pytest.mark.parametrize("kind", ["ping", "pong", "connection_init"])
@pytest.mark.parametrize("payload", [None, {}, {"a": [1]}])
def test_a_payload_is_an_object_or_nothing(kind: str, payload: Any) -> None:
    assert messages.read(said(type=kind, payload=payload)) == Message(kind, "", payload)
    if payload is None:
        assert messages.read(json.dumps({"type": kind})) == Message(kind, "", None)


def test_the_quick_pong_is_a_pong() -> None:
    assert messages.read('{"type":"pong"}') == messages.read('{ "type": "pong" }')


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_no_text_is_anything_but_a_message_or_malformed(text: str) -> None:
    with suppress(Malformed):
        assert messages.read(text).type in text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "id", "payload", "query", "variables", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["subscribe", "complete", "ping", "pong", "connection_init", "next", None]),
)
def test_no_json_is_anything_but_a_message_or_malformed(value: Any, kind: str | None) -> None:
    if isinstance(value, dict) and kind is not None:
        value["type"] = kind
    with suppress(Malformed):
        message = messages.read(json.dumps(value))
        assert message.type == kind
        if message.type == "subscribe":
            messages.asked(message)


def test_what_goes_out_is_json_with_arrays_as_they_are() -> None:
    text = messages.written("next", "ä\n", {"data": {"x": np.asarray([[1.5, 2.0]])}})
    assert orjson.loads(text) == {
        "type": "next",
        "id": "ä\n",
        "payload": {"data": {"x": [[1.5, 2.0]]}},
    }
    assert orjson.loads(messages.written("complete", "1")) == {"type": "complete", "id": "1"}


@pytest.mark.parametrize("payload", [None, {}, {"a": 1}])
def test_a_pong_has_the_payload_of_its_ping(payload: Any) -> None:
    expected = {"type": "pong"} | ({} if payload is None else {"payload": payload})
    assert orjson.loads(messages.pong(payload)) == expected
