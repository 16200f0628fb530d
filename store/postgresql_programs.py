"""PostgreSQL's own programs on this machine: where they are, and a private server of them."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url

from store.backup_manifest import BackupRefused

UNREADABLE: Final = 200  # above 125 a failure is not the end of the log
_STOP_S: Final = 60.0
_DEBIAN: Final = "usr/lib/postgresql/*/bin"
_CONNINFO: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port")


def program(name: str, folder: Path | None) -> str:
    """The path of a program: in the folder, on PATH, or where Debian puts the newest.

    Raises BackupRefused where there is none.
    """
    places = [str(folder)] if folder else [os.environ.get("PATH", ""), *_of_debian()]
    for place in places:
        if found := shutil.which(name, path=place):
            return found
    raise BackupRefused(
        f"{name} is not {f'in {folder}' if folder else 'on this machine'}. Install PostgreSQL's "
        "programs, or name their folder: VALOR_PG_BIN=/usr/lib/postgresql/18/bin"
    )


def _of_debian() -> list[str]:
    def version(path: Path) -> tuple[int, ...]:
        return tuple(int(number) for number in re.findall(r"\d+", path.parent.name))

    return [str(path) for path in sorted(Path("/").glob(_DEBIAN), key=version, reverse=True)]


async def major_of(postgres: str) -> int:
    """The major version of a program of PostgreSQL."""
    done = await asyncio.create_subprocess_exec(
        postgres, "--version", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await done.communicate()
    found = re.search(rb"(\d+)", told.split(b")", 1)[-1])
    return int(found[1]) if found else 0


def conninfo(url: str) -> tuple[list[str], dict[str, str]]:
    """Options and environment by which a program of PostgreSQL connects as a URL says.

    The password goes by the environment, which nobody else on the machine reads.
    """
    parts = make_url(url)
    words = {
        "host": parts.host,
        "port": parts.port,
        "user": parts.username,
        "dbname": parts.database,
        **{name: parts.query[name] for name in _CONNINFO if name in parts.query},
    }
    said = " ".join(
        f"{name}='{_quoted(str(value))}'" for name, value in words.items() if value is not None
    )
    password = {} if parts.password is None else {"PGPASSWORD": str(parts.password)}
    return ["--dbname", said], {**os.environ, **password}


def _quoted(value: str) -> str:
    return value.replace("\\", r"\\").replace("'", r"\'")


def owner_of(folder: Path) -> dict[str, Any]:
    """Options that start a program as the owner of a folder, where root runs this.

    PostgreSQL refuses to run as root. Raises BackupRefused if root owns the folder too.
    """
    if os.name == "nt" or os.geteuid() != 0:
        return {}
    found = folder.stat()
    if found.st_uid == 0:
        raise BackupRefused(
            f"PostgreSQL does not run as root, and root owns {folder}. Give it to the user that "
            f"runs PostgreSQL, then run this again: chown postgres {folder}"
        )
    return {"user": found.st_uid, "group": found.st_gid, "extra_groups": ()}


@asynccontextmanager
async def private_server(
    postgres: str, data: Path, role: str, settings: Mapping[str, str]
) -> AsyncIterator[URL]:
    """A server on a data directory that nobody but this process can reach, up when it is ready.

    It reads none of the directory's own configuration. It comes up only when its recovery has
    ended. Gives the URL of the superuser or other ``role`` that may do what is wanted.

    Raises BackupRefused with the server's words if it does not come up.
    """
    as_owner = owner_of(data.parent)
    with tempfile.TemporaryDirectory(prefix="valor-", ignore_cleanup_errors=True) as made:
        base = Path(made)
        _write(base / "pg_hba.conf", "local all all trust\n", as_owner)
        _write(base / "pg_ident.conf", "", as_owner)
        _write(base / "postgresql.conf", _configuration(base, settings), as_owner)
        if as_owner:
            os.chown(base, as_owner["user"], as_owner["group"])
        log = base / "log"
        with log.open("wb") as sink:
            # Not by the event loop: not every loop can start a program as somebody else. Its
            # words are ours and a folder's.
            server = subprocess.Popen(  # noqa: ASYNC220, S603 - said above
                [postgres, "-D", str(data), "-c", f"config_file={base / 'postgresql.conf'}"],
                stdout=sink,
                stderr=sink,
                cwd=base,
                start_new_session=True,  # a Ctrl-C is for us, who stop it in order
                **as_owner,
            )
        try:
            await _until_ready(server, data, log)
            yield URL.create(
                "postgresql+asyncpg",
                username=role,
                database="postgres",
                query={"host": str(base), "port": "5432"},
            )
        finally:
            _stop(server)


def _configuration(base: Path, settings: Mapping[str, str]) -> str:
    own = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(base),
        "hba_file": str(base / "pg_hba.conf"),
        "ident_file": str(base / "pg_ident.conf"),
        # What is copied here must not get among the archived files of the server it came from.
        "archive_mode": "off",
        "hot_standby": "off",
        # One call, where there may be very many files.
        **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
        "ssl": "off",
        "log_timezone": "UTC",
        "log_min_messages": "log",
        "timezone": "UTC",
    }
    return "".join(
        f"{name} = '{_doubled(value)}'\n" for name, value in (own | dict(settings)).items()
    )


def _doubled(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _write(path: Path, text: str, as_owner: Mapping[str, Any]) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    if as_owner:
        os.chown(path, as_owner["user"], as_owner["group"])


async def _until_ready(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    while server.poll() is None:
        with suppress(OSError):  # its eighth line is the server's own word for its state
            told = (data / "postmaster.pid").read_text(encoding="utf-8").split("\n")
            if told[0] == str(server.pid) and told[7:8] == ["ready   "]:
                return
        await asyncio.sleep(0.05)
    raise BackupRefused(why(_lines(log)))


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()


def why(lines: Sequence[str]) -> str:
    """Why a server did not come up, in words of ours where it is known, else in its own."""
    text = "\n".join(lines)
    for pattern, words in _KNOWN:
        if re.search(pattern, text):
            ends = re.findall(r"last completed transaction was at log time (\S+ \S+)", text)
            last = f" The last change in it is of {ends[-1]} UTC." if ends else ""
            return words.format(last=last)
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line] or list(lines[-1:])
    return f"PostgreSQL did not start on what was restored: {fatal[-1] if fatal else 'no word'}"


_KNOWN: Final = (
    (
        f"exited with exit code {UNREADABLE}",
        (
            "A file of the archive is there and cannot be read by the user that runs PostgreSQL. "
            "Give it to them: chown -R postgres, and the archive's folder."
        ),
    ),
    (
        "recovery ended before configured recovery target was reached",
        (
            "The archive ends before that moment.{last} Restore to an earlier one, or leave --at "
            "out to restore all there is."
        ),
    ),
    (
        "before consistent recovery point",
        "That moment is before the end of this backup. Name an earlier backup.",
    ),
    (
        r"could not locate required checkpoint record|WAL ends before end of online backup",
        "The backup has not all that it needs to be whole. Take the one before, with --wal.",
    ),
    (
        "No space left on device",
        "There is no space left. Make some, or name another place with --to.",
    ),
)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End it in order, so that the next start has nothing to recover; or end it."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_STOP_S)
    except BaseException:
        server.kill()
        server.wait()
        raise
