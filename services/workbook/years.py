"""What the columns of a forecast are called: fiscal years, where a document says when they end, and
otherwise twelve months to one."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

# A year of 52 or 53 weeks may end in the first days of January, and is called for the one before.
_FIRST_DAYS: Final = timedelta(days=7)
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)


class Years(tuple[str, ...]):
    """Titles of the years of a forecast, by number. A heading says the fiscal years instead, where
    its book knows them."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the years of a forecast end."""

    ends: tuple[date, ...]  # the last day of each
    assumed: bool  # nobody said it: year 1 is the one that begins with the valuation or closing
    stub: bool  # year 1 had begun by then, and counts in part

    def titles(self, count: int) -> Sequence[str]:
        """What the first years are called."""
        if self.assumed:
            return twelve_months(self.ends[0], count)
        return fiscal_years(self.ends[0], count, stub=self.stub)


def calendar_of(timing: Any) -> Calendar | None:
    """By the `timing` of a kind; None where it has none, or the calendar here ends before."""
    if timing is None:
        return None
    first: date | None = timing.fiscal_year_end
    assumed = first is None
    if first is None:
        begins = getattr(timing, "closing_date", None) or timing.valuation_date
        first = _years_after(begins, 1) if begins.year < date.max.year else None
    if first is None or first.year + timing.years > date.max.year:
        return None
    ends = tuple(_years_after(first, year) for year in range(timing.years))
    return Calendar(ends, assumed, stub=not assumed and timing.stub < 1.0)


def fiscal_years(first: date, count: int, *, stub: bool = False) -> Sequence[str]:
    """“FY2026E” and so on, E for expected; ``first`` is the last day of year 1.

    A ``stub`` says so below its name, wherever it is called.
    """
    named = (first - _FIRST_DAYS).year
    part = "\nstub" if stub else ""
    return [f"FY{named + year}E{'' if year else part}" for year in range(count)]


def twelve_months(first: date, count: int) -> Sequence[str]:
    """“12m to” over “Jan 2027” and so on, of years that nobody said the end of: each is taken to
    last from the day of the valuation or closing, and is whole on the day before ``first``, a year
    later."""
    last = first - timedelta(days=1)
    return [f"12m to\n{_MONTHS[last.month - 1]} {last.year + year}" for year in range(count)]


def _years_after(day: date, years: int) -> date:
    """The same day of a later year; of a month's last day, that month's last."""
    last = monthrange(day.year, day.month)[1]
    then = monthrange(day.year + years, day.month)[1]
    return day.replace(year=day.year + years, day=then if day.day == last else min(day.day, then))
