"""A forecast by fiscal years from a day on, and what of the first one comes after that day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from engine.cashflows import DAYS
from engine.door import Door

LONGEST_STUB = 366  # days: a whole year with a leap day in it


def days_from(day: date, days: int) -> date:
    """So many days after a day, or before it; at most the last day that a calendar here has."""
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


class FiscalYears:
    """Year 1 begins on a day, or began before it: then what is left of it is a stub.

    What every kind that follows a firm year by year has in common; a kind says from which day on,
    and for how many years it may be. Years count from 0 in what is asked here: 0 is year 1.
    """

    __slots__ = ()
    BEGINNING: ClassVar[str]  # what the day is called
    years: int  # of forecast, by fiscal year
    fiscal_year_end: date | None  # of year 1; None: a year after the day

    @property
    def beginning(self) -> date:
        """The day that the forecast is made from."""
        raise NotImplementedError  # each heir calls its day by a name of its own

    @property
    def stub(self) -> float:
        """Share of year 1 that comes after the day, above 0 to 1: actual/365."""
        if self.fiscal_year_end is None:
            return 1.0
        return min((self.fiscal_year_end - self.beginning).days / DAYS, 1.0)

    def share(self, year: int) -> float:
        """What of a year's flows comes after the day."""
        return 1.0 if year else self.stub

    def elapsed(self, year: int) -> float:
        """Years from the day to the end of a year; -1 is the day itself."""
        return 0.0 if year < 0 else self.stub + year

    def check_first_year(self, door: Door, which: str) -> None:
        """Year 1 ends after the day, within a year of it; ``which`` fiscal year that is."""
        if self.fiscal_year_end is None:
            return
        days = (self.fiscal_year_end - self.beginning).days
        if not 1 <= days <= LONGEST_STUB:
            many = f"{abs(days):,} {'day' if abs(days) == 1 else 'days'}"
            when = f"{many} after" if days > 0 else f"{many} before"
            door.refuse(
                "timing.fiscal_year_end",
                "OUT_OF_RANGE",
                f"Year 1 cannot end {when if days else 'on'} the {self.BEGINNING}.",
                f"Give a day from {days_from(self.beginning, 1)} to "
                f"{days_from(self.beginning, LONGEST_STUB)}: the end of the fiscal year {which}.",
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosingDate(FiscalYears):
    """When a deal closes: year 0. A kind adds what it has besides."""

    BEGINNING: ClassVar[str] = "closing date"
    closing_date: date
    years: int
    fiscal_year_end: date | None = None

    @property
    def beginning(self) -> date:
        return self.closing_date
