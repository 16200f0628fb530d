"""Keys: a development key made anew at each start, or the issuer's public key from a file."""

from __future__ import annotations

import os
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey


class KeyUnusable(Exception):
    """Why a key file cannot be used, and what to do."""


def make_development_key(path: Path) -> OKPKey:
    """A new Ed25519 key in a file that only its owner can read; tokens of the old one end here.

    Raises:
        KeyUnusable: if the file cannot be written.
    """
    key = OKPKey.generate_key("Ed25519")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        # Opened with its mode: between writing and chmod somebody could read it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as no:
        raise KeyUnusable(
            f"No key can be written to {path} ({no.strerror}). Name a directory of your own: "
            "VALOR_HOME=directory"
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.as_pem(private=True))
    return key


def read_development_key(path: Path) -> OKPKey:
    """
    Raises:
        KeyUnusable: if there is none, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except OSError:
        raise KeyUnusable(
            f"There is no development key at {path}. Start the server first: valor serve --dev"
        ) from None
    if os.name == "posix" and mode & 0o077:
        raise KeyUnusable(f"Others may read {path}. Start the server again to make a new key.")
    key = _ed25519(text)
    if key is None or not key.is_private:
        raise KeyUnusable(
            f"{path} is no development key. Start the server again to make one: valor serve --dev"
        )
    return key


def read_public_key(path: Path) -> OKPKey:
    """
    Raises:
        KeyUnusable: if it cannot be read, is no Ed25519 key, or is a private one.
    """
    try:
        return public_key_in(path.read_bytes(), str(path))
    except OSError:
        raise KeyUnusable(f"{path} is not a PEM file with an Ed25519 public key.") from None


def public_key_in(text: bytes, named: str) -> OKPKey:
    """
    Raises:
        KeyUnusable: if it is no Ed25519 key, or a private one.
    """
    key = _ed25519(text)
    if key is None:
        raise KeyUnusable(f"{named} is not a PEM file with an Ed25519 public key.")
    if key.is_private:
        raise KeyUnusable(f"{named} holds a private key. A server needs the public one alone.")
    return key


def _ed25519(text: bytes) -> OKPKey | None:
    """The key in a PEM file; None if there is none, or one of another kind or curve."""
    try:
        key = OKPKey.import_key(text)
    except (JoseError, ValueError):
        return None
    return key if key.curve_name == "Ed25519" else None
