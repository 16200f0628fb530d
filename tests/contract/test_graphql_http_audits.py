"""The GraphQL over HTTP specification, by the audits of its reference implementation."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live_server import LiveServer
from tests.node import installed, node

SOURCES = Path(__file__).parent / "graphql_http"
FILES = ("package.json", "package-lock.json", "audit.mjs")


@pytest.fixture(scope="module")
def audits(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(SOURCES, FILES, pytestconfig, tmp_path_factory)


def audit(folder: Path, url: str, token: str) -> dict[str, Any]:
    done = subprocess.run(
        [node(), "audit.mjs", url, token],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report


def test_all_61_audits_pass_without_a_warning(audits: Path, live_server: LiveServer) -> None:
    report = audit(audits, live_server.graphql, live_server.token)
    assert report == {"audits": 61, "counts": {"ok": 61}, "failures": []}


def test_the_audits_see_a_server_that_refuses_everybody(
    audits: Path, live_server: LiveServer
) -> None:
    """The control: without a token every answer is a 401, and most audits have to say so."""
    report = audit(audits, live_server.graphql, "")
    assert report["audits"] == 61
    assert report["counts"]["error"] >= 10
    assert {failure["answered"] for failure in report["failures"]} == {401}
