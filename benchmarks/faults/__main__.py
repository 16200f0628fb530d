"""Faults while people work: is every edit that was acknowledged there, once, and for all to see?

    python3 dev.py bench faults [--trials N] [--fault NAME] [--database sqlite|postgres] [--quick]

A server with two workers, a Redis and a database, all of them real and durable, are worked on by
clients that keep a ledger of their own. In each trial one fault strikes; afterwards the ledger is
compared with what is on record and with what watchers saw; and after all of a fault's trials, what
webhooks were told with what happened. `--sabotage NAME` runs a server that
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
from pathlib import Path
from typing import Final

from benchmarks.faults.custody import ROOT, Custody, custody
from benchmarks.faults.faults import FAULTS, Fault
from benchmarks.faults.report import HEAD, Tally
from benchmarks.faults.sabotage import SABOTAGES
from benchmarks.faults.stack import DATABASES, Stack, standing
from benchmarks.faults.tenants import CANARY, OURS
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import listening

TRIALS: Final = 20
AT_ONCE: Final = 6  # faults on databases, each with servers of its own
MINUTES: Final = 30.0
FOUND, NOT_MADE = 1, 2  # exit codes


async def series(
    fault: Fault,
    database: str,
    asked: Asked,
    held: Custody,
    folder: Path,
    starting: asyncio.Semaphore,
) -> tuple[Tally, Tally]:
    """All trials of a fault on one database, one after the other, with servers of their own.

    And what webhooks were told of them.
    """
    values = {tenant.name: itertools.count(tenant.lowest) for tenant in (OURS, CANARY)}
    tally, told = Tally(fault.name, database), Tally(f"{fault.name}+webhooks", database)
    place = folder / f"{fault.name}-{database}"
    stack = Stack(database, held, place, small_disk=fault.small_disk, sabotage=asked.sabotage)
    async with standing(stack, starting), listening(stack) as world:
        for number in range(1, asked.trials + 1):
            trial = Trial(stack, fault, place / f"trial-{number}.jsonl", values, str(number))
            outcome = await trial.run()
            if not (asked.sabotage and outcome.flaws):  # who was found out needs no second look
                await trial.observe(outcome)
            await trial.close()
            tally.add(outcome)
            told.trials += 1
            await stack.ready()
        await world.judged(told)
    if stack.disk:
        tally.remark = f"the full disk was {stack.disk.kind}"
    if told.again:
        told.remark = f"{told.again} came again, under the same id"
    for each in (tally, told):
        print("\n".join([each.line(), *each.sentences()]), flush=True)
    return tally, told


async def everything(asked: Asked, held: Custody, folder: Path) -> list[tuple[Tally, Tally]]:
    """Some at a time: each trial is mostly a wait for ghosts, in which others work.

    Raises:
        TimeoutError: if that takes longer than it may.
    """
    places, starting = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(1)

    async def taking_turns(fault: Fault, database: str) -> tuple[Tally, Tally]:
        async with places:
            return await series(fault, database, asked, held, folder, starting)

    async with asyncio.timeout(60 * asked.minutes), asyncio.TaskGroup() as tasks:
        all_ = [
            tasks.create_task(taking_turns(fault, database))
            for fault in asked.faults
            for database in asked.databases
        ]
    return [task.result() for task in all_]


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
            flawed = any(tally.flaws for pair in tallies for tally in pair)
            if flawed and not asked.sabotage:
                ledgers = tempfile.mkdtemp(prefix="valor-ledgers-")
                for file in (*folder.glob("*/*.jsonl"), *folder.glob("*/*/*.log")):
                    shutil.copy(file, Path(ledgers) / "-".join(file.relative_to(folder).parts))
                print(f"What clients and servers said is in {ledgers}", flush=True)
    except Exception as no:
        for each in apart(no):
            print(f"not made: {each!r}", *traceback.format_tb(each.__traceback__), file=sys.stderr)
        return NOT_MADE
    whole = not (asked.quick or asked.sabotage or asked.fault or asked.database)
    found = sabotaged_is_found() if whole else True
    trials = sum(tally.trials for tally, _ in tallies)
    acknowledged = sum(tally.acknowledged for tally, _ in tallies)
    told = sum(tally.acknowledged for _, tally in tallies)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"{trials} trials, {acknowledged} acknowledged edits in {minutes} min {seconds} s")
    print(f"{told} events were told to webhooks")
    return 0 if found and not flawed else FOUND


def apart(error: BaseException) -> list[BaseException]:
    """The errors themselves, out of however many groups."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [each for part in error.exceptions for each in apart(part)]


if __name__ == "__main__":
    sys.exit(main())
