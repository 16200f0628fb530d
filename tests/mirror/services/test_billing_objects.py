"""Who is believed, and what has an event's form."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from services.billing import TOLERANCE_S, NotSigned, verify
from services.billing_objects import NotUnderstood, understood
from tests.payment_provider import APRIL, OLD, SECRET, signed


def test_a_signature_is_believed_only_from_who_holds_a_secret_and_just_now() -> None:
    body, now = b'{"id":"evt_1"}', APRIL
    good = signed(body, now)
    for fine in (good, signed(body, now, "another", SECRET), signed(body, now, OLD)):
        verify(body, fine, (SECRET, OLD), now)
    for seconds in (-TOLERANCE_S, TOLERANCE_S):
        verify(body, good, (SECRET,), now + timedelta(seconds=seconds))
    stamp = int(now.timestamp())
    plain = hashlib.sha256(f"{stamp}.".encode() + body).hexdigest()
    right = good.split("v1=")[1].split(",")[0]
    for wrong in (
        "",
        "t=,v1=",
        f"t={stamp}",
        f"v1={right}",
        f"t={stamp},v0={right}",
        f"t={stamp},v1={plain}",
        f"t={stamp},v1={right.upper()}",
        f"t={stamp},t={stamp},v1={right}",
        f"t={stamp + 1},v1={right}",
        f"t=1e9,v1={right}",
        f"t={stamp},v1={right[:-1]}",
        f"t={stamp}," + ",".join(f"v1={'0' * 64}" for _ in range(17)),
        signed(body, now, "somebody else's secret"),
        signed(body + b" ", now),
        signed(b"", now),
        "v1=\udcff,t=1",
    ):
        with pytest.raises(NotSigned):
            verify(body, wrong, (SECRET, OLD), now)
    for seconds in (-TOLERANCE_S - 1, TOLERANCE_S + 1):
        with pytest.raises(NotSigned):
            verify(body, good, (SECRET, OLD), now + timedelta(seconds=seconds))
    with pytest.raises(NotSigned):
        verify(body, good, (), now)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"id":"e","type":"t","created":1}',
        b'{"id":"","type":"t","created":1,"data":{"object":{}}}',
        b'{"id":1,"type":"t","created":1,"data":{"object":{}}}',
        b'{"id":"e","type":null,"created":1,"data":{"object":{}}}',
        b'{"id":"e","type":"t","created":"1","data":{"object":{}}}',
        b'{"id":"e","type":"t","created":true,"data":{"object":{}}}',
        b'{"id":"e","type":"t","created":-1,"data":{"object":{}}}',
        b'{"id":"e","type":"t","created":99999999999999,"data":{"object":{}}}',
        b'{"id":"e","type":"t","created":999999999999,"data":{"object":{}}}',
        b'{"id":"e\\u0000","type":"t","created":1,"data":{"object":{}}}',
        b'{"id":"e","type":"t\\u0000","created":1,"data":{"object":{}}}',
        b'{"id":"e","type":"t","created":1,"data":{"object":' + b'{"a":' * 900 + b"1" + b"}" * 902,
        b'{"id":"e","type":"t","created":1,"data":{"object":[]}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_has_not_an_events_form_is_no_event(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        understood(body)
