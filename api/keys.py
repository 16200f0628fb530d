"""The directory of keys: made, read, listed and taken away as files that only their owner reads.

``<kid>.sign.pem`` signs access tokens, ``<kid>.audit.pem`` heads of the audit, ``<kid>.seal.key``
seals secrets. Every process that serves reads the same directory.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey

from services.authentication import LIFETIME
from services.signing import CURVE, SEEN_FOR, Clock, K, Keyring, Keys, in_use, kid_at, made_at

SIGN: Final = ".sign.pem"
AUDIT: Final = ".audit.pem"
SEAL: Final = ".seal.key"
_PURPOSES: Final = {SIGN: "tokens", AUDIT: "audit", SEAL: "seal"}
_OTHERS: Final = 0o027  # a group may read, as in a container that is lent them; nobody may write


class KeyUnusable(Exception):
    """Why keys cannot be used, and what to do."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key as `valor keys list` shows it."""

    kid: str
    purpose: str  # tokens, audit, seal
    made_at: datetime
    in_use: bool  # it signs or seals now
    only_proves: bool  # the private part was taken away


def make_keys(directory: Path, now: datetime | None = None) -> list[str]:
    """A new key for each purpose; what their files are called.

    Raises:
        KeyUnusable: if they cannot be written.
    """
    _make_directory(directory)
    return [_make(directory, purpose, now) for purpose in (SEAL, AUDIT, SIGN)]


def make_development_keys(directory: Path) -> Keyring:
    """A new key for tokens, so that those of the server before end here; the others stay.

    Raises:
        KeyUnusable: if they cannot be written.
    """
    _make_directory(directory)
    for old in _files(directory, SIGN):
        old.unlink(missing_ok=True)
    for purpose in (SEAL, AUDIT):
        if not _files(directory, purpose):
            _make(directory, purpose)
    _make(directory, SIGN)
    return open_keyring(directory)


def keys_at_hand(directory: Path) -> Keyring:
    """The keys of a directory, made if there are none; kept nowhere if they cannot be.

    For commands that serve nobody: they must not end what the tokens of a server prove.

    Raises:
        KeyUnusable: if one of those that are there may not be used.
    """
    if _files(directory, SIGN):
        return open_keyring(directory)
    try:
        return make_development_keys(directory)
    except KeyUnusable:
        return temporary_keys()


def temporary_keys() -> Keyring:
    """Keys that are kept nowhere."""
    signing, auditing, seal = (kid_at(datetime.now(UTC), secrets.token_hex(3)) for _ in range(3))
    keys = Keys(
        (OKPKey.import_key(_new(SIGN), {"kid": signing}),),
        (OKPKey.import_key(_new(AUDIT), {"kid": auditing}),),
        (OctKey.import_key(_new(SEAL), {"kid": seal}),),
    )
    return Keyring(lambda: keys)


def open_keyring(
    directory: Path,
    clock: Clock = lambda: datetime.now(UTC),
    timer: Callable[[], float] = monotonic,
) -> Keyring:
    """The keys of a directory, looked at again now and then.

    Raises:
        KeyUnusable: as `read_keys` does.
    """
    return Keyring(lambda: read_keys(directory), clock, timer)


def read_keys(directory: Path) -> Keys:
    """
    Raises:
        KeyUnusable: if one is missing, is no key, or may be read by others: all that is wrong.
    """
    wrong: list[str] = []
    signing = tuple(_pairs(directory, SIGN, wrong))
    auditing = tuple(_pairs(directory, AUDIT, wrong))
    sealing: list[OctKey] = []
    for file in _files(directory, SEAL):
        text = _read(file, wrong)
        if text is not None and len(text) == 32:
            sealing.append(OctKey.import_key(text, {"kid": _kid(file, SEAL)}))
        elif text is not None:
            wrong.append(f"{file} is not a key of 32 bytes.")
    wrong += [
        f"{directory / f'{key.kid}{SIGN}'} holds a public key, which signs nothing."
        for key in signing
        if not key.is_private
    ]
    of_audit = {key.thumbprint() for key in auditing}
    wrong += [
        f"{directory / f'{key.kid}{SIGN}'} is a key of the audit, too: each has one purpose."
        for key in signing
        if key.thumbprint() in of_audit
    ]
    if wrong:
        raise KeyUnusable("\n".join(wrong))
    if not (signing and sealing and any(key.is_private for key in auditing)):
        raise KeyUnusable(f"There are no keys in {directory}. Make them: valor keys rotate")
    return Keys(signing, auditing, tuple(sealing))


def read_signing_key(directory: Path) -> OKPKey:
    """The private key that signs tokens now.

    Raises:
        KeyUnusable: if there is none yet, or one may not be used.
    """
    if not _files(directory, SIGN):
        raise KeyUnusable(
            f"There is no key for tokens in {directory}. Start the server first: valor serve --dev"
        )
    return in_use(read_keys(directory).signing, datetime.now(UTC))


def list_keys(directory: Path, now: datetime | None = None) -> list[KeyFile]:
    """Every key, the newest first.

    Raises:
        KeyUnusable.
    """
    keys, now = read_keys(directory), now or datetime.now(UTC)
    found = []
    for purpose, pairs in ((SIGN, keys.signing), (AUDIT, keys.auditing)):
        using = in_use([key for key in pairs if key.is_private], now)
        found += [
            KeyFile(
                str(key.kid), _PURPOSES[purpose], made_at(str(key.kid)),
                key is using, not key.is_private,
            )
            for key in pairs
        ]  # fmt: skip
    sealing = in_use(keys.sealing, now)
    found += [
        KeyFile(str(key.kid), _PURPOSES[SEAL], made_at(str(key.kid)), key is sealing, False)
        for key in keys.sealing
    ]
    return sorted(found, key=lambda key: (key.kid, key.purpose), reverse=True)


def prune_keys(directory: Path, now: datetime | None = None) -> list[str]:
    """Take away what no token can be signed with any more; the names of what went.

    Of an audit key only the private part goes: old heads are proved for ever. A seal stays until
    nothing is sealed with it: `superseded_seals`.

    Raises:
        KeyUnusable.
    """
    keys, now = read_keys(directory), now or datetime.now(UTC)
    gone = []
    for key in _superseded(keys.signing, now):
        (directory / f"{key.kid}{SIGN}").unlink(missing_ok=True)
        gone.append(f"{key.kid}{SIGN}")
    for key in _superseded([key for key in keys.auditing if key.is_private], now):
        _write(directory / f"{key.kid}{AUDIT}", key.as_pem(private=False))
        gone.append(f"{key.kid}{AUDIT} (its private part)")
    return gone


def superseded_seals(directory: Path, now: datetime | None = None) -> list[str]:
    """The names of keys with which nothing is sealed any more, though something may be still.

    Raises:
        KeyUnusable.
    """
    sealing = read_keys(directory).sealing
    return [str(key.kid) for key in _superseded(sealing, now or datetime.now(UTC))]


def remove_seal(directory: Path, kid: str) -> None:
    """Take a key away under which nothing is sealed. Whatever was is lost for ever."""
    (directory / f"{kid}{SEAL}").unlink(missing_ok=True)


def _superseded(keys: Sequence[K], now: datetime) -> list[K]:
    """Those whose successor has signed for longer than what they signed lives."""
    return [
        key
        for key, successor in pairwise(keys)
        if made_at(str(successor.kid)) + SEEN_FOR + 2 * LIFETIME <= now
    ]


def _pairs(directory: Path, purpose: str, wrong: list[str]) -> Iterator[OKPKey]:
    for file in _files(directory, purpose):
        text = _read(file, wrong)
        if text is None:
            continue
        try:
            key = OKPKey.import_key(text, {"kid": _kid(file, purpose)})
        except (JoseError, ValueError):
            wrong.append(f"{file} is not a PEM file with an Ed25519 key.")
            continue
        if key.curve_name == CURVE:
            yield key
        else:
            wrong.append(f"{file} is not a PEM file with an Ed25519 key.")


def _files(directory: Path, purpose: str) -> list[Path]:
    """By name, so the oldest first."""
    try:
        return sorted(file for file in directory.iterdir() if file.name.endswith(purpose))
    except OSError:
        return []


def _kid(file: Path, purpose: str) -> str:
    return file.name.removesuffix(purpose)


def _read(file: Path, wrong: list[str]) -> bytes | None:
    """What is in it, if only its owner may read it and its name is a key's."""
    try:
        made_at(file.name.partition(".")[0])
        if os.name == "posix" and file.stat().st_mode & _OTHERS:
            wrong.append(f"Others may read or change {file}. Run: chmod 600 {file}")
            return None
        return file.read_bytes()
    except FileNotFoundError:  # it was taken away a moment ago
        return None
    except OSError as no:
        wrong.append(f"{file} cannot be read ({no.strerror}).")
    except ValueError:
        wrong.append(f"{file} has no key's name: 20261123T120000Z-abc123{SIGN} is one.")
    return None


def _make(directory: Path, purpose: str, now: datetime | None = None) -> str:
    # Each has a name of its own: whoever keeps public keys tells them apart by nothing else.
    name = kid_at(now or datetime.now(UTC), secrets.token_hex(3)) + purpose
    _write(directory / name, _new(purpose))
    return name


def _new(purpose: str) -> bytes:
    if purpose == SEAL:
        return secrets.token_bytes(32)
    return OKPKey.generate_key(CURVE).as_pem(private=True)


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as no:
        raise _unwritable(directory, no) from None


def _write(file: Path, content: bytes) -> None:
    """All of it or nothing, and never for a moment in reach of others."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        # Opened with its mode: between writing and chmod somebody could read it.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as open_file:
            open_file.write(content)
            open_file.flush()
            os.fsync(open_file.fileno())
        draft.replace(file)
    except OSError as no:
        draft.unlink(missing_ok=True)
        raise _unwritable(file, no) from None


def _unwritable(path: Path, no: OSError) -> KeyUnusable:
    return KeyUnusable(
        f"No key can be written to {path} ({no.strerror}). Name a directory of your own: "
        "VALOR_HOME=directory, or VALOR_KEYS=directory for the keys alone"
    )
