"""When a deal closes: year 0, and what of the first fiscal year comes after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.cashflows import DAYS
from engine.door import Door

LONGEST_STUB = 366  # days: a whole year with a leap day in it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosingDate:
    """Closing is year 0. Year 1 begins with it, or began before: then what is left is a stub.

    What any deal that closes on a day has in common; a kind adds its own, and says how many years
    it is followed for. Years count from 0 in what is asked here: 0 is year 1.
    """

    closing_date: date
    years: int  # of forecast, by fiscal year
    fiscal_year_end: date | None = None  # of year 1; None: a year after the closing

    @property
    def stub(self) -> float:
        """Share of year 1 that comes after the closing, above 0 to 1: actual/365."""
        if self.fiscal_year_end is None:
            return 1.0
        return min((self.fiscal_year_end - self.closing_date).days / DAYS, 1.0)

    def share(self, year: int) -> float:
        """What of a year's flows comes after the closing."""
        return 1.0 if year else self.stub

    def elapsed(self, year: int) -> float:
        """Years from the closing to the end of a year; -1 is the closing itself."""
        return 0.0 if year < 0 else self.stub + year

    def check_first_year(self, door: Door, which: str) -> None:
        """Year 1 ends after the closing, within a year of it; ``which`` fiscal year that is."""
        if self.fiscal_year_end is None:
            return
        days = (self.fiscal_year_end - self.closing_date).days
        if not 1 <= days <= LONGEST_STUB:
            when = f"{days:,} days after" if days > 0 else f"{-days:,} days before"
            door.refuse(
                "timing.fiscal_year_end",
                "OUT_OF_RANGE",
                f"Year 1 cannot end {when if days else 'on'} the closing date.",
                f"Give a day from 1 to {LONGEST_STUB} days after it: the end of the fiscal year "
                f"{which}.",
            )

    def check_years(self, door: Door, most: int, what: str, usual: str) -> int | None:
        """The years of the forecast; None where there cannot be so many, and nobody can count."""
        if 1 <= self.years <= most:
            return self.years
        door.refuse(
            "timing.years",
            "OUT_OF_RANGE",
            what,
            f"Give from 1 to {most} years; {usual} are usual.",
        )
        return None
