"""Keys are their owner's alone, rotate without a gap, and go when nothing needs them."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OKPKey

from api.keys import (
    KeyUnusable,
    keys_at_hand,
    list_keys,
    make_development_keys,
    make_keys,
    open_keyring,
    prune_keys,
    read_keys,
    read_signing_key,
)
from services.authentication import LIFETIME
from services.signing import SEEN_FOR

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "home" / "keys"


def test_what_was_made_is_read_with_a_name_for_each(keys: Path) -> None:
    names = make_keys(keys)
    found = read_keys(keys)
    kids = [str(key.kid) for key in (*found.sealing, *found.auditing, *found.signing)]
    assert [name.partition(".")[0] for name in names] == kids
    assert len(set(kids)) == 3
    assert all(key.is_private for key in (*found.signing, *found.auditing))


@posix
def test_nobody_else_may_read_a_key_whatever_the_machine_allows_by_default(keys: Path) -> None:
    before = os.umask(0)
    try:
        make_keys(keys)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys.iterdir()} == {0o600}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700


@posix
@pytest.mark.parametrize("mode", [0o604, 0o620, 0o666])
def test_a_key_in_reach_of_others_is_refused_with_the_command_that_mends_it(
    keys: Path, mode: int
) -> None:
    seal, *_ = make_keys(keys)
    (keys / seal).chmod(mode)
    with pytest.raises(KeyUnusable, match=f"chmod 600 .*{seal}"):
        read_keys(keys)


def test_every_file_that_is_wrong_is_named_at_once(keys: Path) -> None:
    kid = make_keys(keys, NOON)[0].partition(".")[0]
    wrong = {
        "nonsense.sign.pem": OKPKey.generate_key("Ed25519").as_pem(),
        f"{kid}a.sign.pem": b"no key",
        f"{kid}b.sign.pem": OKPKey.generate_key("Ed448").as_pem(),
        f"{kid}c.sign.pem": ECKey.generate_key("P-256").as_pem(),
        f"{kid}d.sign.pem": OKPKey.generate_key("Ed25519").as_pem(private=False),
        f"{kid}e.seal.key": b"too short",
    }
    for name, content in wrong.items():
        (keys / name).write_bytes(content)
        (keys / name).chmod(0o600)
    with pytest.raises(KeyUnusable) as no:
        read_keys(keys)
    assert all(name in str(no.value) for name in wrong)


def test_a_key_has_one_purpose(keys: Path) -> None:
    _, audit, sign = make_keys(keys)
    ring = open_keyring(keys)
    for purpose, name in (("tokens", sign), ("audit", audit)):
        (public,) = ring.jwks(purpose)["keys"]  # type: ignore[arg-type] # of two
        assert (public["kid"], public["purpose"]) == (name.partition(".")[0], purpose)
    (keys / sign).write_bytes((keys / audit).read_bytes())
    with pytest.raises(KeyUnusable, match=f"{sign} is a key of the audit"):
        read_keys(keys)


def test_no_keys_at_all_name_the_command_that_makes_them(keys: Path) -> None:
    with pytest.raises(KeyUnusable, match="valor keys rotate"):
        open_keyring(keys)


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KeyUnusable, match="VALOR_KEYS=directory"):
        make_keys(tmp_path / "file" / "keys")


def test_a_development_server_ends_the_tokens_of_the_one_before_and_nothing_else(
    keys: Path,
) -> None:
    make_development_keys(keys)
    before = read_keys(keys)
    make_development_keys(keys)
    after = read_keys(keys)
    assert [key.kid for key in after.sealing] == [key.kid for key in before.sealing]
    assert [key.kid for key in after.auditing] == [key.kid for key in before.auditing]
    assert {key.kid for key in after.signing}.isdisjoint(key.kid for key in before.signing)


def test_a_command_that_serves_nobody_leaves_the_keys_of_a_server_alone(keys: Path) -> None:
    make_development_keys(keys)
    before = {file.name: file.read_bytes() for file in keys.iterdir()}
    keys_at_hand(keys)
    assert {file.name: file.read_bytes() for file in keys.iterdir()} == before


def test_a_running_server_signs_with_a_new_key_once_all_may_have_seen_it(keys: Path) -> None:
    now, timer = [NOON], [0.0]
    make_keys(keys, NOON - timedelta(days=1))
    ring = open_keyring(keys, lambda: now[0], lambda: timer[0])
    old = str(ring.signing().kid)
    make_keys(keys, NOON)
    new = str(read_keys(keys).signing[-1].kid)
    timer[0] += 1.0
    assert ring.proving(new) is not None, "whoever else signs with it already is believed"
    timer[0] += 60.0
    assert str(ring.signing().kid) == old
    assert new in {key["kid"] for key in ring.jwks("tokens")["keys"]}
    now[0] += SEEN_FOR
    assert str(ring.signing().kid) == new
    assert ring.proving(old) is not None


def test_what_was_good_goes_on_while_the_directory_cannot_be_read(keys: Path) -> None:
    timer, told = [0.0], list[Exception]()
    make_keys(keys)
    ring = open_keyring(keys, timer=lambda: timer[0])
    ring.failed = told.append
    kid = str(ring.signing().kid)
    for file in keys.iterdir():
        file.unlink()
    timer[0] += 60.0
    assert str(ring.signing().kid) == kid
    assert [type(each) for each in told] == [KeyUnusable]


def test_only_what_no_token_can_be_of_is_taken_away(keys: Path) -> None:
    make_keys(keys, NOON)
    make_keys(keys, NOON + timedelta(days=30))
    safe = NOON + timedelta(days=30) + SEEN_FOR + 2 * LIFETIME
    assert prune_keys(keys, safe - timedelta(seconds=1)) == []
    before = read_keys(keys)
    gone = prune_keys(keys, safe)
    after = read_keys(keys)
    assert len(gone) == 2
    assert after.signing[-1].kid == before.signing[-1].kid
    assert len(after.signing) == 1
    assert [key.kid for key in after.auditing] == [key.kid for key in before.auditing]
    assert [key.is_private for key in after.auditing] == [False, True]
    assert [key.kid for key in after.sealing] == [key.kid for key in before.sealing]
    assert prune_keys(keys, safe) == []


def test_the_list_says_which_keys_are_in_use(keys: Path) -> None:
    make_keys(keys, NOON)
    make_keys(keys, NOON + timedelta(days=30))
    prune_keys(keys, NOON + timedelta(days=60))
    listed = list_keys(keys, NOON + timedelta(days=60))
    assert sorted(key.purpose for key in listed if key.in_use) == ["audit", "seal", "tokens"]
    assert [key.purpose for key in listed if key.only_proves] == ["audit"]
    assert {key.made_at for key in listed if key.in_use} == {NOON + timedelta(days=30)}


def test_what_signs_for_commands_is_what_a_server_proves(keys: Path) -> None:
    ring = make_development_keys(keys)
    assert read_signing_key(keys).kid == ring.signing().kid
