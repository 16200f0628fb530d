"""What a flow may ask for: a server on a socket, and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import browser
from tests.browser import Browser
from tests.live_server import live_server

__all__ = ["live_server"]


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
