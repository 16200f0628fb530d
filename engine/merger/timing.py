"""When the deal closes, and what of the first year comes after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.cashflows import DAYS
from engine.door import Door

MOST_YEARS = 10  # what synergies are planned for; no board is shown more
LONGEST_STUB = 366  # days: a whole year with a leap day in it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergerTiming:
    """Year 1 begins at closing, or has begun before it: then what is left of it is a stub."""

    closing_date: date
    years: int  # of forecast, by the acquirer's fiscal year
    fiscal_year_end: date | None = None  # of year 1; None: a year after the closing
    target_fiscal_year_end: date | None = None  # of the target's year 1; None: the acquirer's

    @property
    def stub(self) -> float:
        """Share of year 1 that is after the closing, above 0 to 1: actual/365."""
        if self.fiscal_year_end is None:
            return 1.0
        return min((self.fiscal_year_end - self.closing_date).days / DAYS, 1.0)

    @property
    def lag(self) -> float:
        """Share of a year by which the target's fiscal years end before the acquirer's."""
        if self.fiscal_year_end is None or self.target_fiscal_year_end is None:
            return 0.0
        return (self.fiscal_year_end - self.target_fiscal_year_end).days / DAYS

    def share(self, year: int) -> float:
        """What of a year's flows comes after the closing; years count from 0."""
        return 1.0 if year else self.stub

    def elapsed(self, year: int) -> float:
        """Years from the closing to the end of a year; years count from 0, -1 is the closing."""
        return 0.0 if year < 0 else self.stub + year

    def check(self, door: Door) -> int | None:
        """The years of the forecast; None where there cannot be so many, and nobody can count."""
        if self.fiscal_year_end is not None:
            days = (self.fiscal_year_end - self.closing_date).days
            if not 1 <= days <= LONGEST_STUB:
                when = f"{days:,} days after" if days > 0 else f"{-days:,} days before"
                door.refuse(
                    "timing.fiscal_year_end",
                    "OUT_OF_RANGE",
                    f"Year 1 cannot end {when if days else 'on'} the closing date.",
                    f"Give a day from 1 to {LONGEST_STUB} days after it: the end of the fiscal "
                    "year that runs at the closing, or begins with it.",
                )
        self._check_target(door)
        if not 1 <= self.years <= MOST_YEARS:
            door.refuse(
                "timing.years",
                "OUT_OF_RANGE",
                f"A merger cannot be followed for {self.years} years.",
                f"Give from 1 to {MOST_YEARS} years; 3 to 5 are usual.",
            )
            return None
        return self.years

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
                f"Give a day from 0 to {DAYS - 1:.0f} days before the end of the acquirer's.",
            )
