"""What a server that strangers reach does not start with, and the command that mends each of it.

A development server is bound to its machine and asks none of this. Everything is said at once, so
that whoever deploys mends it once.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Final
from urllib.parse import SplitResult, urlsplit

from api.keys import KeyUnusable, read_keys
from api.settings import Settings, is_database

SECRET_LENGTH: Final = 16  # characters, at least
_DELIVERED: Final = "on-this-machine-only"  # what docker-compose.yml has where nothing is said
_VERIFIED: Final = ("verify-ca", "verify-full")
_DEBUG: Final = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE")
_FOR_COMMANDS: Final = ("VALOR_DATABASE_OWNER_URL", "VALOR_DATABASE_BACKUP_URL")
_NEW: Final = "$(openssl rand -hex 24)"


def unsafe(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """What is unsafe about settings that are well-formed: what, why, and what to run."""
    return [
        *_of_keys(settings, environment),
        *_of_database(settings, environment),
        *_of_redis(settings),
        *_of_pages(settings),
        *_of_address(settings),
        *_of_debugging(settings, environment),
        *_of_identity(environment),
    ]


async def problems(environment: Mapping[str, str]) -> list[str]:
    """All that keeps a server from starting: what is wrong with its settings, what is unsafe about
    them, and what its database says of itself. One sentence each, with what mends it."""
    settings, found = Settings.look(environment, dev=False)
    found += unsafe(settings, environment)
    if settings.database_url.startswith("postgresql://"):
        from store.durability import unsafe_server
        from store.errors import StoreError

        # Where it is away, the start itself says so.
        with suppress(StoreError):
            found += [_said(*each) for each in await unsafe_server(settings.database_url)]
    return found


def _said(what: str, mend: str) -> str:
    return f"{what} Run: {mend}"


def _of_keys(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    if environment.get("VALOR_KEYS"):
        yield from _of_directory(settings.keys, settings.home)
    private = environment.get("VALOR_CLUSTER_KEY_FILE")
    if private and _mode(Path(private)) & 0o077:
        yield _said(
            f"VALOR_CLUSTER_KEY_FILE is a private key that others can read: {private}.",
            f"chmod 600 {quote(private)}",
        )


def _of_directory(keys: Path, home: Path) -> Iterator[str]:
    if keys.absolute() == (home / "keys").absolute():
        yield _said(
            "VALOR_KEYS is where a development server makes its keys anew, and where anybody on "
            "this machine has `valor token` sign.",
            f"export VALOR_KEYS={quote(str(home.absolute()))}/production-keys && valor keys rotate",
        )
        return
    if _mode(keys) & 0o022:
        yield _said(
            f"Others can put keys of their own into VALOR_KEYS: {keys}.",
            f"chmod go-w {quote(str(keys))}",
        )
    try:
        read_keys(keys)
    except KeyUnusable as no:
        yield str(no).replace("Make them:", "Run:")


def _of_database(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    if not is_database(settings.database_url):
        return  # nothing can be said about a database that has no address
    if settings.database_url.startswith("sqlite:///"):
        from store.sqlite import file_of

        yield from _of_file(file_of(settings.database_url))
        return
    parts = _parts(settings.database_url)
    for name in _FOR_COMMANDS:
        url = environment.get(name)
        if url and is_database(url):
            yield _said(
                f"{name} is for commands, and a server needs it never: its role reaches every "
                "tenant's rows, so whoever could read this environment would have all of them.",
                f"unset {name}",
            )
    if _is_ours(parts, settings):
        return
    mode = dict(_pairs(parts.query)).get("sslmode", "")
    if mode not in _VERIFIED:
        change = f"s/sslmode={mode}/sslmode=verify-full/" if mode else _added(parts.query)
        yield _said(
            f"VALOR_DATABASE_URL leads over a network to {parts.hostname}, and sslmode does not "
            "prove who answers: anybody on the way could read and change every row. If the network "
            "is yours alone, name the host in VALOR_PRIVATE_HOSTS instead.",
            _rewritten("VALOR_DATABASE_URL", change),
        )
    if parts.password is not None and _is_weak(parts.password, parts.username):
        yield _said(
            f"The password in VALOR_DATABASE_URL is easily guessed: give the role {parts.username} "
            f"one of {SECRET_LENGTH} characters or more, by deploy/postgres/roles.sql, and here.",
            _rewritten("VALOR_DATABASE_URL", f"s#:[^:@/]*@#:{_NEW}@#"),
        )


def _of_file(file: Path) -> Iterator[str]:
    exposed = [
        str(each)
        for each in (file, Path(f"{file}-wal"), Path(f"{file}-shm"))
        if _mode(each) & 0o007
    ]
    if exposed:
        yield _said(
            f"Everybody on this machine can open the database, with all tenants in it: {file}.",
            f"chmod o-rwx {' '.join(map(quote, exposed))}",
        )


def _of_redis(settings: Settings) -> Iterator[str]:
    if settings.redis_url is None or settings.redis_url.startswith("unix:"):
        return
    parts = _parts(settings.redis_url)
    if _is_ours(parts, settings):
        return
    if parts.scheme != "rediss":
        yield _said(
            f"VALOR_REDIS_URL leads over a network to {parts.hostname} without TLS: anybody on the "
            "way could read and change what rooms and limits live by. If the network is yours "
            "alone, name the host in VALOR_PRIVATE_HOSTS instead.",
            _rewritten("VALOR_REDIS_URL", "s/^redis:/rediss:/"),
        )
    if not parts.password or _is_weak(parts.password, parts.username):
        yield _said(
            "VALOR_REDIS_URL has no password, or one that is easily guessed: give Redis one of "
            f"{SECRET_LENGTH} characters or more (requirepass), and here.",
            _rewritten("VALOR_REDIS_URL", rf"s#//\([^@]*@\)*#//:{_NEW}@#"),
        )


def _of_pages(settings: Settings) -> Iterator[str]:
    plain = {origin for origin in settings.origins if _is_plain(origin)}
    if plain:
        mended = (
            f"https{origin.removeprefix('http')}" if origin in plain else origin
            for origin in sorted(settings.origins)
        )
        yield _said(
            "VALOR_ORIGINS has pages that anybody on the way could change: "
            f"{' '.join(sorted(plain))}.",
            f'export VALOR_ORIGINS="{" ".join(mended)}"',
        )


def _of_address(settings: Settings) -> Iterator[str]:
    if settings.public_url and _is_plain(settings.public_url):
        mended = f"https{settings.public_url.removeprefix('http')}"
        yield _said(
            "VALOR_PUBLIC_URL is without TLS, and people sign in by it: anybody on the way could "
            f"read their passwords: {settings.public_url}.",
            f"export VALOR_PUBLIC_URL={quote(mended)}",
        )


def _of_debugging(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    if settings.log_level == "DEBUG":
        yield _said(
            "VALOR_LOG_LEVEL is DEBUG, and what libraries log then is not for strangers' data.",
            "export VALOR_LOG_LEVEL=INFO",
        )
    if on := [name for name in _DEBUG if environment.get(name)]:
        yield _said(
            f"Python is in its development mode ({' '.join(on)}), which is slow and says too much.",
            f"unset {' '.join(on)}",
        )
    elif sys.flags.dev_mode:
        yield _said("Python is in its development mode (-X dev).", "valor serve, without -X dev")


def _of_identity(environment: Mapping[str, str]) -> Iterator[str]:
    if environment.get("VALOR_OUTWARD_PRIVATE"):
        yield _said(
            "VALOR_OUTWARD_PRIVATE lets an identity provider send this server to addresses "
            "behind it. It is there for tests.",
            "unset VALOR_OUTWARD_PRIVATE",
        )


def _is_ours(parts: SplitResult, settings: Settings) -> bool:
    """Whether nobody else is on the way: this machine, or a host that was named as such."""
    host = parts.hostname or dict(_pairs(parts.query)).get("host", "")
    return not host or host.startswith("/") or _is_loopback(host) or host in settings.private_hosts


def _parts(url: str) -> SplitResult:
    """Of a URL; of one that is none, which the settings say by themselves, nothing."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_plain(origin: str) -> bool:
    parts = _parts(origin)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_weak(secret: str, user: str | None) -> bool:
    plain = secret.casefold()
    return (
        len(secret) < SECRET_LENGTH
        or len(set(plain)) < 6
        or plain == _DELIVERED
        or plain == (user or "").casefold()
    )


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for part in query.split("&"):
        name, _, value = part.partition("=")
        yield name, value


def _added(query: str) -> str:
    return f"s/$/{'&' if query else '?'}sslmode=verify-full/".replace("&", r"\&")


def _rewritten(name: str, change: str) -> str:
    """A command that changes a variable without saying its value, which may hold a password."""
    return f'export {name}="$(echo "${name}" | sed "{change}")"'


def _mode(file: Path) -> int:
    """Who may do what with a file; nobody where there is none, or no such rights."""
    if os.name != "posix":
        return 0
    try:
        return file.stat().st_mode
    except OSError:
        return 0
