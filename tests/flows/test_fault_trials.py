"""A short fault bench; `python3 dev.py bench faults` strikes twenty times with every fault."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.faults.report import COLUMNS

ROOT: Final = Path(__file__).resolve().parents[2]
DEADLINE_S: Final = 240.0  # for a machine that is busy with other tests


@dataclass(frozen=True)
class Bench:
    """What a run of the bench came to."""

    exit_code: int
    words: str

    @property
    def lines(self) -> dict[tuple[str, str], dict[str, int]]:
        """(fault, database) -> trials, acknowledged edits, and how many flaws of each kind."""
        found = {}
        for line in self.words.splitlines():
            words = line.split()
            if words[1:2] in (["sqlite"], ["postgres"]):
                names = ("trials", "acknowledged", *COLUMNS)
                numbers = map(int, words[2 : 2 + len(names)])
                found[words[0], words[1]] = dict(zip(names, numbers, strict=True))
        return found


def bench(*words: str) -> Bench:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults", "--quick", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    return Bench(done.returncode, done.stdout + done.stderr)


def test_no_acknowledged_edit_is_lost_where_database_and_server_are_killed() -> None:
    run = bench("--fault", "database")
    assert run.exit_code == 0, run.words
    assert set(run.lines) == {
        (fault, database)
        for fault in ("database", "database+webhooks")
        for database in ("sqlite", "postgres")
    }
    for line in run.lines.values():
        assert line["trials"] == 1
        assert line["acknowledged"] >= 30
        assert {name: line[name] for name in COLUMNS} == dict.fromkeys(COLUMNS, 0)


def test_a_server_that_forgets_operation_ids_is_found_out() -> None:
    run = bench("--sabotage", "no-idempotency", "--fault", "worker", "--database", "sqlite")
    assert run.exit_code == 1, run.words
    assert run.lines["worker", "sqlite"]["doubled"] > 0


def test_a_server_that_clears_its_outbox_before_it_tells_is_found_out() -> None:
    run = bench("--sabotage", "told-too-late", "--fault", "server", "--database", "sqlite")
    assert run.exit_code == 1, run.words
    assert run.lines["server+webhooks", "sqlite"]["lost"] > 0
