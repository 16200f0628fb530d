"""What clients know: every operation that they sent, and every answer that they got, in a file.

The file is the clients' own word. Nothing in it comes from the database, and what is compared with
the database is read back from it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from uuid import uuid4


@dataclass(slots=True)
class Entry:
    """One operation: one value at one path, which nobody else ever writes."""

    operation_id: str
    model: str
    path: str
    value: float
    sent: float  # moment of the first try, in seconds of the clients' own clock
    answers: list[int] = field(default_factory=list)  # the revision that each answer named
    answered: float | None = None  # moment of the first answer; None: nobody knows

    @property
    def revision(self) -> int | None:
        """The revision that was acknowledged."""
        return self.answers[0] if self.answers else None


class Ledger:
    """The file while it is written: a line for each operation, and one for each answer."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def sent(self, model: str, path: str, value: float) -> Entry:
        """Written before the first try: what was never written was never sent."""
        entry = Entry(str(uuid4()), model, path, value, time.monotonic())
        self._write(entry.operation_id, entry.sent, model=model, path=path, value=value)
        return entry

    def answered(self, entry: Entry, revision: int) -> None:
        """The server acknowledged it as this revision of its model."""
        now = time.monotonic()
        entry.answers.append(revision)
        entry.answered = entry.answered or now
        self._write(entry.operation_id, now, revision=revision)

    def _write(self, operation_id: str, at: float, **words: str | float) -> None:
        self._file.write(json.dumps({"operation": operation_id, "at": at, **words}) + "\n")
        self._file.flush()


@contextmanager
def kept(path: Path) -> Iterator[Ledger]:
    """A new ledger in a file."""
    with path.open("x", encoding="utf-8") as file:
        yield Ledger(file)


def read(path: Path) -> list[Entry]:
    """The operations of a ledger, in the order in which they were first sent."""
    entries: dict[str, Entry] = {}
    for line in path.read_text("utf-8").splitlines():
        words = json.loads(line)
        operation_id, at = words["operation"], words["at"]
        if "revision" in words:
            entry = entries[operation_id]
            entry.answers.append(words["revision"])
            entry.answered = entry.answered or at
        else:
            entries[operation_id] = Entry(
                operation_id, words["model"], words["path"], words["value"], at
            )
    return list(entries.values())
