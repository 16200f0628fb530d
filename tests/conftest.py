"""What every test may ask for: a real PostgreSQL, a real Redis, and asyncio under anyio."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Generator
from contextlib import ExitStack

import hypothesis
import pytest

from tests.servers import running

ADDRESS = {"postgres": "VALOR_TEST_POSTGRES_URL", "redis": "VALOR_TEST_REDIS_URL"}

# A slow machine is no counterexample.
hypothesis.settings.register_profile("valor", deadline=None, print_blob=True)
hypothesis.settings.load_profile("valor")

STACK = pytest.StashKey[ExitStack]()
USED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[STACK] = ExitStack()
    config.stash[USED] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """One pair of servers for a run: with xdist it starts before the workers, who inherit it."""
    if session.config.pluginmanager.hasplugin("dsession"):
        for kind, variable in ADDRESS.items():
            os.environ[variable] = address(session.config, kind)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Ten thousand tests and what they import stay to the end: nobody looks for garbage among them,
    neither now nor when a test, or a server that starts, collects its own."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_terminal_summary(config: pytest.Config) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    for line in config.stash[USED]:
        reporter.write_line(line)
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, line in report.user_properties:
                    if name == "says":  # a test's own figures, which a pass would not show
                        reporter.write_line(str(line))


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[STACK].close()


def address(config: pytest.Config, kind: str) -> str:
    """The URL of a server that stays until the run ends; the summary tells which it was.

    An address in the environment comes first: a server of the caller's, or of xdist's controller.
    """
    url = os.environ.get(ADDRESS[kind])
    origin = ADDRESS[kind]
    if not url:
        server = config.stash[STACK].enter_context(running(kind))
        url, origin = server.url, server.origin
    config.stash[USED].append(f"{asyncio.run(named(url))}, from {origin}")
    return url


async def named(url: str) -> str:
    """The name and version that a server itself gives."""
    if url.startswith("postgres"):
        import asyncpg

        connection = await asyncpg.connect(url)
        try:
            return f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
        finally:
            await connection.close()
    import redis.asyncio

    async with redis.asyncio.Redis.from_url(url) as client:
        told = await client.info("server")
    name = told.get("server_name", "redis")  # Valkey says its own name, and its version beside it
    return f"{name.title()} {told[f'{name}_version']}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> str:
    """postgresql://valor@127.0.0.1:PORT/postgres, a superuser's: make databases of your own."""
    return address(pytestconfig, "postgres")


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config) -> str:
    """redis://127.0.0.1:PORT/0, shared by the tests that run side by side: use keys of your own."""
    return address(pytestconfig, "redis")
