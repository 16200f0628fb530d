"""What a flow may ask for: servers on sockets, whoever calls them, and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import browser
from tests.browser import Browser
from tests.live_server import live_server
from tests.served import Caller, Served, served

__all__ = ["live_server"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The application over a SQLite file of two tenants."""
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def analyst(server: Served) -> Iterator[Caller]:
    with server.caller() as caller:
        yield caller


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    """A new browser with one tab and an empty profile."""
    executable = browser.find()
    if executable is None:
        absent = "no Chromium here; install one, or name it in VALOR_BROWSER"
        if os.environ.get("VALOR_CI"):
            pytest.fail(absent)
        pytest.skip(absent)
    with browser.browsing(executable, tmp_path / "profile") as opened:
        yield opened
