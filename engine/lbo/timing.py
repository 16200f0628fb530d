"""When the deal closes, and which part of the first fiscal year belongs to the new owner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.cashflows import DAYS
from engine.door import Door

YEARS_MOST = 20
LONGEST_STUB = 366  # days: a whole year with a leap day in it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing:
    """Closing is year 0. Year 1 begins with it, or began before: then what is left is a stub."""

    closing_date: date
    years: int  # of forecast, by fiscal year
    fiscal_year_end: date | None = None  # of year 1; None: a year after closing

    @property
    def stub(self) -> float:
        """Share of year 1 that comes after closing, above 0 to 1: actual/365."""
        if self.fiscal_year_end is None:
            return 1.0
        return min((self.fiscal_year_end - self.closing_date).days / DAYS, 1.0)

    def part(self, year: int) -> float:
        """Share of a year, counted from 0, that comes after closing."""
        return 1.0 if year else self.stub

    def elapsed(self, year: int) -> float:
        """Years from closing to the end of a year, counted from 0."""
        return self.stub + year

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
                    "year in which the deal closes.",
                )
        if not 1 <= self.years <= YEARS_MOST:
            door.refuse(
                "timing.years",
                "OUT_OF_RANGE",
                f"A holding period of {self.years} years cannot be valued.",
                f"Give from 1 to {YEARS_MOST} years; 3 to 7 are usual.",
            )
            return None
        return self.years
