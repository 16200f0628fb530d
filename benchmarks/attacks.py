"""The attack corpus at a live server, beside somebody who only wants an answer.

    python3 dev.py bench attacks [--rounds N] [--theme NAME] [--slowest N]

For each round a server is started in a process of its own, and every input of tests/attack is fired
at it, some at once, theme after theme. A client beside them, a process as well, asks one small
question again and again: how long it waits is measured first without the attacks, then beside each
theme. This ends with exit code 1 when an answer is a fault of ours, tells what it must not, or is
not the one that the corpus says, and when beside any theme the client's 99th percentile is above
250 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.attack.corpus import Attack
from tests.attack.everything import everything
from tests.attack.runner import AT_ONCE, HEAD, STALL_MS, Report, fired, quiet_of, together
from tests.attack.world import standing

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


def one_round(themes: Sequence[str] | None) -> dict[str, Report]:
    """Everything once, theme after theme, at a server of its own: the attempts of a round before
    it would be counted with those of this one, and refused before they are looked at."""
    with (
        tempfile.TemporaryDirectory(prefix="valor-attacks-") as home,
        standing(Path(home)) as world,
    ):
        by_theme: dict[str, list[Attack]] = {}
        for attack in everything(world):
            if not themes or attack.theme in themes:
                by_theme.setdefault(attack.theme, []).append(attack)
        quiet = asyncio.run(quiet_of(world))
        return {
            theme: asyncio.run(fired(world, attacks, quiet))
            for theme, attacks in sorted(by_theme.items())
        }


def main() -> int:
    asked = read()
    rounds = [one_round(asked.theme) for _ in range(asked.rounds)]
    themes = {theme: together([each[theme] for each in rounds]) for theme in rounds[0]}
    if not themes:
        print("no theme is called so")
        return 2
    report = together([*themes.values()])
    print(HEAD)
    for theme, one in {**themes, "all": report}.items():
        print(one.row(theme))
    quiet = together([next(iter(each.values())) for each in rounds]).quiet
    statuses = Counter(answer.status for v in report.verdicts for answer in v.answers)
    print(f"the neighbour alone: {quiet}")
    print(f"statuses: {dict(sorted(statuses.items()))}; {report.took_s:.1f} s, {AT_ONCE} at once")
    print("\n".join(["the slowest:", *report.slowest(asked.slowest)]))
    wrong = report.wrong()
    for theme, one in themes.items():
        if (p99 := one.attacked.at(0.99)) > STALL_MS:
            wrong.append(f"{theme}: the neighbour's p99 is {p99:.0f} ms, above {STALL_MS:g} ms")
    for words in wrong[:TOLD]:
        print(f"WRONG  {words}")
    if len(wrong) > TOLD:
        print(f"… and {len(wrong) - TOLD} more")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
