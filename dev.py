#!/usr/bin/env python3
"""From a fresh clone to a running Valor IVX, with Python's standard library alone.

`python3 dev.py demo` and `python3 dev.py test` are the two that a newcomer needs; `help` lists all.
The first use makes .venv and installs hash-locked packages, with uv where it is on the PATH and
with pip where it is not. Later uses find a stamp that still fits and start at once. The stamp is
written last: an install that was interrupted has none, and the next use begins it anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
LISTS = ROOT / "requirements"
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "valor-stamp.json"
LOCK = ROOT / ".venv.lock"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

CHECKS = {
    "format": ("ruff", "format", "--check", "."),
    "lint": ("ruff", "check", "."),
    "floors": ("lint-imports",),
    "types": ("mypy",),
}


class SetupError(Exception):
    """What went wrong, why, and the command that mends it."""

    def __init__(self, what: str, *, why: str, mend: str) -> None:
        super().__init__(f"{what}\n  why:  {why}\n  mend: {mend}")


def say(words: str) -> None:
    print(f"dev.py: {words}", file=sys.stderr, flush=True)


def works(*command: str | Path, quiet: bool = False) -> bool:
    """Run a command; did it end well? Quiet, its words are dropped."""
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.call(command, env=surroundings(), stdout=sink, stderr=sink) == 0


# The environment


def ready(group: str) -> None:
    """See to it that .venv holds the packages of a group ("run", or "test", which contains it)."""
    lists = fingerprint()
    if fits(group, lists):
        return
    with alone():
        if fits(group, lists):  # another dev.py did the work while this one waited
            return
        started = time.monotonic()
        if not usable():
            make()
        stamp("installing", lists)
        locked = LISTS / f"{group}.txt"
        count = sum(line[:1].isalnum() for line in locked.read_text("utf-8").splitlines())
        say(f"installing {count} locked packages into .venv")
        install(
            "--only-binary", ":all:", "--require-hashes", "-r", locked, "-r", LISTS / "build.txt"
        )
        install("--no-deps", "--no-build-isolation", "--editable", ROOT)
        stamp(group, lists)
        say(f"ready in {time.monotonic() - started:.1f} s")


def fingerprint() -> str:
    """SHA-256 over all that decides what is installed: the lists, and the project's own tables."""
    import tomllib

    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        lists = b"".join((LISTS / f"{name}.txt").read_bytes() for name in ("run", "test", "build"))
    except FileNotFoundError as missing:
        raise SetupError(
            f"{missing.filename} is missing",
            why="this clone is not whole",
            mend="git checkout -- pyproject.toml requirements",
        ) from None
    tables = json.dumps([project["build-system"], project["project"]], sort_keys=True)
    return hashlib.sha256(lists + tables.encode()).hexdigest()


def stamp(group: str, lists: str) -> None:
    words = {"group": group, "lists": lists, "python": sys.version, "root": str(ROOT)}
    STAMP.write_text(json.dumps(words, indent=1), "utf-8")


def stamped() -> dict[str, Any]:
    try:
        words: dict[str, Any] = json.loads(STAMP.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return words


def at_home(words: dict[str, Any]) -> bool:
    """Scripts in .venv name its folder and its Python: moved or under another one, they break."""
    return words.get("python") == sys.version and words.get("root") == str(ROOT)


def fits(group: str, lists: str) -> bool:
    words = stamped()
    held = words.get("group") in (group, "test") and words.get("lists") == lists
    return held and at_home(words) and PYTHON.exists()


def usable() -> bool:
    """Can packages be installed over what is there? An unstamped .venv that runs is welcome."""
    words = stamped()
    if words and (words.get("group") == "installing" or not at_home(words)):
        return False
    try:
        version = subprocess.check_output([PYTHON, "-c", "import sys; print(sys.version)"])
    except (OSError, subprocess.CalledProcessError):
        return False
    return version.decode().strip() == sys.version.strip()


def make() -> None:
    say(f"making .venv with Python {sys.version.split()[0]}")
    try:
        import venv

        if ENVIRONMENT.exists():
            shutil.rmtree(ENVIRONMENT)
        venv.EnvBuilder(symlinks=os.name != "nt").create(ENVIRONMENT)
    except ImportError:
        raise without_venv() from None
    except OSError as problem:
        raise SetupError(
            f"{ENVIRONMENT} could not be made",
            why=str(problem),
            mend="end what still uses .venv, remove that folder, and run this again",
        ) from None


def without_venv() -> SetupError:
    version = "{}.{}".format(*sys.version_info)
    return SetupError(
        f"this Python {version} cannot make an environment with pip in it",
        why="its modules venv and ensurepip are not installed; Debian and Ubuntu pack them apart",
        mend=f"apt-get install python{version}-venv (or python3-venv), or put uv on the PATH",
    )


def install(*arguments: str | Path) -> None:
    """Install into .venv with uv, which is quick, or with pip, which needs nothing but Python."""
    uv = shutil.which("uv")
    if uv:
        if works(uv, "pip", "install", "--quiet", "--python", PYTHON, *arguments):
            return
        say("uv could not install them (its own words are above): trying pip")
    if not works(PYTHON, "-c", "import pip", quiet=True) and not works(
        PYTHON, "-m", "ensurepip", "--upgrade", "--default-pip", quiet=True
    ):
        raise without_venv()
    pip = (PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input")
    if not works(*pip, *arguments):
        raise SetupError(
            "pip could not install the packages",
            why="its own words are above; most often there is no way to a package index, "
            "or a package has no build for this platform",
            mend="set PIP_INDEX_URL where you use a mirror, and run this again",
        )


def surroundings() -> dict[str, str]:
    """The environment variables of every child: .venv first, nothing that slows or misleads it."""
    own = dict(os.environ)
    # Without bytecode every start compiles all that it imports: four times the time of a start.
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX"):
        own.pop(name, None)
    own["PIP_USER"] = "0"
    own["VIRTUAL_ENV"] = str(ENVIRONMENT)
    own["PATH"] = os.pathsep.join([str(BIN), own.get("PATH", os.defpath)])
    return own


@contextmanager
def alone() -> Iterator[None]:
    """One dev.py at a time changes .venv. The system opens the lock when its holder dies."""
    try:
        file = LOCK.open("a")
    except OSError as problem:
        raise SetupError(
            f"{ROOT} cannot be written",
            why=str(problem),
            mend="git clone the project into a folder of your own, and run this there",
        ) from None
    with file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # it gives up after ten seconds; an install takes longer
                    say("another dev.py is preparing .venv: waiting for it")
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another dev.py is preparing .venv: waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def become(*command: str | Path) -> NoReturn:
    """Run a command of .venv in the place of this process, so that signals reach it directly."""
    if os.name == "nt":
        sys.exit(subprocess.call(command, env=surroundings()))
    sys.stdout.flush()
    os.execve(command[0], [str(part) for part in command], surroundings())  # noqa: S606 - no shell


# The commands


def demo(arguments: list[str]) -> NoReturn:
    """Start the server on 127.0.0.1 and value a firm: the whole product on one screen."""
    valor(["demo", *arguments])


def valor(arguments: list[str]) -> NoReturn:
    """Run the command line of the product: `python3 dev.py valor --help`."""
    ready("run")
    become(BIN / "valor", *arguments)


def test(arguments: list[str]) -> NoReturn:
    """Run the tests against a real PostgreSQL and a real Redis; arguments go to pytest."""
    ready("test")
    os.chdir(ROOT)
    # Each works through a half of its own, so that a server of a module's starts in one of them.
    become(PYTHON, "-m", "pytest", *(arguments or ["-n", "2", "--dist", "worksteal"]))


def check(arguments: list[str]) -> int:
    """Check format, lint, floors (imports between rooms) and types, side by side: seconds."""
    no_more("check", arguments)
    ready("test")

    def run(command: tuple[str, ...]) -> tuple[subprocess.CompletedProcess[str], float]:
        started = time.monotonic()
        done = subprocess.run(
            [BIN / command[0], *command[1:]],
            cwd=ROOT,
            env=surroundings(),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        return done, time.monotonic() - started

    with ThreadPoolExecutor() as threads:
        results = dict(zip(CHECKS, threads.map(run, CHECKS.values()), strict=True))
    for name, (done, _) in results.items():
        if done.returncode:
            print(f"== {name}: {' '.join(CHECKS[name])}\n{done.stdout}", flush=True)
    for name, (done, seconds) in results.items():
        print(f"{name:<8}{'FAILED' if done.returncode else 'ok':<8}{seconds:4.1f} s")
    return 1 if any(done.returncode for done, _ in results.values()) else 0


def bench(arguments: list[str]) -> NoReturn:
    """Run a benchmark by its name: `python3 dev.py bench engine`; further arguments go to it."""
    here = ROOT / "benchmarks"
    files = [*here.glob("[!_]*.py"), *(main.parent for main in here.glob("*/__main__.py"))]
    names = sorted(path.stem for path in files)
    if not arguments or arguments[0] not in names:
        raise SetupError(
            f"there is no benchmark {arguments[0]!r}" if arguments else "which benchmark?",
            why=f"benchmarks/ holds: {', '.join(names) or 'none yet'}",
            mend=f"python3 dev.py bench {names[0] if names else 'NAME'}",
        )
    ready("test")
    os.chdir(ROOT)
    become(PYTHON, "-m", f"benchmarks.{arguments[0]}", *arguments[1:])


def lock(arguments: list[str]) -> int:
    """Write requirements/*.txt anew from pyproject.toml, with uv; `lock --upgrade` takes newest."""
    import tomllib

    uv = shutil.which("uv", path=surroundings()["PATH"])
    if not uv:
        raise SetupError(
            "the lists are locked by uv, and it is not on the PATH",
            why="pip cannot resolve for every platform and Python at once",
            mend="python3 -m pip install uv, and run this again",
        )
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    oldest = "{}.{}".format(*OLDEST_PYTHON)
    # One version of a package for all: a valuation's id contains numpy's. No header, for it would
    # name addresses and folders of this machine.
    compile_ = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", oldest]
    compile_ += ["--fork-strategy", "fewest", "--generate-hashes", "--no-header", "--no-annotate"]
    compile_ += ["--no-emit-index-url", "--no-emit-find-links", *arguments]
    for name, source in {
        "run": ["pyproject.toml"],
        "test": ["pyproject.toml", "--group", "test", "-c", "requirements/run.txt"],
        "build": ["-", "-c", "requirements/test.txt"],
        "cluster": ["pyproject.toml", "--extra", "cluster", "-c", "requirements/test.txt"],
    }.items():
        done = subprocess.run(
            [*compile_, *source, "-o", f"requirements/{name}.txt"],
            cwd=ROOT,
            check=False,
            text=True,
            # hatchling asks for editables when it installs a project in place
            input="\n".join([*build, "editables"]) if source[0] == "-" else None,
            stdout=subprocess.DEVNULL,
        )
        if done.returncode:
            raise SetupError(
                f"requirements/{name}.txt could not be locked",
                why="uv's own words are above",
                mend="mend the dependencies in pyproject.toml, and run `python3 dev.py lock` again",
            )
        say(f"requirements/{name}.txt is locked")
    return 0


def show_help(arguments: list[str]) -> int:
    """Show this list."""
    no_more("help", arguments)
    print("usage: python3 dev.py COMMAND [ARGUMENTS]\n")
    for name, command in COMMANDS.items():
        print(f"  {name:<7} {command.__doc__}")
    return 0


def no_more(name: str, arguments: list[str]) -> None:
    if arguments:
        raise SetupError(
            f"{name} takes no arguments, and got {' '.join(arguments)}",
            why="it always does the whole",
            mend=f"python3 dev.py {name}",
        )


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "test": test,
    "check": check,
    "bench": bench,
    "lock": lock,
    "valor": valor,
    "help": show_help,
}


def main(arguments: list[str]) -> int:
    name, *rest = arguments or ["help"]
    if name in ("-h", "--help"):
        name = "help"
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise SetupError(
                f"Valor IVX needs Python 3.11 or newer, and this is {sys.version.split()[0]}",
                why=f"{sys.executable} runs dev.py",
                mend=f"python3.11 dev.py {' '.join(arguments)}",
            )
        if name not in COMMANDS:
            raise SetupError(
                f"there is no command {name!r}",
                why=f"the commands are {', '.join(COMMANDS)}",
                mend="python3 dev.py help",
            )
        return COMMANDS[name](rest)
    except SetupError as trouble:
        say(str(trouble))
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
