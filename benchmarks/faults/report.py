"""One line for each fault and database."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, fields
from typing import Final

from benchmarks.faults.comparison import Flaws
from benchmarks.faults.trial import Outcome

COLUMNS: Final = tuple(part.name for part in fields(Flaws))
HEAD: Final = (
    f"{'fault':<28}{'database':<10}{'trials':>6}{'acknowledged':>14}"
    + "".join(f"{name.replace('_', ' '):>{len(name) + 2}}" for name in COLUMNS)
    + f"{'recovery p50':>14}{'max':>9}"
)
SENTENCES: Final = 5  # of each line, for whoever wants to look


@dataclass(slots=True)
class Tally:
    """What all trials of one fault on one database came to."""

    fault: str
    database: str
    trials: int = 0
    acknowledged: int = 0  # of deliveries: how many were taken, each id once
    again: int = 0  # deliveries that were taken before
    flaws: Flaws = field(default_factory=Flaws)
    recoveries_s: list[float] = field(default_factory=list)
    remark: str = ""

    def add(self, outcome: Outcome) -> None:
        self.trials += 1
        self.acknowledged += outcome.acknowledged
        self.flaws.add(outcome.flaws)
        if outcome.recovery_s is not None:
            self.recoveries_s.append(outcome.recovery_s)

    def line(self) -> str:
        flaws = "".join(f"{len(getattr(self.flaws, name)):>{len(name) + 2}}" for name in COLUMNS)
        recovery = f"{'-':>14}{'-':>9}"
        if self.recoveries_s:
            middle, longest = statistics.median(self.recoveries_s), max(self.recoveries_s)
            recovery = f"{middle:>12.2f} s{longest:>7.2f} s"
        head = f"{self.fault:<28}{self.database:<10}{self.trials:>6}{self.acknowledged:>14}"
        return f"{head}{flaws}{recovery}  {self.remark}".rstrip()

    def sentences(self) -> list[str]:
        """The first of what is wrong."""
        told = self.flaws.sentences()
        more = [f"… and {len(told) - SENTENCES} more"] if len(told) > SENTENCES else []
        return [f"    {words}" for words in (*told[:SENTENCES], *more)]
