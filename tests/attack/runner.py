"""Fires a whole corpus at a server, beside somebody who only wants an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.attack.corpus import Attack
from tests.attack.neighbour import Waits, all_of, beside
from tests.attack.sending import sent
from tests.attack.verdicts import Verdict, judged
from tests.attack.world import World

AT_ONCE: Final = 4
QUIET_S: Final = 2.0  # how long the neighbour is measured without attacks
STALL_MS: Final = 250.0
SHARES: Final = (0.5, 0.99, 1.0)
_COLUMNS: Final = {
    "inputs": 8,
    "answers": 9,
    "5xx": 5,
    "leaks": 7,
    "unexpected": 12,
    "neighbour": 11,
    "p50 ms": 9,
    "p99 ms": 9,
    "longest": 9,
}
HEAD: Final = f"{'theme':<12}" + "".join(f"{name:>{wide}}" for name, wide in _COLUMNS.items())


@dataclass(slots=True)
class Report:
    """What some attacks came to."""

    verdicts: list[Verdict]
    quiet: Waits
    attacked: Waits
    took_s: float
    logged: list[str] = field(default_factory=list)  # what the server's log calls an error

    def sentence(self, theme: str) -> str:
        """One theme in a line."""
        answers = sum(len(verdict.answers) for verdict in self.verdicts)
        return (
            f"{theme}, {len(self.verdicts)} inputs, {answers} answers in {self.took_s:.1f} s; "
            f"a neighbour beside {self.attacked}, alone {self.quiet}"
        )

    def wrong(self) -> list[str]:
        """Everything that must not be, in words."""
        found = [
            f"{verdict.attack}: {kind}: {each}"
            for verdict in self.verdicts
            for kind in ("faults", "leaks", "unexpected")
            for each in getattr(verdict, kind)
        ]
        found += [f"the neighbour got {each}" for each in self.attacked.wrong]
        return found + [f"logged: {line}" for line in self.logged]

    def row(self, theme: str) -> str:
        """The same under `HEAD`."""
        counts = (
            len(self.verdicts),
            sum(len(verdict.answers) for verdict in self.verdicts),
            *(
                sum(bool(getattr(verdict, kind)) for verdict in self.verdicts)
                for kind in ("faults", "leaks", "unexpected")
            ),
        )
        waits = (len(self.attacked.ms), *(f"{self.attacked.at(share):.1f}" for share in SHARES))
        told = zip((*counts, *waits), _COLUMNS.values(), strict=True)
        return f"{theme:<12}" + "".join(f"{each:>{wide}}" for each, wide in told)

    def slowest(self, count: int = 5) -> list[str]:
        ordered = sorted(self.verdicts, key=lambda verdict: -verdict.took_s)
        return [f"{verdict.took_s:6.2f} s  {verdict.attack}" for verdict in ordered[:count]]


def together(reports: Sequence[Report]) -> Report:
    """Several as one."""
    return Report(
        verdicts=[verdict for report in reports for verdict in report.verdicts],
        quiet=all_of([report.quiet for report in reports]),
        attacked=all_of([report.attacked for report in reports]),
        took_s=sum(report.took_s for report in reports),
        logged=list(dict.fromkeys(line for report in reports for line in report.logged)),
    )


async def quiet_of(world: World) -> Waits:
    """How long the neighbour waits without attacks."""
    with beside(world.origin, world.token("theirs-viewer")) as quiet:
        await asyncio.sleep(QUIET_S)
    return quiet


async def fired(world: World, attacks: Sequence[Attack], quiet: Waits) -> Report:
    """Send all of them, some at once."""
    token = world.token("theirs-viewer")
    places = asyncio.Semaphore(AT_ONCE)

    async def one(attack: Attack) -> Verdict:
        async with places:
            began = time.perf_counter()
            answers = await sent(world, attack)
            return judged(attack, answers, time.perf_counter() - began)

    began = time.perf_counter()
    with beside(world.origin, token) as attacked:
        verdicts = await asyncio.gather(*map(one, attacks))
        took_s = time.perf_counter() - began
    return Report(verdicts, quiet, attacked, took_s, errors_of(world))


def errors_of(world: World) -> list[str]:
    """Lines of the server's own log that speak of a fault of ours."""
    if world.terminal is None:
        return []
    lines = world.terminal.printed["err"].splitlines()
    return [
        line[:600]
        for line in lines
        if '"level":"error"' in line or '"level":"critical"' in line or "Traceback" in line
    ]
