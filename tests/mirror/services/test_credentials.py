"""Secrets that are handed out name their row, are known by their checksum, and are kept hashed."""

from __future__ import annotations

from itertools import count
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from api.keys import temporary_keys
from services.credentials import Secret
from services.sealing import NotSealed, Sealer
from services.signing import Keyring, Keys

TENANT, ROW = UUID(int=10), UUID(int=20)
IDS = st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number))
PREFIXES = st.sampled_from(["vk_live", "vk_dev", "vr", "vi", "vp"])


@given(PREFIXES, IDS, IDS, st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read_again(prefix: str, tenant: UUID, row: UUID, bits: bytes) -> None:
    secret = Secret(prefix, tenant, row, bits)
    assert Secret.read(prefix, secret.text) == secret
    assert len(secret.text) == len(prefix) + 94
    assert secret.matches(secret.hash)


@given(st.data())
def test_a_slip_anywhere_is_known_without_asking_anybody(data: st.DataObject) -> None:
    text = Secret.new("vk_live", TENANT, ROW).text
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("0aZ_-x9").filter(lambda letter: letter != text[at]))
    assert Secret.read("vk_live", text[:at] + other + text[at + 1 :]) is None
    assert Secret.read("vk_live", text[:at]) is None


@pytest.mark.parametrize("text", ["", "vk_live", "vk_live_", "vk_live__", "vk_live_" + "z" * 10**6])
def test_what_was_never_a_secret_is_none(text: str) -> None:
    assert Secret.read("vk_live", text) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert Secret.read("vr", f"vr_{text}") is None


def test_a_secret_of_one_kind_is_none_of_another() -> None:
    assert Secret.read("vk_live", Secret.new("vk_dev", TENANT, ROW).text) is None


def test_only_its_own_hash_matches() -> None:
    secret, other = (Secret.new("vr", TENANT, ROW) for _ in range(2))
    assert not secret.matches(other.hash)
    assert not secret.matches(None)
    assert not secret.matches("")
    assert secret.text not in secret.hash


def test_what_is_sealed_opens_for_its_purpose_alone() -> None:
    sealer = Sealer(temporary_keys())
    sealed = sealer.seal("totp:a:b", "a secret")
    assert sealer.open("totp:a:b", sealed) == "a secret"
    assert "a secret" not in sealed
    with pytest.raises(NotSealed):
        sealer.open("totp:a:c", sealed)


def test_what_was_changed_or_sealed_elsewhere_does_not_open() -> None:
    sealer, other = Sealer(temporary_keys()), Sealer(temporary_keys())
    sealed = sealer.seal("totp:a:b", "a secret")
    head, key, iv, body, tag = sealed.split(".")
    swapped = "A" if body[0] != "A" else "B"
    for text in ("", "x", f"{head}.{key}.{iv}.{swapped}{body[1:]}.{tag}", str(uuid4())):
        with pytest.raises(NotSealed):
            sealer.open("totp:a:b", text)
    with pytest.raises(NotSealed):
        other.open("totp:a:b", sealed)


def test_a_mark_is_known_again_after_its_key_was_followed_by_another() -> None:
    early, late = (OctKey.generate_key(256, {"kid": f"20260101T00000{n}Z-a"}) for n in (1, 2))
    there = [early]
    ring = Keyring(lambda: Keys((), (), tuple(there)), timer=count(0.0, 1_000.0).__next__)
    sealer = Sealer(ring)
    mark = sealer.mark("erased:a", "max@x.example")
    there.append(late)
    assert sealer.mark("erased:a", "max@x.example") != mark
    assert mark in sealer.marks("erased:a", "max@x.example")
    assert mark not in sealer.marks("erased:b", "max@x.example")
    assert mark not in sealer.marks("erased:a", "mia@x.example")
    assert mark not in Sealer(temporary_keys()).marks("erased:a", "max@x.example")
