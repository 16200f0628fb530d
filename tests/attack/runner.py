"""Fires a whole corpus at a server, beside somebody who only wants an answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.attack.corpus import Attack
from tests.attack.neighbour import Waits, beside
from tests.attack.sending import sent
from tests.attack.verdicts import Verdict, judged
from tests.attack.world import World

AT_ONCE: Final = 4
QUIET_S: Final = 2.0  # how long the neighbour is measured without attacks
STALL_MS: Final = 250.0


@dataclass(slots=True)
class Report:
    """What a corpus came to."""

    verdicts: list[Verdict]
    quiet: Waits
    attacked: Waits
    took_s: float
    logged: list[str] = field(default_factory=list)  # what the server's log calls an error

    @property
    def stalls(self) -> int:
        """Requests of the neighbour that took longer than they may."""
        return sum(wait > STALL_MS for wait in self.attacked.ms)

    def lines(self) -> list[str]:
        head = f"{'theme':<12}{'inputs':>8}{'answers':>9}{'5xx':>6}{'leaks':>7}{'unexpected':>12}"
        told = [head]
        themes = sorted({verdict.attack.theme for verdict in self.verdicts})
        for name in (*themes, "all"):
            mine = [v for v in self.verdicts if name in (v.attack.theme, "all")]
            told.append(
                f"{name:<12}{len(mine):>8}{sum(len(v.answers) for v in mine):>9}"
                f"{sum(bool(v.faults) for v in mine):>6}{sum(bool(v.leaks) for v in mine):>7}"
                f"{sum(bool(v.unexpected) for v in mine):>12}"
            )
        statuses = Counter(answer.status for v in self.verdicts for answer in v.answers)
        told += [
            f"statuses: {dict(sorted(statuses.items()))}; {self.took_s:.1f} s, {AT_ONCE} at once",
            f"a neighbour alone:   {self.quiet}",
            f"a neighbour beside:  {self.attacked}; {self.stalls} above {STALL_MS:g} ms",
            f"without a right answer: {len(self.attacked.wrong)}",
            f"what the server logged as errors: {len(self.logged)}",
        ]
        return told

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

    def slowest(self, count: int = 5) -> list[str]:
        ordered = sorted(self.verdicts, key=lambda verdict: -verdict.took_s)
        return [f"{verdict.took_s:6.2f} s  {verdict.attack}" for verdict in ordered[:count]]


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
