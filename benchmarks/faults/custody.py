"""What a bench starts, mounts and makes is ended with it, however it ends.

A process of its own keeps the list. It works it off backwards as soon as its standard input closes,
and the system closes that also when the bench is killed: nothing of it stays behind.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
STOP_DEADLINE_S: Final = 20.0


class Custody:
    """Tells the keeper what there is to end."""

    def __init__(self, keeper: subprocess.Popen[str]) -> None:
        self._keeper = keeper

    def holds(self, kind: str, what: str) -> None:
        """A "group" of processes (the pid of its leader), a "mount" or a "folder"."""
        self._tell("+", kind, what)

    def lets_go(self, kind: str, what: str) -> None:
        """It has ended: its number or place may be somebody else's from now on."""
        self._tell("-", kind, what)

    def _tell(self, sign: str, kind: str, what: str) -> None:
        assert self._keeper.stdin is not None  # noqa: S101 - it was started with one
        print(json.dumps([sign, kind, what]), file=self._keeper.stdin, flush=True)


@contextmanager
def custody() -> Iterator[Custody]:
    """A keeper for the time of a with block; at its end all that it holds is gone."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C is for the bench; the keeper ends after it
    )
    try:
        yield Custody(keeper)
    finally:
        try:
            keeper.communicate(timeout=STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            keeper.kill()


def keep() -> None:
    """What runs in the keeper."""
    held: list[tuple[str, str]] = []
    for line in sys.stdin:
        sign, kind, what = json.loads(line)
        if sign == "+":
            held.append((kind, what))
        else:
            held.remove((kind, what))
    for kind, what in reversed(held):
        end(kind, what)


def end(kind: str, what: str) -> None:
    """Nothing in these servers is worth a shutdown of good manners, so nobody gets one."""
    if kind == "group":
        with suppress(ProcessLookupError):
            os.killpg(int(what), signal.SIGKILL)
            for _ in range(200):  # 2 s, until nobody of it is left who could still write
                os.killpg(int(what), 0)
                time.sleep(0.01)
    elif kind == "mount":
        subprocess.run(["umount", "--lazy", what], check=False)
    else:
        shutil.rmtree(what, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    keep()
