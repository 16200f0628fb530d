"""When a merger closes, and how the two firms' fiscal years lie to each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.cashflows import DAYS
from engine.door import Door
from engine.firm.fiscal_years import ClosingDate, days_from

MOST_YEARS = 10  # what synergies are planned for; no board is shown more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergerTiming(ClosingDate):
    """Closing is year 0; fiscal years are the acquirer's, the target's may end before them."""

    target_fiscal_year_end: date | None = None  # of the target's year 1; None: the acquirer's

    @property
    def lag(self) -> float:
        """Share of a year by which the target's fiscal years end before the acquirer's."""
        if self.fiscal_year_end is None or self.target_fiscal_year_end is None:
            return 0.0
        return (self.fiscal_year_end - self.target_fiscal_year_end).days / DAYS

    def check(self, door: Door) -> int | None:
        """The years of the forecast; None where there cannot be so many, and nobody can count."""
        before = len(door.problems)
        self.check_first_year(door, "that runs at the closing, or begins with it")
        if len(door.problems) == before:
            self._check_target(door)
        return self.check_years(
            door, MOST_YEARS, f"A merger cannot be followed for {self.years} years.", "3 to 5"
        )

    def _check_target(self, door: Door) -> None:
        its = self.target_fiscal_year_end
        if its is None:
            return
        if self.fiscal_year_end is None:
            door.refuse(
                "timing.fiscal_year_end",
                "MISSING",
                "The target's fiscal year is known, and the acquirer's is not.",
                "Give the end of the acquirer's year 1 too, or leave the target's out.",
            )
            return
        days = (self.fiscal_year_end - its).days
        if not 0 <= days < DAYS:
            door.refuse(
                "timing.target_fiscal_year_end",
                "OUT_OF_RANGE",
                "The target's year 1 has to end with the acquirer's, or less than a year before.",
                f"Give a day from {days_from(self.fiscal_year_end, 1 - int(DAYS))} to "
                f"{self.fiscal_year_end}.",
            )
