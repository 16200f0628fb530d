"""A PostgreSQL of a test's own, as a deployment has it: durable, with archived log and our roles.

Unlike those of `tests/servers.py` it can be killed, lose its data directory, and be started on
another one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.servers import PLACES, Program, free_port, launched, programs, stopped, without_root

ROOT: Final = Path(__file__).parents[1]
ARCHIVE: Final = ROOT / "deploy" / "postgres" / "archive-wal.sh"
PASSWORDS: Final = {
    "VALOR_OWNER_PASSWORD": "an-owner-of-this-test",
    "VALOR_APP_PASSWORD": "a-server-of-this-test",
    "VALOR_BACKUP_PASSWORD": "a-copier-of-this-test",
}
ROLES: Final = ("valor_owner", "valor_app", "valor_backup")


@dataclass
class OwnPostgres:
    """Where it is, and how to treat it."""

    program: Program
    base: Path
    options: dict[str, Any]  # that start it as somebody who is not root
    durable: bool  # waits for its disk
    port: int = field(default_factory=free_port)
    data: Path = field(init=False)
    archive: Path = field(init=False)
    _server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.data, self.archive = self.base / "data", self.base / "archive"

    def url(self, role: str = "valor", database: str = "valor") -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    @property
    def settings(self) -> dict[str, str]:
        """Of a service on it."""
        owner, app, backup = (self.url(role) for role in ROLES)
        return {
            "VALOR_DATABASE_URL": app,
            "VALOR_DATABASE_OWNER_URL": owner,
            "VALOR_DATABASE_BACKUP_URL": backup,
            "VALOR_PG_BIN": str(self.program.folder),
        }

    def make(self) -> None:
        """Make the data directory, the database and the roles, and start it."""
        initdb = [self.program["initdb"], "-D", str(self.data), "-U", "valor", "-A", "trust"]
        initdb += ["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        self._run([*initdb, "--wal-segsize=1"])
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("listen_addresses = '127.0.0.1'\nmax_wal_senders = 4\n")
            conf.write(f"unix_socket_directories = '{self.base}'\narchive_mode = on\n")
            conf.write(f"archive_command = 'sh {self.base}/archive-wal.sh %p {self.archive}/%f'\n")
            conf.write("shared_buffers = '32MB'\nlog_min_messages = warning\n")
            if not self.durable:
                conf.write("fsync = off\n")
        shutil.copy(ARCHIVE, self.base)
        (self.base / ARCHIVE.name).chmod(0o644)
        self.start()
        self.psql("CREATE DATABASE valor", database="postgres")
        self._run(
            [self.program["psql"], "-qXd", self.url(), "-f", "-"],
            input=(ROOT / "deploy" / "postgres" / "roles.sql").read_text("utf-8"),
            env={**self.options["env"], **PASSWORDS},
        )

    def start(self, *settings: str) -> None:
        """Serve the data directory, and be up; settings are like `fsync=off`."""

        (self.data / "postmaster.pid").unlink(missing_ok=True)  # of one that was killed

        def is_up() -> bool:
            with suppress(OSError):
                state = (self.data / "postmaster.pid").read_text().split("\n")[7:8]
                return state == ["ready   "]
            return False

        command = [self.program["postgres"], "-D", str(self.data), "-p", str(self.port)]
        command += [word for setting in settings for word in ("-c", setting)]
        self._server = launched(command, self.base / "log", is_up, **self.options)

    def stop(self) -> None:
        """In order: what was not archived yet is archived first."""
        if self._server is not None:
            stopped(self._server, signal.SIGINT)
            self._server = None

    def kill(self) -> None:
        """`kill -9`."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def archived(self) -> None:
        """Have all that was written until now in the archive."""
        # Nothing is archived of a file of the log that has nothing in it.
        self.psql("SELECT pg_create_restore_point('here')")
        file = self.psql("SELECT pg_walfile_name(pg_switch_wal())")
        end = time.monotonic() + 60.0
        while not (self.archive / file).exists():
            assert time.monotonic() < end, "the log is not archived"
            time.sleep(0.02)

    def psql(self, *statements: str, role: str = "valor", database: str = "valor") -> str:
        """What statements say, each in a transaction of its own."""
        words = [word for statement in statements for word in ("-c", statement)]
        return self._run([self.program["psql"], "-qXAtd", self.url(role, database), *words])

    def _run(self, command: list[str], **given: Any) -> str:
        options = {**self.options, **given}
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def own_postgres(*, durable: bool = True) -> Iterator[OwnPostgres]:
    """One that is up, until the block ends. One that is not durable is quick, and may be killed:
    only a machine that loses its power would take from it."""
    with tempfile.TemporaryDirectory(prefix="valor-", ignore_cleanup_errors=True) as base:
        server = _made(Path(base), durable=durable)
        try:
            server.make()
            yield server
        finally:
            server.kill()


def _made(base: Path, *, durable: bool) -> OwnPostgres:
    program, options = without_root(next(programs(*PLACES["postgres"])), base)
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}
    options |= {"cwd": base, "env": {**kept, "LC_ALL": "C", "TZ": "UTC", "HOME": str(base)}}
    found = OwnPostgres(program, base, options, durable)
    found.archive.mkdir()
    if "user" in options:
        for folder in (base, found.archive):
            os.chown(folder, options["user"], options["group"])
    return found
