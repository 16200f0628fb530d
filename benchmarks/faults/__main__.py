"""Faults while people work: is every edit that was acknowledged there, once, and for all to see?

    python3 dev.py bench faults [--trials N] [--fault NAME] [--database sqlite|postgres] [--quick]

A server with two workers, a Redis and a database, all of them real and durable, are worked on by
clients that keep a ledger of their own. In each trial one fault strikes; afterwards the ledger is
compared with what is on record and with what watchers saw. `--sabotage NAME` runs a server that
has a fault of its own, which must be found: this then ends with exit code 1, as whatever is found
does. 2 is for trials that could not be made.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.faults.custody import ROOT, Custody, custody
from benchmarks.faults.faults import FAULTS, Fault
from benchmarks.faults.report import HEAD, Tally
from benchmarks.faults.sabotage import SABOTAGES
from benchmarks.faults.stack import DATABASES, Stack, standing
from benchmarks.faults.tenants import CANARY, OURS
from benchmarks.faults.trial import Outcome, Trial

TRIALS: Final = 20
MINUTES: Final = 30.0
FOUND, NOT_MADE = 1, 2  # exit codes


async def series(stack: Stack, faults: Sequence[Fault], trials: int, folder: Path) -> list[Tally]:
    """All trials of these faults on one stack, one after the other.

    Who was cut off in a trial is looked after while the next ones run. A line is printed as soon
    as all of its trials were looked after.
    """
    values = {tenant.name: itertools.count(tenant.lowest) for tenant in (OURS, CANARY)}
    tallies = []
    async with asyncio.TaskGroup() as later:
        for fault in faults:
            tally = Tally(fault.name, stack.database)
            tallies.append(tally)
            observed = []
            for number in range(1, trials + 1):
                name = f"{fault.name}-{stack.database}-{number}"
                trial = Trial(stack, fault, folder / f"{name}.jsonl", values, name)
                outcome = await trial.run()
                tally.add(outcome)
                if stack.sabotaged:  # it need not be found out twice
                    outcome.observe_until = 0.0
                observed.append(later.create_task(observe(tally, outcome)))
                await stack.ready()
            later.create_task(tell(tally, observed))
    return tallies


async def observe(tally: Tally, outcome: Outcome) -> None:
    """See to it that nobody is shown who is not there; then everybody leaves."""
    for room in outcome.rooms:
        wrong = await room.observed(outcome.observe_until)
        tally.flaws.ghosts |= {words: words for words in wrong}
    for room in outcome.rooms:
        await room.close()


async def tell(tally: Tally, observed: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*observed)
    print("\n".join([tally.line(), *tally.sentences()]), flush=True)


async def on(database: str, asked: Asked, held: Custody, folder: Path) -> list[Tally]:
    """All trials on one database. A disk that can be full is another stack's."""
    tallies = []
    for small_disk in (False, True):
        faults = [fault for fault in asked.faults if fault.small_disk is small_disk]
        if faults:
            place = folder / f"{database}-{'small-disk' if small_disk else 'disk'}"
            stack = Stack(database, held, place, small_disk=small_disk, sabotage=asked.sabotage)
            async with standing(stack):
                if stack.disk:
                    print(f"{database}: {stack.disk.kind} can be full", flush=True)
                tallies += await series(stack, faults, asked.trials, folder)
    return tallies


async def everything(asked: Asked, held: Custody, folder: Path) -> list[Tally]:
    """The databases side by side: one waits while the other works.

    Raises:
        TimeoutError: if that takes longer than it may.
    """
    async with asyncio.timeout(60 * asked.minutes), asyncio.TaskGroup() as sides:
        tasks = [sides.create_task(on(name, asked, held, folder)) for name in asked.databases]
    return [tally for task in tasks for tally in task.result()]


def sabotaged_is_found() -> bool:
    """Whether this very bench ends with the right exit code on a build with a fault of its own."""
    name = next(iter(SABOTAGES))
    print(f"\nThe same on a sabotaged build, {name}: {SABOTAGES[name].words}", flush=True)
    command = [sys.executable, "-m", "benchmarks.faults", "--sabotage", name, "--trials", "2"]
    done = subprocess.run(
        [*command, "--fault", "worker", "--database", "sqlite"], cwd=ROOT, check=False
    )
    found = done.returncode == FOUND
    verdict = "found, as it must be" if found else "NOT FOUND: these trials prove nothing"
    print(f"The sabotaged build ended with exit code {done.returncode}: {verdict}.")
    return found


class Asked(argparse.Namespace):
    """What the command line says."""

    trials: int
    fault: list[str]
    database: list[str]
    quick: bool
    sabotage: str | None
    minutes: float

    @property
    def faults(self) -> list[Fault]:
        return [FAULTS[name] for name in self.fault or FAULTS]

    @property
    def databases(self) -> list[str]:
        return self.database or list(DATABASES)


def read() -> Asked:
    parser = argparse.ArgumentParser(
        prog="dev.py bench faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--trials", type=int, default=TRIALS, help="of each fault, 20 if not said")
    parser.add_argument(
        "--fault", action="append", choices=FAULTS, help="only this; can be said twice"
    )
    parser.add_argument("--database", action="append", choices=DATABASES, help="only this one")
    parser.add_argument("--quick", action="store_true", help="one trial each, no sabotaged build")
    parser.add_argument("--sabotage", choices=SABOTAGES, help="a server that must be found out")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="at most; 30 if not said")
    asked = parser.parse_args(namespace=Asked())
    if asked.quick:
        asked.trials = 1
    return asked


def main() -> int:
    asked = read()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="valor-faults-"))
    folder.chmod(0o711)  # PostgreSQL may have to run as somebody else
    print(HEAD, flush=True)
    try:
        with custody() as held:
            held.holds("folder", str(folder))
            tallies = asyncio.run(everything(asked, held, folder))
            flawed = any(tally.flaws for tally in tallies)
            if flawed:
                ledgers = tempfile.mkdtemp(prefix="valor-ledgers-")
                for file in (*folder.glob("*.jsonl"), *folder.glob("*/*/*.log")):
                    shutil.copy(file, Path(ledgers) / "-".join(file.relative_to(folder).parts))
                print(f"What clients and servers said is in {ledgers}", flush=True)
    except Exception as no:
        for each in apart(no):
            print(f"not made: {each!r}", *traceback.format_tb(each.__traceback__), file=sys.stderr)
        return NOT_MADE
    whole = not (asked.quick or asked.sabotage or asked.fault or asked.database)
    found = sabotaged_is_found() if whole else True
    trials = sum(tally.trials for tally in tallies)
    acknowledged = sum(tally.acknowledged for tally in tallies)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"{trials} trials, {acknowledged} acknowledged edits in {minutes} min {seconds} s")
    return 0 if found and not flawed else FOUND


def apart(error: BaseException) -> list[BaseException]:
    """The errors themselves, out of however many groups."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [each for part in error.exceptions for each in apart(part)]


if __name__ == "__main__":
    sys.exit(main())
