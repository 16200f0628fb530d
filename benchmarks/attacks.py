"""The attack corpus at a live server, beside somebody who only wants an answer.

    python3 dev.py bench attacks [--rounds N] [--theme NAME] [--slowest N]

A server is started in a process of its own, and every input of tests/attack is fired at it, some
at once, round after round. A client beside them, a process as well, asks one small question again
and again: how long it waits is measured first without the attacks, then with them. The report
counts by theme; this ends with exit code 1 when an answer is a fault of ours, tells what it must
not, or is not the one that the corpus says, and when the client's 99th percentile is above 250 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.attack.corpus import Attack
from tests.attack.everything import everything
from tests.attack.runner import STALL_MS, Report, fired, quiet_of
from tests.attack.world import World, standing

ROUNDS: Final = 5
TOLD: Final = 20  # of what is wrong


class Asked(argparse.Namespace):
    """What the command line says."""

    rounds: int
    theme: list[str] | None
    slowest: int


def read() -> Asked:
    parser = argparse.ArgumentParser(
        prog="dev.py bench attacks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the whole, 5 if not said")
    parser.add_argument("--theme", action="append", help="only this; can be said several times")
    parser.add_argument("--slowest", type=int, default=5, help="how many to name; 5 if not said")
    return parser.parse_args(namespace=Asked())


async def attacked(world: World, attacks: list[Attack]) -> Report:
    return await fired(world, attacks, await quiet_of(world))


def main() -> int:
    asked = read()
    with (
        tempfile.TemporaryDirectory(prefix="valor-attacks-") as home,
        standing(Path(home)) as world,
    ):
        all_ = everything(world)
        attacks = [one for one in all_ if not asked.theme or one.theme in asked.theme]
        if not attacks:
            print(f"no theme is called so; there are {sorted({one.theme for one in all_})}")
            return 2
        report = asyncio.run(attacked(world, attacks * asked.rounds))
    print("\n".join(report.lines()))
    print("\n".join(["the slowest:", *report.slowest(asked.slowest)]))
    wrong = report.wrong()
    stalled = report.attacked.at(0.99) > STALL_MS
    if stalled:
        wrong.append(f"the neighbour's p99 is {report.attacked.at(0.99):.0f} ms")
    for words in wrong[:TOLD]:
        print(f"WRONG  {words}")
    if len(wrong) > TOLD:
        print(f"… and {len(wrong) - TOLD} more")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
