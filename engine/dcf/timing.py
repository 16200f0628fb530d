"""When value is taken, and when cash comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from engine.cashflows import DAYS
from engine.door import MAX_YEARS, Door

LONGEST_STUB = 366  # days: a whole year with a leap day in it


class FlowTiming(StrEnum):
    """When a year's cash comes: at its end, or spread over it (halfway, on average)."""

    END_YEAR = "END_YEAR"
    MID_YEAR = "MID_YEAR"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing:
    """Year 1 begins on the valuation date, or has begun before it: then what is left is a stub."""

    valuation_date: date
    years: int  # of explicit forecast, by fiscal year
    flows: FlowTiming = FlowTiming.END_YEAR
    fiscal_year_end: date | None = None  # of year 1; None: a year after the valuation date

    @property
    def stub(self) -> float:
        """Share of year 1 that is after the valuation date, above 0 to 1: actual/365."""
        if self.fiscal_year_end is None:
            return 1.0
        return min((self.fiscal_year_end - self.valuation_date).days / DAYS, 1.0)

    def check(self, door: Door) -> int | None:
        """The years of the forecast; None where there cannot be so many, and nobody can count."""
        if self.fiscal_year_end is not None:
            days = (self.fiscal_year_end - self.valuation_date).days
            if not 1 <= days <= LONGEST_STUB:
                when = f"{days:,} days after" if days > 0 else f"{-days:,} days before"
                door.refuse(
                    "timing.fiscal_year_end",
                    "OUT_OF_RANGE",
                    f"Year 1 cannot end {when if days else 'on'} the valuation date.",
                    f"Give a day from 1 to {LONGEST_STUB} days after it: the end of the fiscal "
                    "year that runs on the valuation date, or begins with it.",
                )
        if not 1 <= self.years <= MAX_YEARS:
            door.refuse(
                "timing.years",
                "OUT_OF_RANGE",
                f"A forecast of {self.years} years cannot be valued.",
                f"Give from 1 to {MAX_YEARS} years; 5 to 10 are usual.",
            )
            return None
        return self.years
