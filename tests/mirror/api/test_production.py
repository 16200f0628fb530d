"""A server for strangers starts with nothing unsafe: each is refused, and its command mends it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from api.keys import make_keys
from api.production import problems
from tests.own_postgres import OwnPostgres, own_postgres

ROOT: Final = Path(__file__).parents[3]
GOOD: Final = "0123456789abcdefghij"  # a password of which nothing is wrong


def refused(environment: Mapping[str, str]) -> list[str]:
    return asyncio.run(problems(environment))


def command(problem: str) -> str:
    """What the sentence says to run."""
    return problem.rsplit("Run: ", 1)[1]


@dataclass(frozen=True)
class Machine:
    """Where a server is to be started: its settings, and the commands that it finds."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def mended(self, mend: str) -> dict[str, str]:
        """The settings after an operator has typed a command in their shell."""
        shown = (
            f"{mend}\n{sys.executable} -c 'import os, json; print(json.dumps(dict(os.environ)))'"
        )
        done = subprocess.run(
            ["sh", "-ec", shown],
            env={**self.environment, "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        import json

        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return {name: found[name] for name in found if name.startswith(("VALOR_", "PYTHON"))}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One on which all is safe: keys of its own, a SQLite file that nobody else reads."""
    make_keys(tmp_path / "keys-of-production")
    file = tmp_path / "valor.db"
    file.touch(mode=0o600)
    valor = tmp_path / "bin" / "valor"
    valor.parent.mkdir()
    valor.write_text(
        f"#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "
        '-c "from api.terminals.cli import main; main()" "$@"\n'
    )
    valor.chmod(0o755)
    return Machine(
        tmp_path,
        {"VALOR_HOME": str(tmp_path), "VALOR_KEYS": str(tmp_path / "keys-of-production")},
    )


def test_a_machine_on_which_all_is_safe_serves(machine: Machine) -> None:
    assert refused(machine.environment) == []


POSTGRES: Final = f"postgresql://valor_app:{GOOD}@db.internal/valor?sslmode=verify-full"
UNSAFE: Final[dict[str, tuple[dict[str, str], str]]] = {
    "a log of everything": ({"VALOR_LOG_LEVEL": "debug"}, "VALOR_LOG_LEVEL"),
    "Python's own debugging": ({"PYTHONASYNCIODEBUG": "1"}, "development mode"),
    "pages without TLS": (
        {"VALOR_ORIGINS": "http://app.example.com https://b.example http://localhost:3000"},
        "VALOR_ORIGINS has pages",
    ),
    "an address without TLS": (
        {"VALOR_PUBLIC_URL": "http://valor.example.com"},
        "VALOR_PUBLIC_URL is without TLS",
    ),
    "what tenants name behind the wall": (
        {"VALOR_OUTWARD_PRIVATE": "127.0.0.0/8"},
        "addresses behind it",
    ),
    "PostgreSQL in the open": (
        {"VALOR_DATABASE_URL": POSTGRES.split("?")[0]},
        "leads over a network to db.internal",
    ),
    "PostgreSQL that nobody proved": (
        {"VALOR_DATABASE_URL": POSTGRES.replace("verify-full", "require")},
        "sslmode does not prove who answers",
    ),
    "a password that was delivered": (
        {"VALOR_DATABASE_URL": POSTGRES.replace(GOOD, "on-this-machine-only")},
        "The password in VALOR_DATABASE_URL is easily guessed",
    ),
    "a password that is short": (
        {"VALOR_DATABASE_URL": POSTGRES.replace(GOOD, "hunter2")},
        "The password in VALOR_DATABASE_URL is easily guessed",
    ),
    "the owner of all tables": (
        {"VALOR_DATABASE_URL": POSTGRES, "VALOR_DATABASE_OWNER_URL": POSTGRES},
        "VALOR_DATABASE_OWNER_URL is for commands",
    ),
    "who copies everything": (
        {"VALOR_DATABASE_URL": POSTGRES, "VALOR_DATABASE_BACKUP_URL": POSTGRES},
        "VALOR_DATABASE_BACKUP_URL is for commands",
    ),
    "Redis in the open": (
        {"VALOR_REDIS_URL": f"redis://:{GOOD}@cache.internal:6379/0"},
        "VALOR_REDIS_URL leads over a network to cache.internal without TLS",
    ),
    "Redis for everybody": (
        {"VALOR_REDIS_URL": "rediss://cache.internal:6379/0"},
        "VALOR_REDIS_URL has no password",
    ),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_what_is_unsafe_is_refused_and_its_command_mends_it(name: str, machine: Machine) -> None:
    given, words = UNSAFE[name]
    machine.environment.update(given)
    (problem,) = refused(machine.environment)
    assert words in problem
    assert "hunter2" not in problem
    assert GOOD not in problem
    assert refused(machine.mended(command(problem))) == []


def files(machine: Machine) -> dict[str, Callable[[], object]]:
    """What others may do with a file, by name."""
    keys = machine.home / "keys-of-production"

    def cluster_key() -> None:
        (machine.home / "cluster.key").touch(mode=0o644)
        (machine.home / "cluster.key").chmod(0o644)
        machine.environment["VALOR_CLUSTER_KEY_FILE"] = str(machine.home / "cluster.key")

    return {
        "Everybody on this machine can open the database": lambda: (
            machine.home / "valor.db"
        ).chmod(0o644),
        "Others can put keys of their own": lambda: keys.chmod(0o777),
        "Others may read or change": lambda: next(keys.glob("*.sign.pem")).chmod(0o644),
        "There are no keys in": lambda: shutil.rmtree(keys),
        "is a private key that others can read": cluster_key,
        "where a development server makes its keys": lambda: machine.environment.update(
            {"VALOR_KEYS": f"{machine.home}/keys"}
        ),
    }


@pytest.mark.skipif(os.name != "posix", reason="there a file has no such rights")
@pytest.mark.parametrize("words", list(files(Machine(Path()))))
def test_a_file_that_others_reach_is_refused_and_its_command_mends_it(
    words: str, machine: Machine
) -> None:
    files(machine)[words]()
    (problem,) = refused(machine.environment)
    assert words in problem
    assert refused(machine.mended(command(problem))) == []


def test_no_keys_are_refused(machine: Machine) -> None:
    del machine.environment["VALOR_KEYS"]
    (problem,) = refused(machine.environment)
    assert problem.startswith("VALOR_KEYS is not set")
    assert "valor keys rotate" in problem


@pytest.mark.parametrize(
    "given",
    [
        {"VALOR_DATABASE_URL": "postgresql://valor_app@127.0.0.1:1/valor"},
        {"VALOR_DATABASE_URL": "postgresql://valor_app@[::1]:1/valor"},
        {"VALOR_DATABASE_URL": "postgresql://valor_app@/valor?host=/run/postgresql-not-there"},
        {"VALOR_DATABASE_URL": POSTGRES.replace("verify-full", "verify-ca")},
        {"VALOR_DATABASE_URL": "postgresql://app:x@db/v", "VALOR_PRIVATE_HOSTS": "cache, db"},
        {"VALOR_REDIS_URL": "redis://cache", "VALOR_PRIVATE_HOSTS": "cache db"},
        {"VALOR_REDIS_URL": "redis://127.0.0.1:6379"},
        {"VALOR_REDIS_URL": "unix:///run/redis.sock"},
        {"VALOR_ORIGINS": "https://app.example.com http://127.0.0.1:3000 http://[::1]:1"},
    ],
)
def test_what_nobody_else_is_on_the_way_of_is_safe(given: dict[str, str], machine: Machine) -> None:
    machine.environment.update(given)
    assert refused(machine.environment) == []


def test_a_file_is_looked_at_whatever_follows_its_name(machine: Machine) -> None:
    (machine.home / "valor.db").chmod(0o644)
    machine.environment["VALOR_DATABASE_URL"] = f"sqlite:///{machine.home}/valor.db?timeout=1"
    (problem,) = refused(machine.environment)
    assert command(problem) == f"chmod o-rwx {machine.home}/valor.db"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("VALOR_DATABASE_URL", "mysql://db.internal/valor"),
        ("VALOR_DATABASE_URL", "postgresql://[::1"),
        ("VALOR_DATABASE_OWNER_URL", "postgresql://[::1"),
        ("VALOR_REDIS_URL", "redis://[::1"),
        ("VALOR_REDIS_URL", "redis://127.0.0.1:first"),
        ("VALOR_ORIGINS", "http://[::1"),
        ("VALOR_PUBLIC_URL", "http://[::1"),
    ],
)
def test_an_address_that_is_none_hides_nothing_else(
    name: str, given: str, machine: Machine
) -> None:
    if name == "VALOR_DATABASE_OWNER_URL":
        machine.environment["VALOR_DATABASE_URL"] = "postgresql://valor_app@127.0.0.1:1/valor"
    machine.environment.update({name: given, "VALOR_LOG_LEVEL": "DEBUG"})
    said = refused(machine.environment)
    assert [re.split(r"[ .:]", each)[0] for each in said] == [name, "VALOR_LOG_LEVEL"]


def test_everything_unsafe_is_said_at_once_beside_what_is_malformed(machine: Machine) -> None:
    machine.environment.update(
        {
            "VALOR_LOG_LEVEL": "DEBUG",
            "VALOR_DEADLINE_S": "soon",
            "VALOR_DATABASE_URL": "postgresql://app:app@db.internal/valor",
            "VALOR_REDIS_URL": "redis://cache.internal",
            "VALOR_ORIGINS": "http://app.example.com",
        }
    )
    said = refused(machine.environment)
    assert [re.split(r"[ .]", each)[0] for each in said] == [
        "VALOR_DEADLINE_S",
        "VALOR_DATABASE_URL",
        "The",  # password
        "VALOR_REDIS_URL",
        "VALOR_REDIS_URL",
        "VALOR_ORIGINS",
        "VALOR_LOG_LEVEL",
    ]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?sslmode=always", "VALOR_DATABASE_URL: There is no sslmode always"),
        ("?sslmode=verify-full&sslrootcert=none.pem", "cannot be read (No such file"),
        (f"?sslmode=verify-full&sslrootcert={__file__}", "VALOR_DATABASE_URL: a file that"),
    ],
)
def test_trust_that_cannot_be_had_is_said_before_anything_is_asked(
    query: str, words: str, machine: Machine
) -> None:
    url = f"postgresql://valor_app@db.internal/valor{query}"
    machine.environment["VALOR_DATABASE_URL"] = url
    assert words in refused(machine.environment)[0]


@pytest.fixture(scope="module")
def durable() -> Iterator[OwnPostgres]:
    """A PostgreSQL as a deployment has it, of which some administrator changes the settings."""
    with own_postgres() as server:
        yield server


CHANGES: Final = {
    "fsync": ("ALTER SYSTEM SET fsync = off",),
    "full_page_writes": ("ALTER SYSTEM SET full_page_writes = off",),
    "synchronous_commit": ("ALTER SYSTEM SET synchronous_commit = off",),
    "(synchronous_commit)": ("ALTER ROLE valor_app SET synchronous_commit = off",),
    "so a crash loses edits": ("ALTER DATABASE valor SET synchronous_commit = off",),
}


@pytest.mark.parametrize("words", CHANGES)
def test_a_server_that_loses_what_it_acknowledged_is_refused_and_its_command_mends_it(
    words: str, machine: Machine, durable: OwnPostgres
) -> None:
    machine.environment["VALOR_DATABASE_URL"] = durable.url("valor_app")
    assert refused(machine.environment) == []
    durable.psql(*CHANGES[words], "SELECT pg_reload_conf()", "SELECT pg_sleep(0.1)")
    (problem,) = refused(machine.environment)
    assert words in problem
    (machine.home / "bin" / "psql").symlink_to(durable.program["psql"])
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(durable.port), "PGUSER": "valor"}
    with_login = Machine(machine.home, {**machine.environment, **login})
    environment = with_login.mended(f"{command(problem)} && sleep 0.1")
    assert refused(environment) == []


@pytest.mark.parametrize("role", ["valor", "valor_owner", "valor_backup"])
def test_a_role_that_could_reach_every_tenant_is_refused_and_its_command_mends_it(
    role: str, machine: Machine, durable: OwnPostgres
) -> None:
    asyncio.run(_own_a_table(durable.url("valor_owner")))
    machine.environment["VALOR_DATABASE_URL"] = durable.url(role)
    (problem,) = refused(machine.environment)
    assert problem.startswith("The database role ")
    assert "Serve with the application role" in problem
    assert refused(machine.mended(command(problem))) == []


async def _own_a_table(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS mine (id int)")
    finally:
        await connection.close()
