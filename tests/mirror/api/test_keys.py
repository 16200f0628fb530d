"""A development key is new at each start and its owner's alone; production knows the public key."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from api.keys import KeyUnusable, make_development_key, read_development_key, read_public_key

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
KEY = OKPKey.generate_key("Ed25519")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "development-key.pem"


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_key_that_was_made_is_read_again(path: Path) -> None:
    made = make_development_key(path)
    assert made.is_private
    assert read_development_key(path).as_dict() == made.as_dict()


def test_each_start_makes_another_key(path: Path) -> None:
    first, second = make_development_key(path), make_development_key(path)
    assert first.as_dict() != second.as_dict()
    assert read_development_key(path).as_dict() == second.as_dict()


@posix
def test_nobody_else_may_read_the_key_whatever_the_machine_allows_by_default(path: Path) -> None:
    before = os.umask(0)
    try:
        make_development_key(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_a_file_that_others_could_read_is_replaced_and_not_written_into(path: Path) -> None:
    write(path, b"old").chmod(0o666)
    watched = path.open("rb")  # somebody has it open already
    try:
        make_development_key(path)
        assert watched.read() == b"old"
    finally:
        watched.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_a_link_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", b"mine")
    path.parent.mkdir()
    path.symlink_to(elsewhere)
    make_development_key(path)
    assert elsewhere.read_bytes() == b"mine"
    assert not path.is_symlink()


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o610])
def test_a_key_that_others_may_read_is_not_used(path: Path, mode: int) -> None:
    make_development_key(path)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match="Others may read"):
        read_development_key(path)


def test_without_a_key_the_command_that_makes_one_is_named(path: Path) -> None:
    with pytest.raises(KeyUnusable, match="valor serve --dev"):
        read_development_key(path)


@pytest.mark.parametrize("content", [b"", b"nonsense", KEY.as_pem(private=False)])
def test_a_file_that_holds_no_private_key_is_not_used(path: Path, content: bytes) -> None:
    write(path, content).chmod(0o600)
    with pytest.raises(KeyUnusable, match="valor serve --dev"):
        read_development_key(path)


def test_where_no_key_can_be_written_the_setting_that_mends_it_is_named(tmp_path: Path) -> None:
    a_file = write(tmp_path / "file", b"")
    with pytest.raises(KeyUnusable, match="VALOR_HOME"):
        make_development_key(a_file / "development-key.pem")


def test_a_public_key_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "public.pem", KEY.as_pem(private=False))
    found = read_public_key(file)
    assert not found.is_private
    assert found.as_dict(private=False)["x"] == KEY.as_dict(private=False)["x"]


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    file = write(tmp_path / "private.pem", KEY.as_pem(private=True))
    with pytest.raises(KeyUnusable, match="holds a private key"):
        read_public_key(file)


OTHERS = {
    "nothing": b"",
    "words": b"words",
    "a cut one": KEY.as_pem(private=False)[:40],
    "an RSA key": RSAKey.generate_key(2048).as_pem(private=False),
    "a key of another curve": ECKey.generate_key("P-256").as_pem(private=False),
    "a key of Ed448": OKPKey.generate_key("Ed448").as_pem(private=False),
    "a key to agree on secrets": OKPKey.generate_key("X25519").as_pem(private=False),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS.keys())
def test_what_is_no_ed25519_key_proves_no_token(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(KeyUnusable, match="not a PEM file with an Ed25519 public key"):
        read_public_key(write(tmp_path / "public.pem", content))


def test_a_file_that_is_not_there_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match=r"nothing\.pem"):
        read_public_key(tmp_path / "nothing.pem")
