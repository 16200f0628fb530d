"""The application on a socket, for what only shows there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.served import Caller, Served, served


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def analyst(server: Served) -> Iterator[Caller]:
    with server.caller() as caller:
        yield caller
