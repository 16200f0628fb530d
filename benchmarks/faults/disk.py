"""A disk that can be full, and have room again."""

from __future__ import annotations

import errno
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from benchmarks.faults.custody import Custody

SIZE_MB = 160  # holds a new PostgreSQL three times over
BLOCK = b"\0" * 65_536


class NotPossible(Exception):
    """Why this machine cannot make a fault."""


class Disk(ABC):
    """Where a database is to be that runs out of room."""

    kind: str

    @abstractmethod
    def fill(self) -> None:
        """No more room, from now on."""

    @abstractmethod
    def make_room(self) -> None:
        """As it was before."""


class SmallDisk(Disk):
    """A file system of its own in memory, filled by a file that can be removed."""

    kind = "a file system of its own"

    def __init__(self, custody: Custody, folder: Path) -> None:
        """
        Raises:
            NotPossible: where nobody may mount.
        """
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", str(folder)]
        try:
            mounted = subprocess.run(command, capture_output=True, check=False, text=True)
        except FileNotFoundError:
            raise NotPossible("there is no mount here") from None
        if mounted.returncode:
            raise NotPossible(mounted.stderr.strip())
        custody.holds("mount", str(folder))
        self._filler = folder / "filler"

    def fill(self) -> None:
        with self._filler.open("ab", buffering=0) as filler:
            block = BLOCK
            while block:  # the last bytes too, with ever smaller blocks
                try:
                    if filler.write(block) < len(block):
                        block = block[: len(block) // 2]
                except OSError as no:
                    if no.errno != errno.ENOSPC:
                        raise
                    block = block[: len(block) // 2]

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)


class SizeLimit(Disk):
    """Where nobody may mount: the processes that write may not write beyond a place in any file."""

    kind = "a limit on the size of files"

    def __init__(self, writers: Callable[[], Iterable[int]], size: Callable[[], int]) -> None:
        self._writers = writers
        self._size = size

    def fill(self) -> None:
        self._limit(str(self._size()))

    def make_room(self) -> None:
        self._limit("unlimited")

    def _limit(self, size: str) -> None:
        for pid in self._writers():
            with suppress(FileNotFoundError):  # a process that has just ended
                owner = Path(f"/proc/{pid}").stat()
                self._set(pid, size, owner.st_uid, owner.st_gid)

    def _set(self, pid: int, size: str, user: int, group: int) -> None:
        """The limit can be set again later: only the soft one is touched. Its owner may do that."""
        command = ["prlimit", "--pid", str(pid), f"--fsize={size}:"]
        we = os.geteuid() != 0  # then there is nobody else to do it
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                check=False,
                text=True,
                user=None if we else user,
                group=None if we else group,
            )
        except FileNotFoundError:
            raise NotPossible("there is neither a way to mount here nor prlimit") from None
        if done.returncode and Path(f"/proc/{pid}").exists():
            raise NotPossible(done.stderr.strip())
