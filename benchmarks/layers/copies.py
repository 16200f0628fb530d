"""Copies of the project in which things may be broken, and tests run there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
# What a copy does not need, or must not share.
_LEFT: Final = shutil.ignore_patterns(
    ".git", ".venv", ".venv.lock", "__pycache__", ".*_cache", ".valor"
)
TOO_LONG_S: Final = 300.0  # for the tests of one layer
PASSED, FAILED = 0, 1  # what pytest ends with
_RED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_RAISED: Final = re.compile(r"^E +((?:\w+\.)*\w+: .*)$", re.MULTILINE)
# A change that does not even run takes nothing away.
_NO_CODE: Final = re.compile(
    r"^E +(?:Syntax|Indentation|Name|Import|ModuleNotFound)Error", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests of a copy came to."""

    code: int
    red: tuple[str, ...]  # the names of tests that failed
    words: str

    @property
    def missed(self) -> str:
        """What went red without the layer: a test, or the very start of them; nothing if none."""
        if self.code <= PASSED or _NO_CODE.search(self.words):
            return ""
        if self.red:
            return self.red[0]
        raised = _RAISED.findall(self.words)
        return f"nothing starts: {raised[-1]}" if raised else ""


class Copy:
    """One copy, used for one layer after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=_LEFT, symlinks=True)
        venv = ROOT / ".venv"
        if venv.exists():
            (folder / ".venv").symlink_to(venv.resolve(), target_is_directory=True)

    def tested(
        self,
        tests: Sequence[str],
        environment: dict[str, str],
        *words: str,
        within_s: float = TOO_LONG_S,
    ) -> Verdict:
        """Run tests on the copy as it is now."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfE"]
        # Two that tidy up one folder disturb each other.
        command.append(f"--basetemp={self.folder.with_name(f't{self.folder.name}')}")
        process = subprocess.Popen(
            [*command, *words, *tests],
            cwd=self.folder,
            # Without bytecode: a file that is broken and mended within a second keeps its time.
            env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            told, _ = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and the servers that its tests started
            process.communicate()
            return Verdict(-1, (), f"not through in {within_s:g} s")
        return Verdict(process.returncode, tuple(_RED.findall(told)), told[-20_000:])

    def without(
        self,
        file: str,
        text: str,
        tests: Sequence[str],
        environment: dict[str, str],
        red_anyway: Sequence[str],
    ) -> Verdict:
        """Run tests while a file has another text, but those that are ``red_anyway``."""
        path = self.folder / file
        whole = path.read_bytes()
        path.write_text(text, "utf-8")
        try:
            left_out = [word for test in red_anyway for word in ("--deselect", test)]
            return self.tested(tests, environment, "-x", *left_out)
        finally:
            path.write_bytes(whole)
